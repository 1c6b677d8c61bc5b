/* settlement_core_test.c - money moves in balanced sets, once; every line is readable. */
#include "services/settlement/settlement_core.h"

#include "common/error.h"
#include "tests/unit/rig.h"

enum { BASE = 1, QUOTE = 2, SYMBOL = 7, BUYER = 10, SELLER = 11, RISK_SOURCE = -2 };

static struct rig *create(void)
{
    const struct msg_genesis genesis = {.accounts_max = 100, .balances_max = 100};
    return rig_create(&settlement_core, &genesis);
}

static struct msg symbol_set(uint32_t base, uint32_t quote)
{
    struct msg msg = {.kind = MSG_symbol_set};
    msg.symbol_set = (struct msg_symbol_set){
        .symbol = SYMBOL,
        .name = "A/B",
        .base = base,
        .quote = quote,
        .multiplier = 1,
        .tick = 1,
        .lot = 1,
        .quantity_max = 100,
        .notional_max = 100,
        .collar_ppm = 1,
        .stp = STP_NONE,
        .trading = TRADING_OPEN,
    };
    return msg;
}

/* Risk's decision, with the command in it. */
static void accept(struct rig *rig, uint64_t request, const struct msg *command)
{
    struct msg msg = {.kind = MSG_admin_done};
    msg.admin_done.request = request;
    msg.admin_done.account = 3;
    size_t size = 0;
    assert_int_equal(
        codec_encode(msg.admin_done.body, sizeof msg.admin_done.body, command, &size), 0);
    msg.admin_done.body_size = (uint16_t)size;
    rig_apply(rig, RISK_SOURCE, &msg);
}

static struct msg deposit(uint64_t request, uint32_t account, uint32_t asset,
                          int64_t amount)
{
    struct msg msg = {.kind = MSG_deposit_done};
    msg.deposit_done = (struct msg_deposit_done){.request = request,
                                                 .account = account,
                                                 .asset = asset,
                                                 .amount = amount,
                                                 .reference = request};
    return msg;
}

static struct msg withdrawal(uint64_t request, uint32_t account, uint32_t asset,
                             int64_t amount)
{
    struct msg msg = {.kind = MSG_withdraw_done};
    msg.withdraw_done = (struct msg_withdraw_done){.request = request,
                                                   .account = account,
                                                   .asset = asset,
                                                   .amount = amount,
                                                   .reference = request};
    return msg;
}

static struct msg trade(uint64_t trade_id, int64_t maker_fee, int64_t taker_fee)
{
    struct msg msg = {.kind = MSG_trade};
    msg.trade = (struct msg_trade){
        .symbol = SYMBOL,
        .trade_id = trade_id,
        .price = 10,
        .quantity = 3,
        .quote = 30,
        .taker_side = SIDE_SELL,
        .maker_order_id = 1,
        .maker_account = BUYER,
        .maker_cl_ord_id = 1,
        .maker_cum_quantity = 3,
        .maker_cum_quote = 30,
        .maker_fee = maker_fee,
        .taker_order_id = 2,
        .taker_slot = 1,
        .taker_account = SELLER,
        .taker_cl_ord_id = 1,
        .taker_cum_quantity = 3,
        .taker_cum_quote = 30,
        .taker_fee = taker_fee,
    };
    return msg;
}

/* A venue with one symbol, quote at the buyer and base at the seller. */
static struct rig *create_funded(void)
{
    struct rig *rig = create();
    const struct msg symbol = symbol_set(BASE, QUOTE);
    accept(rig, rig_apply(rig, 1, &symbol), &symbol);
    const struct msg quote = deposit(1, BUYER, QUOTE, 100);
    rig_apply(rig, RISK_SOURCE, &quote);
    const struct msg base = deposit(2, SELLER, BASE, 10);
    rig_apply(rig, RISK_SOURCE, &base);
    return rig;
}

static void assert_balance(struct rig *rig, uint32_t account, uint32_t asset,
                           int64_t amount)
{
    const struct msg_query query = {.id = 1,
                                    .kind = QUERY_KIND_LEDGER,
                                    .account = account,
                                    .cursor = asset,
                                    .limit = 1};
    rig_query(rig, &query);
    const struct msg row = rig_answer_row(rig, 0);
    assert_int_equal(row.row_balance.account, account);
    assert_int_equal(row.row_balance.asset, asset);
    assert_int_equal(row.row_balance.free, amount);
}

/* Both legs and both fees; a rebate is a fee the other way. */
static void trades_move_money(void **state)
{
    (void)state;
    struct rig *rig = create_funded();
    const struct msg first = trade(1, -1, 2);
    rig_apply(rig, -16, &first);
    assert_balance(rig, BUYER, BASE, 3);
    assert_balance(rig, BUYER, QUOTE, 71);
    assert_balance(rig, SELLER, BASE, 7);
    assert_balance(rig, SELLER, QUOTE, 28);
    assert_balance(rig, ACCOUNT_FEES, QUOTE, 1);
    assert_balance(rig, ACCOUNT_EXTERNAL, QUOTE, -100);
    const struct msg out = withdrawal(3, SELLER, QUOTE, 28);
    rig_apply(rig, RISK_SOURCE, &out);
    assert_balance(rig, SELLER, QUOTE, 0);
    assert_balance(rig, ACCOUNT_EXTERNAL, QUOTE, -72);
    rig_reload(rig);
    assert_balance(rig, BUYER, QUOTE, 71);
    rig_destroy(rig);
}

/* What the log must never hold: money from nothing, or the same movement twice. */
static void impossible_records(void **state)
{
    (void)state;
    struct rig *rig = create_funded();
    const struct msg first = trade(1, 0, 0);
    rig_apply(rig, -16, &first);
    const struct msg skipped = trade(3, 0, 0);
    const struct msg again = deposit(2, SELLER, BASE, 10);
    const struct msg too_much = withdrawal(3, BUYER, QUOTE, 71);
    assert_aborts(rig_apply(rig, -16, &first));
    assert_aborts(rig_apply(rig, -16, &skipped));
    assert_aborts(rig_apply(rig, RISK_SOURCE, &again));
    assert_aborts(rig_apply(rig, RISK_SOURCE, &too_much));
    settlement_core.check(rig->state);
    rig_destroy(rig);
}

/* What is counted for the alert: 0 through every movement and a restart, and in a ledger
 * that another hand has touched by how much it is wrong. */
static void imbalance_is_told(void **state)
{
    (void)state;
    enum {
        COUNT = 4,
        PAIR = 8
    }; /* in a snapshot: how many, then account, asset, amount */
    struct rig *rig = create_funded();
    const struct msg first = trade(1, -1, 2);
    rig_apply(rig, -16, &first);
    assert_int_equal(settlement_core.imbalance(rig->state), 0);
    rig_reload(rig);
    assert_int_equal(settlement_core.imbalance(rig->state), 0);

    uint8_t *bytes = malloc(RIG_SNAPSHOT_BYTES);
    assert_non_null(bytes);
    const size_t size = rig_save(rig, rig->state, bytes);
    void *touched = rig_state(rig);
    struct reader reader;
    bytes[COUNT + PAIR] ^= 4;
    reader_init(&reader, bytes, size);
    assert_int_equal(settlement_core.load(touched, &reader), 0);
    assert_int_equal(settlement_core.imbalance(touched), 4);
    assert_aborts(settlement_core.check(touched));
    free(touched);
    free(bytes);
    rig_destroy(rig);
}

/* A symbol is in force when it is accepted, and its assets never change. */
static void declared_when_accepted(void **state)
{
    (void)state;
    struct rig *rig = create_funded();
    const struct msg refused = symbol_set(3, 4);
    const uint64_t request = rig_apply(rig, 1, &refused);
    rig_reload(rig);
    const struct msg first = trade(1, 0, 0);
    rig_apply(rig, -16, &first);
    assert_balance(rig, BUYER, BASE, 3);
    const struct msg same = symbol_set(BASE, QUOTE);
    accept(rig, request, &same);
    assert_aborts(accept(rig, request, &refused));
    rig_destroy(rig);
}

static uint32_t count_postings(struct rig *rig, uint32_t account, uint32_t limit)
{
    struct msg_query query = {
        .id = 1, .kind = QUERY_KIND_POSTINGS, .account = account, .limit = limit};
    uint32_t count = 0;
    uint64_t last = 0;
    do {
        rig_query(rig, &query);
        for (uint32_t i = 0; i < rig->answer.count; i++, count++) {
            const struct msg_row_posting row = rig_answer_row(rig, i).row_posting;
            assert_true(account == 0 || row.account == account);
            assert_true((row.gseq << 4 | row.line) > last);
            last = row.gseq << 4 | row.line;
        }
        query.cursor = rig->answer.head.cursor;
    } while (query.cursor != 0);
    return count;
}

/* Lines by account, by gseq and all of them, in pages of any size, across commits. */
static void postings_by_page(void **state)
{
    (void)state;
    struct rig *rig = create_funded();
    uint64_t gseq = 0;
    for (uint64_t id = 1; id <= 3; id++) {
        const struct msg msg = trade(id, 1, 0);
        gseq = rig_apply(rig, -16, &msg);
        if (id == 2)
            rig_flush(rig);
    }
    for (uint32_t limit = 1; limit < 8; limit++) {
        assert_int_equal(count_postings(rig, 0, limit), 4 + 3 * 6);
        assert_int_equal(count_postings(rig, BUYER, limit), 1 + 3 * 3);
        assert_int_equal(count_postings(rig, SELLER, limit), 1 + 3 * 2);
        assert_int_equal(count_postings(rig, ACCOUNT_FEES, limit), 3);
        assert_int_equal(count_postings(rig, 50, limit), 0);
    }
    struct msg_query query = {
        .id = 1, .kind = QUERY_KIND_POSTINGS, .order_id = gseq, .limit = 1000};
    assert_int_equal(rig_query(rig, &query)->count, 6);
    query.order_id = gseq + 1;
    assert_int_equal(rig_query(rig, &query)->head.reason, error_number(ERR_NOT_FOUND));
    rig_destroy(rig);
}

/* The status of one trade, and of all of a symbol. */
static void settlement_of_trades(void **state)
{
    (void)state;
    struct rig *rig = create_funded();
    uint64_t gseqs[4];
    for (uint64_t id = 1; id <= 3; id++) {
        const struct msg msg = trade(id, 0, 0);
        gseqs[id] = rig_apply(rig, -16, &msg);
        if (id == 1)
            rig_flush(rig);
    }
    struct msg_query query = {
        .id = 1, .kind = QUERY_KIND_SETTLEMENT, .symbol = SYMBOL, .limit = 2};
    assert_int_equal(rig_query(rig, &query)->count, 2);
    assert_int_equal(rig->answer.head.cursor, 3);
    for (query.order_id = 1; query.order_id <= 3; query.order_id++) {
        assert_int_equal(rig_query(rig, &query)->count, 1);
        const struct msg_row_settlement row = rig_answer_row(rig, 0).row_settlement;
        assert_int_equal(row.trade_id, query.order_id);
        assert_int_equal(row.gseq, gseqs[query.order_id]);
        assert_int_equal(row.settlement, SETTLEMENT_SETTLED);
    }
    assert_int_equal(rig_query(rig, &query)->head.reason, error_number(ERR_NOT_FOUND));
    rig_destroy(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trades_move_money),      cmocka_unit_test(impossible_records),
        cmocka_unit_test(declared_when_accepted), cmocka_unit_test(postings_by_page),
        cmocka_unit_test(settlement_of_trades),   cmocka_unit_test(imbalance_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
