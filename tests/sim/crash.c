/* crash.c - one process a service goes through the day, and forks. */
#include "tests/sim/crash.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "common/error.h"
#include "tests/sim/crew.h"
#include "tests/sim/files.h"
#include "tests/sim/power.h"
#include "tests/sim/sim.h"
#include "tests/sim/transcript.h"

enum {
    AFTER_STEPS = 60,   /* the day goes on for so long */
    AGAIN_EVERY = 4,    /* crashes, one that others follow */
    AGAIN_PPM = 100000, /* ... so often */
    SERVICES = 6,
};

/* One of each kind. */
static const uint32_t nodes[SERVICES] = {VENUE_SEQUENCER, VENUE_RISK,  VENUE_SETTLEMENT,
                                         VENUE_PORTFOLIO, VENUE_SHARD, VENUE_GATEWAY};
static const char *const names[SERVICES] = {"sequencer", "risk",    "settlement",
                                            "portfolio", "shard-0", "gateway-0"};

static struct sim sim;
static uint64_t seed;
static uint32_t stride, only; /* only: this operation, in this process; 0: each, forked */
static uint32_t service, operation, tried, failed;
static bool is_copy;

/* From here on this world is the one in which it happened. */
static void begin_copy(void)
{
    is_copy = true;
    power_watch(NULL);
    random_init(&sim.random, seed * 1000003 + operation);
    sim.plan.steps = sim.step + AFTER_STEPS;
    if (operation % AGAIN_EVERY == 0)
        sim.plan.cut_ppm = AGAIN_PPM;
}

static bool at_write(uint32_t node)
{
    int status = 0;
    if (node != nodes[service] || sim.calm)
        return false;
    operation++;
    if (only != 0 ? operation != only : operation % stride != 0)
        return false;
    fflush(NULL);
    pid_t copy = only != 0 ? 0 : fork();
    CHECK(copy >= 0);
    if (copy == 0) {
        if (only == 0)
            files_fork();
        begin_copy();
        return true;
    }
    pid_t ended = waitpid(copy, &status, 0);
    CHECK(ended == copy);
    files_sweep(copy);
    tried++;
    if (WIFSIGNALED(status))
        printf("%s, operation %" PRIu32 ": signal %d\n", names[service], operation,
               WTERMSIG(status));
    failed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    return false;
}

static void tell(const char *broken, const char *more)
{
    printf("crash of %s at its operation %" PRIu32 ": step=%" PRIu32 " node=%" PRIu32
           " broken=\"%s%s%s\"\n",
           names[service], operation, sim.step, sim.node, broken, *more != 0 ? ": " : "",
           more);
    printf("repeat: make crashes AT=\"%s %" PRIu32 "\" VERBOSE=1\n", names[service],
           operation);
    fflush(stdout);
}

static void on_abort(int number)
{
    (void)number;
    tell("CHECK", "");
    _exit(2);
}

static void run_day(void)
{
    struct plan plan;
    signal(SIGABRT, on_abort);
    operation = tried = failed = 0;
    plan_draw_fair(&plan, seed);
    if (getenv("VERBOSE") != NULL && *getenv("VERBOSE") != 0)
        transcript_begin(&sim);
    power_watch(at_write);
    sim_run_plan(&sim, &plan);
    power_watch(NULL);
    if (sim.broken != NULL)
        tell(sim.broken, sim.error != 0 ? error_name(sim.error) : "");
}

/* A worker's part: all crashes of one service. */
static void run_service(uint64_t index, struct crew_outcome *o)
{
    service = (uint32_t)index;
    run_day();
    if (is_copy) {
        files_close();
        _exit(sim.broken == NULL ? 0 : 1);
    }
    printf("crash: %-10s %6" PRIu32 " disk operations, %5" PRIu32 " crashes, %" PRIu32
           " failed\n",
           names[service], operation, tried, failed);
    o->held = sim.broken == NULL && failed == 0;
    o->steps = tried;
    o->commands = sim.archive.command_count;
    sim_close(&sim);
}

struct sum {
    uint64_t crashes, commands;
    uint32_t failed;
};

static bool add(void *context, const struct crew_outcome *one)
{
    struct sum *sum = context;
    sum->crashes += one->steps;
    sum->commands = one->commands;
    sum->failed += !one->held;
    return true;
}

uint32_t crash_each(uint64_t of_seed, uint32_t every)
{
    struct sum sum = {.crashes = 0};
    seed = of_seed;
    stride = every;
    (void)crew_run(&(struct crew_work){.first = 0,
                                       .last = SERVICES - 1,
                                       .run = run_service,
                                       .hear = add,
                                       .context = &sum});
    printf("crash: %" PRIu64 " crashes of a day of %" PRIu64
           " commands, at every %" PRIu32 "th operation: %" PRIu32 " services failed\n",
           sum.crashes, sum.commands, stride, sum.failed);
    return sum.failed;
}

int crash_at(uint64_t of_seed, const char *name, uint32_t at)
{
    seed = of_seed;
    only = at;
    for (service = 0; service < SERVICES && strcmp(names[service], name) != 0;)
        service++;
    if (service == SERVICES || at == 0)
        return 2;
    run_day();
    return sim.broken == NULL ? 0 : 1;
}
