/* consumers.c - see consumers.h. */
#include "tests/overload/consumers.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "common/clock.h"
#include "deploy/cli/args.h"
#include "tests/overload/gauge.h"
#include "tests/overload/mute.h"
#include "tests/overload/storm.h"

enum {
    STRETCH_MS = 3000,
    STEP_MS = 100,
    CRAWL_MS = 20, /* of each step it may run */
    CATCH_UP_MS = 30000,
    NEAR = 20000, /* records: it has caught up */
    SLICES_MAX = 256,
    COST_PERCENT_MAX = 300,
    ENDED_PERCENT_MIN = 20, /* outcomes a second, of those before */
    SETTLEMENT = 3,         /* in the order of gauge.h */
    PORTFOLIO = 4,
    OTHER_GATEWAY = 6,
    NOBODY = GAUGE_SERVICES,
    FIRST_ACCOUNT = 16,
};

#define MB         (UINT64_C(1) << 20)
#define GROWTH_MAX (512 * MB)

struct patient {
    const char *what;
    uint32_t service;
    bool crawls; /* else it stands still */
    bool mute;   /* clients that do not read */
};

struct stretch {
    struct gauge memory;
    uint32_t from, to;       /* slices */
    uint64_t ended, path_ns; /* outcomes, and what the path to them used */
    uint64_t time_ns;
};

/* The first shows how far the figures move by themselves. */
static const struct patient patients[] = {
    {.what = "nobody is slow", .service = NOBODY},
    {.what = "settlement stands still", .service = SETTLEMENT},
    {.what = "portfolio stands still", .service = PORTFOLIO},
    {.what = "portfolio crawls", .service = PORTFOLIO, .crawls = true},
    {.what = "a second gateway stands still", .service = OTHER_GATEWAY},
    {.what = "16 clients do not read", .service = NOBODY, .mute = true},
};

/* The median of the p99 of each tenth of a second, of both stretches: what else the
 * machine does in some of them does not count. */
static uint64_t typical_p99_us(const struct storm *storm, const struct stretch *a,
                               const struct stretch *b)
{
    uint64_t p99[SLICES_MAX];
    struct storm_slice s;
    uint32_t count = 0;
    for (uint32_t i = a->from; i < b->to && count < SLICES_MAX; i++) {
        if (i >= a->to && i < b->from)
            continue;
        storm_sum(storm, i, i + 1, &s);
        p99[count++] = histogram_per_mille_ns(&s.outcome, 990) / 1000;
    }
    return histogram_median(p99, count);
}

static void send_signal(const struct consumers *c, uint32_t service, int number)
{
    if (service < GAUGE_SERVICES && c->pids[service] > 0)
        kill(c->pids[service], number);
}

/* Half the capacity, with the patient as it is. */
static int run(const struct consumers *c, const struct patient *p, uint32_t time_ms,
               struct stretch *seen)
{
    int code = ARGS_OK;
    const uint64_t ended = storm_totals(c->storm)->ended;
    const uint64_t path_ns = gauge_path_ns(c->pids);
    const uint64_t began_ns = clock_mono_ns();
    seen->from = storm_now(c->storm) + 1;
    for (uint32_t i = 0; i < time_ms / STEP_MS && code == ARGS_OK; i++) {
        if (p != NULL && p->crawls) {
            send_signal(c, p->service, SIGCONT);
            code = storm_run(c->storm, CRAWL_MS);
            send_signal(c, p->service, SIGSTOP);
        }
        if (code == ARGS_OK)
            code = storm_run(c->storm, STEP_MS - (p != NULL && p->crawls ? CRAWL_MS : 0));
        gauge_take(&seen->memory, c->pids);
    }
    seen->to = storm_now(c->storm);
    seen->ended = storm_totals(c->storm)->ended - ended;
    seen->path_ns = gauge_path_ns(c->pids) - path_ns;
    seen->time_ns = clock_mono_ns() - began_ns;
    return code;
}

/* At the same load: how long until it is near the head of the log? */
static int catch_up(const struct consumers *c, uint64_t *time_ms)
{
    const uint64_t began_ns = clock_mono_ns();
    uint64_t settlement = UINT64_MAX, portfolio = UINT64_MAX;
    int code = ARGS_OK;
    for (*time_ms = 0; code == ARGS_OK && *time_ms < CATCH_UP_MS;) {
        code = storm_run(c->storm, STEP_MS);
        if (code == ARGS_OK)
            code = storm_lags(c->storm, &settlement, &portfolio);
        *time_ms = (clock_mono_ns() - began_ns) / CLOCK_MS_NS;
        if (settlement < NEAR && portfolio < NEAR)
            return code;
    }
    return code != ARGS_OK ? code : args_fail("a consumer does not catch up");
}

static uint64_t growth(const struct gauge *before, const struct gauge *after)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < GAUGE_SERVICES; i++)
        if (after->most[i] > before->now[i] + most)
            most = after->most[i] - before->now[i];
    return most;
}

/* Without an outcome there is no cost: judge() fails before it asks. */
static uint64_t cost_ns(const struct stretch *s)
{
    return s->ended > 0 ? s->path_ns / s->ended : UINT64_MAX;
}

static uint64_t ended_per_s(const struct stretch *s)
{
    return s->time_ns > 0 ? s->ended * CLOCK_S_NS / s->time_ns : 0;
}

/* 0 also where nothing ended before: then nothing was tried. */
static uint64_t ended_percent(const struct stretch *before, const struct stretch *during)
{
    const uint64_t base = ended_per_s(before);
    return base > 0 ? ended_per_s(during) * 100 / base : 0;
}

static void say(const struct consumers *c, const struct patient *p,
                const struct stretch *before, const struct stretch *during,
                const struct stretch *after, uint64_t back_ms)
{
    const uint64_t base_us = typical_p99_us(c->storm, before, after);
    const uint64_t p99_us = typical_p99_us(c->storm, during, during);
    const double ratio = base_us > 0 ? (double)p99_us / (double)base_us : 0;
    printf("%-30s %7" PRIu64 " %7" PRIu64 " %6" PRIu64 " %8" PRIu64 " %8" PRIu64
           " %6.2f (<= 1.10 %s) %7" PRIu64 " %6" PRIu64 "\n",
           p->what, cost_ns(during), cost_ns(before), ended_percent(before, during),
           p99_us, base_us, ratio, ratio <= 1.1 ? "met" : "missed", back_ms,
           growth(&before->memory, &during->memory) / MB);
    fflush(stdout);
}

/* The load is the same, and far below what can be taken: there are outcomes, a fifth as
 * many a second at least. The path's CPU time for one is judged, not its p99: time that
 * others had the machine is in the one and not in the other. */
static void judge(const struct patient *p, const struct stretch *before,
                  const struct stretch *during, uint32_t *failures)
{
    if (growth(&before->memory, &during->memory) >= GROWTH_MAX) {
        printf("FAILED   %s: a service grows\n", p->what);
        ++*failures;
    }
    if (ended_percent(before, during) < ENDED_PERCENT_MIN) {
        printf("FAILED   %s: %" PRIu64 " outcomes a second, %" PRIu64 " before\n",
               p->what, ended_per_s(during), ended_per_s(before));
        ++*failures;
    } else if (cost_ns(during) * 100 > cost_ns(before) * COST_PERCENT_MAX) {
        printf("FAILED   %s: an outcome costs the path more\n", p->what);
        ++*failures;
    }
}

static int treat(const struct consumers *c, const struct patient *p, uint32_t *failures)
{
    struct stretch before = {.from = 0}, during = {.from = 0}, after = {.from = 0};
    struct mute mute = {.context = NULL};
    uint64_t back_ms = 0;
    storm_offer(c->storm, c->rate);
    int code = run(c, NULL, STRETCH_MS, &before);
    if (p->mute && !mute_begin(&mute, c->address, FIRST_ACCOUNT))
        code = args_fail("no more clients connect");
    send_signal(c, p->service, SIGSTOP);
    if (code == ARGS_OK)
        code = run(c, p, STRETCH_MS, &during);
    send_signal(c, p->service, SIGCONT);
    if (code == ARGS_OK)
        code = catch_up(c, &back_ms);
    if (p->mute)
        mute_end(&mute);
    if (code == ARGS_OK)
        code = run(c, NULL, STRETCH_MS, &after);
    if (code == ARGS_OK)
        code = storm_drain(c->storm, STORM_DRAIN_MS);
    if (code != ARGS_OK)
        return code;
    say(c, p, &before, &during, &after, back_ms);
    judge(p, &before, &during, failures);
    return ARGS_OK;
}

int consumers_test(const struct consumers *c, uint32_t *failures)
{
    int code = ARGS_OK;
    printf("\n%-30s %7s %7s %6s %8s %8s %6s %16s %7s %6s\n", "at half the capacity",
           "CPU, ns", "before", "done %", "p99, us", "beside", "ratio", "", "back ms",
           "MB");
    for (uint32_t i = 0; i < sizeof patients / sizeof *patients && code == ARGS_OK; i++)
        code = treat(c, &patients[i], failures);
    return code;
}
