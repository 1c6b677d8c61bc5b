/* risk_world.h - a risk core with a log around it, for its tests.
 *
 * Owns:     the core's memory, its outbox, what it put out last.
 * Units:    as the messages.
 * Errors:   none; what must not happen fails a CHECK.
 * Threads:  none.
 * Bounds:   WORLD_OUTPUTS outputs of one record.
 */
#ifndef RISK_WORLD_H
#define RISK_WORLD_H

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/core.h"
#include "common/error.h"
#include "proto/codec.h"
#include "services/risk/risk_core.h"

enum { WORLD_OUTPUTS = 64, WORLD_ROWS = 64, WORLD_SUBMITTED = UINT8_MAX };

struct world {
    struct msg_genesis genesis;
    struct core_input input;
    void *state;
    struct outbox outbox;
    void *outbox_memory;
    uint64_t gseq;
    struct msg outputs[WORLD_OUTPUTS]; /* of the last record */
    uint32_t streams[WORLD_OUTPUTS];   /* each: approved.k, or WORLD_SUBMITTED */
    uint32_t output_count;
    struct msg rows[WORLD_ROWS]; /* of the last query */
    uint32_t row_count;
    uint64_t cursor;
};

static inline void *world_state(const struct msg_genesis *genesis)
{
    const size_t size = risk_core.size(genesis, 0);
    void *state = aligned_alloc(64, size);
    CHECK(state != NULL);
    memset(state, 0, size);
    risk_core.init(state, genesis, 0);
    return state;
}

static inline void world_take(struct world *world, const struct outbox_run *run,
                              uint32_t stream)
{
    size_t at = 0;
    uint32_t size;
    const uint8_t *bytes;
    while ((bytes = outbox_next(run, &at, &size)) != NULL) {
        CHECK(world->output_count < WORLD_OUTPUTS);
        const int error =
            codec_decode_whole(bytes, size, &world->outputs[world->output_count]);
        CHECK(error == 0);
        world->streams[world->output_count++] = stream;
    }
}

/* Writes one record to the log and folds it. Returns its gseq. */
static inline uint64_t world_apply(struct world *world, int64_t source,
                                   const struct msg *msg)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    const int error = codec_encode(bytes, sizeof bytes, msg, &size);
    CHECK(error == 0);
    const uint64_t gseq = ++world->gseq;
    const struct core_input input = {
        .seq = gseq,
        .gseq = gseq,
        .time_ns = gseq * 1000,
        .source = source,
        .n = 1,
        .msg = msg,
        .bytes = bytes,
        .bytes_size = (uint32_t)size,
    };
    check_sequence = gseq;
    outbox_clear(&world->outbox);
    risk_core.apply(world->state, &input, &world->outbox);
    world->output_count = 0;
    for (uint32_t k = 0; k < world->genesis.shards; k++)
        world_take(world, &world->outbox.emits[k], k);
    world_take(world, &world->outbox.submits, WORLD_SUBMITTED);
    return gseq;
}

/* A small venue, so that tests reach every capacity. */
static const struct msg_genesis world_genesis = {
    .version = 1,
    .shards = 2,
    .accounts_max = 16,
    .balances_max = 21,
    .sessions_max = 16,
    .orders_max = 24,
    .levels_max = 16,
    .references_max = 1 << 17,
    .dedupe_window = 16,
    .digest_ticks = 1,
};

/* An empty venue, just after its first record. */
static inline void world_init(struct world *world, const struct msg_genesis *genesis)
{
    *world = (struct world){.genesis = *genesis};
    const struct outbox_sizes sizes = {
        .submits = 1 << 20, .emits = 1 << 20, .streams = genesis->shards};
    world->outbox_memory = aligned_alloc(64, outbox_size(&sizes));
    CHECK(world->outbox_memory != NULL);
    outbox_init(&world->outbox, world->outbox_memory, &sizes);
    world->state = world_state(&world->genesis);
    const struct msg first = {.kind = MSG_genesis, .genesis = world->genesis};
    (void)world_apply(world, 0, &first);
}

static inline void world_close(struct world *world)
{
    free(world->state);
    free(world->outbox_memory);
}

static inline uint64_t world_open(struct world *world, uint32_t account)
{
    const struct msg msg = {
        .kind = MSG_open,
        .open = {.account = account, .nonce = world->gseq + 1},
    };
    return world_apply(world, 0, &msg);
}

/* Asks for one page of rows; more follow if world->cursor is not 0. */
static inline void world_query(struct world *world, const struct msg_query *query)
{
    uint8_t bytes[WORLD_ROWS * MESSAGE_BYTES_MAX];
    struct core_answer answer = {.rows = bytes, .rows_capacity = sizeof bytes};
    risk_core.query(world->state, query, NULL, &answer);
    CHECK(answer.count <= WORLD_ROWS);
    world->row_count = answer.count;
    world->cursor = answer.head.cursor;
    size_t at = 0, used = 0;
    for (uint32_t i = 0; i < answer.count; i++, at += used) {
        const int error =
            codec_decode(bytes + at, answer.rows_size - at, &world->rows[i], &used);
        CHECK(error == 0);
    }
}

#endif
