/* replay.c - a recorded day through the client socket, and what comes of it.
 *
 * Each account's commands go through one session, in their order. Between the accounts
 * there is no order but that of acknowledgements: what follows a command of the other
 * account is sent when that one is durable. Names of orders come from the file, so that
 * a replay that was killed goes on with the outbox it left in DIR/replay.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "common/map.h"
#include "deploy/cli/catalog.h"
#include "deploy/cli/commands.h"
#include "deploy/cli/progress.h"
#include "deploy/cli/replay_check.h"
#include "deploy/cli/replay_rows.h"
#include "proto/codec.h"

enum { IN_FLIGHT_MAX = 4096, WAIT_MS = 100 };

/* Of a command: not sent by this run, sent, its report came. */
enum state { ELSEWHERE, SENT, DONE };

static const char *const account_names[LOBSTER_ACCOUNTS] = {"resting", "taking"};

struct replay {
    struct args args;
    struct catalog catalog;
    struct lobster lobster;
    struct replay_rows rows;
    zex_client *clients[LOBSTER_ACCOUNTS];
    uint64_t placed[LOBSTER_ACCOUNTS]; /* by this run and those before it */
    uint32_t *ended_by; /* command -> the one that cancels its order, or 0 */
    uint8_t *state;     /* command -> enum state */
    /* trade_id -> the side of it that came first: command << 1 | ours now, see below */
    struct map halves;
    uint32_t unpaired; /* trades of this run whose maker has not come yet */
    uint64_t gseq; /* the book must stand here at least: the newest command known of */
    uint64_t sent, fills, wrong_maker, refused, lost, busy;
    struct progress progress;
    bool is_lockstep, is_paced, failed;
};

/* ---- reports ----------------------------------------------------------------------- */

/* Each account is told its own side of a trade: the two meet by the trade's id. One may
 * have come to an earlier run; only the maker of a command sent by this one is sure to
 * come. */
static void pair_halves(struct replay *self, const struct zex_event *event,
                        uint32_t index)
{
    const bool is_taker = event->is_maker == 0;
    const uint64_t first = map_find(&self->halves, event->trade_id);
    if (first == MAP_NONE) {
        const bool is_fresh = is_taker && self->state[index] != ELSEWHERE;
        if (map_add(&self->halves, event->trade_id, (uint64_t)index << 1 | is_fresh) == 0)
            self->unpaired += is_fresh;
        else
            self->wrong_maker++; /* more trades than the file has commands */
        return;
    }
    CHECK(map_remove(&self->halves, event->trade_id) == 0);
    self->unpaired -= (uint32_t)(first & 1);
    const uint32_t other = (uint32_t)(first >> 1);
    const struct lobster_command *taker =
        &self->lobster.commands[is_taker ? index : other];
    if (taker->act != LOBSTER_TAKE || taker->target != (is_taker ? other : index))
        self->wrong_maker++;
}

static void take_fill(struct replay *self, const struct zex_event *event)
{
    uint32_t index;
    if (!lobster_find(&self->lobster, event->cl_ord_id, &index))
        return;
    pair_halves(self, event, index);
    if (event->is_maker)
        return;
    const struct lobster_command *c = &self->lobster.commands[index];
    self->fills++;
    if (event->quantity != c->quantity || event->price != c->price)
        self->wrong_maker++;
    if (event->leaves == 0)
        self->state[index] = DONE;
}

/* An order that left: because of a cancel of ours, or what an IOC could not fill. */
static void take_cancelled(struct replay *self, uint32_t index)
{
    bool is_take = self->lobster.commands[index].act == LOBSTER_TAKE;
    self->wrong_maker += is_take;
    self->state[is_take ? index : self->ended_by[index]] = DONE;
}

static void take_refusal(struct replay *self, const struct zex_event *event,
                         uint32_t index)
{
    if (self->refused++ < 5)
        args_fail("row %" PRIu32 ": %s: %s", self->lobster.commands[index].row,
                  zex_reason_name(event->reason), zex_reason_text(event->reason));
    self->state[index] = DONE;
}

static void see_gseq(struct replay *self, uint64_t gseq)
{
    if (gseq > self->gseq)
        self->gseq = gseq;
}

static void take_event(struct replay *self, int account, const struct zex_event *event)
{
    uint32_t index;
    bool is_ours = lobster_find(&self->lobster, event->cl_ord_id, &index);
    if (event->type == ZEX_EVENT_DURABLE)
        see_gseq(self, event->gseq);
    if (is_ours && event->order_id > event->request)
        see_gseq(self, event->order_id);
    else if (is_ours)
        see_gseq(self, event->request);
    if (event->type == ZEX_EVENT_TRADE)
        take_fill(self, event);
    else if (event->type == ZEX_EVENT_LOST)
        self->lost++;
    else if (event->type == ZEX_EVENT_BUSY)
        self->busy++;
    else if (event->type == ZEX_EVENT_ALARM || event->type == ZEX_EVENT_CLOSED)
        self->failed = args_fail("%s: %s", account_names[account],
                                 zex_reason_text(event->reason)) != ARGS_OK;
    else if (!is_ours)
        return;
    else if (event->type == ZEX_EVENT_CANCELLED)
        take_cancelled(self, index);
    else if (event->type == ZEX_EVENT_REJECTED ||
             event->type == ZEX_EVENT_CANCEL_REJECTED)
        take_refusal(self, event, index);
    else if (event->type == ZEX_EVENT_REPLACED ||
             (event->type == ZEX_EVENT_ORDER &&
              self->lobster.commands[index].act != LOBSTER_TAKE))
        self->state[index] = DONE;
}

/* Takes what is there, waiting for the first event at most this long. */
static bool pump(struct replay *self, int account, int timeout_ms)
{
    struct zex_event event;
    int status = zex_client_wait(self->clients[account], &event, timeout_ms);
    while (status == ZEX_OK) {
        take_event(self, account, &event);
        status = zex_client_wait(self->clients[account], &event, 0);
    }
    if (status != ZEX_ERR_TIMEOUT)
        self->failed =
            args_fail("%s", zex_client_error(self->clients[account])) != ARGS_OK;
    return !self->failed;
}

/* ---- commands ---------------------------------------------------------------------- */

static bool wait_durable(struct replay *self, int account)
{
    while (!self->failed && zex_client_in_flight(self->clients[account]) > 0)
        pump(self, account, WAIT_MS);
    return !self->failed;
}

static bool wait_done(struct replay *self, uint32_t index)
{
    int account = (int)lobster_account(&self->lobster.commands[index]);
    while (!self->failed && self->state[index] == SENT)
        pump(self, account, WAIT_MS);
    return !self->failed;
}

/* Until the makers of all trades are known; one that stays away is another's. */
static bool wait_makers(struct replay *self)
{
    int left_ms = self->args.timeout_ms;
    while (self->unpaired > 0 && left_ms > 0) {
        const uint32_t before = self->unpaired;
        if (!pump(self, LOBSTER_RESTING, WAIT_MS))
            return false;
        left_ms = self->unpaired < before ? self->args.timeout_ms : left_ms - WAIT_MS;
    }
    self->wrong_maker += self->unpaired;
    return true;
}

/* Until the order has the name this replacement gives it: it can have one at a time. Of a
 * replacement by an earlier run the report may have come to that run: portfolio knows. */
static bool wait_renamed(struct replay *self, uint32_t index)
{
    struct zex_query query = {.kind = QUERY_KIND_ORDER,
                              .cl_ord_id = lobster_name(&self->lobster, index)};
    struct zex_answer answer = {0};
    if (self->state[index] != ELSEWHERE)
        return wait_done(self, index);
    do {
        if (zex_query(self->clients[LOBSTER_RESTING], &query, &answer,
                      self->args.timeout_ms) != ZEX_OK)
            return args_fail("no answer about an order") == ARGS_OK;
    } while (answer.count == 0 && pump(self, LOBSTER_RESTING, 1));
    self->state[index] = DONE;
    return !self->failed;
}

static bool send(struct replay *self, uint32_t index)
{
    const struct lobster_command *c = &self->lobster.commands[index];
    int account = (int)lobster_account(c);
    struct msg msg;
    uint8_t body[BODY_BYTES_MAX];
    size_t size = 0;
    lobster_message(&self->lobster, index, &msg);
    if (codec_encode(body, sizeof body, &msg, &size) != 0)
        return args_fail("row %" PRIu32 ": a number is out of range", c->row) == ARGS_OK;
    int status;
    while ((status = zex_command_send(self->clients[account], body, size)) ==
           ZEX_ERR_FULL)
        if (!pump(self, account, WAIT_MS))
            return false;
    if (status != ZEX_OK)
        return args_fail("%s", zex_client_error(self->clients[account])) == ARGS_OK;
    self->state[index] = SENT;
    self->sent++;
    return true;
}

/* Sends a command, unless a run before this one has. `fresh`: it was sent now. */
static bool place(struct replay *self, uint32_t index, uint64_t seen[], bool *fresh)
{
    const struct lobster_command *c = &self->lobster.commands[index];
    int account = (int)lobster_account(c), other = LOBSTER_ACCOUNTS - 1 - account;
    *fresh = seen[account]++ >= self->placed[account];
    if (c->act == LOBSTER_CANCEL)
        self->ended_by[c->target] = index;
    if (!*fresh)
        return true;
    if (!wait_durable(self, other))
        return false;
    bool is_order = c->act == LOBSTER_ADD || c->act == LOBSTER_TAKE;
    if (!is_order && self->lobster.commands[c->target].act == LOBSTER_REDUCE &&
        !wait_renamed(self, c->target))
        return false;
    return send(self, index);
}

/* ---- the book ---------------------------------------------------------------------- */

static void add_level(void *argument, const struct msg *row)
{
    lobster_add_level(argument, row);
}

static bool compare_row(struct replay *self, uint32_t index, uint32_t first_fresh)
{
    struct lobster_book book = {0};
    int account = (int)lobster_account(&self->lobster.commands[index]);
    for (uint32_t i = first_fresh; i <= index; i++)
        if (!wait_done(self, i))
            return false;
    struct zex_query query = {.kind = QUERY_KIND_BOOK,
                              .symbol = self->lobster.symbol,
                              .limit = LOBSTER_LEVELS,
                              .after = self->gseq};
    if (connect_query(self->clients[account], &self->args, query, NULL, add_level,
                      &book) != ARGS_OK)
        return false;
    replay_rows_give(&self->rows, self->lobster.commands[index].row, &book);
    return !self->rows.failed;
}

/* For programs: says which row is done, and takes the next when answered with a line, so
 * that whoever kills services meanwhile is never far behind. */
static void pace(const struct replay *self, uint32_t index)
{
    char answer = 0;
    if (!self->is_paced || !lobster_ends_row(&self->lobster, index))
        return;
    printf("row %" PRIu32 "\n", self->lobster.commands[index].row);
    fflush(stdout);
    while (answer != '\n' && read(STDIN_FILENO, &answer, 1) == 1)
        continue; /* not through stdio: what it reads ahead would die with this process */
}

static bool run(struct replay *self)
{
    uint64_t seen[LOBSTER_ACCOUNTS] = {0};
    uint32_t first_fresh = 0;
    for (uint32_t i = 0; i < self->lobster.count; i++) {
        bool fresh;
        if (!place(self, i, seen, &fresh))
            return false;
        if (!fresh) {
            first_fresh = i + 1;
            if (self->is_lockstep && lobster_ends_row(&self->lobster, i))
                replay_rows_skip(&self->rows, self->lobster.commands[i].row + 1);
        } else if (self->is_lockstep && lobster_ends_row(&self->lobster, i)) {
            if (!compare_row(self, i, first_fresh))
                return false;
            first_fresh = i + 1;
        }
        if (fresh)
            pace(self, i);
        progress_show(&self->progress, i, self->lobster.count);
    }
    if (self->is_lockstep)
        replay_rows_finish(&self->rows, self->lobster.rows);
    /* One shard reports in order: with the last report all are in the log. */
    return wait_durable(self, LOBSTER_RESTING) && wait_durable(self, LOBSTER_TAKING) &&
           (self->lobster.count == 0 || wait_done(self, self->lobster.count - 1)) &&
           wait_makers(self) && !self->rows.failed;
}

/* ---- the command ------------------------------------------------------------------- */

static int connect_accounts(struct replay *self, const char *symbol)
{
    char path[4096], outbox[4200];
    struct zex_options options;
    snprintf(path, sizeof path, "%s/replay", self->args.directory);
    mkdir(path, 0755);
    for (int i = 0; i < LOBSTER_ACCOUNTS; i++) {
        zex_options_init(&options);
        snprintf(outbox, sizeof outbox, "%s/%s-%s", path, symbol, account_names[i]);
        options.outbox_path = outbox;
        options.in_flight_max = IN_FLIGHT_MAX;
        const int code =
            connect_open(&self->clients[i], &self->args, account_names[i], &options);
        if (code != ARGS_OK)
            return code;
        self->placed[i] = zex_client_placed(self->clients[i]);
    }
    return ARGS_OK;
}

static int prepare(struct replay *self, const char *ops, const char *book,
                   const char *name, uint32_t *shard)
{
    int code = connect_accounts(self, name);
    if (code == ARGS_OK)
        code = catalog_load(&self->catalog, self->clients[0], &self->args);
    if (code != ARGS_OK)
        return code;
    const struct msg_symbol_set *symbol = catalog_find_symbol(&self->catalog, name);
    if (symbol == NULL || !lobster_open(&self->lobster, ops, symbol->symbol) ||
        !replay_rows_open(&self->rows, book))
        return ARGS_FAILED;
    *shard = symbol->shard;
    self->ended_by = calloc(self->lobster.count + 1, sizeof *self->ended_by);
    self->state = calloc(self->lobster.count + 1, sizeof *self->state);
    void *halves = malloc(map_size(self->lobster.count + 1));
    if (self->ended_by == NULL || self->state == NULL || halves == NULL)
        return args_fail("out of memory");
    map_init(&self->halves, halves, self->lobster.count + 1);
    progress_begin(&self->progress, "commands");
    return ARGS_OK;
}

static void close_all(struct replay *self)
{
    for (int i = 0; i < LOBSTER_ACCOUNTS; i++)
        zex_client_destroy(&self->clients[i]);
    replay_rows_close(&self->rows);
    lobster_close(&self->lobster);
    catalog_close(&self->catalog);
    free(self->ended_by);
    free(self->state);
    free(self->halves.slots);
}

static int print_lockstep(const struct replay *self, double seconds)
{
    const struct replay_rows *rows = &self->rows;
    printf("rows=%" PRIu64 " mismatched=%" PRIu64 " fills=%" PRIu64
           " wrong_maker=%" PRIu64 " commands=%" PRIu64 " refused=%" PRIu64
           " earlier_rows=%" PRIu64 " seconds=%.1f\n",
           rows->compared, rows->mismatched, self->fills, self->wrong_maker, self->sent,
           self->refused, self->lobster.rows - rows->compared, seconds);
    return rows->mismatched + self->wrong_maker + self->refused == 0 ? ARGS_OK
                                                                     : ARGS_FAILED;
}

static int check(const struct replay *self, const char *book, uint32_t shard,
                 uint64_t seed, double seconds)
{
    struct replay_result r;
    int code = replay_check(&self->args, &self->lobster, book, shard, seed, &r);
    if (code != ARGS_OK)
        return code;
    printf("rows=%" PRIu64 " mismatched=%" PRIu64 " fills=%" PRIu64
           " wrong_maker=%" PRIu64 " out_of_order=%" PRIu64 " agreed=%" PRIu64
           " disagreed=%" PRIu64 " commands=%" PRIu64 " seconds=%.1f\n",
           r.rows, r.mismatched, r.fills, r.wrong_maker, r.out_of_order, r.agreed,
           r.disagreed, self->sent, seconds);
    return r.mismatched + r.wrong_maker + r.out_of_order + r.disagreed == 0 ? ARGS_OK
                                                                            : ARGS_FAILED;
}

int command_replay_lobster(int argc, char **argv)
{
    static const char *const flags[] = {
        "ops=", "book=", "symbol=", "seed=", "lockstep", "paced", NULL};
    static const char usage[] = "replay lobster --ops FILE --book FILE --symbol SYMBOL";
    struct replay self = {0};
    uint64_t seed;
    uint32_t shard = 0;
    int code = args_parse(&self.args, argc, argv, flags);
    if (code != ARGS_OK)
        return code;
    const char *ops = args_flag(&self.args, "ops"), *book = args_flag(&self.args, "book"),
               *symbol = args_flag(&self.args, "symbol");
    if (!args_words(&self.args, 0, 0, usage) ||
        !args_number(&self.args, "seed", 1, &seed))
        return ARGS_USAGE;
    if (ops == NULL || book == NULL || symbol == NULL)
        return args_usage("usage: zex %s", usage);
    self.is_lockstep = args_flag(&self.args, "lockstep") != NULL;
    self.is_paced = args_flag(&self.args, "paced") != NULL;
    code = prepare(&self, ops, book, symbol, &shard);
    if (code == ARGS_OK && !run(&self))
        code = ARGS_FAILED;
    progress_end(&self.progress);
    double seconds = (double)progress_ms(&self.progress) / 1e3;
    if (code == ARGS_OK)
        code = self.is_lockstep ? print_lockstep(&self, seconds)
                                : check(&self, book, shard, seed, seconds);
    close_all(&self);
    return code;
}
