/* bench_floor.h - what this machine can do at best, measured in the same run.
 *
 * Owns:     nothing.
 * Units:    nanoseconds, operations a second.
 * Errors:   0: could not be measured (said on stderr).
 * Threads:  makes its own.
 * Bounds:   about a second each.
 */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <stdint.h>

/* Median of a 4 KiB write and fdatasync, in `directory`. */
uint64_t bench_floor_sync_ns(const char *directory);
/* Median of a request and its answer between two threads, over ipc in `directory`. */
uint64_t bench_floor_ipc_ns(const char *directory);
/* SET of 100 bytes a second with appendfsync always, 16 connections x 64 in a pipeline;
 * needs redis-server and redis-benchmark. */
uint64_t bench_floor_redis(const char *directory);

#endif
