/* shard_model_test.c - the shard's core against a naive one, every report byte for byte.
 *
 *     shard_model_test [SEED [COMMANDS]]     or SEED=, COMMANDS= in the environment
 *
 * Random approved commands: limit and market, GTC, IOC, FOK, post-only, every self-trade
 * mode, cancel, replace (up, down, away, across, below what is filled), kill, halt, a
 * symbol that refuses to match, requests that come too late. After each the reports must
 * be equal; now and then all levels, the core's invariants, and what a snapshot loads.
 */
#include "services/shard/shard_core.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/random.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/codec.h"
#include "tests/model/option.h"
#include "tests/model/shard_naive.h"

enum {
    ACCOUNTS = 5,
    LEVELS_EVERY = 100,
    SNAPSHOT_EVERY = 10000,
    OUTBOX_BYTES = 1 << 20,
};

static const struct msg_genesis genesis = {
    .version = 2, .shards = 1, .orders_max = NAIVE_ORDERS, .levels_max = NAIVE_ORDERS};

struct world {
    struct random random;
    struct naive naive;
    void *shard, *copy; /* states; snapshots are loaded into the copy */
    struct outbox expected, outbox;
    uint64_t gseq, kinds[100]; /* reports seen, by kind */
    struct msg command;
    int64_t middle;
};

static void *take_memory(size_t size)
{
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
    CHECK(memory);
    return memset(memory, 0, size);
}

static uint32_t below(struct world *world, uint32_t bound)
{
    return (uint32_t)random_below(&world->random, bound);
}

/* ---- commands ---------------------------------------------------------------------- */

static void pick_terms(struct world *world, uint8_t side, int64_t *price,
                       int64_t *quantity)
{
    world->middle += (int64_t)below(world, 3) - 1;
    int64_t away = (int64_t)below(world, 20) - 4;
    if (below(world, 50) == 0)
        away *= 1000000;
    *price = side == SIDE_BUY ? world->middle - away : world->middle + away;
    *quantity = 1 + below(world, below(world, 10) ? 30 : 500);
}

static bool pick_slot(struct world *world, bool is_open, uint32_t *slot)
{
    *slot = below(world, NAIVE_ORDERS);
    for (uint32_t i = 0; i < NAIVE_ORDERS; i++) {
        if ((world->naive.orders[*slot].age != 0) == is_open)
            return true;
        *slot = (*slot + 1) % NAIVE_ORDERS;
    }
    return false;
}

static bool make_new(struct world *world)
{
    static const uint8_t tifs[] = {TIF_GTC, TIF_GTC, TIF_GTC, TIF_GTC, TIF_IOC, TIF_FOK};
    struct msg_approved_new *m = &world->command.approved_new;
    world->command = (struct msg){.kind = MSG_approved_new};
    if (!pick_slot(world, false, &m->slot))
        return false;
    m->account = 16 + below(world, ACCOUNTS);
    m->cl_ord_id = world->gseq;
    m->symbol = 1 + below(world, NAIVE_SYMBOLS);
    if (world->naive.symbols[m->symbol].symbol == 0)
        return false; /* risk sends its orders elsewhere */
    m->side = below(world, 2) ? SIDE_BUY : SIDE_SELL;
    m->tif = tifs[below(world, 6)];
    m->ord_type = m->tif != TIF_GTC && below(world, 2) ? ORD_TYPE_MARKET : ORD_TYPE_LIMIT;
    m->post_only = m->tif == TIF_GTC && below(world, 6) == 0;
    m->stp = (uint8_t)(STP_NONE + below(world, 4));
    m->maker_ppm = (int32_t)below(world, 400) - 200;
    m->taker_ppm = 200 + (int32_t)below(world, 300);
    pick_terms(world, m->side, &m->price, &m->quantity);
    m->hold = m->quantity * m->price;
    return true;
}

/* An open order, at times under the id of one that is gone. */
static uint64_t name_order(struct world *world, uint32_t slot)
{
    uint64_t id = world->naive.orders[slot].id;
    return below(world, 20) == 0 ? id + 1 : id;
}

static bool make_cancel(struct world *world)
{
    struct msg_approved_cancel *m = &world->command.approved_cancel;
    world->command = (struct msg){.kind = MSG_approved_cancel};
    if (!pick_slot(world, true, &m->slot))
        return false;
    const struct naive_order *order = &world->naive.orders[m->slot];
    m->account = order->terms.account;
    m->symbol = order->terms.symbol;
    m->order_id = name_order(world, m->slot);
    m->cl_ord_id = world->gseq;
    m->orig_cl_ord_id = order->terms.cl_ord_id;
    return true;
}

static bool make_replace(struct world *world)
{
    struct msg_approved_replace *m = &world->command.approved_replace;
    world->command = (struct msg){.kind = MSG_approved_replace};
    if (!pick_slot(world, true, &m->slot))
        return false;
    const struct naive_order *order = &world->naive.orders[m->slot];
    m->account = order->terms.account;
    m->symbol = order->terms.symbol;
    m->order_id = name_order(world, m->slot);
    m->cl_ord_id = world->gseq;
    m->orig_cl_ord_id = order->terms.cl_ord_id;
    pick_terms(world, order->terms.side, &m->price, &m->quantity);
    if (below(world, 2))
        m->price = order->terms.price;
    if (below(world, 2))
        m->quantity = 1 + below(world, (uint32_t)order->terms.quantity);
    return true;
}

/* A symbol without orders goes to another shard, or comes back from there. */
static bool make_move(struct world *world)
{
    const uint32_t id = 1 + below(world, NAIVE_SYMBOLS);
    for (uint32_t slot = 0; slot < NAIVE_ORDERS; slot++)
        if (world->naive.orders[slot].age && world->naive.orders[slot].terms.symbol == id)
            return false;
    world->command = (struct msg){.kind = MSG_symbol_set};
    world->command.symbol_set = world->naive.symbols[id];
    world->command.symbol_set.symbol = id;
    world->command.symbol_set.shard = world->naive.symbols[id].symbol != 0;
    world->command.symbol_set.trade_id = world->naive.trade_id[id];
    world->command.symbol_set.trading = TRADING_OPEN;
    return true;
}

static bool make_command(struct world *world)
{
    uint32_t what = below(world, 1000);
    if (what < 2) {
        world->command = (struct msg){.kind = MSG_approved_kill};
        world->command.approved_kill.account = 16 + below(world, ACCOUNTS);
        return true;
    }
    if (what < 10) {
        world->command = (struct msg){.kind = MSG_symbol_status};
        world->command.symbol_status.symbol = 1 + below(world, NAIVE_SYMBOLS);
        world->command.symbol_status.trading = below(world, 8)   ? TRADING_OPEN
                                               : below(world, 2) ? TRADING_HALTED
                                                                 : TRADING_CLOSED;
        return world->naive.symbols[world->command.symbol_status.symbol].symbol != 0;
    }
    if (what < 15 && make_move(world))
        return true;
    return what < 600   ? make_new(world)
           : what < 780 ? make_cancel(world)
                        : make_replace(world);
}

/* ---- comparison -------------------------------------------------------------------- */

static void count_kind(struct world *world, const uint8_t *bytes, uint32_t size)
{
    struct msg report;
    size_t used;
    CHECK(codec_decode(bytes, size, &report, &used) == 0 && used == size);
    world->kinds[report.kind]++;
}

static void apply_both(struct world *world)
{
    struct core_input input = {
        .seq = world->gseq, .gseq = world->gseq, .msg = &world->command};
    outbox_clear(&world->outbox);
    outbox_clear(&world->expected);
    shard_core.apply(world->shard, &input, &world->outbox);
    naive_apply(&world->naive, world->gseq, &world->command);
    const struct outbox_run *got = &world->outbox.submits;
    const struct outbox_run *expected = &world->expected.submits;
    CHECK(got->count == expected->count && got->size == expected->size);
    CHECK(memcmp(got->bytes, expected->bytes, got->size) == 0);
    uint32_t size;
    size_t at = 0;
    for (const uint8_t *bytes; (bytes = outbox_next(got, &at, &size)) != NULL;)
        count_kind(world, bytes, size);
}

struct depth {
    const struct naive *naive;
    uint32_t symbol, orders; /* orders: in the levels visited */
};

static void visit_level(void *argument, const struct msg *row)
{
    struct depth *depth = argument;
    const struct msg_row_level *level = &row->row_level;
    int64_t quantity = 0;
    uint32_t orders = 0;
    for (uint32_t slot = 0; slot < NAIVE_ORDERS; slot++) {
        const struct naive_order *order = &depth->naive->orders[slot];
        if (order->age && order->terms.symbol == depth->symbol &&
            order->terms.side == level->side && order->terms.price == level->price) {
            quantity += order->leaves;
            orders++;
        }
    }
    CHECK(orders > 0 && orders == level->orders && quantity == level->quantity);
    depth->orders += orders;
}

static void compare_levels(struct world *world)
{
    struct depth depth = {.naive = &world->naive};
    uint32_t orders = 0;
    for (uint32_t slot = 0; slot < NAIVE_ORDERS; slot++)
        orders += world->naive.orders[slot].age != 0;
    for (depth.symbol = 1; depth.symbol <= NAIVE_SYMBOLS; depth.symbol++)
        shard_book_levels(world->shard, depth.symbol, NAIVE_ORDERS, visit_level, &depth);
    CHECK(depth.orders == orders);
    shard_core.check(world->shard);
}

/* Saves, loads into fresh memory, saves that: the same bytes. The run goes on with what
 * was loaded, so whatever a snapshot forgets is found by the next reports. */
static void pass_through_snapshot(struct world *world)
{
    static uint8_t saved[1 << 17], again[1 << 17];
    struct writer writer;
    writer_init(&writer, saved, sizeof(saved));
    shard_core.save(world->shard, &writer);
    CHECK(!writer_failed(&writer));
    size_t size = writer.size;
    memset(world->copy, 0, shard_core.size(&genesis, 0));
    shard_core.init(world->copy, &genesis, 0);
    struct reader reader;
    reader_init(&reader, saved, size);
    CHECK(shard_core.load(world->copy, &reader) == 0 && reader_end(&reader) == 0);
    shard_core.check(world->copy);
    writer_init(&writer, again, sizeof(again));
    shard_core.save(world->copy, &writer);
    CHECK(writer.size == size && memcmp(saved, again, size) == 0);
    void *shard = world->shard;
    world->shard = world->copy;
    world->copy = shard;
}

/* ---- the run ----------------------------------------------------------------------- */

static void declare_symbols(struct world *world)
{
    for (uint32_t id = 1; id <= NAIVE_SYMBOLS; id++) {
        struct msg m = {.kind = MSG_symbol_set};
        m.symbol_set = (struct msg_symbol_set){
            .symbol = id,
            .base = 2,
            .quote = 1,
            .multiplier = id == 3 ? 100 : 1,
            .tick = 1,
            .lot = 1,
            .quantity_max = QUANTITY_MAX,
            .notional_max = MONEY_MAX,
            .collar_ppm = 1,
            .stp = STP_EXPIRE_TAKER,
            .refuse_crossing = id == 4,
            .trading = TRADING_OPEN,
        };
        snprintf(m.symbol_set.name, sizeof(m.symbol_set.name), "S%" PRIu32, id);
        naive_apply(&world->naive, world->gseq + 1, &m);
        world->gseq++;
        struct core_input input = {.seq = world->gseq, .gseq = world->gseq, .msg = &m};
        shard_core.apply(world->shard, &input, &world->outbox);
    }
}

static void init_outbox(struct outbox *outbox)
{
    struct outbox_sizes sizes = {.submits = OUTBOX_BYTES};
    outbox_init(outbox, take_memory(outbox_size(&sizes)), &sizes);
}

int main(int argc, char **argv)
{
    uint64_t seed = option(argc, argv, 1, "SEED", 42);
    uint64_t commands = option(argc, argv, 2, "COMMANDS", 1000000);
    printf("repeat: %s %" PRIu64 " %" PRIu64 "\n", argv[0], seed, commands);
    fflush(stdout);

    static struct world world = {.middle = 500000000};
    random_init(&world.random, seed);
    world.shard = take_memory(shard_core.size(&genesis, 0));
    world.copy = take_memory(shard_core.size(&genesis, 0));
    shard_core.init(world.shard, &genesis, 0);
    init_outbox(&world.outbox);
    init_outbox(&world.expected);
    world.naive.reports = &world.expected;
    world.naive.version = genesis.version;
    declare_symbols(&world);
    for (uint64_t i = 1; i <= commands; i++) {
        check_sequence = i;
        world.gseq++;
        if (make_command(&world))
            apply_both(&world);
        if (i % LEVELS_EVERY == 0)
            compare_levels(&world);
        if (i % SNAPSHOT_EVERY == 0)
            pass_through_snapshot(&world);
    }
    compare_levels(&world);
    printf("accepted %" PRIu64 ", rejected %" PRIu64 ", trades %" PRIu64
           ", cancelled %" PRIu64 ", replaced %" PRIu64 ", prevented %" PRIu64
           ", requests refused %" PRIu64 "\n",
           world.kinds[MSG_order_accepted], world.kinds[MSG_order_rejected],
           world.kinds[MSG_trade], world.kinds[MSG_order_cancelled],
           world.kinds[MSG_order_replaced], world.kinds[MSG_trade_prevented],
           world.kinds[MSG_cancel_rejected]);
    free(world.shard);
    free(world.copy);
    free(world.outbox.submits.bytes);
    free(world.expected.submits.bytes);
    return 0;
}
