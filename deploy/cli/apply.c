/* apply.c - assets, symbols, accounts, keys, deposits: in the order they depend on each
 * other. */
#include "deploy/cli/apply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "common/error.h"
#include "deploy/cli/commands.h"
#include "deploy/cli/decimal.h"
#include "deploy/cli/keys.h"
#include "proto/codec.h"

enum { ACCOUNT_FIRST = 10, OPEN_ORDERS_DEFAULT = 10000 };

struct apply {
    zex_client *client;
    const struct args *args;
    const struct venue *venue;
    struct catalog catalog;
    struct msg_key_set *keys;
    uint32_t key_count, key_capacity;
    uint32_t changes;
};

/* Sends one command. `done_before`: a reason that means there was nothing to do. */
static int send(struct apply *self, const struct msg *command, const char *what,
                const char *name, int done_before)
{
    struct zex_event event;
    int code = connect_command(self->client, self->args, command, &event);
    if (code != ARGS_OK)
        return code;
    if (event.type == ZEX_EVENT_REFUSED && event.reason == done_before)
        return ARGS_OK;
    if (event.type == ZEX_EVENT_REFUSED)
        return args_fail("%s %s: %s (%s; value %" PRId64 ", limit %" PRId64 ")", what,
                         name, zex_reason_name(event.reason),
                         zex_reason_text(event.reason), event.value, event.limit);
    self->changes++;
    if (!self->args->json)
        printf("%s %s\n", what, name);
    return ARGS_OK;
}

/* Equal messages are equal bytes. */
static bool is_equal(const struct msg *a, const struct msg *b)
{
    uint8_t x[MESSAGE_BYTES_MAX], y[MESSAGE_BYTES_MAX];
    size_t x_size = 0, y_size = 0;
    return codec_encode(x, sizeof x, a, &x_size) == 0 &&
           codec_encode(y, sizeof y, b, &y_size) == 0 && x_size == y_size &&
           memcmp(x, y, x_size) == 0;
}

static int64_t power_of_ten(uint32_t exponent)
{
    int64_t power = 1;
    for (uint32_t i = 0; i < exponent; i++)
        power *= 10;
    return power;
}

static bool copy_name(char *to, size_t size, const char *name, const char *what)
{
    size_t length = strlen(name);
    if (length == 0 || length >= size) {
        args_fail("%s '%s': the name must have 1 to %zu bytes", what, name, size - 1);
        return false;
    }
    memcpy(to, name, length + 1);
    return true;
}

/* ---- assets ------------------------------------------------------------------------ */

static int apply_asset(struct apply *self, const struct venue_asset *asset)
{
    struct msg_asset_set *all = self->catalog.assets;
    uint32_t id = 0, fresh = 0;
    for (uint32_t i = 1; i <= ASSET_MAX && id == 0; i++) {
        if (all[i].asset != 0 && strcmp(all[i].name, asset->name) == 0)
            id = i;
        else if (all[i].asset == 0 && fresh == 0)
            fresh = i;
    }
    if (id == 0)
        id = fresh;
    struct msg command = {.kind = MSG_asset_set,
                          .asset_set = {.asset = id, .scale = asset->scale}};
    if (!copy_name(command.asset_set.name, sizeof command.asset_set.name, asset->name,
                   "asset"))
        return ARGS_FAILED;
    struct msg present = {.kind = MSG_asset_set, .asset_set = all[id]};
    if (all[id].asset != 0 && is_equal(&present, &command))
        return ARGS_OK;
    all[id] = command.asset_set;
    return send(self, &command, "asset", asset->name, 0);
}

/* ---- symbols ----------------------------------------------------------------------- */

static bool parse_amount(const char *symbol, const char *field, const char *text,
                         uint32_t scale, int64_t fallback, int64_t *value)
{
    *value = fallback;
    if (text == NULL || decimal_parse(text, scale, value))
        return true;
    args_fail("symbol %s: %s '%s' is no number of at most %" PRIu32 " decimals", symbol,
              field, text, scale);
    return false;
}

static bool parse_rate(const char *symbol, const char *field, const char *text,
                       int64_t fallback, int64_t *ppm)
{
    *ppm = fallback;
    if (text == NULL || venue_parse_ppm(text, ppm))
        return true;
    args_fail("%s: %s '%s' is no rate; write 0.05%% or 500ppm", symbol, field, text);
    return false;
}

static bool make_symbol(struct apply *self, const struct venue_symbol *v,
                        struct msg_symbol_set *m)
{
    const struct msg_asset_set *base = catalog_find_asset(&self->catalog, v->base);
    const struct msg_asset_set *quote = catalog_find_asset(&self->catalog, v->quote);
    int64_t band, collar, maker, taker;
    uint8_t stp = STP_EXPIRE_TAKER;
    if (base == NULL || quote == NULL ||
        !copy_name(m->name, sizeof m->name, v->name, "symbol"))
        return false;
    if (quote->scale < v->price_scale + base->scale) {
        args_fail("symbol %s: %s needs a scale of at least price_scale + scale of %s = "
                  "%" PRIu32,
                  v->name, v->quote, v->base, v->price_scale + base->scale);
        return false;
    }
    m->base = base->asset;
    m->quote = quote->asset;
    m->price_scale = v->price_scale;
    m->quantity_scale = base->scale;
    m->multiplier = power_of_ten(quote->scale - v->price_scale - base->scale);
    m->shard = v->shard;
    bool ok = parse_amount(v->name, "tick", v->tick, v->price_scale, 0, &m->tick) &&
              parse_amount(v->name, "lot", v->lot, base->scale, 0, &m->lot) &&
              parse_amount(v->name, "quantity_max", v->quantity_max, base->scale, 0,
                           &m->quantity_max) &&
              parse_amount(v->name, "notional_min", v->notional_min, quote->scale, 0,
                           &m->notional_min) &&
              parse_amount(v->name, "notional_max", v->notional_max, quote->scale, 0,
                           &m->notional_max) &&
              parse_amount(v->name, "reference_price", v->reference_price, v->price_scale,
                           0, &m->reference_price) &&
              parse_rate(v->name, "band", v->band, 0, &band) &&
              parse_rate(v->name, "collar", v->collar, 50000, &collar) &&
              parse_rate(v->name, "maker", v->maker, 0, &maker) &&
              parse_rate(v->name, "taker", v->taker, 0, &taker) &&
              (v->stp == NULL || catalog_value_find("stp", v->stp, &stp));
    if (!ok)
        return false;
    m->band_ppm = (uint32_t)band;
    m->collar_ppm = (uint32_t)collar;
    m->maker_ppm = (int32_t)maker;
    m->taker_ppm = (int32_t)taker;
    m->stp = stp;
    m->refuse_crossing = v->refuse_crossing;
    m->trading = TRADING_OPEN;
    return true;
}

static int apply_symbol(struct apply *self, const struct venue_symbol *v)
{
    struct msg_symbol_set *all = self->catalog.symbols;
    uint32_t id = 0, fresh = 0;
    for (uint32_t i = 1; i <= SYMBOL_MAX && id == 0; i++) {
        if (all[i].symbol != 0 && strcmp(all[i].name, v->name) == 0)
            id = i;
        else if (all[i].symbol == 0 && fresh == 0)
            fresh = i;
    }
    if (id == 0)
        id = fresh;
    struct msg command = {.kind = MSG_symbol_set};
    command.symbol_set.symbol = id;
    if (!make_symbol(self, v, &command.symbol_set))
        return ARGS_FAILED;
    struct msg present = {.kind = MSG_symbol_set, .symbol_set = all[id]};
    present.symbol_set.trading =
        command.symbol_set.trading; /* halts are not the file's */
    if (all[id].symbol != 0 && is_equal(&present, &command))
        return ARGS_OK;
    all[id] = command.symbol_set;
    return send(self, &command, "symbol", v->name, 0);
}

/* ---- accounts and their keys ------------------------------------------------------- */

static bool make_account(const struct venue_account *v, struct msg_account_set *m)
{
    int64_t maker = 0, taker = 0;
    if (!copy_name(m->name, sizeof m->name, v->name, "account") ||
        !catalog_value_find("role", v->role, &m->role) ||
        !parse_rate(v->name, "maker", v->maker, 0, &maker) ||
        !parse_rate(v->name, "taker", v->taker, 0, &taker))
        return false;
    m->own_fees = v->maker != NULL || v->taker != NULL;
    m->maker_ppm = (int32_t)maker;
    m->taker_ppm = (int32_t)taker;
    m->open_orders_max =
        v->open_orders_max != 0 ? v->open_orders_max : OPEN_ORDERS_DEFAULT;
    m->orders_max = v->orders_max;
    return true;
}

static int apply_key(struct apply *self, const struct venue_account *v, uint32_t account)
{
    struct keys_pair pair;
    struct msg command = {.kind = MSG_key_set,
                          .key_set = {.account = account, .enabled = 1}};
    if (!keys_load(&pair, self->args->directory, v->key, true) ||
        !bus_key_decode(command.key_set.key, pair.public_key))
        return ARGS_FAILED;
    for (uint32_t i = 0; i < self->key_count; i++)
        if (self->keys[i].account == account &&
            memcmp(self->keys[i].key, command.key_set.key, sizeof command.key_set.key) ==
                0)
            return ARGS_OK;
    return send(self, &command, "key of", v->name, 0);
}

static int apply_account(struct apply *self, const struct venue_account *v)
{
    uint32_t id = 0, last = ACCOUNT_FIRST - 1;
    for (uint32_t i = 1; i < self->catalog.account_capacity && id == 0; i++) {
        if (self->catalog.accounts[i].account == 0)
            continue;
        if (strcmp(self->catalog.accounts[i].name, v->name) == 0)
            id = i;
        else if (i > last)
            last = i;
    }
    bool fresh = id == 0;
    struct msg command = {.kind = MSG_account_set};
    command.account_set.account = fresh ? last + 1 : id;
    if (!make_account(v, &command.account_set))
        return ARGS_FAILED;
    struct msg present = {.kind = MSG_account_set};
    if (!fresh)
        present.account_set = self->catalog.accounts[id];
    int code = !fresh && is_equal(&present, &command)
                   ? ARGS_OK
                   : send(self, &command, "account", v->name, 0);
    if (code == ARGS_OK)
        catalog_add_account(&self->catalog, &command.account_set);
    return code == ARGS_OK && v->key != NULL
               ? apply_key(self, v, command.account_set.account)
               : code;
}

/* ---- deposits ---------------------------------------------------------------------- */

static int apply_deposit(struct apply *self, const struct venue_deposit *v)
{
    const struct msg_account_set *account =
        catalog_find_account(&self->catalog, v->account);
    const struct msg_asset_set *asset = catalog_find_asset(&self->catalog, v->asset);
    char what[160];
    if (account == NULL || asset == NULL)
        return ARGS_FAILED;
    struct msg command = {.kind = MSG_deposit,
                          .deposit = {.account = account->account,
                                      .asset = asset->asset,
                                      .reference = v->reference}};
    if (!decimal_parse(v->amount, asset->scale, &command.deposit.amount))
        return args_fail("deposit of %s: '%s' is no amount of %s", v->account, v->amount,
                         v->asset);
    snprintf(what, sizeof what, "%s %s %s", v->account, v->amount, v->asset);
    return send(self, &command, "deposit", what, -ERR_DUPLICATE_REFERENCE);
}

static void take_key(void *argument, const struct msg *row)
{
    struct apply *self = argument;
    if (row->kind != MSG_key_set || !row->key_set.enabled)
        return;
    if (self->key_count == self->key_capacity) {
        self->key_capacity = self->key_capacity * 2 + 64;
        struct msg_key_set *grown =
            realloc(self->keys, self->key_capacity * sizeof *grown);
        if (grown == NULL)
            return;
        self->keys = grown;
    }
    self->keys[self->key_count++] = row->key_set;
}

int apply_venue(zex_client *client, const struct args *args, const struct venue *venue)
{
    struct apply self = {.client = client, .args = args, .venue = venue};
    int code = catalog_load(&self.catalog, client, args);
    if (code == ARGS_OK)
        code = connect_query(client, args, (struct zex_query){.kind = QUERY_KIND_KEYS},
                             NULL, take_key, &self);
    for (unsigned i = 0; i < venue->asset_count && code == ARGS_OK; i++)
        code = apply_asset(&self, &venue->assets[i]);
    for (unsigned i = 0; i < venue->symbol_count && code == ARGS_OK; i++)
        code = apply_symbol(&self, &venue->symbols[i]);
    for (unsigned i = 0; i < venue->account_count && code == ARGS_OK; i++)
        code = apply_account(&self, &venue->accounts[i]);
    for (unsigned i = 0; i < venue->deposit_count && code == ARGS_OK; i++)
        code = apply_deposit(&self, &venue->deposits[i]);
    if (code == ARGS_OK && args->json)
        printf("{\"changes\":%" PRIu32 "}\n", self.changes);
    else if (code == ARGS_OK)
        printf("%" PRIu32 " changes\n", self.changes);
    free(self.keys);
    catalog_close(&self.catalog);
    return code;
}

int command_admin_apply(int argc, char **argv)
{
    static const char *const flags[] = {"account=", NULL};
    struct args args;
    struct venue *venue = NULL;
    int code = args_parse(&args, argc, argv, flags);
    if (code != ARGS_OK)
        return code;
    if (args.word_count != 1)
        return args_usage("admin apply FILE");
    if (!venue_load(&venue, args.words[0]))
        return ARGS_FAILED;
    zex_client *client = NULL;
    code = connect_open(&client, &args, "admin", NULL);
    if (code == ARGS_OK)
        code = apply_venue(client, &args, venue);
    zex_client_destroy(&client);
    venue_close(&venue);
    return code;
}
