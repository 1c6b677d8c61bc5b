/* books_world.h - risk, shards, settlement and portfolio over one log in memory.
 *
 * Owns:     the cores on their rigs, and what is under way between them.
 * Units:    gseqs.
 * Errors:   none; what fails fails the test.
 * Threads:  none.
 * Bounds:   the constants below.
 */
#ifndef BOOKS_WORLD_H
#define BOOKS_WORLD_H

#include "common/error.h"
#include "common/random.h"
#include "proto/feed.h"
#include "services/portfolio/portfolio_core.h"
#include "services/risk/risk_core.h"
#include "services/settlement/settlement_core.h"
#include "services/shard/shard_core.h"
#include "tests/unit/rig.h"

enum {
    SHARDS = 2,
    TRADERS = 8,
    FIRST = 4, /* account of the first trader */
    ACCOUNTS = FIRST + TRADERS,
    SYMBOLS = 4,
    QUOTE = 1, /* asset; symbol s trades asset s + 1 */
    ASSETS = SYMBOLS + 2,
    ORDERS = 400,
    PRICE = 1000,
    RISK = 0, /* readers of the log */
    SETTLEMENT = 1,
    PORTFOLIO = 2,
    READERS = 3,
};

/* A queue of encoded messages on their way: what is sent first arrives first. */
struct item {
    uint64_t gseq;
    uint32_t size;
    uint8_t bytes[MESSAGE_BYTES_MAX];
};

struct queue {
    struct item *items;
    size_t head, tail, capacity;
};

struct world {
    struct random random;
    struct rig *readers[READERS], *shards[SHARDS];
    struct queue approved[SHARDS], decided, reported[SHARDS];
    uint64_t gseq, name, last_order, shard_seq[SHARDS];
    uint64_t feed_count[ACCOUNTS];
    int64_t sessions[ACCOUNTS];
    uint64_t trades;
};

static inline void push(struct queue *queue, uint64_t gseq, const uint8_t *bytes,
                        uint32_t size)
{
    if (queue->tail == queue->capacity) {
        queue->capacity = queue->capacity * 2 + 64;
        queue->items = realloc(queue->items, queue->capacity * sizeof *queue->items);
        assert_non_null(queue->items);
    }
    struct item *item = &queue->items[queue->tail++];
    item->gseq = gseq;
    item->size = size;
    memcpy(item->bytes, bytes, size);
}

static inline const struct item *pop(struct queue *queue)
{
    if (queue->head == queue->tail) {
        queue->head = queue->tail = 0;
        return NULL;
    }
    return &queue->items[queue->head++];
}

static inline void take(struct queue *queue, uint64_t gseq, const struct outbox_run *run)
{
    size_t at = 0;
    uint32_t size;
    const uint8_t *bytes;
    while ((bytes = outbox_next(run, &at, &size)) != NULL)
        push(queue, gseq, bytes, size);
}

/* A record of the log, folded by all who read it. */
static inline uint64_t append(struct world *world, int64_t source, const struct msg *msg)
{
    uint32_t accounts[2];
    const uint32_t count = feed_accounts(msg, accounts);
    for (uint32_t i = 0; i < count; i++)
        world->feed_count[accounts[i]]++;
    world->trades += msg->kind == MSG_trade;
    world->gseq++;
    for (uint32_t i = 0; i < READERS; i++)
        assert_int_equal(rig_apply(world->readers[i], source, msg), world->gseq);

    struct outbox *outbox = &world->readers[RISK]->outbox;
    take(&world->decided, world->gseq, &outbox->submits);
    for (uint32_t k = 0; k < SHARDS; k++)
        take(&world->approved[k], world->gseq, &outbox->emits[k]);
    outbox_clear(outbox);
    if (world->gseq % 97 == 0) {
        rig_flush(world->readers[SETTLEMENT]);
        rig_flush(world->readers[PORTFOLIO]);
    }
    return world->gseq;
}

static inline bool append_from(struct world *world, int64_t source, struct queue *queue)
{
    const struct item *item = pop(queue);
    struct msg msg;
    if (!item)
        return false;
    assert_int_equal(codec_decode_whole(item->bytes, item->size, &msg), 0);
    append(world, source, &msg);
    return true;
}

static inline bool match_one(struct world *world, uint32_t k)
{
    const struct item *item = pop(&world->approved[k]);
    struct msg msg;
    if (!item)
        return false;
    assert_int_equal(codec_decode_whole(item->bytes, item->size, &msg), 0);
    const struct core_input input = {
        .seq = ++world->shard_seq[k],
        .gseq = item->gseq,
        .time_ns = item->gseq * 1000,
        .msg = &msg,
        .bytes = item->bytes,
        .bytes_size = item->size,
    };
    struct rig *shard = world->shards[k];
    shard->ops->apply(shard->state, &input, &shard->outbox);
    take(&world->reported[k], item->gseq, &shard->outbox.submits);
    outbox_clear(&shard->outbox);
    return true;
}

/* One thing that is under way arrives. */
static inline bool deliver(struct world *world)
{
    const uint32_t first = (uint32_t)random_below(&world->random, 5);
    for (uint32_t i = 0; i < 5; i++) {
        const uint32_t which = (first + i) % 5;
        const uint32_t k = which % SHARDS;
        const bool done = which == 4  ? append_from(world, -SERVICE_RISK, &world->decided)
                          : which < 2 ? match_one(world, k)
                                      : append_from(world, -SERVICE_SHARD - (int64_t)k,
                                                    &world->reported[k]);
        if (done)
            return true;
    }
    return false;
}

#endif
