/* ablation.h - each mechanism of common/ablate.h switched off, until a seed notices.
 *
 * The table says which seed noticed first the last time. It only decides what is tried
 * first: the seed is run, with nothing switched off, when it must hold, and with the
 * mechanism off, when it must not. If it does not notice any more, all are tried.
 *
 * Owns:     which mechanism is switched off.
 * Units:    seeds.
 * Errors:   a mechanism that no seed misses, or a seed that fails without, is counted.
 * Threads:  one.
 * Bounds:   none.
 */
#ifndef SIM_ABLATION_H
#define SIM_ABLATION_H

#include "tests/sim/crew.h"

/* Switches it off; false if there is none of that name. */
bool ablation_choose(const char *name);

/* Returns how many mechanisms were not shown to be needed. */
int ablation_each(const char *table, void (*run)(uint64_t seed, struct crew_outcome *));

#endif
