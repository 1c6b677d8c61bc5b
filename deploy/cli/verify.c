/* verify.c - `verify`: everything a venue has stored, against the log folded again.
 *
 * One pass. Each record of the log is checked, folded through every core, and whatever
 * the services have stored of it - streams, cursors, snapshots, submissions in the log -
 * is compared on the way. The first difference ends it.
 */
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "deploy/cli/commands.h"
#include "deploy/cli/progress.h"
#include "deploy/cli/refold_world.h"
#include "deploy/cli/table.h"
#include "deploy/cli/verify_ledger.h"
#include "deploy/cli/verify_orders.h"
#include "deploy/cli/verify_positions.h"
#include "deploy/cli/verify_sessions.h"
#include "deploy/cli/verify_store.h"

enum {
    GATEWAYS_MAX = 16,
    STORES_MAX = 4 + GATEWAYS_MAX + SHARD_MAX + 1,
    AGREE_EVERY = 1000,  /* records between two looks at the money */
    CHECK_EVERY = 20000, /* records between two looks at each core's invariants */
};

struct verify {
    struct args args;
    struct refold_world world;
    struct verify_store stores[STORES_MAX];
    uint32_t store_count;
    struct verify_sessions sessions;
    struct verify_ledger ledger;
    struct verify_positions positions;
    struct verify_orders orders;
    uint64_t orders_due; /* gseq from which on they are compared, where it is quiet */
    struct verify_difference difference;
    uint64_t agree_every;
    struct progress progress;
    const char *reading; /* whose journal */
};

/* ---- opening ----------------------------------------------------------------------- */

static int open_store(struct verify *v, const char *name)
{
    struct verify_store *store = &v->stores[v->store_count++];
    v->reading = store->name;
    return verify_store_open(store, v->args.words[0], name, &v->difference);
}

/* What has no directory still has a core, and submissions in the log. */
static int open_many(struct verify *v, const char *format, uint32_t count,
                     uint32_t always)
{
    int error = 0;
    for (uint32_t k = 0; error == 0 && k < count; k++) {
        char name[32];
        snprintf(name, sizeof name, format, k);
        error = open_store(v, name);
        if (v->stores[v->store_count - 1].journal == NULL && k >= always)
            v->store_count--;
    }
    return error;
}

/* The services first, the log last: then it has all that they have seen. */
static int open_all(struct verify *v)
{
    static const char *const names[] = {"risk", "settlement", "portfolio"};
    int error = 0;
    v->store_count = 1; /* the log's owner */
    for (uint32_t i = 0; i < sizeof names / sizeof *names && error == 0; i++)
        error = open_store(v, names[i]);
    if (error == 0)
        error = open_many(v, "gateway-%u", GATEWAYS_MAX, 0);
    if (error == 0)
        error = open_many(v, "shard-%u", SHARD_MAX + 1, SHARD_MAX + 1);
    if (error != 0)
        return error;
    error = refold_world_open(&v->world, v->args.words[0], REFOLD_ALL);
    if (error == ERR_NOT_FOUND)
        return error; /* no venue, or an empty one */
    if (error != 0)
        return verify_differs(&v->difference, "sequencer", "journal", 0,
                              error_text(error));
    snprintf(v->stores[0].name, sizeof v->stores[0].name, "sequencer");
    return verify_store_attach(&v->stores[0], v->world.journal, &v->difference);
}

static void close_all(struct verify *v)
{
    for (uint32_t i = 0; i < v->store_count; i++)
        verify_store_close(&v->stores[i]);
    refold_world_close(&v->world);
    verify_ledger_close(&v->ledger);
    verify_positions_close(&v->positions);
    verify_orders_close(&v->orders);
    free(v->sessions.slots);
}

/* ---- one record -------------------------------------------------------------------- */

/* All gateways fold the same state. */
static struct refold_fold *find_fold(struct verify *v, const char *name)
{
    if (strncmp(name, "gateway-", 8) == 0)
        name = "gateway-0";
    for (uint32_t i = 0; i < v->world.fold_count; i++)
        if (strcmp(v->world.folds[i].name, name) == 0)
            return &v->world.folds[i];
    return NULL;
}

static int bind_all(struct verify *v)
{
    int error = 0;
    for (uint32_t i = 0; error == 0 && i < v->store_count; i++) {
        struct refold_fold *fold = find_fold(v, v->stores[i].name);
        if (fold != NULL)
            error = verify_store_bind(&v->stores[i], fold, &v->world.genesis,
                                      &v->world.log, &v->difference);
    }
    while (v->stores[v->store_count - 1].fold == NULL) /* shards beyond GENESIS.shards */
        verify_store_close(&v->stores[--v->store_count]);
    return error;
}

static int check_source(struct verify *v, const struct core_input *input)
{
    const char *what = "n";
    if (input->source < 0) {
        for (uint32_t i = 0; i < v->store_count; i++)
            if (v->stores[i].fold != NULL && v->stores[i].fold->source == input->source)
                return verify_store_logged(&v->stores[i], input, &v->difference);
        what = "source";
    } else if (input->source > 0) {
        what = verify_sessions_take(&v->sessions, (uint64_t)input->source, input->n);
    } else if (input->n == 0) {
        what = NULL;
    }
    return what == NULL
               ? 0
               : verify_differs(&v->difference, "sequencer", "log", input->seq, what);
}

static int arrived(void *argument, const struct core_input *input)
{
    struct verify *v = argument;
    int error = input->seq == 1 ? bind_all(v) : 0;
    if (error == 0)
        error = check_source(v, input);
    if (error == 0)
        error = verify_positions_note(&v->positions, input->msg);
    if (error == 0 && input->msg->kind == MSG_open)
        error = verify_sessions_open(&v->sessions, input->seq);
    return error;
}

static int applied(void *argument, struct refold_fold *fold,
                   const struct core_input *input)
{
    struct verify *v = argument;
    int error = 0;
    for (uint32_t i = 0; error == 0 && i < v->store_count; i++)
        if (v->stores[i].fold == fold) {
            v->reading = v->stores[i].name;
            error = verify_store_applied(&v->stores[i], input, &v->difference);
        }
    v->reading = v->stores[0].name;
    return error;
}

static int agree(struct verify *v)
{
    struct refold_view view;
    refold_world_view(&v->world, &view);
    int error = verify_ledger_compare(&v->ledger, view.risk, view.settlement, view.gseq,
                                      &v->difference);
    return error != 0 ? error
                      : verify_positions_compare(&v->positions, &view, &v->difference);
}

/* Has every report of a shard come into the log? */
static bool is_quiet(const struct verify *v)
{
    for (uint32_t i = 0; i < v->store_count; i++) {
        const struct verify_store *s = &v->stores[i];
        if (s->fold != NULL && s->fold->kind->number == SERVICE_SHARD &&
            s->submits.put_n != s->submits.taken_n)
            return false;
    }
    return true;
}

/* Seldom when there are many: their cost must not grow with their number. */
static int compare_orders(struct verify *v)
{
    struct refold_view view;
    if (v->world.record.seq < v->orders_due || !is_quiet(v))
        return 0;
    refold_world_view(&v->world, &view);
    int error = verify_orders_compare(&v->orders, &view, &v->difference);
    uint64_t many = 10 * v->orders.risk.count;
    v->orders_due = view.gseq + (many > v->agree_every ? many : v->agree_every);
    return error;
}

static void check_cores(struct verify *v)
{
    for (uint32_t i = 0; i < v->world.fold_count; i++) {
        const struct refold_fold *fold = &v->world.folds[i];
        refold_fold_applying = fold;
        if (fold->state != NULL && fold->kind->core->check != NULL)
            fold->kind->core->check(fold->state);
    }
}

/* ---- the pass ---------------------------------------------------------------------- */

static int walk(struct verify *v)
{
    int more;
    while ((more = refold_world_step(&v->world)) == 1) {
        uint64_t gseq = v->world.record.seq;
        int error = gseq % v->agree_every == 0 ? agree(v) : 0;
        if (error == 0)
            error = compare_orders(v);
        if (gseq % CHECK_EVERY == 0)
            check_cores(v);
        if (error != 0)
            return error;
        if (gseq % 1024 == 0)
            progress_show(&v->progress, gseq, v->world.log.end - 1);
    }
    if (more < 0 && *v->difference.what == 0)
        return verify_differs(&v->difference, "sequencer", "log", v->world.log.next,
                              v->world.log.fault != NULL ? v->world.log.fault
                                                         : error_text(more));
    return more;
}

static int verify_all(struct verify *v)
{
    const struct refold_world_hooks hooks = {arrived, applied, v};
    v->world.hooks = &hooks;
    int error = walk(v);
    v->orders_due = 0;
    if (error == 0)
        error = agree(v);
    if (error == 0)
        error = compare_orders(v);
    if (error == 0)
        check_cores(v);
    for (uint32_t i = 0; error == 0 && i < v->store_count; i++)
        error = verify_store_finish(&v->stores[i], &v->difference);
    progress_end(&v->progress);
    return error;
}

/* ---- what to say ------------------------------------------------------------------- */

enum { DIFFERENCE_TEXT = 256 };

/* A line; its words are ours, without quotes. Takes no memory. */
static size_t write_difference(const struct verify *v, char text[DIFFERENCE_TEXT])
{
    const struct verify_difference *d = &v->difference;
    const int size = snprintf(
        text, DIFFERENCE_TEXT,
        v->args.json
            ? "{\"verified\":false,\"service\":\"%s\",\"stream\":\"%s\",\"seq\":%" PRIu64
              ",\"what\":\"%s\"}\n"
            : "first difference: %s %s seq %" PRIu64 " (%s)\n",
        d->service, d->stream, d->seq, d->what);
    CHECK(size > 0 && size < DIFFERENCE_TEXT);
    return (size_t)size;
}

static void report_difference(const struct verify *v)
{
    char text[DIFFERENCE_TEXT];
    (void)write_difference(v, text);
    fputs(text, stdout);
}

static void report_services(const struct verify *v)
{
    static const struct table_column columns[] = {
        {"service", TABLE_TEXT},
        {"records", TABLE_NUMBER},
        {"submitted", TABLE_NUMBER},
        {"under_way", TABLE_NUMBER},
        {"stored", TABLE_NUMBER},
        {"row_bytes", TABLE_NUMBER},
        {"snapshots", TABLE_NUMBER},
        {"cursor", TABLE_TEXT},
        {NULL, 0},
    };
    struct table *table = table_begin(&v->args, columns);
    for (uint32_t i = 0; i < v->store_count; i++) {
        const struct verify_store *s = &v->stores[i];
        char cursor[24] = "-";
        if (s->fold == NULL)
            continue;
        if (s->has_cursor)
            snprintf(cursor, sizeof cursor, "%" PRIu64, s->cursor.next - 1);
        table_text(table, s->name);
        table_number(table, (int64_t)s->fold->next - 1);
        table_number(table, (int64_t)s->submits.taken_n);
        table_number(table, (int64_t)(s->submits.put_n - s->submits.taken_n));
        table_number(table, (int64_t)verify_store_compared(s));
        table_number(table, (int64_t)s->rows.compared);
        table_number(table, s->snapshots_equal);
        table_text(table, cursor);
    }
    table_end(&table);
}

static void report_success(const struct verify *v)
{
    uint64_t ms = progress_ms(&v->progress), end = v->world.log.end - 1;
    report_services(v);
    if (v->args.json) {
        json_t *row = json_pack(
            "{s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "verified", 1, "records",
            (json_int_t)end, "blocks", (json_int_t)v->world.log.blocks, "sessions",
            (json_int_t)v->sessions.count, "balances", (json_int_t)v->ledger.balances,
            "comparisons", (json_int_t)v->ledger.comparisons, "books",
            (json_int_t)v->orders.comparisons, "ms", (json_int_t)ms);
        json_dumpf(row, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
        putchar('\n');
        json_decref(row);
        return;
    }
    printf("log: %" PRIu64 " records in %" PRIu64 " blocks, %" PRIu64
           " sessions: crc, chain, gseq, n and time hold\n",
           end, v->world.log.blocks, v->sessions.count);
    printf("money: %zu balances sum to 0 per asset, risk = settlement = deposits and "
           "positions, %" PRIu64 " times\n",
           v->ledger.balances, v->ledger.comparisons);
    printf("orders: risk = portfolio = books, %" PRIu64 " times\n",
           v->orders.comparisons);
    printf("verified in %" PRIu64 ".%03" PRIu64 " s\n", ms / 1000, ms % 1000);
}

/* ---- last words -------------------------------------------------------------------- */

static struct verify *verifying;

static void handle_faults(struct verify *v, void (*handler)(int))
{
    verifying = v;
    signal(SIGABRT, handler);
    signal(SIGSEGV, handler);
    signal(SIGBUS, handler);
}

/* A CHECK of a core failed, so the log has what must be impossible; or LMDB followed a
 * damaged page, out of its map or over the heap. Neither can be gone on from, both can be
 * named, without the heap. */
static void on_fault(int number)
{
    struct verify *v = verifying;
    const struct refold_fold *fold = refold_fold_applying;
    char text[DIFFERENCE_TEXT];
    handle_faults(NULL, SIG_DFL);
    if (number == SIGABRT && fold != NULL)
        (void)!verify_differs(&v->difference, fold->name, "state", fold->next, "check");
    else
        (void)!verify_differs(&v->difference, v->reading, "journal", v->world.log.next,
                              "damaged page");
    progress_end(&v->progress);
    (void)!write(STDOUT_FILENO, text, write_difference(v, text));
    _exit(ARGS_FAILED);
}

int command_verify(int argc, char **argv)
{
    static const char *const flags[] = {"every=", NULL};
    struct verify *v = calloc(1, sizeof *v);
    if (v == NULL)
        return args_fail("out of memory");
    progress_begin(&v->progress, "gseq");
    int code = args_parse(&v->args, argc, argv, flags);
    if (code == ARGS_OK && !args_words(&v->args, 0, 1, "verify [DIR] [--every RECORDS]"))
        code = ARGS_USAGE;
    if (code == ARGS_OK &&
        (!args_number(&v->args, "every", AGREE_EVERY, &v->agree_every) ||
         v->agree_every == 0))
        code = args_usage("--every: records between two looks at the money");
    if (code == ARGS_OK) {
        if (v->args.word_count == 0)
            v->args.words[0] = v->args.directory;
        handle_faults(v, on_fault);
        int error = open_all(v);
        if (error == 0)
            error = verify_all(v);
        if (error == 0)
            report_success(v);
        else if (*v->difference.what != 0)
            report_difference(v);
        else
            (void)!args_fail("%s: %s", v->args.words[0], error_text(error));
        code = error == 0 ? ARGS_OK : ARGS_FAILED;
        handle_faults(NULL, SIG_DFL);
    }
    close_all(v);
    free(v);
    return code;
}
