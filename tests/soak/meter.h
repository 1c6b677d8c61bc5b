/* meter.h - what the services of a venue use: memory without mapped files, descriptors,
 * journals, disk; and how far they are.
 *
 * Owns:     nothing.
 * Units:    bytes, records.
 * Errors:   0 for what cannot be read.
 * Threads:  one.
 * Bounds:   CLUSTER_SERVICES_MAX services.
 */
#ifndef METER_H
#define METER_H

#include "tests/faults/cluster.h"

struct meter_service {
    uint64_t memory, fds, disk, gseq, lag;
};

struct meter {
    struct meter_service services[CLUSTER_SERVICES_MAX];
    uint64_t archive,
        disk; /* old blocks of the log; all files of all services and those */
};

/* The archive is DIRECTORY/archive. */
void meter_read(struct meter *, const struct cluster *);

/* The most address space a service may have: `percent` of the most it has had, but for
 * `map_bytes` of its journal, which it has from the start. 0, or -1. */
int meter_limit(const struct cluster *, uint32_t service, uint64_t map_bytes,
                uint32_t percent);

#endif
