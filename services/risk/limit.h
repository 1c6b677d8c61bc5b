/* limit.h - the static filters of a symbol: pure functions of one order and its symbol.
 *
 * Owns:     nothing.
 * Units:    as the symbol: price units, quantity units, quote units.
 * Errors:   a verdict: 0 or the first rule that refuses, with what it looked at and what
 *           it allows.
 * Threads:  any.
 * Bounds:   notional within MONEY_MAX.
 */
#ifndef LIMIT_H
#define LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/msg.h"

struct limit_verdict {
    int error; /* 0: passed */
    int64_t value, limit;
};

struct limit_order {
    bool is_buy, is_market;
    int64_t price; /* market: 0 on the way in, the collar on the way out */
    int64_t quantity;
    int64_t notional; /* result */
};

static inline struct limit_verdict limit_refuse(int error, int64_t value, int64_t limit)
{
    return (struct limit_verdict){.error = error, .value = value, .limit = limit};
}

static inline struct limit_verdict limit_pass(void)
{
    return (struct limit_verdict){0};
}

/* Do type, time in force, price and post-only go together? */
struct limit_verdict limit_shape(const struct msg_order_new *);

/* Tick, lot, largest quantity, band or collar around the reference, notional. `reference`
 * is the last trade's price, or the symbol's own; 0: none, then a limit order has no band
 * and a market order is refused. */
struct limit_verdict limit_filter(const struct msg_symbol_set *, int64_t reference,
                                  struct limit_order *);

/* The price a market order may go to: reference x (1 + collar) for a buy, rounded down to
 * the tick, reference x (1 - collar) for a sell, rounded up: never further than the
 * collar says, but at least one tick and at most the largest price there is. */
int64_t limit_collar(const struct msg_symbol_set *, int64_t reference, bool is_buy);

#endif
