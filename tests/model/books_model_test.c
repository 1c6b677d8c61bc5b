/* books_model_test.c - risk, two shards, settlement and portfolio over one log, with
 * random commands and random delays between them: their books must agree after every
 * record.
 *
 * MODEL_SEED repeats a run, MODEL_RECORDS says how long it is.
 */
#include "tests/model/books_world.h"

enum {
    SYMBOLS = 4,
    ASSETS = SYMBOLS + 2,
    PRICE = 1000
}; /* symbol s trades asset s + 1 */

/* ---- commands ---------------------------------------------------------------------- */

static int64_t near_price(struct world *world)
{
    return random_between(&world->random, PRICE - 20, PRICE + 20);
}

static uint32_t any_asset(struct world *world)
{
    return (uint32_t)random_between(&world->random, 1, ASSETS - 1);
}

static void disturb(struct world *world, uint32_t account)
{
    struct random *random = &world->random;
    struct msg msg = {.kind = MSG_account_kill};
    if (random_chance(random, 500000)) {
        msg.account_kill = (struct msg_account_kill){
            .account = account, .killed = random_chance(random, 300000)};
    } else {
        msg.kind = MSG_symbol_status;
        msg.symbol_status = (struct msg_symbol_status){
            .symbol = (uint32_t)random_between(random, 1, SYMBOLS + 1),
            .trading = random_chance(random, 300000) ? TRADING_HALTED : TRADING_OPEN,
        };
    }
    command(world, ACCOUNT_ADMIN, &msg);
}

static void step(struct world *world)
{
    struct random *random = &world->random;
    const uint32_t account = (uint32_t)random_between(random, FIRST, ACCOUNTS - 1);
    const uint64_t dice = random_below(random, 1000);
    if (dice < 300)
        place(world, account, near_price(world), random_between(random, 1, 30));
    else if (dice < 360)
        cancel(world, account);
    else if (dice < 410)
        replace(world, account, near_price(world), random_between(random, 1, 40));
    else if (dice < 420)
        withdraw(world, account, account, any_asset(world),
                 random_between(random, 1, 20000));
    else if (dice < 430)
        deposit(world, account, any_asset(world), 5000);
    else if (dice < 433)
        disturb(world, account);
    else if (dice < 436)
        reopen(world, account);
    else
        deliver(world);
}

/* ---- agreement --------------------------------------------------------------------- */

/* The rows of an answer, one after the other. */
static bool next_row(const struct rig *rig, size_t *at, struct msg *row)
{
    size_t used = 0;
    if (*at == rig->answer.rows_size)
        return false;
    assert_int_equal(
        codec_decode(rig->answer.rows + *at, rig->answer.rows_size - *at, row, &used), 0);
    *at += used;
    return true;
}

static void ask(struct rig *rig, const struct msg_query *query)
{
    assert_int_equal(rig_query(rig, query)->head.cursor, 0);
}

static void sum_balances(struct rig *rig, enum query_kind kind,
                         int64_t sums[ACCOUNTS][ASSETS])
{
    const struct msg_query query = {.id = 1, .kind = (uint8_t)kind, .limit = 1000};
    size_t at = 0;
    struct msg row;
    memset(sums, 0, sizeof(int64_t[ACCOUNTS][ASSETS]));
    ask(rig, &query);
    while (next_row(rig, &at, &row))
        sums[row.row_balance.account][row.row_balance.asset] +=
            row.row_balance.free + row.row_balance.held;
}

/* I4: at every position risk's free + held is settlement's balance. */
static void compare_balances(struct world *world)
{
    int64_t held[ACCOUNTS][ASSETS];
    int64_t posted[ACCOUNTS][ASSETS];
    sum_balances(world->readers[RISK], QUERY_KIND_BALANCES, held);
    sum_balances(world->readers[SETTLEMENT], QUERY_KIND_LEDGER, posted);
    for (uint32_t account = 1; account < ACCOUNTS; account++)
        for (uint32_t asset = 1; asset < ASSETS; asset++)
            assert_int_equal(held[account][asset], posted[account][asset]);
}

/* What portfolio shows as open, risk holds for, with the same numbers. */
static void compare_orders(struct world *world)
{
    static struct msg_row_order open[ORDERS];
    struct rig *risk = world->readers[RISK];
    struct rig *portfolio = world->readers[PORTFOLIO];
    uint32_t count = 0;
    for (uint32_t account = FIRST; account < ACCOUNTS; account++) {
        const struct msg_query query = {
            .id = 1, .kind = QUERY_KIND_ORDERS, .account = account, .limit = 1000};
        size_t at = 0;
        struct msg row;
        ask(portfolio, &query);
        while (next_row(portfolio, &at, &row))
            open[count++] = row.row_order;
    }
    const struct msg_query query = {.id = 1, .kind = QUERY_KIND_HOLDS, .limit = 1000};
    size_t at = 0;
    struct msg row;
    ask(risk, &query);
    uint32_t accepted = 0;
    while (next_row(risk, &at, &row)) {
        const struct msg_row_order *held = &row.row_order;
        for (uint32_t i = 0; i < count; i++) {
            if (open[i].order_id != held->order_id)
                continue;
            accepted++;
            assert_int_equal(open[i].account, held->account);
            assert_int_equal(open[i].cl_ord_id, held->cl_ord_id);
            assert_int_equal(open[i].price, held->price);
            assert_int_equal(open[i].quantity, held->quantity);
            assert_int_equal(open[i].cum_quantity, held->cum_quantity);
            assert_int_equal(open[i].cum_quote, held->cum_quote);
            assert_int_equal(open[i].leaves, held->leaves);
        }
    }
    assert_int_equal(accepted, count);
}

/* Each account's feed is whole, and each of its orders has the outcome the feed tells. */
static void check_feed(struct world *world, uint32_t account)
{
    struct rig *rig = world->readers[PORTFOLIO];
    struct msg_query query = {
        .id = 1, .kind = QUERY_KIND_REPORTS, .account = account, .limit = 1000};
    uint64_t last = 0;
    uint64_t count = 0;
    do {
        rig_query(rig, &query);
        size_t at = 0;
        struct msg row;
        for (; next_row(rig, &at, &row); count++) {
            assert_int_equal(row.row_report.prev, last);
            last = row.row_report.gseq;
        }
        query.cursor = rig->answer.head.cursor;
    } while (query.cursor != 0);
    assert_int_equal(count, world->feed_count[account]);
}

static void check(struct world *world)
{
    check_cores(world);
    compare_balances(world);
    compare_orders(world);
}

/* ---- the test ---------------------------------------------------------------------- */

static void configure(struct world *world)
{
    for (uint32_t asset = 1; asset < ASSETS; asset++)
        declare_asset(world, asset, 2);
    for (uint32_t symbol = 1; symbol <= SYMBOLS; symbol++)
        declare_symbol(world, (struct msg_symbol_set){.base = symbol + 1,
                                                      .quantity_scale = 2,
                                                      .quantity_max = 1000,
                                                      .collar_ppm = 100000,
                                                      .reference_price = PRICE,
                                                      .maker_ppm = -100,
                                                      .taker_ppm = 250});
    for (uint32_t account = FIRST; account < ACCOUNTS; account++) {
        set_account(world, (struct msg_account_set){.account = account});
        reopen(world, account);
        for (uint32_t asset = 1; asset < ASSETS; asset++)
            deposit(world, account, asset, asset == QUOTE ? 10000000 : 10000);
    }
    deliver_all(world);
}

static void books_agree(void **state)
{
    (void)state;
    struct world *world = create(option(0, NULL, 0, "MODEL_SEED", 1));
    const uint64_t records = option(0, NULL, 0, "MODEL_RECORDS", 100000);
    configure(world);
    while (world->gseq < records) {
        const uint64_t before = world->gseq;
        step(world);
        if (before / 10 != world->gseq / 10)
            check(world);
        if (before / 20000 != world->gseq / 20000) {
            rig_reload(world->readers[SETTLEMENT]);
            rig_reload(world->readers[PORTFOLIO]);
        }
    }
    deliver_all(world);
    check(world);
    for (uint32_t account = FIRST; account < ACCOUNTS; account++)
        check_feed(world, account);
    assert_true(world->trades > records / 100);
    destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(books_agree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
