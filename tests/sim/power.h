/* power.h - the instant at which the running process dies, at any of its operations.
 *
 * Every write, commit and send asks for power. Once it is cut nothing the process does
 * has an effect any more; the simulator destroys it when its turn returns.
 *
 * Owns:     one switch, for the process whose turn it is.
 * Units:    operations.
 * Errors:   none.
 * Threads:  one.
 * Bounds:   none.
 */
#ifndef SIM_POWER_H
#define SIM_POWER_H

#include <stdbool.h>
#include <stdint.h>

/* Operation number `operation` from now on is the first that does not happen; 0: none. */
void power_cut_at(uint32_t operation);

/* One operation: does it happen? */
bool power_operate(void);

bool power_is_cut(void);

#endif
