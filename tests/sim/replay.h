/* replay.h - every core again, from the first record of the log, side by side.
 *
 * Risk's approved streams feed the shards and a naive twin of each; what the services
 * submit must be what the log has of them.
 *
 * Owns:     one state of each core; the naive books.
 * Units:    positions of the log.
 * Errors:   NULL, or what is broken.
 * Threads:  one.
 * Bounds:   those of the plan.
 */
#ifndef SIM_REPLAY_H
#define SIM_REPLAY_H

#include "tests/sim/sim.h"

/* I4, I5, I6 and, as the world is at rest, I10: nothing is left undone. */
const char *replay_check(const struct sim *);

#endif
