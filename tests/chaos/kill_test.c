/* kill_test.c - services end by SIGKILL at named points and at random times, one or two
 * at once, also while they start, and are started again, while a crowd of clients trades.
 *
 *     kill_test DIRECTORY PROGRAMS KILLS SEED
 *
 * DIRECTORY is a venue of deploy/cluster.sh with two shards that is down; PROGRAMS is
 * build/kill. After each round the clients must get on within GO_ON_MS; in the end all
 * that they sent must be known, and the checks of checks.h must hold.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/chaos/crowd.h"
#include "tests/chaos/points.h"
#include "tests/chaos/verdict.h"
#include "tests/faults/cluster.h"

enum {
    REACH_MS = 1000,  /* a point that is not passed by then: any time will do */
    GO_ON_MS = 10000, /* from the last start to more acknowledgements */
    GO_ON_TOLD = 32,  /* ... this many */
    MANY_KILLS = 100, /* then so many points at least are among them */
    POINTS_MIN = 30,
    TEXT = 512,
    KILLED = -SIGKILL,
};

/* ---- where ------------------------------------------------------------------------- */

enum { SEQUENCER, RISK, SHARD, SETTLEMENT, PORTFOLIO, GATEWAY, OTHER_SHARD };

struct place {
    uint32_t service;
    bool starts; /* passed while the service starts: it is armed before */
    const char *name;
    uint32_t nth_max;
};

static const struct place places[] = {
    /* before, inside and after a transaction */
    {SEQUENCER, false, "service_output_append", 40},
    {SEQUENCER, false, "service_output_append.", 40},
    {SEQUENCER, false, "stream_publisher_add_log", 80},
    {SEQUENCER, false, "journal_put", 80},
    {SEQUENCER, false, "journal_commit", 40},
    {SEQUENCER, false, "journal_commit.", 40},
    {RISK, false, "journal_put", 80},
    {RISK, false, "journal_commit", 40},
    {RISK, false, "journal_commit.", 40},
    {SHARD, false, "journal_put", 80},
    {SHARD, false, "journal_commit", 40},
    {OTHER_SHARD, false, "journal_commit.", 40},
    {SETTLEMENT, false, "journal_commit", 20},
    {SETTLEMENT, false, "journal_commit.", 20},
    {PORTFOLIO, false, "journal_commit", 20},
    {PORTFOLIO, false, "history_write", 20},
    {GATEWAY, false, "journal_commit.", 2},
    /* around a commit of one flush, and around LMDB's that follows */
    {SEQUENCER, false, "journal_redo_commit", 40},
    {SEQUENCER, false, "journal_redo_commit.", 40},
    {SEQUENCER, false, "journal_settle", 2},
    {SEQUENCER, false, "journal_env_draw_generation.", 2},
    {SEQUENCER, false, "journal_redo_begin", 4},
    /* between commit and send, between two sends */
    {SEQUENCER, false, "service_sender_publish", 40},
    {SEQUENCER, false, "service_output_send", 40},
    {SEQUENCER, false, "service_output_send.", 40},
    {RISK, false, "stream_submitter_frame", 40},
    {RISK, false, "service_sender_publish", 40},
    {SHARD, false, "stream_submitter_frame.", 40},
    {GATEWAY, false, "service_sender_flush", 40},
    {SEQUENCER, false, "HEAD_LOST", 10},
    {RISK, false, "ACK_LOST", 20},
    /* inside a step of a core */
    {SEQUENCER, false, "dedupe_accept", 80},
    {SEQUENCER, false, "submission_receive", 40},
    {SEQUENCER, false, "SUBMISSION_LOST", 40},
    {RISK, false, "service_input_apply", 40},
    {RISK, false, "service_output_cut.", 40},
    {RISK, false, "hold_open", 40},
    {SHARD, false, "match_new", 30},
    {OTHER_SHARD, false, "match_cancel", 30},
    {SHARD, false, "service_store_applied", 30},
    {SETTLEMENT, false, "ledger_post", 40},
    {PORTFOLIO, false, "position_trade", 20},
    {GATEWAY, false, "intake_frame", 60},
    {GATEWAY, false, "session_forward.", 60},
    {GATEWAY, false, "session_accepted", 60},
    /* around and inside a snapshot */
    {SEQUENCER, false, "service_store_snapshot.", 1},
    {RISK, false, "snapshot_begin.", 1},
    {RISK, false, "snapshot_step.", 4},
    {SHARD, false, "SNAPSHOT_CHUNK", 2},
    {PORTFOLIO, false, "snapshot_step", 3},
    /* while it starts: journal, snapshot, replay, epoch, hello */
    {SEQUENCER, true, "journal_open.", 1},
    {SEQUENCER, true, "journal_redo_replay.", 1},
    {SEQUENCER, true, "service_genesis_ensure.", 1},
    {SEQUENCER, true, "sequencer_append_own", 1},
    {SEQUENCER, true, "sequencer_append_own.", 1},
    {SEQUENCER, true, "roster_check_in", 6},
    {SEQUENCER, true, "snapshot_load.", 1},
    {RISK, true, "service_restart_open.", 1},
    {RISK, true, "service_restart_arm.", 1},
    {RISK, true, "service_input_apply.", 4},
    {RISK, true, "stream_publisher_end_replay", 1},
    {RISK, true, "stream_submitter_welcome", 1},
    {SHARD, true, "service_restart_replay", 4},
    {SHARD, true, "service_restart_advance", 4},
    {OTHER_SHARD, true, "snapshot_load", 1},
    {SETTLEMENT, true, "ledger_load", 1},
    {PORTFOLIO, true, "report_load.", 1},
    {PORTFOLIO, true, "service_input_receive", 4},
    {GATEWAY, true, "bus_open.", 1},
    {GATEWAY, true, "resume_start", 8},
};

enum { PLACES = sizeof places / sizeof *places };

struct test {
    struct cluster cluster;
    struct crowd crowd;
    struct random random;
    struct points *points[CLUSTER_SERVICES_MAX];
    uint32_t armed[CLUSTER_SERVICES_MAX]; /* place + 1 */
    uint32_t order[PLACES];
    uint32_t reached[PLACES];
    uint32_t kills, at_points, rounds;
    bool has_failed;
};

static int map_points(struct test *t, uint32_t service)
{
    char path[TEXT];
    snprintf(path, sizeof path, "%s/run/%s.points", t->cluster.directory,
             cluster_names[service]);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0 || ftruncate(file, sizeof *t->points[0]) != 0)
        return -1;
    void *mapped =
        mmap(NULL, sizeof *t->points[0], PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    t->points[service] = mapped;
    return mapped == MAP_FAILED ? -1 : 0;
}

static void arm(struct test *t, uint32_t index)
{
    const struct place *place = &places[index];
    struct points *points = t->points[place->service];
    memset(points->name, 0, sizeof points->name);
    strncpy(points->name, place->name, sizeof points->name - 1);
    points->nth = 1 + (uint32_t)random_below(&t->random, place->nth_max);
    t->armed[place->service] = index + 1;
    points->serial++;
}

static void disarm(struct test *t, uint32_t service)
{
    t->points[service]->nth = 0;
    t->points[service]->serial++;
    t->armed[service] = 0;
}

/* ---- death ------------------------------------------------------------------------- */

static void fail(struct test *t, const char *what, const char *whose)
{
    printf("round %u: %s: %s\n", t->rounds, whose, what);
    t->has_failed = true;
}

/* Gone, as it should be; an exit of its own is a failure. */
static void bury(struct test *t, uint32_t service, int code)
{
    uint32_t place = t->armed[service];
    if (code != KILLED)
        fail(t, "ended by itself", cluster_names[service]);
    t->kills++;
    if (place != 0 && code == KILLED) {
        t->reached[place - 1]++;
        t->at_points++;
    }
    disarm(t, service);
}

/* Waits until it has ended by itself: false if it still runs. */
static bool wait_for_end(struct test *t, uint32_t service, int timeout_ms)
{
    if (t->cluster.pids[service] == 0)
        return true;
    int process = (int)syscall(SYS_pidfd_open, t->cluster.pids[service], 0);
    struct pollfd wait = {.fd = process, .events = POLLIN};
    if (process < 0)
        return false;
    int ready = poll(&wait, 1, timeout_ms);
    close(process);
    if (ready != 1)
        return false;
    bury(t, service, cluster_poll(&t->cluster, service));
    return true;
}

static void kill_now(struct test *t, uint32_t service)
{
    disarm(t, service);
    if (t->cluster.pids[service] == 0)
        return; /* it is dead already */
    kill(t->cluster.pids[service], SIGKILL);
    if (!wait_for_end(t, service, GO_ON_MS))
        fail(t, "does not die", cluster_names[service]);
}

static void start(struct test *t, uint32_t service)
{
    if (cluster_start(&t->cluster, service, NULL, NULL) != 0)
        fail(t, "does not start", cluster_names[service]);
}

/* ---- a round ----------------------------------------------------------------------- */

static void meet(struct test *t, uint32_t index)
{
    uint32_t service = places[index].service;
    if (places[index].starts) {
        kill_now(t, service);
        arm(t, index);
        start(t, service);
    }
    if (wait_for_end(t, service, REACH_MS))
        return;
    if (t->points[service]->unknown != 0)
        fail(t, "has no such point", places[index].name);
    kill_now(t, service);
}

static void play(struct test *t)
{
    uint32_t first = t->order[t->rounds % PLACES], second = PLACES;
    if (!places[first].starts)
        arm(t, first);
    if (random_chance(&t->random, 300000)) { /* two at once */
        second = (uint32_t)random_below(&t->random, PLACES);
        if (places[second].service == places[first].service || places[second].starts)
            second = PLACES;
        else
            arm(t, second);
    }
    meet(t, first);
    if (second != PLACES)
        meet(t, second);
    if (random_chance(&t->random, 100000)) /* at any time */
        kill_now(t, places[t->order[random_below(&t->random, PLACES)]].service);
    for (uint32_t i = 0; i < t->cluster.count; i++)
        if (t->cluster.pids[i] == 0)
            start(t, i);
    t->rounds++;
    if (random_chance(&t->random, 200000))
        return; /* the next dies while this one recovers */
    if (!crowd_await(&t->crowd, GO_ON_TOLD, GO_ON_MS))
        fail(t, "do not get on", "clients");
}

static void shuffle(struct test *t)
{
    for (uint32_t i = 0; i < PLACES; i++)
        t->order[i] = i;
    for (uint32_t i = PLACES - 1; i > 0; i--) {
        uint32_t other = (uint32_t)random_below(&t->random, i + 1), held = t->order[i];
        t->order[i] = t->order[other];
        t->order[other] = held;
    }
}

/* ---- begin and end ----------------------------------------------------------------- */

static int begin(struct test *t, struct annals *h, char **argv)
{
    uint64_t seed = strtoull(argv[4], NULL, 10);
    random_init(&t->random, seed);
    shuffle(t);
    int error = cluster_begin(&t->cluster, argv[1], argv[2]);
    if (error == 0)
        error = verdict_adopt(h, argv[1]);
    for (uint32_t i = 0; error == 0 && i < t->cluster.count; i++) {
        error = map_points(t, i);
        if (error == 0)
            start(t, i);
    }
    return error != 0 ? error : crowd_begin(&t->crowd, argv[1], seed, 0);
}

int main(int argc, char **argv)
{
    static struct test t;
    struct annals h = {.count = 0};
    uint32_t points = 0;
    if (argc != 5) {
        fprintf(stderr, "usage: kill_test DIRECTORY PROGRAMS KILLS SEED\n");
        return 2;
    }
    uint32_t kills = (uint32_t)strtoul(argv[3], NULL, 10);
    int error = begin(&t, &h, argv);
    if (error != 0)
        fail(&t, zex_reason_text(error), "begin");
    while (!t.has_failed && t.kills < kills)
        play(&t);
    if (error == 0 && !verdict_holds(&t.crowd, &t.cluster, &h, NULL))
        fail(&t, "does not keep its promises", "the venue");
    for (uint32_t i = 0; i < PLACES; i++)
        points += t.reached[i] != 0;
    if (!t.has_failed && kills >= MANY_KILLS && points < POINTS_MIN)
        fail(&t, "too few were reached", "points");
    printf("%u kills in %u rounds: %u at %u points, the rest at any time; seed %s\n",
           t.kills, t.rounds, t.at_points, points, argv[4]);
    cluster_end(&t.cluster);
    annals_close(&h);
    return t.has_failed;
}
