/* slope.h - does what was measured again and again grow, or is it only restless?
 *
 * A line is laid through the medians of blocks of samples, so that what rises and falls
 * within a block does not count; how far it may be off follows from how far the medians
 * are off the line.
 *
 * Owns:     its samples.
 * Units:    of the caller.
 * Errors:   none: too little to tell is a verdict.
 * Threads:  none.
 * Bounds:   SLOPE_SAMPLES.
 */
#ifndef SLOPE_H
#define SLOPE_H

#include <stdint.h>

enum { SLOPE_SAMPLES = 16384, SLOPE_BLOCKS = 12, SLOPE_BLOCKS_MIN = 4 };

struct slope_series {
    uint32_t count;
    double at[SLOPE_SAMPLES], value[SLOPE_SAMPLES];
};

struct slope {
    double rise;  /* of the value, for each 1 of `at` */
    double noise; /* the rise may be that much less or more */
};

enum slope_verdict { SLOPE_FLAT, SLOPE_GROWS, SLOPE_UNCLEAR };

/* A sample beyond SLOPE_SAMPLES is not taken. */
void slope_add(struct slope_series *, double at, double value);

/* Of the samples [from, to). */
struct slope slope_fit(const struct slope_series *, uint32_t from, uint32_t to);

/* Grows: by more than the limit, whatever the noise. Unclear: the noise hides more than
 * the limit. */
enum slope_verdict slope_judge(const struct slope *, double limit);

/* Is the second rise above the first by more than `part` of it? */
enum slope_verdict slope_compare(const struct slope *, const struct slope *, double part);

#endif
