/* bench_load.h - the clients of `zex bench`: raw protocol, exact control of frames.
 *
 * The flow is that of an ordinary book: most orders rest near the price, some cross, a
 * third of the commands cancel, a few replace; seeded.
 *
 * Owns:     its sockets and orders.
 * Units:    nanoseconds; a command is done when its outcome was reported.
 * Errors:   ARGS_*, said on stderr.
 * Threads:  one.
 * Bounds:   BENCH_LOAD_ACCOUNTS connections; in flight as asked.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <stdint.h>

#define BENCH_LOAD_ACCOUNTS 8

struct bench_load;

struct bench_load_result {
    uint64_t commands, trades, refused;
    uint64_t elapsed_ns;
    uint64_t p50_ns, p99_ns; /* window 1 only */
};

/* Connects to a gateway without CURVE and sets the venue up through it (assets, a symbol,
 * accounts, money). */
int bench_load_create(struct bench_load **, const char *gateway, uint64_t seed);
void bench_load_destroy(struct bench_load **);

/* Sends `commands` commands with `window` of them in flight, `batch` in a frame. */
int bench_load_run(struct bench_load *, uint64_t commands, uint32_t window,
                   uint32_t batch, struct bench_load_result *);

#endif
