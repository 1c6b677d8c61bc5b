/* catalog.h - names of symbols, assets and accounts, as the venue has them now.
 *
 * Owns:     its arrays, freed by catalog_close.
 * Units:    none.
 * Errors:   ARGS_*; find functions return NULL after saying what is unknown.
 * Threads:  one.
 * Bounds:   proto/limits.h.
 */
#ifndef CATALOG_H
#define CATALOG_H

#include "deploy/cli/connect.h"

struct catalog {
    struct msg_symbol_set *symbols; /* by id; symbol 0: none */
    struct msg_asset_set *assets;
    struct msg_account_set *accounts;
    uint32_t account_capacity;
    bool failed;
};

/* An empty one, filled by hand: a visitor of rows whose argument is the catalog. */
int catalog_init(struct catalog *);
void catalog_add(void *catalog, const struct msg *row);

/* Before any command: ARGS_FAILED says that nothing was sent. */
int catalog_load(struct catalog *, zex_client *, const struct args *);
void catalog_close(struct catalog *);
void catalog_add_account(struct catalog *, const struct msg_account_set *);

const struct msg_symbol_set *catalog_find_symbol(const struct catalog *,
                                                 const char *name);
const struct msg_asset_set *catalog_find_asset(const struct catalog *, const char *name);
/* By name or number. */
const struct msg_account_set *catalog_find_account(const struct catalog *,
                                                   const char *name);

const char *catalog_symbol_name(const struct catalog *, uint32_t symbol);
const char *catalog_asset_name(const struct catalog *, uint32_t asset);
const char *catalog_account_name(const struct catalog *, uint32_t account);
/* Name of a value of an enumeration of proto/types.def, "?" if it is none. */
const char *catalog_value_name(const char *enumeration, uint64_t number);
uint32_t catalog_asset_scale(const struct catalog *, uint32_t asset);

#endif
