/* consumers.c - see consumers.h. */
#include "tests/overload/consumers.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "deploy/cli/args.h"
#include "tests/overload/gauge.h"
#include "tests/overload/mute.h"
#include "tests/overload/storm.h"

enum {
    BASE_MS = 2000,
    SLOW_MS = 5000,
    STEP_MS = 100,
    CRAWL_MS = 20, /* of each step it may run */
    CATCH_UP_MS = 30000,
    NEAR = 20000, /* records: it has caught up */
    SLICES_MAX = 256,
    SETTLEMENT = 3, /* in the order of gauge.h */
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

static const struct patient patients[] = {
    {.what = "settlement stands still", .service = SETTLEMENT},
    {.what = "portfolio stands still", .service = PORTFOLIO},
    {.what = "portfolio crawls", .service = PORTFOLIO, .crawls = true},
    {.what = "a second gateway stands still", .service = OTHER_GATEWAY},
    {.what = "16 clients do not read", .service = NOBODY, .mute = true},
};

static int compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The median of the p99 of each tenth of a second: what else the machine does in some of
 * them does not count. */
static uint64_t typical_p99_us(const struct storm *storm, uint32_t from, uint32_t to)
{
    uint64_t p99[SLICES_MAX] = {0};
    struct storm_slice s;
    uint32_t count = 0;
    for (uint32_t i = from; i < to && count < SLICES_MAX; i++) {
        storm_sum(storm, i, i + 1, &s);
        p99[count++] = histogram_per_mille_ns(&s.outcome, 990) / 1000;
    }
    qsort(p99, count, sizeof *p99, compare);
    return p99[count / 2];
}

static void send_signal(const struct consumers *c, uint32_t service, int number)
{
    if (service < GAUGE_SERVICES && c->pids[service] > 0)
        kill(c->pids[service], number);
}

/* Half the capacity, with the patient as it is; its typical p99 once all is answered. */
static int run(const struct consumers *c, const struct patient *p, uint32_t time_ms,
               struct gauge *gauge)
{
    int code = ARGS_OK;
    for (uint32_t i = 0; i < time_ms / STEP_MS && code == ARGS_OK; i++) {
        if (p != NULL && p->crawls) {
            send_signal(c, p->service, SIGCONT);
            code = storm_run(c->storm, CRAWL_MS);
            send_signal(c, p->service, SIGSTOP);
        }
        if (code == ARGS_OK)
            code = storm_run(c->storm, STEP_MS - (p != NULL && p->crawls ? CRAWL_MS : 0));
        gauge_take(gauge, c->pids);
    }
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

static void say(const struct patient *p, uint64_t base_us, uint64_t p99_us,
                uint64_t back_ms, uint64_t grown)
{
    const double ratio = base_us > 0 ? (double)p99_us / (double)base_us : 0;
    printf("%-30s %10" PRIu64 " %10" PRIu64 " %7.2f  <= 1.10 %-6s  %8" PRIu64 " %9" PRIu64
           "\n",
           p->what, p99_us, base_us, ratio, ratio <= 1.1 ? "met" : "missed", back_ms,
           grown / MB);
    fflush(stdout);
}

static uint64_t growth(const struct gauge *before, const struct gauge *after)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < GAUGE_SERVICES; i++)
        if (after->most[i] > before->now[i] + most)
            most = after->most[i] - before->now[i];
    return most;
}

static int treat(const struct consumers *c, const struct patient *p, uint32_t *failures)
{
    struct gauge before = {.now = {0}}, during = {.now = {0}};
    struct mute mute = {.context = NULL};
    uint64_t back_ms = 0;
    storm_offer(c->storm, c->rate);
    const uint32_t from = storm_now(c->storm) + 1;
    int code = run(c, NULL, BASE_MS, &before);
    const uint32_t middle = storm_now(c->storm) + 1;
    if (p->mute && !mute_begin(&mute, c->address, FIRST_ACCOUNT))
        code = args_fail("no more clients connect");
    send_signal(c, p->service, SIGSTOP);
    if (code == ARGS_OK)
        code = run(c, p, SLOW_MS, &during);
    const uint32_t to = storm_now(c->storm);
    send_signal(c, p->service, SIGCONT);
    if (code == ARGS_OK)
        code = catch_up(c, &back_ms);
    if (p->mute)
        mute_end(&mute);
    if (code == ARGS_OK)
        code = storm_drain(c->storm, STORM_DRAIN_MS);
    const uint64_t grown = growth(&before, &during);
    say(p, typical_p99_us(c->storm, from, middle - 1),
        typical_p99_us(c->storm, middle, to), back_ms, grown);
    *failures += grown >= GROWTH_MAX;
    return code;
}

int consumers_test(const struct consumers *c, uint32_t *failures)
{
    int code = ARGS_OK;
    printf("\n%-30s %10s %10s %7s  %-14s  %8s %9s\n", "at half the capacity", "p99, us",
           "before", "ratio", "mark", "back, ms", "grown, MB");
    for (uint32_t i = 0; i < sizeof patients / sizeof *patients && code == ARGS_OK; i++)
        code = treat(c, &patients[i], failures);
    return code;
}
