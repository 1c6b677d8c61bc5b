/* portfolio_core_test.c - the life of an order, the feed of an account, the queries. */
#include "services/portfolio/portfolio_core.h"

#include "common/error.h"
#include "proto/feed.h"
#include "tests/unit/rig.h"

enum { SYMBOL = 7, ALICE = 10, BOB = 11, SHARD_SOURCE = -16, RISK_SOURCE = -2 };

static int64_t alice, bob; /* sessions */

static struct rig *create(void)
{
    const struct msg_genesis genesis = {
        .accounts_max = 100, .balances_max = 100, .sessions_max = 8, .orders_max = 16};
    struct rig *rig = rig_create(&portfolio_core, &genesis);
    struct msg msg = {.kind = MSG_open};
    msg.open = (struct msg_open){.account = ALICE, .nonce = 1};
    alice = (int64_t)rig_apply(rig, 0, &msg);
    msg.open = (struct msg_open){.account = BOB, .nonce = 1};
    bob = (int64_t)rig_apply(rig, 0, &msg);
    return rig;
}

/* The command of a limit order; returns its order id. */
static uint64_t place(struct rig *rig, int64_t session, uint64_t name, enum side side,
                      int64_t price, int64_t quantity)
{
    struct msg msg = {.kind = MSG_order_new};
    msg.order_new = (struct msg_order_new){
        .cl_ord_id = name,
        .symbol = SYMBOL,
        .side = (uint8_t)side,
        .ord_type = ORD_TYPE_LIMIT,
        .tif = TIF_GTC,
        .price = price,
        .quantity = quantity,
    };
    return rig_apply(rig, session, &msg);
}

static void accept(struct rig *rig, uint64_t id, uint32_t slot, uint32_t account,
                   uint64_t name, enum side side, int64_t price, int64_t quantity)
{
    struct msg msg = {.kind = MSG_order_accepted};
    msg.order_accepted = (struct msg_order_accepted){
        .order_id = id,
        .slot = slot,
        .account = account,
        .cl_ord_id = name,
        .symbol = SYMBOL,
        .side = (uint8_t)side,
        .ord_type = ORD_TYPE_LIMIT,
        .tif = TIF_GTC,
        .price = price,
        .quantity = quantity,
        .hold = 5,
    };
    rig_apply(rig, SHARD_SOURCE, &msg);
}

/* Places an order and has it accepted. */
static uint64_t rest(struct rig *rig, int64_t session, uint32_t slot, uint64_t name,
                     enum side side, int64_t price, int64_t quantity)
{
    const uint64_t id = place(rig, session, name, side, price, quantity);
    accept(rig, id, slot, session == alice ? ALICE : BOB, name, side, price, quantity);
    return id;
}

/* Alice's order in slot 0 (id `maker`, of 10) meets Bob's sell in slot 1. */
static struct msg trade_of(uint64_t trade_id, uint64_t maker, int64_t maker_cum,
                           uint64_t taker, int64_t quantity, int64_t taker_leaves)
{
    struct msg msg = {.kind = MSG_trade};
    msg.trade = (struct msg_trade){
        .symbol = SYMBOL,
        .trade_id = trade_id,
        .price = 100,
        .quantity = quantity,
        .quote = 200 * quantity, /* multiplier 2 */
        .taker_side = SIDE_SELL,
        .maker_order_id = maker,
        .maker_slot = 0,
        .maker_account = ALICE,
        .maker_cl_ord_id = 1,
        .maker_cum_quantity = maker_cum,
        .maker_cum_quote = 200 * maker_cum,
        .maker_leaves = 10 - maker_cum,
        .maker_fee = -1,
        .taker_order_id = taker,
        .taker_slot = 1,
        .taker_account = BOB,
        .taker_cl_ord_id = 1,
        .taker_cum_quantity = quantity,
        .taker_cum_quote = 200 * quantity,
        .taker_leaves = taker_leaves,
        .taker_fee = 2,
    };
    return msg;
}

static uint64_t match(struct rig *rig, uint64_t trade_id, uint64_t maker,
                      int64_t maker_cum, uint64_t taker, int64_t quantity,
                      int64_t taker_leaves)
{
    const struct msg msg =
        trade_of(trade_id, maker, maker_cum, taker, quantity, taker_leaves);
    return rig_apply(rig, SHARD_SOURCE, &msg);
}

static void cancel(struct rig *rig, uint64_t id, uint32_t slot, uint32_t account,
                   int64_t quantity, int64_t filled)
{
    struct msg msg = {.kind = MSG_order_cancelled};
    msg.order_cancelled = (struct msg_order_cancelled){
        .order_id = id,
        .slot = slot,
        .account = account,
        .cl_ord_id = 1,
        .symbol = SYMBOL,
        .side = SIDE_BUY,
        .quantity = quantity,
        .cum_quantity = filled,
        .cum_quote = 200 * filled,
        .exec_type = EXEC_TYPE_CANCELED,
    };
    rig_apply(rig, SHARD_SOURCE, &msg);
}

/* ORDER by id or, if that is 0, by name. */
static const struct msg_answer *ask(struct rig *rig, uint32_t account, uint64_t id,
                                    uint64_t name)
{
    const struct msg_query query = {.id = 1,
                                    .kind = QUERY_KIND_ORDER,
                                    .account = account,
                                    .order_id = id,
                                    .cl_ord_id = name,
                                    .limit = 1};
    return &rig_query(rig, &query)->head;
}

static void assert_order(struct rig *rig, uint64_t id, enum ord_status status,
                         int64_t filled, int64_t leaves)
{
    assert_int_equal(ask(rig, ALICE, id, 0)->reason,
                     status == ORD_STATUS_PENDING_NEW ? error_number(ERR_PENDING) : 0);
    const struct msg_row_order row = rig_answer_row(rig, 0).row_order;
    assert_int_equal(row.order_id, id);
    assert_int_equal(row.account, ALICE);
    assert_int_equal(row.status, status);
    assert_int_equal(row.cum_quantity, filled);
    assert_int_equal(row.leaves, leaves);
}

/* Sequenced, accepted, filled in parts; another account learns nothing of it. */
static void life_of_an_order(void **state)
{
    (void)state;
    struct rig *rig = create();
    const uint64_t id = place(rig, alice, 1, SIDE_BUY, 100, 10);
    assert_order(rig, id, ORD_STATUS_PENDING_NEW, 0, 10);
    rig_reload(rig);
    accept(rig, id, 0, ALICE, 1, SIDE_BUY, 100, 10);
    assert_order(rig, id, ORD_STATUS_NEW, 0, 10);
    uint64_t taker = rest(rig, bob, 1, 1, SIDE_SELL, 90, 4);
    match(rig, 1, id, 4, taker, 4, 0);
    assert_order(rig, id, ORD_STATUS_PARTIALLY_FILLED, 4, 6);
    rig_reload(rig);
    taker = rest(rig, bob, 1, 2, SIDE_SELL, 90, 6);
    match(rig, 2, id, 10, taker, 6, 0);
    assert_order(rig, id, ORD_STATUS_FILLED, 10, 0);
    rig_reload(rig);
    assert_order(rig, id, ORD_STATUS_FILLED, 10, 0);
    assert_int_equal(ask(rig, BOB, id, 0)->reason, error_number(ERR_NOT_FOUND));
    assert_int_equal(ask(rig, ALICE, id + 1, 0)->reason, error_number(ERR_NOT_FOUND));
    rig_destroy(rig);
}

/* A name may be used again: the open order of a name comes first, then the newest. */
static void orders_by_name(void **state)
{
    (void)state;
    struct rig *rig = create();
    const uint64_t first = rest(rig, alice, 0, 1, SIDE_BUY, 100, 10);
    cancel(rig, first, 0, ALICE, 10, 0);
    const uint64_t second = rest(rig, alice, 0, 1, SIDE_BUY, 100, 10);
    ask(rig, ALICE, 0, 1);
    assert_int_equal(rig_answer_row(rig, 0).row_order.order_id, second);
    cancel(rig, second, 0, ALICE, 10, 0);
    ask(rig, ALICE, 0, 1);
    assert_int_equal(rig_answer_row(rig, 0).row_order.order_id, second);
    assert_order(rig, first, ORD_STATUS_CANCELED, 0, 0);
    assert_int_equal(ask(rig, ALICE, 0, 2)->reason, error_number(ERR_NOT_FOUND));
    rig_destroy(rig);
}

/* A name that was used long ago is found by asking on, from the newest span back. */
static void old_name(void **state)
{
    (void)state;
    struct rig *rig = create();
    const uint64_t id = rest(rig, alice, 0, 1, SIDE_BUY, 100, 10);
    rig->gseq = (uint64_t)1 << 31;
    cancel(rig, id, 0, ALICE, 10, 0);
    struct msg_query query = {
        .id = 1, .kind = QUERY_KIND_ORDER, .account = ALICE, .cl_ord_id = 1, .limit = 1};
    uint32_t pages = 0;
    do {
        rig_query(rig, &query);
        assert_int_equal(rig->answer.head.reason, 0);
        query.cursor = rig->answer.head.cursor;
        pages++;
    } while (rig->answer.count == 0 && query.cursor != 0);
    assert_int_equal(pages, 3); /* 2^31 gseqs are 8,193 spans, searched 4,096 at a time */
    assert_int_equal(rig_answer_row(rig, 0).row_order.order_id, id);
    assert_order(rig, id, ORD_STATUS_CANCELED, 0, 0); /* by id: at once */
    rig_destroy(rig);
}

/* A refused order is history at once, with the reason. */
static void rejected_order(void **state)
{
    (void)state;
    struct rig *rig = create();
    const uint64_t id = place(rig, alice, 1, SIDE_BUY, 100, 10);
    struct msg msg = {.kind = MSG_order_rejected};
    msg.order_rejected = (struct msg_order_rejected){
        .order_id = id, .account = ALICE, .cl_ord_id = 1, .symbol = SYMBOL, .reason = 60};
    rig_apply(rig, RISK_SOURCE, &msg);
    assert_order(rig, id, ORD_STATUS_REJECTED, 0, 0);
    assert_int_equal(rig_answer_row(rig, 0).row_order.reason, 60);
    rig_destroy(rig);
}

static void replace_order(void **state)
{
    (void)state;
    struct rig *rig = create();
    const uint64_t id = rest(rig, alice, 3, 1, SIDE_BUY, 100, 10);
    struct msg msg = {.kind = MSG_order_replaced};
    msg.order_replaced = (struct msg_order_replaced){
        .order_id = id,
        .slot = 3,
        .account = ALICE,
        .cl_ord_id = 2,
        .orig_cl_ord_id = 1,
        .symbol = SYMBOL,
        .side = SIDE_BUY,
        .price = 101,
        .quantity = 12,
        .leaves = 12,
        .request = id,
    };
    rig_apply(rig, SHARD_SOURCE, &msg);
    assert_order(rig, id, ORD_STATUS_NEW, 0, 12);
    assert_int_equal(ask(rig, ALICE, 0, 1)->reason, error_number(ERR_NOT_FOUND));
    assert_int_equal(ask(rig, ALICE, 0, 2)->reason, 0);
    rig_destroy(rig);
}

/* Open orders come by id, whatever their slots, in pages. */
static void open_orders_by_page(void **state)
{
    (void)state;
    struct rig *rig = create();
    for (uint32_t i = 0; i < 5; i++)
        rest(rig, alice, 15 - i, 1 + i, SIDE_BUY, 100, 10);
    struct msg_query query = {
        .id = 1, .kind = QUERY_KIND_ORDERS, .account = ALICE, .limit = 2};
    uint64_t last = 0;
    uint32_t count = 0;
    do {
        rig_query(rig, &query);
        for (uint32_t i = 0; i < rig->answer.count; i++, count++) {
            const uint64_t id = rig_answer_row(rig, i).row_order.order_id;
            assert_true(id > last);
            last = id;
        }
        query.cursor = rig->answer.head.cursor;
    } while (query.cursor != 0);
    assert_int_equal(count, 5);
    query.account = BOB;
    assert_int_equal(rig_query(rig, &query)->count, 0);
    query.account = 0; /* the venue, in the order of slots */
    query.limit = 3;
    assert_int_equal(rig_query(rig, &query)->count, 3);
    query.cursor = rig->answer.head.cursor;
    assert_int_equal(rig_query(rig, &query)->count, 2);
    assert_int_equal(rig->answer.head.cursor, 0);
    rig_destroy(rig);
}

/* The feed is a chain without holes, across commits, pages and snapshots. */
static void feed_is_a_chain(void **state)
{
    (void)state;
    struct rig *rig = create();
    for (uint32_t i = 0; i < 20; i++) {
        const uint64_t id = rest(rig, alice, 0, 1, SIDE_BUY, 100, 10);
        const uint64_t taker = rest(rig, bob, 1, 1, SIDE_SELL, 90, 4);
        match(rig, i + 1, id, 4, taker, 4, 0);
        cancel(rig, id, 0, ALICE, 6, 4);
        if (i % 7 == 0)
            rig_flush(rig);
        if (i % 9 == 0)
            rig_reload(rig);
    }
    struct msg_query query = {
        .id = 1, .kind = QUERY_KIND_REPORTS, .account = ALICE, .limit = 7};
    uint64_t last = 0;
    uint32_t count = 0;
    do {
        rig_query(rig, &query);
        for (uint32_t i = 0; i < rig->answer.count; i++, count++) {
            const struct msg_row_report row = rig_answer_row(rig, i).row_report;
            assert_int_equal(row.prev, last);
            assert_int_equal(row.time_ns, row.gseq * 1000);
            last = row.gseq;
        }
        query.cursor = rig->answer.head.cursor;
    } while (query.cursor != 0);
    assert_int_equal(count, 20 * 3);

    query = (struct msg_query){
        .id = 1, .kind = QUERY_KIND_TRADES, .account = BOB, .limit = 1000};
    assert_int_equal(rig_query(rig, &query)->count, 20);
    assert_int_equal(rig->answer.head.cursor, 0);
    query.symbol = SYMBOL + 1;
    assert_int_equal(rig_query(rig, &query)->count, 0);
    rig_destroy(rig);
}

/* The only report that the query finds: its body is the account's view of the trade. */
static void expect_view(struct rig *rig, uint32_t account, uint64_t cursor,
                        const struct msg *trade)
{
    static const uint8_t kinds[] = {QUERY_KIND_TRADES, QUERY_KIND_TRANSACTIONS,
                                    QUERY_KIND_REPORTS};
    struct feed_view view;
    feed_view(&view, trade, NULL, 0, account);
    for (uint32_t i = 0; i < sizeof kinds; i++) {
        const struct msg_query query = {.id = 1,
                                        .kind = kinds[i],
                                        .account = account,
                                        .symbol = i == 0 ? SYMBOL : 0,
                                        .cursor = cursor,
                                        .limit = 9};
        assert_int_equal(rig_query(rig, &query)->count, 1);
        const struct msg_row_report row = rig_answer_row(rig, 0).row_report;
        assert_int_equal(row.body_size, view.size);
        assert_memory_equal(row.body, view.bytes, view.size);
    }
}

/* Every query shows an account its own side of a trade, byte for byte what a gateway
 * reports; both sides, in one row, of a trade with itself. */
static void trades_are_one_sided(void **state)
{
    (void)state;
    struct rig *rig = create();
    struct msg trade;
    const uint64_t id = rest(rig, alice, 0, 1, SIDE_BUY, 100, 10);
    const uint64_t taker = rest(rig, bob, 1, 1, SIDE_SELL, 90, 4);
    const uint64_t before = rig->gseq;
    trade = trade_of(1, id, 4, taker, 4, 0);
    rig_apply(rig, SHARD_SOURCE, &trade);
    expect_view(rig, ALICE, before, &trade);
    expect_view(rig, BOB, before, &trade);

    const uint64_t own = rest(rig, alice, 1, 2, SIDE_SELL, 90, 4);
    const uint64_t after = rig->gseq;
    trade = trade_of(2, id, 8, own, 4, 0);
    trade.trade.taker_account = ALICE;
    rig_apply(rig, SHARD_SOURCE, &trade);
    expect_view(rig, ALICE, after, &trade);
    rig_destroy(rig);
}

/* After a restart a row may say again what the row before it said; readers do not. */
static void rows_that_overlap(void **state)
{
    (void)state;
    struct rig *rig = create();
    for (uint32_t i = 0; i < 4; i++) {
        const uint64_t id = rest(rig, alice, 0, 1, SIDE_BUY, 100, 10);
        cancel(rig, id, 0, ALICE, 10, 0);
        if (i == 1) { /* a commit whose scratch is not forgotten: as if replayed */
            struct outbox saved = rig->outbox;
            uint8_t *copy = malloc(portfolio_core.size(&rig->genesis, 0));
            assert_non_null(copy);
            memcpy(copy, rig->state, portfolio_core.size(&rig->genesis, 0));
            rig_flush(rig);
            memcpy(rig->state, copy, portfolio_core.size(&rig->genesis, 0));
            rig->outbox.rows.size = saved.rows.size;
            free(copy);
        }
    }
    const struct msg_query query = {
        .id = 1, .kind = QUERY_KIND_REPORTS, .account = ALICE, .limit = 100};
    assert_int_equal(rig_query(rig, &query)->count, 8);
    rig_destroy(rig);
}

/* Positions at the last price, of one account and of the venue. */
static void positions_are_valued(void **state)
{
    (void)state;
    struct rig *rig = create();
    const uint64_t id = rest(rig, alice, 0, 1, SIDE_BUY, 100, 10);
    const uint64_t taker = rest(rig, bob, 1, 1, SIDE_SELL, 90, 4);
    match(rig, 1, id, 4, taker, 4, 0);
    struct msg_query query = {
        .id = 1, .kind = QUERY_KIND_POSITIONS, .account = BOB, .limit = 10};
    assert_int_equal(rig_query(rig, &query)->count, 1);
    struct msg_row_position row = rig_answer_row(rig, 0).row_position;
    assert_int_equal(row.quantity, -4);
    assert_int_equal(row.cost, -800);
    assert_int_equal(row.fees, 2);
    assert_int_equal(row.last_price, 100);
    assert_int_equal(row.unrealised, 0);
    rig_reload(rig);
    query.account = 0;
    assert_int_equal(rig_query(rig, &query)->count, 1);
    row = rig_answer_row(rig, 0).row_position;
    assert_int_equal(row.account, 0);
    assert_int_equal(row.quantity, 4);
    assert_int_equal(row.realised + row.unrealised, 0);
    assert_int_equal(row.fees, 1);
    rig_destroy(rig);
}

/* What the log must never hold. */
/* A SKIP passed over the commands of two orders: their reports must not stop it again. */
static void orders_without_commands(void **state)
{
    (void)state;
    struct rig *rig = create();
    const uint64_t id = 500, taker = 501;
    struct msg msg = {.kind = MSG_order_rejected};
    rig->gseq = 600;
    accept(rig, id, 0, ALICE, 1, SIDE_BUY, 100, 10);
    assert_order(rig, id, ORD_STATUS_NEW, 0, 10);
    accept(rig, taker, 1, BOB, 1, SIDE_SELL, 90, 4);
    match(rig, 1, id, 4, taker, 4, 0);
    assert_order(rig, id, ORD_STATUS_PARTIALLY_FILLED, 4, 6);
    msg.order_rejected = (struct msg_order_rejected){
        .order_id = 502, .account = ALICE, .cl_ord_id = 2, .symbol = SYMBOL, .reason = 1};
    rig_apply(rig, RISK_SOURCE, &msg);
    assert_int_equal(ask(rig, ALICE, 502, 0)->reason, error_number(ERR_NOT_FOUND));
    rig_destroy(rig);
}

static void impossible_records(void **state)
{
    (void)state;
    struct rig *rig = create();
    const uint64_t id = rest(rig, alice, 0, 1, SIDE_BUY, 100, 10);
    assert_aborts(place(rig, 999, 1, SIDE_BUY, 1, 1));           /* no such session */
    assert_aborts(accept(rig, id, 0, ALICE, 1, SIDE_BUY, 1, 1)); /* accepted twice */
    assert_aborts(cancel(rig, id, 1, ALICE, 10, 0));             /* another slot */
    assert_aborts(cancel(rig, id, 0, ALICE, 10, 1));             /* another fill */
    rig_destroy(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(life_of_an_order),   cmocka_unit_test(orders_by_name),
        cmocka_unit_test(old_name),           cmocka_unit_test(rejected_order),
        cmocka_unit_test(replace_order),      cmocka_unit_test(open_orders_by_page),
        cmocka_unit_test(feed_is_a_chain),    cmocka_unit_test(trades_are_one_sided),
        cmocka_unit_test(rows_that_overlap),  cmocka_unit_test(positions_are_valued),
        cmocka_unit_test(impossible_records), cmocka_unit_test(orders_without_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
