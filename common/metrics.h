/* metrics.h - what a service counts, and its health, for others to read.
 *
 * Owns:     its numbers.
 * Units:    as metrics.def says; times are given in ns.
 * Errors:   none.
 * Threads:  one writer, the service's own; any number of readers.
 * Bounds:   fixed; histograms have one bucket per power of 2 from 1 us to 17 s.
 *
 * An update is a plain load and store: no lock, no atomic add, since nobody else writes.
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum metrics_number {
#define COUNTER(name, unit, doc) METRICS_##name,
#define GAUGE(name, unit, doc)   METRICS_##name,
#define HISTOGRAM(name, unit, doc)
#include "common/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
    METRICS_NUMBERS,
};

enum metrics_histogram {
#define COUNTER(name, unit, doc)
#define GAUGE(name, unit, doc)
#define HISTOGRAM(name, unit, doc) METRICS_##name,
#include "common/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
    METRICS_HISTOGRAMS,
};

enum {
    METRICS_BUCKET_MIN_LOG2 = 10, /* the first bucket ends at 2^10 ns */
    METRICS_BUCKETS = 26,         /* the last has no end */
    METRICS_SERVICE_MAX = 24,
};

struct metrics_distribution {
    _Atomic uint64_t buckets[METRICS_BUCKETS];
    _Atomic uint64_t sum;
};

struct metrics {
    char service[METRICS_SERVICE_MAX + 1]; /* the label: "shard.0" */
    _Atomic uint64_t numbers[METRICS_NUMBERS];
    struct metrics_distribution histograms[METRICS_HISTOGRAMS];
    _Atomic uint64_t turned_ns; /* clock_mono_ns() of the last turn, 0 before the first */
    _Atomic bool ready;         /* caught up and serving */
};

void metrics_init(struct metrics *, const char *service);

static inline void metrics_set(struct metrics *metrics, enum metrics_number number,
                               uint64_t value)
{
    atomic_store_explicit(&metrics->numbers[number], value, memory_order_relaxed);
}

static inline uint64_t metrics_get(const struct metrics *metrics,
                                   enum metrics_number number)
{
    return atomic_load_explicit(&metrics->numbers[number], memory_order_relaxed);
}

static inline void metrics_add(struct metrics *metrics, enum metrics_number number,
                               uint64_t more)
{
    metrics_set(metrics, number, metrics_get(metrics, number) + more);
}

void metrics_observe(struct metrics *, enum metrics_histogram, uint64_t value);

/* The service's health: that its loop turned now, and whether it serves. */
static inline void metrics_turn(struct metrics *metrics, uint64_t now_ns, bool ready)
{
    atomic_store_explicit(&metrics->turned_ns, now_ns, memory_order_relaxed);
    atomic_store_explicit(&metrics->ready, ready, memory_order_relaxed);
}

/* Prometheus' text format. */
void metrics_print(const struct metrics *const *, size_t count, FILE *);

/* One line per service; true if each has turned within `limit_ns`. A service that has not
 * begun to turn, for it replays, is alive. */
bool metrics_print_live(const struct metrics *const *, size_t count, uint64_t now_ns,
                        uint64_t limit_ns, FILE *);

/* One line per service; true if each is ready. */
bool metrics_print_ready(const struct metrics *const *, size_t count, FILE *);

#endif
