/* crew.h - worker processes that run seeds, so that a CHECK that fails ends only one.
 *
 * A worker runs its seeds one after the other; one that dies is replaced, and goes on
 * behind the seed that killed it.
 *
 * Owns:     its workers while crew_run runs.
 * Units:    seeds.
 * Errors:   what a seed found broken is printed; a worker that hangs is ended.
 * Threads:  one.
 * Bounds:   CREW_MAX workers.
 */
#ifndef SIM_CREW_H
#define SIM_CREW_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/faults.h"
#include "tests/sim/marks.h"

enum { CREW_MAX = 64 };

struct crew_outcome {
    uint64_t seed, trace, records, commands;
    uint32_t steps;
    bool held; /* no invariant was broken */
    uint32_t marks[MARKS_COUNT], faults[FAULT_COUNT];
};

struct crew_work {
    uint64_t first, last; /* seeds */
    uint32_t workers;     /* 0: one a processor */
    /* Runs one seed in a worker, with a pointer to fill. */
    void (*run)(uint64_t seed, struct crew_outcome *);
    /* Says how to repeat one that ended by a signal. NULL: nobody does. */
    void (*repeat)(uint64_t seed);
    /* Hears of it, in no fixed order, in this process. False: that is enough. */
    bool (*hear)(void *context, const struct crew_outcome *);
    void *context;
};

/* Returns false if it was enough before the last seed. */
bool crew_run(const struct crew_work *);

#endif
