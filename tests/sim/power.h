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

/* The turn of a process begins. Operation number `operation` from now on is the first
 * that does not happen; 0: none. */
void power_begin(uint32_t node, uint32_t operation);
void power_end(void);

/* One operation: does it happen? power_write: one of the disk. */
bool power_operate(void);
bool power_write(void);

/* Now. */
void power_cut(void);
bool power_is_cut(void);

/* Whose turn it is. */
uint32_t power_node(void);

/* Asked before each operation of a disk; it says which is the first that does not happen.
 * NULL: nobody. */
void power_watch(bool (*is_last)(uint32_t node));

#endif
