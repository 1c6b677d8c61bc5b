/* invariants.h - what must be true of every run, one function each (DESIGN 7).
 *
 * Owns:     nothing that outlives a call.
 * Units:    none.
 * Errors:   NULL, or what is broken.
 * Threads:  one.
 * Bounds:   none.
 */
#ifndef SIM_INVARIANTS_H
#define SIM_INVARIANTS_H

#include "tests/sim/sim.h"

/* All of them, on a world that has come to rest. */
const char *invariants_check(const struct sim *);

#endif
