/* overload_test.c - ten times what the venue can take, then consumers that are slow or
 * dead. DIRECTORY PROGRAMS SECONDS SEED
 *
 * What is timed is printed beside its mark and fails nothing. What fails: something
 * accepted without its outcome or with two, a refusal without a code, silence, memory
 * that grows without end, a consumer that does not catch up, a service that ends.
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
    FILL_MS = 3000,
    STEADY_MS = 4000,
    AFTER_MS = 4000,
    STEP_MS = 100,
    CALM_SLICES = 3, /* in a row: back to normal */
};

#define MB             (UINT64_C(1) << 20)
#define GROWTH_MAX     (512 * MB) /* of one service, in one phase */
#define SILENCE_NS_MAX (5000 * (uint64_t)CLOCK_MS_NS)

struct test {
    struct bench_venue *venue;
    struct storm *storm;
    pid_t pids[GAUGE_SERVICES];
    uint64_t capacity; /* outcomes a second */
    uint64_t sync_ns, back_ms;
    struct storm_slice steady, peak; /* at 80 %, at 10 x */
    uint32_t steady_ms, peak_ms, failures;
    struct gauge before, after; /* the ten times */
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
    printf("%-6s due %" PRIu64 "/s, sent %" PRIu64 "/s, refused %" PRIu64
           "/s, outcomes %" PRIu64 "/s; accepted p50 %" PRIu64 " p99 %" PRIu64
           " us, outcome p50 %" PRIu64 " p99 %" PRIu64 " us\n",
           what, s->due * 1000 / time_ms, s->sent * 1000 / time_ms,
           (s->sent - s->accepted.count) * 1000 / time_ms, s->ended * 1000 / time_ms,
           histogram_per_mille_ns(&s->accepted, 500) / 1000, p99_us(&s->accepted),
           histogram_per_mille_ns(&s->outcome, 500) / 1000, p99_us(&s->outcome));
    fflush(stdout);
}

/* ---- the phases -------------------------------------------------------------------- */

static int measure_capacity(struct test *t)
{
    struct storm_slice s;
    int code = storm_fill(t->storm, WINDOW, FILL_MS / 3); /* warms up */
    const uint32_t from = storm_now(t->storm) + 1;
    if (code == ARGS_OK)
        code = storm_fill(t->storm, WINDOW, FILL_MS + STEP_MS);
    const uint32_t to = from + FILL_MS / STEP_MS - 1;
    storm_sum(t->storm, from, to, &s);
    t->capacity = s.ended * 1000 / ((to - from) * STEP_MS);
    printf("capacity %" PRIu64 " commands/s: closed loop, window %d, 16 connections\n",
           t->capacity, WINDOW);
    return code;
}

/* Open loop for so long; what was seen, less the ends. */
static int run(struct test *t, uint64_t rate, uint32_t time_ms, struct storm_slice *sum,
               uint32_t *sum_ms)
{
    struct gauge gauge = {.now = {0}};
    const uint32_t from = storm_now(t->storm) + 1;
    int code = ARGS_OK;
    storm_offer(t->storm, rate);
    for (uint32_t i = 0; i < time_ms / STEP_MS && code == ARGS_OK; i++) {
        code = storm_run(t->storm, STEP_MS);
        gauge_take(&gauge, t->pids);
    }
    const uint32_t to = storm_now(t->storm);
    storm_sum(t->storm, from, to, sum);
    *sum_ms = (to - from) * STEP_MS;
    t->after = gauge;
    return code;
}

static int measure_steady(struct test *t)
{
    int code = run(t, t->capacity * 8 / 10, STEADY_MS, &t->steady, &t->steady_ms);
    if (code == ARGS_OK)
        code = storm_drain(t->storm, STORM_DRAIN_MS);
    storm_sum(t->storm, storm_now(t->storm) - STEADY_MS / STEP_MS, storm_now(t->storm),
              &t->steady); /* with the latencies of the last ones */
    t->steady_ms = STEADY_MS;
    return code;
}

/* Ten times, then 80 % at once: when is it as it was before? */
static int measure_storm(struct test *t, uint32_t seconds)
{
    struct storm_slice s;
    uint32_t s_ms;
    gauge_take(&t->before, t->pids);
    const uint32_t from = storm_now(t->storm) + 1;
    int code = run(t, t->capacity * TIMES, seconds * 1000, &t->peak, &t->peak_ms);
    const struct gauge gauge = t->after;
    const uint32_t end = storm_now(t->storm);
    if (code == ARGS_OK)
        code = run(t, t->capacity * 8 / 10, AFTER_MS, &s, &s_ms);
    t->after = gauge;
    if (code == ARGS_OK)
        code = storm_drain(t->storm, STORM_DRAIN_MS);
    storm_sum(t->storm, from, end, &t->peak);
    t->peak_ms = (end - from) * STEP_MS;
    uint32_t calm = 0, at = end;
    for (; at < end + AFTER_MS / STEP_MS && calm < CALM_SLICES; at++) {
        storm_sum(t->storm, at, at + 1, &s);
        calm = p99_us(&s.accepted) <= 2 * p99_us(&t->steady.accepted) ? calm + 1 : 0;
    }
    t->back_ms = (at - end - (calm < CALM_SLICES ? 0 : CALM_SLICES)) * STEP_MS;
    return code;
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
    printf("memory, MB, before and at most during the ten times:");
    for (uint32_t i = 0; i < GAUGE_SERVICES && t->before.now[i] > 0; i++)
        printf(" %s %" PRIu64 " %" PRIu64, gauge_names[i], t->before.now[i] / MB,
               t->after.most[i] / MB);
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

static void print_marks(const struct test *t)
{
    printf("\n%-44s %10s %10s %7s  mark\n", "figure", "figure", "floor", "ratio");
    print_mark("goodput at 10 x / capacity, per second",
               (double)t->peak.ended * 1000 / t->peak_ms, (double)t->capacity, 0.9, true);
    print_mark("p99 of the accepted at 10 x / at 80 %, us",
               (double)p99_us(&t->peak.accepted), (double)p99_us(&t->steady.accepted), 2,
               false);
    print_mark("p99 of outcomes at 10 x / at 80 %, us", (double)p99_us(&t->peak.outcome),
               (double)p99_us(&t->steady.outcome), 2, false);
    print_mark("back to normal after, ms / 1000", (double)t->back_ms, 1000, 2, false);
    print_mark("p99 of the accepted at 80 % / fdatasync, us",
               (double)p99_us(&t->steady.accepted), (double)t->sync_ns / 1000, 100,
               false);
}

static void check_all(struct test *t)
{
    const struct storm_totals *o = storm_totals(t->storm);
    bool bounded = true;
    for (uint32_t i = 0; i < GAUGE_SERVICES; i++)
        bounded = bounded && t->after.most[i] < t->before.now[i] + GROWTH_MAX;
    expect(t, o->accepted == o->ended, "what was accepted has its outcome, once");
    expect(t, o->codeless == 0, "every refusal has a code");
    expect(t, o->silence_ns < SILENCE_NS_MAX, "no session waits 5 s for an answer");
    expect(t, bounded, "no service grows by 512 MB under ten times the load");
}

static int measure(struct test *t, const char *directory, uint32_t seconds)
{
    t->sync_ns = bench_floor_sync_ns(directory);
    int code = measure_capacity(t);
    if (code == ARGS_OK)
        code = measure_steady(t);
    if (code == ARGS_OK)
        code = measure_storm(t, seconds);
    if (code != ARGS_OK)
        return code;
    print_slice("80 %", &t->steady, t->steady_ms);
    print_slice("10 x", &t->peak, t->peak_ms);
    print_refusals(storm_totals(t->storm));
    print_memory(t);
    print_marks(t);
    const struct consumers consumers = {.storm = t->storm,
                                        .pids = t->pids,
                                        .address = bench_venue_address(t->venue),
                                        .rate = t->capacity / 2};
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
                                              {"busy_ms", "20"},
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
