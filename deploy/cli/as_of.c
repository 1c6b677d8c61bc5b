/* as_of.c - `as-of`: what the live commands would have shown after record N.
 *
 * The log is folded again to N, from the newest snapshots at or before it, or from zero;
 * names too are those of then.
 */
#include <inttypes.h>
#include <string.h>

#include "common/error.h"
#include "deploy/cli/commands.h"
#include "deploy/cli/progress.h"
#include "deploy/cli/refold.h"
#include "deploy/cli/rows.h"
#include "services/portfolio/portfolio_core.h"
#include "services/risk/risk_core.h"
#include "services/shard/shard_core.h"

struct question {
    struct args args;
    const struct question_kind *kind;
    uint64_t gseq, levels;
    struct rows rows;
    struct progress progress;
    uint64_t end; /* of the log */
    int code;
};

static int show_book(struct question *, const struct refold_view *);
static int show_account(struct question *, const struct refold_view *);

static const struct question_kind {
    const char *word;
    int (*show)(struct question *, const struct refold_view *);
    uint32_t services;
    uint32_t query;
    const struct table_column *columns;
    void (*add)(void *rows, const struct msg *row);
} kinds[] = {
    {"book", show_book, REFOLD_SHARDS, QUERY_KIND_BOOK, rows_level_columns, NULL},
    {"balances", show_account, 0, QUERY_KIND_BALANCES, rows_balance_columns,
     rows_add_balance},
    {"positions", show_account, REFOLD_PORTFOLIO, QUERY_KIND_POSITIONS,
     rows_position_columns, rows_add_position},
    {"orders", show_account, REFOLD_PORTFOLIO, QUERY_KIND_ORDERS, rows_order_columns,
     rows_add_order},
};

static int load_names(struct catalog *catalog, const void *risk)
{
    static const uint8_t names[] = {QUERY_KIND_ASSETS, QUERY_KIND_SYMBOLS,
                                    QUERY_KIND_ACCOUNTS};
    int code = catalog_init(catalog);
    for (size_t i = 0; i < sizeof names && code == ARGS_OK; i++) {
        int error = refold_query(&risk_core, risk, &(struct msg_query){.kind = names[i]},
                                 catalog_add, catalog);
        code = error != 0 ? args_fail("names: %s", error_text(error)) : ARGS_OK;
    }
    return code;
}

static int show_book(struct question *q, const struct refold_view *view)
{
    static struct rows_levels levels;
    const struct msg_symbol_set *symbol =
        catalog_find_symbol(&q->rows.catalog, q->args.words[1]);
    if (symbol == NULL)
        return ARGS_FAILED;
    levels.count = 0;
    const struct msg_query query = {.kind = (uint8_t)q->kind->query,
                                    .symbol = symbol->symbol,
                                    .limit = (uint32_t)q->levels};
    int error = refold_query(&shard_core, view->shards[symbol->shard], &query,
                             rows_add_level, &levels);
    if (error != 0)
        return args_fail("%s", error_text(error));
    q->rows.table = table_begin(&q->args, q->kind->columns);
    rows_print_ladder(q->rows.table, symbol, &levels);
    table_end(&q->rows.table);
    return ARGS_OK;
}

/* Without an account: the whole venue. */
static int show_account(struct question *q, const struct refold_view *view)
{
    struct msg_query query = {.kind = (uint8_t)q->kind->query};
    if (q->args.word_count > 1) {
        const struct msg_account_set *account =
            catalog_find_account(&q->rows.catalog, q->args.words[1]);
        if (account == NULL)
            return ARGS_FAILED;
        query.account = account->account;
    }
    q->rows.table = table_begin(&q->args, q->kind->columns);
    int error = view->portfolio != NULL ? refold_query(&portfolio_core, view->portfolio,
                                                       &query, q->kind->add, &q->rows)
                                        : refold_query(&risk_core, view->risk, &query,
                                                       q->kind->add, &q->rows);
    table_end(&q->rows.table);
    return error == 0 ? ARGS_OK : args_fail("%s", error_text(error));
}

static bool visit(void *argument, const struct refold_view *view)
{
    struct question *q = argument;
    uint64_t last = q->gseq != 0 ? q->gseq : view->end;
    q->end = view->end;
    if (last > q->end)
        return false; /* not written yet */
    if (view->gseq % 1024 == 0)
        progress_show(&q->progress, view->gseq, last);
    if (view->gseq != last)
        return true;
    progress_end(&q->progress);
    q->code = load_names(&q->rows.catalog, view->risk);
    if (q->code == ARGS_OK)
        q->code = q->kind->show(q, view);
    return false;
}

static int answer(struct question *q)
{
    char message[REFOLD_MESSAGE_MAX];
    const struct refold_options options = {.directory = q->args.directory,
                                           .until = q->gseq,
                                           .services = q->kind->services,
                                           .jumps = true};
    progress_begin(&q->progress, "gseq");
    int error = refold_run(&options, visit, q, message);
    progress_end(&q->progress);
    catalog_close(&q->rows.catalog);
    if (error != 0)
        return args_fail("%s", message);
    if (q->gseq > q->end)
        return args_fail("the log ends at gseq %" PRIu64, q->end);
    return q->code;
}

static const struct question_kind *find_kind(const struct args *args)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (args->word_count > 0 && strcmp(args->words[0], kinds[i].word) == 0)
            return &kinds[i];
    return NULL;
}

int command_as_of(int argc, char **argv)
{
    static const char *const flags[] = {"gseq=", "levels=", NULL};
    struct question q = {.code = ARGS_FAILED};
    int code = args_parse(&q.args, argc, argv, flags);
    if (code != ARGS_OK)
        return code;
    q.kind = find_kind(&q.args);
    bool is_book = q.kind != NULL && q.kind->add == NULL;
    if (q.kind == NULL || q.args.word_count > 2 || (is_book && q.args.word_count != 2))
        return args_usage(
            "usage: zex as-of [--gseq N] book SYMBOL, or balances, positions, orders "
            "[ACCOUNT]");
    const char *gseq = args_flag(&q.args, "gseq"); /* none: the end of the log */
    if ((gseq != NULL && !args_id(gseq, "gseq", &q.gseq)) ||
        !args_number_in(&q.args, "levels", 10, 1, ROWS_LEVELS_MAX, &q.levels))
        return ARGS_USAGE;
    return answer(&q);
}
