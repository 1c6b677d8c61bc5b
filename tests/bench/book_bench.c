/* book_bench.c - the book under five order flows, with an oracle and floors.
 *
 *     book_bench [OPERATIONS [SEED [VARIANT]]]          default 5000000 42, all five
 *
 * The flows come from ../shared/bench/gen.c, compiled into build/bench-data; without it:
 * `skipped`. Operations are parsed before the clock starts; each of them and each trade
 * writes a 32-byte report; nothing is allocated. Trades, volume and the ordered trade hash
 * must be the oracle's, else exit 1. Figures are CPU ns per operation; the tail is wall time
 * of single operations, in a second run.
 */
#include "services/shard/book.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "common/check.h"

enum {
    REPORTS = 2048, /* a ring; the reader's side is not what is measured */
    AHEAD_FAR = 12,
    AHEAD_NEAR = 5,
    AHEAD_MAX = AHEAD_FAR,
    TAIL_BUCKETS = 1 << 16, /* of 1 ns; the last holds all above */
};

static const char generator[] = "../shared/bench/gen.c";

struct operation {
    uint32_t id, slot, price, quantity;
    uint16_t symbol;
    uint8_t kind, side;
};

struct report {
    uint64_t order_id, other_id;
    uint32_t price, quantity, account;
    uint16_t symbol;
    uint8_t kind, side;
};

struct totals {
    uint64_t trades, volume, hash, resting, resting_quantity;
};

struct flow {
    const char *name;
    struct operation *operations; /* AHEAD_MAX more at the end, all zeros */
    uint64_t count, warm_up;
    uint32_t symbols, slots_max;
    struct totals expected;
};

struct engine {
    struct book_pool pool;
    struct book *books;
    struct totals totals;
    uint64_t report_count;
    struct report reports[REPORTS];
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Zeroed, in huge pages where there are any. */
static void *map_memory(size_t size)
{
    size = (size + (2u << 20) - 1) & ~(size_t)((2u << 20) - 1);
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    (void)madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

/* ---- the engine: limit orders, cancel, replace ------------------- */

static inline void report(struct engine *engine, const struct operation *operation,
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
                         const struct operation *taker, enum book_side side,
                         int64_t *leaves)
{
    uint32_t level = book_best(book, side);
    uint32_t slot = book_front(&engine->pool, level);
    const struct book_order *maker = book_order(&engine->pool, slot);
    int64_t price = book_level(&engine->pool, level)->price;
    int64_t quantity = *leaves < maker->leaves ? *leaves : maker->leaves;
    uint64_t maker_id = maker->order_id;
    struct totals *totals = &engine->totals;
    totals->trades++;
    totals->volume += (uint64_t)quantity;
    totals->hash = (totals->hash ^ maker_id) * 1099511628211u;
    totals->hash = (totals->hash ^ taker->id) * 1099511628211u;
    totals->hash =
        (totals->hash ^ ((uint64_t)price << 32 | (uint64_t)quantity)) * 1099511628211u;
    report(engine, taker, maker_id, (uint32_t)price, (uint32_t)quantity, 'T');
    book_fill(book, slot, quantity, price * quantity);
    *leaves -= quantity;
}

static inline void enter(struct engine *engine, struct book *book,
                         const struct operation *operation, enum book_side side)
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
        .terms = 0,
    };
    CHECK(book_add(book, side, operation->price, operation->slot, &order) == 0);
}

static inline void apply(struct engine *engine, const struct operation *operation)
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
                              const struct operation *operation)
{
    book_prefetch(&engine->pool, operation[AHEAD_FAR].slot);
    book_prefetch_links(&engine->pool, operation[AHEAD_NEAR].slot);
}

static void engine_init(struct engine *engine, const struct flow *flow)
{
    uint32_t levels_max = flow->slots_max;
    engine->books = calloc(flow->symbols, sizeof(*engine->books));
    CHECK(engine->books);
    size_t size = book_pool_size(flow->slots_max, levels_max);
    book_pool_init(&engine->pool, map_memory(size), flow->slots_max, levels_max);
    for (uint32_t i = 0; i < flow->symbols; i++)
        book_init(&engine->books[i], &engine->pool, i);
    engine->totals.hash = 1469598103934665603u;
}

static void engine_close(struct engine *engine)
{
    size_t size = book_pool_size(engine->pool.orders_max, engine->pool.levels_max);
    munmap(engine->pool.cells, (size + (2u << 20) - 1) & ~(size_t)((2u << 20) - 1));
    free(engine->books);
    free(engine);
}

static struct engine *warm_up(const struct flow *flow)
{
    struct engine *engine = calloc(1, sizeof(*engine));
    CHECK(engine);
    engine_init(engine, flow);
    for (uint64_t i = 0; i < flow->warm_up; i++)
        apply(engine, &flow->operations[i]);
    return engine;
}

/* ---- measuring --------------------------------------------------- */

static bool totals_agree(struct engine *engine, const struct flow *flow)
{
    struct totals *totals = &engine->totals;
    for (uint32_t slot = 0; slot < engine->pool.orders_max; slot++) {
        const struct book_order *order = book_order(&engine->pool, slot);
        totals->resting += order->level != 0;
        totals->resting_quantity += order->level ? (uint64_t)order->leaves : 0;
    }
    book_pool_check(&engine->pool, engine->books, flow->symbols, false);
    return memcmp(totals, &flow->expected, sizeof(*totals)) == 0;
}

/* CPU ns per operation; the state at the end is left in *engine. */
static double run(const struct flow *flow, struct engine **engine)
{
    *engine = warm_up(flow);
    uint64_t start_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (uint64_t i = flow->warm_up; i < flow->count; i++) {
        look_ahead(*engine, &flow->operations[i]);
        apply(*engine, &flow->operations[i]);
    }
    uint64_t spent_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns;
    return (double)spent_ns / (double)(flow->count - flow->warm_up);
}

static uint64_t ticks(void)
{
#ifdef __x86_64__
    unsigned unused;
    return __builtin_ia32_rdtscp(&unused);
#else
    return now_ns(CLOCK_MONOTONIC);
#endif
}

/* Wall time of each operation; prints p50, p99, p99.9 and the clock's own share. */
static void run_tail(const struct flow *flow)
{
    uint32_t *buckets = calloc(TAIL_BUCKETS, sizeof(*buckets));
    CHECK(buckets);
    struct engine *engine = warm_up(flow);
    uint64_t count = flow->count - flow->warm_up;
    uint64_t start_ns = now_ns(CLOCK_MONOTONIC), start = ticks(), last = start;
    for (uint64_t i = flow->warm_up; i < flow->count; i++) {
        look_ahead(engine, &flow->operations[i]);
        apply(engine, &flow->operations[i]);
        uint64_t now = ticks(), spent = now - last;
        last = now;
        buckets[spent < TAIL_BUCKETS ? spent : TAIL_BUCKETS - 1]++;
    }
    double ns_per_tick =
        (double)(now_ns(CLOCK_MONOTONIC) - start_ns) / (double)(last - start);
    const double shares[] = {0.5, 0.99, 0.999, 0.9999};
    uint64_t sum = 0, share = 0;
    printf("  tail, ns:");
    for (uint32_t i = 0; i < TAIL_BUCKETS && share < 4; i++) {
        sum += buckets[i];
        for (; share < 4 && (double)sum >= shares[share] * (double)count; share++)
            printf(" p%g %.0f", shares[share] * 100, i * ns_per_tick);
    }
    printf("\n");
    free(buckets);
    engine_close(engine);
}

/* A dependent load per step over the memory the resting orders take: what an engine that
 * misses once per operation and does nothing else would cost. */
static double chase_ns(uint64_t bytes)
{
    uint32_t count = (uint32_t)(bytes / 64);
    uint64_t(*lines)[8] = map_memory((size_t)count * 64);
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
    uint64_t at = 0, steps = 2000000, start_ns = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (uint64_t i = 0; i < steps; i++)
        at = lines[at][0];
    __asm__ volatile("" : : "r"(at));
    double spent_ns = (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns);
    munmap(lines, ((size_t)count * 64 + (2u << 20) - 1) & ~(size_t)((2u << 20) - 1));
    return spent_ns / (double)steps;
}

/* ---- the flows --------------------------------------------------- */

/* The generator's ids are never reused; risk's slots are, last closed first. A slot is free
 * again once its order is gone, which only matching tells: a plain run of the book does. */
static void assign_slots(struct flow *flow)
{
    struct engine *engine = calloc(1, sizeof(*engine));
    uint32_t *slots = calloc(flow->slots_max, sizeof(*slots)); /* by id */
    uint32_t *free_slots = calloc(flow->slots_max, sizeof(*free_slots));
    CHECK(engine && slots && free_slots);
    engine_init(engine, flow);
    uint32_t free_count = 0, fresh = 0;
    for (uint64_t i = 0; i < flow->count; i++) {
        struct operation *operation = &flow->operations[i];
        uint64_t reports = engine->report_count;
        bool is_new = operation->kind == 'N';
        operation->slot = !is_new      ? slots[operation->id]
                          : free_count ? free_slots[--free_count]
                                       : fresh++;
        slots[operation->id] = operation->slot;
        apply(engine, operation);
        for (; reports < engine->report_count; reports++) { /* makers, then the order */
            const struct report *done = &engine->reports[reports % REPORTS];
            uint32_t maker = done->kind == 'T' ? slots[done->other_id] : operation->slot;
            if (maker != operation->slot && !book_order(&engine->pool, maker)->level)
                free_slots[free_count++] = maker;
        }
        if (!book_order(&engine->pool, operation->slot)->level)
            free_slots[free_count++] = operation->slot;
    }
    free(slots);
    free(free_slots);
    engine_close(engine);
    flow->slots_max = fresh;
}

static bool parse_line(const char *line, struct operation *operation)
{
    unsigned id, symbol, price = 0, quantity = 0;
    char side = 'B';
    if (sscanf(line, "N %u %u %c %u %u", &id, &symbol, &side, &price, &quantity) != 5 &&
        sscanf(line, "X %u %u", &id, &symbol) != 2 &&
        sscanf(line, "R %u %u %u %u", &id, &symbol, &price, &quantity) != 4)
        return false;
    *operation = (struct operation){
        .id = id,
        .price = price,
        .quantity = quantity,
        .symbol = (uint16_t)symbol,
        .kind = (uint8_t)line[0],
        .side = side == 'S' ? BOOK_ASK : BOOK_BID,
    };
    return true;
}

static bool read_flow(struct flow *flow, const char *path)
{
    FILE *file = fopen(path, "r");
    char line[128];
    uint64_t measured = 0;
    unsigned symbols = 0, id_max = 0;
    if (!file || !fgets(line, sizeof(line), file) ||
        sscanf(line,
               "# variant=%*s seed=%*s symbols=%u pre=%" SCNu64 " ops=%" SCNu64
               " maxid=%u",
               &symbols, &flow->warm_up, &measured, &id_max) != 4)
        return false;
    flow->symbols = symbols;
    flow->slots_max = id_max + 1;
    flow->count = flow->warm_up + measured;
    flow->operations = calloc(flow->count + AHEAD_MAX, sizeof(*flow->operations));
    CHECK(flow->operations);
    bool is_good = true;
    for (uint64_t i = 0; i < flow->count && is_good; i++)
        is_good =
            fgets(line, sizeof(line), file) && parse_line(line, &flow->operations[i]);
    fclose(file);
    return is_good;
}

static bool read_expected(struct totals *totals, const char *path)
{
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

/* Generates the flow and its oracle unless they are there. */
static bool generate(const char *name, uint64_t operations, uint64_t seed, char *stem,
                     size_t stem_size)
{
    char command[2048];
    struct stat found;
    snprintf(stem, stem_size, "build/bench-data/%s-%" PRIu64 "-%" PRIu64, name,
             operations, seed);
    snprintf(command, sizeof(command), "%s.exp", stem);
    if (stat(command, &found) == 0)
        return true;
    snprintf(command, sizeof(command),
             "mkdir -p build/bench-data && cc -w -O2 -o build/bench-data/gen %s && "
             "build/bench-data/gen %s %" PRIu64 " %" PRIu64 " > %s.txt 2> %s.tmp && "
             "mv %s.tmp %s.exp",
             generator, name, operations, seed, stem, stem, stem, stem);
    return system(command) == 0;
}

static bool bench(const char *name, uint64_t operations, uint64_t seed, double target_ns)
{
    char stem[256], path[300];
    struct flow flow = {.name = name};
    if (!generate(name, operations, seed, stem, sizeof(stem)))
        return false;
    snprintf(path, sizeof(path), "%s.txt", stem);
    bool is_read = read_flow(&flow, path);
    snprintf(path, sizeof(path), "%s.exp", stem);
    if (!is_read || !read_expected(&flow.expected, path))
        return false;
    assign_slots(&flow);

    struct engine *engine;
    double ns = run(&flow, &engine);
    bool is_right = totals_agree(engine, &flow);
    uint64_t bytes = (uint64_t)flow.slots_max * sizeof(union book_cell);
    printf("%-6s %6.1f ns/op (target %2.0f)  floor %5.1f (chase over %3.0f MB)  trades "
           "%" PRIu64 " volume %" PRIu64 " hash %016" PRIx64 " %s\n",
           name, ns, target_ns, chase_ns(bytes), (double)bytes / 1e6,
           engine->totals.trades, engine->totals.volume, engine->totals.hash,
           is_right ? "= oracle" : "DIFFERS FROM THE ORACLE");
    printf("  resting %u on %u levels, %u index nodes\n", engine->pool.order_count,
           engine->pool.level_count, engine->pool.node_count);
    engine_close(engine);
    run_tail(&flow);
    free(flow.operations);
    return is_right;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        double target_ns;
    } variants[] = {
        {"base", 25}, {"multi", 30}, {"deep", 60}, {"aggr", 35}, {"wide", 40},
    };
    uint64_t operations = argc > 1 ? strtoull(argv[1], NULL, 0) : 5000000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 42;
    struct stat found;
    if (stat(generator, &found) != 0) {
        printf("book_bench: skipped (no %s)\n", generator);
        return 0;
    }
    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
        if (argc > 3 && strcmp(argv[3], variants[i].name) != 0)
            continue;
        if (!bench(variants[i].name, operations, seed, variants[i].target_ns)) {
            printf("book_bench: %s failed\n", variants[i].name);
            return 1;
        }
    }
    return 0;
}
