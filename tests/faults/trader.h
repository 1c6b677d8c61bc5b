/* trader.h - a client that trades at random, and remembers what it was told.
 *
 * Owns:     its connection.
 * Units:    of zex.h.
 * Errors:   0, or the ZEX_ERR_* that ended it.
 * Threads:  one at a time.
 * Bounds:   TRADER_WINDOW orders under way.
 */
#ifndef TRADER_H
#define TRADER_H

#include <stdint.h>

#include "common/random.h"
#include "sdk/include/zex.h"

enum { TRADER_WINDOW = 3, TRADER_ORDERS = 64 };

struct trader {
    zex_client *client;
    struct random random;
    struct zex_row symbols[2];
    uint64_t orders[TRADER_ORDERS]; /* names of the last ones, to cancel */
    uint64_t placed, told;          /* commands; events with a gseq */
    /* Told of `gseq`: of the command of this name, or 0 if it is another record. */
    void (*on_told)(void *argument, uint64_t gseq, uint64_t cl_ord_id);
    void *argument;
};

/* Connects to the venue in `directory` as `name`, with an outbox in this file or NULL. */
int trader_begin(struct trader *, const char *directory, const char *name,
                 const char *outbox, uint64_t seed);
void trader_end(struct trader *);

/* Places what fits into the window, then takes events until one had to be waited for. */
int trader_step(struct trader *, int timeout_ms);
/* Takes events only, until nothing is under way; TIMEOUT: so long nothing was told. */
int trader_drain(struct trader *, int timeout_ms);
/* Takes events for so long. */
int trader_listen(struct trader *, int listen_ms);

#endif
