/* zex_clock.c - see zex_clock.h. */
#include "sdk/src/zex_clock.h"

#include <time.h>

static uint64_t read_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t zex_clock_now_ms(void)
{
    return read_ns(CLOCK_MONOTONIC) / 1000000u;
}

uint64_t zex_clock_wall_us(void)
{
    return read_ns(CLOCK_REALTIME) / 1000u;
}
