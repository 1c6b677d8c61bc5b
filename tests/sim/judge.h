/* judge.h - what the simulator saw of a run, held against common/invariants.h.
 *
 * Owns:     nothing that outlives a call.
 * Units:    none.
 * Errors:   NULL, or what is broken.
 * Threads:  one.
 * Bounds:   none.
 */
#ifndef SIM_JUDGE_H
#define SIM_JUDGE_H

#include "tests/sim/sim.h"

/* All of them, on a world that has come to rest. */
const char *judge_check(const struct sim *);

#endif
