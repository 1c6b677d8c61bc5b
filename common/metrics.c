/* metrics.c - the text others read; counting is inline. */
#include "common/metrics.h"

#include <inttypes.h>
#include <string.h>

enum unit {
    UNIT_NONE,
    UNIT_BYTES,
    UNIT_SECONDS,
};

static const char *const unit_suffix[] = {"", "_bytes", "_seconds"};

struct family {
    const char *name;
    const char *type;
    enum unit unit;
    const char *doc;
};

static const struct family numbers[METRICS_NUMBERS] = {
#define COUNTER(name, unit, doc) {#name, "counter", UNIT_##unit, doc},
#define GAUGE(name, unit, doc)   {#name, "gauge", UNIT_##unit, doc},
#define HISTOGRAM(name, unit, doc)
#include "common/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

static const struct family histograms[METRICS_HISTOGRAMS] = {
#define COUNTER(name, unit, doc)
#define GAUGE(name, unit, doc)
#define HISTOGRAM(name, unit, doc) {#name, "histogram", UNIT_##unit, doc},
#include "common/metrics.def"
#undef COUNTER
#undef GAUGE
#undef HISTOGRAM
};

void metrics_init(struct metrics *metrics, const char *service)
{
    *metrics = (struct metrics){0};
    snprintf(metrics->service, sizeof(metrics->service), "%s", service);
}

static uint64_t load(const _Atomic uint64_t *value)
{
    return atomic_load_explicit(value, memory_order_relaxed);
}

static void raise(_Atomic uint64_t *value, uint64_t more)
{
    atomic_store_explicit(value, load(value) + more, memory_order_relaxed);
}

/* The bucket whose end is the first power of two not below the value. */
static uint32_t bucket_of(uint64_t value)
{
    if (value <= UINT64_C(1) << METRICS_BUCKET_MIN_LOG2)
        return 0;
    const uint32_t log2_up = 64 - (uint32_t)__builtin_clzll(value - 1);
    const uint32_t bucket = log2_up - METRICS_BUCKET_MIN_LOG2;
    return bucket < METRICS_BUCKETS - 1 ? bucket : METRICS_BUCKETS - 1;
}

void metrics_observe(struct metrics *metrics, enum metrics_histogram histogram,
                     uint64_t value)
{
    struct metrics_distribution *distribution = &metrics->histograms[histogram];
    raise(&distribution->buckets[bucket_of(value)], 1);
    raise(&distribution->sum, value);
}

static void print_value(uint64_t value, enum unit unit, FILE *to)
{
    if (unit == UNIT_SECONDS)
        fprintf(to, "%" PRIu64 ".%09" PRIu64, value / 1000000000, value % 1000000000);
    else
        fprintf(to, "%" PRIu64, value);
}

static const char *total(const struct family *family)
{
    return strcmp(family->type, "counter") == 0 ? "_total" : "";
}

static void print_head(const struct family *family, FILE *to)
{
    const char *suffix = unit_suffix[family->unit];
    fprintf(to, "# HELP zex_%s%s%s %s.\n", family->name, suffix, total(family),
            family->doc);
    fprintf(to, "# TYPE zex_%s%s%s %s\n", family->name, suffix, total(family),
            family->type);
}

static void print_number(const struct metrics *metrics, const struct family *family,
                         FILE *to)
{
    fprintf(to, "zex_%s%s%s{service=\"%s\"} ", family->name, unit_suffix[family->unit],
            total(family), metrics->service);
    print_value(load(&metrics->numbers[family - numbers]), family->unit, to);
    fputc('\n', to);
}

static void print_histogram(const struct metrics *metrics, const struct family *family,
                            FILE *to)
{
    const struct metrics_distribution *distribution =
        &metrics->histograms[family - histograms];
    const char *suffix = unit_suffix[family->unit];
    uint64_t count = 0;
    for (uint32_t i = 0; i < METRICS_BUCKETS; i++) {
        count += load(&distribution->buckets[i]);
        fprintf(to, "zex_%s%s_bucket{service=\"%s\",le=\"", family->name, suffix,
                metrics->service);
        if (i < METRICS_BUCKETS - 1)
            print_value(UINT64_C(1) << (METRICS_BUCKET_MIN_LOG2 + i), family->unit, to);
        else
            fputs("+Inf", to);
        fprintf(to, "\"} %" PRIu64 "\n", count);
    }
    fprintf(to, "zex_%s%s_sum{service=\"%s\"} ", family->name, suffix, metrics->service);
    print_value(load(&distribution->sum), family->unit, to);
    fprintf(to, "\nzex_%s%s_count{service=\"%s\"} %" PRIu64 "\n", family->name, suffix,
            metrics->service, count);
}

static void print_ready_family(const struct metrics *const *all, size_t count, FILE *to)
{
    static const struct family ready = {"ready", "gauge", UNIT_NONE,
                                        "Whether the service has caught up and serves"};
    print_head(&ready, to);
    for (size_t i = 0; i < count; i++)
        fprintf(to, "zex_ready{service=\"%s\"} %d\n", all[i]->service,
                atomic_load_explicit(&all[i]->ready, memory_order_relaxed));
}

void metrics_print(const struct metrics *const *all, size_t count, FILE *to)
{
    print_ready_family(all, count, to);
    for (size_t f = 0; f < METRICS_NUMBERS; f++) {
        print_head(&numbers[f], to);
        for (size_t i = 0; i < count; i++)
            print_number(all[i], &numbers[f], to);
    }
    for (size_t f = 0; f < METRICS_HISTOGRAMS; f++) {
        print_head(&histograms[f], to);
        for (size_t i = 0; i < count; i++)
            print_histogram(all[i], &histograms[f], to);
    }
}

bool metrics_print_live(const struct metrics *const *all, size_t count, uint64_t now_ns,
                        uint64_t limit_ns, FILE *to)
{
    bool live = true;
    for (size_t i = 0; i < count; i++) {
        const uint64_t turned_ns = load(&all[i]->turned_ns);
        const uint64_t ago_ns = turned_ns && now_ns > turned_ns ? now_ns - turned_ns : 0;
        const bool fresh = ago_ns <= limit_ns;
        live = live && fresh;
        fprintf(to, "%s %s turned_ms_ago=%" PRIu64 "\n", all[i]->service,
                fresh ? "live" : "stalled", ago_ns / 1000000);
    }
    return live;
}

bool metrics_print_ready(const struct metrics *const *all, size_t count, FILE *to)
{
    bool ready = true;
    for (size_t i = 0; i < count; i++) {
        const bool one = atomic_load_explicit(&all[i]->ready, memory_order_relaxed);
        ready = ready && one;
        fprintf(to, "%s %s gseq=%" PRIu64 " lag=%" PRIu64 "\n", all[i]->service,
                one ? "ready" : "waiting", metrics_get(all[i], METRICS_gseq),
                metrics_get(all[i], METRICS_lag_records));
    }
    return ready;
}
