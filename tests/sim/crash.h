/* crash.h - the same day again and again, each time with the power cut at another
 * operation of one service's disk.
 *
 * The day is run once; at each operation that is wanted the whole world is forked, and
 * the copy goes on without it.
 *
 * Owns:     nothing.
 * Units:    disk operations of a service: puts, deletes, commits, writes and syncs of
 *           files.
 * Errors:   what is found broken is printed, with the command that repeats it.
 * Threads:  one; as many processes as there are processors.
 * Bounds:   none.
 */
#ifndef SIM_CRASH_H
#define SIM_CRASH_H

#include <stdint.h>

/* At every `stride`-th operation of each service. Returns how many did not hold. */
uint32_t crash_each(uint64_t seed, uint32_t stride);

/* At one of them. 0 if it held, 1 if not, 2 if there is no such service. */
int crash_at(uint64_t seed, const char *service, uint32_t operation);

#endif
