/* bench_restart.h - how fast a shard that was killed replays its own journal, and a whole
 * venue is ready again.
 *
 * Owns:     nothing.
 * Units:    ns of wall-clock time.
 * Errors:   ARGS_*, said on stderr.
 * Threads:  one.
 * Bounds:   what the shard did since its last snapshot.
 */
#ifndef BENCH_RESTART_H
#define BENCH_RESTART_H

#include <stdint.h>

struct bench_restart {
    uint64_t records, elapsed_ns; /* of its input, from the snapshot to the cursor */
};

/* Shard 0 of the venue in `directory`, which must not be running, in this thread. */
int bench_restart_shard(const char *directory, struct bench_restart *);

/* Asks the venue at `address` until its services, so many, are ready and at the end of
 * what they read; how long that took. */
int bench_restart_await(const char *address, uint32_t services, uint64_t *elapsed_ns);

#endif
