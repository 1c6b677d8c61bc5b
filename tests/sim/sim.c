/* sim.c - the safety phase with its faults, the liveness phase without. */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/invariants.h"
#include "services/sequencer/dedupe.h"
#include "tests/sim/clock.h"
#include "tests/sim/disk.h"
#include "tests/sim/faults.h"
#include "tests/sim/files.h"
#include "tests/sim/judge.h"
#include "tests/sim/marks.h"
#include "tests/sim/poison.h"
#include "tests/sim/power.h"
#include "tests/sim/transcript.h"
#include "tests/sim/workload.h"

#define MS UINT64_C(1000000)

enum {
    LIVE_MS_MAX = 60000, /* then what is accepted must be done */
    QUIET_MS = 2500,     /* nothing new in the log for so long: it is */
    NOTICE_MS = 6000,    /* ... and a submitter misses what was acknowledged to it */
    ARCHIVE_STEPS = 16,
    TURNS_MAX = 64, /* of one process in one step */
    START_CUT_PPM = 300000,
    POISONED_MS = 1000,
    ROT_LATER = 16, /* a disk lies there for some steps */
};

static bool happens(struct sim *s, uint32_t ppm)
{
    return !s->calm && random_chance(&s->random, ppm);
}

static uint32_t any_process(struct sim *s)
{
    uint32_t node;
    do
        node = (uint32_t)random_below(&s->random, VENUE_NODES);
    while (!s->venue.processes[node].exists);
    return node;
}

static uint32_t any_node(struct sim *s)
{
    uint32_t clients = s->plan.clients + s->plan.has_guest;
    if (random_below(&s->random, 3) == 0)
        return VENUE_NODES + (uint32_t)random_below(&s->random, clients);
    return any_process(s);
}

static uint64_t some_time(struct sim *s)
{
    return clock_mono_ns() + random_below(&s->random, s->plan.down_ns_max);
}

static void fail(struct sim *s, const char *broken, uint32_t node, int error)
{
    if (s->broken != NULL)
        return;
    s->broken = broken;
    s->node = node;
    s->error = error;
}

/* ---- faults ------------------------------------------------------------------------ */

static void stop(struct sim *s, uint32_t node)
{
    int error = venue_stop(&s->venue, node, some_time(s));
    MARK(stopped);
    transcript_event(node, "is stopped");
    if (error != 0)
        fail(s, "I13: a service does not stop cleanly", node, error);
}

/* Only what the archive wrote and did not sync can a power cut tear: a commit of the
 * journal is there or not. */
static void lose_tail(struct sim *s, uint32_t node)
{
    if (node == VENUE_SEQUENCER && s->plan.archives)
        files_cut(&s->random);
}

/* The auditor has read all that was good. */
static void rot(struct sim *s, uint32_t node)
{
    struct venue_process *p = &s->venue.processes[node];
    const char *broken = archive_read(&s->archive, "sequencer", s->venue.archive);
    if (broken != NULL)
        fail(s, broken, VENUE_SEQUENCER, 0);
    if (p->is_rotten || !disk_rot(disk_find(p->path), &s->random))
        return;
    p->is_rotten = true;
    MARK(rot);
    transcript_event(node, "a bit of its disk flips");
}

/* A restart may find an older snapshot, or, but for the log, nothing at all. */
static void crash(struct sim *s)
{
    uint32_t node = any_process(s);
    struct venue_process *p = &s->venue.processes[node];
    if (p->service == NULL)
        return;
    if (random_below(&s->random, 5) == 0) {
        stop(s, node);
        return;
    }
    venue_crash(&s->venue, node, some_time(s));
    lose_tail(s, node);
    network_note(0xc4a50000u + node);
    MARK(crash);
    transcript_event(node, "crashes");
    if (happens(s, s->plan.rot_ppm)) {
        rot(s, node);
    } else if (node != VENUE_SEQUENCER && happens(s, s->plan.wipe_ppm)) {
        venue_lose(&s->venue, node);
        MARK(volume_lost);
        transcript_event(node, "has lost its disk");
    } else if (happens(s, s->plan.older_ppm)) {
        if (!disk_drop_snapshot(disk_find(p->path)))
            return;
        MARK(snapshot_dropped);
        transcript_event(node, "has lost its newest snapshot");
    }
}

static void part(struct sim *s)
{
    uint32_t a = any_node(s), b = any_node(s);
    uint64_t until_ns = some_time(s);
    network_cut(a, b, until_ns);
    MARK(partition);
    transcript_event(a, "does not reach node %u until %" PRIu64 " ms", b, until_ns / MS);
    if (random_below(&s->random, 2) != 0)
        return;
    network_cut(b, a, until_ns);
    transcript_event(b, "does not reach node %u until %" PRIu64 " ms", a, until_ns / MS);
}

static void hold_up(struct sim *s)
{
    const uint32_t node = any_process(s);
    const uint64_t until_ns = some_time(s);
    s->venue.processes[node].paused_ns = until_ns;
    transcript_event(node, "is paused until %" PRIu64 " ms", until_ns / MS);
}

static void step_wall(struct sim *s)
{
    static const uint64_t halves[] = {2, 0, 1, 4}; /* it stands, is slow, is fast */
    const int64_t ms = random_between(&s->random, -3600000, 3600000);
    const uint64_t rate = halves[ms & 3];
    clock_step_wall(ms * (int64_t)MS);
    clock_rate_wall(rate);
    MARK(wall_step);
    if (rate == 0)
        MARK(wall_stands);
    if (rate == 1)
        MARK(wall_slow);
    if (rate == 4)
        MARK(wall_fast);
    transcript_event(VENUE_SEQUENCER,
                     "the wall clock steps by %" PRId64 " ms; its rate is %" PRIu64 "/2",
                     ms, rate);
}

static void fill_up(struct sim *s)
{
    const uint32_t node = any_process(s);
    const uint32_t puts = (uint32_t)random_below(&s->random, 20);
    disk_fill_up(disk_find(s->venue.processes[node].path), puts);
    transcript_event(node, "its disk is full after %u more puts", puts);
}

/* Of sessions that have ended an older copy of the log may have lost something, and
 * nobody notices: word of their end is perhaps still on its way, and then nobody asks. */
static void excuse(struct sim *s)
{
    for (uint32_t i = 0; i < s->plan.clients; i++) {
        struct client *c = &s->clients[i];
        const uint64_t session = c->lives[c->life].session;
        c->restored_life = c->life + (archive_has_ended(&s->archive, session) ? 1 : 0);
    }
    guest_excuse(&s->guest, &s->archive);
}

/* What was lost with it had been acknowledged: nobody may go on as if it had not. */
static void restore(struct sim *s)
{
    struct venue_process *p = &s->venue.processes[VENUE_SEQUENCER];
    venue_crash(&s->venue, VENUE_SEQUENCER, some_time(s));
    struct disk *disk = disk_find(p->path);
    disk_restore(disk);
    p->is_rotten = false;
    const char *broken = archive_read(&s->archive, "sequencer", s->venue.archive);
    if (broken != NULL) {
        fail(s, broken, VENUE_SEQUENCER, 0);
        return;
    }
    if (!disk_roll_back(disk, 1 + (uint32_t)random_below(&s->random, 20)))
        return;
    excuse(s);
    archive_close(&s->archive);
    s->venue.is_restored = true;
    MARK(restored);
    transcript_event(VENUE_SEQUENCER, "is restored from an older copy");
}

/* Someone who knew more of the log than it does: a service, or a client, by its tag, its
 * session, how that ended, or a command that is in two places. */
static bool is_notice(const struct sim *s)
{
    if (s->error == ERR_LOG_BEHIND || s->error == ERR_DIVERGED)
        return true;
    return s->broken != NULL && (strncmp(s->broken, "I7: the log is not", 18) == 0 ||
                                 strncmp(s->broken, "I1: one command, two", 20) == 0 ||
                                 strncmp(s->broken, "I2: session gone", 16) == 0);
}

/* The operator: a service whose record he wants skipped, and which runs since, is made to
 * start again, to be told. */
static void restart_poisoned(struct sim *s)
{
    for (uint32_t node = 0; node < VENUE_NODES; node++) {
        const struct venue_process *p = &s->venue.processes[node];
        if (p->service != NULL && poison_is_in(node, service_next(p->service)) &&
            clock_mono_ns() - p->up_ns >= POISONED_MS * MS)
            venue_crash(&s->venue, node, clock_mono_ns());
    }
}

static void crash_client(struct sim *s)
{
    const uint32_t index = (uint32_t)random_below(&s->random, s->plan.clients);
    client_crash(&s->clients[index]);
    transcript_event(VENUE_NODES + index, "crashes");
}

static void harm(struct sim *s)
{
    const struct plan *p = &s->plan;
    if (s->step == p->restore_step && !s->calm)
        restore(s);
    if (s->step == p->zombie_step && !s->calm)
        venue_replace_sequencer(&s->venue);
    if (happens(s, p->crash_ppm))
        crash(s);
    if (happens(s, p->reset_ppm))
        network_reset_link(any_node(s));
    if (happens(s, p->dead_ppm))
        network_kill_link(any_node(s));
    if (happens(s, p->partition_ppm))
        part(s);
    if (happens(s, p->pause_ppm))
        hold_up(s);
    if (happens(s, p->step_ppm))
        step_wall(s);
    if (happens(s, p->fill_ppm))
        fill_up(s);
    if (happens(s, p->poison_ppm))
        poison_arm(any_process(s));
    if (happens(s, p->crash_ppm))
        crash_client(s);
}

/* ---- one step ---------------------------------------------------------------------- */

/* Small numbers more often: most turns have few operations. */
static uint32_t some_operation(struct sim *s)
{
    uint64_t bound = UINT64_C(1) << random_below(&s->random, 7);
    return 1 + (uint32_t)random_below(&s->random, bound);
}

static void turn_services(struct sim *s)
{
    uint32_t first = (uint32_t)random_below(&s->random, VENUE_NODES);
    uint32_t early = 0;
    if (s->plan.cut_ppm > 0 && happens(s, START_CUT_PPM))
        early = 1 + (uint32_t)random_below(&s->random, 3);
    int error = venue_start_due(&s->venue, early);
    if (error != 0)
        fail(s, "I13: a service does not start", 0, error);
    for (uint32_t i = 0; i < VENUE_NODES && s->broken == NULL; i++) {
        uint32_t node = (first + i) % VENUE_NODES, power = 0;
        uint32_t turns = s->calm ? TURNS_MAX : 1 + (uint32_t)random_below(&s->random, 4);
        if (happens(s, s->plan.cut_ppm))
            power = some_operation(s);
        error = venue_turn(&s->venue, node, turns, power);
        if (s->venue.processes[node].service == NULL)
            lose_tail(s, node);
        if (s->venue.processes[node].exists && s->venue.processes[node].service == NULL &&
            happens(s, s->plan.rot_ppm / ROT_LATER))
            rot(s, node);
        if (error != 0)
            fail(s, "I13: a service stopped", node, error);
    }
}

static void turn_zombie(struct sim *s)
{
    if (s->broken == NULL)
        venue_turn_zombie(&s->venue);
}

static void turn_clients(struct sim *s)
{
    for (uint32_t i = 0; i < s->plan.clients; i++) {
        client_turn(&s->clients[i]);
        if (s->clients[i].broken != NULL)
            fail(s, s->clients[i].broken, VENUE_NODES + i, 0);
    }
    guest_turn(&s->guest);
    if (s->guest.broken != NULL)
        fail(s, s->guest.broken, VENUE_NODES + s->plan.clients, 0);
}

static void step(struct sim *s)
{
    s->step++;
    clock_advance(1 + random_below(&s->random, s->plan.step_ns_max));
    harm(s);
    restart_poisoned(s);
    turn_services(s);
    turn_zombie(s);
    turn_clients(s);
    uint32_t steps = s->plan.archives ? 1 : ARCHIVE_STEPS; /* before it is pruned */
    if (s->step % steps == 0 && s->broken == NULL) {
        const char *broken = archive_read(&s->archive, "sequencer", s->venue.archive);
        if (broken != NULL)
            fail(s, broken, VENUE_SEQUENCER, 0);
    }
}

/* ---- the two phases ---------------------------------------------------------------- */

static void heal(struct sim *s)
{
    const struct network_weather fair = {
        .delay_ns_min = 1000, .delay_ns_max = 300000, .frames_max = BUS_HWM};
    s->calm = true;
    faults_end();
    poison_disarm();
    network_set_weather(&fair);
    network_heal();
    s->plan.step_ns_max = 8 * MS;
    s->venue.map_bytes = VENUE_MAP_BYTES;
    for (uint32_t node = 0; node < VENUE_NODES; node++) {
        s->venue.processes[node].up_ns = s->venue.processes[node].paused_ns = 0;
        disk_fill_up(disk_find(s->venue.processes[node].path), UINT32_MAX - 1);
        disk_restore(disk_find(s->venue.processes[node].path));
        s->venue.processes[node].is_rotten = false;
        if (s->plan.map_bytes != VENUE_MAP_BYTES &&
            s->venue.processes[node].service != NULL)
            venue_crash(&s->venue, node, 0); /* the operator gives it a larger map */
    }
    for (uint32_t i = 0; i < s->plan.clients; i++) {
        s->clients[i].quiet = true;
        client_crash(&s->clients[i]);
    }
    s->guest.quiet = true; /* what its last connection lost it must notice by itself */
}

static bool is_done(const struct sim *s)
{
    bool done = workload_is_set_up(&s->clients[0]) && guest_is_idle(&s->guest);
    for (uint32_t node = 0; node < VENUE_NODES; node++) {
        const struct service_instance *service = s->venue.processes[node].service;
        done = done && !poison_is_in(node, service != NULL ? service_next(service) : 0);
    }
    for (uint32_t i = 0; i < s->plan.clients; i++)
        done = done && client_is_idle(&s->clients[i]);
    return done;
}

/* Until all is accepted and nothing follows from it any more. */
static void come_to_rest(struct sim *s)
{
    uint64_t began_ns = clock_mono_ns(), since_ns = began_ns, seen = 0;
    const uint64_t quiet_ns = (s->venue.is_restored ? NOTICE_MS : QUIET_MS) * MS;
    while (s->broken == NULL && clock_mono_ns() - since_ns < quiet_ns) {
        step(s);
        if (!is_done(s) || s->archive.busy_count != seen)
            since_ns = clock_mono_ns();
        seen = s->archive.busy_count;
        const char *broken =
            invariants_rest(clock_mono_ns() - began_ns, LIVE_MS_MAX * MS);
        if (broken != NULL)
            fail(s, broken, VENUE_NODES, 0);
    }
}

/* Of a client that was told that nobody knows it; 0: none was. */
static uint64_t unknown_session(const struct sim *s)
{
    const uint32_t index = s->node - VENUE_NODES;
    if (s->broken == NULL || s->node < VENUE_NODES)
        return 0;
    if (index < s->plan.clients)
        return s->clients[index].unknown_session;
    return s->guest.unknown_session;
}

/* Who could not speak until so many other sessions had ended is forgotten, as stated
 * (services/sequencer/dedupe.h): that is as far as this world goes. */
static bool is_forgotten(struct sim *s)
{
    const uint64_t session = unknown_session(s);
    uint32_t ended = 0;
    if (session == 0 || archive_read(&s->archive, "sequencer", s->venue.archive) != NULL)
        return false;
    for (uint64_t i = session; i < s->archive.count; i++) {
        const uint32_t kind = s->archive.records[i].kind;
        ended += kind == MSG_close || kind == MSG_session_closed;
    }
    return ended > s->plan.genesis.sessions_max * DEDUPE_CLOSED_PER_OPEN;
}

/* The operator is told, and gets the newest copy: that is as far as this world goes. */
static void settle(struct sim *s)
{
    if (is_forgotten(s))
        s->broken = NULL;
    if (!s->venue.is_restored || !is_notice(s))
        return;
    s->broken = NULL;
    s->error = 0;
    MARK(restore_noticed);
}

void sim_run_plan(struct sim *s, const struct plan *plan)
{
    const uint64_t seed = plan->seed;
    memset(s, 0, sizeof *s);
    s->plan = *plan;
    random_init(&s->random, seed ^ UINT64_C(0x5eed));
    clock_reset();
    disk_reset();
    client_told_gseq = 0;
    memset(marks, 0, sizeof marks);
    faults_begin(seed, s->plan.fault_ppm);
    network_init(seed, &s->plan.weather);
    archive_init(&s->archive);
    poison_reset();
    venue_init(&s->venue, &s->plan);
    if (s->plan.archives)
        s->venue.archive = files_open();
    for (uint32_t i = 0; i < s->plan.clients; i++)
        client_init(&s->clients[i], &s->plan, i);
    guest_init(&s->guest, &s->plan);
    while (s->broken == NULL && s->step < s->plan.steps)
        step(s);
    heal(s);
    come_to_rest(s);
    if (s->broken == NULL) {
        const char *broken = archive_read(&s->archive, "sequencer", s->venue.archive);
        if (broken == NULL)
            broken = archive_check_files(&s->archive, s->venue.archive);
        fail(s, broken != NULL ? broken : judge_check(s), VENUE_SEQUENCER, 0);
    }
    settle(s);
}

void sim_run(struct sim *s, uint64_t seed)
{
    struct plan plan;
    plan_draw(&plan, seed);
    sim_run_plan(s, &plan);
}

uint64_t sim_trace(const struct sim *s)
{
    uint64_t chain;
    memcpy(&chain, s->archive.place.chain, sizeof chain);
    return network_trace() ^ chain;
}

void sim_close(struct sim *s)
{
    venue_close(&s->venue);
    files_close();
    for (uint32_t i = 0; i < s->plan.clients; i++)
        client_close(&s->clients[i]);
    guest_close(&s->guest);
    archive_close(&s->archive);
    disk_reset();
}
