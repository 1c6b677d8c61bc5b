/* clock.c - time passes when the simulator says so. */
#include "tests/sim/clock.h"

#include "common/clock.h"

static uint64_t mono_ns = 1;
static uint64_t wall_ns;
static uint64_t wall_halves; /* of the monotonic clock's rate */

void clock_reset(void)
{
    mono_ns = 1;
    wall_ns = UINT64_C(1700000000000000000);
    wall_halves = 2;
}

void clock_advance(uint64_t ns)
{
    mono_ns += ns;
    wall_ns += ns * wall_halves / 2;
}

void clock_step_wall(int64_t ns)
{
    wall_ns += (uint64_t)ns;
}

void clock_rate_wall(uint64_t halves)
{
    wall_halves = halves;
}

uint64_t clock_mono_ns(void)
{
    return mono_ns;
}

uint64_t clock_wall_ns(void)
{
    return wall_ns;
}
