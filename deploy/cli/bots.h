/* bots.h - a synthetic market: traders that quote around a wandering price, and some that
 * take.
 *
 * They are ordinary clients with ordinary keys; what they do follows from their seed and
 * from what the venue answers. Labelled synthetic wherever it is shown.
 *
 * Owns:     its threads, until bots_stop.
 * Units:    none.
 * Errors:   ARGS_*, said on stderr.
 * Threads:  one per bot; bots_start and bots_stop belong to the caller's.
 * Bounds:   BOTS_MAX bots, BOTS_ORDERS open orders each.
 */
#ifndef BOTS_H
#define BOTS_H

#include <stdint.h>

#include "deploy/cli/args.h"

#define BOTS_MAX    16
#define BOTS_ORDERS 40

struct bots;

/* Starts `count` bots with the keys bot1, bot2 ... of args->directory. */
int bots_start(struct bots **, const struct args *, uint32_t count, uint64_t seed);
void bots_stop(struct bots **);

#endif
