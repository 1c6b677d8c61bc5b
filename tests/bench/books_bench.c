/* books_bench.c - ns a record of settlement and portfolio, decoding and history rows
 * included.
 *
 * Two venues: one whose state fits into the caches, and one whose does not. Each round
 * is two orders that meet, so five records: order_new and order_accepted twice, and a
 * trade that ends both. Every 2,000 records the cores flush, as they do at a commit; the
 * rows are counted and thrown away.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/core.h"
#include "common/random.h"
#include "proto/codec.h"
#include "services/portfolio/portfolio_core.h"
#include "services/settlement/settlement_core.h"

enum {
    FIRST = 4, /* account of the first trader */
    SYMBOLS_MAX = 100,
    ROUNDS = 100000,
    PRICE = 1000,
    FLUSH_RECORDS = 2000,
    ROWS_BYTES = 64 << 20,
};

struct venue {
    uint32_t traders, symbols, slots;
};

/* The log as the harness sees it: [8 source][8 size][encoding], one after the other. */
struct tape {
    uint8_t *bytes;
    size_t size, capacity, count;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void must(bool condition)
{
    if (!condition)
        abort();
}

static uint64_t add(struct tape *tape, int64_t source, const struct msg *msg)
{
    must(tape->capacity - tape->size >= 16 + MESSAGE_BYTES_MAX);
    uint8_t *at = tape->bytes + tape->size;
    size_t size = 0;
    must(codec_encode(at + 16, MESSAGE_BYTES_MAX, msg, &size) == 0);
    memcpy(at, &source, sizeof source);
    memcpy(at + 8, &size, sizeof size);
    tape->size += 16 + size;
    return ++tape->count;
}

/* Decodes and applies one record. Returns where the next one is. */
static size_t play(const struct core_ops *core, void *state, const struct tape *tape,
                   size_t at, uint64_t gseq, struct outbox *outbox)
{
    struct msg msg;
    struct core_input input = {
        .seq = gseq, .gseq = gseq, .time_ns = gseq * 1000, .msg = &msg};
    size_t size;
    memcpy(&input.source, tape->bytes + at, sizeof input.source);
    memcpy(&size, tape->bytes + at + 8, sizeof size);
    input.bytes = tape->bytes + at + 16;
    input.bytes_size = (uint32_t)size;
    must(codec_decode_whole(input.bytes, size, &msg) == 0);
    core->apply(state, &input, outbox);
    return at + 16 + size;
}

static uint64_t add_order(struct tape *tape, uint32_t slot, uint32_t account,
                          uint32_t symbol, enum side side, int64_t quantity)
{
    struct msg msg = {.kind = MSG_order_new};
    msg.order_new = (struct msg_order_new){
        .cl_ord_id = tape->count + 1,
        .symbol = symbol,
        .side = (uint8_t)side,
        .ord_type = ORD_TYPE_LIMIT,
        .tif = TIF_GTC,
        .price = PRICE,
        .quantity = quantity,
    };
    const uint64_t id = add(tape, account - FIRST + 1, &msg);
    struct msg accepted = {.kind = MSG_order_accepted};
    accepted.order_accepted = (struct msg_order_accepted){
        .order_id = id,
        .slot = slot,
        .account = account,
        .cl_ord_id = msg.order_new.cl_ord_id,
        .symbol = symbol,
        .side = (uint8_t)side,
        .ord_type = ORD_TYPE_LIMIT,
        .tif = TIF_GTC,
        .price = PRICE,
        .quantity = quantity,
        .hold = PRICE * quantity,
    };
    add(tape, -SERVICE_SHARD, &accepted);
    return id;
}

static void add_round(struct tape *tape, const struct venue *venue, struct random *random,
                      uint64_t *trade_ids)
{
    const uint32_t buyer = FIRST + (uint32_t)random_below(random, venue->traders);
    const uint32_t seller = FIRST + (uint32_t)random_below(random, venue->traders);
    const uint32_t symbol = 1 + (uint32_t)random_below(random, venue->symbols);
    const int64_t quantity = random_between(random, 1, 100);
    const uint32_t slot = 2 * (uint32_t)random_below(random, venue->slots / 2);
    const uint64_t maker = add_order(tape, slot, buyer, symbol, SIDE_BUY, quantity);
    const uint64_t taker = add_order(tape, slot + 1, seller, symbol, SIDE_SELL, quantity);
    struct msg msg = {.kind = MSG_trade};
    msg.trade = (struct msg_trade){
        .symbol = symbol,
        .trade_id = ++trade_ids[symbol],
        .price = PRICE,
        .quantity = quantity,
        .quote = PRICE * quantity,
        .taker_side = SIDE_SELL,
        .maker_order_id = maker,
        .maker_slot = slot,
        .maker_account = buyer,
        .maker_cl_ord_id = maker,
        .maker_cum_quantity = quantity,
        .maker_cum_quote = PRICE * quantity,
        .maker_fee = 1,
        .taker_order_id = taker,
        .taker_slot = slot + 1,
        .taker_account = seller,
        .taker_cl_ord_id = taker,
        .taker_cum_quantity = quantity,
        .taker_cum_quote = PRICE * quantity,
        .taker_fee = 2,
    };
    add(tape, -SERVICE_SHARD, &msg);
}

static void add_symbol(struct tape *tape, uint32_t symbol)
{
    struct msg set = {.kind = MSG_symbol_set};
    set.symbol_set = (struct msg_symbol_set){
        .symbol = symbol,
        .name = "S",
        .base = symbol + 1,
        .quote = 1,
        .multiplier = 1,
        .tick = 1,
        .lot = 1,
        .quantity_max = 1,
        .notional_max = 1,
        .collar_ppm = 1,
        .stp = STP_NONE,
        .trading = TRADING_OPEN,
    };
    struct msg done = {.kind = MSG_admin_done};
    size_t size = 0;
    must(codec_encode(done.admin_done.body, sizeof done.admin_done.body, &set, &size) ==
         0);
    done.admin_done.body_size = (uint16_t)size;
    done.admin_done.request = tape->count;
    done.admin_done.account = ACCOUNT_ADMIN;
    add(tape, -SERVICE_RISK, &done);
}

/* Sessions 1, 2, 3 ... of accounts FIRST, FIRST + 1 ..., symbols, and money enough for
 * everything. */
static void add_venue(struct tape *tape, const struct venue *venue)
{
    for (uint32_t i = 0; i < venue->traders; i++) {
        struct msg msg = {.kind = MSG_open};
        msg.open = (struct msg_open){.account = FIRST + i, .nonce = 1};
        add(tape, 0, &msg);
    }
    for (uint32_t symbol = 1; symbol <= venue->symbols; symbol++)
        add_symbol(tape, symbol);
    for (uint32_t i = 0; i < venue->traders; i++)
        for (uint32_t asset = 1; asset <= venue->symbols + 1; asset++) {
            struct msg msg = {.kind = MSG_deposit_done};
            msg.deposit_done = (struct msg_deposit_done){
                tape->count, FIRST + i, asset, INT64_C(1000000000), 1, 0};
            add(tape, -SERVICE_RISK, &msg);
        }
}

static uint64_t drop_rows(struct outbox *outbox, uint64_t *bytes)
{
    const uint64_t rows = outbox->rows.count;
    *bytes += outbox->rows.size;
    outbox_clear(outbox);
    return rows;
}

static void run(const struct core_ops *core, const struct msg_genesis *genesis,
                const struct tape *tape, size_t first)
{
    const struct outbox_sizes sizes = {.rows = ROWS_BYTES};
    struct outbox outbox;
    void *memory = aligned_alloc(64, outbox_size(&sizes));
    const size_t size = (core->size(genesis, 0) + 63) / 64 * 64;
    void *state = aligned_alloc(64, size);
    must(memory != NULL && state != NULL);
    memset(state, 0, size);
    outbox_init(&outbox, memory, &sizes);
    core->init(state, genesis, 0);
    uint64_t rows = 0;
    uint64_t bytes = 0;
    uint64_t start = 0;
    uint64_t flush_ns = 0;
    size_t at = 0;
    for (size_t i = 0; i < tape->count; i++) {
        if (i == first) {
            core->flush(state, &outbox);
            outbox_clear(&outbox);
            rows = bytes = flush_ns = 0;
            start = now_ns();
        }
        at = play(core, state, tape, at, i + 1, &outbox);
        if (i % FLUSH_RECORDS == 0) {
            const uint64_t before = now_ns();
            core->flush(state, &outbox);
            rows += drop_rows(&outbox, &bytes);
            flush_ns += now_ns() - before;
        }
    }
    const uint64_t records = tape->count - first;
    const uint64_t ns = now_ns() - start;
    core->check(state);
    printf("%-10s ns_per_record=%" PRIu64 " flush_ns_per_record=%" PRIu64
           " ns_per_trade=%" PRIu64 " rows_per_1000=%" PRIu64 " bytes_per_record=%" PRIu64
           "\n",
           core->name, ns / records, flush_ns / records, ns / ROUNDS,
           rows * 1000 / records, bytes / records);
    free(state);
    free(memory);
}

static void bench(const struct venue *venue)
{
    const struct msg_genesis genesis = {
        .accounts_max = venue->traders + FIRST,
        .balances_max = (venue->traders + FIRST) * (venue->symbols + 1),
        .sessions_max = venue->traders,
        .orders_max = venue->slots,
    };
    struct tape tape = {.capacity = (size_t)256 << 20};
    tape.bytes = malloc(tape.capacity);
    must(tape.bytes != NULL);
    struct random random;
    uint64_t trade_ids[SYMBOLS_MAX + 1] = {0};
    random_init(&random, 1);
    add_venue(&tape, venue);
    const size_t first = tape.count;
    for (uint32_t i = 0; i < ROUNDS; i++)
        add_round(&tape, venue, &random, trade_ids);
    printf("traders=%" PRIu32 " symbols=%" PRIu32 " slots=%" PRIu32 "\n", venue->traders,
           venue->symbols, venue->slots);
    run(&settlement_core, &genesis, &tape, first);
    run(&portfolio_core, &genesis, &tape, first);
    free(tape.bytes);
}

int main(void)
{
    const struct venue venues[] = {{100, 10, 2000}, {1000, SYMBOLS_MAX, 200000}};
    for (size_t i = 0; i < sizeof venues / sizeof *venues; i++)
        bench(&venues[i]);
    return 0;
}
