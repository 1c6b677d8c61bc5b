/* instrument.c - what may be declared and what may still change. */
#include "services/risk/instrument.h"

#include <string.h>

#include "common/check.h"

void instrument_init(struct instruments *instruments, struct arena *arena,
                     const struct msg_genesis *genesis)
{
    instruments->shards = genesis->shards;
    instruments->may_move = genesis->version >= 3;
    instruments->assets =
        arena_take(arena, (ASSET_MAX + 1) * sizeof *instruments->assets, 64);
    instruments->symbols =
        arena_take(arena, (SYMBOL_MAX + 1) * sizeof *instruments->symbols, 64);
}

struct instrument_asset *instrument_find_asset(const struct instruments *instruments,
                                               uint32_t asset)
{
    if (asset > ASSET_MAX || instruments->assets[asset].set.asset == 0)
        return NULL;
    return &instruments->assets[asset];
}

struct instrument_symbol *instrument_find(const struct instruments *instruments,
                                          uint32_t symbol)
{
    if (symbol >= instruments->symbol_end || instruments->symbols[symbol].set.symbol == 0)
        return NULL;
    return &instruments->symbols[symbol];
}

/* Another one of this name, or 0. */
static uint32_t find_asset_name(const struct instruments *instruments,
                                const struct msg_asset_set *set)
{
    for (uint32_t i = 1; i <= ASSET_MAX; i++)
        if (instruments->assets[i].set.asset != 0 && i != set->asset &&
            strcmp(instruments->assets[i].set.name, set->name) == 0)
            return i;
    return 0;
}

static uint32_t find_symbol_name(const struct instruments *instruments,
                                 const struct msg_symbol_set *set)
{
    for (uint32_t i = 1; i < instruments->symbol_end; i++)
        if (instruments->symbols[i].set.symbol != 0 && i != set->symbol &&
            strcmp(instruments->symbols[i].set.name, set->name) == 0)
            return i;
    return 0;
}

struct limit_verdict instrument_set_asset(struct instruments *instruments,
                                          const struct msg_asset_set *set)
{
    CHECK(set->asset >= 1 && set->asset <= ASSET_MAX);
    struct instrument_asset *asset = &instruments->assets[set->asset];
    if (asset->set.asset != 0 && asset->set.scale != set->scale)
        return limit_refuse(ERR_IMMUTABLE, set->scale, asset->set.scale);
    const uint32_t owner = find_asset_name(instruments, set);
    if (owner != 0)
        return limit_refuse(ERR_DUPLICATE, set->asset, owner);
    asset->set = *set;
    return limit_pass();
}

static int64_t power_of_ten(uint32_t exponent)
{
    int64_t result = 1;
    while (exponent-- > 0)
        result *= 10;
    return result;
}

/* price x quantity x multiplier must be exact in the quote asset's smallest unit. */
static struct limit_verdict check_scales(const struct instruments *instruments,
                                         const struct msg_symbol_set *set)
{
    const uint32_t base = instruments->assets[set->base].set.scale;
    const uint32_t quote = instruments->assets[set->quote].set.scale;
    if (set->quantity_scale != base)
        return limit_refuse(ERR_SCALE, set->quantity_scale, base);
    if (set->price_scale + base > quote)
        return limit_refuse(ERR_SCALE, set->price_scale + base, quote);
    const int64_t multiplier = power_of_ten(quote - set->price_scale - base);
    if (set->multiplier != multiplier)
        return limit_refuse(ERR_SCALE, set->multiplier, multiplier);
    return limit_pass();
}

static struct limit_verdict check_ranges(const struct msg_symbol_set *set)
{
    if (set->notional_min > set->notional_max)
        return limit_refuse(ERR_RANGE, set->notional_min, set->notional_max);
    if (set->maker_ppm + set->taker_ppm < 0)
        return limit_refuse(ERR_RANGE, set->maker_ppm + set->taker_ppm, 0);
    if (set->stp == STP_DEFAULT)
        return limit_refuse(ERR_RANGE, set->stp, STP_NONE);
    if (set->trade_id != 0)
        return limit_refuse(ERR_RANGE, (int64_t)set->trade_id, 0);
    return limit_pass();
}

/* What an open order or a booked trade depends on. */
static struct limit_verdict check_unchanged(const struct msg_symbol_set *old,
                                            const struct msg_symbol_set *set)
{
    if (set->base != old->base)
        return limit_refuse(ERR_IMMUTABLE, set->base, old->base);
    if (set->quote != old->quote)
        return limit_refuse(ERR_IMMUTABLE, set->quote, old->quote);
    if (set->price_scale != old->price_scale)
        return limit_refuse(ERR_IMMUTABLE, set->price_scale, old->price_scale);
    return limit_pass();
}

static struct limit_verdict check_shard(const struct instruments *instruments,
                                        const struct msg_symbol_set *old,
                                        const struct msg_symbol_set *set)
{
    if (set->shard == old->shard)
        return limit_pass();
    if (!instruments->may_move)
        return limit_refuse(ERR_SYMBOL_MOVE, set->shard, old->shard);
    if (old->trading == TRADING_OPEN)
        return limit_refuse(ERR_NOT_HALTED, old->trading, TRADING_HALTED);
    return limit_pass();
}

static struct limit_verdict check_symbol(const struct instruments *instruments,
                                         const struct msg_symbol_set *set)
{
    const struct msg_symbol_set *old = &instruments->symbols[set->symbol].set;
    if (instrument_find_asset(instruments, set->base) == NULL)
        return limit_refuse(ERR_UNKNOWN_ASSET, set->base, 0);
    if (instrument_find_asset(instruments, set->quote) == NULL)
        return limit_refuse(ERR_UNKNOWN_ASSET, set->quote, 0);
    if (set->base == set->quote)
        return limit_refuse(ERR_RANGE, set->quote, set->base);
    if (set->shard >= instruments->shards)
        return limit_refuse(ERR_RANGE, set->shard, instruments->shards - 1);
    const uint32_t owner = find_symbol_name(instruments, set);
    if (owner != 0)
        return limit_refuse(ERR_DUPLICATE, set->symbol, owner);
    struct limit_verdict verdict = limit_pass();
    if (old->symbol != 0)
        verdict = check_unchanged(old, set);
    if (old->symbol != 0 && verdict.error == 0)
        verdict = check_shard(instruments, old, set);
    if (verdict.error == 0)
        verdict = check_scales(instruments, set);
    if (verdict.error == 0)
        verdict = check_ranges(set);
    return verdict;
}

bool instrument_is_move(const struct instruments *instruments,
                        const struct msg_symbol_set *set)
{
    const struct instrument_symbol *symbol = instrument_find(instruments, set->symbol);
    return instruments->may_move && symbol != NULL && symbol->set.shard != set->shard &&
           symbol->set.trading != TRADING_OPEN;
}

void instrument_restore(struct instruments *instruments, const struct msg_symbol_set *set)
{
    CHECK(set->shard <= SHARD_MAX);
    if (set->symbol >= instruments->symbol_end)
        instruments->symbol_end = set->symbol + 1;
    instruments->symbols[set->symbol].set = *set;
    instruments->symbols_of[set->shard]++;
}

struct limit_verdict instrument_set(struct instruments *instruments,
                                    const struct msg_symbol_set *set)
{
    CHECK(set->symbol >= 1 && set->symbol <= SYMBOL_MAX);
    const struct limit_verdict verdict = check_symbol(instruments, set);
    if (verdict.error != 0)
        return verdict;
    struct msg_symbol_set *symbol = &instruments->symbols[set->symbol].set;
    const bool is_known = symbol->symbol != 0;
    const uint8_t trading = (uint8_t)symbol->trading;
    if (is_known)
        instruments->symbols_of[symbol->shard]--;
    instrument_restore(instruments, set);
    if (is_known)
        symbol->trading = trading;
    return limit_pass();
}
