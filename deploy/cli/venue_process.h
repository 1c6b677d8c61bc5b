/* venue_process.h - a whole venue in this process: every service a thread, over inproc.
 *
 * Only the gateway's client socket is on the network, with CURVE.
 *
 * Owns:     the zmq context, the instances and their threads, the http thread.
 * Units:    none.
 * Errors:   ARGS_*, said on stderr.
 * Threads:  start and stop from one.
 * Bounds:   SHARD_MAX + 1 shards.
 */
#ifndef VENUE_PROCESS_H
#define VENUE_PROCESS_H

#include <signal.h>
#include <stdbool.h>

#include "common/config.h"
#include "deploy/cli/args.h"

struct venue_process;

/* Starts everything on the data in `config`->data_dir, beginning a log the first time,
 * makes missing keys, waits until all are ready, and writes the `gateways` file. Once
 * `stopped` is set it waits no more: ARGS_OK. NULL: nobody sets it. */
int venue_process_start(struct venue_process **, const struct args *,
                        const struct config *, const volatile sig_atomic_t *stopped);

/* An error that ended a service, or 0. */
int venue_process_error(const struct venue_process *);

const char *venue_process_gateway(const struct venue_process *);
uint16_t venue_process_http_port(const struct venue_process *);

/* For sockets of this process that reach the venue over inproc. */
void *venue_process_context(const struct venue_process *);

/* Stops intake first, commits everything, closes everything. Returns ARGS_OK or
 * ARGS_FAILED. */
int venue_process_stop(struct venue_process **);

/* Says who ended with what; the exit code of common/exit.def that goes with the error. */
int venue_process_fail(const char *who, int error);

#endif
