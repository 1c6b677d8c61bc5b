/* funds.h - balances: what an account has of an asset, free and held.
 *
 * Owns:     the balances, in an array that only grows, and their index.
 * Units:    the asset's smallest unit.
 * Errors:   ERR_CAPACITY when the table is full; a balance below zero fails a CHECK.
 * Threads:  none.
 * Bounds:   GENESIS.balances_max pairs of (account, asset).
 *
 * `held` is what open orders reserve plus `leaving`, the withdrawals between their
 * command and their WITHDRAW_DONE. Only EXTERNAL may be below zero: it is minus
 * everything that came in. FEES is not: the two rates of a match add up to at least 0
 * (money_match_rates) and an order's fee is the exact sum rounded up; what it was rounded
 * up by, less than a unit an open order, is lent to its next fill and cannot be taken
 * out.
 */
#ifndef FUNDS_H
#define FUNDS_H

#include <stdint.h>

#include "common/arena.h"
#include "common/error.h"
#include "services/risk/pair.h"

#define FUNDS_NONE PAIR_NONE

struct funds_balance {
    int64_t free, held, leaving;
    uint32_t account, asset;
};

struct funds {
    struct funds_balance *balances; /* in the order they were opened */
    struct pairs index;
    int64_t
        *sums; /* of each balance: room for checks to add up in, not part of the state */
    uint32_t count, capacity;
};

void funds_init(struct funds *, struct arena *, uint32_t capacity);

/* The balance's index, or FUNDS_NONE. */
uint32_t funds_find(const struct funds *, uint32_t account, uint32_t asset);

/* Could these be opened? */
ERROR_CHECKED int funds_room(const struct funds *, uint32_t missing);

/* Finds or opens; there must be room. */
uint32_t funds_open(struct funds *, uint32_t account, uint32_t asset);

/* 0 for FUNDS_NONE. */
int64_t funds_free(const struct funds *, uint32_t balance);

/* Adds to free; negative takes away. */
void funds_add(struct funds *, uint32_t balance, int64_t amount);

/* From free to held; negative gives back. */
void funds_hold(struct funds *, uint32_t balance, int64_t amount);

/* A withdrawal: held from the command on, gone when it is done. */
void funds_leave(struct funds *, uint32_t balance, int64_t amount);
void funds_left(struct funds *, uint32_t balance, int64_t amount);

/* Per asset, all balances sum to 0; nothing is below zero that may not be. */
void funds_check(const struct funds *);

#endif
