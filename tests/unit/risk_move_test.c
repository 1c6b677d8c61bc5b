/* A symbol moves to another shard: when it may, and what both shards are told. */
#include "common/reader.h"
#include "common/writer.h"
#include "tests/unit/risk_gate.h"

static void set_trading(uint8_t trading)
{
    configure(&(struct msg){.kind = MSG_symbol_status,
                            .symbol_status = {.symbol = BTCUSD, .trading = trading}});
}

static void accept_order(uint64_t id, const struct msg_approved_new *approved)
{
    const struct msg msg = {.kind = MSG_order_accepted,
                            .order_accepted = {.order_id = id,
                                               .slot = approved->slot,
                                               .account = approved->account,
                                               .cl_ord_id = approved->cl_ord_id,
                                               .symbol = BTCUSD,
                                               .side = approved->side,
                                               .ord_type = approved->ord_type,
                                               .tif = approved->tif,
                                               .price = approved->price,
                                               .quantity = approved->quantity,
                                               .hold = approved->hold}};
    (void)act(-SERVICE_SHARD - 1, &msg);
}

/* One trade of 20 at 100 that leaves nothing open. */
static void trade_whole(uint64_t trade_id)
{
    const struct msg bid = buy(1, 100, 20), ask = sell(2, 100, 20);
    const uint64_t maker = assert_approved(alice, &bid);
    const struct msg_approved_new maker_new = world.outputs[0].approved_new;
    accept_order(maker, &maker_new);
    const uint64_t taker = assert_approved(bob, &ask);
    const struct msg_approved_new taker_new = world.outputs[0].approved_new;
    accept_order(taker, &taker_new);
    const struct msg msg = {.kind = MSG_trade,
                            .trade = {.symbol = BTCUSD,
                                      .trade_id = trade_id,
                                      .price = 100,
                                      .quantity = 20,
                                      .quote = 20000,
                                      .taker_side = SIDE_SELL,
                                      .maker_order_id = maker,
                                      .maker_slot = maker_new.slot,
                                      .maker_account = ALICE,
                                      .maker_cl_ord_id = 1,
                                      .maker_cum_quantity = 20,
                                      .maker_cum_quote = 20000,
                                      .maker_fee = -2,
                                      .taker_order_id = taker,
                                      .taker_slot = taker_new.slot,
                                      .taker_account = BOB,
                                      .taker_cl_ord_id = 2,
                                      .taker_cum_quantity = 20,
                                      .taker_cum_quote = 20000,
                                      .taker_fee = 40}};
    (void)act(-SERVICE_SHARD - 1, &msg);
}

/* Goes on from a snapshot. */
static void reload(void)
{
    static uint8_t bytes[1 << 16];
    struct writer writer;
    struct reader reader;
    writer_init(&writer, bytes, sizeof bytes);
    risk_core.save(world.state, &writer);
    assert_false(writer_failed(&writer));
    free(world.state);
    world.state = world_state(&world.genesis);
    reader_init(&reader, bytes, writer.size);
    assert_int_equal(risk_core.load(world.state, &reader), 0);
}

/* Halted and without orders a symbol moves: both shards are told, with the number of its
 * last trade, and from then on orders and time go to the other one. */
static void test_symbol_moves(void **unused)
{
    (void)unused;
    struct msg move = {.kind = MSG_symbol_set, .symbol_set = symbol};
    move.symbol_set.shard = 0;
    assert_admin_refused(admin, &move, ERR_NOT_HALTED);
    trade_whole(41);
    const struct msg order = buy(3, 100, 20);
    const uint64_t id = assert_approved(alice, &order);
    const struct msg gone = cancelled(id, world.outputs[0].approved_new.slot, 3);
    set_trading(TRADING_CLOSED);
    assert_admin_refused(admin, &move, ERR_OPEN_ORDERS);
    (void)act(-SERVICE_SHARD - 1, &gone);
    move.symbol_set.trade_id = 1;
    assert_admin_refused(admin, &move, ERR_RANGE);
    move.symbol_set.trade_id = 0;
    reload();
    configure(&move);
    assert_int_equal(world.output_count, 3);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(world.outputs[i].kind, MSG_symbol_set);
        assert_int_equal(world.outputs[i].symbol_set.shard, 0);
        assert_int_equal(world.outputs[i].symbol_set.trade_id, 41);
        assert_int_equal(world.outputs[i].symbol_set.trading, TRADING_CLOSED);
    }
    assert_int_not_equal(world.streams[0], world.streams[1]);
    reload();
    (void)act(0, &(struct msg){.kind = MSG_tick, .tick = {1}});
    assert_int_equal(world.output_count, 1);
    assert_int_equal(world.streams[0], 0);
    const struct msg again = buy(4, 100, 20);
    assert_refused(alice, &again, ERR_HALTED, TRADING_CLOSED, TRADING_OPEN);
    set_trading(TRADING_OPEN);
    (void)act(alice, &again);
    assert_int_equal(world.outputs[0].kind, MSG_approved_new);
    assert_int_equal(world.streams[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_symbol_moves, set_up_movable, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
