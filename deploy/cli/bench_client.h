/* bench_client.h - a crowd of clients of the raw client protocol, with exact control of
 * how much is under way and of what goes into a frame.
 *
 * Every account has a connection of its own, without CURVE.
 *
 * Owns:     its sockets and sessions, the flow.
 * Units:    ns of the monotonic clock.
 * Errors:   ARGS_*, said on stderr.
 * Threads:  one.
 * Bounds:   BENCH_FLOW_ACCOUNTS accounts.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stdint.h>

struct bench_client;

struct bench_load {
    uint32_t window;      /* commands under way, in all */
    uint32_t connections; /* which share it evenly, at most BENCH_FLOW_ACCOUNTS */
    uint32_t per_frame;   /* commands of one account in a frame */
    uint32_t time_ms;
};

struct bench_result {
    uint64_t commands, elapsed_ns;
    uint64_t p50_ns, p99_ns;                /* from the frame sent to the outcome */
    uint64_t settlement_lag, portfolio_lag; /* records, when the last one was sent */
};

/* Connects to a new venue, waits for it, declares accounts and symbol, brings money and
 * fills the book. */
int bench_client_create(struct bench_client **, const char *address, void *context,
                        uint64_t seed);
void bench_client_destroy(struct bench_client **);

/* Sends for so long, then waits for every outcome. */
int bench_client_run(struct bench_client *, const struct bench_load *,
                     struct bench_result *);

/* Sends until the log has so many records. */
int bench_client_fill(struct bench_client *, const struct bench_load *, uint64_t records);

/* From a signal handler: what runs ends with an error. */
void bench_client_interrupt(void);

/* Of the log, when load was last sent. */
uint64_t bench_client_log_next(const struct bench_client *);

#endif
