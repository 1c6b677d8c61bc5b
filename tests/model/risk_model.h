/* risk_model.h - the two risks side by side, and everything that is under way to them.
 *
 * Owns:     the core, the naive twin, toy shards, queues of records that wait.
 * Units:    as the messages.
 * Errors:   a difference fails a CHECK.
 * Threads:  none.
 * Bounds:   QUEUE records waiting in each queue.
 */
#ifndef RISK_MODEL_H
#define RISK_MODEL_H

#include "common/random.h"
#include "tests/model/risk_matcher.h"
#include "tests/model/risk_naive.h"
#include "tests/unit/risk_world.h"

enum {
    SHARDS = 2,
    QUEUE = 256,
    TRADER = 10, /* the first of them */
};

struct waiting {
    uint64_t cause;
    struct msg msg;
};

struct queue {
    struct waiting items[QUEUE];
    uint32_t first, count;
};

static struct model {
    struct random random;
    struct world world;
    struct naive naive;
    struct matcher matchers[SHARDS];
    struct queue approved[SHARDS], own;
    int64_t admin, sessions[NAIVE_ACCOUNTS];
    uint64_t ids[64]; /* of recent orders, to be cancelled and replaced */
    uint64_t trades, refused[256];
} model;

static inline int64_t between(int64_t low, int64_t high)
{
    return random_between(&model.random, low, high);
}

static inline bool chance(uint32_t percent)
{
    return random_chance(&model.random, percent * 10000);
}

static inline void push(struct queue *queue, uint64_t cause, const struct msg *msg)
{
    CHECK(queue->count < QUEUE);
    queue->items[(queue->first + queue->count++) % QUEUE] =
        (struct waiting){.cause = cause, .msg = *msg};
}

static inline struct waiting *pop(struct queue *queue)
{
    if (queue->count == 0)
        return NULL;
    struct waiting *item = &queue->items[queue->first];
    queue->first = (queue->first + 1) % QUEUE;
    queue->count--;
    return item;
}

/* Every balance, recomputed from what happened. */
static inline void compare(void)
{
    const struct naive *naive = &model.naive;
    int64_t held[NAIVE_ACCOUNTS][NAIVE_ASSETS];
    memcpy(held, naive->leaving, sizeof held);
    for (uint32_t i = 0; i < NAIVE_ORDERS; i++)
        if (naive->orders[i].is_open)
            held[naive->orders[i].account][naive_paid_asset(naive, &naive->orders[i])] +=
                naive_hold(naive, &naive->orders[i]);
    world_query(&model.world,
                &(struct msg_query){.kind = QUERY_KIND_BALANCES, .limit = WORLD_ROWS});
    uint32_t count = 0;
    for (uint32_t i = 0; i < NAIVE_ACCOUNTS; i++)
        for (uint32_t j = 0; j < NAIVE_ASSETS; j++)
            count += naive->has_balance[i][j];
    CHECK(model.world.row_count == count);
    for (uint32_t i = 0; i < count; i++) {
        const struct msg_row_balance *row = &model.world.rows[i].row_balance;
        CHECK(row->held == held[row->account][row->asset]);
        CHECK(row->free + row->held == naive->total[row->account][row->asset]);
        CHECK(row->free >= 0 || row->account == ACCOUNT_EXTERNAL);
    }
    risk_core_check(model.world.state);
}

/* Applies a record and takes away what risk made of it. */
static inline uint64_t apply(int64_t source, const struct msg *msg)
{
    struct world *world = &model.world;
    const uint64_t gseq = world_apply(world, source, msg);
    for (uint32_t i = 0; i < world->output_count; i++) {
        if (world->streams[i] == WORLD_SUBMITTED)
            push(&model.own, gseq, &world->outputs[i]);
        else
            push(&model.approved[world->streams[i]], gseq, &world->outputs[i]);
    }
    return gseq;
}

/* The one answer of the last command: this kind, and for a refusal this reason. */
static inline const struct msg *answer(uint32_t index, uint16_t kind, int reason)
{
    const struct msg *out = &model.world.outputs[index];
    CHECK(model.world.output_count == index + 1 && out->kind == kind);
    const uint16_t given = kind == MSG_order_rejected    ? out->order_rejected.reason
                           : kind == MSG_cancel_rejected ? out->cancel_rejected.reason
                           : kind == MSG_admin_rejected  ? out->admin_rejected.reason
                                                         : 0;
    CHECK(given == error_number(reason));
    model.refused[given]++;
    return out;
}

#endif
