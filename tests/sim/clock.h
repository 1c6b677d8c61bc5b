/* clock.h - virtual time, behind common/clock.h.
 *
 * Owns:     one clock for the whole world.
 * Units:    ns.
 * Errors:   none.
 * Threads:  one.
 * Bounds:   none.
 */
#ifndef SIM_CLOCK_H
#define SIM_CLOCK_H

#include <stdint.h>

/* Begins again, just after the epoch of the monotonic clock. */
void clock_reset(void);

void clock_advance(uint64_t ns);

/* The wall clock jumps; the monotonic one does not. */
void clock_step_wall(int64_t ns);

/* From now on it goes so many times half as fast as the monotonic one: 0, not at all. */
void clock_rate_wall(uint64_t halves);

#endif
