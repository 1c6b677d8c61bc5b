/* cluster.h - the services of a venue that deploy/cluster.sh made, as children of this
 * process: each can be given a fault to meet, and its exit code is seen.
 *
 * Owns:     the processes; cluster_end ends those that still run.
 * Units:    ms.
 * Errors:   0 or a negative ERR_*; exit codes as common/exit.def, or minus the signal.
 * Threads:  one.
 * Bounds:   CLUSTER_SERVICES_MAX.
 */
#ifndef CLUSTER_H
#define CLUSTER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    CLUSTER_SERVICES = 6,     /* of a venue with one shard */
    CLUSTER_SERVICES_MAX = 7, /* with two */
    CLUSTER_SEQUENCER = 0,
    CLUSTER_RUNNING = 1000,
};

extern const char *const cluster_names[CLUSTER_SERVICES_MAX];

struct cluster {
    const char *directory, *programs, *shim;
    const char *const *hosts; /* NULL, or the network namespace of each service */
    const char *stopper;      /* NULL, or a command that stops what is no child */
    bool serves_http;         /* at http_ports, which DIRECTORY/env names */
    uint16_t http_ports[CLUSTER_SERVICES_MAX];
    uint32_t shards, count;           /* services */
    pid_t pids[CLUSTER_SERVICES_MAX]; /* 0: down */
};

/* Reads DIRECTORY/env into the environment; `programs`: where zex-* and the shim are. */
int cluster_begin(struct cluster *, const char *directory, const char *programs);
void cluster_end(struct cluster *);

/* With the shim and this plan for it (SHIM_FAIL, or a number: SHIM_ALLOC), or without. */
int cluster_start(struct cluster *, uint32_t service, const char *fail, const char *hit);

/* Its exit code if it has ended since it was started, else CLUSTER_RUNNING. */
int cluster_poll(struct cluster *, uint32_t service);

/* SIGTERM, then its exit code; 0 if it is down. */
int cluster_stop(struct cluster *, uint32_t service);

/* Clients' side first; the first exit code that is not 0. */
int cluster_stop_all(struct cluster *);

/* Runs one of the programs to its end, its output to stderr if it fails. */
int cluster_run(struct cluster *, const char *program, const char *word,
                const char *other);

#endif
