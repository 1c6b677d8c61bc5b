/* limiter.h - how often an account may do what.
 *
 * Owns:     one bucket per account and kind of work.
 * Units:    ns of the monotonic clock; rates per second.
 * Errors:   none; limiter_take says how long to wait.
 * Threads:  none; belongs to the gateway core.
 * Bounds:   accounts_max; 8 bytes a bucket, O(1) a call.
 *
 * A bucket is kept as one time: when it would be full again (the "theoretical arrival
 * time" of the GCRA). It gives exactly what a token bucket gives, without a timer and
 * without a rest.
 */
#ifndef LIMITER_H
#define LIMITER_H

#include <stdint.h>

#include "common/arena.h"

enum limiter_kind {
    LIMITER_ORDERS,  /* and every command that has no bucket of its own */
    LIMITER_CANCELS, /* so that they never queue behind orders */
    LIMITER_QUERIES,
    LIMITER_KINDS,
};

struct limiter {
    uint64_t *full_ns; /* by account and kind */
    uint32_t accounts_max;
    uint64_t interval_ns[LIMITER_KINDS]; /* per token */
    uint64_t burst_ns[LIMITER_KINDS];    /* a full bucket */
};

/* Takes its memory from the arena (or measures it). */
void limiter_init(struct limiter *, struct arena *, uint32_t accounts_max);

/* `rate` tokens a second, a bucket of `burst`; rate 0: no limit. */
void limiter_set(struct limiter *, enum limiter_kind, uint32_t rate, uint32_t burst);

/* Takes a token: 0. Or takes none: milliseconds until there is one, at least 1. */
uint64_t limiter_take(struct limiter *, uint32_t account, enum limiter_kind,
                      uint64_t now_ns);

#endif
