/* overload_test.c - ten times what the venue can take, then consumers that are slow or
 * dead. DIRECTORY PROGRAMS SECONDS SEED
 *
 * What is timed is printed beside its mark. What fails: something accepted without its
 * outcome or with two, a refusal without a code, silence, memory that grows, a venue that
 * collapses, a consumer that does not catch up, a service that ends (README.md).
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "deploy/cli/args.h"
#include "deploy/cli/bench_floor.h"
#include "deploy/cli/bench_venue.h"
#include "tests/overload/consumers.h"
#include "tests/overload/gauge.h"
#include "tests/overload/storm.h"

enum {
    WINDOW = 1024,
    TIMES = 10,
    FILL_MS = 2000,
    STEADY_MS = 3000,
    AFTER_MS = 3000,
    ROUNDS_AFTER = 5,
    STEP_MS = 100,
    CALM_SLICES = 3, /* in a row: back to normal */
    BACK_MS_MAX = 10000,
};

#define MB             (UINT64_C(1) << 20)
#define GROWTH_MAX     (256 * MB) /* of one service under the ten times */
#define FLAT_MAX       (32 * MB)  /* in the second half of them */
#define SILENCE_NS_MAX (5000 * (uint64_t)CLOCK_MS_NS)

/* What the machine can do just now: it is another one ten seconds later. */
struct level {
    uint64_t capacity;         /* outcomes a second */
    struct storm_slice steady; /* at 80 % of it */
};

struct test {
    struct bench_venue *venue;
    struct storm *storm;
    pid_t pids[GAUGE_SERVICES];
    struct level first, last; /* before and after the storm */
    uint64_t goodput;         /* outcomes a second, at 10 x */
    uint64_t sync_ns, back_ms;
    struct storm_slice peak; /* at 10 x */
    uint32_t peak_ms, failures;
    struct gauge before, early, late; /* the ten times, and their two halves */
};

static void expect(struct test *t, bool holds, const char *what)
{
    printf("%-8s %s\n", holds ? "holds" : "FAILED", what);
    t->failures += !holds;
}

static uint64_t p99_us(const struct histogram *h)
{
    return histogram_per_mille_ns(h, 990) / 1000;
}

static void print_slice(const char *what, const struct storm_slice *s, uint32_t time_ms)
{
    printf("%-6s due %" PRIu64 "/s, late %" PRIu64 "/s, sent %" PRIu64
           "/s, refused %" PRIu64 "/s, outcomes %" PRIu64 "/s; accepted p50 %" PRIu64
           " p99 %" PRIu64 " us, outcome p50 %" PRIu64 " p99 %" PRIu64
           " us; sent p99 %" PRIu64 " us behind\n",
           what, s->due * 1000 / time_ms, s->late * 1000 / time_ms,
           s->sent * 1000 / time_ms, (s->sent - s->accepted.count) * 1000 / time_ms,
           s->ended * 1000 / time_ms, histogram_per_mille_ns(&s->accepted, 500) / 1000,
           p99_us(&s->accepted), histogram_per_mille_ns(&s->outcome, 500) / 1000,
           p99_us(&s->outcome), p99_us(&s->behind));
    fflush(stdout);
}

/* ---- the phases -------------------------------------------------------------------- */

/* Outcomes a second: the median of the slices, so that some in which others had the
 * machine do not count. */
static uint64_t typical_rate(const struct storm *storm, uint32_t from, uint32_t to)
{
    static uint64_t ended[STORM_SLICES];
    struct storm_slice s;
    uint32_t count = 0;
    for (uint32_t i = from; i < to && count < STORM_SLICES; i++) {
        storm_sum(storm, i, i + 1, &s);
        ended[count++] = s.ended;
    }
    return histogram_median(ended, count) * 1000 / STEP_MS;
}

static int measure_capacity(const struct test *t, uint64_t *capacity)
{
    int code = storm_fill(t->storm, WINDOW, FILL_MS / 3); /* warms up */
    const uint32_t from = storm_now(t->storm) + 1;
    if (code == ARGS_OK)
        code = storm_fill(t->storm, WINDOW, FILL_MS + STEP_MS);
    *capacity = typical_rate(t->storm, from, from + FILL_MS / STEP_MS - 1);
    printf("capacity %" PRIu64 " commands/s: closed loop, window %d, 16 connections\n",
           *capacity, WINDOW);
    return code;
}

/* Open loop for so long. */
static int run(const struct test *t, uint64_t rate, uint32_t time_ms, struct gauge *gauge)
{
    int code = ARGS_OK;
    storm_offer(t->storm, rate);
    for (uint32_t i = 0; i < time_ms / STEP_MS && code == ARGS_OK; i++) {
        code = storm_run(t->storm, STEP_MS);
        gauge_take(gauge, t->pids);
    }
    return code;
}

static int measure_level(const struct test *t, struct level *level)
{
    struct gauge gauge = {.now = {0}};
    int code = measure_capacity(t, &level->capacity);
    const uint32_t from = storm_now(t->storm);
    if (code == ARGS_OK)
        code = run(t, level->capacity * 8 / 10, STEADY_MS, &gauge);
    const uint32_t end = storm_now(t->storm);
    if (code == ARGS_OK)
        code = storm_drain(t->storm, STORM_DRAIN_MS);
    storm_sum(t->storm, from, end, &level->steady);
    return code;
}

/* In this slice: what is due is accepted, as soon as before. */
static bool is_calm(const struct test *t, uint32_t slice)
{
    struct storm_slice s;
    storm_sum(t->storm, slice, slice + 1, &s);
    return s.accepted.count * 10 >= s.due * 9 &&
           p99_us(&s.accepted) <= 2 * p99_us(&t->first.steady.accepted);
}

/* 80 % again at once: when is it as it was before? */
static int measure_return(struct test *t)
{
    struct gauge gauge = {.now = {0}};
    const uint32_t end = storm_now(t->storm);
    uint32_t calm = 0, at = end;
    int code = ARGS_OK;
    for (uint32_t i = 0; i < ROUNDS_AFTER && code == ARGS_OK && calm < CALM_SLICES; i++) {
        code = run(t, t->first.capacity * 8 / 10, AFTER_MS, &gauge);
        for (; at < storm_now(t->storm) && calm < CALM_SLICES; at++)
            calm = is_calm(t, at) ? calm + 1 : 0;
    }
    t->back_ms = calm < CALM_SLICES ? UINT64_MAX : (at - end - CALM_SLICES) * STEP_MS;
    return code;
}

static int measure_storm(struct test *t, uint32_t seconds)
{
    const uint32_t half_ms = seconds * 500;
    gauge_take(&t->before, t->pids);
    const uint32_t from = storm_now(t->storm) + 1;
    int code = run(t, t->first.capacity * TIMES, half_ms, &t->early);
    if (code == ARGS_OK)
        code = run(t, t->first.capacity * TIMES, half_ms, &t->late);
    const uint32_t end = storm_now(t->storm);
    if (code == ARGS_OK)
        code = measure_return(t);
    if (code == ARGS_OK)
        code = storm_drain(t->storm, STORM_DRAIN_MS);
    storm_sum(t->storm, from, end, &t->peak); /* with the latencies of the last ones */
    t->peak_ms = (end - from) * STEP_MS;
    t->goodput = typical_rate(t->storm, from, end);
    return code == ARGS_OK ? measure_level(t, &t->last) : code;
}

/* ---- what is said of them ---------------------------------------------------------- */

static void print_refusals(const struct storm_totals *o)
{
    printf("refused:");
    for (int reason = 0; reason < STORM_REASONS; reason++)
        if (o->refused[reason] > 0)
            printf(" %s (%d) %" PRIu64, error_name(-reason), reason, o->refused[reason]);
    printf("; sent again for want of an answer: %" PRIu64 " frames\n", o->repeated);
}

static void print_memory(const struct test *t)
{
    printf("memory, MB, before the ten times and at most in each half of them:");
    for (uint32_t i = 0; i < GAUGE_SERVICES && t->before.now[i] > 0; i++)
        printf(" %s %" PRIu64 " %" PRIu64 " %" PRIu64, gauge_names[i],
               t->before.now[i] / MB, t->early.most[i] / MB, t->late.most[i] / MB);
    printf("\n");
}

static void print_mark(const char *what, double figure, double floor, double mark,
                       bool at_least)
{
    const double ratio = floor > 0 ? figure / floor : 0;
    const bool met = at_least ? ratio >= mark : ratio <= mark;
    printf("%-44s %10.0f %10.0f %7.2f  %s %.2f %s\n", what, figure, floor, ratio,
           at_least ? ">=" : "<=", mark, met ? "met" : "missed");
}

static uint64_t lower_capacity(const struct test *t)
{
    return t->first.capacity < t->last.capacity ? t->first.capacity : t->last.capacity;
}

/* Before and after the storm: the higher. */
static uint64_t steady_us(const struct histogram *first, const struct histogram *last)
{
    const uint64_t before = p99_us(first), after = p99_us(last);
    return before > after ? before : after;
}

static uint64_t steady_accepted_us(const struct test *t)
{
    return steady_us(&t->first.steady.accepted, &t->last.steady.accepted);
}

static void print_marks(const struct test *t)
{
    printf("\n%-44s %10s %10s %7s  mark\n", "figure", "figure", "floor", "ratio");
    print_mark("goodput at 10 x / capacity, per second", (double)t->goodput,
               (double)lower_capacity(t), 0.9, true);
    print_mark("p99 of the accepted at 10 x / at 80 %, us",
               (double)p99_us(&t->peak.accepted), (double)steady_accepted_us(t), 2,
               false);
    print_mark("p99 of outcomes at 10 x / at 80 %, us", (double)p99_us(&t->peak.outcome),
               (double)steady_us(&t->first.steady.outcome, &t->last.steady.outcome), 2,
               false);
    print_mark("back to normal after, ms / 1000", (double)t->back_ms, 1000, 2, false);
    print_mark("p99 of the accepted at 80 % / fdatasync, us",
               (double)p99_us(&t->first.steady.accepted), (double)t->sync_ns / 1000, 100,
               false);
}

/* Does none of the services take more than that, and no more than `flat` in the second
 * half than in the first? */
static bool is_bounded(const struct test *t)
{
    bool bounded = true;
    for (uint32_t i = 0; i < GAUGE_SERVICES; i++)
        bounded = bounded && t->late.most[i] < t->before.now[i] + GROWTH_MAX &&
                  t->late.most[i] < t->early.most[i] + FLAT_MAX;
    return bounded;
}

static void check_all(struct test *t)
{
    const struct storm_totals *o = storm_totals(t->storm);
    expect(t, o->accepted == o->ended, "what was accepted has its outcome, once");
    expect(t, o->codeless == 0, "every refusal has a code");
    expect(t, o->refused[-ERR_BUSY] > 0, "who is too many is told BUSY");
    expect(t, t->peak.sent * 1000 / t->peak_ms >= 2 * lower_capacity(t),
           "at least twice the capacity is sent");
    expect(t, o->silence_ns < SILENCE_NS_MAX, "no session waits 5 s for an answer");
    expect(t, is_bounded(t), "no service grows by 32 MB in the second half");
    expect(t, t->goodput * 10 >= lower_capacity(t) * 6, "goodput: 60 % of the capacity");
    expect(t, p99_us(&t->peak.accepted) <= 5 * steady_accepted_us(t),
           "p99 of the accepted: five times that at 80 %");
    expect(t, t->back_ms <= BACK_MS_MAX, "back to normal within 10 s");
}

static int measure(struct test *t, const char *directory, uint32_t seconds)
{
    t->sync_ns = bench_floor_sync_ns(directory);
    int code = measure_level(t, &t->first);
    if (code == ARGS_OK)
        code = measure_storm(t, seconds);
    if (code != ARGS_OK)
        return code;
    print_slice("80 %", &t->first.steady, STEADY_MS);
    print_slice("10 x", &t->peak, t->peak_ms);
    print_slice("80 %", &t->last.steady, STEADY_MS);
    print_refusals(storm_totals(t->storm));
    print_memory(t);
    print_marks(t);
    const struct consumers consumers = {.storm = t->storm,
                                        .pids = t->pids,
                                        .address = bench_venue_address(t->venue),
                                        .rate = t->first.capacity / 2};
    code = bench_venue_add_gateway(t->venue);
    t->pids[GAUGE_SERVICES - 1] = bench_venue_pid(t->venue, GAUGE_SERVICES - 1);
    if (code == ARGS_OK)
        code = consumers_test(&consumers, &t->failures);
    if (code == ARGS_OK)
        check_all(t);
    return code;
}

int main(int argc, char **argv)
{
    static struct test test;
    struct test *t = &test;
    if (argc != 5)
        return ARGS_USAGE;
    log_set_level(LOG_LEVEL_ERROR);
    /* As it comes, but for the rates of an account. */
    static const char *const settings[][2] = {{"in_flight_max", "32768"},
                                              {"busy_ms", "2"},
                                              {"idle_ms", "3600000"}, /* the operator */
                                              {"window_records", "65536"},
                                              {"shard_window_records", "65536"},
                                              {NULL, NULL}};
    const struct bench_venue_options options = {
        .directory = argv[1], .programs = argv[2], .durable = true, .settings = settings};
    int code = bench_venue_start(&t->venue, &options);
    for (uint32_t i = 0; i < GAUGE_SERVICES; i++)
        t->pids[i] = bench_venue_pid(t->venue, i);
    if (code == ARGS_OK)
        code = storm_create(&t->storm, bench_venue_address(t->venue),
                            strtoull(argv[4], NULL, 10));
    if (code == ARGS_OK)
        code = measure(t, argv[1], (uint32_t)strtoul(argv[3], NULL, 10));
    storm_destroy(&t->storm);
    const int stopped = bench_venue_stop(&t->venue);
    return code != ARGS_OK || stopped != ARGS_OK || t->failures > 0 ? 1 : 0;
}
