/* risk_bench.c - what risk costs per order, with the venue's book of holds full.
 *
 *     risk_bench [ORDERS [STANDING]]              default 1000000 orders, 100000 standing
 *
 * CPU ns of applying one record, its encoded output included: an order and its approval,
 * the shard's acceptance, a trade of two orders, a cancel and its report. Ends with 1 if
 * an order costs more than twice the target. Every refusal or difference fails a CHECK.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "common/money.h"
#include "common/random.h"
#include "tests/unit/risk_world.h"

enum { ACCOUNTS = 1000, SYMBOLS = 100, FIRST = 10, BATCH = 256, TARGET_NS = 150 };

enum stage { NEW, ACCEPTED, TRADE, CANCEL, CANCELLED, STAGES };

static const char *const stage_names[STAGES] = {"order_new", "order_accepted", "trade",
                                                "order_cancel", "order_cancelled"};

struct order {
    uint64_t id;
    struct msg_approved_new terms;
};

static struct bench {
    struct world world;
    struct random random;
    int64_t sessions[FIRST + ACCOUNTS];
    struct msg batch[BATCH];
    int64_t sources[BATCH];
    struct order *standing;
    struct order fresh[BATCH];
    uint64_t records[STAGES], ns[STAGES], names[FIRST + ACCOUNTS];
} bench;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Applies the batch and charges its time to the stage. */
static void apply(enum stage stage, uint32_t count)
{
    struct world *world = &bench.world;
    outbox_clear(&world->outbox);
    const uint64_t begin = now_ns();
    for (uint32_t i = 0; i < count; i++) {
        const struct core_input input = {.seq = ++world->gseq,
                                         .gseq = world->gseq,
                                         .source = bench.sources[i],
                                         .msg = &bench.batch[i]};
        risk_core.apply(world->state, &input, &world->outbox);
    }
    bench.ns[stage] += now_ns() - begin;
    bench.records[stage] += count;
}

static uint32_t below(uint32_t bound)
{
    return (uint32_t)random_below(&bench.random, bound);
}

/* Orders 2i and 2i + 1 are for the two sides of one trade. */
static void make_orders(void)
{
    for (uint32_t i = 0; i < BATCH; i++) {
        const uint32_t account = FIRST + below(ACCOUNTS);
        bench.batch[i] = (struct msg){
            .kind = MSG_order_new,
            .order_new = {.cl_ord_id = ++bench.names[account],
                          .symbol = i % 2 == 0 ? 1 + below(SYMBOLS)
                                               : bench.batch[i - 1].order_new.symbol,
                          .side = i % 2 == 0 ? SIDE_BUY : SIDE_SELL,
                          .ord_type = ORD_TYPE_LIMIT,
                          .tif = TIF_GTC,
                          .price = i % 2 == 0 ? 1000 + below(50)
                                              : bench.batch[i - 1].order_new.price,
                          .quantity = 10}};
        bench.sources[i] = bench.sessions[account];
    }
}

static void take_approved(void)
{
    const uint64_t first = bench.world.gseq - BATCH + 1;
    bench.world.output_count = 0;
    size_t at = 0;
    for (uint32_t i = 0; i < BATCH; i++) {
        uint32_t size = 0;
        const uint8_t *bytes = outbox_next(&bench.world.outbox.emits[0], &at, &size);
        struct msg msg;
        CHECK(bytes != NULL && codec_decode_whole(bytes, size, &msg) == 0);
        CHECK(msg.kind == MSG_approved_new);
        bench.fresh[i] = (struct order){.id = first + i, .terms = msg.approved_new};
    }
    CHECK(bench.world.outbox.submits.count == 0);
}

static void make_accepted(void)
{
    for (uint32_t i = 0; i < BATCH; i++) {
        bench.batch[i] =
            (struct msg){.kind = MSG_order_accepted,
                         .order_accepted = {.order_id = bench.fresh[i].id,
                                            .slot = bench.fresh[i].terms.slot}};
        bench.sources[i] = -SERVICE_SHARD;
    }
}

static void make_trades(void)
{
    for (uint32_t i = 0; i < BATCH / 2; i++) {
        const struct order *maker = &bench.fresh[2 * i], *taker = &bench.fresh[2 * i + 1];
        uint32_t credit = 0;
        const int64_t quote = maker->terms.price * 10;
        bench.batch[i] = (struct msg){
            .kind = MSG_trade,
            .trade = {.symbol = maker->terms.symbol,
                      .price = maker->terms.price,
                      .quantity = 10,
                      .quote = quote,
                      .taker_side = SIDE_SELL,
                      .maker_order_id = maker->id,
                      .maker_slot = maker->terms.slot,
                      .maker_cum_quantity = 10,
                      .maker_cum_quote = quote,
                      .maker_fee = money_fee(maker->terms.maker_ppm, quote, &credit),
                      .taker_order_id = taker->id,
                      .taker_slot = taker->terms.slot,
                      .taker_cum_quantity = 10,
                      .taker_cum_quote = quote}};
        credit = 0;
        bench.batch[i].trade.taker_fee =
            money_fee(taker->terms.taker_ppm, quote, &credit);
        bench.sources[i] = -SERVICE_SHARD;
    }
}

/* The fresh orders change places with standing ones, so that what leaves is cold. */
static void make_cancels(uint32_t standing)
{
    for (uint32_t i = 0; i < BATCH; i++) {
        struct order *old = &bench.standing[below(standing)];
        const struct order cancelled = *old;
        *old = bench.fresh[i];
        bench.fresh[i] = cancelled;
        bench.batch[i] =
            (struct msg){.kind = MSG_order_cancel,
                         .order_cancel = {.cl_ord_id = 1,
                                          .orig_cl_ord_id = cancelled.terms.cl_ord_id}};
        bench.sources[i] = bench.sessions[cancelled.terms.account];
    }
}

static void make_cancelled(void)
{
    for (uint32_t i = 0; i < BATCH; i++) {
        bench.batch[i] =
            (struct msg){.kind = MSG_order_cancelled,
                         .order_cancelled = {.order_id = bench.fresh[i].id,
                                             .slot = bench.fresh[i].terms.slot}};
        bench.sources[i] = -SERVICE_SHARD;
    }
}

static void enter(void)
{
    make_orders();
    apply(NEW, BATCH);
    take_approved();
    make_accepted();
    apply(ACCEPTED, BATCH);
}

/* ---- the venue --------------------------------------------------------------------- */

static void act(int64_t admin, struct msg msg)
{
    (void)world_apply(&bench.world, admin, &msg);
    const struct msg out = bench.world.outputs[bench.world.output_count - 1];
    CHECK(out.kind == MSG_admin_done || out.kind == MSG_deposit_done);
    if (out.kind == MSG_deposit_done)
        (void)world_apply(&bench.world, -SERVICE_RISK, &out);
}

static void set_up_symbol(int64_t admin, uint32_t symbol)
{
    struct msg msg = {.kind = MSG_symbol_set,
                      .symbol_set = {.symbol = symbol,
                                     .base = 2,
                                     .quote = 1,
                                     .price_scale = 2,
                                     .multiplier = 1,
                                     .tick = 1,
                                     .lot = 1,
                                     .quantity_max = 1000,
                                     .notional_max = 1000000,
                                     .band_ppm = 500000,
                                     .collar_ppm = 1000,
                                     .reference_price = 1000,
                                     .maker_ppm = -100,
                                     .taker_ppm = 500,
                                     .stp = STP_NONE,
                                     .trading = TRADING_OPEN}};
    snprintf(msg.symbol_set.name, sizeof msg.symbol_set.name, "S%" PRIu32, symbol);
    act(admin, msg);
}

static void set_up_account(int64_t admin, uint32_t account)
{
    struct msg msg = {.kind = MSG_account_set,
                      .account_set = {.account = account,
                                      .role = ROLE_TRADER,
                                      .open_orders_max = SLOT_MAX}};
    snprintf(msg.account_set.name, sizeof msg.account_set.name, "a%" PRIu32, account);
    act(admin, msg);
    for (uint32_t asset = 1; asset <= 2; asset++)
        act(admin, (struct msg){.kind = MSG_deposit,
                                .deposit = {account, asset, INT64_C(1) << 40, asset}});
    bench.sessions[account] = (int64_t)world_open(&bench.world, account);
}

static void set_up(uint32_t standing)
{
    random_init(&bench.random, 1);
    const struct msg_genesis genesis = {.version = 1,
                                        .shards = 1,
                                        .accounts_max = FIRST + ACCOUNTS,
                                        .balances_max = 1 << 16,
                                        .sessions_max = 1 << 12,
                                        .orders_max = 1 << 20,
                                        .levels_max = 16,
                                        .references_max = 1 << 16,
                                        .dedupe_window = 16,
                                        .digest_ticks = 1};
    world_init(&bench.world, &genesis);
    const int64_t admin = (int64_t)world_open(&bench.world, ACCOUNT_ADMIN);
    act(admin, (struct msg){.kind = MSG_asset_set, .asset_set = {1, "USD", 2}});
    act(admin, (struct msg){.kind = MSG_asset_set, .asset_set = {2, "COIN", 0}});
    for (uint32_t symbol = 1; symbol <= SYMBOLS; symbol++)
        set_up_symbol(admin, symbol);
    for (uint32_t account = FIRST; account < FIRST + ACCOUNTS; account++)
        set_up_account(admin, account);
    bench.standing = calloc(standing, sizeof *bench.standing);
    CHECK(bench.standing != NULL);
    for (uint32_t i = 0; i + BATCH <= standing; i += BATCH) {
        enter();
        memcpy(&bench.standing[i], bench.fresh, sizeof bench.fresh);
    }
}

int main(int argc, char **argv)
{
    const uint64_t orders = argc > 1 ? strtoull(argv[1], NULL, 0) : 1000000;
    const uint64_t wanted = argc > 2 ? strtoull(argv[2], NULL, 0) : 100000;
    const uint32_t standing = (uint32_t)wanted / BATCH * BATCH;
    set_up(standing);
    memset(bench.ns, 0, sizeof bench.ns);
    memset(bench.records, 0, sizeof bench.records);
    for (uint64_t i = 0; i < orders; i += 2 * BATCH) {
        enter();
        make_trades();
        apply(TRADE, BATCH / 2);
        enter();
        make_cancels(standing);
        apply(CANCEL, BATCH);
        make_cancelled();
        apply(CANCELLED, BATCH);
    }
    risk_core_check(bench.world.state);
    for (int i = 0; i < STAGES; i++)
        printf("%-16s %6.1f ns, %" PRIu64 " records\n", stage_names[i],
               (double)bench.ns[i] / (double)bench.records[i], bench.records[i]);
    const uint64_t ns = bench.ns[NEW] / bench.records[NEW];
    printf("risk: %" PRIu64 " ns an order, target %d, %" PRIu32 " open orders\n", ns,
           TARGET_NS, standing);
    free(bench.standing);
    world_close(&bench.world);
    return ns <= 2 * TARGET_NS ? 0 : 1;
}
