/* replay_check.c - see replay_check.h. A command is known by its name, so it does not
 * matter how often the replay was cut off, or what else the venue did meanwhile. */
#include "deploy/cli/replay_check.h"

#include <stdlib.h>

#include "common/random.h"
#include "deploy/cli/agree.h"
#include "deploy/cli/args.h"
#include "deploy/cli/progress.h"
#include "deploy/cli/replay_rows.h"
#include "services/shard/shard_core.h"

enum { POSITIONS = 100 };

struct check {
    const struct lobster *lobster;
    uint32_t shard;
    struct replay_rows rows;
    struct agree agree;
    struct random random;
    uint64_t positions[POSITIONS + 1]; /* ascending, then one that is never reached */
    uint32_t position;
    uint32_t next; /* the command that should come */
    uint64_t end;
    struct progress progress;
    struct replay_result *result;
};

static int compare_numbers(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

static void draw_positions(struct check *self, uint64_t end)
{
    for (int i = 0; i < POSITIONS; i++)
        self->positions[i] = 1 + random_below(&self->random, end);
    qsort(self->positions, POSITIONS, sizeof *self->positions, compare_numbers);
    self->positions[POSITIONS] = UINT64_MAX;
    self->end = end;
}

static uint64_t name_of(const struct msg *msg)
{
    switch (msg->kind) {
    case MSG_order_new:
        return msg->order_new.cl_ord_id;
    case MSG_order_cancel:
        return msg->order_cancel.cl_ord_id;
    case MSG_order_replace:
        return msg->order_replace.cl_ord_id;
    default:
        return 0;
    }
}

static void add_level(void *argument, const struct msg *row)
{
    lobster_add_level(argument, row);
}

static void take_command(struct check *self, const struct refold_view *view)
{
    struct lobster_book book = {0};
    uint32_t index;
    uint64_t name = name_of(view->msg);
    if (name == 0 || !lobster_find(self->lobster, name, &index))
        return;
    self->result->out_of_order += index != self->next;
    self->next = index + 1;
    if (!lobster_ends_row(self->lobster, index))
        return;
    struct msg_query query = {.kind = QUERY_KIND_BOOK,
                              .symbol = self->lobster->symbol,
                              .limit = LOBSTER_LEVELS};
    if (refold_query(&shard_core, view->shards[self->shard], &query, add_level, &book) !=
        0)
        self->rows.failed = true;
    replay_rows_give(&self->rows, self->lobster->commands[index].row, &book);
}

static void take_trade(struct check *self, const struct msg_trade *trade)
{
    uint32_t taker, maker;
    if (!lobster_find(self->lobster, trade->taker_cl_ord_id, &taker))
        return;
    const struct lobster_command *c = &self->lobster->commands[taker];
    self->result->fills++;
    if (!lobster_find(self->lobster, trade->maker_cl_ord_id, &maker) ||
        c->act != LOBSTER_TAKE || maker != c->target || trade->quantity != c->quantity ||
        trade->price != c->price)
        self->result->wrong_maker++;
}

static bool visit(void *argument, const struct refold_view *view)
{
    struct check *self = argument;
    if (self->end == 0)
        draw_positions(self, view->end);
    progress_show(&self->progress, view->gseq, self->end);
    agree_follow(&self->agree, view);
    if (view->msg->kind == MSG_trade)
        take_trade(self, &view->msg->trade);
    else
        take_command(self, view);
    while (self->positions[self->position] == view->gseq) {
        agree_compare(&self->agree, view);
        self->position++;
    }
    if (view->gseq == self->end)
        agree_compare(&self->agree, view);
    return !self->rows.failed && view->gseq < self->end;
}

int replay_check(const struct args *args, const struct lobster *lobster,
                 const char *book_path, uint32_t shard, uint64_t seed,
                 struct replay_result *result)
{
    char message[REFOLD_MESSAGE_MAX];
    struct check self = {.lobster = lobster, .shard = shard, .result = result};
    *result = (struct replay_result){0};
    random_init(&self.random, seed);
    progress_begin(&self.progress, "gseq checked");
    if (!replay_rows_open(&self.rows, book_path))
        return ARGS_FAILED;
    struct refold_options options = {.directory = args->directory,
                                     .services = REFOLD_SHARDS | REFOLD_SETTLEMENT |
                                                 REFOLD_PORTFOLIO};
    int code = ARGS_OK;
    if (refold_run(&options, visit, &self, message) != 0)
        code = args_fail("%s", message);
    progress_end(&self.progress);
    if (code == ARGS_OK && self.next == lobster->count)
        replay_rows_finish(&self.rows, lobster->rows);
    result->rows = self.rows.compared;
    result->mismatched = self.rows.mismatched;
    result->agreed = self.agree.agreed;
    result->disagreed = self.agree.disagreed;
    if (self.rows.failed)
        code = ARGS_FAILED;
    replay_rows_close(&self.rows);
    agree_close(&self.agree);
    return code;
}
