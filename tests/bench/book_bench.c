/* book_bench.c - the book under five order flows, with an oracle and floors.
 *
 *     book_bench [OPERATIONS [SEED [VARIANT]]]          default 5000000 42, all five
 *
 * A small limit-order engine on the book; match_bench.c measures the shard's own. Each
 * operation and each trade writes a 32-byte report; nothing is allocated. Trades, volume
 * and the ordered trade hash must be the oracle's, else exit 1. Figures are CPU ns per
 * operation; the tail is wall time of single operations, in a second run. `skipped`
 * without the generator (flow.h).
 */
#include "services/shard/book.h"

#include "tests/bench/flow.h"

enum {
    REPORTS = 2048, /* a ring; the reader's side is not what is measured */
    AHEAD_FAR = 12,
    AHEAD_NEAR = 5,
    TAIL_BUCKETS = 1 << 16, /* of a clock tick; the last holds all above */
};

struct report {
    uint64_t order_id, other_id;
    uint32_t price, quantity, account;
    uint16_t symbol;
    uint8_t kind, side;
};

struct engine {
    struct book_pool pool;
    struct book *books;
    struct flow_totals totals;
    uint64_t report_count;
    struct report reports[REPORTS];
};

/* ---- the engine: limit orders, cancel, replace ------------------------------------- */

static inline void report(struct engine *engine, const struct flow_operation *operation,
                          uint64_t other_id, uint32_t price, uint32_t quantity,
                          uint8_t kind)
{
    engine->reports[engine->report_count++ % REPORTS] = (struct report){
        .order_id = operation->id,
        .other_id = other_id,
        .price = price,
        .quantity = quantity,
        .account = operation->id & 0xff,
        .symbol = operation->symbol,
        .kind = kind,
        .side = operation->side,
    };
}

static inline void trade(struct engine *engine, struct book *book,
                         const struct flow_operation *taker, enum book_side side,
                         int64_t *leaves)
{
    uint32_t level = book_best(book, side);
    uint32_t slot = book_front(&engine->pool, level);
    const struct book_order *maker = book_order(&engine->pool, slot);
    int64_t price = book_level(&engine->pool, level)->price;
    int64_t quantity = *leaves < maker->leaves ? *leaves : maker->leaves;
    flow_count_trade(&engine->totals, maker->order_id, taker->id, price, quantity);
    report(engine, taker, maker->order_id, (uint32_t)price, (uint32_t)quantity, 'T');
    book_fill(book, slot, quantity, price * quantity);
    *leaves -= quantity;
}

static inline void enter(struct engine *engine, struct book *book,
                         const struct flow_operation *operation, enum book_side side)
{
    enum book_side other = side == BOOK_BID ? BOOK_ASK : BOOK_BID;
    int64_t leaves = operation->quantity;
    while (leaves && book_crosses(book, other, operation->price))
        trade(engine, book, operation, other, &leaves);
    if (!leaves)
        return;
    struct book_order order = {
        .leaves = leaves,
        .account = operation->id & 0xff,
        .order_id = operation->id,
        .cl_ord_id = operation->id,
        .quantity = operation->quantity,
    };
    CHECK(book_add(book, side, operation->price, operation->slot, &order) == 0);
}

static inline void apply(struct engine *engine, const struct flow_operation *operation)
{
    struct book *book = &engine->books[operation->symbol];
    enum book_side side = operation->side;
    if (operation->kind == 'N') {
        report(engine, operation, 0, operation->price, operation->quantity, 'N');
        enter(engine, book, operation, side);
        return;
    }
    const struct book_order *order =
        book_find(&engine->pool, operation->slot, operation->id);
    CHECK(order);
    report(engine, operation, order->cl_ord_id, operation->price, (uint32_t)order->leaves,
           operation->kind);
    side = book_level(&engine->pool, order->level)->side;
    book_remove(book, operation->slot);
    if (operation->kind == 'R')
        enter(engine, book, operation, side);
}

static inline void look_ahead(const struct engine *engine,
                              const struct flow_operation *operation)
{
    book_prefetch(&engine->pool, operation[AHEAD_FAR].slot);
    book_prefetch_links(&engine->pool, operation[AHEAD_NEAR].slot);
}

/* An engine that has applied the warm-up. */
static struct engine *open_engine(const struct flow *flow)
{
    struct engine *engine = calloc(1, sizeof(*engine));
    CHECK(engine);
    engine->books = calloc(flow->symbols, sizeof(*engine->books));
    CHECK(engine->books);
    engine->totals = flow_no_trades();
    void *memory = flow_map(book_pool_size(flow->slots_max, flow->slots_max));
    book_pool_init(&engine->pool, memory, flow->slots_max, flow->slots_max);
    for (uint32_t i = 0; i < flow->symbols; i++)
        book_init(&engine->books[i], &engine->pool, i);
    for (uint64_t i = 0; i < flow->warm_up; i++)
        apply(engine, &flow->operations[i]);
    return engine;
}

static void close_engine(struct engine *engine)
{
    const struct book_pool *pool = &engine->pool;
    flow_unmap(pool->cells, book_pool_size(pool->orders_max, pool->levels_max));
    free(engine->books);
    free(engine);
}

/* ---- measuring --------------------------------------------------------------------- */

/* CPU ns per operation. */
static double run(const struct flow *flow, struct engine *engine)
{
    uint64_t start_ns = flow_now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (uint64_t i = flow->warm_up; i < flow->count; i++) {
        look_ahead(engine, &flow->operations[i]);
        apply(engine, &flow->operations[i]);
    }
    uint64_t spent_ns = flow_now_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns;
    return (double)spent_ns / (double)(flow->count - flow->warm_up);
}

static uint64_t ticks(void)
{
#ifdef __x86_64__
    unsigned unused;
    return __builtin_ia32_rdtscp(&unused);
#else
    return flow_now_ns(CLOCK_MONOTONIC);
#endif
}

/* Wall time of each operation, reading the clock included. */
static void run_tail(const struct flow *flow)
{
    uint32_t *buckets = calloc(TAIL_BUCKETS, sizeof(*buckets));
    CHECK(buckets);
    struct engine *engine = open_engine(flow);
    uint64_t count = flow->count - flow->warm_up;
    uint64_t start_ns = flow_now_ns(CLOCK_MONOTONIC), start = ticks(), last = start;
    for (uint64_t i = flow->warm_up; i < flow->count; i++) {
        look_ahead(engine, &flow->operations[i]);
        apply(engine, &flow->operations[i]);
        uint64_t now = ticks(), spent = now - last;
        last = now;
        buckets[spent < TAIL_BUCKETS ? spent : TAIL_BUCKETS - 1]++;
    }
    double ns_per_tick =
        (double)(flow_now_ns(CLOCK_MONOTONIC) - start_ns) / (double)(last - start);
    const double shares[] = {0.5, 0.99, 0.999, 0.9999};
    uint64_t sum = 0, share = 0;
    printf("       tail, ns:");
    for (uint32_t i = 0; i < TAIL_BUCKETS && share < 4; i++) {
        sum += buckets[i];
        for (; share < 4 && (double)sum >= shares[share] * (double)count; share++)
            printf("  p%g %.0f", shares[share] * 100, i * ns_per_tick);
    }
    printf("\n");
    free(buckets);
    close_engine(engine);
}

/* A dependent load per step over the memory the resting orders take: what an engine that
 * misses once per operation and does nothing else would cost. */
static double chase_ns(uint64_t bytes)
{
    uint32_t count = (uint32_t)(bytes / 64);
    uint64_t(*lines)[8] = flow_map(bytes);
    uint64_t random = 88172645463325252u;
    for (uint32_t i = 0; i < count; i++)
        lines[i][0] = i;
    for (uint32_t i = count - 1; i > 0; i--) { /* one cycle: Sattolo's shuffle */
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        uint32_t j = (uint32_t)(random % i);
        uint64_t kept = lines[i][0];
        lines[i][0] = lines[j][0];
        lines[j][0] = kept;
    }
    uint64_t at = 0, steps = 2000000, start_ns = flow_now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (uint64_t i = 0; i < steps; i++)
        at = lines[at][0];
    __asm__ volatile("" : : "r"(at));
    double spent_ns = (double)(flow_now_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns);
    flow_unmap(lines, bytes);
    return spent_ns / (double)steps;
}

static bool bench(struct flow flow, uint64_t operations, uint64_t seed)
{
    if (!flow_open(&flow, operations, seed))
        return false;
    struct engine *engine = open_engine(&flow);
    double ns = run(&flow, engine);
    bool is_right = flow_agrees(&flow, &engine->pool, engine->totals);
    book_pool_check(&engine->pool, engine->books, flow.symbols, false);
    uint64_t bytes = (uint64_t)flow.slots_max * sizeof(union book_cell);
    printf("%-6s %5.1f ns/op, target %2.0f; floor: chase over %.0f MB %.1f ns\n",
           flow.name, ns, flow.target_ns, (double)bytes / 1e6, chase_ns(bytes));
    printf("       trades %" PRIu64 " volume %" PRIu64 " hash %016" PRIx64 " %s\n",
           engine->totals.trades, engine->totals.volume, engine->totals.hash,
           is_right ? "= oracle" : "DIFFERS FROM THE ORACLE");
    printf("       resting %u on %u levels, %u index nodes\n", engine->pool.order_count,
           engine->pool.level_count, engine->pool.node_count);
    close_engine(engine);
    run_tail(&flow);
    free(flow.operations);
    return is_right;
}

int main(int argc, char **argv)
{
    uint64_t operations = argc > 1 ? strtoull(argv[1], NULL, 0) : 5000000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 42;
    if (!flow_has_generator()) {
        printf("book_bench: skipped, no " FLOW_GENERATOR "\n");
        return 0;
    }
    for (size_t i = 0; i < FLOW_VARIANTS; i++) {
        if (argc > 3 && strcmp(argv[3], flow_variants[i].name) != 0)
            continue;
        if (!bench(flow_variants[i], operations, seed)) {
            printf("book_bench: %s failed\n", flow_variants[i].name);
            return 1;
        }
    }
    return 0;
}
