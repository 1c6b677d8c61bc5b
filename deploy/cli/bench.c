/* bench.c - the whole path measured, beside the floors of the same run. */
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/service_setup.h"
#include "deploy/cli/args.h"
#include "deploy/cli/bench_client.h"
#include "deploy/cli/bench_floor.h"
#include "deploy/cli/bench_restart.h"
#include "deploy/cli/bench_venue.h"
#include "deploy/cli/commands.h"

enum {
    PATH_SIZE = 256,
    LOADS = 5,
    WINDOW_1 = 0,
    SINGLE_1024 = 2,
    BATCH_1024 = 3,
    FULL = 4,
    RECORDS = 10000000,
};

static const char *const flags[] = {"seed=", "ms=", "mode=", "window=", "records=", NULL};

struct floors {
    uint64_t sync_ns, ipc_ns, redis;
};

struct bench {
    char directory[PATH_SIZE];
    uint64_t seed;
    uint32_t time_ms;
    uint64_t window;  /* only loads of this window; 0: all */
    const char *mode; /* layouts to run: "threads", "processes"; NULL: both */
    struct floors floors;
    struct bench_result results[2][2][LOADS]; /* threads, durable */
    struct bench_restart restart;
    uint64_t records, restart_ns; /* in the log when the venue crashes; 0: it does not */
    uint64_t cpu_ns[2];           /* per command, of SINGLE_1024, durable */
};

/* Whoever sends many orders in a frame has few connections, and several frames under way
 * on each; one order a frame is pipelined as redis-benchmark does it, 16 x 64. */
static const struct bench_load loads[LOADS] = {
    {.window = 1, .connections = 1, .per_frame = 1},
    {.window = 64, .connections = 16, .per_frame = 1},
    {.window = 1024, .connections = 16, .per_frame = 1},
    {.window = 1024, .connections = 4, .per_frame = 64},
    {.window = 16384, .connections = 4, .per_frame = 1024},
};

static uint64_t rate(const struct bench_result *result)
{
    return result->elapsed_ns == 0
               ? 0
               : result->commands * UINT64_C(1000000000) / result->elapsed_ns;
}

/* ---- the runs ---------------------------------------------------------------------- */

static uint64_t print_cpu(const struct bench_venue_cpu *before,
                          const struct bench_venue_cpu *after, uint64_t commands)
{
    uint64_t sum = 0;
    printf("    CPU ns per command:");
    for (uint32_t i = 0; after->names[i] != NULL; i++) {
        uint64_t each = (after->used_ns[i] - before->used_ns[i]) / commands;
        printf(" %s %" PRIu64, after->names[i], each);
        sum += each;
    }
    printf(", all %" PRIu64 "\n", sum);
    return sum;
}

static int run_load(struct bench *self, struct bench_venue *venue,
                    struct bench_client *client, bool threads, bool durable, uint32_t i)
{
    struct bench_load load = loads[i];
    load.time_ms = self->time_ms;
    struct bench_result *result = &self->results[threads][durable][i];
    struct bench_venue_cpu before, after;
    if (self->window != 0 && self->window != load.window)
        return ARGS_OK;
    bench_venue_pin(venue, i == WINDOW_1);
    bench_venue_measure(venue, &before);
    int code = bench_client_run(client, &load, result);
    bench_venue_measure(venue, &after);
    bench_venue_pin(venue, false);
    if (code != ARGS_OK || result->commands == 0)
        return code;
    printf("  window %5u on %2u connections, %4u a frame: %8" PRIu64 " commands/s",
           load.window, load.connections, load.per_frame, rate(result));
    if (i == WINDOW_1)
        printf("  p50 %" PRIu64 " us  p99 %" PRIu64 " us (pinned)", result->p50_ns / 1000,
               result->p99_ns / 1000);
    printf("  lag at the end: settlement %" PRIu64 ", portfolio %" PRIu64 " records\n",
           result->settlement_lag, result->portfolio_lag);
    uint64_t cpu_ns = print_cpu(&before, &after, result->commands);
    if (i == SINGLE_1024 && durable)
        self->cpu_ns[threads] = cpu_ns;
    fflush(stdout);
    return ARGS_OK;
}

/* All processes end at once; how long until the venue is as it was. */
static int run_crash(struct bench *self, struct bench_venue *venue,
                     struct bench_client *client)
{
    struct bench_load load = loads[FULL];
    load.time_ms = self->time_ms;
    if (self->records == 0)
        return ARGS_OK;
    int code = bench_client_fill(client, &load, self->records);
    if (code == ARGS_OK)
        code = bench_venue_crash(venue);
    if (code == ARGS_OK)
        code = bench_restart_await(bench_venue_address(venue), BENCH_VENUE_SERVICES,
                                   &self->restart_ns);
    if (code == ARGS_OK)
        printf("  all killed at %" PRIu64 " records, all ready again after %.2f s\n",
               bench_client_log_next(client), (double)self->restart_ns / 1e9);
    return code;
}

static int run_restart(struct bench *self, struct bench_venue *venue,
                       const char *directory)
{
    struct bench_restart *r = &self->restart;
    bench_venue_kill_shard(venue);
    int code = bench_restart_shard(directory, r);
    if (code == ARGS_OK)
        code = bench_venue_start_shard(venue);
    if (code == ARGS_OK)
        printf("  the shard, killed, replays %" PRIu64
               " records of its journal in %.1f ms\n",
               r->records, (double)r->elapsed_ns / 1e6);
    return code;
}

static int run_faults(struct bench *self, struct bench_venue *venue,
                      struct bench_client *client, const char *directory)
{
    int code = run_restart(self, venue, directory);
    return code == ARGS_OK ? run_crash(self, venue, client) : code;
}

static int run_venue(struct bench *self, bool threads, bool durable)
{
    char directory[PATH_SIZE + 16];
    struct bench_venue *venue = NULL;
    struct bench_client *client = NULL;
    const char *layout = threads ? "threads" : "processes";
    if (self->mode != NULL && strcmp(self->mode, layout) != 0)
        return ARGS_OK;
    snprintf(directory, sizeof directory, "%s/%d%d", self->directory, threads, durable);
    printf("%s, %s\n",
           threads ? "all in one process, its client too, a thread each"
                   : "a process per service",
           durable ? "durable" : "not durable");
    const struct bench_venue_options options = {
        .directory = directory, .threads = threads, .durable = durable};
    int code = bench_venue_start(&venue, &options);
    if (code == ARGS_OK)
        code = bench_client_create(&client, bench_venue_address(venue),
                                   bench_venue_context(venue), self->seed);
    for (uint32_t i = 0; i < LOADS && code == ARGS_OK; i++)
        code = run_load(self, venue, client, threads, durable, i);
    if (code == ARGS_OK && !threads && durable)
        code = run_faults(self, venue, client, directory);
    bench_client_destroy(&client);
    int stopped = bench_venue_stop(&venue);
    return code != ARGS_OK ? code : stopped;
}

static void measure_floors(struct bench *self)
{
    struct floors *f = &self->floors;
    bench_venue_pin(NULL, true);
    f->sync_ns = bench_floor_sync_ns(self->directory);
    f->ipc_ns = bench_floor_ipc_ns(self->directory);
    bench_venue_pin(NULL, false);
    f->redis = bench_floor_redis(self->directory);
    printf(
        "floors: write + fdatasync %.1f us, ipc round trip %.1f us (pinned), Redis SET "
        "100 B, appendfsync always, 16 x 64: ",
        (double)f->sync_ns / 1000, (double)f->ipc_ns / 1000);
    if (f->redis > 0)
        printf("%" PRIu64 "/s\n", f->redis);
    else
        printf("skipped, not installed\n");
    fflush(stdout);
}

/* ---- the table --------------------------------------------------------------------- */

/* `at_least`: the mark is a floor of the ratio, else its ceiling. */
static void print_mark(const char *what, const char *layout, double figure, double floor,
                       double mark, bool at_least)
{
    if (figure <= 0 || floor <= 0)
        return;
    double ratio = figure / floor;
    bool met = at_least ? ratio >= mark : ratio <= mark;
    printf("%-46s %-9s %12.1f %12.1f %7.2f  %s %.2f %s\n", what, layout, figure, floor,
           ratio, at_least ? ">=" : "<=", mark, met ? "met" : "missed");
}

static void print_marks(const struct bench *self, bool threads)
{
    const struct bench_result *r = self->results[threads][true];
    const struct floors *f = &self->floors;
    const char *layout = threads ? "threads" : "processes";
    double single = (double)rate(&r[SINGLE_1024]), redis = (double)f->redis;
    double budget_us =
        ((threads ? 10.0 : 15.0) * (double)f->ipc_ns + 5.0 * (double)f->sync_ns) / 1000;
    print_mark("window 1024, one a frame / Redis", layout, single, redis, 0.4, true);
    print_mark("window 1024, 64 a frame / Redis", layout, (double)rate(&r[BATCH_1024]),
               redis, 0.6, true);
    print_mark(threads ? "p50 window 1, us / (10 ipc + 5 fdatasync)"
                       : "p50 window 1, us / (15 ipc + 5 fdatasync)",
               layout, (double)r[WINDOW_1].p50_ns / 1000, budget_us, 1.0, false);
    print_mark("window 1024: durable / not durable", layout, single,
               (double)rate(&self->results[threads][false][SINGLE_1024]), 0.5, true);
    print_mark("CPU per command, window 1024 / us", layout,
               (double)self->cpu_ns[threads] / 1000, 1.0, 4.0, false);
}

/* ---- the command ------------------------------------------------------------------- */

static int erase(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static void stop(int number)
{
    (void)number;
    bench_client_interrupt();
}

int command_bench(int argc, char **argv)
{
    static struct bench self;
    struct args args;
    uint64_t time_ms;
    if (args_parse(&args, argc, argv, flags) != ARGS_OK ||
        !args_words(&args, 0, 0, "bench") ||
        !args_number(&args, "seed", 42, &self.seed) ||
        !args_number_in(&args, "ms", 2000, 1, 60000, &time_ms) ||
        !args_number(&args, "window", 0, &self.window) ||
        !args_number(&args, "records", self.window == 0 ? RECORDS : 0, &self.records))
        return ARGS_USAGE;
    self.time_ms = (uint32_t)time_ms;
    self.mode = args_flag(&args, "mode");
    if (self.mode != NULL && strcmp(self.mode, "processes") != 0 &&
        strcmp(self.mode, "threads") != 0)
        return args_usage("--mode processes|threads");
    const char *parent = getenv("TMPDIR"); /* a real disk, please: syncs are measured */
    snprintf(self.directory, sizeof self.directory, "%.160s/zex-bench-XXXXXX",
             parent != NULL ? parent : "/var/tmp");
    if (mkdtemp(self.directory) == NULL)
        return args_fail("cannot make %s", self.directory);
    log_set_level(LOG_LEVEL_ERROR);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    measure_floors(&self);
    service_setup_process(); /* as those it talks to; Redis has its own way */
    int code = ARGS_OK;
    for (int i = 0; i < 4 && code == ARGS_OK; i++)
        code = run_venue(&self, i / 2 != 0, i % 2 != 0);
    printf("\n%-46s %-9s %12s %12s %7s  first mark\n", "figure", "layout", "figure",
           "floor", "ratio");
    print_marks(&self, false);
    print_marks(&self, true);
    print_mark("the shard's replay, records/s / 1 M", "alone",
               (double)self.restart.records, (double)self.restart.elapsed_ns / 1000, 2.0,
               true);
    print_mark("all killed, all ready again / s", "processes",
               (double)self.restart_ns / 1e9, 1.0, 10.0, false);
    nftw(self.directory, erase, 16, FTW_DEPTH | FTW_PHYS);
    return code;
}
