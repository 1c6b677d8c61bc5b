/* venue.h - a venue file: what symbols, accounts and money there should be.
 *
 * Owns:     the loaded file, freed by venue_close.
 * Units:    as written: decimals and percentages are text until a scale is known.
 * Errors:   false after saying what is wrong on stderr.
 * Threads:  one.
 * Bounds:   those of proto/limits.h, checked when commands are made of it.
 */
#ifndef VENUE_H
#define VENUE_H

#include <stdbool.h>
#include <stdint.h>

struct venue_asset {
    char *name;
    uint32_t scale;
};

struct venue_symbol {
    char *name, *base, *quote;
    uint32_t price_scale, shard;
    char *tick, *lot, *quantity_max, *notional_min, *notional_max; /* decimals */
    char *band, *collar, *maker, *taker;                           /* "0.05%" */
    char *reference_price, *stp;
    bool refuse_crossing;
};

struct venue_account {
    char *name, *role;
    uint32_t open_orders_max;
    uint64_t orders_max;
    char *maker, *taker; /* NULL: the symbol's */
    char *key;           /* a file in the key directory, or NULL */
};

struct venue_deposit {
    char *account, *asset, *amount;
    uint64_t reference;
};

struct venue {
    struct venue_asset *assets;
    struct venue_symbol *symbols;
    struct venue_account *accounts;
    struct venue_deposit *deposits;
    unsigned asset_count, symbol_count, account_count, deposit_count;
};

bool venue_load(struct venue **, const char *path);
void venue_close(struct venue **);

/* "0.05%" or "500ppm" to parts per million. */
bool venue_parse_ppm(const char *text, int64_t *ppm);

#endif
