/* histogram.h - how often which latency was seen, within 6 %.
 *
 * Owns:     its counts.
 * Units:    ns.
 * Errors:   none.
 * Threads:  none.
 * Bounds:   16 classes to each doubling of the time, up to 2^40 ns.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_CLASSES = 16 * 38 };

struct histogram {
    uint64_t count;
    uint32_t classes[HISTOGRAM_CLASSES];
};

void histogram_add(struct histogram *, uint64_t time_ns);
void histogram_merge(struct histogram *, const struct histogram *);

/* The time that so many in a thousand did not exceed; 0 if nothing was seen. */
uint64_t histogram_per_mille_ns(const struct histogram *, uint32_t per_mille);

/* Of figures of several histograms, which it sorts; 0 of none. */
uint64_t histogram_median(uint64_t *figures, uint32_t count);

#endif
