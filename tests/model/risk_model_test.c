/* risk_model_test.c - risk against a naive one, with toy shards that answer late.
 *
 *     risk_model_test [SEED [COMMANDS]]      or SEED=, COMMANDS= in the environment
 *
 * Random commands of six traders and an operator; approved records wait for their shard,
 * reports and risk's own decisions wait for the log, so everything that can be in flight
 * is. Each answer, each hold and, after every record, every balance is compared; every
 * 1000 commands the core is replaced by one loaded from its snapshot.
 */
#include <inttypes.h>
#include <stdio.h>

#include "common/reader.h"
#include "common/writer.h"
#include "tests/model/option.h"
#include "tests/model/risk_commands.h"

enum { RELOAD_EVERY = 1000, SNAPSHOT_BYTES = 1 << 20 };

static uint8_t snapshots[2][SNAPSHOT_BYTES];

static void on_trade(const struct msg_trade *trade)
{
    struct naive_order *maker = naive_by_id(&model.naive, trade->maker_order_id);
    struct naive_order *taker = naive_by_id(&model.naive, trade->taker_order_id);
    const int64_t maker_ppm = naive_rate(maker->maker_ppm, taker->taker_ppm);
    const int64_t taker_ppm = naive_rate(taker->taker_ppm, maker->maker_ppm);
    naive_fill(&model.naive, maker, trade, maker_ppm, trade->maker_fee);
    naive_fill(&model.naive, taker, trade, taker_ppm, trade->taker_fee);
    CHECK(model.naive.total[ACCOUNT_FEES][model.naive.symbols[trade->symbol].quote] >= 0);
    model.naive.last_price[trade->symbol] = trade->price;
    model.trades++;
}

static void on_replaced(const struct msg_order_replaced *replaced)
{
    struct naive_order *order = naive_by_id(&model.naive, replaced->order_id);
    order->terms.price = order->next.price;
    order->terms.quantity = order->next.quantity;
    order->name = order->next.cl_ord_id;
    order->next_id = 0;
    order->is_open = replaced->leaves > 0;
}

static void log_report(uint32_t shard)
{
    struct msg msg;
    if (!matcher_take(&model.matchers[shard], &msg))
        return;
    (void)apply(-SERVICE_SHARD - (int64_t)shard, &msg);
    CHECK(model.world.output_count == 0);
    struct naive_order *order;
    if (msg.kind == MSG_trade) {
        on_trade(&msg.trade);
    } else if (msg.kind == MSG_order_replaced) {
        on_replaced(&msg.order_replaced);
    } else if (msg.kind == MSG_order_cancelled) {
        naive_by_id(&model.naive, msg.order_cancelled.order_id)->is_open = false;
    } else if (msg.kind == MSG_order_rejected) {
        naive_by_id(&model.naive, msg.order_rejected.order_id)->is_open = false;
    } else if (msg.kind == MSG_cancel_rejected) {
        order = naive_by_id(&model.naive, msg.cancel_rejected.order_id);
        if (order != NULL && order->next_id == msg.cancel_rejected.request)
            order->next_id = 0;
    }
}

static void log_own(void)
{
    const struct waiting *item = pop(&model.own);
    if (item == NULL)
        return;
    const struct msg msg = item->msg;
    (void)apply(-SERVICE_RISK, &msg);
    CHECK(model.world.output_count == 0);
    struct naive *naive = &model.naive;
    if (msg.kind == MSG_deposit_done) {
        const struct msg_deposit_done *done = &msg.deposit_done;
        naive->total[done->account][done->asset] += done->amount;
        naive->total[ACCOUNT_EXTERNAL][done->asset] -= done->amount;
    } else if (msg.kind == MSG_withdraw_done) {
        const struct msg_withdraw_done *done = &msg.withdraw_done;
        naive->leaving[done->account][done->asset] -= done->amount;
        naive->total[done->account][done->asset] -= done->amount;
        naive->total[ACCOUNT_EXTERNAL][done->asset] += done->amount;
    }
}

/* Something that was under way arrives. */
static void progress(void)
{
    const uint32_t shard = (uint32_t)between(0, SHARDS - 1);
    const struct waiting *item;
    switch (between(0, 4)) {
    case 0:
    case 1:
        if (model.matchers[shard].count < MATCHER_REPORTS / 2 &&
            (item = pop(&model.approved[shard])) != NULL)
            matcher_apply(&model.matchers[shard], item->cause, chance(10), &item->msg);
        break;
    case 2:
    case 3:
        log_report(shard);
        break;
    default:
        log_own();
        break;
    }
}

static size_t save(uint8_t *bytes)
{
    struct writer writer;
    writer_init(&writer, bytes, SNAPSHOT_BYTES);
    risk_core.save(model.world.state, &writer);
    CHECK(!writer_failed(&writer));
    return writer.size;
}

/* The core goes on as one that was loaded; its snapshot is the same bytes. */
static void reload(void)
{
    const size_t size = save(snapshots[0]);
    free(model.world.state);
    model.world.state = world_state(&model.world.genesis);
    struct reader reader;
    reader_init(&reader, snapshots[0], size);
    const int error = risk_core.load(model.world.state, &reader);
    CHECK(error == 0 && reader_left(&reader) == 0);
    CHECK(save(snapshots[1]) == size && memcmp(snapshots[0], snapshots[1], size) == 0);
    compare();
}

static const struct msg_asset_set assets[] = {
    {.asset = 1, .name = "USD", .scale = 6},
    {.asset = 2, .name = "BTC", .scale = 3},
    {.asset = 3, .name = "ETH", .scale = 0},
};

static const struct msg_symbol_set symbols[] = {
    {.symbol = 1,
     .name = "BTCUSD",
     .base = 2,
     .quote = 1,
     .shard = 0,
     .price_scale = 2,
     .quantity_scale = 3,
     .multiplier = 10,
     .reference_price = 100},
    {.symbol = 2,
     .name = "ETHUSD",
     .base = 3,
     .quote = 1,
     .shard = 1,
     .price_scale = 5,
     .quantity_scale = 0,
     .multiplier = 10},
    {.symbol = 3,
     .name = "ETHBTC",
     .base = 3,
     .quote = 2,
     .shard = 1,
     .price_scale = 3,
     .quantity_scale = 0,
     .multiplier = 1,
     .reference_price = 100},
};

static void configure(const struct msg *msg)
{
    (void)world_apply(&model.world, model.admin, msg);
    CHECK(model.world.outputs[model.world.output_count - 1].kind == MSG_admin_done);
}

static void set_up_symbol(struct msg_symbol_set set)
{
    set.tick = 5;
    set.lot = 2;
    set.quantity_max = 30;
    set.notional_min = 500;
    set.notional_max = 30000;
    set.band_ppm = 300000;
    set.collar_ppm = 150000;
    set.maker_ppm = -500;
    set.taker_ppm = 2000;
    set.stp = STP_EXPIRE_TAKER;
    set.trading = TRADING_OPEN;
    configure(&(struct msg){.kind = MSG_symbol_set, .symbol_set = set});
    model.naive.symbols[set.symbol] = set;
}

static void set_up_account(uint32_t account)
{
    struct msg_account_set set = {
        .account = account, .name = "a", .role = ROLE_TRADER, .open_orders_max = 6};
    set.name[0] = (char)('a' + account);
    configure(&(struct msg){.kind = MSG_account_set, .account_set = set});
    model.naive.accounts[account] = set;
    model.sessions[account] = (int64_t)world_open(&model.world, account);
}

static void set_up(uint64_t seed)
{
    random_init(&model.random, seed);
    world_init(&model.world, &world_genesis);
    model.admin = (int64_t)world_open(&model.world, ACCOUNT_ADMIN);
    for (size_t i = 0; i < sizeof assets / sizeof assets[0]; i++) {
        configure(&(struct msg){.kind = MSG_asset_set, .asset_set = assets[i]});
        model.naive.has_balance[ACCOUNT_EXTERNAL][assets[i].asset] = true;
        model.naive.has_balance[ACCOUNT_FEES][assets[i].asset] = true;
    }
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++)
        set_up_symbol(symbols[i]);
    for (uint32_t account = TRADER; account < NAIVE_ACCOUNTS; account++)
        set_up_account(account);
    for (uint32_t shard = 0; shard < SHARDS; shard++)
        model.matchers[shard].symbols = model.naive.symbols;
}

/* How busy the queues may get changes all the time: now answers come at once, now late.
 * */
static void run(uint64_t commands)
{
    uint32_t patience = 1;
    for (uint64_t done = 0; done < commands;) {
        const uint32_t waiting = model.own.count + model.approved[0].count +
                                 model.approved[1].count + model.matchers[0].count +
                                 model.matchers[1].count;
        if (waiting < patience) {
            command();
            patience = done % 100 == 0 ? (uint32_t)between(1, 60) : patience;
            if (++done % RELOAD_EVERY == 0)
                reload();
        } else {
            progress();
        }
        compare();
    }
}

int main(int argc, char **argv)
{
    const uint64_t seed = option(argc, argv, 1, "SEED", 42);
    const uint64_t commands = option(argc, argv, 2, "COMMANDS", 1000000);
    printf("repeat: %s %" PRIu64 " %" PRIu64 "\n", argv[0], seed, commands);
    fflush(stdout);
    set_up(seed);
    run(commands);
    printf("%" PRIu64 " commands, %" PRIu64 " records, %" PRIu64 " trades\nrefused:",
           commands, model.world.gseq, model.trades);
    for (int i = 1; i < 256; i++)
        if (model.refused[i] != 0)
            printf(" %s %" PRIu64, error_name(-i), model.refused[i]);
    printf("\n");
    world_close(&model.world);
    return 0;
}
