/* verify_positions.h - does the portfolio explain every balance of the ledger?
 *
 * For each account and asset: what came in and went out, plus the quantity of positions
 * in symbols of that base, minus what those of that quote have cost net of what they
 * earned (cost - realised = paid - received, exactly) and their fees, is the balance.
 * Three services that never talk to each other have to agree for that.
 *
 * Owns:     the sums of deposits and withdrawals.
 * Units:    the smallest unit of each asset.
 * Errors:   ERR_DIVERGED with the difference; ERR_MEMORY.
 * Threads:  one.
 * Bounds:   an entry for each (account, asset) ever funded.
 */
#ifndef VERIFY_POSITIONS_H
#define VERIFY_POSITIONS_H

#include <stddef.h>
#include <stdint.h>

#include "deploy/cli/refold.h"
#include "deploy/cli/verify_difference.h"

struct verify_positions_transfer {
    uint32_t account, asset;
    int64_t amount;
};

struct verify_positions {
    struct verify_positions_transfer *transfers; /* by account, then asset */
    size_t count, capacity;
    uint64_t comparisons;
};

void verify_positions_close(struct verify_positions *);

/* A record of the log: deposits and withdrawals are taken note of. */
ERROR_CHECKED int verify_positions_note(struct verify_positions *, const struct msg *);

ERROR_CHECKED int verify_positions_compare(struct verify_positions *,
                                           const struct refold_view *,
                                           struct verify_difference *);

#endif
