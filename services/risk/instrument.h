/* instrument.h - assets and the symbols that trade them.
 *
 * Owns:     both tables, by id.
 * Units:    scales in decimals, prices and amounts as the symbol's.
 * Errors:   a verdict (limit.h) that says what a refused change looked at.
 * Threads:  none.
 * Bounds:   ASSET_MAX assets, SYMBOL_MAX symbols.
 */
#ifndef INSTRUMENT_H
#define INSTRUMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/error.h"
#include "proto/msg.h"
#include "services/risk/limit.h"

struct instrument_asset {
    struct msg_asset_set set; /* set.asset is 0 until it is declared */
    int64_t supply;           /* all that accounts have, deposits under way included */
    uint32_t external, fees;  /* balances of the venue's own accounts */
};

struct instrument_symbol {
    struct msg_symbol_set
        set;            /* set.symbol is 0 until declared; set.trading is current */
    int64_t last_price; /* of a trade, 0: none yet */
    uint64_t trade_id;  /* its last trade, from version 3 on */
};

struct instruments {
    struct instrument_asset *assets;
    struct instrument_symbol *symbols;
    uint32_t symbol_end; /* no id at or above this was ever declared */
    uint32_t shards;
    uint16_t symbols_of[SHARD_MAX + 1]; /* how many each shard has */
    bool may_move;                      /* from version 3 on */
};

void instrument_init(struct instruments *, struct arena *, const struct msg_genesis *);

/* A declared one, or NULL. */
struct instrument_asset *instrument_find_asset(const struct instruments *,
                                               uint32_t asset);
struct instrument_symbol *instrument_find(const struct instruments *, uint32_t symbol);

/* What price limits are measured from: the last trade, else the configured price; 0:
 * none. */
static inline int64_t instrument_reference(const struct instrument_symbol *symbol)
{
    return symbol->last_price > 0 ? symbol->last_price : symbol->set.reference_price;
}

/* The caller gives a new asset its balances. */
struct limit_verdict instrument_set_asset(struct instruments *,
                                          const struct msg_asset_set *);

/* A symbol as it was declared, after a restart. */
void instrument_restore(struct instruments *, const struct msg_symbol_set *);

/* Does this command ask for another shard than the symbol is on, and may it? */
bool instrument_is_move(const struct instruments *, const struct msg_symbol_set *);

/* A known symbol keeps its trading state: only symbol_status changes that. */
struct limit_verdict instrument_set(struct instruments *, const struct msg_symbol_set *);

#endif
