/* bench_venue.c - see bench_venue.h. */
#include "deploy/cli/bench_venue.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "deploy/cli/venue_process.h"

enum {
    SERVICES = BENCH_VENUE_SERVICES,
    SHARD = 2,
    GATEWAY = 5,
    OTHER_GATEWAY = SERVICES,
    PROCESSES,
    WORDS_MAX = 96,
    PATH_SIZE = 512
};

static const char *const names[SERVICES] = {"sequencer",  "risk",      "shard",
                                            "settlement", "portfolio", "gateway"};

struct bench_venue {
    char directory[PATH_SIZE], address[BENCH_VENUE_ADDRESS], programs[PATH_SIZE];
    const char *const (*more)[2];
    struct venue_process *process;
    pid_t pids[PROCESSES];
    bool is_old; /* it has a log */
};

/* What the bench needs beside the defaults: no limit of an account is to be hit,
 * and no journal to grow. */
static const char *const settings[][2] = {
    {"order_rate", "10000000"},
    {"order_burst", "10000000"},
    {"cancel_rate", "10000000"},
    {"cancel_burst", "10000000"},
    {"idle_ms", "600000"},
    {"preallocate_mb", "256"}, /* a venue that lives long writes to old pages */
    {"http_bind", ""},
    {"in_flight_max", "1000000"},
    {"busy_ms", "0"},
    {"window_records", "131072"},
    {"shard_window_records", "1000000"},
};
static const char *const endpoints[][2] = {
    {"endpoint_sequencer", "s"},    {"endpoint_sequencer_pub", "log"},
    {"endpoint_risk", "r"},         {"endpoint_risk_pub", "approved"},
    {"endpoint_shard", "shard-%d"}, {"endpoint_settlement", "settlement"},
    {"endpoint_portfolio", "p"},    {"endpoint_gateway", "gateway"},
};

/* ---- a process per service --------------------------------------------------------- */

struct command_line {
    char *words[WORDS_MAX + 1];
    uint32_t count;
};

static void add_word(struct command_line *line, const char *name, const char *before,
                     const char *value)
{
    CHECK(line->count < WORDS_MAX);
    CHECK(asprintf(&line->words[line->count++], "--%s=%s%s", name, before, value) > 0);
}

static void make_line(struct command_line *line, const struct bench_venue *self,
                      uint32_t i, bool durable)
{
    char before[PATH_SIZE + 16];
    *line = (struct command_line){.count = 1};
    const bool other = i == OTHER_GATEWAY;
    CHECK(asprintf(&line->words[0], "%s/zex-%s", self->programs,
                   names[other ? GATEWAY : i]) > 0);
    add_word(line, "data_dir", "", self->directory);
    add_word(line, "curve", "", "false");
    add_word(line, "durable", "", durable ? "true" : "false");
    add_word(line, "log_level", "", "error");
    add_word(line, "init", "", i == 0 && !self->is_old ? "true" : "false");
    for (size_t k = 0; k < sizeof settings / sizeof *settings; k++)
        add_word(line, settings[k][0], "", settings[k][1]);
    for (uint32_t k = 0; self->more != NULL && self->more[k][0] != NULL; k++)
        add_word(line, self->more[k][0], "", self->more[k][1]);
    snprintf(before, sizeof before, "ipc://%s/at-", self->directory);
    for (size_t k = 0; k < sizeof endpoints / sizeof *endpoints; k++)
        add_word(line, endpoints[k][0], before, endpoints[k][1]);
    if (other) {
        add_word(line, "instance", "", "1");
        add_word(line, "endpoint_gateway", before, "gateway-1");
    }
}

static int spawn(struct bench_venue *self, uint32_t i, bool durable)
{
    struct command_line line;
    make_line(&line, self, i, durable);
    self->pids[i] = fork();
    if (self->pids[i] == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execv(line.words[0], line.words);
        _exit(127);
    }
    int code = self->pids[i] > 0
                   ? ARGS_OK
                   : args_fail("cannot start %s: %s", line.words[0], strerror(errno));
    for (uint32_t k = 0; k < line.count; k++)
        free(line.words[k]);
    return code;
}

static void kill_one(struct bench_venue *self, uint32_t i)
{
    if (self->pids[i] <= 0)
        return;
    kill(self->pids[i], SIGKILL);
    waitpid(self->pids[i], NULL, 0);
    self->pids[i] = 0;
}

void bench_venue_kill_shard(struct bench_venue *self)
{
    kill_one(self, SHARD);
}

int bench_venue_start_shard(struct bench_venue *self)
{
    return spawn(self, SHARD, true);
}

int bench_venue_crash(struct bench_venue *self)
{
    int code = ARGS_OK;
    self->is_old = true;
    for (uint32_t i = 0; i < SERVICES; i++)
        kill(self->pids[i], SIGKILL);
    for (uint32_t i = 0; i < SERVICES; i++)
        kill_one(self, i);
    for (uint32_t i = 0; i < SERVICES && code == ARGS_OK; i++)
        code = spawn(self, i, true);
    return code;
}

static int end_processes(struct bench_venue *self)
{
    int code = ARGS_OK, status;
    for (uint32_t i = PROCESSES; i-- > 0;) {
        if (self->pids[i] <= 0)
            continue;
        kill(self->pids[i], SIGTERM);
        if (waitpid(self->pids[i], &status, 0) != self->pids[i] || status != 0)
            code = args_fail("bench: zex-%s ended with status %d",
                             names[i < SERVICES ? i : GATEWAY], status);
    }
    return code;
}

/* ---- all in this process ----------------------------------------------------------- */

static int start_threads(struct bench_venue *self, bool durable)
{
    char message[CONFIG_MESSAGE_MAX];
    struct config config;
    struct args args = {.directory = self->directory};
    config_init(&config);
    config.curve = false;
    config.durable = durable;
    int error = config_set(&config, "data_dir", self->directory, message);
    for (size_t i = 0; i < sizeof settings / sizeof *settings && error == 0; i++)
        error = config_set(&config, settings[i][0], settings[i][1], message);
    for (uint32_t i = 0; self->more != NULL && self->more[i][0] != NULL && error == 0;
         i++)
        error = config_set(&config, self->more[i][0], self->more[i][1], message);
    if (error == 0)
        error = config_set(&config, "endpoint_gateway", self->address, message);
    return error == 0 ? venue_process_start(&self->process, &args, &config, NULL)
                      : args_fail("%s", message);
}

/* ---- life -------------------------------------------------------------------------- */

static void find_programs(struct bench_venue *self, const char *programs)
{
    if (programs != NULL) {
        snprintf(self->programs, sizeof self->programs, "%s", programs);
        return;
    }
    CHECK(readlink("/proc/self/exe", self->programs, sizeof self->programs - 1) > 0);
    *strrchr(self->programs, '/') = 0;
}

int bench_venue_start(struct bench_venue **out, const struct bench_venue_options *options)
{
    const char *directory = options->directory;
    struct bench_venue *self = calloc(1, sizeof *self);
    int code = ARGS_OK;
    *out = self;
    CHECK(self != NULL);
    snprintf(self->directory, sizeof self->directory, "%s", directory);
    find_programs(self, options->programs);
    self->more = options->settings;
    if (options->threads)
        snprintf(self->address, sizeof self->address, "inproc://gateway");
    else
        snprintf(self->address, sizeof self->address, "ipc://%.100s/at-gateway",
                 directory);
    if (mkdir(directory, 0755) != 0)
        return args_fail("cannot make %s: %s", directory, strerror(errno));
    if (options->threads)
        return start_threads(self, options->durable);
    for (uint32_t i = 0; i < SERVICES && code == ARGS_OK; i++)
        code = spawn(self, i, options->durable);
    return code;
}

int bench_venue_add_gateway(struct bench_venue *self)
{
    return spawn(self, OTHER_GATEWAY, true);
}

int bench_venue_stop(struct bench_venue **stopped)
{
    struct bench_venue *self = *stopped;
    if (self == NULL)
        return ARGS_OK;
    int code = venue_process_stop(&self->process);
    if (end_processes(self) != ARGS_OK)
        code = ARGS_FAILED;
    free(self);
    *stopped = NULL;
    return code;
}

void *bench_venue_context(const struct bench_venue *self)
{
    return self->process != NULL ? venue_process_context(self->process) : NULL;
}

pid_t bench_venue_pid(const struct bench_venue *self, uint32_t service)
{
    return service < PROCESSES ? self->pids[service] : 0;
}

const char *bench_venue_address(const struct bench_venue *self)
{
    return self->address;
}

/* ---- threads, as the kernel sees them ---------------------------------------------- */

/* Calls `visit` for every thread of a process with its id. */
static void each_thread(pid_t pid, void (*visit)(void *argument, pid_t thread),
                        void *argument)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = opendir(path);
    const struct dirent *entry;
    while (tasks != NULL && (entry = readdir(tasks)) != NULL)
        if (entry->d_name[0] != '.')
            visit(argument, (pid_t)strtol(entry->d_name, NULL, 10));
    if (tasks != NULL)
        closedir(tasks);
}

struct tally {
    struct bench_venue_cpu *cpu;
    pid_t pid;
    uint32_t part; /* of threads with no name of a service */
};

static void add_thread(void *argument, pid_t thread)
{
    const struct tally *tally = argument;
    char path[80], name[32] = "";
    uint64_t used_ns = 0;
    uint32_t part = tally->part;
    snprintf(path, sizeof path, "/proc/%d/task/%d/comm", (int)tally->pid, (int)thread);
    FILE *file = fopen(path, "re");
    if (file != NULL && fscanf(file, "%31s", name) == 1 && tally->pid == getpid()) {
        for (uint32_t i = 0; i < SERVICES; i++)
            if (strncmp(name, names[i], strlen(names[i])) == 0)
                part = i;
        if (strncmp(name, "ZMQ", 3) == 0)
            part = SERVICES; /* whose work it does is not known */
    }
    if (file != NULL)
        fclose(file);
    snprintf(path, sizeof path, "/proc/%d/task/%d/schedstat", (int)tally->pid,
             (int)thread);
    file = fopen(path, "re");
    if (file != NULL && fscanf(file, "%" SCNu64, &used_ns) == 1)
        tally->cpu->used_ns[part] += used_ns;
    if (file != NULL)
        fclose(file);
}

void bench_venue_measure(const struct bench_venue *self, struct bench_venue_cpu *cpu)
{
    *cpu = (struct bench_venue_cpu){0};
    for (uint32_t i = 0; i < SERVICES; i++) {
        struct tally tally = {.cpu = cpu, .pid = self->pids[i], .part = i};
        cpu->names[i] = names[i];
        if (self->pids[i] > 0)
            each_thread(self->pids[i], add_thread, &tally);
    }
    cpu->names[SERVICES] = self->process != NULL ? "zmq io" : "client io";
    cpu->names[SERVICES + 1] = "client";
    struct tally own = {.cpu = cpu, .pid = getpid(), .part = SERVICES + 1};
    each_thread(getpid(), add_thread, &own);
}

static void bind_thread(void *argument, pid_t thread)
{
    (void)sched_setaffinity(thread, sizeof(cpu_set_t), argument);
}

void bench_venue_pin(const struct bench_venue *self, bool pinned)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    for (long i = 0; i < (pinned ? 1 : sysconf(_SC_NPROCESSORS_ONLN)); i++)
        CPU_SET((size_t)i, &set);
    each_thread(getpid(), bind_thread, &set);
    for (uint32_t i = 0; i < SERVICES && self != NULL; i++)
        if (self->pids[i] > 0)
            each_thread(self->pids[i], bind_thread, &set);
}
