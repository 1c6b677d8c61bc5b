/* storm.h - a crowd of clients of the raw client protocol that sends by the clock,
 * whatever comes back, and remembers all that it was told.
 *
 * An arrival that is refused is over: it is counted by its code, and its command is
 * offered again as a later arrival. Latencies run from when it was sent; how far behind
 * the clock that was is counted for itself. Sixteen accounts have a connection each, with
 * STORM_LANES sessions.
 *
 * Owns:     its sockets, sessions, the flow.
 * Units:    ns of the monotonic clock; commands per second.
 * Errors:   ARGS_*, said on stderr.
 * Threads:  one.
 * Bounds:   STORM_SLICES slices of time; orders as bench_flow.h.
 */
#ifndef STORM_H
#define STORM_H

#include <stdint.h>

#include "tests/overload/histogram.h"

#define STORM_SLICE_NS UINT64_C(100000000)

enum { STORM_SLICES = 16384, STORM_REASONS = 128, STORM_DRAIN_MS = 60000 };

/* What happened in a stretch of time; the latencies are of arrivals sent in it. */
struct storm_slice {
    uint64_t due;     /* arrivals by the clock */
    uint64_t late;    /* not sent: the generator came too late to them */
    uint64_t sent;    /* the others found no free session */
    uint64_t decided; /* accepted or refused */
    uint64_t ended;   /* outcomes of commands: the goodput */
    struct histogram accepted, outcome;
    struct histogram behind; /* of what was sent at once, the first */
};

struct storm_totals {
    uint64_t due, sent, accepted, ended;
    uint64_t repeated; /* frames sent again: their answers were late */
    uint64_t refused[STORM_REASONS];
    uint64_t codeless;   /* refusals whose code is none of error.def */
    uint64_t silence_ns; /* the longest wait of a session for any answer */
};

struct storm;

/* Connects to a new venue, waits for it, declares accounts and a symbol, opens sessions,
 * fills the book. */
int storm_create(struct storm **, const char *address, uint64_t seed);
void storm_destroy(struct storm **);

/* Closed loop: keeps `window` commands under way for so long, waits for all. */
int storm_fill(struct storm *, uint32_t window, uint32_t time_ms);

/* Open loop: from now on so many arrivals a second, until the next call; 0: none. */
void storm_offer(struct storm *, uint64_t rate);
int storm_run(struct storm *, uint32_t time_ms);

/* Sends nothing new until every command has its answer and its outcome. */
int storm_drain(struct storm *, uint32_t timeout_ms);

/* Where settlement and portfolio stand, in records behind the log. */
int storm_lags(struct storm *, uint64_t *settlement, uint64_t *portfolio);

/* The slice of this moment; what was seen in [from, to). */
uint32_t storm_now(const struct storm *);
void storm_sum(const struct storm *, uint32_t from, uint32_t to, struct storm_slice *);
const struct storm_totals *storm_totals(const struct storm *);

#endif
