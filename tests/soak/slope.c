/* slope.c - see slope.h. */
#include "tests/soak/slope.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_MIN = 3, ERRORS = 4 /* standard errors: once in ten thousand by chance */ };

void slope_add(struct slope_series *s, double at, double value)
{
    if (s->count == SLOPE_SAMPLES)
        return;
    s->at[s->count] = at;
    s->value[s->count++] = value;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, uint32_t count)
{
    static double sorted[SLOPE_SAMPLES];
    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, compare);
    return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
}

struct points {
    uint32_t count;
    double x[SLOPE_BLOCKS], y[SLOPE_BLOCKS];
};

static struct points take_medians(const struct slope_series *s, uint32_t from,
                                  uint32_t to)
{
    const uint32_t samples = to - from;
    struct points p = {.count = samples / BLOCK_MIN};
    if (p.count > SLOPE_BLOCKS)
        p.count = SLOPE_BLOCKS;
    for (uint32_t i = 0; i < p.count; i++) {
        const uint32_t begin = from + samples * i / p.count;
        const uint32_t end = from + samples * (i + 1) / p.count;
        p.x[i] = median(s->at + begin, end - begin);
        p.y[i] = median(s->value + begin, end - begin);
    }
    return p;
}

struct slope slope_fit(const struct slope_series *s, uint32_t from, uint32_t to)
{
    const struct points p = take_medians(s, from, to);
    double x = 0, y = 0, xx = 0, xy = 0, off = 0;
    if (p.count < SLOPE_BLOCKS_MIN)
        return (struct slope){.noise = INFINITY};
    for (uint32_t i = 0; i < p.count; i++) {
        x += p.x[i] / p.count;
        y += p.y[i] / p.count;
    }
    for (uint32_t i = 0; i < p.count; i++) {
        xx += (p.x[i] - x) * (p.x[i] - x);
        xy += (p.x[i] - x) * (p.y[i] - y);
    }
    if (!(xx > 0))
        return (struct slope){.noise = INFINITY};
    for (uint32_t i = 0; i < p.count; i++)
        off += pow(p.y[i] - y - xy / xx * (p.x[i] - x), 2);
    return (struct slope){.rise = xy / xx,
                          .noise = ERRORS * sqrt(off / (p.count - 2) / xx)};
}

enum slope_verdict slope_judge(const struct slope *s, double limit)
{
    if (s->rise - s->noise > limit)
        return SLOPE_GROWS;
    return s->rise <= limit && s->noise <= limit ? SLOPE_FLAT : SLOPE_UNCLEAR;
}

enum slope_verdict slope_compare(const struct slope *first, const struct slope *second,
                                 double part)
{
    const struct slope more = {.rise = second->rise - first->rise,
                               .noise = hypot(first->noise, second->noise)};
    return slope_judge(&more, part * fabs(first->rise));
}
