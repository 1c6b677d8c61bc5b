/* ledger_model_test.c - a million records through settlement and portfolio, against plain
 * arrays that are computed from the list of trades and transfers alone.
 *
 * MODEL_SEED repeats a run, MODEL_RECORDS shortens it.
 */
#include "common/error.h"
#include "common/random.h"
#include "services/portfolio/portfolio_core.h"
#include "services/settlement/settlement_core.h"
#include "tests/model/option.h"
#include "tests/unit/rig.h"

enum {
    ACCOUNTS = 20,
    FIRST = 4, /* below are the accounts of the venue */
    SYMBOLS = 6,
    QUOTE = 1, /* asset; symbol s trades asset s + 1 */
    ASSETS = SYMBOLS + 2,
    PRICE = 1000,
    SOURCE_RISK = -2,
    SOURCE_SHARD = -16,
};

/* One side of a trade, or a transfer (symbol 0). */
struct entry {
    uint32_t account, symbol, asset;
    int64_t quantity, quote, fee;
};

struct world {
    struct rig *ledger, *portfolio;
    struct random random;
    struct entry *entries;
    size_t count, capacity;
    int64_t balance[ACCOUNTS][ASSETS];
    int64_t last_price[SYMBOLS + 1], multiplier[SYMBOLS + 1];
    uint64_t trade_id[SYMBOLS + 1];
    uint64_t records, requests;
    int64_t session;
    uint64_t flats; /* times a position was seen to come back to nothing */
    bool keeps_rows;
};

static void keep(struct world *world, const struct entry *entry)
{
    if (world->count == world->capacity) {
        world->capacity = world->capacity * 2 + 1024;
        world->entries =
            realloc(world->entries, world->capacity * sizeof *world->entries);
        assert_non_null(world->entries);
    }
    world->entries[world->count++] = *entry;
}

/* A commit now and then; its rows are kept only where a test will read them. */
static void commit(struct world *world, struct rig *rig)
{
    if (world->keeps_rows) {
        rig_flush(rig);
        return;
    }
    rig->ops->flush(rig->state, &rig->outbox);
    outbox_clear(&rig->outbox);
}

static uint64_t apply(struct world *world, int64_t source, const struct msg *msg)
{
    rig_apply(world->ledger, source, msg);
    const uint64_t gseq = rig_apply(world->portfolio, source, msg);
    if (++world->records % 509 == 0) {
        commit(world, world->ledger);
        commit(world, world->portfolio);
    }
    return gseq;
}

static void declare(struct world *world, uint32_t symbol)
{
    struct msg msg = {.kind = MSG_symbol_set};
    world->multiplier[symbol] = symbol % 2 == 0 ? 1 : 100;
    msg.symbol_set = (struct msg_symbol_set){
        .symbol = symbol,
        .name = "S",
        .base = symbol + 1,
        .quote = QUOTE,
        .multiplier = world->multiplier[symbol],
        .tick = 1,
        .lot = 1,
        .quantity_max = QUANTITY_MAX,
        .notional_max = MONEY_MAX,
        .collar_ppm = 1,
        .stp = STP_NONE,
        .trading = TRADING_OPEN,
    };
    struct msg done = {.kind = MSG_admin_done};
    size_t size = 0;
    done.admin_done.request = apply(world, 1, &msg);
    done.admin_done.account = ACCOUNT_ADMIN;
    assert_int_equal(
        codec_encode(done.admin_done.body, sizeof done.admin_done.body, &msg, &size), 0);
    done.admin_done.body_size = (uint16_t)size;
    apply(world, SOURCE_RISK, &done);
}

static void transfer(struct world *world, uint32_t account, uint32_t asset,
                     int64_t amount)
{
    struct msg msg = {.kind = amount > 0 ? MSG_deposit_done : MSG_withdraw_done};
    const uint64_t request = ++world->requests;
    if (amount > 0)
        msg.deposit_done =
            (struct msg_deposit_done){request, account, asset, amount, request, 0};
    else
        msg.withdraw_done =
            (struct msg_withdraw_done){request, account, asset, -amount, request, 0};
    apply(world, SOURCE_RISK, &msg);
    world->balance[account][asset] += amount;
    keep(world, &(struct entry){.account = account, .asset = asset, .quantity = amount});
}

static uint64_t place(struct world *world, uint32_t slot, uint32_t account,
                      uint32_t symbol, enum side side, int64_t price, int64_t quantity)
{
    struct msg msg = {.kind = MSG_order_new};
    msg.order_new = (struct msg_order_new){
        .cl_ord_id = 1,
        .symbol = symbol,
        .side = (uint8_t)side,
        .ord_type = ORD_TYPE_LIMIT,
        .tif = TIF_GTC,
        .price = price,
        .quantity = quantity,
    };
    const uint64_t id = apply(world, world->session + account, &msg);
    struct msg accepted = {.kind = MSG_order_accepted};
    accepted.order_accepted = (struct msg_order_accepted){
        .order_id = id,
        .slot = slot,
        .account = account,
        .cl_ord_id = 1,
        .symbol = symbol,
        .side = (uint8_t)side,
        .ord_type = ORD_TYPE_LIMIT,
        .tif = TIF_GTC,
        .price = price,
        .quantity = quantity,
    };
    apply(world, SOURCE_SHARD, &accepted);
    return id;
}

static void keep_side(struct world *world, uint32_t account, uint32_t symbol,
                      int64_t quantity, int64_t quote, int64_t fee)
{
    world->balance[account][symbol + 1] += quantity;
    world->balance[account][QUOTE] -= quote + fee;
    world->balance[ACCOUNT_FEES][QUOTE] += fee;
    keep(world, &(struct entry){.account = account,
                                .symbol = symbol,
                                .quantity = quantity,
                                .quote = quote,
                                .fee = fee});
}

/* Two orders that fill each other whole. */
static void trade(struct world *world, uint32_t buyer, uint32_t seller, uint32_t symbol)
{
    struct random *random = &world->random;
    const int64_t price = random_between(random, PRICE - 300, PRICE + 300);
    const int64_t quantity = random_between(random, 1, 40);
    const int64_t quote = price * quantity * world->multiplier[symbol];
    const int64_t maker_fee = random_between(random, -50, 50);
    const int64_t taker_fee = random_between(random, 50, 90);
    if (world->balance[buyer][QUOTE] < quote + 100 ||
        world->balance[seller][symbol + 1] < quantity)
        return;
    const bool maker_buys = random_chance(random, 500000);
    const uint32_t maker = maker_buys ? buyer : seller;
    const uint32_t taker = maker_buys ? seller : buyer;
    const enum side maker_side = maker_buys ? SIDE_BUY : SIDE_SELL;
    const enum side taker_side = maker_buys ? SIDE_SELL : SIDE_BUY;
    struct msg msg = {.kind = MSG_trade};
    msg.trade = (struct msg_trade){
        .symbol = symbol,
        .trade_id = ++world->trade_id[symbol],
        .price = price,
        .quantity = quantity,
        .quote = quote,
        .taker_side = (uint8_t)taker_side,
        .maker_order_id = place(world, 0, maker, symbol, maker_side, price, quantity),
        .maker_account = maker,
        .maker_cl_ord_id = 1,
        .maker_cum_quantity = quantity,
        .maker_cum_quote = quote,
        .maker_fee = maker_fee,
        .taker_order_id = place(world, 1, taker, symbol, taker_side, price, quantity),
        .taker_slot = 1,
        .taker_account = taker,
        .taker_cl_ord_id = 1,
        .taker_cum_quantity = quantity,
        .taker_cum_quote = quote,
        .taker_fee = taker_fee,
    };
    apply(world, SOURCE_SHARD, &msg);
    const int64_t taken = maker_buys ? -1 : 1;
    keep_side(world, maker, symbol, -taken * quantity, -taken * quote, maker_fee);
    keep_side(world, taker, symbol, taken * quantity, taken * quote, taker_fee);
    world->last_price[symbol] = price;
}

static void step(struct world *world)
{
    struct random *random = &world->random;
    const uint32_t account = (uint32_t)random_between(random, FIRST, ACCOUNTS - 1);
    const uint32_t other = (uint32_t)random_between(random, FIRST, ACCOUNTS - 1);
    const uint32_t asset = (uint32_t)random_between(random, 1, ASSETS - 1);
    if (random_chance(random, 900000)) {
        trade(world, account, other, (uint32_t)random_between(random, 1, SYMBOLS));
        return;
    }
    int64_t amount = random_between(random, -5000, 5000) * (asset == QUOTE ? 10000 : 1);
    if (amount < -world->balance[account][asset])
        amount = -world->balance[account][asset];
    if (amount != 0)
        transfer(world, account, asset, amount);
}

/* ---- the naive twins --------------------------------------------------------------- */

/* A position by average cost, as one would on paper; and by first-in-first-out lots. */
struct twin {
    int64_t quantity, cost, realised, fees;
    int64_t lot_quantity[1 << 15], lot_cost[1 << 15];
    size_t first, last; /* of the open lots */
    int64_t lots_realised;
};

static int64_t least(int64_t a, int64_t b)
{
    return llabs(a) < llabs(b) ? a : b;
}

static void close_lots(struct twin *twin, int64_t quantity, int64_t quote)
{
    twin->lots_realised -= quote;
    while (quantity != 0) {
        int64_t *open = &twin->lot_quantity[twin->first];
        const int64_t part = least(-quantity, *open);
        const int64_t cost = twin->lot_cost[twin->first] * part / *open;
        twin->lots_realised -= cost;
        twin->lot_cost[twin->first] -= cost;
        *open -= part;
        quantity += part;
        if (*open == 0)
            twin->first++;
    }
}

static void book(struct twin *twin, const struct entry *entry)
{
    int64_t quantity = entry->quantity;
    int64_t quote = entry->quote;
    twin->fees += entry->fee;
    if (twin->quantity != 0 && (twin->quantity > 0) != (quantity > 0)) {
        const int64_t part = -least(twin->quantity, -quantity);
        const int64_t part_quote = quote / quantity * part; /* price is whole */
        const int64_t cost = twin->cost * part / -twin->quantity;
        twin->realised -= part_quote + cost;
        twin->cost -= cost;
        twin->quantity += part;
        close_lots(twin, part, part_quote);
        quantity -= part;
        quote -= part_quote;
    }
    if (quantity == 0)
        return;
    twin->quantity += quantity;
    twin->cost += quote;
    if (twin->first == twin->last)
        twin->first = twin->last = 0;
    assert_true(twin->last < 1 << 15);
    twin->lot_quantity[twin->last] = quantity;
    twin->lot_cost[twin->last++] = quote;
}

static bool find_position(struct world *world, uint32_t account, uint32_t symbol,
                          struct msg_row_position *row)
{
    const struct msg_query query = {.id = 1,
                                    .kind = QUERY_KIND_POSITIONS,
                                    .account = account,
                                    .symbol = symbol,
                                    .limit = 1};
    struct rig *rig = world->portfolio;
    if (rig_query(rig, &query)->count == 0)
        return false;
    *row = rig_answer_row(rig, 0).row_position;
    return true;
}

/* Recomputes one position from the list of trades. */
static void compare_position(struct world *world, struct twin *twin, uint32_t account,
                             uint32_t symbol, int64_t *earned)
{
    memset(twin, 0, sizeof *twin);
    bool has_traded = false;
    for (size_t i = 0; i < world->count; i++)
        if (world->entries[i].account == account && world->entries[i].symbol == symbol) {
            book(twin, &world->entries[i]);
            has_traded = true;
            if (twin->quantity != 0)
                continue;
            assert_int_equal(twin->lots_realised, twin->realised);
            world->flats++; /* both methods have earned the same */
        }
    struct msg_row_position row = {0};
    assert_int_equal(find_position(world, account, symbol, &row), has_traded);
    if (!has_traded)
        return;
    const int64_t unrealised =
        twin->quantity * world->last_price[symbol] * world->multiplier[symbol] -
        twin->cost;
    assert_int_equal(row.quantity, twin->quantity);
    assert_int_equal(row.cost, twin->cost);
    assert_int_equal(row.realised, twin->realised);
    assert_int_equal(row.fees, twin->fees);
    assert_int_equal(row.unrealised, unrealised);
    *earned += row.realised + row.unrealised;
}

static int64_t ledger_balance(struct world *world, uint32_t account, uint32_t asset)
{
    const struct msg_query query = {.id = 1,
                                    .kind = QUERY_KIND_LEDGER,
                                    .account = account,
                                    .cursor = asset,
                                    .limit = 1};
    struct rig *rig = world->ledger;
    if (rig_query(rig, &query)->count == 0)
        return 0;
    const struct msg_row_balance row = rig_answer_row(rig, 0).row_balance;
    return row.asset == asset ? row.free : 0;
}

/* Balances and positions, from the list alone; together all have earned nothing. */
static void compare(struct world *world)
{
    static struct twin twin;
    world->ledger->ops->check(world->ledger->state);
    world->portfolio->ops->check(world->portfolio->state);
    for (uint32_t asset = 1; asset < ASSETS; asset++) {
        int64_t sum = ledger_balance(world, ACCOUNT_EXTERNAL, asset);
        for (uint32_t account = ACCOUNT_FEES; account < ACCOUNTS; account++) {
            const int64_t balance = ledger_balance(world, account, asset);
            assert_int_equal(balance, world->balance[account][asset]);
            sum += balance;
        }
        assert_int_equal(sum, 0);
    }
    for (uint32_t symbol = 1; symbol <= SYMBOLS; symbol++) {
        int64_t earned = 0;
        for (uint32_t account = FIRST; account < ACCOUNTS; account++)
            compare_position(world, &twin, account, symbol, &earned);
        assert_int_equal(earned, 0);
    }
}

/* ---- tests ------------------------------------------------------------------------- */

static void create(struct world *world, bool keeps_rows)
{
    const struct msg_genesis genesis = {.accounts_max = ACCOUNTS,
                                        .balances_max = ACCOUNTS * ASSETS,
                                        .sessions_max = 32,
                                        .orders_max = 16};
    *world = (struct world){.keeps_rows = keeps_rows};
    world->ledger = rig_create(&settlement_core, &genesis);
    world->portfolio = rig_create(&portfolio_core, &genesis);
    random_init(&world->random, option(0, NULL, 0, "MODEL_SEED", 1));
    for (uint32_t account = 1; account < ACCOUNTS; account++) {
        struct msg msg = {.kind = MSG_open};
        msg.open = (struct msg_open){.account = account, .nonce = 1};
        world->session = (int64_t)apply(world, 0, &msg) - account;
    }
    for (uint32_t symbol = 1; symbol <= SYMBOLS; symbol++)
        declare(world, symbol);
    for (uint32_t account = FIRST; account < ACCOUNTS; account++)
        for (uint32_t asset = 1; asset < ASSETS; asset++)
            transfer(world, account, asset, asset == QUOTE ? INT64_C(100000000) : 1000);
}

static void destroy(struct world *world)
{
    rig_destroy(world->ledger);
    rig_destroy(world->portfolio);
    free(world->entries);
}

/* Ten times on the way all is recomputed; twice the cores go on from a snapshot. */
static void million_records(void **state)
{
    (void)state;
    struct world world;
    create(&world, false);
    const uint64_t records = option(0, NULL, 0, "MODEL_RECORDS", 1000000);
    for (uint32_t part = 1; part <= 10; part++) {
        while (world.records < records / 10 * part)
            step(&world);
        compare(&world);
        if (part % 5 == 0) {
            rig_reload(world.ledger);
            rig_reload(world.portfolio);
            outbox_clear(&world.ledger->outbox);
        }
    }
    compare(&world);
    assert_true(world.flats > records / 10000);
    destroy(&world);
}

/* The history of the ledger adds up to its balances: every line, page by page. */
static void postings_add_up(void **state)
{
    (void)state;
    struct world world;
    create(&world, true);
    while (world.records < 20000)
        step(&world);
    int64_t sums[ACCOUNTS][ASSETS] = {{0}};
    struct msg_query query = {.id = 1, .kind = QUERY_KIND_POSTINGS, .limit = 999};
    do {
        rig_query(world.ledger, &query);
        size_t at = 0;
        size_t used;
        struct msg msg;
        for (; at < world.ledger->answer.rows_size; at += used) {
            assert_int_equal(codec_decode(world.ledger->answer.rows + at,
                                          world.ledger->answer.rows_size - at, &msg,
                                          &used),
                             0);
            sums[msg.row_posting.account][msg.row_posting.asset] +=
                msg.row_posting.amount;
        }
        query.cursor = world.ledger->answer.head.cursor;
    } while (query.cursor != 0);
    for (uint32_t account = ACCOUNT_FEES; account < ACCOUNTS; account++)
        for (uint32_t asset = 1; asset < ASSETS; asset++)
            assert_int_equal(sums[account][asset], world.balance[account][asset]);
    destroy(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(million_records),
        cmocka_unit_test(postings_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
