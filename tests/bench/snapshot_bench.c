/* snapshot_bench.c - how long a shard stands still for a snapshot of its resting orders.
 *
 *     snapshot_bench [ORDERS]          default 1000000
 *
 * What service_store_snapshot does. By itself: the invariants, then the bytes into fresh
 * memory. By a child: the fork is all that the shard waits for; later it pays for each
 * page that it is the first to write to. The floor is a memcpy of as many bytes, to
 * memory as fresh.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/check.h"
#include "common/child.h"
#include "common/clock.h"
#include "common/core.h"
#include "common/outbox.h"
#include "common/snapshot.h"
#include "common/writer.h"
#include "services/shard/shard_core.h"

enum { PRICE = 1000000, LEVELS = 5000, EMPTY_EVERY = 1000 };

static uint64_t position;

static void feed(void *state, struct outbox *outbox, const struct msg *msg)
{
    const struct core_input input = {
        .seq = ++position, .gseq = position, .time_ns = position, .msg = msg};
    shard_core.apply(state, &input, outbox);
    if (position % EMPTY_EVERY == 0)
        outbox_clear(outbox);
}

static void fill(void *state, struct outbox *outbox, const struct msg_genesis *genesis)
{
    feed(state, outbox, &(struct msg){.kind = MSG_genesis, .genesis = *genesis});
    feed(state, outbox,
         &(struct msg){.kind = MSG_symbol_set,
                       .symbol_set = {.symbol = 1,
                                      .name = "A",
                                      .base = 1,
                                      .quote = 2,
                                      .multiplier = 1,
                                      .tick = 1,
                                      .lot = 1,
                                      .quantity_max = 1000,
                                      .notional_max = MONEY_MAX,
                                      .collar_ppm = 1,
                                      .stp = STP_EXPIRE_TAKER,
                                      .trading = TRADING_OPEN}});
    for (uint32_t slot = 0; slot < genesis->orders_max; slot++) {
        const bool buys = slot % 2 == 0;
        const int64_t away = 1 + (int64_t)(slot * UINT64_C(2654435761) % LEVELS);
        feed(state, outbox,
             &(struct msg){.kind = MSG_approved_new,
                           .approved_new = {.slot = slot,
                                            .account = 4 + slot % 64,
                                            .cl_ord_id = slot + 1,
                                            .symbol = 1,
                                            .side = buys ? SIDE_BUY : SIDE_SELL,
                                            .ord_type = ORD_TYPE_LIMIT,
                                            .tif = TIF_GTC,
                                            .price = PRICE + (buys ? -away : away),
                                            .quantity = 1 + slot % 100,
                                            .stp = STP_EXPIRE_TAKER}});
    }
}

/* The time since *from_ns, in us; begins anew. */
static uint64_t lap(uint64_t *from_ns)
{
    const uint64_t now_ns = clock_mono_ns(), spent_ns = now_ns - *from_ns;
    *from_ns = now_ns;
    return spent_ns / 1000;
}

struct image {
    const void *state;
    struct snapshot snapshot;
};

static void make(void *argument)
{
    struct image *image = argument;
    struct writer writer;
    shard_core.check(image->state);
    writer_init(&writer, image->snapshot.bytes, image->snapshot.capacity);
    shard_core.save(image->state, &writer);
    CHECK(!writer_failed(&writer));
    snapshot_made(&image->snapshot, writer.size);
}

static uint64_t copy(const struct image *image, size_t capacity)
{
    struct snapshot copy = {.phase = SNAPSHOT_IDLE};
    CHECK(snapshot_reserve(&copy, capacity, false) == 0);
    uint64_t from_ns = clock_mono_ns();
    memcpy(copy.bytes, image->snapshot.bytes, image->snapshot.made->size);
    snapshot_release(&copy);
    return lap(&from_ns);
}

static void measure(const void *state, size_t capacity)
{
    struct image image = {.state = state}, forked = image;
    uint64_t from_ns = clock_mono_ns();
    CHECK(snapshot_reserve(&image.snapshot, capacity, false) == 0);
    make(&image);
    const uint64_t here_us = lap(&from_ns);
    CHECK(snapshot_reserve(&forked.snapshot, capacity, true) == 0);
    CHECK(child_start(&forked.snapshot.child, make, &forked) == 0);
    const uint64_t fork_us = lap(&from_ns);
    enum child_state child = CHILD_WORKS;
    while (child == CHILD_WORKS)
        child = child_poll(&forked.snapshot.child);
    const uint64_t work_us = lap(&from_ns);
    const struct snapshot_made *made = image.snapshot.made;
    CHECK(child == CHILD_DONE && forked.snapshot.made->size == made->size);
    CHECK(memcmp(forked.snapshot.bytes, image.snapshot.bytes, made->size) == 0);
    printf("snapshot %" PRIu64 " MB: stall %" PRIu64 " us by itself, %" PRIu64
           " us by a child (ready after %" PRIu64 " us); memcpy %" PRIu64 " us\n",
           made->size >> 20, here_us, fork_us, work_us, copy(&image, capacity));
    snapshot_release(&image.snapshot);
    snapshot_release(&forked.snapshot);
}

int main(int argc, char **argv)
{
    const uint32_t orders = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
    const struct msg_genesis genesis = {.version = 1,
                                        .shards = 1,
                                        .accounts_max = 128,
                                        .balances_max = 128,
                                        .sessions_max = 128,
                                        .orders_max = orders,
                                        .levels_max = 2 * LEVELS + 2,
                                        .references_max = 128,
                                        .dedupe_window = 16,
                                        .digest_ticks = 100};
    const struct outbox_sizes sizes = {.submits = 64 << 20, .rows = 1 << 20};
    struct outbox outbox;
    void *memory = aligned_alloc(64, (outbox_size(&sizes) + 63) / 64 * 64);
    const size_t size = shard_core.size(&genesis, 0);
    void *state =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != NULL && state != MAP_FAILED);
    (void)madvise(state, size, MADV_HUGEPAGE); /* as a service does */
    outbox_init(&outbox, memory, &sizes);
    shard_core.init(state, &genesis, 0);
    fill(state, &outbox, &genesis);
    printf("%" PRIu32 " resting orders, state %zu MB\n", orders, size >> 20);
    for (uint32_t i = 0; i < 3; i++)
        measure(state, size);
    munmap(state, size);
    free(memory);
    return 0;
}
