/* clock.h - the only reader of time.
 *
 * Owns:     nothing.
 * Units:    nanoseconds: since an unknown start (monotonic), since 1970 UTC (wall).
 * Errors:   none.
 * Threads:  any.
 * Bounds:   none.
 *
 * Cores never call it: time comes to them with their input. The simulator links another
 * implementation of this header.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

#define CLOCK_MS_NS INT64_C(1000000)
#define CLOCK_S_NS  INT64_C(1000000000)

/* Never goes back, never 0; for measuring and for deadlines. */
uint64_t clock_mono_ns(void);

static inline int64_t clock_mono_ms(void)
{
    return (int64_t)(clock_mono_ns() / CLOCK_MS_NS);
}

/* What people call the time; may jump. */
uint64_t clock_wall_ns(void);

#endif
