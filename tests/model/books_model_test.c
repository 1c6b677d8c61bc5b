/* books_model_test.c - risk, two shards, settlement and portfolio over one log, with
 * random commands and random delays between them: their books must agree after every
 * record.
 *
 * MODEL_SEED repeats a run, MODEL_RECORDS says how long it is.
 */
#include "tests/model/books_world.h"

/* ---- commands ---------------------------------------------------------------------- */

static uint64_t command(struct world *world, uint32_t account, const struct msg *msg)
{
    return append(world, world->sessions[account], msg);
}

static void place(struct world *world, uint32_t account)
{
    struct random *random = &world->random;
    const bool market = random_chance(random, 100000);
    struct msg msg = {.kind = MSG_order_new};
    msg.order_new = (struct msg_order_new){
        .cl_ord_id = ++world->name,
        .symbol = (uint32_t)random_between(random, 1, SYMBOLS),
        .side = (uint8_t)random_between(random, SIDE_BUY, SIDE_SELL),
        .ord_type = market ? ORD_TYPE_MARKET : ORD_TYPE_LIMIT,
        .tif = market || random_chance(random, 100000) ? TIF_IOC : TIF_GTC,
        .price = market ? 0 : random_between(random, PRICE - 20, PRICE + 20),
        .quantity = random_between(random, 1, 30),
        .stp = (uint8_t)random_between(random, STP_DEFAULT, STP_EXPIRE_BOTH),
    };
    if (!market && random_chance(random, 50000))
        msg.order_new.tif = TIF_FOK;
    else if (!market && msg.order_new.tif == TIF_GTC)
        msg.order_new.post_only = random_chance(random, 100000);
    world->last_order = command(world, account, &msg);
}

/* An order of anybody: most often recent, so that some are open and some are not. */
static uint64_t any_order(struct world *world)
{
    const uint64_t back = random_below(&world->random, 300);
    return world->last_order > back ? world->last_order - back : 1;
}

static void cancel(struct world *world, uint32_t account)
{
    struct msg msg = {.kind = MSG_order_cancel};
    msg.order_cancel = (struct msg_order_cancel){.cl_ord_id = ++world->name};
    if (random_chance(&world->random, 500000))
        msg.order_cancel.order_id = any_order(world);
    else
        msg.order_cancel.orig_cl_ord_id =
            world->name - random_below(&world->random, world->name);
    command(world, account, &msg);
}

static void replace(struct world *world, uint32_t account)
{
    struct random *random = &world->random;
    struct msg msg = {.kind = MSG_order_replace};
    msg.order_replace = (struct msg_order_replace){
        .cl_ord_id = ++world->name,
        .order_id = any_order(world),
        .price = random_between(random, PRICE - 20, PRICE + 20),
        .quantity = random_between(random, 1, 40),
    };
    command(world, account, &msg);
}

static void deposit(struct world *world, uint32_t account, uint32_t asset, int64_t amount)
{
    struct msg msg = {.kind = MSG_deposit};
    msg.deposit = (struct msg_deposit){
        .account = account, .asset = asset, .amount = amount, .reference = ++world->name};
    command(world, ACCOUNT_ADMIN, &msg);
}

static void withdraw(struct world *world, uint32_t account)
{
    struct msg msg = {.kind = MSG_withdraw};
    msg.withdraw = (struct msg_withdraw){
        .account = account,
        .asset = (uint32_t)random_between(&world->random, 1, ASSETS - 1),
        .amount = random_between(&world->random, 1, 20000),
        .reference = ++world->name,
    };
    command(world, account, &msg);
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

static void reopen(struct world *world, uint32_t account)
{
    struct msg msg = {.kind = MSG_close};
    if (world->sessions[account] != 0)
        command(world, account, &msg);
    msg.kind = MSG_open;
    msg.open = (struct msg_open){.account = account, .nonce = ++world->name};
    world->sessions[account] = (int64_t)append(world, 0, &msg);
}

static void step(struct world *world)
{
    struct random *random = &world->random;
    const uint32_t account = (uint32_t)random_between(random, FIRST, ACCOUNTS - 1);
    const uint64_t dice = random_below(random, 1000);
    if (dice < 300)
        place(world, account);
    else if (dice < 360)
        cancel(world, account);
    else if (dice < 410)
        replace(world, account);
    else if (dice < 420)
        withdraw(world, account);
    else if (dice < 430)
        deposit(world, account, (uint32_t)random_between(random, 1, ASSETS - 1), 5000);
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
    const struct core_rows rows = {.context = rig, .seek = rig_seek};
    rig->answer = (struct core_answer){.rows = rig->answer_bytes,
                                       .rows_capacity = sizeof rig->answer_bytes};
    rig->ops->query(rig->state, query, &rows, &rig->answer);
    assert_int_equal(rig->answer.head.cursor, 0);
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
    for (uint32_t i = 0; i < READERS; i++)
        world->readers[i]->ops->check(world->readers[i]->state);
    compare_balances(world);
    compare_orders(world);
}

/* ---- the test ---------------------------------------------------------------------- */

static void configure(struct world *world)
{
    for (uint32_t asset = 1; asset < ASSETS; asset++) {
        struct msg msg = {.kind = MSG_asset_set};
        msg.asset_set = (struct msg_asset_set){.asset = asset, .scale = 2};
        msg.asset_set.name[0] = (char)('A' + asset);
        command(world, ACCOUNT_ADMIN, &msg);
    }
    for (uint32_t symbol = 1; symbol <= SYMBOLS; symbol++) {
        struct msg msg = {.kind = MSG_symbol_set};
        msg.symbol_set = (struct msg_symbol_set){
            .symbol = symbol,
            .base = symbol + 1,
            .quote = QUOTE,
            .shard = symbol % SHARDS,
            .price_scale = 0,
            .quantity_scale = 2,
            .multiplier = 1,
            .tick = 1,
            .lot = 1,
            .quantity_max = 1000,
            .notional_max = MONEY_MAX,
            .collar_ppm = 100000,
            .reference_price = PRICE,
            .maker_ppm = -100,
            .taker_ppm = 250,
            .stp = STP_EXPIRE_TAKER,
            .trading = TRADING_OPEN,
        };
        msg.symbol_set.name[0] = (char)('A' + symbol);
        command(world, ACCOUNT_ADMIN, &msg);
    }
    for (uint32_t account = FIRST; account < ACCOUNTS; account++) {
        struct msg msg = {.kind = MSG_account_set};
        msg.account_set = (struct msg_account_set){
            .account = account, .role = ROLE_TRADER, .open_orders_max = 100};
        msg.account_set.name[0] = (char)('A' + account);
        command(world, ACCOUNT_ADMIN, &msg);
        reopen(world, account);
        for (uint32_t asset = 1; asset < ASSETS; asset++)
            deposit(world, account, asset, asset == QUOTE ? 10000000 : 10000);
    }
    while (deliver(world))
        continue;
}

static struct world *create(void)
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
    random_init(&world->random, 1);
    const char *seed = getenv("MODEL_SEED");
    if (seed)
        random_init(&world->random, strtoull(seed, NULL, 10));
    append(world, 0, &msg);
    reopen(world, ACCOUNT_ADMIN);
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

static void books_agree(void **state)
{
    (void)state;
    struct world *world = create();
    const char *text = getenv("MODEL_RECORDS");
    const uint64_t records = text ? strtoull(text, NULL, 10) : 100000;
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
    while (deliver(world))
        continue;
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
