/* random.c - SplitMix64 (Steele, Lea, Flood 2014): a counter and a good mixer. */
#include "common/random.h"

#include <string.h>

#include "common/check.h"

void random_init(struct random *random, uint64_t seed)
{
    random->state = seed;
}

uint64_t random_next(struct random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* The first 2^64 mod bound values are refused; the rest splits evenly. */
uint64_t random_below(struct random *random, uint64_t bound)
{
    CHECK(bound > 0);
    const uint64_t refused = (0 - bound) % bound;
    uint64_t value;
    do
        value = random_next(random);
    while (value < refused);
    return value % bound;
}

int64_t random_between(struct random *random, int64_t low, int64_t high)
{
    CHECK(low <= high);
    const uint64_t span = (uint64_t)high - (uint64_t)low + 1;
    const uint64_t above = span ? random_below(random, span) : random_next(random);
    return (int64_t)((uint64_t)low + above);
}

bool random_chance(struct random *random, uint32_t ppm)
{
    return random_below(random, 1000000) < ppm;
}

void random_bytes(struct random *random, void *bytes, size_t size)
{
    unsigned char *to = bytes;
    while (size > 0) {
        const uint64_t value = random_next(random);
        const size_t part = size < sizeof(value) ? size : sizeof(value);
        memcpy(to, &value, part);
        to += part;
        size -= part;
    }
}
