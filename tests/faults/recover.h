/* recover.h - starts all services of a directory in this thread, on a network in memory,
 * lets them come to rest, stops them and verifies what they leave.
 *
 * Owns:     the directory while it runs; it changes it.
 * Units:    none.
 * Errors:   the ERR_* that ended a service; RECOVER_* for the rest.
 * Threads:  one; once in a process, which is to be a child: a CHECK may end it.
 * Bounds:   RECOVER_SHARDS.
 */
#ifndef RECOVER_H
#define RECOVER_H

#include "tests/faults/reference.h"

enum {
    RECOVER_SHARDS = 1,
    RECOVER_UNREADY = 1,    /* it did not come to rest */
    RECOVER_UNVERIFIED = 2, /* stored state is not the fold of the log */
    RECOVER_LOST = 3,       /* a record that must be there is not */
};

/* `same` gets how many records of the reference are in the log that was recovered; at
 * least `told` must be. What went wrong is on stderr. */
extern char recover_difference[512]; /* what verify said, if it was not content */

int recover_run(const char *directory, const struct reference *, uint64_t told,
                uint64_t *same);

/* Verifies what is there, and no more: 0 or RECOVER_UNVERIFIED. Its report goes to stderr
 * if it is not a good one. */
int recover_verify(const char *directory);

#endif
