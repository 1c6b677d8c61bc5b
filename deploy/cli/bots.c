/* bots.c - each bot: one client, one loop, one random walk per symbol shared by its seed.
 * */
#include "deploy/cli/bots.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/random.h"
#include "deploy/cli/catalog.h"

enum {
    SYMBOLS = 16,
    PAUSE_MS = 50,      /* on average between a bot's actions, so 20 a second */
    SPREAD_STEPS = 20,  /* quotes are up to so many ticks from what a bot thinks fair */
    STEP_PARTS = 20000, /* an opinion moves by up to price / STEP_PARTS at a time ... */
    PULL_PARTS = 512,   /* ... and is drawn back to the reference by 1 / PULL_PARTS */
};

struct order {
    uint64_t order_id; /* 0: free */
    uint32_t symbol;
};

struct bot {
    struct args args;
    char name[16];
    struct random random;
    pthread_t thread;
    bool started;
    atomic_bool *stopped;
    zex_client *client;
    struct catalog catalog;
    uint32_t symbols[SYMBOLS];
    uint32_t symbol_count;
    int64_t fair[SYMBOLS]; /* in ticks */
    struct order orders[BOTS_ORDERS];
};

struct bots {
    atomic_bool stopped;
    uint32_t count;
    struct bot bots[BOTS_MAX];
};

static void find_symbols(struct bot *bot)
{
    for (uint32_t i = 1; i <= SYMBOL_MAX && bot->symbol_count < SYMBOLS; i++) {
        const struct msg_symbol_set *s = &bot->catalog.symbols[i];
        if (s->symbol == 0 || s->reference_price == 0)
            continue;
        bot->fair[bot->symbol_count] = s->reference_price / s->tick;
        bot->symbols[bot->symbol_count++] = i;
    }
}

static void take_order(void *argument, const struct msg *row)
{
    struct bot *bot = argument;
    if (row->kind != MSG_row_order)
        return;
    for (int i = 0; i < BOTS_ORDERS; i++)
        if (bot->orders[i].order_id == 0) {
            bot->orders[i] =
                (struct order){row->row_order.order_id, row->row_order.symbol};
            return;
        }
}

static void remember(struct bot *bot, const struct zex_event *event)
{
    for (int i = 0; i < BOTS_ORDERS; i++) {
        struct order *order = &bot->orders[i];
        if (event->type == ZEX_EVENT_ORDER && order->order_id == 0) {
            *order = (struct order){event->order_id, event->symbol};
            return;
        }
        if (event->type != ZEX_EVENT_ORDER && order->order_id == event->order_id) {
            if (event->type == ZEX_EVENT_CANCELLED || event->leaves == 0)
                order->order_id = 0;
            return;
        }
    }
}

/* The last trade pulls a bot's opinion towards it, so that the bots agree on a market. */
static void learn(struct bot *bot, const struct zex_event *event)
{
    for (uint32_t i = 0; i < bot->symbol_count; i++)
        if (bot->symbols[i] == event->symbol)
            bot->fair[i] +=
                (event->price / bot->catalog.symbols[event->symbol].tick - bot->fair[i]) /
                4;
}

/* Takes events as they come, until the time of the next action. */
static void follow(struct bot *bot, uint64_t until_ns)
{
    struct zex_event event;
    for (uint64_t now_ns; (now_ns = clock_mono_ns()) < until_ns;) {
        const int left_ms = (int)((until_ns - now_ns) / 1000000);
        if (zex_client_wait(bot->client, &event, left_ms + 1) != ZEX_OK)
            continue;
        if (event.type == ZEX_EVENT_ORDER || event.type == ZEX_EVENT_CANCELLED ||
            event.type == ZEX_EVENT_TRADE)
            remember(bot, &event);
        if (event.type == ZEX_EVENT_TRADE)
            learn(bot, &event);
    }
}

static bool is_full(const struct bot *bot)
{
    for (int i = 0; i < BOTS_ORDERS; i++)
        if (bot->orders[i].order_id == 0)
            return false;
    return true;
}

static void act(struct bot *bot)
{
    uint32_t i = (uint32_t)random_below(&bot->random, bot->symbol_count);
    const struct msg_symbol_set *s = &bot->catalog.symbols[bot->symbols[i]];
    const int64_t centre = s->reference_price / s->tick, step = 1 + centre / STEP_PARTS;
    bot->fair[i] += (int64_t)random_below(&bot->random, (uint64_t)(2 * step + 1)) - step +
                    (centre - bot->fair[i]) / PULL_PARTS;
    if (is_full(bot) || random_below(&bot->random, 4) == 0) {
        const struct order *old = &bot->orders[random_below(&bot->random, BOTS_ORDERS)];
        if (old->order_id != 0)
            (void)!zex_order_cancel(bot->client, old->order_id, 0, NULL);
        return;
    }
    bool buy = random_below(&bot->random, 2) == 0,
         take = random_below(&bot->random, 6) == 0;
    int64_t distance = 1 + (int64_t)random_below(&bot->random, SPREAD_STEPS);
    int64_t ticks = bot->fair[i] + (buy != take ? -distance : distance);
    struct zex_order order = {.symbol = s->symbol,
                              .side = buy ? ZEX_SIDE_BUY : ZEX_SIDE_SELL,
                              .type = ZEX_LIMIT,
                              .time_in_force = take ? ZEX_IOC : ZEX_GTC,
                              .price = (ticks < 1 ? 1 : ticks) * s->tick,
                              .quantity =
                                  (1 + (int64_t)random_below(&bot->random, 50)) * s->lot};
    while (order.quantity * order.price * s->multiplier < s->notional_min)
        order.quantity += order.quantity;
    (void)!zex_order_place(bot->client, &order, NULL);
}

static void *run(void *argument)
{
    struct bot *bot = argument;
    while (!atomic_load(bot->stopped)) {
        const uint64_t pause_ms = random_below(&bot->random, 2 * PAUSE_MS + 1);
        follow(bot, clock_mono_ns() + pause_ms * 1000000);
        act(bot);
        zex_client_flush(bot->client);
    }
    return NULL;
}

static int start(struct bot *bot)
{
    bot->args.as = bot->name;
    int code = connect_open(&bot->client, &bot->args, bot->name, NULL);
    if (code != ARGS_OK) {
        args_fail("bots trade as bot1, bot2 and so on of a venue that has them, such as "
                  "--venue deploy/venues/demo.yaml");
        return code;
    }
    code = catalog_load(&bot->catalog, bot->client, &bot->args);
    if (code == ARGS_OK)
        code = connect_query(bot->client, &bot->args,
                             (struct zex_query){.kind = QUERY_KIND_ORDERS}, NULL,
                             take_order, bot);
    if (code != ARGS_OK)
        return code;
    find_symbols(bot);
    if (bot->symbol_count == 0)
        return args_fail("bots: no symbol has a reference price");
    if (pthread_create(&bot->thread, NULL, run, bot) != 0)
        return args_fail("bots: no thread");
    bot->started = true;
    return ARGS_OK;
}

int bots_start(struct bots **out, const struct args *args, uint32_t count, uint64_t seed)
{
    struct bots *self = calloc(1, sizeof *self);
    *out = self;
    if (self == NULL)
        return args_fail("out of memory");
    CHECK(count <= BOTS_MAX);
    int code = ARGS_OK;
    for (uint32_t i = 0; i < count && code == ARGS_OK; i++) {
        struct bot *bot = &self->bots[self->count++];
        bot->args = *args;
        bot->stopped = &self->stopped;
        snprintf(bot->name, sizeof bot->name, "bot%u", i + 1);
        random_init(&bot->random, seed + i);
        code = start(bot);
    }
    return code;
}

void bots_stop(struct bots **bots)
{
    struct bots *self = *bots;
    if (self == NULL)
        return;
    atomic_store(&self->stopped, true);
    for (uint32_t i = 0; i < self->count; i++) {
        struct bot *bot = &self->bots[i];
        if (bot->started)
            pthread_join(bot->thread, NULL);
        catalog_close(&bot->catalog);
        zex_client_destroy(&bot->client);
    }
    free(self);
    *bots = NULL;
}
