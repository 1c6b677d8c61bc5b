/* ledger.h - double-entry balances: money only moves in sets of lines that sum to zero.
 *
 * Owns:     its balances, carved at ledger_init.
 * Units:    the smallest unit of each asset.
 * Errors:   none; what it refuses is impossible, because risk decided first, and is
 *           CHECKed.
 * Threads:  none.
 * Bounds:   `balances_max` (account, asset) pairs plus those of the venue's own accounts;
 *           LEDGER_LINES_MAX lines in a set.
 *
 * Invariants: the balances of an asset sum to 0. None is negative but those of
 * ACCOUNT_EXTERNAL: what the world has put in.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/map.h"
#include "proto/msg.h"

struct reader;
struct writer;

enum { LEDGER_LINES_MAX = 8 };

struct ledger_line {
    uint32_t account;
    uint32_t asset;
    int64_t amount;
    uint8_t posting; /* enum posting */
};

struct ledger_balance {
    uint32_t account;
    uint32_t asset;
    int64_t amount;
};

struct ledger {
    struct ledger_balance *balances; /* in the order in which they were first posted to */
    struct map index_of;             /* (account, asset) -> index in balances */
    uint32_t count, capacity;
    int64_t sums[ASSET_MAX + 1];    /* of the set being posted; all 0 between sets */
    uint64_t totals[ASSET_MAX + 1]; /* of all balances, counted as they move: all 0 */
};

void ledger_init(struct ledger *, struct arena *, uint32_t balances_max);

/* Posts one set of lines; CHECKs that it sums to zero before anything is kept. */
void ledger_post(struct ledger *, const struct ledger_line *, uint32_t count);

/* The balance of the pair, or NULL if nothing was ever posted to it. */
const struct ledger_balance *ledger_find(const struct ledger *, uint32_t account,
                                         uint32_t asset);

/* How far the totals of all assets are from 0, added up: what a person is called for. */
uint64_t ledger_imbalance(const struct ledger *);

void ledger_save(const struct ledger *, struct writer *);
int ledger_load(struct ledger *, struct reader *);

/* Invariants, O(balances). */
void ledger_check(const struct ledger *);

#endif
