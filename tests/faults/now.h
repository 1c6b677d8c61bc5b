/* now.h - the time by which the tests wait: the clock of common/clock.h is the simulated
 * one here, for the services that recover.c starts in one thread, and stands still.
 *
 * Owns:     nothing.
 * Units:    milliseconds of the monotonic clock.
 * Errors:   none.
 * Threads:  any.
 * Bounds:   none.
 */
#ifndef NOW_H
#define NOW_H

#include <stdint.h>
#include <time.h>

static inline int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

#endif
