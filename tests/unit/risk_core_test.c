/* The gate, rule by rule: what it refuses and why, what it holds, what it lets go. */
#include "common/reader.h"
#include "common/writer.h"
#include "tests/unit/risk_gate.h"

/* The smallest example: an order takes its cost and worst fee, its report gives them
 * back. */
static void test_hold_and_release(void **unused)
{
    (void)unused;
    const struct msg order = buy(1, 100, 20);
    const uint64_t id = assert_approved(alice, &order);
    const struct msg_approved_new approved = world.outputs[0].approved_new;
    assert_int_equal(approved.hold, 20000 + 40);
    assert_int_equal(approved.stp, STP_EXPIRE_TAKER);
    assert_balance(ALICE, USD, 1000000 - 20040, 20040);
    const struct msg gone = cancelled(id, approved.slot, 1);
    (void)act(-SERVICE_SHARD - 1, &gone);
    assert_balance(ALICE, USD, 1000000, 0);
}

/* Each rule of an order by itself, in the order in which they are asked. */
static void test_refusals(void **unused)
{
    (void)unused;
    struct msg order = buy(1, 100, 20);
    assert_refused(admin, &order, ERR_WRONG_ROLE, ROLE_ADMIN, ROLE_TRADER);
    order.order_new.symbol = 9;
    assert_refused(alice, &order, ERR_UNKNOWN_SYMBOL, 9, 0);
    order = buy(1, 0, 20);
    assert_refused(alice, &order, ERR_ORDER_TYPE, 0, PRICE_MAX);
    order = buy(1, 101, 20);
    assert_refused(alice, &order, ERR_PRICE_TICK, 101, 5);
    order = buy(1, 100, 21);
    assert_refused(alice, &order, ERR_QUANTITY_LOT, 21, 2);
    order = buy(1, 100, 1002);
    assert_refused(alice, &order, ERR_QUANTITY_MAX, 1002, 1000);
    order = buy(1, 155, 20);
    assert_refused(alice, &order, ERR_PRICE_BAND, 155, 150);
    order = sell(1, 45, 20);
    assert_refused(bob, &order, ERR_PRICE_BAND, 45, 50);
    configure(&(struct msg){.kind = MSG_symbol_status,
                            .symbol_status = {BTCUSD, TRADING_HALTED}});
    order = buy(1, 100, 20);
    assert_refused(alice, &order, ERR_HALTED, TRADING_HALTED, TRADING_OPEN);
    configure(&(struct msg){.kind = MSG_symbol_status,
                            .symbol_status = {BTCUSD, TRADING_OPEN}});
    configure(&(struct msg){.kind = MSG_account_kill, .account_kill = {ALICE, 1}});
    assert_int_equal(world.output_count, 3);
    assert_refused(alice, &order, ERR_KILLED, 1, 0);
    configure(&(struct msg){.kind = MSG_account_kill, .account_kill = {ALICE, 0}});
    order = buy(1, 150, 1000);
    assert_refused(alice, &order, ERR_NOTIONAL_MAX, 1500000, 1000000);
    order = sell(1, 100, 20);
    assert_refused(alice, &order, ERR_FUNDS, 20, 0);
    order = buy(1, 100, 1000);
    assert_refused(alice, &order, ERR_FUNDS, 1002000, 1000000);
}

/* Names are unique among open orders; open orders and orders in a life are counted. */
static void test_counts(void **unused)
{
    (void)unused;
    struct msg order = buy(1, 100, 2);
    const uint64_t first = assert_approved(alice, &order);
    assert_refused(alice, &order, ERR_DUPLICATE_CL_ORD_ID, 1, (int64_t)first);
    order = buy(2, 100, 2);
    (void)assert_approved(alice, &order);
    order = buy(3, 100, 2);
    const uint64_t third = assert_approved(alice, &order);
    const uint32_t slot = world.outputs[0].approved_new.slot;
    order = buy(4, 100, 2);
    assert_refused(alice, &order, ERR_OPEN_ORDERS_MAX, 3, 3);
    const struct msg refused = {
        .kind = MSG_order_rejected,
        .order_rejected = {.order_id = third,
                           .account = ALICE,
                           .cl_ord_id = 3,
                           .symbol = BTCUSD,
                           .reason = 80,
                           .slot = slot + 1},
    };
    for (uint64_t i = 0; i < 2; i++) {
        struct msg report = refused;
        if (i > 0)
            report.order_rejected.order_id = assert_approved(alice, &order);
        (void)act(-SERVICE_SHARD - 1, &report);
    }
    (void)assert_approved(alice, &order);
    assert_int_equal(world.outputs[0].approved_new.slot, slot);
}

/* A replace holds the worst of every number of fills that may come before it: here all 20
 * at the old price and 10 more at the new one. Refused by the shard, it gives that back.
 * */
static void test_replace(void **unused)
{
    (void)unused;
    struct msg order = buy(1, 110, 20);
    const uint64_t id = assert_approved(alice, &order);
    const uint32_t slot = world.outputs[0].approved_new.slot;
    const int64_t held = 22000 + 44;
    assert_balance(ALICE, USD, 1000000 - held, held);
    const struct msg replace = {
        .kind = MSG_order_replace,
        .order_replace = {
            .cl_ord_id = 2, .orig_cl_ord_id = 1, .price = 100, .quantity = 30}};
    const uint64_t request = act(alice, &replace);
    assert_int_equal(world.outputs[0].kind, MSG_approved_replace);
    assert_balance(ALICE, USD, 1000000 - 32064, 32064);
    order = buy(2, 100, 20);
    assert_refused(alice, &order, ERR_DUPLICATE_CL_ORD_ID, 2, (int64_t)id);
    (void)act(alice, &replace);
    assert_int_equal(world.outputs[0].kind, MSG_cancel_rejected);
    assert_int_equal(world.outputs[0].cancel_rejected.reason,
                     error_number(ERR_REPLACE_PENDING));
    const struct msg rejected = {
        .kind = MSG_cancel_rejected,
        .cancel_rejected = {.request = request,
                            .account = ALICE,
                            .cl_ord_id = 2,
                            .order_id = id,
                            .orig_cl_ord_id = 1,
                            .replace = 1,
                            .reason = (uint16_t)error_number(ERR_WOULD_CROSS),
                            .slot = slot + 1}};
    (void)act(-SERVICE_SHARD - 1, &rejected);
    assert_balance(ALICE, USD, 1000000 - held, held);
    (void)assert_approved(alice, &order);
}

/* Somebody else's order is answered like one that does not exist. */
static void test_foreign_order(void **unused)
{
    (void)unused;
    const struct msg order = buy(1, 100, 20);
    const uint64_t id = assert_approved(alice, &order);
    const uint64_t ids[] = {id, 999999};
    for (int i = 0; i < 2; i++) {
        const struct msg cancel = {.kind = MSG_order_cancel,
                                   .order_cancel = {.cl_ord_id = 5, .order_id = ids[i]}};
        (void)act(bob, &cancel);
        assert_int_equal(world.outputs[0].kind, MSG_cancel_rejected);
        assert_int_equal(world.outputs[0].cancel_rejected.reason,
                         error_number(ERR_UNKNOWN_ORDER));
    }
}

/* A withdrawal is held at its command and gone at its record; each reference works once.
 * */
static void test_withdraw(void **unused)
{
    (void)unused;
    struct msg msg = {
        .kind = MSG_withdraw,
        .withdraw = {.account = ALICE, .asset = USD, .amount = 400000, .reference = 1}};
    (void)world_apply(&world, alice, &msg);
    const struct msg done = world.outputs[0];
    assert_int_equal(done.kind, MSG_withdraw_done);
    assert_balance(ALICE, USD, 600000, 400000);
    assert_admin_refused(alice, &msg, ERR_DUPLICATE_REFERENCE);
    (void)act(-SERVICE_RISK, &done);
    assert_balance(ALICE, USD, 600000, 0);
    assert_balance(ACCOUNT_EXTERNAL, USD, -600000, 0);
    assert_admin_refused(bob, &msg, ERR_WRONG_ROLE);
    msg.withdraw.reference = 2;
    msg.withdraw.amount = 600001;
    assert_admin_refused(alice, &msg, ERR_FUNDS);
    msg.withdraw.amount = 600000;
    (void)act(admin, &msg);
    assert_balance(ALICE, USD, 0, 0);
}

/* Deposits are the operator's, once per reference, and never more than can be counted. */
static void test_deposit(void **unused)
{
    (void)unused;
    struct msg msg = {
        .kind = MSG_deposit,
        .deposit = {.account = ALICE, .asset = USD, .amount = 1, .reference = 1}};
    assert_admin_refused(alice, &msg, ERR_WRONG_ROLE);
    assert_admin_refused(admin, &msg, ERR_DUPLICATE_REFERENCE);
    msg.deposit.reference = 2;
    msg.deposit.amount = MONEY_MAX;
    assert_admin_refused(admin, &msg, ERR_OVERFLOW);
    msg.deposit.amount = MONEY_MAX - 1000000;
    (void)act(admin, &msg);
    assert_balance(ALICE, USD, MONEY_MAX, 0);
    msg.deposit = (struct msg_deposit){BOB, USD, 1, 3};
    assert_admin_refused(admin, &msg, ERR_OVERFLOW);
    msg.deposit = (struct msg_deposit){ACCOUNT_EXTERNAL, USD, 1, 3};
    assert_admin_refused(admin, &msg, ERR_UNKNOWN_ACCOUNT);
    msg.deposit = (struct msg_deposit){BOB, 9, 1, 3};
    assert_admin_refused(admin, &msg, ERR_UNKNOWN_ASSET);
}

/* What a symbol may not be, one field at a time. */
static void test_symbol_refusals(void **unused)
{
    (void)unused;
    struct msg msg = {.kind = MSG_symbol_set, .symbol_set = symbol};
    assert_admin_refused(bob, &msg, ERR_WRONG_ROLE);
    msg.symbol_set.shard = 0;
    assert_admin_refused(admin, &msg, ERR_SYMBOL_MOVE);
    msg.symbol_set.shard = 2;
    assert_admin_refused(admin, &msg, ERR_RANGE);
    msg.symbol_set = symbol;
    msg.symbol_set.base = 7;
    assert_admin_refused(admin, &msg, ERR_UNKNOWN_ASSET);
    msg.symbol_set.base = USD;
    assert_admin_refused(admin, &msg, ERR_RANGE);
    msg.symbol_set = symbol;
    msg.symbol_set.multiplier = 100;
    assert_admin_refused(admin, &msg, ERR_SCALE);
    msg.symbol_set = symbol;
    msg.symbol_set.price_scale = 1;
    assert_admin_refused(admin, &msg, ERR_IMMUTABLE);
    msg.symbol_set = symbol;
    msg.symbol_set.maker_ppm = -3000;
    assert_admin_refused(admin, &msg, ERR_RANGE);
    msg.symbol_set = symbol;
    msg.symbol_set.symbol = 2;
    assert_admin_refused(admin, &msg, ERR_DUPLICATE);
    msg = (struct msg){.kind = MSG_asset_set,
                       .asset_set = {.asset = USD, .name = "USD", .scale = 2}};
    assert_admin_refused(admin, &msg, ERR_IMMUTABLE);
    msg = (struct msg){.kind = MSG_trade_prevented,
                       .trade_prevented = {1, 1, 1, 1, 1, 1, STP_NONE}};
    assert_admin_refused(admin, &msg, ERR_UNKNOWN_KIND);
}

/* A key belongs to one account for ever; revoked it stays known. */
static void test_keys(void **unused)
{
    (void)unused;
    struct msg msg = {.kind = MSG_key_set,
                      .key_set = {.account = ALICE, .key = {1, 2, 3}, .enabled = 1}};
    configure(&msg);
    msg.key_set.account = BOB;
    assert_admin_refused(admin, &msg, ERR_DUPLICATE);
    msg.key_set.account = ACCOUNT_FEES;
    assert_admin_refused(admin, &msg, ERR_WRONG_ROLE);
    msg.key_set.account = ALICE;
    msg.key_set.enabled = 0;
    configure(&msg);
    world_query(&world, &(struct msg_query){
                            .kind = QUERY_KIND_KEYS, .account = ALICE, .limit = 10});
    assert_int_equal(world.row_count, 1);
    assert_int_equal(world.rows[0].key_set.enabled, 0);
}

/* Pages follow each other without gap or repeat. */
static void test_paging(void **unused)
{
    (void)unused;
    struct msg_query query = {.kind = QUERY_KIND_ACCOUNTS, .limit = 2};
    uint32_t seen = 0, last = 0;
    do {
        world_query(&world, &query);
        for (uint32_t i = 0; i < world.row_count; i++, seen++) {
            assert_true(world.rows[i].account_set.account > last);
            last = world.rows[i].account_set.account;
        }
        query.cursor = world.cursor;
    } while (world.cursor != 0);
    assert_int_equal(seen, 5); /* the venue's three, alice and bob */
}

/* GENESIS and TICKs go to every shard; a close ends a session. */
static void test_forwarding(void **unused)
{
    (void)unused;
    (void)act(0, &(struct msg){.kind = MSG_tick, .tick = {1}});
    assert_int_equal(world.output_count, world.genesis.shards);
    (void)act(bob, &(struct msg){.kind = MSG_close});
    assert_int_equal(world.output_count, 0);
    const struct msg order = buy(1, 100, 20);
    assert_aborts((void)world_apply(&world, bob, &order));
    (void)assert_approved(alice, &order);
}

/* A snapshot cut anywhere is refused, never a wrong state. */
static void test_cut_snapshot(void **unused)
{
    (void)unused;
    const struct msg order = buy(1, 100, 20);
    (void)assert_approved(alice, &order);
    static uint8_t bytes[1 << 16];
    struct writer writer;
    writer_init(&writer, bytes, sizeof bytes);
    risk_core.save(world.state, &writer);
    assert_false(writer_failed(&writer));
    for (size_t size = 0; size <= writer.size; size += size + 97 < writer.size ? 97 : 1) {
        void *state = world_state(&world.genesis);
        struct reader reader;
        reader_init(&reader, bytes, size);
        const int error = risk_core.load(state, &reader);
        assert_int_equal(error, size == writer.size ? 0 : ERR_CORRUPT);
        free(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_hold_and_release, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_replace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_foreign_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_withdraw, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_deposit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_symbol_refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_paging, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_forwarding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cut_snapshot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cut_snapshot, set_up_movable, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
