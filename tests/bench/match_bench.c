/* match_bench.c - the shard's matching with every report encoded, under five order flows.
 *
 *     match_bench [OPERATIONS [SEED [VARIANT]]]          default 1000000 42, all five
 *
 * The same flows as book_bench.c through match.c: approved commands in, reports out as
 * msgpack into an outbox that is emptied after each drain of 64. A first run decodes the
 * reports and must find the oracle's trades, in order, else exit 1; a second is timed.
 * What encoding one trade report costs by itself is printed beside it.
 */
#include "services/shard/match.h"

#include "proto/codec.h"
#include "tests/bench/flow.h"

enum {
    DRAIN = 64,
    AHEAD_FAR = 12,
    AHEAD_NEAR = 5,
    OUTBOX_BYTES = 1 << 22,
};

struct engine {
    struct book_pool pool;
    struct match_symbol *symbols;
    struct outbox outbox;
    void *outbox_memory;
    struct flow_totals totals;
    uint64_t report_count, report_bytes;
};

static void enter(struct engine *engine, const struct flow_operation *operation)
{
    struct msg_approved_new message = {
        .slot = operation->slot,
        .account = 16 + operation->id % 64,
        .cl_ord_id = operation->id,
        .symbol = operation->symbol + 1u,
        .side = operation->side == BOOK_BID ? SIDE_BUY : SIDE_SELL,
        .ord_type = ORD_TYPE_LIMIT,
        .tif = TIF_GTC,
        .price = operation->price,
        .quantity = operation->quantity,
        .stp = STP_NONE,
        .maker_ppm = 100,
        .taker_ppm = 200,
        .hold = (int64_t)operation->price * operation->quantity,
    };
    match_new(&engine->symbols[operation->symbol], operation->id, &message,
              &engine->outbox);
}

/* The flow states the open quantity, the message the total. */
static void replace(struct engine *engine, const struct flow_operation *operation)
{
    const struct book_order *order = book_order(&engine->pool, operation->slot);
    struct msg_approved_replace message = {
        .slot = operation->slot,
        .account = order->account,
        .symbol = operation->symbol + 1u,
        .order_id = operation->id,
        .cl_ord_id = operation->id,
        .orig_cl_ord_id = operation->id,
        .price = operation->price,
        .quantity = order->quantity - order->leaves + operation->quantity,
    };
    match_replace(&engine->symbols[operation->symbol], operation->id, &message,
                  &engine->outbox);
}

static void cancel(struct engine *engine, const struct flow_operation *operation)
{
    const struct book_order *order = book_order(&engine->pool, operation->slot);
    struct msg_approved_cancel message = {
        .slot = operation->slot,
        .account = order->account,
        .symbol = operation->symbol + 1u,
        .order_id = operation->id,
        .cl_ord_id = operation->id,
        .orig_cl_ord_id = operation->id,
    };
    match_cancel(&engine->symbols[operation->symbol], operation->id, &message,
                 &engine->outbox);
}

static void apply(struct engine *engine, const struct flow_operation *operation)
{
    book_prefetch(&engine->pool, operation[AHEAD_FAR].slot);
    book_prefetch_links(&engine->pool, operation[AHEAD_NEAR].slot);
    if (operation->kind == 'N')
        enter(engine, operation);
    else if (operation->kind == 'R')
        replace(engine, operation);
    else
        cancel(engine, operation);
}

static struct engine *open_engine(const struct flow *flow)
{
    struct engine *engine = calloc(1, sizeof(*engine));
    CHECK(engine);
    engine->symbols = calloc(flow->symbols, sizeof(*engine->symbols));
    CHECK(engine->symbols);
    engine->totals = flow_no_trades();
    struct outbox_sizes sizes = {.submits = OUTBOX_BYTES};
    engine->outbox_memory = flow_map(outbox_size(&sizes));
    outbox_init(&engine->outbox, engine->outbox_memory, &sizes);
    void *memory = flow_map(book_pool_size(flow->slots_max, flow->slots_max));
    book_pool_init(&engine->pool, memory, flow->slots_max, flow->slots_max);
    for (uint32_t i = 0; i < flow->symbols; i++) {
        struct match_symbol *symbol = &engine->symbols[i];
        *symbol = (struct match_symbol){.set = {.symbol = i + 1, .multiplier = 1},
                                        .trading = TRADING_OPEN};
        book_init(&symbol->book, &engine->pool, i + 1);
    }
    return engine;
}

static void close_engine(struct engine *engine)
{
    const struct book_pool *pool = &engine->pool;
    struct outbox_sizes sizes = {.submits = OUTBOX_BYTES};
    flow_unmap(engine->outbox_memory, outbox_size(&sizes));
    flow_unmap(pool->cells, book_pool_size(pool->orders_max, pool->levels_max));
    free(engine->symbols);
    free(engine);
}

/* Decodes what the outbox holds and counts its trades. */
static void count_reports(struct engine *engine)
{
    const struct outbox_run *run = &engine->outbox.submits;
    uint32_t size;
    size_t at = 0, used;
    for (const uint8_t *bytes; (bytes = outbox_next(run, &at, &size)) != NULL;) {
        struct msg message;
        CHECK(codec_decode(bytes, size, &message, &used) == 0);
        engine->report_count++;
        engine->report_bytes += size;
        const struct msg_trade *trade = &message.trade;
        if (message.kind == MSG_trade)
            flow_count_trade(&engine->totals, trade->maker_order_id,
                             trade->taker_order_id, trade->price, trade->quantity);
    }
}

static void run(struct engine *engine, const struct flow *flow, uint64_t from,
                uint64_t to, bool is_counting)
{
    for (uint64_t i = from; i < to; i += DRAIN) {
        for (uint64_t j = i; j < i + DRAIN && j < to; j++)
            apply(engine, &flow->operations[j]);
        if (is_counting)
            count_reports(engine);
        outbox_clear(&engine->outbox);
    }
}

/* ns to submit the trade report of a fill, in a loop. */
static double trade_report_ns(struct engine *engine)
{
    const struct msg message = {
        .kind = MSG_trade,
        .trade = {.symbol = 1,
                  .trade_id = 70000,
                  .price = 32768,
                  .quantity = 50,
                  .quote = 1638400,
                  .taker_side = SIDE_BUY,
                  .maker_order_id = 70000,
                  .maker_slot = 70,
                  .maker_account = 20,
                  .maker_cl_ord_id = 70000,
                  .maker_cum_quantity = 50,
                  .maker_cum_quote = 1638400,
                  .maker_fee = 164,
                  .taker_order_id = 70001,
                  .taker_slot = 71,
                  .taker_account = 21,
                  .taker_cl_ord_id = 70001,
                  .taker_cum_quantity = 50,
                  .taker_cum_quote = 1638400,
                  .taker_leaves = 10,
                  .taker_fee = 328},
    };
    enum { TURNS = 1000000 };
    uint64_t start_ns = flow_now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (uint32_t i = 0; i < TURNS; i++) {
        if (i % DRAIN == 0)
            outbox_clear(&engine->outbox);
        outbox_submit(&engine->outbox, &message);
    }
    return (double)(flow_now_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns) / TURNS;
}

static bool bench(struct flow flow, uint64_t operations, uint64_t seed)
{
    if (!flow_open(&flow, operations, seed))
        return false;
    struct engine *engine = open_engine(&flow);
    run(engine, &flow, 0, flow.count, true);
    bool is_right = flow_agrees(&flow, &engine->pool, engine->totals);
    double reports = (double)engine->report_count / (double)flow.count;
    double bytes = (double)engine->report_bytes / (double)flow.count;
    uint64_t trades = engine->totals.trades, hash = engine->totals.hash;
    double report_ns = trade_report_ns(engine);
    close_engine(engine);

    engine = open_engine(&flow);
    run(engine, &flow, 0, flow.warm_up, false);
    uint64_t start_ns = flow_now_ns(CLOCK_PROCESS_CPUTIME_ID);
    run(engine, &flow, flow.warm_up, flow.count, false);
    double spent_ns = (double)(flow_now_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns);
    close_engine(engine);
    printf("%-6s %6.1f ns/op, %.2f reports and %.0f bytes each; a trade report alone "
           "%.1f ns; trades %" PRIu64 " hash %016" PRIx64 " %s\n",
           flow.name, spent_ns / (double)(flow.count - flow.warm_up), reports, bytes,
           report_ns, trades, hash, is_right ? "= oracle" : "DIFFERS FROM THE ORACLE");
    free(flow.operations);
    return is_right;
}

int main(int argc, char **argv)
{
    uint64_t operations = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 42;
    if (!flow_has_generator()) {
        printf("match_bench: skipped, no " FLOW_GENERATOR "\n");
        return 0;
    }
    for (size_t i = 0; i < FLOW_VARIANTS; i++) {
        if (argc > 3 && strcmp(argv[3], flow_variants[i].name) != 0)
            continue;
        if (!bench(flow_variants[i], operations, seed)) {
            printf("match_bench: %s failed\n", flow_variants[i].name);
            return 1;
        }
    }
    return 0;
}
