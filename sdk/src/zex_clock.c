/* zex_clock.c - see zex_clock.h. */
#include "sdk/src/zex_clock.h"

#include <time.h>

uint64_t zex_clock_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}
