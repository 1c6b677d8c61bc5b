/* verify_ledger.h - do risk and settlement agree about the money, and is none made?
 *
 * Owns:     the balances of both as last asked for.
 * Units:    the smallest unit of each asset.
 * Errors:   ERR_DIVERGED with the difference; ERR_MEMORY.
 * Threads:  one.
 * Bounds:   GENESIS.balances_max balances.
 */
#ifndef VERIFY_LEDGER_H
#define VERIFY_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "deploy/cli/verify_difference.h"

struct verify_ledger_balance {
    uint32_t account, asset;
    int64_t amount;
};

struct verify_ledger_list {
    struct verify_ledger_balance *balances;
    size_t count, capacity;
    bool failed;
};

struct verify_ledger {
    struct verify_ledger_list risk, settlement;
    uint64_t comparisons;
    size_t balances; /* at the last comparison */
};

void verify_ledger_close(struct verify_ledger *);

/* Per asset all of settlement's balances sum to 0, and each equals risk's free + held. */
ERROR_CHECKED int verify_ledger_compare(struct verify_ledger *, const void *risk,
                                        const void *settlement, uint64_t gseq,
                                        struct verify_difference *);

#endif
