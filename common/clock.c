/* clock.c - time from the kernel. */
#include "common/clock.h"

#include <time.h>

#include "common/check.h"

static uint64_t read_clock(clockid_t id)
{
    struct timespec now;
    CHECK(clock_gettime(id, &now) == 0);
    return (uint64_t)now.tv_sec * (uint64_t)CLOCK_S_NS + (uint64_t)now.tv_nsec;
}

uint64_t clock_mono_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}
