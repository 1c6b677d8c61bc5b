/* extreme_model_test.c - the largest numbers that every limit lets through: no row of
 * valid commands may fail a CHECK in any core, and money stays money.
 *
 * Two symbols trade the same pair, so that clients can send the same money in circles for
 * ever: each round adds to sums that no balance bounds. MODEL_SEED repeats a run,
 * MODEL_RECORDS says how long it is.
 */
#include "proto/limits.h"
#include "tests/model/books_world.h"

enum { COIN = 2, CASH = 1, PAIRS = 2 };

static uint64_t command(struct world *world, uint32_t account, const struct msg *msg)
{
    return append(world, world->sessions[account], msg);
}

/* 1, its limit, or anything between, no size more likely than another. */
static int64_t any_size(struct world *world, int64_t limit)
{
    const uint64_t bits = random_below(&world->random, 64);
    const int64_t value = (int64_t)(random_next(&world->random) >> bits >> 1);
    return value < 1 ? 1 : value > limit ? limit : value;
}

static void open_session(struct world *world, uint32_t account)
{
    struct msg msg = {.kind = MSG_open};
    msg.open = (struct msg_open){.account = account, .nonce = ++world->name};
    world->sessions[account] = (int64_t)append(world, 0, &msg);
}

static void move_money(struct world *world)
{
    const uint32_t account = (uint32_t)random_between(&world->random, 2, ACCOUNTS - 1);
    const uint32_t asset = (uint32_t)random_between(&world->random, CASH, COIN);
    struct msg msg = {.kind = MSG_deposit};
    if (random_chance(&world->random, 500000)) {
        msg.deposit = (struct msg_deposit){.account = account,
                                           .asset = asset,
                                           .amount = any_size(world, MONEY_MAX),
                                           .reference = ++world->name};
    } else {
        msg.kind = MSG_withdraw;
        msg.withdraw = (struct msg_withdraw){.account = account,
                                             .asset = asset,
                                             .amount = any_size(world, MONEY_MAX),
                                             .reference = ++world->name};
    }
    command(world, ACCOUNT_ADMIN, &msg);
}

/* What an account would buy or sell for all it has; mostly at one of a few prices, so
 * that it is met. */
static void place(struct world *world, uint32_t account)
{
    struct random *random = &world->random;
    struct msg msg = {.kind = MSG_order_new};
    msg.order_new = (struct msg_order_new){
        .cl_ord_id = ++world->name,
        .symbol = (uint32_t)random_between(random, 1, PAIRS),
        .side = (uint8_t)random_between(random, SIDE_BUY, SIDE_SELL),
        .ord_type = ORD_TYPE_LIMIT,
        .tif = (uint8_t)(random_chance(random, 800000)   ? TIF_GTC
                         : random_chance(random, 500000) ? TIF_IOC
                                                         : TIF_FOK),
        .price = random_chance(random, 700000)
                     ? INT64_C(1) << (10 * random_below(random, 5))
                     : any_size(world, PRICE_MAX),
        .quantity = any_size(world, QUANTITY_MAX),
        .stp = STP_NONE,
    };
    if (random_chance(random, 100000)) {
        msg.order_new.ord_type = ORD_TYPE_MARKET;
        msg.order_new.tif = TIF_IOC;
        msg.order_new.price = 0;
    }
    world->last_order = command(world, account, &msg);
}

/* Of anybody, recent: some are open, some are not. */
static uint64_t any_order(struct world *world)
{
    const uint64_t back = random_below(&world->random, 200);
    return world->last_order > back ? world->last_order - back : 1;
}

static void replace(struct world *world, uint32_t account)
{
    struct random *random = &world->random;
    struct msg msg = {.kind = MSG_order_replace};
    msg.order_replace = (struct msg_order_replace){
        .cl_ord_id = ++world->name,
        .order_id = any_order(world),
        .price = INT64_C(1) << (10 * random_below(random, 5)),
        .quantity = any_size(world, QUANTITY_MAX),
    };
    command(world, account, &msg);
}

static void cancel(struct world *world, uint32_t account)
{
    struct msg msg = {.kind = MSG_order_cancel};
    msg.order_cancel = (struct msg_order_cancel){.cl_ord_id = ++world->name,
                                                 .order_id = any_order(world)};
    command(world, account, &msg);
}

/* Own rates of any sign and size: rebates that no fee of the other side pays for. */
static void set_rates(struct world *world, uint32_t account)
{
    struct msg msg = {.kind = MSG_account_set};
    msg.account_set = (struct msg_account_set){
        .account = account,
        .role = ROLE_TRADER,
        .open_orders_max = 100,
        .own_fees = random_chance(&world->random, 700000),
        .maker_ppm = (int32_t)random_between(&world->random, -FEE_PPM_MAX, FEE_PPM_MAX),
        .taker_ppm = (int32_t)random_between(&world->random, -FEE_PPM_MAX, FEE_PPM_MAX),
    };
    msg.account_set.name[0] = (char)('A' + account);
    command(world, ACCOUNT_ADMIN, &msg);
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
    while (deliver(world))
        continue;
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
        replace(world, account);
        break;
    case 7:
    case 8:
        cancel(world, account);
        break;
    case 9:
    case 10:
    case 11:
        place(world, account);
        break;
    default:
        (void)deliver(world);
    }
}

/* ---- what must hold ---------------------------------------------------------------- */

static void check(struct world *world)
{
    for (uint32_t i = 0; i < READERS; i++)
        world->readers[i]->ops->check(world->readers[i]->state);
    for (uint32_t k = 0; k < SHARDS; k++)
        world->shards[k]->ops->check(world->shards[k]->state);
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
    struct msg msg = {.kind = MSG_asset_set};
    for (uint32_t asset = CASH; asset <= COIN; asset++) {
        msg.asset_set = (struct msg_asset_set){.asset = asset, .scale = 0};
        msg.asset_set.name[0] = (char)('A' + asset);
        command(world, ACCOUNT_ADMIN, &msg);
    }
    msg.kind = MSG_symbol_set;
    for (uint32_t symbol = 1; symbol <= PAIRS; symbol++) {
        msg.symbol_set = (struct msg_symbol_set){
            .symbol = symbol,
            .base = COIN,
            .quote = CASH,
            .shard = symbol % SHARDS,
            .multiplier = 1,
            .tick = 1,
            .lot = 1,
            .quantity_max = QUANTITY_MAX,
            .notional_max = MONEY_MAX,
            .collar_ppm = PPM,
            .maker_ppm = -FEE_PPM_MAX,
            .taker_ppm = FEE_PPM_MAX,
            .stp = STP_EXPIRE_TAKER,
            .trading = TRADING_OPEN,
        };
        msg.symbol_set.name[0] = (char)('A' + symbol);
        command(world, ACCOUNT_ADMIN, &msg);
    }
    for (uint32_t account = FIRST; account < ACCOUNTS; account++) {
        set_rates(world, account);
        open_session(world, account);
    }
    for (uint32_t i = 0; i < 2000; i++)
        move_money(world);
    while (deliver(world))
        continue;
}

static struct world *create(uint64_t seed)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    struct msg msg = {.kind = MSG_genesis};
    msg.genesis = (struct msg_genesis){
        .version = 1,
        .shards = SHARDS,
        .accounts_max = 16,
        .balances_max = 200,
        .sessions_max = 16,
        .orders_max = ORDERS,
        .levels_max = ORDERS,
        .references_max = 1 << 20,
        .dedupe_window = 16,
        .digest_ticks = 1,
    };
    static const struct core_ops *const cores[READERS] = {&risk_core, &settlement_core,
                                                          &portfolio_core};
    for (uint32_t i = 0; i < READERS; i++)
        world->readers[i] = rig_create(cores[i], &msg.genesis);
    for (uint32_t k = 0; k < SHARDS; k++)
        world->shards[k] = rig_create(&shard_core, &msg.genesis);
    random_init(&world->random, seed);
    append(world, 0, &msg);
    open_session(world, ACCOUNT_ADMIN);
    configure(world);
    return world;
}

static void destroy(struct world *world)
{
    for (uint32_t i = 0; i < READERS; i++)
        rig_destroy(world->readers[i]);
    for (uint32_t k = 0; k < SHARDS; k++) {
        rig_destroy(world->shards[k]);
        free(world->approved[k].items);
        free(world->reported[k].items);
    }
    free(world->decided.items);
    free(world);
}

static void nothing_breaks(void **state)
{
    (void)state;
    const char *text = getenv("MODEL_SEED");
    const uint64_t seed = text ? strtoull(text, NULL, 10) : 1;
    text = getenv("MODEL_RECORDS");
    const uint64_t records = text ? strtoull(text, NULL, 10) : 200000;
    print_message("MODEL_SEED=%llu\n", (unsigned long long)seed);
    struct world *world = create(seed);
    uint32_t beyond = 0;
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
    while (deliver(world))
        continue;
    check(world);
    print_message("%llu trades, sums beyond a row %u times\n",
                  (unsigned long long)world->trades, beyond);
    assert_true(world->trades > records / 400);
    assert_true(beyond > 0);
    destroy(world);
}

static void take_fees(struct world *world, int64_t amount)
{
    struct msg msg = {.kind = MSG_withdraw};
    msg.withdraw = (struct msg_withdraw){.account = ACCOUNT_FEES,
                                         .asset = CASH,
                                         .amount = amount,
                                         .reference = ++world->name};
    command(world, ACCOUNT_ADMIN, &msg);
    while (deliver(world))
        continue;
}

/* What the fills of an open order were rounded up by stays with the fees. */
static void fees_keep_what_is_lent(void **state)
{
    (void)state;
    struct world *world = create(1);
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
