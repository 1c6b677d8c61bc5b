/* workload.c - random commands; most are legal, some are refused. */
#include "tests/sim/workload.h"

#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "proto/codec.h"
#include "tests/sim/poison.h"

enum {
    QUOTE = 1, /* asset */
    BASE = 2,  /* first of two */
    ASSETS = 3,
    NAMES = sizeof((struct client *)0)->names / sizeof(uint64_t),
    MIDDLE = 100, /* price */
};

static uint64_t below(struct client *c, uint64_t bound)
{
    return random_below(&c->random, bound);
}

static bool happens(struct client *c, uint32_t percent)
{
    return below(c, 100) < percent;
}

/* ---- the operator ------------------------------------------------------------------ */

static struct msg asset(uint32_t id)
{
    struct msg m = {.kind = MSG_asset_set,
                    .asset_set = {.asset = id, .scale = id == QUOTE ? 2 : 0}};
    snprintf(m.asset_set.name, sizeof m.asset_set.name, "A%u", id);
    return m;
}

/* Draws are statements, not initialisers: so their order is fixed. */
static struct msg symbol(struct client *c, uint32_t id)
{
    struct msg m = {.kind = MSG_symbol_set};
    struct msg_symbol_set *s = &m.symbol_set;
    s->symbol = id;
    s->base = BASE + (id - 1) % 2;
    s->quote = QUOTE;
    s->shard = (id - 1) % c->plan->shards;
    s->price_scale = 2;
    s->multiplier = s->tick = s->lot = 1;
    s->quantity_max = happens(c, 80) ? 1000 : 15;
    s->notional_max = INT64_C(1) << 40;
    s->band_ppm = happens(c, 80) ? 0 : 50000;
    s->collar_ppm = 30000;
    s->reference_price = happens(c, 90) ? MIDDLE : 0;
    s->maker_ppm = (int32_t)below(c, 3000) - 1000;
    s->taker_ppm = 1000 + (int32_t)below(c, 5000);
    s->stp = (uint8_t)(STP_NONE + below(c, 4));
    s->refuse_crossing = happens(c, 3);
    s->trading = TRADING_OPEN;
    snprintf(s->name, sizeof s->name, "S%u", id);
    return m;
}

static struct msg account(struct client *c, uint32_t id)
{
    struct msg m = {.kind = MSG_account_set};
    m.account_set.account = id;
    m.account_set.role = ROLE_TRADER;
    m.account_set.open_orders_max = happens(c, 90) ? 100 : 5;
    if (happens(c, 20)) {
        m.account_set.own_fees = 1;
        m.account_set.taker_ppm = 777;
    }
    snprintf(m.account_set.name, sizeof m.account_set.name, "T%u", id);
    return m;
}

static struct msg deposit(struct client *c, uint32_t id, uint32_t of)
{
    int64_t amount = of == QUOTE ? 100000 : 500, more = 50000;
    if (c->plan->is_poor) {
        amount /= 25;
        more = amount;
    }
    struct msg m = {.kind = MSG_deposit};
    m.deposit.account = id;
    m.deposit.asset = of;
    m.deposit.amount = 1 + amount / 2 + (int64_t)below(c, (uint64_t)more);
    m.deposit.reference = c->next_reference++;
    return m;
}

static uint32_t count_traders(const struct client *c)
{
    return c->plan->traders + c->plan->has_guest;
}

/* The venue, one command after the other: assets, symbols, then each trader with its
 * money. False: that was all. */
static bool next_setup(struct client *c, struct msg *m)
{
    uint32_t i = c->setup++;
    if (i < ASSETS) {
        *m = asset(1 + i);
        return true;
    }
    i -= ASSETS;
    if (i < c->plan->symbols) {
        *m = symbol(c, 1 + i);
        return true;
    }
    i -= c->plan->symbols;
    uint32_t trader = ACCOUNT_ADMIN + 1 + i / (1 + ASSETS), step = i % (1 + ASSETS);
    if (trader >= ACCOUNT_ADMIN + 1 + count_traders(c)) {
        c->setup--;
        return false;
    }
    *m = step == 0 ? account(c, trader) : deposit(c, trader, step);
    return true;
}

bool workload_is_set_up(const struct client *operator)
{
    const struct plan *p = operator->plan;
    return operator->setup >= ASSETS + p->symbols + count_traders(operator) *
           (1 + ASSETS);
}

static uint32_t any_trader(struct client *c)
{
    return ACCOUNT_ADMIN + 1 + (uint32_t)below(c, count_traders(c));
}

/* Of a client that may be well and alive, the operator himself too. */
static struct msg end_session(struct client *c)
{
    const uint32_t index = (uint32_t)below(c, c->plan->clients);
    struct msg m = {.kind = MSG_session_close};
    m.session_close.account = client_account(c->plan, index);
    m.session_close.session = happens(c, 50) ? client_session(index) : 0;
    if (c->plan->has_guest && happens(c, 30)) {
        m.session_close.account = ACCOUNT_ADMIN + count_traders(c);
        m.session_close.session = 0;
    }
    return m;
}

/* A symbol is closed, moved, and opened again; when the book has not emptied yet, or a
 * halt was lifted by chance, that it does not move is one outcome too. */
static bool next_move(struct client *c, struct msg *m)
{
    if (c->plan->genesis.version < 3 || (c->moving == 0 && !happens(c, 8)))
        return false;
    if (c->moving == 0)
        c->moving = 1 + (uint32_t)below(c, c->plan->symbols);
    switch (c->move_step++) {
    case 0:
    case 4:
        *m = (struct msg){.kind = MSG_symbol_status};
        m->symbol_status.symbol = c->moving;
        m->symbol_status.trading = c->move_step == 1 ? TRADING_CLOSED : TRADING_OPEN;
        if (c->move_step == 5)
            c->moving = c->move_step = 0;
        return true;
    default:
        *m = symbol(c, c->moving);
        m->symbol_set.shard = (uint32_t)below(c, c->plan->shards);
        return true;
    }
}

static struct msg meddle(struct client *c)
{
    struct msg move;
    if (next_move(c, &move))
        return move;
    struct msg m = {.kind = MSG_symbol_status};
    uint32_t id = 1 + (uint32_t)below(c, c->plan->symbols);
    if (happens(c, 2))
        return end_session(c);
    switch (below(c, 8)) {
    case 0:
        m.symbol_status.symbol = id;
        m.symbol_status.trading = happens(c, 10) ? TRADING_HALTED : TRADING_OPEN;
        return m;
    case 1:
        m.kind = MSG_account_kill;
        m.account_kill.account = any_trader(c);
        m.account_kill.killed = happens(c, 15);
        return m;
    case 2:
        return symbol(c, id);
    case 3:
        return account(c, any_trader(c));
    case 4:
        m.kind = MSG_withdraw;
        m.withdraw.account = any_trader(c);
        m.withdraw.asset = 1 + (uint32_t)below(c, ASSETS);
        m.withdraw.amount = 1 + (int64_t)below(c, 100000);
        m.withdraw.reference = c->next_reference - below(c, 2);
        c->next_reference++;
        return m;
    default:
        id = any_trader(c);
        return deposit(c, id, 1 + (uint32_t)below(c, ASSETS));
    }
}

/* ---- traders ----------------------------------------------------------------------- */

static uint64_t existing_name(struct client *c)
{
    /* One of the last few is more likely to be open. */
    uint32_t back = (uint32_t)below(c, happens(c, 60) ? 3 : NAMES);
    uint64_t name = c->names[(c->named + NAMES - 1 - back) % NAMES];
    return name != 0 ? name : c->next_name++;
}

static struct msg order(struct client *c)
{
    struct msg m = {.kind = MSG_order_new};
    struct msg_order_new *o = &m.order_new;
    o->cl_ord_id = happens(c, 97) ? c->next_name++ : existing_name(c);
    o->symbol = 1 + (uint32_t)below(c, c->plan->symbols);
    o->side = happens(c, 50) ? SIDE_BUY : SIDE_SELL;
    o->ord_type = ORD_TYPE_LIMIT;
    o->tif = happens(c, 80) ? TIF_GTC : happens(c, 50) ? TIF_IOC : TIF_FOK;
    o->price = MIDDLE - 8 + (int64_t)below(c, 17);
    o->quantity = 1 + (int64_t)below(c, 20);
    o->post_only = o->tif == TIF_GTC && happens(c, 10);
    o->stp = happens(c, 80) ? STP_DEFAULT : (uint8_t)(STP_NONE + below(c, 4));
    if (happens(c, 10)) {
        o->ord_type = ORD_TYPE_MARKET;
        o->tif = TIF_IOC;
        o->price = 0;
        o->post_only = 0;
    }
    if (o->tif == TIF_GTC)
        c->names[c->named++ % NAMES] = o->cl_ord_id;
    return m;
}

static struct msg request(struct client *c, bool is_replace)
{
    uint64_t name = existing_name(c);
    struct msg m = {.kind = MSG_order_cancel};
    if (!is_replace) {
        m.order_cancel.cl_ord_id = c->next_name++;
        m.order_cancel.orig_cl_ord_id = name;
        return m;
    }
    m.kind = MSG_order_replace;
    m.order_replace.cl_ord_id = c->next_name++;
    m.order_replace.orig_cl_ord_id = name;
    m.order_replace.price = MIDDLE - 8 + (int64_t)below(c, 17);
    m.order_replace.quantity = 1 + (int64_t)below(c, 20);
    if (c->plan->is_poor && happens(c, 50)) { /* more, for less */
        m.order_replace.price = 1 + (int64_t)below(c, MIDDLE);
        m.order_replace.quantity += 20;
    }
    c->names[c->named++ % NAMES] = m.order_replace.cl_ord_id;
    return m;
}

static struct msg any_command(struct client *c)
{
    struct msg m = {.kind = MSG_close};
    if (below(c, 300) == 0 && c->life < CLIENT_LIVES / 2)
        return m;
    uint64_t what = below(c, 100);
    if (what < 5) {
        m.kind = MSG_withdraw;
        m.withdraw.account = c->account;
        m.withdraw.asset = 1 + (uint32_t)below(c, ASSETS);
        m.withdraw.amount = 1 + (int64_t)below(c, 3000);
        m.withdraw.reference = c->next_reference++;
        return m;
    }
    if (what < 40 && c->made > 2)
        return request(c, what < 24);
    return order(c);
}

/* ---- both -------------------------------------------------------------------------- */

void workload_init(struct client *c)
{
    c->left = c->index == 0 ? c->plan->commands / 2 : c->plan->commands;
    if (client_is_warden(c))
        c->left = 0;
}

void workload_turn(struct client *c)
{
    struct life *life = &c->lives[c->life];
    struct msg m;
    while (client_is_warden(c) && poison_due(&m.skip)) {
        m.kind = MSG_skip;
        (void)life_add(life, &m);
    }
    while (life->count - life->accepted < c->plan->window && !life_is_closing(life)) {
        if (c->index == 0 && next_setup(c, &m)) {
            (void)life_add(life, &m);
            continue;
        }
        if (c->quiet || c->left == 0 || !happens(c, 40))
            return;
        m = c->index == 0 ? meddle(c) : any_command(c);
        if (!life_add(life, &m))
            return;
        c->left--;
        c->made++;
    }
}

void workload_give_up(struct client *c, uint64_t n)
{
    struct life *life = &c->lives[c->life];
    if (n == 0 || n > life->count || life->commands[n - 1].accepted ||
        c->account == ACCOUNT_ADMIN)
        return;
    struct msg m = order(c);
    life_replace(life, n, &m);
}

void workload_repair(struct client *c, uint64_t n)
{
    struct life *life = &c->lives[c->life];
    if (n == 0 || n > life->count || life->commands[n - 1].accepted)
        return;
    struct life_command *command = &life->commands[n - 1];
    struct msg m;
    int error = codec_decode_whole(command->body, command->size, &m);
    CHECK(error == 0);
    const struct msg_session_close *close = &m.session_close;
    if (m.kind != MSG_session_close ||
        (close->account == c->account && close->session == 0))
        return;
    if (m.session_close.session == 0)
        m.session_close.account = c->account; /* this very session, if no other */
    m.session_close.session = 0;
    life_repair(life, n, &m);
}
