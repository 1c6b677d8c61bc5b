/* draw.h - what clients that trade at random ask for.
 *
 * Owns:     nothing.
 * Units:    of zex.h.
 * Errors:   ZEX_ERR_*; ZEX_ERR_USAGE: the venue has fewer than two symbols.
 * Threads:  any.
 * Bounds:   prices within DRAW_PRICES / 2 ticks of a reference, so that they meet.
 */
#ifndef DRAW_H
#define DRAW_H

#include "common/random.h"
#include "sdk/include/zex.h"

enum { DRAW_PRICES = 20, DRAW_LOTS = 50 };

/* The first two of the venue. */
int draw_symbols(zex_client *, struct zex_row symbols[2]);

struct zex_order draw_order(struct random *, const struct zex_row symbols[2]);
int64_t draw_quantity(struct random *, const struct zex_row *symbol);

#endif
