/* agree.h - does everyone who counts money count the same (I4)?
 *
 * Per account and asset: risk's free + held is settlement's balance; it is what was paid
 * in plus what the portfolio's positions, costs, results and fees make of it; held is the
 * sum of the holds of open orders. Per asset all postings sum to 0.
 *
 * Owns:     its lists, freed by agree_close.
 * Units:    the assets' smallest units.
 * Errors:   differences are printed on stderr and counted.
 * Threads:  one.
 * Bounds:   the accounts and assets of the venue.
 */
#ifndef AGREE_H
#define AGREE_H

#include "deploy/cli/refold.h"

struct agree_money {
    uint32_t account, asset;
    int64_t amount;
};

struct agree_list {
    struct agree_money *all;
    uint32_t count, capacity;
};

struct agree {
    struct agree_list paid; /* in and out, as the log had it so far */
    uint64_t agreed, disagreed;
};

void agree_close(struct agree *);

/* To be called with every record, so that it knows what was paid in. */
void agree_follow(struct agree *, const struct refold_view *);

/* Compares the states of this view; needs risk, settlement and portfolio. */
void agree_compare(struct agree *, const struct refold_view *);

#endif
