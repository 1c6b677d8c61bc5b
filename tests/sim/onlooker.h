/* onlooker.h - somebody who knows the books from the reports alone, as market data would.
 *
 * Owns:     the open orders as the reports tell.
 * Units:    as the messages.
 * Errors:   none.
 * Threads:  none.
 * Bounds:   ONLOOKER_ORDERS orders, ONLOOKER_LEVELS levels of one symbol.
 */
#ifndef SIM_ONLOOKER_H
#define SIM_ONLOOKER_H

#include <stdint.h>

#include "proto/msg.h"

enum { ONLOOKER_ORDERS = 256, ONLOOKER_LEVELS = 256 };

struct onlooker_order {
    uint64_t id; /* 0: none */
    uint32_t symbol;
    uint8_t side;
    int64_t price, leaves;
};

struct onlooker_books {
    struct onlooker_order orders[ONLOOKER_ORDERS];
};

/* Takes a record of the log; most are none of its business. */
void onlooker_take(struct onlooker_books *, const struct msg *);

/* The levels of a symbol, bids and then asks, best first. Returns how many. */
uint32_t onlooker_levels(const struct onlooker_books *, uint32_t symbol,
                         struct msg_row_level levels[ONLOOKER_LEVELS]);

#endif
