/* flow.h - order flows for benchmarks, with the totals an independent matcher found.
 *
 * The generator is ../shared/bench/gen.c, compiled into build/bench-data, where its flows
 * are kept. Everything here runs before a clock starts.
 */
#ifndef FLOW_H
#define FLOW_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "common/check.h"
#include "services/shard/book.h"

#define FLOW_GENERATOR "../shared/bench/gen.c"
#define FLOW_AHEAD_MAX 64 /* operations of zeros at the end, for look-ahead */
#define FLOW_VARIANTS  5

struct flow_operation {
    uint32_t id, slot, price, quantity;
    uint16_t symbol;
    uint8_t kind, side; /* 'N' new, 'X' cancel, 'R' replace; enum book_side, of N only */
};

struct flow_totals {
    uint64_t trades, volume, hash, resting, resting_quantity;
};

struct flow {
    const char *name;
    double target_ns;
    struct flow_operation *operations;
    uint64_t count, warm_up; /* the first warm_up build the book and are not timed */
    uint32_t symbols, slots_max;
    struct flow_totals expected;
};

static const struct flow flow_variants[FLOW_VARIANTS] = {
    {.name = "base", .target_ns = 25}, {.name = "multi", .target_ns = 30},
    {.name = "deep", .target_ns = 60}, {.name = "aggr", .target_ns = 35},
    {.name = "wide", .target_ns = 40},
};

static inline uint64_t flow_now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static inline size_t flow_map_size(size_t size)
{
    const size_t huge = 2u << 20;
    return (size + huge - 1) / huge * huge;
}

/* Zeroed, in huge pages where there are any. */
static inline void *flow_map(size_t size)
{
    void *memory = mmap(NULL, flow_map_size(size), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    (void)madvise(memory, flow_map_size(size), MADV_HUGEPAGE);
    return memory;
}

static inline void flow_unmap(void *memory, size_t size)
{
    munmap(memory, flow_map_size(size));
}

/* The ordered hash of the trades, as the generator defines it. */
static inline void flow_count_trade(struct flow_totals *totals, uint64_t maker,
                                    uint64_t taker, int64_t price, int64_t quantity)
{
    const uint64_t prime = 1099511628211u;
    totals->trades++;
    totals->volume += (uint64_t)quantity;
    totals->hash = (totals->hash ^ maker) * prime;
    totals->hash = (totals->hash ^ taker) * prime;
    totals->hash = (totals->hash ^ ((uint64_t)price << 32 | (uint64_t)quantity)) * prime;
}

static inline struct flow_totals flow_no_trades(void)
{
    return (struct flow_totals){.hash = 1469598103934665603u};
}

/* Adds what rests in the pool and compares with the oracle. */
static inline bool flow_agrees(const struct flow *flow, const struct book_pool *pool,
                               struct flow_totals totals)
{
    for (uint32_t slot = 0; slot < pool->orders_max; slot++) {
        const struct book_order *order = book_order(pool, slot);
        totals.resting += order->level != 0;
        totals.resting_quantity += order->level ? (uint64_t)order->leaves : 0;
    }
    const struct flow_totals *expected = &flow->expected;
    return totals.trades == expected->trades && totals.volume == expected->volume &&
           totals.hash == expected->hash && totals.resting == expected->resting &&
           totals.resting_quantity == expected->resting_quantity;
}

/* ---- slots ------------------------------------------------------------------------- */

/* The generator's ids are never reused; risk's slots are, last closed first. A slot is
 * free again once its order is gone, which only matching tells. */
struct flow_slots {
    struct book_pool pool;
    struct book *books;
    uint32_t *by_id, *free;
    uint32_t free_count, fresh;
};

static inline void flow_match(struct flow_slots *slots, struct book *book,
                              const struct flow_operation *operation, enum book_side side)
{
    enum book_side other = side == BOOK_BID ? BOOK_ASK : BOOK_BID;
    int64_t leaves = operation->quantity;
    while (leaves && book_crosses(book, other, operation->price)) {
        uint32_t maker = book_front(&slots->pool, book_best(book, other));
        const struct book_order *order = book_order(&slots->pool, maker);
        int64_t quantity = leaves < order->leaves ? leaves : order->leaves;
        book_fill(book, maker, quantity, 0);
        leaves -= quantity;
        if (!order->level)
            slots->free[slots->free_count++] = maker;
    }
    struct book_order rest = {.leaves = leaves, .quantity = leaves};
    if (!leaves)
        slots->free[slots->free_count++] = operation->slot;
    else
        CHECK(book_add(book, side, operation->price, operation->slot, &rest) == 0);
}

static inline void flow_assign_slot(struct flow_slots *slots,
                                    struct flow_operation *operation)
{
    struct book *book = &slots->books[operation->symbol];
    enum book_side side = operation->side;
    if (operation->kind == 'N') {
        slots->by_id[operation->id] =
            slots->free_count ? slots->free[--slots->free_count] : slots->fresh++;
        operation->slot = slots->by_id[operation->id];
    } else {
        operation->slot = slots->by_id[operation->id];
        side = book_level_of(&slots->pool, operation->slot)->side;
        book_remove(book, operation->slot);
    }
    if (operation->kind == 'X')
        slots->free[slots->free_count++] = operation->slot;
    else
        flow_match(slots, book, operation, side);
}

static inline void flow_assign_slots(struct flow *flow)
{
    uint32_t ids = flow->slots_max;
    size_t size = book_pool_size(ids, ids);
    void *memory = flow_map(size);
    struct flow_slots slots = {
        .books = calloc(flow->symbols, sizeof(struct book)),
        .by_id = calloc(ids, sizeof(uint32_t)),
        .free = calloc(ids, sizeof(uint32_t)),
    };
    CHECK(slots.books && slots.by_id && slots.free);
    book_pool_init(&slots.pool, memory, ids, ids);
    for (uint32_t i = 0; i < flow->symbols; i++)
        book_init(&slots.books[i], &slots.pool, i);
    for (uint64_t i = 0; i < flow->count; i++)
        flow_assign_slot(&slots, &flow->operations[i]);
    flow->slots_max = slots.fresh;
    flow_unmap(memory, size);
    free(slots.books);
    free(slots.by_id);
    free(slots.free);
}

/* ---- files ------------------------------------------------------------------------- */

static inline bool flow_parse(const char *line, struct flow_operation *operation)
{
    unsigned id, symbol, price = 0, quantity = 0;
    char side = 'B';
    if (sscanf(line, "N %u %u %c %u %u", &id, &symbol, &side, &price, &quantity) != 5 &&
        sscanf(line, "X %u %u", &id, &symbol) != 2 &&
        sscanf(line, "R %u %u %u %u", &id, &symbol, &price, &quantity) != 4)
        return false;
    *operation = (struct flow_operation){
        .id = id,
        .price = price,
        .quantity = quantity,
        .symbol = (uint16_t)symbol,
        .kind = (uint8_t)line[0],
        .side = side == 'S' ? BOOK_ASK : BOOK_BID,
    };
    return true;
}

static inline bool flow_read(struct flow *flow, const char *stem)
{
    char line[512];
    uint64_t measured = 0;
    unsigned id_max = 0;
    snprintf(line, sizeof(line), "%s.txt", stem);
    FILE *file = fopen(line, "r");
    if (!file || !fgets(line, sizeof(line), file) ||
        sscanf(line,
               "# variant=%*s seed=%*s symbols=%" SCNu32 " pre=%" SCNu64 " ops=%" SCNu64
               " maxid=%u",
               &flow->symbols, &flow->warm_up, &measured, &id_max) != 4)
        return false;
    flow->slots_max = id_max + 1;
    flow->count = flow->warm_up + measured;
    flow->operations = calloc(flow->count + FLOW_AHEAD_MAX, sizeof(*flow->operations));
    CHECK(flow->operations);
    bool is_good = true;
    for (uint64_t i = 0; i < flow->count && is_good; i++)
        is_good =
            fgets(line, sizeof(line), file) && flow_parse(line, &flow->operations[i]);
    fclose(file);
    return is_good;
}

static inline bool flow_read_expected(struct flow_totals *totals, const char *stem)
{
    char path[512];
    snprintf(path, sizeof(path), "%s.exp", stem);
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    int count = fscanf(file,
                       "trades %" SCNu64 " volume %" SCNu64 " notional %*u hash %" SCNx64
                       " resting %" SCNu64 " resting_qty %" SCNu64,
                       &totals->trades, &totals->volume, &totals->hash, &totals->resting,
                       &totals->resting_quantity);
    fclose(file);
    return count == 5;
}

static inline bool flow_has_generator(void)
{
    struct stat found;
    return stat(FLOW_GENERATOR, &found) == 0;
}

/* Reads the flow, generating it unless it is there. Close it with free(operations). */
static inline bool flow_open(struct flow *flow, uint64_t operations, uint64_t seed)
{
    char stem[256], command[2048];
    snprintf(stem, sizeof(stem), "build/bench-data/%s-%" PRIu64 "-%" PRIu64, flow->name,
             operations, seed);
    snprintf(command, sizeof(command),
             "test -e %s.exp || { mkdir -p build/bench-data && "
             "cc -w -O2 -o build/bench-data/gen " FLOW_GENERATOR " && "
             "build/bench-data/gen %s %" PRIu64 " %" PRIu64 " > %s.txt 2> %s.tmp && "
             "mv %s.tmp %s.exp; }",
             stem, flow->name, operations, seed, stem, stem, stem, stem);
    if (system(command) != 0 || !flow_read(flow, stem) ||
        !flow_read_expected(&flow->expected, stem))
        return false;
    flow_assign_slots(flow);
    return true;
}

#endif
