/* bench.c - end to end: a client, six services, one log; beside the floors of this run. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "deploy/cli/bench_floor.h"
#include "deploy/cli/bench_load.h"
#include "deploy/cli/commands.h"
#include "deploy/cli/venue_process.h"

enum { SERVICES = 6, PATH_SIZE = 4096, START_MS = 20000, SEED = 42 };

static const char *const services[SERVICES] = {"sequencer",  "risk",      "shard",
                                               "settlement", "portfolio", "gateway"};

/* A venue under measurement: threads of this process, or processes. */
struct subject {
    bool processes, durable;
    char directory[PATH_SIZE], gateway[PATH_SIZE + 32];
    struct venue_process *venue;
    pid_t pids[SERVICES];
    uint64_t cpu_ns[SERVICES];
};

static struct {
    uint64_t sync_ns, ipc_ns, redis;
} floors;

/* ---- a venue of processes ---------------------------------------------------------- */

static void exec_service(const struct subject *subject, int i)
{
    char path[PATH_SIZE], base[PATH_SIZE + 16], endpoint[PATH_SIZE + 64];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 32);
    if (size < 0)
        _exit(127);
    path[size] = 0;
    snprintf(strrchr(path, '/') + 1, 32, "zex-%s", services[i]);
    snprintf(base, sizeof base, "ipc://%s", subject->directory);
    static const char *const names[] = {"SEQUENCER", "SEQUENCER_PUB", "RISK",
                                        "RISK_PUB",  "SHARD",         "SETTLEMENT",
                                        "PORTFOLIO", "GATEWAY"};
    for (size_t e = 0; e < sizeof names / sizeof *names; e++) {
        char variable[64];
        snprintf(variable, sizeof variable, "ZEX_ENDPOINT_%s", names[e]);
        snprintf(endpoint, sizeof endpoint, "%s/%s%s", base, names[e],
                 strcmp(names[e], "SHARD") == 0 ? "-%d" : "");
        setenv(variable, endpoint, 1);
    }
    execl(path, path, "--data_dir", subject->directory, "--curve=false",
          "--http_bind=", "--log_level=error", "--order_rate=10000000",
          "--order_burst=10000000", "--cancel_rate=10000000", "--cancel_burst=10000000",
          "--in_flight_max=1000000", "--window_records=131072",
          "--shard_window_records=1000000",
          subject->durable ? "--durable=true" : "--durable=false",
          i == 0 ? "--init=true" : "--init=false", (char *)NULL);
    _exit(127);
}

static int start_processes(struct subject *subject)
{
    for (int i = 0; i < SERVICES; i++) {
        subject->pids[i] = fork();
        if (subject->pids[i] == 0)
            exec_service(subject, i);
        if (subject->pids[i] < 0)
            return args_fail("cannot fork");
    }
    snprintf(subject->gateway, sizeof subject->gateway, "ipc://%s/GATEWAY",
             subject->directory);
    return ARGS_OK;
}

/* User and system time of a process, from its stat line. */
static uint64_t read_cpu_ns(pid_t pid)
{
    char path[64], text[1024];
    uint64_t user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fgets(text, sizeof text, file) != NULL && strrchr(text, ')') != NULL)
        (void)!sscanf(strrchr(text, ')') + 2,
                      "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
                      &user, &kernel);
    fclose(file);
    return (user + kernel) * (1000000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

static void stop_processes(struct subject *subject)
{
    for (int i = SERVICES; i-- > 0;)
        if (subject->pids[i] > 0)
            kill(subject->pids[i], SIGTERM);
    for (int i = SERVICES; i-- > 0;)
        if (subject->pids[i] > 0)
            waitpid(subject->pids[i], NULL, 0);
}

/* ---- a venue of threads ------------------------------------------------------------ */

static int start_threads(struct subject *subject, const struct args *args)
{
    struct config config;
    struct args inner = *args;
    config_init(&config);
    config.data_dir = subject->directory;
    config.durable = subject->durable;
    config.curve = false;
    config.http_bind = "";
    config.endpoint_gateway = "tcp://127.0.0.1:*";
    config.order_rate = config.order_burst = 10000000;
    config.cancel_rate = config.cancel_burst = 10000000;
    config.in_flight_max = 1000000;
    config.window_records = 131072;
    config.shard_window_records = 1000000;
    inner.directory = subject->directory;
    int code = venue_process_start(&subject->venue, &inner, &config);
    if (code == ARGS_OK)
        snprintf(subject->gateway, sizeof subject->gateway, "%s",
                 venue_process_gateway(subject->venue));
    return code;
}

static int start(struct subject *subject, const struct args *args, const char *base,
                 bool processes, bool durable)
{
    *subject = (struct subject){.processes = processes, .durable = durable};
    snprintf(subject->directory, sizeof subject->directory, "%s/%d%d", base, processes,
             durable);
    if (processes && mkdir(subject->directory, 0700) != 0)
        return args_fail("cannot make %s", subject->directory);
    return processes ? start_processes(subject) : start_threads(subject, args);
}

static void stop(struct subject *subject)
{
    if (subject->processes)
        stop_processes(subject);
    else
        venue_process_stop(&subject->venue);
}

/* ---- measuring --------------------------------------------------------------------- */

static void print_latency(const struct subject *s, const struct bench_load_result *r)
{
    uint64_t mark = floors.ipc_ns * (s->processes ? 15 : 10) + floors.sync_ns * 5;
    printf("  window 1                      p50 %7.1f us  p99 %7.1f us   mark p50 <= "
           "%.1f us\n",
           (double)r->p50_ns / 1e3, (double)r->p99_ns / 1e3, (double)mark / 1e3);
}

static void print_rate(const struct bench_load_result *r, uint32_t window, uint32_t batch)
{
    double rate = (double)r->commands * 1e9 / (double)r->elapsed_ns;
    printf("  window %-6u %5u per frame  %9.0f /s", window, batch, rate);
    if (floors.redis > 0)
        printf("   %.2f x redis", rate / (double)floors.redis);
    if (r->refused > 0)
        printf("   (%" PRIu64 " refused)", r->refused);
    putchar('\n');
    fflush(stdout);
}

static void print_cpu(struct subject *s, uint64_t commands)
{
    uint64_t total = 0;
    fputs("  CPU us per command:", stdout);
    for (int i = 0; i < SERVICES; i++) {
        uint64_t used = read_cpu_ns(s->pids[i]) - s->cpu_ns[i];
        total += used;
        printf(" %s %.2f", services[i], (double)used / 1e3 / (double)commands);
    }
    printf(", all %.2f\n", (double)total / 1e3 / (double)commands);
}

static int measure(struct subject *s, uint64_t commands)
{
    static const struct {
        uint32_t window, batch;
    } shapes[] = {{64, 1}, {1024, 1}, {1024, 64}, {16384, 1024}};
    struct bench_load *load = NULL;
    struct bench_load_result r;
    int code = bench_load_create(&load, s->gateway, SEED);
    printf("\n%s, %s\n", s->processes ? "process per service" : "threads in one process",
           s->durable ? "durable" : "not durable");
    if (code == ARGS_OK)
        code = bench_load_run(load, 20000, 256, 1, &r); /* warm, and a book to trade in */
    if (code == ARGS_OK)
        code = bench_load_run(load, 3000, 1, 1, &r);
    if (code == ARGS_OK)
        print_latency(s, &r);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes && code == ARGS_OK; i++) {
        uint64_t count = shapes[i].window < 1000 ? commands / 4 : commands;
        for (int k = 0; k < SERVICES && s->processes; k++)
            s->cpu_ns[k] = read_cpu_ns(s->pids[k]);
        code = bench_load_run(load, count, shapes[i].window, shapes[i].batch, &r);
        if (code != ARGS_OK)
            break;
        print_rate(&r, shapes[i].window, shapes[i].batch);
        if (s->processes && shapes[i].window == 1024)
            print_cpu(s, count);
    }
    bench_load_destroy(&load);
    return code;
}

static void measure_floors(const char *base)
{
    floors.sync_ns = bench_floor_sync_ns(base);
    floors.ipc_ns = bench_floor_ipc_ns(base);
    floors.redis = bench_floor_redis(base);
    printf(
        "floors: write + fdatasync %.1f us, ipc round trip %.1f us, redis always 16 x 64 "
        "%s%" PRIu64 " /s\n",
        (double)floors.sync_ns / 1e3, (double)floors.ipc_ns / 1e3,
        floors.redis == 0 ? "(not installed) " : "", floors.redis);
    fflush(stdout);
}

static int remove_tree(const char *base)
{
    char command[PATH_SIZE + 16];
    snprintf(command, sizeof command, "rm -rf '%s'", base);
    return system(command) == 0 ? ARGS_OK : ARGS_FAILED;
}

int command_bench(int argc, char **argv)
{
    static const char *const flags[] = {"commands=", "mode=", NULL};
    struct args args;
    struct subject subject;
    uint64_t commands;
    char base[] = "/tmp/zex-bench-XXXXXX";
    int code = args_parse(&args, argc, argv, flags);
    const char *mode = args_flag(&args, "mode");
    if (code == ARGS_OK && !args_number(&args, "commands", 500000, &commands))
        code = ARGS_USAGE;
    if (code == ARGS_OK && (mkdtemp(base) == NULL || commands < 1000))
        code = args_usage("bench [--commands N] [--mode processes|threads]");
    if (code != ARGS_OK)
        return code;
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_ERROR);
    measure_floors(base);
    for (int i = 0; i < 4 && code == ARGS_OK; i++) {
        bool processes = i < 2, durable = i % 2 == 0;
        if (mode != NULL && (strcmp(mode, "processes") == 0) != processes)
            continue;
        code = start(&subject, &args, base, processes, durable);
        if (code == ARGS_OK)
            code = measure(&subject, commands);
        stop(&subject);
    }
    remove_tree(base);
    return code;
}
