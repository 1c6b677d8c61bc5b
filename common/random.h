/* random.h - a seeded generator, for tests, bots and the simulator only.
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   none.
 * Threads:  none; one generator per user, so that a seed repeats a run.
 * Bounds:   period 2^64.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

void random_init(struct random *, uint64_t seed);

uint64_t random_next(struct random *);

/* 0 .. bound-1, each as likely; bound > 0. */
uint64_t random_below(struct random *, uint64_t bound);

/* low .. high, both included. */
int64_t random_between(struct random *, int64_t low, int64_t high);

bool random_chance(struct random *, uint32_t ppm);

void random_bytes(struct random *, void *bytes, size_t size);

#endif
