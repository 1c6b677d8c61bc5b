/* checks.h - do the histories of clients, the log and the balances fit each other?
 *
 * Each check returns how many violations it found and describes the first of them.
 *
 * Owns:     nothing.
 * Units:    of annals.h.
 * Errors:   CHECKS_MEMORY violations when there is no memory.
 * Threads:  any.
 * Bounds:   n log n.
 */
#ifndef CHECKS_H
#define CHECKS_H

#include "tests/chaos/annals.h"

enum { CHECKS_MEMORY = 1 << 30, CHECKS_TOLD = 5 /* described, of each check */ };

/* What was acknowledged is in the log exactly once, there; what was refused is not; what
 * is unknown at most once; and nothing is there that nobody sent. */
uint32_t checks_set(const struct annals *, const struct annals_log *, FILE *);

/* What was acknowledged between two times, and how much of it is not in the log exactly
 * once. */
struct checks_span {
    int64_t from_ns, to_ns;
    uint32_t acknowledged, wrong;
};

/* Counts for spans in order of time, none within another. 0, or CHECKS_MEMORY. */
uint32_t checks_spans(const struct annals *, const struct annals_log *,
                      struct checks_span *, uint32_t count);

/* Numbers n = 1, 2, 3 ... of each session; the commands of a client in its order. */
uint32_t checks_order(const struct annals *, const struct annals_log *, FILE *);

/* What was acknowledged before another was begun stands before it. */
uint32_t checks_time(const struct annals *, const struct annals_log *, FILE *);

/* Balances of each asset sum to 0, and without `external` to what came in less what went
 * out; each acknowledged deposit moved its amount once, each withdrawal once or never. */
uint32_t checks_bank(const struct annals *, const struct annals_log *,
                     const struct annals_balance *, uint32_t count, uint32_t external,
                     FILE *);

#endif
