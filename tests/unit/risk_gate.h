/* risk_gate.h - a venue of one symbol and two traders, for tests of what risk lets pass.
 *
 * Owns:     `world`, between set_up and tear_down.
 * Units:    as the messages.
 * Errors:   none; what fails fails the test.
 * Threads:  none.
 * Bounds:   those of risk_world.h.
 */
#ifndef RISK_GATE_H
#define RISK_GATE_H

#include "tests/unit/risk_world.h"
#include "tests/unit/unit.h"

enum { USD = 1, BTC = 2, BTCUSD = 1, ALICE = 10, BOB = 11 };

static struct world world;
static int64_t admin, alice, bob;

static const struct msg_symbol_set symbol = {
    .symbol = BTCUSD,
    .name = "BTCUSD",
    .base = BTC,
    .quote = USD,
    .shard = 1,
    .price_scale = 2,
    .quantity_scale = 3,
    .multiplier = 10,
    .tick = 5,
    .lot = 2,
    .quantity_max = 1000,
    .notional_min = 100,
    .notional_max = 1000000,
    .band_ppm = 500000,
    .collar_ppm = 100000,
    .reference_price = 100,
    .maker_ppm = -100,
    .taker_ppm = 2000,
    .stp = STP_EXPIRE_TAKER,
    .trading = TRADING_OPEN,
};

/* Applies a command, then risk's own decisions, as the log would. */
static inline uint64_t act(int64_t source, const struct msg *msg)
{
    const uint64_t gseq = world_apply(&world, source, msg);
    if (world.output_count == 1 && (world.outputs[0].kind == MSG_deposit_done ||
                                    world.outputs[0].kind == MSG_withdraw_done)) {
        const struct msg own = world.outputs[0];
        (void)world_apply(&world, -SERVICE_RISK, &own);
        world.outputs[0] = own;
        world.output_count = 1;
    }
    risk_core_check(world.state);
    return gseq;
}

static inline void configure(const struct msg *msg)
{
    (void)act(admin, msg);
    const struct msg *last = &world.outputs[world.output_count - 1];
    assert_int_equal(last->kind, MSG_admin_done);
}

static inline void declare_account(uint32_t account, const char *name)
{
    struct msg msg = {
        .kind = MSG_account_set,
        .account_set = {.account = account,
                        .role = ROLE_TRADER,
                        .open_orders_max = 3,
                        .orders_max = 5},
    };
    memcpy(msg.account_set.name, name, strlen(name) + 1);
    configure(&msg);
}

static inline void deposit(uint32_t account, uint32_t asset, int64_t amount,
                           uint64_t reference)
{
    const struct msg msg = {
        .kind = MSG_deposit,
        .deposit = {.account = account,
                    .asset = asset,
                    .amount = amount,
                    .reference = reference},
    };
    (void)act(admin, &msg);
}

static inline int set_up_with(const struct msg_genesis *genesis)
{
    world_init(&world, genesis);
    admin = (int64_t)world_open(&world, ACCOUNT_ADMIN);
    configure(&(struct msg){.kind = MSG_asset_set,
                            .asset_set = {.asset = USD, .name = "USD", .scale = 6}});
    configure(&(struct msg){.kind = MSG_asset_set,
                            .asset_set = {.asset = BTC, .name = "BTC", .scale = 3}});
    configure(&(struct msg){.kind = MSG_symbol_set, .symbol_set = symbol});
    declare_account(ALICE, "alice");
    declare_account(BOB, "bob");
    alice = (int64_t)world_open(&world, ALICE);
    bob = (int64_t)world_open(&world, BOB);
    deposit(ALICE, USD, 1000000, 1);
    deposit(BOB, BTC, 1000, 1);
    return 0;
}

static inline int set_up(void **unused)
{
    (void)unused;
    return set_up_with(&world_genesis);
}

/* Begun by this version: symbols may move. */
static inline int set_up_movable(void **unused)
{
    (void)unused;
    struct msg_genesis genesis = world_genesis;
    genesis.version = 3;
    return set_up_with(&genesis);
}

static inline int tear_down(void **unused)
{
    (void)unused;
    world_close(&world);
    return 0;
}

static inline struct msg buy(uint64_t cl_ord_id, int64_t price, int64_t quantity)
{
    return (struct msg){
        .kind = MSG_order_new,
        .order_new = {.cl_ord_id = cl_ord_id,
                      .symbol = BTCUSD,
                      .side = SIDE_BUY,
                      .ord_type = ORD_TYPE_LIMIT,
                      .tif = TIF_GTC,
                      .price = price,
                      .quantity = quantity},
    };
}

static inline struct msg sell(uint64_t cl_ord_id, int64_t price, int64_t quantity)
{
    struct msg msg = buy(cl_ord_id, price, quantity);
    msg.order_new.side = SIDE_SELL;
    return msg;
}

static inline void assert_balance(uint32_t account, uint32_t asset, int64_t free,
                                  int64_t held)
{
    world_query(&world, &(struct msg_query){.kind = QUERY_KIND_BALANCES,
                                            .account = account,
                                            .cursor = asset,
                                            .limit = 1});
    assert_int_equal(world.row_count, 1);
    assert_int_equal(world.rows[0].row_balance.asset, asset);
    assert_int_equal(world.rows[0].row_balance.free, free);
    assert_int_equal(world.rows[0].row_balance.held, held);
}

static inline uint64_t assert_approved(int64_t session, const struct msg *msg)
{
    const uint64_t gseq = act(session, msg);
    assert_int_equal(world.output_count, 1);
    assert_int_equal(world.outputs[0].kind, MSG_approved_new);
    assert_int_equal(world.streams[0], symbol.shard);
    return gseq;
}

static inline void assert_refused(int64_t session, const struct msg *msg, int reason,
                                  int64_t value, int64_t limit)
{
    (void)act(session, msg);
    assert_int_equal(world.output_count, 1);
    const struct msg_order_rejected *out = &world.outputs[0].order_rejected;
    assert_int_equal(world.outputs[0].kind, MSG_order_rejected);
    assert_string_equal(error_name(-(int)out->reason), error_name(reason));
    assert_int_equal(out->value, value);
    assert_int_equal(out->limit, limit);
}

/* Of alice's buy of 20. */
static inline struct msg cancelled(uint64_t id, uint32_t slot, uint64_t cl_ord_id)
{
    return (struct msg){
        .kind = MSG_order_cancelled,
        .order_cancelled = {.order_id = id,
                            .slot = slot,
                            .account = ALICE,
                            .cl_ord_id = cl_ord_id,
                            .symbol = BTCUSD,
                            .side = SIDE_BUY,
                            .quantity = 20,
                            .exec_type = EXEC_TYPE_CANCELED},
    };
}

static inline void assert_admin_refused(int64_t session, const struct msg *msg,
                                        int reason)
{
    (void)act(session, msg);
    assert_int_equal(world.output_count, 1);
    assert_int_equal(world.outputs[0].kind, MSG_admin_rejected);
    assert_string_equal(error_name(-(int)world.outputs[0].admin_rejected.reason),
                        error_name(reason));
}

#endif
