/* main.c - one seed, a range, those of a file, or each ablation. */
#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/ablate.h"
#include "common/check.h"
#include "common/error.h"
#include "common/invariants.h"
#include "tests/sim/ablation.h"
#include "tests/sim/crash.h"
#include "tests/sim/crew.h"
#include "tests/sim/sim.h"
#include "tests/sim/transcript.h"

enum {
    MARKS_SEEDS = 400, /* fewer may miss a mark */
    MARKS_SHARE = 20,  /* of so many seeds, one event */
    TEST_SEEDS = 60,
    CRASH_SEED = 1,
};

static struct sim sim;
static bool is_verbose, is_terse; /* terse: an ablation is expected to fail */

/* ---- one seed ---------------------------------------------------------------------- */

static void tell_repeat(uint64_t seed)
{
    printf("repeat: make sim SEED=%" PRIu64 " COMMANDS=%" PRIu32 " VERBOSE=1\n", seed,
           plan_commands);
    fflush(stdout);
}

static void tell_failure(const char *what, const char *more)
{
    if (is_terse)
        return;
    printf("seed=%" PRIu64 " step=%" PRIu32 " node=%" PRIu32 " broken=\"%s%s%s\"\n",
           sim.plan.seed, sim.step, sim.node, what, *more != 0 ? ": " : "", more);
    tell_repeat(sim.plan.seed);
}

/* A CHECK of the product failed: it has printed where. */
static void on_abort(int number)
{
    (void)number;
    tell_failure("CHECK", "");
    _exit(2);
}

/* I11: of a whole run none is left open. */
static uint32_t count_files(void)
{
    uint32_t count = 0;
    DIR *listing = opendir("/proc/self/fd");
    CHECK(listing != NULL);
    while (readdir(listing) != NULL)
        count++;
    closedir(listing);
    return count;
}

static void run_seed(uint64_t seed, struct crew_outcome *o)
{
    uint32_t files = count_files();
    signal(SIGABRT, on_abort);
    if (is_verbose)
        transcript_begin(&sim);
    if (is_terse)
        (void)!freopen("/dev/null", "w", stderr);
    sim_run(&sim, seed);
    if (sim.broken != NULL)
        tell_failure(sim.broken, sim.error != 0 ? error_name(sim.error) : "");
    o->trace = sim_trace(&sim);
    o->records = sim.archive.count;
    o->commands = sim.archive.command_count;
    o->steps = sim.step;
    memcpy(o->marks, marks, sizeof o->marks);
    memcpy(o->faults, faults, sizeof o->faults);
    sim_close(&sim);
    const char *leak = sim.broken == NULL ? invariants_bound(count_files(), files,
                                                             "I11: a file left open")
                                          : NULL;
    if (leak != NULL)
        tell_failure(leak, "");
    o->held = sim.broken == NULL && leak == NULL;
}

/* ---- many seeds -------------------------------------------------------------------- */

struct total {
    struct crew_outcome sum;
    uint64_t seeds, failed, steps;
};

static bool add(void *context, const struct crew_outcome *one)
{
    struct total *total = context;
    total->seeds++;
    total->failed += !one->held;
    total->steps += one->steps;
    total->sum.records += one->records;
    total->sum.commands += one->commands;
    total->sum.trace += one->trace; /* workers come in any order */
    for (uint32_t i = 0; i < MARKS_COUNT; i++)
        total->sum.marks[i] += one->marks[i];
    for (uint32_t i = 0; i < FAULT_COUNT; i++)
        total->sum.faults[i] += one->faults[i];
    return true;
}

/* True if every one of these events was seen, where there were seeds enough. */
static bool tell_counts(const struct total *total, const uint32_t *counts, uint32_t count,
                        const char *(*text)(uint32_t))
{
    bool complete = true;
    if (total->seeds < MARKS_SEEDS)
        return true;
    printf("sim: seen:");
    for (uint32_t i = 0; i < count; i++)
        printf(" %s=%" PRIu32, text(i), counts[i]);
    printf("\n");
    for (uint32_t i = 0; i < count; i++) {
        if (counts[i] >= total->seeds / MARKS_SHARE)
            continue;
        printf("sim: seen too seldom: %s\n", text(i));
        complete = false;
    }
    return complete;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int run_range(uint64_t first, uint64_t last)
{
    struct total total = {.seeds = 0};
    uint64_t began_ms = now_ms();
    (void)crew_run(&(struct crew_work){.first = first,
                                       .last = last,
                                       .run = run_seed,
                                       .repeat = tell_repeat,
                                       .hear = add,
                                       .context = &total});
    uint64_t took_ms = now_ms() - began_ms + 1;
    bool complete = tell_counts(&total, total.sum.marks, MARKS_COUNT, marks_text);
    complete =
        tell_counts(&total, total.sum.faults, FAULT_COUNT, faults_text) && complete;
    printf("sim: %" PRIu64 " seeds, %" PRIu64 " failed; %" PRIu64 " commands, %" PRIu64
           " records, %" PRIu64 " steps, trace %016" PRIx64 "; %" PRIu64
           " commands/s in %" PRIu64 " s\n",
           total.seeds, total.failed, total.sum.commands, total.sum.records, total.steps,
           total.sum.trace, total.sum.commands * 1000 / took_ms, took_ms / 1000);
    return total.failed == 0 && complete ? 0 : 1;
}

/* The same seeds in other processes, behind other seeds, are the same worlds. */
static int run_twice(uint64_t first, uint64_t last)
{
    struct total a = {.seeds = 0}, b = {.seeds = 0};
    struct crew_work work = {.first = first,
                             .last = last,
                             .workers = 1,
                             .run = run_seed,
                             .repeat = tell_repeat,
                             .hear = add,
                             .context = &a};
    (void)crew_run(&work);
    work.workers = 3;
    work.context = &b;
    (void)crew_run(&work);
    bool same = a.failed + b.failed == 0 && a.sum.trace == b.sum.trace;
    printf("sim: seeds %" PRIu64 "..%" PRIu64 " twice: %s (%016" PRIx64 ")\n", first,
           last, same ? "same trace" : "DIFFERENT", a.sum.trace);
    return same ? 0 : 1;
}

/* A line: seed, commands, why. */
static int run_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[256];
    struct total total = {.seeds = 0};
    if (file == NULL)
        return 1;
    while (fgets(line, sizeof line, file) != NULL) {
        char *rest, *end;
        uint64_t seed = strtoull(line, &rest, 10);
        uint32_t commands = (uint32_t)strtoul(rest, &end, 10);
        if (end == rest)
            continue;
        plan_commands = commands;
        (void)crew_run(&(struct crew_work){.first = seed,
                                           .last = seed,
                                           .run = run_seed,
                                           .repeat = tell_repeat,
                                           .hear = add,
                                           .context = &total});
    }
    plan_commands = PLAN_COMMANDS;
    fclose(file);
    printf("sim: %" PRIu64 " seeds of %s: %" PRIu64 " failed\n", total.seeds, path,
           total.failed);
    return total.failed == 0 ? 0 : 1;
}

/* ---- ablations --------------------------------------------------------------------- */

static void run_expecting(uint64_t seed, struct crew_outcome *o)
{
    is_terse = ablate_chosen != ABLATE_NOTHING;
    run_seed(seed, o);
}

static int ablate(const char *name, uint64_t first, uint64_t last)
{
    return ablation_choose(name) ? run_range(first, last) : 2;
}

/* ---- arguments --------------------------------------------------------------------- */

/* What `make test` runs: every seed that once failed, some twice, some fresh ones. */
static int run_tests(void)
{
    int failed = run_file("tests/sim/seeds.txt");
    failed += run_twice(3, 11);
    failed += run_range(1, TEST_SEEDS);
    return failed == 0 ? 0 : 1;
}

static uint32_t number(const char *text)
{
    unsigned long value = strtoul(text, NULL, 10);
    return value == 0 ? 1 : (uint32_t)value;
}

static int crash(const char *service, const char *operation)
{
    return crash_at(CRASH_SEED, service, number(operation));
}

static bool read_range(const char *text, uint64_t *first, uint64_t *last)
{
    char *rest;
    *first = *last = strtoull(text, &rest, 10);
    if (rest == text)
        return false;
    if (strncmp(rest, "..", 2) == 0)
        *last = strtoull(rest + 2, &rest, 10);
    return *rest == 0 && *first <= *last;
}

int main(int argc, char **argv)
{
    uint64_t first, last;
    mallopt(M_TRIM_THRESHOLD, INT_MAX); /* the next world takes what this one frees */
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_TOP_PAD, 64 << 20);
    is_verbose = getenv("VERBOSE") != NULL && *getenv("VERBOSE") != 0;
    const char *commands = getenv("COMMANDS");
    if (commands != NULL && *commands != 0)
        plan_commands = number(commands);
    if (argc == 2 && strcmp(argv[1], "--ablate") == 0)
        return ablation_each("tests/sim/ablations.txt", run_expecting) == 0 ? 0 : 1;
    if (argc == 4 && strcmp(argv[1], "--ablate") == 0 &&
        read_range(argv[3], &first, &last))
        return ablate(argv[2], first, last);
    if (argc == 4 && strcmp(argv[1], "--crash") == 0)
        return crash(argv[2], argv[3]);
    if (argc == 3 && strcmp(argv[1], "--crashes") == 0)
        return crash_each(CRASH_SEED, number(argv[2])) == 0 ? 0 : 1;
    if (argc == 1)
        return run_tests();
    if (argc == 3 && strcmp(argv[1], "--seeds") == 0)
        return run_file(argv[2]);
    if (argc == 3 && strcmp(argv[1], "--twice") == 0 &&
        read_range(argv[2], &first, &last))
        return run_twice(first, last);
    if (argc == 2 && read_range(argv[1], &first, &last))
        return run_range(first, last);
    fprintf(stderr,
            "usage: sim | SEED | FIRST..LAST | --seeds FILE | --twice FIRST..LAST\n"
            "       --ablate | --ablate NAME FIRST..LAST\n"
            "       --crashes STRIDE | --crash SERVICE OPERATION\n");
    return 2;
}
