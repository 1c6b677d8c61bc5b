/* bench_venue.h - an own venue for `zex bench`, in this process or a process per service.
 *
 * Without CURVE, over ipc (all in one process: inproc, its client too), in a directory
 * of its own.
 *
 * Owns:     the services it started and their directory; both are gone after stop.
 * Units:    ns of CPU time.
 * Errors:   ARGS_*, said on stderr.
 * Threads:  one.
 * Bounds:   one shard.
 */
#ifndef BENCH_VENUE_H
#define BENCH_VENUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_VENUE_ADDRESS  128
#define BENCH_VENUE_SERVICES 6
#define BENCH_VENUE_PARTS    8 /* the services, the io threads, the client */

struct bench_venue;

struct bench_venue_options {
    const char *directory; /* is made and must not exist */
    const char *programs;  /* where zex-* are; NULL: beside this program */
    bool threads;          /* all in this process */
    bool durable;
    const char *const (*settings)[2]; /* after those of the bench; ends with NULLs */
};
int bench_venue_start(struct bench_venue **, const struct bench_venue_options *);
int bench_venue_stop(struct bench_venue **);

/* A second gateway, with a process: nobody is connected to it, it reads the log. */
int bench_venue_add_gateway(struct bench_venue *);

/* Ends the shard's process, if it has one, as a crash does. */
void bench_venue_kill_shard(struct bench_venue *);
int bench_venue_start_shard(struct bench_venue *); /* again, durable */

/* Ends every process as a power cut does, and starts them all again, durable. */
int bench_venue_crash(struct bench_venue *);

/* The service's process, by the order of bench_venue_measure, then the second
 * gateway; 0: it has none. */
pid_t bench_venue_pid(const struct bench_venue *, uint32_t service);

const char *bench_venue_address(const struct bench_venue *);
void *bench_venue_context(const struct bench_venue *); /* NULL: processes */

/* CPU time used so far, by part; a part's name is NULL from the last on. The client is
 * this process, less the services in it. */
struct bench_venue_cpu {
    const char *names[BENCH_VENUE_PARTS + 1];
    uint64_t used_ns[BENCH_VENUE_PARTS];
};
void bench_venue_measure(const struct bench_venue *, struct bench_venue_cpu *);

/* Everything, this process included, on one CPU; or on all of them again. */
void bench_venue_pin(const struct bench_venue *, bool pinned);

#endif
