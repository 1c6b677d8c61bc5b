/* consumers.h - who reads the log or a feed stands still or crawls, while the venue works
 * at half its capacity: does the path of the others notice, and do they catch up?
 *
 * Owns:     nothing.
 * Units:    commands per second.
 * Errors:   ARGS_*; what does not hold is counted.
 * Threads:  one.
 * Bounds:   none.
 */
#ifndef CONSUMERS_H
#define CONSUMERS_H

#include <stdint.h>
#include <sys/types.h>

struct storm;

struct consumers {
    struct storm *storm;
    const pid_t *pids; /* of the services, as in gauge.h */
    const char *address;
    uint64_t rate;
};

int consumers_test(const struct consumers *, uint32_t *failures);

#endif
