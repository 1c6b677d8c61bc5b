/* histogram.c - see histogram.h. */
#include "tests/overload/histogram.h"

#include <stdlib.h>

/* 0 .. 15 are classes of their own; from there on a class is the place of the highest bit
 * and the four bits below it. */
static uint32_t class_of(uint64_t time_ns)
{
    if (time_ns < 16)
        return (uint32_t)time_ns;
    const uint32_t shift = 63 - (uint32_t)__builtin_clzll(time_ns) - 4;
    const uint32_t found = 16 * (shift + 1) + (uint32_t)(time_ns >> shift & 15);
    return found < HISTOGRAM_CLASSES ? found : HISTOGRAM_CLASSES - 1;
}

static uint64_t end_of(uint32_t class)
{
    if (class < 16)
        return class;
    return ((UINT64_C(17) + class % 16) << (class / 16 - 1)) - 1;
}

void histogram_add(struct histogram *h, uint64_t time_ns)
{
    h->classes[class_of(time_ns)]++;
    h->count++;
}

void histogram_merge(struct histogram *h, const struct histogram *other)
{
    h->count += other->count;
    for (uint32_t i = 0; i < HISTOGRAM_CLASSES; i++)
        h->classes[i] += other->classes[i];
}

uint64_t histogram_per_mille_ns(const struct histogram *h, uint32_t per_mille)
{
    const uint64_t wanted = (h->count * per_mille + 999) / 1000;
    uint64_t seen = 0;
    if (h->count == 0)
        return 0;
    for (uint32_t i = 0; i < HISTOGRAM_CLASSES; i++) {
        seen += h->classes[i];
        if (seen >= wanted)
            return end_of(i);
    }
    return end_of(HISTOGRAM_CLASSES - 1);
}

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

uint64_t histogram_median(uint64_t *figures, uint32_t count)
{
    qsort(figures, count, sizeof *figures, compare);
    return count > 0 ? figures[count / 2] : 0;
}
