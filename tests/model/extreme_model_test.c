/* extreme_model_test.c - the largest numbers that every limit lets through: no row of
 * valid commands may fail a CHECK in any core, and money stays money.
 *
 * Two symbols trade the same pair, so that clients can send the same money in circles for
 * ever: each round adds to sums that no balance bounds. MODEL_SEED repeats a run,
 * MODEL_RECORDS says how long it is.
 */
#include "proto/limits.h"
#include "tests/model/books_world.h"

enum { CASH = QUOTE, COIN = 2, PAIRS = 2 };

/* 1, its limit, or anything between, no size more likely than another. */
static int64_t any_size(struct world *world, int64_t limit)
{
    const uint64_t bits = random_below(&world->random, 64);
    const int64_t value = (int64_t)(random_next(&world->random) >> bits >> 1);
    return value < 1 ? 1 : value > limit ? limit : value;
}

/* Mostly one of a few, so that an order is met. */
static int64_t any_price(struct world *world)
{
    return random_chance(&world->random, 700000)
               ? INT64_C(1) << (10 * random_below(&world->random, 5))
               : any_size(world, PRICE_MAX);
}

static void move_money(struct world *world)
{
    const uint32_t account = (uint32_t)random_between(&world->random, 2, ACCOUNTS - 1);
    const uint32_t asset = (uint32_t)random_between(&world->random, CASH, COIN);
    const int64_t amount = any_size(world, MONEY_MAX);
    if (random_chance(&world->random, 500000))
        deposit(world, account, asset, amount);
    else
        withdraw(world, ACCOUNT_ADMIN, account, asset, amount);
}

/* Own rates of any sign and size: rebates that no fee of the other side pays for. */
static void set_rates(struct world *world, uint32_t account)
{
    struct random *random = &world->random;
    set_account(
        world,
        (struct msg_account_set){
            .account = account,
            .own_fees = random_chance(random, 700000),
            .maker_ppm = (int32_t)random_between(random, -FEE_PPM_MAX, FEE_PPM_MAX),
            .taker_ppm = (int32_t)random_between(random, -FEE_PPM_MAX, FEE_PPM_MAX)});
}

static int64_t free_of(struct world *world, uint32_t account, uint32_t asset)
{
    struct rig *risk = world->readers[RISK];
    const struct msg_query query = {
        .kind = QUERY_KIND_BALANCES, .account = account, .limit = 10};
    const uint32_t rows = rig_query(risk, &query)->count;
    for (uint32_t i = 0; i < rows; i++)
        if (rig_answer_row(risk, i).row_balance.asset == asset)
            return rig_answer_row(risk, i).row_balance.free;
    return 0;
}

static void send(struct world *world, uint32_t account, struct msg_order_new order)
{
    order.cl_ord_id = ++world->name;
    order.ord_type = ORD_TYPE_LIMIT;
    order.stp = STP_NONE;
    world->last_order =
        command(world, account, &(struct msg){.kind = MSG_order_new, .order_new = order});
    deliver_all(world);
}

/* All that one can pay and the other has, there at one price and back at another symbol:
 * what they own comes back, their sums do not. */
static void circle(struct world *world)
{
    struct random *random = &world->random;
    const uint32_t buyer = (uint32_t)random_between(random, FIRST, ACCOUNTS - 1);
    const uint32_t seller = (uint32_t)random_between(random, FIRST, ACCOUNTS - 1);
    const int64_t coins = free_of(world, seller, COIN);
    const int64_t cash = free_of(world, buyer, CASH);
    if (coins == 0 || cash == 0 || buyer == seller)
        return;
    const int64_t most = coins < QUANTITY_MAX ? coins : QUANTITY_MAX;
    const int64_t dear = cash / 5 * 4 / most;
    struct msg_order_new order = {.symbol = 1, .side = SIDE_BUY, .quantity = most};
    order.price = dear < 1 ? 1 : dear > PRICE_MAX ? PRICE_MAX : dear;
    if (order.price > cash / 5 * 4 / most)
        order.quantity = any_size(world, cash / 5 * 4 / order.price + 1);
    for (uint32_t i = 0; i < 2; i++) {
        order.tif = TIF_GTC;
        order.side = i == 0 ? SIDE_BUY : SIDE_SELL;
        send(world, buyer, order);
        order.tif = TIF_IOC;
        order.side = i == 0 ? SIDE_SELL : SIDE_BUY;
        send(world, seller, order);
        order.symbol = 2;
    }
}

static void step(struct world *world)
{
    const uint32_t account =
        (uint32_t)random_between(&world->random, FIRST, ACCOUNTS - 1);
    switch (random_below(&world->random, 16)) {
    case 0:
        move_money(world);
        break;
    case 1:
        set_rates(world, account);
        break;
    case 2:
    case 3:
    case 4:
        circle(world);
        break;
    case 5:
    case 6:
        replace(world, account, any_price(world), any_size(world, QUANTITY_MAX));
        break;
    case 7:
    case 8:
        cancel(world, account);
        break;
    case 9:
    case 10:
    case 11:
        place(world, account, any_price(world), any_size(world, QUANTITY_MAX));
        break;
    default:
        (void)deliver(world);
    }
}

/* ---- what must hold ---------------------------------------------------------------- */

static void check(struct world *world)
{
    check_cores(world);
    const struct msg_query query = {
        .kind = QUERY_KIND_BALANCES, .account = ACCOUNT_FEES, .limit = 10};
    const struct core_answer *answer = rig_query(world->readers[RISK], &query);
    for (uint32_t i = 0; i < answer->count; i++)
        assert_true(rig_answer_row(world->readers[RISK], i).row_balance.free >= 0);
}

/* Has a sum of this venue left what a row can show? Else the test tests little. */
static uint32_t count_beyond(struct world *world)
{
    const struct msg_query query = {.kind = QUERY_KIND_POSITIONS, .limit = 100};
    uint32_t count = 0;
    struct rig *rig = world->readers[PORTFOLIO];
    for (uint32_t account = FIRST; account < ACCOUNTS; account++) {
        struct msg_query own = query;
        own.account = account;
        const uint32_t rows = rig_query(rig, &own)->count;
        for (uint32_t i = 0; i < rows; i++) {
            const struct msg_row_position row = rig_answer_row(rig, i).row_position;
            count += row.cost == MONEY_MAX || row.cost == -MONEY_MAX ||
                     row.realised == MONEY_MAX || row.realised == -MONEY_MAX ||
                     row.quantity == QUANTITY_MAX || row.quantity == -QUANTITY_MAX;
        }
    }
    return count;
}

static void configure(struct world *world)
{
    for (uint32_t asset = CASH; asset <= COIN; asset++)
        declare_asset(world, asset, 0);
    for (uint32_t i = 0; i < PAIRS; i++)
        declare_symbol(world, (struct msg_symbol_set){.base = COIN,
                                                      .quantity_max = QUANTITY_MAX,
                                                      .collar_ppm = PPM,
                                                      .maker_ppm = -FEE_PPM_MAX,
                                                      .taker_ppm = FEE_PPM_MAX});
    for (uint32_t account = FIRST; account < ACCOUNTS; account++) {
        set_rates(world, account);
        reopen(world, account);
    }
    for (uint32_t i = 0; i < 2000; i++)
        move_money(world);
    deliver_all(world);
}

static void nothing_breaks(void **state)
{
    (void)state;
    struct world *world = create(option(0, NULL, 0, "MODEL_SEED", 1));
    const uint64_t records = option(0, NULL, 0, "MODEL_RECORDS", 200000);
    uint32_t beyond = 0;
    configure(world);
    while (world->gseq < records) {
        const uint64_t before = world->gseq;
        step(world);
        if (before / 100 != world->gseq / 100)
            check(world);
        if (before / 20000 != world->gseq / 20000) {
            beyond += count_beyond(world);
            for (uint32_t i = 0; i < READERS; i++)
                rig_reload(world->readers[i]);
        }
    }
    deliver_all(world);
    check(world);
    print_message("%llu trades, sums beyond a row %u times\n",
                  (unsigned long long)world->trades, beyond);
    assert_true(world->trades > records / 400);
    assert_true(beyond > 0);
    destroy(world);
}

static void take_fees(struct world *world, int64_t amount)
{
    withdraw(world, ACCOUNT_ADMIN, ACCOUNT_FEES, CASH, amount);
    deliver_all(world);
}

/* What the fills of an open order were rounded up by stays with the fees. */
static void fees_keep_what_is_lent(void **state)
{
    (void)state;
    struct world *world = create(1);
    configure(world);
    uint32_t account = FIRST;
    while (free_of(world, account, CASH) < 100)
        assert_true(++account < ACCOUNTS);
    for (uint32_t i = 0; i < 3; i++)
        send(world, account,
             (struct msg_order_new){.symbol = 1,
                                    .side = SIDE_BUY,
                                    .tif = TIF_GTC,
                                    .price = 1 + i,
                                    .quantity = 1});
    const int64_t fees = free_of(world, ACCOUNT_FEES, CASH);
    assert_true(fees > 3);
    take_fees(world, fees - 2);
    assert_int_equal(free_of(world, ACCOUNT_FEES, CASH), fees);
    take_fees(world, fees - 3);
    assert_int_equal(free_of(world, ACCOUNT_FEES, CASH), 3);
    destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_breaks),
                                       cmocka_unit_test(fees_keep_what_is_lent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
