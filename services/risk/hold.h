/* hold.h - the open orders, and what each of them reserves.
 *
 * Owns:     orders by slot, the pool of slots, the indexes of order ids and ClOrdIDs.
 * Units:    price and quantity as the symbol; a hold in the smallest unit of the asset it
 *           is taken from: quote for a buy, base for a sell.
 * Errors:   HOLD_NONE when nothing is found; ERR_OVERFLOW for a hold beyond MONEY_MAX.
 * Threads:  none.
 * Bounds:   GENESIS.orders_max open orders; everything is O(1).
 *
 * What a buy holds. Let m be the multiplier, L the leaves, P the limit, R the larger of
 * the two frozen rates (at least 0), c the order's fee credit (money.h):
 *
 *     N = P L m        hold = N + ceil(R N - c)
 *
 * A fill of f at p <= P and rate r <= R costs q = p f m and the fee e = ceil(r q - c),
 * and leaves the credit c' = e - (r q - c). As e is whole, e + ceil(R N' - c') =
 * ceil(R N' + r q - c) <= ceil(R N - c), with N' = N - P f m <= N - q. So cost and new
 * hold never exceed the old hold, however the order is cut into fills.
 *
 * While a replace to (P1, Q1 in total) is in flight, f more may fill at the old price,
 * for any f from 0 to L, before the shard turns to it. With Q the old total and C what
 * was filled, the quote needed from now on is
 *
 *     N(f) = P f m + P1 max(0, Q1 - C - f) m
 *
 * a sum of convex functions of f, so its maximum is at an end:
 *
 *     N(0) = P1 max(0, Q1 - C) m        N(L) = P L m + P1 max(0, Q1 - Q) m
 *
 * N(L) >= P L m, so the hold also suffices if the replace fails. It stays enough as fills
 * arrive, because what they cost is P f m at most and N is convex. The fee above is taken
 * on max(N(0), N(L)). A sell needs f + max(0, Q1 - C - f) base: max(L, Q1 - C).
 */
#ifndef HOLD_H
#define HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/error.h"
#include "common/pool.h"
#include "services/risk/pair.h"

#define HOLD_NONE UINT32_MAX

struct hold_order {
    uint64_t order_id;
    uint64_t cl_ord_id;
    uint64_t changed_gseq; /* of the last change */
    int64_t price;         /* limit; market: the collar */
    int64_t quantity;
    int64_t cum_quantity;
    int64_t cum_quote;
    int64_t held;
    uint64_t replace; /* gseq of the replace in flight, 0: none */
    uint64_t replace_cl_ord_id;
    int64_t replace_price;
    int64_t replace_quantity;
    uint32_t account;
    uint32_t base, quote; /* its balances */
    uint32_t fee_credit;  /* money_fee's */
    int32_t maker_ppm, taker_ppm;
    uint16_t symbol;
    uint8_t side, ord_type, tif;
    uint8_t status; /* enum ord_status: PENDING_NEW, NEW, PARTIALLY_FILLED */
};

/* Slots: the last one freed is the next one taken; that order is part of the state, as
 * the log shows which slot an order got. Names: entry 2 slot is the order's name, 2 slot
 * + 1 the name it may get. */
struct holds {
    struct hold_order *orders;
    struct pool slots;
    struct pairs ids; /* (1, order id): the slot */
    struct pairs names;
};

void hold_init(struct holds *, struct arena *, uint32_t orders_max);

static inline int64_t hold_leaves(const struct hold_order *order)
{
    return order->quantity - order->cum_quantity;
}

/* Fetches into the cache what these will touch, as core_ops.prefetch: the search for an
 * order, by id if that is not 0; an order with its names. */
void hold_prefetch_search(const struct holds *, uint32_t account, uint64_t order_id,
                          uint64_t cl_ord_id, bool again);
void hold_prefetch(const struct holds *, uint32_t slot, bool again);

/* What the order must hold now. ERR_OVERFLOW. */
ERROR_CHECKED int hold_amount(const struct hold_order *, int64_t multiplier,
                              int64_t *amount);

/* A slot by order id, or by a name of the account: the present one, or that of a replace
 * in flight. HOLD_NONE. */
uint32_t hold_find(const struct holds *, uint64_t order_id);
uint32_t hold_find_name(const struct holds *, uint32_t account, uint64_t cl_ord_id);

/* How many are open of a symbol; looks at all of them. */
uint32_t hold_count(const struct holds *, uint32_t symbol);

static inline bool hold_is_full(const struct holds *holds)
{
    return holds->slots.count == holds->slots.capacity;
}

/* Copies the order into a free slot; there is one, and id and name are new. */
uint32_t hold_open(struct holds *, const struct hold_order *);

/* The same, into a slot that is taken already: a snapshot's order. */
void hold_restore(struct holds *, uint32_t slot, const struct hold_order *);

/* Frees slot and names; nothing is held any more. */
void hold_close(struct holds *, uint32_t slot);

/* The open order in a slot; it is this one. */
struct hold_order *hold_get(struct holds *, uint32_t slot, uint64_t order_id);

/* A replace sets out; it fails; it succeeds and the order gets its new terms. */
void hold_replace_begin(struct holds *, uint32_t slot, uint64_t request,
                        uint64_t cl_ord_id, int64_t price, int64_t quantity);
void hold_replace_abort(struct holds *, uint32_t slot);
void hold_replace_commit(struct holds *, uint32_t slot);

void hold_check(const struct holds *);

#endif
