/* position.h - what each account holds of each symbol, what it cost, what it earned.
 *
 * Owns:     the positions and the venue's totals, carved at position_init.
 * Units:    quantity in the symbol's units, signed; cost, realised and fees in the quote
 *           asset's smallest unit.
 * Errors:   ERR_FULL when there is no room for another (account, symbol).
 * Threads:  none.
 * Bounds:   the capacity given to position_init; a fill is O(1). Sums are exact: each of
 *           less than 2^63 records adds at most 2^62, which 128 bits hold. A row shows
 *           at most QUANTITY_MAX and MONEY_MAX, and then means "at least".
 *
 * Cost is kept as a sum, never as an average: what was paid for the open quantity,
 * negative when short. A fill against the position realises its share of the cost,
 * rounded towards zero; what rounding leaves stays in the cost of what is still open, so
 * nothing is lost when the position is flat. A fill beyond zero closes all and opens the
 * rest.
 *
 * Invariant of each position: cost - realised = quote paid - quote received, exactly.
 * Over a symbol both sides of every trade cancel, so cost = realised and quantities sum
 * to 0: before fees, what some have earned or stand to earn, others have lost.
 */
#ifndef POSITION_H
#define POSITION_H

#include <stdint.h>

#include "common/arena.h"
#include "common/error.h"
#include "common/map.h"
#include "proto/msg.h"

struct reader;
struct writer;

#define POSITION_NONE UINT32_MAX

struct position {
    uint32_t account, symbol;
    uint32_t next; /* of the same account, POSITION_NONE at the end */
    __extension__ __int128 quantity, cost, realised, fees;
};

/* One symbol, all accounts together. */
struct position_total {
    __extension__ __int128 long_quantity; /* also what is short */
    __extension__ __int128 cost, realised, fees;
    int64_t last_price;
    int64_t multiplier; /* price x quantity x this is quote; known from the first trade */
};

struct positions {
    struct position *all; /* in the order in which they were opened */
    uint32_t count, capacity;
    struct map index_of;            /* (account, symbol) -> index in all */
    uint32_t *first, *newest;       /* of each account */
    struct position_total *symbols; /* by symbol */
    uint32_t accounts_max;
};

/* One side of a trade. */
struct position_fill {
    uint32_t account, symbol;
    int64_t quantity; /* bought, or negative: sold */
    int64_t quote;    /* paid, or negative: received */
    int64_t fee;
};

void position_init(struct positions *, struct arena *, uint32_t accounts_max,
                   uint32_t capacity);

/* Books both sides of a trade. ERR_FULL, nothing changed then. */
ERROR_CHECKED int position_trade(struct positions *, const struct msg_trade *);

/* The arithmetic of one fill on one position; exposed for tests. */
void position_apply(struct position *, const struct position_fill *);

/* As rows of an answer, valued at the symbol's last price. */
struct msg_row_position position_row(const struct positions *, const struct position *);
struct msg_row_position position_total_row(const struct positions *, uint32_t symbol);

void position_save(const struct positions *, struct writer *);
int position_load(struct positions *, struct reader *);

/* Invariants, O(positions). */
void position_check(const struct positions *);

#endif
