/* disk_test.c - each write or sync of a running venue fails in turn, in each service.
 *
 *     disk_test DIRECTORY PROGRAMS [STRIDE [SEED]]   at each n one error in STRIDE
 *     disk_test DIRECTORY PROGRAMS --case PLAN       SERVICE/:OP:NTH:HOW, of shim.c
 *     disk_test DIRECTORY PROGRAMS --full SERVICE             its map gets full
 *     disk_test DIRECTORY PROGRAMS --full SERVICE TAKE GIVE   its disk does: commands
 *                                                     take room away, and give it back
 *
 * First it is counted how often each of them writes and syncs while clients trade for a
 * while. The nth of them fails, for n up to NTH_MAX with one in STRIDE of the ERRORS that
 * there are, others at the next n: a STRIDE of ERRORS is one error at each n, which is
 * another service's each time. With a smaller one it goes on to the last n that was
 * counted, where a seed has one n in SEEDS.
 *
 * A case: the service is started with the fault before it, and clients trade until it has
 * met it, which it must. Then it must have ended, with the code exit.def has for that,
 * or, where nothing is wrong yet (a slow disk, the archive), go on. The venue lives on
 * through all cases: the service is started again, and what comes next is traded on what
 * is there. Now and then, and at the end, all stop, all that was told is looked for in
 * the log, and all verifies.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/journal.h"
#include "tests/faults/cluster.h"
#include "tests/faults/now.h"
#include "tests/faults/reference.h"
#include "tests/faults/trader.h"

enum {
    NTH_MAX = 200,
    COUNTED_TOLD = 2000, /* events */
    COUNTED_MS = 1000,
    COUNTED_ARCHIVE_MS = 3000,      /* it rests between its rounds */
    TARGETS = CLUSTER_SERVICES + 1, /* and the archive */
    HOWS = 4,
    OPS = 3,
    STALL = HOWS - 1,
    STALL_EVERY = 10, /* n: they take two seconds each */
    ERRORS = TARGETS * STALL,
    SEEDS = 20,
    LOOK_EVERY = 50, /* cases */
    TOLD_AFTER = 20, /* events, after a fault that ends nothing */
    ARCHIVE_OPENS = 2,
    CASE_MS = 30000,
    CASE_MS_MIN = 300, /* it has to start, and to be found by the others */
    STEP_MS = 2,
    DRAIN_MS = 10000,
    JUNK_TABLE = JOURNAL_ROWS + 15, /* no service has so many */
    JUNK_BYTES = 30000,
    FILL_PERCENT = 95,
};

static const char *const hows[HOWS] = {"eio", "enospc", "short", [STALL] = "stall"};
static const char *const ops[OPS] = {"any", "write", "sync"};

struct fault {
    uint32_t service;
    char plan[64];
    int code;       /* that it must end with, 0: it goes on */
    int start_code; /* that it may end with, while it starts */
    bool is_short;
};

struct told {
    uint64_t gseq, name;
};

struct test {
    struct cluster cluster;
    struct trader trader;
    struct told *told;
    uint64_t told_count, told_capacity, told_checked;
    char hit[256];
    uint32_t counts[TARGETS][OPS]; /* in a run of COUNTED_TOLD */
    uint64_t seed, cases, met, ended;
};

/* ---- what clients are told --------------------------------------------------------- */

static void on_told(void *argument, uint64_t gseq, uint64_t cl_ord_id)
{
    struct test *t = argument;
    if (t->told_count == t->told_capacity) {
        t->told_capacity = t->told_capacity * 2 + 1024;
        t->told = realloc(t->told, t->told_capacity * sizeof *t->told);
        if (t->told == NULL)
            abort();
    }
    t->told[t->told_count++] = (struct told){gseq, cl_ord_id};
}

/* All services are down: is it all in the log? */
static int check_told(struct test *t)
{
    struct reference log;
    int error = reference_load(&log, t->cluster.directory);
    for (; error == 0 && t->told_checked < t->told_count; t->told_checked++) {
        const struct told *told = &t->told[t->told_checked];
        if (told->gseq <= log.count &&
            (told->name == 0 || log.names[told->gseq - 1] == told->name))
            continue;
        fprintf(stderr,
                "told of %" PRIu64 " (order %" PRIu64 "), log ends at %" PRIu64 "\n",
                told->gseq, told->name, log.count);
        error = ERR_DIVERGED;
    }
    reference_release(&log);
    return error;
}

/* ---- the venue as a whole ---------------------------------------------------------- */

static int start_rest(struct test *t, uint32_t but)
{
    int error = 0;
    for (uint32_t i = 0; error == 0 && i < CLUSTER_SERVICES; i++)
        if (i != but && t->cluster.pids[i] == 0)
            error = cluster_start(&t->cluster, i, NULL, NULL);
    return error;
}

static int trade(struct test *t, int timeout_ms)
{
    int status = trader_step(&t->trader, timeout_ms);
    if (status == ZEX_OK)
        return 0;
    fprintf(stderr, "client: %s\n", zex_client_error(t->trader.client));
    return status;
}

/* Room again, the disk works again: everything accepted completes, stops and verifies. */
static int look(struct test *t)
{
    int error = start_rest(t, CLUSTER_SERVICES);
    for (int64_t end_ms = now_ms() + CASE_MS_MIN; error == 0 && now_ms() < end_ms;)
        error = trade(t, STEP_MS);
    if (error == 0)
        error = trader_drain(&t->trader, DRAIN_MS);
    if (error != 0)
        fprintf(stderr, "does not go on: %s\n", zex_reason_text(error));
    int code = cluster_stop_all(&t->cluster);
    if (error == 0 && code == 0)
        error = check_told(t);
    if (error == 0 && code == 0)
        code = cluster_run(&t->cluster, "zex", "verify", t->cluster.directory);
    return error != 0 ? error : code;
}

/* ---- one case ---------------------------------------------------------------------- */

/* Has it ended as it must? Those that need not trade on for a little. */
static int judge_end(int must, int code, bool is_met)
{
    if (code == must && is_met)
        return 0;
    fprintf(stderr, "ended with %d, not %d\n", code, must);
    return ERR_STOPPED;
}

/* What must come of it: the service ends with this code, or goes on with 0. A short write
 * of the redo file is continued. */
static int find_code(const struct test *t, const struct fault *fault)
{
    char path[256] = "";
    FILE *hit = fault->is_short ? fopen(t->hit, "re") : NULL;
    bool is_redo = hit != NULL && fgets(path, sizeof path, hit) != NULL &&
                   strcmp(path, "sequencer/redo") == 0;
    if (hit != NULL)
        fclose(hit);
    return is_redo ? 0 : fault->code;
}

/* Trades until the fault was met and what must come of it has come. */
static int await(struct test *t, const struct fault *fault)
{
    const int64_t start_ms = now_ms(), end_ms = start_ms + CASE_MS;
    uint64_t enough = UINT64_MAX;
    bool was_met = false;
    while (now_ms() < end_ms) {
        int error = trade(t, STEP_MS);
        if (error != 0)
            return error;
        const bool is_met = access(t->hit, F_OK) == 0;
        const int code = cluster_poll(&t->cluster, fault->service);
        const int must = is_met ? find_code(t, fault) : fault->code;
        t->met += is_met && !was_met;
        if (is_met && enough == UINT64_MAX && must == 0)
            enough = t->trader.told + TOLD_AFTER;
        was_met = is_met;
        t->ended += code != CLUSTER_RUNNING && code == must;
        if (code != CLUSTER_RUNNING && fault->start_code != 0 &&
            code == fault->start_code && is_met)
            return 0;
        if (code != CLUSTER_RUNNING)
            return judge_end(must, code, is_met);
        if (t->trader.told >= enough && now_ms() > start_ms + CASE_MS_MIN)
            return 0;
    }
    fprintf(stderr, "%s\n", was_met ? "does not end" : "does not meet the fault");
    return ERR_TIMEOUT;
}

static int run_case(struct test *t, const struct fault *fault)
{
    t->cases++;
    int code = cluster_stop(&t->cluster, fault->service);
    if (code != 0) {
        fprintf(stderr, "does not stop cleanly: %d\n", code);
        return ERR_STOPPED;
    }
    unlink(t->hit);
    int error = start_rest(t, fault->service);
    if (error == 0)
        error = cluster_start(&t->cluster, fault->service, fault->plan, t->hit);
    if (error == 0)
        error = await(t, fault);
    code = error == 0 ? cluster_stop(&t->cluster, fault->service) : 0;
    if (code != 0) {
        fprintf(stderr, "stops with %d\n", code);
        error = ERR_STOPPED;
    }
    return error;
}

/* A short write of the archive is continued, one of LMDB's is not (of the redo file's see
 * find_code). Other faults of the archive only end archiving, but for those of opening
 * it, its first ones: what is in it could not be read. */
static void make_fault(struct fault *fault, uint32_t target, const char *op, uint32_t nth,
                       const char *how)
{
    static const int codes[HOWS] = {20, 17, 20, 0};
    bool is_archive = target == CLUSTER_SERVICES;
    uint32_t i = 0;
    while (i < HOWS - 1 && strcmp(how, hows[i]) != 0)
        i++;
    fault->service = is_archive ? CLUSTER_SEQUENCER : target;
    fault->code = is_archive ? 0 : codes[i];
    fault->start_code = is_archive && nth <= ARCHIVE_OPENS ? codes[i] : 0;
    fault->is_short = strcmp(how, "short") == 0;
    snprintf(fault->plan, sizeof fault->plan, "%s/:%s:%u:%s",
             is_archive ? "archive" : cluster_names[target], op, nth, how);
}

/* ---- all of them ------------------------------------------------------------------- */

static int begin(struct test *t)
{
    char outbox[512]; /* of every run: an account has only so many sessions */
    snprintf(outbox, sizeof outbox, "%s/outbox", t->cluster.directory);
    int error = start_rest(t, CLUSTER_SERVICES);
    t->trader.on_told = on_told;
    t->trader.argument = t;
    if (error == 0)
        error = trader_begin(&t->trader, t->cluster.directory, "alice", outbox, t->seed);
    if (error != 0)
        fprintf(stderr, "no venue: %s\n", zex_reason_text(error));
    return error;
}

static int complain(const struct test *t, const struct fault *fault, int error)
{
    if (error != 0)
        printf("FAILED: case %" PRIu64 ", seed %" PRIu64 "\nagain: disk_test %s %s "
               "--case %s\n",
               t->cases, t->seed, t->cluster.directory, t->cluster.programs, fault->plan);
    return error;
}

/* How many writes and syncs does a run of this target have? */
static int count(struct test *t, uint32_t target)
{
    struct fault fault;
    uint32_t writes = 0, syncs = 0;
    make_fault(&fault, target, "any", 0, "count");
    unlink(t->hit);
    int error = cluster_stop(&t->cluster, fault.service);
    if (error == 0)
        error = start_rest(t, fault.service);
    if (error == 0)
        error = cluster_start(&t->cluster, fault.service, fault.plan, t->hit);
    const uint64_t enough = t->trader.told + COUNTED_TOLD;
    const int64_t end_ms =
        now_ms() + (target < CLUSTER_SERVICES ? COUNTED_MS : COUNTED_ARCHIVE_MS);
    while (error == 0 && (t->trader.told < enough || now_ms() < end_ms))
        error = trade(t, STEP_MS);
    if (error == 0)
        error = cluster_stop(&t->cluster, fault.service);
    FILE *file = fopen(t->hit, "re");
    if (error == 0 && (file == NULL || fscanf(file, "%u %u", &writes, &syncs) != 2))
        error = ERR_NOT_FOUND;
    if (file != NULL)
        fclose(file);
    const uint32_t counts[OPS] = {writes + syncs, writes, syncs};
    memcpy(t->counts[target], counts, sizeof counts);
    printf("%s: %u writes, %u syncs\n",
           target < CLUSTER_SERVICES ? cluster_names[target] : "archive", writes, syncs);
    return error;
}

/* A target that never comes so far leaves it to the next one. */
static int meet(struct test *t, struct random *random, uint32_t nth, uint32_t target,
                uint32_t how)
{
    struct fault fault;
    const bool is_short = strcmp(hows[how], "short") == 0; /* syncs have no length */
    uint64_t op = is_short ? 1 : random_below(random, OPS);
    if (nth > t->counts[target][op])
        op = is_short;
    while (nth > t->counts[target][op])
        target = (target + 1) % TARGETS;
    make_fault(&fault, target, ops[op], nth, hows[how]);
    int error = run_case(t, &fault);
    if (error == 0 && t->cases % LOOK_EVERY == 0)
        error = look(t);
    return complain(t, &fault, error);
}

/* What fails at this n; `turn` moves with it, so that what fails does. */
static int meet_some(struct test *t, struct random *random, uint32_t stride, uint32_t nth)
{
    const uint64_t turn = nth + t->seed;
    const uint32_t step = nth > NTH_MAX ? ERRORS : stride;
    int error = 0;
    if (nth > NTH_MAX && (stride >= ERRORS || turn % SEEDS != 0))
        return 0;
    for (uint32_t at = (uint32_t)(turn % step); error == 0 && at < ERRORS; at += step)
        error = meet(t, random, nth, at / STALL, at % STALL);
    if (error == 0 && turn % STALL_EVERY == 0)
        error = meet(t, random, nth, (uint32_t)(turn / STALL_EVERY % TARGETS), STALL);
    return error;
}

static int run_all(struct test *t, uint32_t stride)
{
    struct random random;
    uint32_t last = 0;
    random_init(&random, t->seed);
    int error = 0;
    for (uint32_t target = 0; error == 0 && target < TARGETS; target++) {
        error = count(t, target);
        if (last < t->counts[target][1]) /* writes */
            last = t->counts[target][1];
    }
    for (uint32_t nth = 1; error == 0 && nth <= last; nth++)
        error = meet_some(t, &random, stride, nth);
    return error != 0 ? error : look(t);
}

static int run_one(struct test *t, const char *plan)
{
    char service[32], op[8], how[8];
    uint32_t nth, target = 0;
    struct fault fault;
    if (sscanf(plan, "%31[^/]/:%7[^:]:%u:%7s", service, op, &nth, how) != 4)
        return ERR_USAGE;
    while (target < CLUSTER_SERVICES && strcmp(service, cluster_names[target]) != 0)
        target++;
    make_fault(&fault, target, op, nth, how);
    int error = run_case(t, &fault);
    return complain(t, &fault, error != 0 ? error : look(t));
}

/* ---- what is really full ----------------------------------------------------------- */

/* Leaves so little of a map of that size that trading uses it up. */
static int fill_map(const struct test *t, uint32_t service, uint64_t map_bytes)
{
    static const uint8_t junk[JUNK_BYTES];
    char path[512];
    struct journal *journal = NULL;
    snprintf(path, sizeof path, "%s/%s", t->cluster.directory, cluster_names[service]);
    int error = journal_open(
        &journal,
        &(struct journal_options){.path = path, .map_bytes = map_bytes, .durable = true});
    for (uint32_t row = 1; error == 0 && journal_used_percent(journal) < FILL_PERCENT;
         row++) {
        error = journal_put(journal, JUNK_TABLE, &row, sizeof row, junk, sizeof junk);
        if (error == 0)
            error = journal_commit(journal);
    }
    journal_close(&journal);
    return error;
}

/* Trades until the service ends for lack of room, with the code for that; makes room;
 * everything goes on and is there. Without commands it is the map that gets full, and is
 * then made larger. */
static int run_full(struct test *t, const char *name, const char *take, const char *give)
{
    struct fault fault = {.service = 0};
    bool is_map = take == NULL;
    while (fault.service < CLUSTER_SERVICES - 1 &&
           strcmp(name, cluster_names[fault.service]) != 0)
        fault.service++;
    fault.code = error_exit_code(is_map ? ERR_MAP_FULL : ERR_DISK_FULL);
    int error = cluster_stop(&t->cluster, fault.service);
    setenv("ZEX_MAP_SIZE_MB", is_map ? "16" : "256", 1);
    setenv("ZEX_MAP_REFUSE_PERCENT", "100", 1); /* or it would never come to it */
    if (error == 0 && is_map)
        error = fill_map(t, fault.service, 16 << 20);
    if (error == 0 && !is_map && system(take) != 0)
        error = ERR_USAGE;
    if (error == 0)
        error = cluster_start(&t->cluster, fault.service, NULL, NULL);
    FILE *hit = fopen(t->hit, "we"); /* the fault is there from the beginning */
    if (error == 0 && hit != NULL && fclose(hit) == 0)
        error = await(t, &fault);
    setenv("ZEX_MAP_SIZE_MB", "256", 1);
    t->cases++;
    if (error == 0 && !is_map && system(give) != 0)
        error = ERR_USAGE;
    return error != 0 ? error : look(t);
}

int main(int argc, char **argv)
{
    static struct test t = {.seed = 1};
    bool is_one = argc == 5 && strcmp(argv[3], "--case") == 0;
    bool is_full = (argc == 5 || argc == 7) && strcmp(argv[3], "--full") == 0;
    if (argc < 3 || (argc > 5 && !is_full)) {
        fprintf(stderr,
                "usage: disk_test DIRECTORY PROGRAMS [STRIDE [SEED] | --case PLAN "
                "| --full SERVICE [TAKE GIVE]]\n");
        return 2;
    }
    uint32_t stride =
        argc > 3 && !is_one && !is_full ? (uint32_t)strtoul(argv[3], NULL, 10) : 1;
    if (argc == 5 && !is_one && !is_full)
        t.seed = strtoull(argv[4], NULL, 10);
    snprintf(t.hit, sizeof t.hit, "%s.hit", argv[1]);
    const char *take = argc == 7 ? argv[5] : NULL, *give = argc == 7 ? argv[6] : NULL;
    int error = stride == 0 ? ERR_USAGE : cluster_begin(&t.cluster, argv[1], argv[2]);
    if (error == 0)
        error = begin(&t);
    if (error == 0)
        error = is_full  ? run_full(&t, argv[4], take, give)
                : is_one ? run_one(&t, argv[4])
                         : run_all(&t, stride);
    printf("disk errors: seed %" PRIu64 ", %" PRIu64 " cases, %" PRIu64 " met, %" PRIu64
           " ended with the code, told %" PRIu64 " times%s\n",
           t.seed, t.cases, t.met, t.ended, t.told_count, error != 0 ? ", FAILED" : "");
    trader_end(&t.trader);
    cluster_end(&t.cluster);
    free(t.told);
    unlink(t.hit);
    return error != 0;
}
