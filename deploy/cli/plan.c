/* plan.c - one function a kind of row; the rules are those of services/risk. */
#include "deploy/cli/plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "deploy/cli/keys.h"
#include "deploy/cli/plan_row.h"

enum { ACCOUNT_FIRST = 10, OPEN_ORDERS_DEFAULT = 10000, MULTIPLIER_DIGITS = 12 };

/* ---- assets ------------------------------------------------------------------------ */

/* The id of that name, or the first that is free, or 0. */
static uint32_t find_asset(const struct catalog *catalog, const char *name, bool or_free)
{
    uint32_t unused = 0;
    for (uint32_t i = 1; i <= ASSET_MAX; i++) {
        const struct msg_asset_set *asset = &catalog->assets[i];
        if (asset->asset != 0 && strcmp(asset->name, name) == 0)
            return i;
        if (asset->asset == 0 && unused == 0)
            unused = i;
    }
    return or_free ? unused : 0;
}

static void plan_asset(struct plan *self, unsigned at)
{
    const struct venue_asset *v = &self->input->venue->assets[at];
    const uint32_t bad = self->bad;
    const uint32_t id = find_asset(self->input->catalog, v->name, true);
    plan_row_begin(self, "asset", "%s", v->name);
    for (unsigned i = 0; i < at; i++)
        if (strcmp(self->input->venue->assets[i].name, v->name) == 0)
            plan_row_complain(self, "is there twice");
    if (id == 0) {
        plan_row_complain(self, "the venue has no room for another");
        return;
    }
    struct msg_asset_set *present = &self->input->catalog->assets[id];
    struct msg m = {.kind = MSG_asset_set, .asset_set = {.asset = id}};
    const struct msg old = {.kind = MSG_asset_set, .asset_set = *present};
    plan_row_name(self, &m, v->name);
    plan_row_number(self, &m, "scale", v->scale);
    if (present->asset != 0 && present->scale != v->scale)
        plan_row_complain(self, "scale %" PRIu32 ": it is %" PRIu32 " and never changes",
                          v->scale, present->scale);
    plan_row_end(self, bad, &m, present->asset != 0 ? &old : NULL);
    *present = m.asset_set;
}

/* ---- symbols ----------------------------------------------------------------------- */

static uint32_t find_symbol(const struct catalog *catalog, const char *name)
{
    uint32_t unused = 0;
    for (uint32_t i = 1; i <= SYMBOL_MAX; i++) {
        const struct msg_symbol_set *symbol = &catalog->symbols[i];
        if (symbol->symbol != 0 && strcmp(symbol->name, name) == 0)
            return i;
        if (symbol->symbol == 0 && unused == 0)
            unused = i;
    }
    return unused;
}

static uint32_t take_asset(struct plan *self, const char *field, const char *name)
{
    const uint32_t id = find_asset(self->input->catalog, name, false);
    if (id == 0)
        plan_row_complain(self, "%s: unknown asset '%s'", field, name);
    return id;
}

/* price x quantity x multiplier is exact in the quote asset's smallest unit. */
static void set_scales(struct plan *self, const struct venue_symbol *v, struct msg *m)
{
    const struct msg_asset_set *assets = self->input->catalog->assets;
    const uint32_t base = assets[m->symbol_set.base].scale;
    const uint32_t quote = assets[m->symbol_set.quote].scale;
    const uint32_t bad = self->bad;
    plan_row_number(self, m, "price_scale", v->price_scale);
    if (self->bad != bad || m->symbol_set.base == 0 || m->symbol_set.quote == 0)
        return;
    if (m->symbol_set.base == m->symbol_set.quote)
        plan_row_complain(self, "base and quote are the same asset");
    m->symbol_set.quantity_scale = base;
    const uint32_t least = v->price_scale + base;
    if (quote < least || quote > least + MULTIPLIER_DIGITS) {
        plan_row_complain(self,
                          "scale of %s %" PRIu32
                          " must be price_scale + scale of %s = %" PRIu32 " to %" PRIu32,
                          v->quote, quote, v->base, least, least + MULTIPLIER_DIGITS);
        return;
    }
    m->symbol_set.multiplier = 1;
    for (uint32_t i = least; i < quote; i++)
        m->symbol_set.multiplier *= 10;
}

static void set_values(struct plan *self, const struct venue_symbol *v, struct msg *m)
{
    const struct catalog *catalog = self->input->catalog;
    const uint32_t base = catalog->assets[m->symbol_set.base].scale;
    const uint32_t quote = catalog->assets[m->symbol_set.quote].scale;
    plan_row_number(self, m, "shard", v->shard);
    plan_row_amount(self, m, "tick", v->tick, v->price_scale);
    plan_row_amount(self, m, "reference_price", v->reference_price, v->price_scale);
    if (m->symbol_set.base != 0) {
        plan_row_amount(self, m, "lot", v->lot, base);
        plan_row_amount(self, m, "quantity_max", v->quantity_max, base);
    }
    if (m->symbol_set.quote != 0) {
        plan_row_amount(self, m, "notional_min", v->notional_min, quote);
        plan_row_amount(self, m, "notional_max", v->notional_max, quote);
    }
    plan_row_rate(self, m, "band", v->band);
    plan_row_rate(self, m, "collar", v->collar);
    plan_row_rate(self, m, "maker", v->maker);
    plan_row_rate(self, m, "taker", v->taker);
    plan_row_value(self, m, "stp", v->stp);
}

static void check_together(struct plan *self, const struct venue_symbol *v,
                           const struct msg_symbol_set *m,
                           const struct msg_symbol_set *present)
{
    if (m->notional_min > m->notional_max)
        plan_row_complain(self, "notional_min '%s' is above notional_max '%s'",
                          v->notional_min, v->notional_max);
    if (m->maker_ppm + m->taker_ppm < 0)
        plan_row_complain(self, "maker and taker together are below 0");
    if (m->stp == STP_DEFAULT)
        plan_row_complain(self, "stp '%s' is what the others default to", v->stp);
    if (present->symbol == 0)
        return;
    if (m->base != present->base)
        plan_row_complain(self, "base '%s': it never changes", v->base);
    if (m->quote != present->quote)
        plan_row_complain(self, "quote '%s': it never changes", v->quote);
    if (m->price_scale != present->price_scale)
        plan_row_complain(self,
                          "price_scale %" PRIu32 ": it is %" PRIu32 " and never changes",
                          m->price_scale, present->price_scale);
}

/* Where a symbol is, the operator says later than the file does: `zex admin move`. */
static void keep_shard(struct plan *self, struct msg_symbol_set *m,
                       const struct msg_symbol_set *present)
{
    if (present->symbol == 0 || m->shard == present->shard)
        return;
    plan_row_warn(self,
                  "shard %" PRIu32 ": it is on %" PRIu32 " and stays; see zex admin move",
                  m->shard, present->shard);
    m->shard = present->shard;
}

static void plan_symbol(struct plan *self, unsigned at)
{
    const struct venue_symbol *v = &self->input->venue->symbols[at];
    const uint32_t bad = self->bad;
    const uint32_t id = find_symbol(self->input->catalog, v->name);
    plan_row_begin(self, "symbol", "%s", v->name);
    for (unsigned i = 0; i < at; i++)
        if (strcmp(self->input->venue->symbols[i].name, v->name) == 0)
            plan_row_complain(self, "is there twice");
    if (id == 0) {
        plan_row_complain(self, "the venue has no room for another");
        return;
    }
    struct msg_symbol_set *present = &self->input->catalog->symbols[id];
    struct msg m = {.kind = MSG_symbol_set,
                    .symbol_set = {.symbol = id,
                                   .collar_ppm = PPM / 20,
                                   .stp = STP_EXPIRE_TAKER,
                                   .refuse_crossing = v->refuse_crossing,
                                   .trading = TRADING_OPEN}};
    struct msg old = {.kind = MSG_symbol_set, .symbol_set = *present};
    old.symbol_set.trading = TRADING_OPEN; /* halts are not the file's */
    plan_row_name(self, &m, v->name);
    m.symbol_set.base = take_asset(self, "base", v->base);
    m.symbol_set.quote = take_asset(self, "quote", v->quote);
    set_scales(self, v, &m);
    set_values(self, v, &m);
    if (self->bad == bad)
        check_together(self, v, &m.symbol_set, present);
    if (self->bad == bad)
        keep_shard(self, &m.symbol_set, present);
    plan_row_end(self, bad, &m, present->symbol != 0 ? &old : NULL);
    *present = m.symbol_set;
}

/* ---- accounts ---------------------------------------------------------------------- */

/* The id of that name, or the first above all, or 0. */
static uint32_t find_account(const struct catalog *catalog, const char *name,
                             bool or_free)
{
    uint32_t last = ACCOUNT_FIRST - 1;
    for (uint32_t i = 1; i < catalog->account_capacity; i++) {
        if (catalog->accounts[i].account == 0)
            continue;
        if (strcmp(catalog->accounts[i].name, name) == 0)
            return i;
        last = i > last ? i : last;
    }
    return or_free && last < ACCOUNT_MAX ? last + 1 : 0;
}

static void plan_account(struct plan *self, unsigned at)
{
    const struct venue_account *v = &self->input->venue->accounts[at];
    struct catalog *catalog = self->input->catalog;
    const uint32_t bad = self->bad;
    const uint32_t id = find_account(catalog, v->name, true);
    plan_row_begin(self, "account", "%s", v->name);
    for (unsigned i = 0; i < at; i++)
        if (strcmp(self->input->venue->accounts[i].name, v->name) == 0)
            plan_row_complain(self, "is there twice");
    if (id == 0 || id <= ACCOUNT_ADMIN) {
        plan_row_complain(self, id == 0 ? "the venue has no room for another"
                                        : "it is the venue's own and never changes");
        return;
    }
    const bool is_known =
        id < catalog->account_capacity && catalog->accounts[id].account != 0;
    struct msg m = {.kind = MSG_account_set, .account_set = {.account = id}};
    struct msg old = {.kind = MSG_account_set};
    if (is_known)
        old.account_set = catalog->accounts[id];
    plan_row_name(self, &m, v->name);
    plan_row_value(self, &m, "role", v->role);
    plan_row_rate(self, &m, "maker", v->maker);
    plan_row_rate(self, &m, "taker", v->taker);
    plan_row_number(self, &m, "open_orders_max",
                    v->open_orders_max != 0 ? v->open_orders_max : OPEN_ORDERS_DEFAULT);
    plan_row_number(self, &m, "orders_max", v->orders_max);
    m.account_set.own_fees = v->maker != NULL || v->taker != NULL;
    if (m.account_set.maker_ppm + m.account_set.taker_ppm < 0)
        plan_row_complain(self, "maker and taker together are below 0");
    if (m.account_set.role == ROLE_SERVICE && v->key != NULL)
        plan_row_complain(self, "key '%s': a service has none", v->key);
    plan_row_end(self, bad, &m, is_known ? &old : NULL);
    catalog_add_account(catalog, &m.account_set);
}

/* ---- deposits ---------------------------------------------------------------------- */

static void plan_deposit(struct plan *self, unsigned at)
{
    const struct venue_deposit *all = self->input->venue->deposits, *v = &all[at];
    const struct catalog *catalog = self->input->catalog;
    const uint32_t bad = self->bad, id = find_account(catalog, v->account, false);
    struct msg m = {.kind = MSG_deposit, .deposit.account = id};
    plan_row_begin(self, "deposit", "%s %s %s, reference %" PRIu64, v->account, v->amount,
                   v->asset, v->reference);
    for (unsigned i = 0; i < at; i++)
        if (all[i].reference == v->reference && strcmp(all[i].account, v->account) == 0)
            plan_row_complain(self, "the account has a deposit of this reference above");
    if (id == 0 || id == ACCOUNT_EXTERNAL)
        plan_row_complain(self, "unknown account '%s'", v->account);
    plan_row_number(self, &m, "reference", v->reference);
    m.deposit.asset = take_asset(self, "asset", v->asset);
    if (m.deposit.asset != 0)
        plan_row_amount(self, &m, "amount", v->amount,
                        catalog->assets[m.deposit.asset].scale);
    plan_row_end(self, bad, &m, NULL);
}

/* ---- keys -------------------------------------------------------------------------- */

static bool is_key(const struct msg_key_set *a, const struct msg_key_set *b)
{
    return memcmp(a->key, b->key, sizeof a->key) == 0;
}

/* Who has that key, or is about to; NULL: nobody. */
static const struct msg_key_set *find_key(const struct plan *self,
                                          const struct msg_key_set *key)
{
    for (uint32_t i = 0; i < self->input->key_count; i++)
        if (is_key(&self->input->keys[i], key))
            return &self->input->keys[i];
    for (uint32_t i = 0; i < self->count; i++)
        if (self->commands[i].msg.kind == MSG_key_set &&
            is_key(&self->commands[i].msg.key_set, key))
            return &self->commands[i].msg.key_set;
    return NULL;
}

/* What a file does not name still works: keys are added by it, never taken away. */
static void warn_of_others(struct plan *self, const struct msg_key_set *named)
{
    char text[41];
    for (uint32_t i = 0; i < self->input->key_count; i++) {
        const struct msg_key_set *key = &self->input->keys[i];
        if (key->account != named->account || !key->enabled || is_key(key, named))
            continue;
        bus_key_encode(text, key->key);
        plan_row_warn(self, "'%s' works too and is not in the file; see zex admin revoke",
                      text);
    }
}

static void plan_key(struct plan *self, const struct venue_account *v)
{
    struct keys_pair pair;
    const uint32_t bad = self->bad;
    struct msg m = {.kind = MSG_key_set, .key_set.enabled = 1};
    m.key_set.account = find_account(self->input->catalog, v->name, false);
    plan_row_begin(self, "key of", "%s", v->name);
    if (v->key != NULL) {
        if (!keys_load(&pair, self->input->directory, v->key, true) ||
            !bus_key_decode(m.key_set.key, pair.public_key)) {
            plan_row_complain(self, "'%s' is no key", v->key);
            return;
        }
        const struct msg_key_set *known = find_key(self, &m.key_set);
        if (known == NULL)
            plan_row_end(self, bad, &m, NULL);
        else if (known->account != m.key_set.account)
            plan_row_complain(self, "'%s' is the key of %s", v->key,
                              self->input->catalog->accounts[known->account].name);
        else if (!known->enabled)
            plan_row_warn(self, "'%s' was revoked and stays so; see zex admin revoke",
                          v->key);
    }
    warn_of_others(self, &m.key_set);
}

bool plan_make(struct plan *self, const struct plan_input *input)
{
    const struct venue *venue = input->venue;
    *self = (struct plan){.input = input};
    for (unsigned i = 0; i < venue->asset_count; i++)
        plan_asset(self, i);
    if (self->bad != 0)
        return false; /* all else is in units of the assets */
    for (unsigned i = 0; i < venue->symbol_count; i++)
        plan_symbol(self, i);
    for (unsigned i = 0; i < venue->account_count; i++)
        plan_account(self, i);
    for (unsigned i = 0; i < venue->deposit_count; i++)
        plan_deposit(self, i);
    for (unsigned i = 0; i < venue->account_count && self->bad == 0; i++)
        plan_key(self, &venue->accounts[i]);
    return self->bad == 0 && !input->catalog->failed;
}

void plan_close(struct plan *self)
{
    free(self->commands);
    *self = (struct plan){0};
}
