/* books_world.h - risk, shards, settlement and portfolio over one log in memory, and the
 * commands that a test sends; how large their numbers are is the test's to say.
 *
 * Owns:     the cores on their rigs, and what is under way between them.
 * Units:    gseqs.
 * Errors:   none; what fails fails the test.
 * Threads:  none.
 * Bounds:   the constants below.
 */
#ifndef BOOKS_WORLD_H
#define BOOKS_WORLD_H

#include "common/error.h"
#include "common/random.h"
#include "proto/feed.h"
#include "services/portfolio/portfolio_core.h"
#include "services/risk/risk_core.h"
#include "services/settlement/settlement_core.h"
#include "services/shard/shard_core.h"
#include "tests/model/option.h"
#include "tests/unit/rig.h"

enum {
    SHARDS = 2,
    TRADERS = 8,
    FIRST = 4, /* account of the first trader */
    ACCOUNTS = FIRST + TRADERS,
    QUOTE = 1, /* asset */
    ORDERS = 400,
    RISK = 0, /* readers of the log */
    SETTLEMENT = 1,
    PORTFOLIO = 2,
    READERS = 3,
};

/* A queue of encoded messages on their way: what is sent first arrives first. */
struct item {
    uint64_t gseq;
    uint32_t size;
    uint8_t bytes[MESSAGE_BYTES_MAX];
};

struct queue {
    struct item *items;
    size_t head, tail, capacity;
};

struct world {
    struct random random;
    struct rig *readers[READERS], *shards[SHARDS];
    struct queue approved[SHARDS], decided, reported[SHARDS];
    uint32_t symbols; /* declared: 1, 2 ... */
    uint64_t gseq, name, last_order, shard_seq[SHARDS];
    uint64_t feed_count[ACCOUNTS];
    int64_t sessions[ACCOUNTS];
    uint64_t trades;
};

static inline void push(struct queue *queue, uint64_t gseq, const uint8_t *bytes,
                        uint32_t size)
{
    if (queue->tail == queue->capacity) {
        queue->capacity = queue->capacity * 2 + 64;
        queue->items = realloc(queue->items, queue->capacity * sizeof *queue->items);
        assert_non_null(queue->items);
    }
    struct item *item = &queue->items[queue->tail++];
    item->gseq = gseq;
    item->size = size;
    memcpy(item->bytes, bytes, size);
}

static inline const struct item *pop(struct queue *queue)
{
    if (queue->head == queue->tail) {
        queue->head = queue->tail = 0;
        return NULL;
    }
    return &queue->items[queue->head++];
}

static inline void take(struct queue *queue, uint64_t gseq, const struct outbox_run *run)
{
    size_t at = 0;
    uint32_t size;
    const uint8_t *bytes;
    while ((bytes = outbox_next(run, &at, &size)) != NULL)
        push(queue, gseq, bytes, size);
}

/* A record of the log, folded by all who read it. */
static inline uint64_t append(struct world *world, int64_t source, const struct msg *msg)
{
    uint32_t accounts[2];
    const uint32_t count = feed_accounts(msg, accounts);
    for (uint32_t i = 0; i < count; i++)
        world->feed_count[accounts[i]]++;
    world->trades += msg->kind == MSG_trade;
    world->gseq++;
    for (uint32_t i = 0; i < READERS; i++)
        assert_int_equal(rig_apply(world->readers[i], source, msg), world->gseq);

    struct outbox *outbox = &world->readers[RISK]->outbox;
    take(&world->decided, world->gseq, &outbox->submits);
    for (uint32_t k = 0; k < SHARDS; k++)
        take(&world->approved[k], world->gseq, &outbox->emits[k]);
    outbox_clear(outbox);
    if (world->gseq % 97 == 0) {
        rig_flush(world->readers[SETTLEMENT]);
        rig_flush(world->readers[PORTFOLIO]);
    }
    return world->gseq;
}

static inline bool append_from(struct world *world, int64_t source, struct queue *queue)
{
    const struct item *item = pop(queue);
    struct msg msg;
    if (!item)
        return false;
    assert_int_equal(codec_decode_whole(item->bytes, item->size, &msg), 0);
    append(world, source, &msg);
    return true;
}

static inline bool match_one(struct world *world, uint32_t k)
{
    const struct item *item = pop(&world->approved[k]);
    struct msg msg;
    if (!item)
        return false;
    assert_int_equal(codec_decode_whole(item->bytes, item->size, &msg), 0);
    const struct core_input input = {
        .seq = ++world->shard_seq[k],
        .gseq = item->gseq,
        .time_ns = item->gseq * 1000,
        .msg = &msg,
        .bytes = item->bytes,
        .bytes_size = item->size,
    };
    struct rig *shard = world->shards[k];
    shard->ops->apply(shard->state, &input, &shard->outbox);
    take(&world->reported[k], item->gseq, &shard->outbox.submits);
    outbox_clear(&shard->outbox);
    return true;
}

/* One thing that is under way arrives. */
static inline bool deliver(struct world *world)
{
    const uint32_t first = (uint32_t)random_below(&world->random, 5);
    for (uint32_t i = 0; i < 5; i++) {
        const uint32_t which = (first + i) % 5;
        const uint32_t k = which % SHARDS;
        const bool done = which == 4  ? append_from(world, -SERVICE_RISK, &world->decided)
                          : which < 2 ? match_one(world, k)
                                      : append_from(world, -SERVICE_SHARD - (int64_t)k,
                                                    &world->reported[k]);
        if (done)
            return true;
    }
    return false;
}

static inline void deliver_all(struct world *world)
{
    while (deliver(world))
        continue;
}

/* ---- commands ---------------------------------------------------------------------- */

static inline uint64_t command(struct world *world, uint32_t account,
                               const struct msg *msg)
{
    return append(world, world->sessions[account], msg);
}

static inline void reopen(struct world *world, uint32_t account)
{
    struct msg msg = {.kind = MSG_close};
    if (world->sessions[account] != 0)
        command(world, account, &msg);
    msg.kind = MSG_open;
    msg.open = (struct msg_open){.account = account, .nonce = ++world->name};
    world->sessions[account] = (int64_t)append(world, 0, &msg);
}

static inline void deposit(struct world *world, uint32_t account, uint32_t asset,
                           int64_t amount)
{
    struct msg msg = {.kind = MSG_deposit};
    msg.deposit = (struct msg_deposit){
        .account = account, .asset = asset, .amount = amount, .reference = ++world->name};
    command(world, ACCOUNT_ADMIN, &msg);
}

static inline void withdraw(struct world *world, uint32_t sender, uint32_t account,
                            uint32_t asset, int64_t amount)
{
    struct msg msg = {.kind = MSG_withdraw};
    msg.withdraw = (struct msg_withdraw){
        .account = account, .asset = asset, .amount = amount, .reference = ++world->name};
    command(world, sender, &msg);
}

/* An order of any kind, for some symbol. */
static inline void place(struct world *world, uint32_t account, int64_t price,
                         int64_t quantity)
{
    struct random *random = &world->random;
    const bool market = random_chance(random, 100000);
    struct msg msg = {.kind = MSG_order_new};
    msg.order_new = (struct msg_order_new){
        .cl_ord_id = ++world->name,
        .symbol = (uint32_t)random_between(random, 1, world->symbols),
        .side = (uint8_t)random_between(random, SIDE_BUY, SIDE_SELL),
        .ord_type = market ? ORD_TYPE_MARKET : ORD_TYPE_LIMIT,
        .tif = market || random_chance(random, 100000) ? TIF_IOC : TIF_GTC,
        .price = market ? 0 : price,
        .quantity = quantity,
        .stp = (uint8_t)random_between(random, STP_DEFAULT, STP_EXPIRE_BOTH),
    };
    if (!market && random_chance(random, 50000))
        msg.order_new.tif = TIF_FOK;
    else if (!market && msg.order_new.tif == TIF_GTC)
        msg.order_new.post_only = random_chance(random, 100000);
    world->last_order = command(world, account, &msg);
}

/* An order of anybody: most often recent, so that some are open and some are not. */
static inline uint64_t any_order(struct world *world)
{
    const uint64_t back = random_below(&world->random, 300);
    return world->last_order > back ? world->last_order - back : 1;
}

static inline void cancel(struct world *world, uint32_t account)
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

static inline void replace(struct world *world, uint32_t account, int64_t price,
                           int64_t quantity)
{
    struct msg msg = {.kind = MSG_order_replace};
    msg.order_replace = (struct msg_order_replace){
        .cl_ord_id = ++world->name,
        .order_id = any_order(world),
        .price = price,
        .quantity = quantity,
    };
    command(world, account, &msg);
}

static inline void set_account(struct world *world, struct msg_account_set account)
{
    struct msg msg = {.kind = MSG_account_set, .account_set = account};
    msg.account_set.role = ROLE_TRADER;
    msg.account_set.open_orders_max = 100;
    msg.account_set.name[0] = (char)('A' + account.account);
    command(world, ACCOUNT_ADMIN, &msg);
}

/* ---- the venue --------------------------------------------------------------------- */

static inline void declare_asset(struct world *world, uint32_t asset, uint8_t scale)
{
    struct msg msg = {.kind = MSG_asset_set};
    msg.asset_set = (struct msg_asset_set){.asset = asset, .scale = scale};
    msg.asset_set.name[0] = (char)('A' + asset);
    command(world, ACCOUNT_ADMIN, &msg);
}

/* The next symbol: what it trades and its limits are given, the rest is as everywhere. */
static inline void declare_symbol(struct world *world, struct msg_symbol_set symbol)
{
    struct msg msg = {.kind = MSG_symbol_set, .symbol_set = symbol};
    struct msg_symbol_set *set = &msg.symbol_set;
    set->symbol = ++world->symbols;
    set->name[0] = (char)('A' + set->symbol);
    set->quote = QUOTE;
    set->shard = set->symbol % SHARDS;
    set->multiplier = set->tick = set->lot = 1;
    set->notional_max = MONEY_MAX;
    set->stp = STP_EXPIRE_TAKER;
    set->trading = TRADING_OPEN;
    command(world, ACCOUNT_ADMIN, &msg);
}

/* A venue without assets, symbols and traders. */
static inline struct world *create(uint64_t seed)
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
        world->shards[k] = rig_create_one(&shard_core, &msg.genesis, k);
    print_message("MODEL_SEED=%llu\n", (unsigned long long)seed);
    random_init(&world->random, seed);
    append(world, 0, &msg);
    reopen(world, ACCOUNT_ADMIN);
    return world;
}

static inline void destroy(struct world *world)
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

static inline void check_cores(struct world *world)
{
    for (uint32_t i = 0; i < READERS; i++)
        world->readers[i]->ops->check(world->readers[i]->state);
    for (uint32_t k = 0; k < SHARDS; k++)
        world->shards[k]->ops->check(world->shards[k]->state);
}

#endif
