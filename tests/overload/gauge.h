/* gauge.h - the memory of the services, and their CPU time, as the kernel counts them.
 *
 * Owns:     nothing.
 * Units:    bytes; ns.
 * Errors:   0 for a process that is not there.
 * Threads:  none.
 * Bounds:   GAUGE_SERVICES.
 *
 * Pages of mapped files are left out: they are the cache of the journals, and the
 * kernel's to take back.
 */
#ifndef GAUGE_H
#define GAUGE_H

#include <stdint.h>
#include <sys/types.h>

enum { GAUGE_SERVICES = 7 };

extern const char *const gauge_names[GAUGE_SERVICES]; /* in the order of bench_venue */

struct gauge {
    uint64_t now[GAUGE_SERVICES], most[GAUGE_SERVICES];
};

void gauge_take(struct gauge *, const pid_t pids[GAUGE_SERVICES]);

/* One line of a process's status, by its name. */
uint64_t gauge_status(pid_t, const char *what);

/* What the path from an order to its outcome has used: sequencer, risk, shard. */
uint64_t gauge_path_ns(const pid_t pids[GAUGE_SERVICES]);

#endif
