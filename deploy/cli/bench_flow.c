/* bench_flow.c - see bench_flow.h. */
#include "deploy/cli/bench_flow.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/pages.h"
#include "proto/codec.h"

enum {
    NEW_PER_MILLE = 579,
    CANCEL_PER_MILLE = 371,
    CROSSES_PER_MILLE = 150, /* of the new ones */
    DEPTH = 450,             /* ticks from the middle, the near ones more often */
    THROUGH = 5,             /* how far a crossing order reaches behind the middle */
    RESTS_MAX = 100,         /* lots */
    TAKES_MAX = 60,
    SYMBOL = 1,
    MIDDLE = 100000, /* ticks, where the price starts */
    BASE = 1,        /* assets */
    QUOTE = 2,
};

#define ENOUGH (INT64_C(1) << 50)

static const struct msg venue[] = {
    {.kind = MSG_asset_set, .asset_set = {.asset = BASE, .name = "BASE"}},
    {.kind = MSG_asset_set, .asset_set = {.asset = QUOTE, .name = "QUOTE"}},
    {.kind = MSG_symbol_set,
     .symbol_set = {.symbol = SYMBOL,
                    .name = "BENCH",
                    .base = BASE,
                    .quote = QUOTE,
                    .multiplier = 1,
                    .tick = 1,
                    .lot = 1,
                    .quantity_max = 1 << 20,
                    .notional_max = ENOUGH,
                    .collar_ppm = PPM / 10,
                    .reference_price = MIDDLE,
                    .maker_ppm = 100,
                    .taker_ppm = 200,
                    .stp = STP_NONE, /* as in the flow this one is like */
                    .trading = TRADING_OPEN}},
};

enum { VENUE = sizeof venue / sizeof *venue, PER_ACCOUNT = 3 };

bool bench_flow_venue(uint32_t i, uint32_t first, struct msg *m)
{
    if (i < VENUE) {
        *m = venue[i];
        return true;
    }
    const uint32_t number = (i - VENUE) / PER_ACCOUNT, part = (i - VENUE) % PER_ACCOUNT;
    if (part == 0) {
        *m = (struct msg){.kind = MSG_account_set,
                          .account_set = {.account = first + number,
                                          .role = ROLE_TRADER,
                                          .open_orders_max = SLOT_MAX}};
        snprintf(m->account_set.name, sizeof m->account_set.name, "trader%u", number);
    } else {
        *m = (struct msg){.kind = MSG_deposit,
                          .deposit = {.account = first + number,
                                      .asset = part, /* BASE, QUOTE */
                                      .amount = ENOUGH,
                                      .reference = part}};
    }
    return number < BENCH_FLOW_ACCOUNTS;
}

void bench_flow_init(struct bench_flow *self, uint64_t seed)
{
    *self = (struct bench_flow){.middle = MIDDLE};
    random_init(&self->random, seed);
    self->order_ids =
        pages_map(BENCH_FLOW_ORDERS_MAX * sizeof *self->order_ids, PAGES_LARGE);
    self->places = pages_map(BENCH_FLOW_ORDERS_MAX * sizeof *self->places, PAGES_LARGE);
    CHECK(self->order_ids != NULL && self->places != NULL);
}

void bench_flow_close(struct bench_flow *self)
{
    pages_unmap(self->order_ids, BENCH_FLOW_ORDERS_MAX * sizeof *self->order_ids);
    pages_unmap(self->places, BENCH_FLOW_ORDERS_MAX * sizeof *self->places);
    for (uint32_t i = 0; i < BENCH_FLOW_ACCOUNTS; i++)
        free(self->live[i].names);
}

/* ---- live orders ------------------------------------------------------------------- */

static void add(struct bench_flow *self, uint32_t account, uint64_t name, uint64_t id)
{
    struct bench_flow_list *live = &self->live[account];
    CHECK(name < BENCH_FLOW_ORDERS_MAX && self->places[name] == 0);
    if (live->count == live->capacity) {
        live->capacity = live->capacity > 0 ? 2 * live->capacity : 1024;
        live->names = realloc(live->names, live->capacity * sizeof *live->names);
        CHECK(live->names != NULL);
    }
    live->names[live->count++] = (uint32_t)name;
    self->places[name] = live->count;
    self->order_ids[name] = id;
}

static void drop(struct bench_flow *self, uint32_t account, uint64_t name)
{
    struct bench_flow_list *live = &self->live[account];
    CHECK(name < BENCH_FLOW_ORDERS_MAX);
    uint32_t place = self->places[name];
    if (place == 0)
        return; /* a cancel or replace of it is under way */
    uint32_t last = live->names[--live->count];
    live->names[place - 1] = last;
    self->places[last] = place;
    self->places[name] = 0;
}

bool bench_flow_report(struct bench_flow *self, uint32_t account, const struct msg *m)
{
    switch (m->kind) {
    case MSG_order_accepted:
        add(self, account, m->order_accepted.cl_ord_id, m->order_accepted.order_id);
        return true;
    case MSG_order_replaced:
        if (m->order_replaced.leaves > 0)
            add(self, account, m->order_replaced.cl_ord_id, m->order_replaced.order_id);
        return true;
    case MSG_fill:
        if (m->fill.leaves == 0)
            drop(self, account, m->fill.cl_ord_id);
        return false;
    case MSG_order_cancelled:
        drop(self, account, m->order_cancelled.cl_ord_id);
        return m->order_cancelled.request != 0;
    case MSG_order_rejected:
    case MSG_cancel_rejected:
        return true;
    default:
        return false;
    }
}

/* ---- commands ---------------------------------------------------------------------- */

static int64_t draw_price(struct bench_flow *self, bool buy, bool crosses)
{
    int64_t u = (int64_t)random_below(&self->random, 1000);
    int64_t distance = crosses ? -THROUGH : 1 + u * u * DEPTH / 1000000;
    return self->middle + (buy ? -distance : distance);
}

static struct msg make_new(struct bench_flow *self)
{
    bool crosses =
        !self->only_rests && random_below(&self->random, 1000) < CROSSES_PER_MILLE;
    bool buy = random_below(&self->random, 2) == 0;
    struct msg m = {.kind = MSG_order_new};
    m.order_new = (struct msg_order_new){
        .cl_ord_id = ++self->named,
        .symbol = SYMBOL,
        .side = buy ? SIDE_BUY : SIDE_SELL,
        .ord_type = ORD_TYPE_LIMIT,
        .tif = TIF_GTC,
        .price = draw_price(self, buy, crosses),
        .quantity =
            1 + (int64_t)random_below(&self->random, crosses ? TAKES_MAX : RESTS_MAX)};
    return m;
}

/* Some live order of the account, which is then not live until a report says so. */
static uint64_t pick(struct bench_flow *self, uint32_t account)
{
    const struct bench_flow_list *live = &self->live[account];
    uint32_t name = live->names[random_below(&self->random, live->count)];
    drop(self, account, name);
    return self->order_ids[name];
}

static struct msg make_cancel(struct bench_flow *self, uint32_t account)
{
    struct msg m = {.kind = MSG_order_cancel};
    m.order_cancel = (struct msg_order_cancel){.cl_ord_id = ++self->named,
                                               .order_id = pick(self, account)};
    return m;
}

static struct msg make_replace(struct bench_flow *self, uint32_t account)
{
    bool below = random_below(&self->random, 2) == 0;
    struct msg m = {.kind = MSG_order_replace};
    m.order_replace = (struct msg_order_replace){
        .cl_ord_id = ++self->named,
        .order_id = pick(self, account),
        .price = draw_price(self, below, false),
        .quantity = 1 + (int64_t)random_below(&self->random, RESTS_MAX)};
    return m;
}

uint32_t bench_flow_next(struct bench_flow *self, uint32_t account,
                         uint8_t body[BODY_BYTES_MAX])
{
    CHECK(self->named + 1 < BENCH_FLOW_ORDERS_MAX);
    uint64_t dice = random_below(&self->random, 1000);
    if (random_below(&self->random, 64) == 0)
        self->middle += random_below(&self->random, 2) == 0 ? 1 : -1;
    bool is_new =
        self->only_rests || dice < NEW_PER_MILLE || self->live[account].count == 0;
    struct msg m = is_new ? make_new(self)
                   : dice < NEW_PER_MILLE + CANCEL_PER_MILLE
                       ? make_cancel(self, account)
                       : make_replace(self, account);
    size_t size = 0;
    CHECK(codec_encode(body, BODY_BYTES_MAX, &m, &size) == 0);
    return (uint32_t)size;
}
