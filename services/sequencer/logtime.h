/* logtime.h - the time of the log: strictly rising, near the wall clock, never jumping.
 *
 * Owns:     nothing.
 * Units:    ns.
 * Errors:   none.
 * Threads:  none; belongs to the sequencer core.
 * Bounds:   it runs between 0.9 and 1.1 times as fast as the monotonic clock, and so
 *           makes good 6 minutes of difference in an hour. Only the operator can make it
 *           jump, only forward, at a start (core_settings.clock_jump).
 */
#ifndef LOGTIME_H
#define LOGTIME_H

#include <stdint.h>

#include "common/ablate.h"

struct logtime {
    uint64_t now_ns;
    uint64_t mono_ns; /* when it was that */
};

/* Runs on from `now_ns`. */
static inline void logtime_start(struct logtime *t, uint64_t now_ns, uint64_t mono_ns)
{
    *t = (struct logtime){.now_ns = now_ns, .mono_ns = mono_ns};
}

static inline void logtime_advance(struct logtime *t, uint64_t mono_ns, uint64_t wall_ns)
{
    if (mono_ns <= t->mono_ns)
        return;
    const uint64_t passed = mono_ns - t->mono_ns, slew_max = passed / 10;
    t->mono_ns = mono_ns;
    t->now_ns += passed;
    if (ABLATE(WALL_CLOCK))
        t->now_ns = wall_ns;
    if (wall_ns > t->now_ns)
        t->now_ns += wall_ns - t->now_ns < slew_max ? wall_ns - t->now_ns : slew_max;
    else
        t->now_ns -= t->now_ns - wall_ns < slew_max ? t->now_ns - wall_ns : slew_max;
}

#endif
