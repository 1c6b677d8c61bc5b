/* service.c - the life of an instance, and the only loop. */
#include "common/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "common/ablate.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/fault.h"
#include "common/journal_version.h"
#include "common/service_archive.h"
#include "common/service_frames.h"
#include "common/service_genesis.h"
#include "common/service_input.h"
#include "common/service_instance.h"
#include "common/service_log.h"
#include "common/service_output.h"
#include "common/service_restart.h"
#include "common/service_say.h"
#include "common/service_store.h"
#include "common/stream_archive.h"

#define MEASURE_NS (100 * STREAM_MS)

enum {
    WAIT_MS = 10, /* timers and commits are due at least this often */
};

void service_options_init(struct service_options *options)
{
    *options = (struct service_options){.turn_frames_max = 512,
                                        .commit_interval_us = 10000,
                                        .snapshot_records = 4000000,
                                        .snapshot_child_bytes = 16u << 20,
                                        .query_wait_ms = 2000,
                                        .unacked_bytes_max = 4u << 20,
                                        .fetch_bytes_max = STREAM_FRAME_BYTES,
                                        .map_alarm_percent = 70,
                                        .map_refuse_percent = 85};
}

static void read_clock(struct service_instance *s)
{
    s->now.mono_ns = clock_mono_ns();
    s->now.wall_ns = clock_wall_ns();
}

/* ---- life -------------------------------------------------------------------------- */

static bool admit(void *argument, enum bus_port port, const uint8_t key[32])
{
    const struct service_instance *s = argument;
    if (port != BUS_CLIENTS)
        return s->options.bus.admit != NULL &&
               s->options.bus.admit(s->options.bus.argument, port, key);
    return s->state != NULL && s->kind->core->admit != NULL &&
           s->kind->core->admit(s->state, key);
}

static int open_journal(struct service_instance *s)
{
    uint32_t version = 0;
    const char *missing = NULL;
    struct journal_options options = s->options.journal;
    options.found_version = &version;
    options.missing = &missing;
    int error = journal_open(&s->journal, &options);
    if (missing != NULL)
        service_log(s, SERVICE_LOG_ERROR, "missing", "file=%s directory=%s", missing,
                    options.path);
    if (error == ERR_DATA_DIR)
        service_log(s, SERVICE_LOG_ERROR, "data_dir", "directory=%s", options.path);
    if (error == ERR_VERSION)
        service_log(s, SERVICE_LOG_ERROR, "version",
                    "journal=%" PRIu32 " reads=%d directory=%s", version, JOURNAL_VERSION,
                    options.path);
    return error;
}

static int open_all(struct service_instance *s)
{
    int error = service_sender_init(&s->sender);
    if (error == 0)
        error = service_query_init(&s->queries);
    s->options.journal.redo = service_owns_log(s); /* it commits every turn */
    if (error == 0)
        error = open_journal(s);
    if (error == 0 && service_owns_log(s))
        error = service_genesis_ensure(s);
    if (error == 0 && service_owns_log(s))
        error = service_archive_open(s);
    if (error == 0)
        error = service_restart_open(s);
    if (error == 0) /* who turns it may be another thread */
        error = service_store_settle(s);
    if (error != 0)
        return error;
    struct bus_options bus = s->options.bus;
    bus.topic_stream = s->input.stream;
    bus.admit = admit;
    bus.argument = s;
    return bus_open(&s->bus, &bus);
}

/* Shards and gateways are several. */
static void name_it(struct service_instance *s)
{
    const struct service_kind *kind = s->kind;
    bool is_shard = kind->number == SERVICE_SHARD;
    const char *format = is_shard || kind->number == SERVICE_GATEWAY ? "%s-%u" : "%s";
    snprintf(s->name, sizeof s->name, format, kind->core->name, s->options.instance);
    s->number = kind->number + (is_shard ? s->options.instance : 0);
    s->source = -(int64_t)s->number;
}

int service_create(struct service_instance **created, const struct service_kind *kind,
                   const struct service_options *options)
{
    struct service_instance *s = calloc(1, sizeof *s);
    *created = s;
    if (s == NULL)
        return ERR_MEMORY;
    s->kind = kind;
    s->options = *options;
    name_it(s);
    uint32_t stream = kind->input == SERVICE_STREAM_APPROVED
                          ? STREAM_APPROVED(options->instance)
                          : STREAM_LOG;
    stream_consumer_init(&s->input, stream);
    s->input.fetch_bytes_max = options->fetch_bytes_max;
    metrics_init(&s->metrics, s->name);
    read_clock(s);
    s->frame = malloc(STREAM_FRAME_BYTES);
    int error = s->frame == NULL ? ERR_MEMORY : open_all(s);
    if (error != 0) {
        service_log(s, SERVICE_LOG_ERROR, "start", "error=%s", error_name(error));
        service_destroy(created);
    }
    return error;
}

void service_destroy(struct service_instance **destroyed)
{
    struct service_instance *s = *destroyed;
    if (s == NULL)
        return;
    bus_close(&s->bus);
    journal_close(&s->journal);
    stream_archive_close(&s->archive.files);
    snapshot_release(&s->snapshot);
    service_input_death(s);
    service_query_close(&s->queries);
    service_sender_close(&s->sender);
    free(s->frame);
    free(s);
    *destroyed = NULL;
}

/* ---- one turn ---------------------------------------------------------------------- */

/* What the cores that face the outside did in this drain: appends are durable before
 * anything is sent. Returns whether that was anything. */
static int finish_drain(struct service_instance *s)
{
    if (s->state == NULL || s->is_replaying)
        return 0;
    if (service_owns_log(s))
        check_sequence = s->publishers[0].next;
    if (s->kind->core->turn != NULL)
        s->kind->core->turn(s->state, &s->now, &s->outbox);
    if (s->outbox.stop != 0)
        return s->outbox.stop;
    bool did = s->outbox.appends.size > 0 || s->outbox.sends.size > 0;
    if (ABLATE(ANSWER_BEFORE_COMMIT))
        service_output_send(s);
    int error = service_owns_log(s) ? service_output_append(s) : 0;
    if (error == 0)
        service_output_send(s);
    return error != 0 ? error : did;
}

static int commit_if_due(struct service_instance *s)
{
    if (s->settle_at_ns != 0 && s->now.mono_ns >= s->settle_at_ns) {
        int error = service_store_settle(s);
        if (error != 0)
            return error;
    }
    if (s->state == NULL || s->is_replaying)
        return 0;
    bool is_due = s->input.next - s->snapshot_next >= s->options.snapshot_records ||
                  s->snapshot_lost;
    if ((is_due && !FAULT(SNAPSHOT_LATE)) || FAULT(SNAPSHOT_NOW)) {
        int error = service_store_snapshot(s, false);
        if (error != 0)
            return error;
    }
    if (s->commit_at_ns == 0 ||
        (s->now.mono_ns < s->commit_at_ns && !FAULT(COMMIT_EARLY)) || FAULT(COMMIT_LATE))
        return 0;
    return service_store_commit(s);
}

static bool is_ready(const struct service_instance *s)
{
    if (s->state == NULL || s->is_replaying)
        return false;
    return service_owns_log(s) ||
           (s->is_welcomed && (!s->kind->submits || s->submitter.welcomed) &&
            s->input.next >= s->input.head &&
            s->now.mono_ns - s->input.heard_ns < 4 * STREAM_RETRY_NS);
}

/* The network's and the storage's own counts. */
static void measure_io(struct service_instance *s)
{
    struct metrics *m = &s->metrics;
    struct bus_counts counts = {.connected = 0};
    bus_take_counts(s->bus, &counts);
    metrics_add(m, METRICS_connections_opened, counts.connected);
    metrics_add(m, METRICS_connections_lost, counts.disconnected);
    metrics_add(m, METRICS_handshakes_failed, counts.handshakes_failed);
    metrics_add(m, METRICS_frames_refused, counts.frames_refused);
    metrics_set(m, METRICS_sends_dropped, s->sender.dropped);
    metrics_set(m, METRICS_frames_sent, s->sender.frames);
    metrics_set(m, METRICS_sent, s->sender.bytes);
    metrics_set(m, METRICS_commands_refused, s->outbox.refused);
    metrics_set(m, METRICS_commands_busy, s->outbox.busy);
    metrics_set(m, METRICS_peers,
                metrics_get(m, METRICS_connections_opened) -
                    metrics_get(m, METRICS_connections_lost));
    if (counts.handshakes_failed > 0)
        service_log(s, SERVICE_LOG_WARN, "handshakes_failed", "count=%" PRIu64,
                    counts.handshakes_failed);
    if (s->forbidden > 0)
        service_log(s, SERVICE_LOG_WARN, "forbidden", "source=%" PRId64 " count=%" PRIu64,
                    s->forbidden_source, s->forbidden);
    s->forbidden = 0;
    uint32_t used = journal_used_percent(s->journal);
    uint32_t alarm = s->options.map_alarm_percent;
    if (used >= alarm && s->used_percent < alarm)
        service_log(s, SERVICE_LOG_WARN, "map_fills", "percent=%u", used);
    s->used_percent = used;
    s->now.storage_full = used >= s->options.map_refuse_percent;
    metrics_set(m, METRICS_map, s->options.journal.map_bytes);
    metrics_set(m, METRICS_map_used, s->options.journal.map_bytes / 100 * used);
}

/* Seldom: things that need not be exact. */
static void measure(struct service_instance *s)
{
    struct metrics *m = &s->metrics;
    bool was_ready = service_is_ready(s);
    metrics_turn(m, s->now.mono_ns, is_ready(s));
    if (service_is_ready(s) != was_ready)
        service_log(s, SERVICE_LOG_INFO, was_ready ? "not_ready" : "ready",
                    "gseq=%" PRIu64, s->gseq);
    if (s->now.mono_ns < s->measured_at_ns)
        return;
    s->measured_at_ns = s->now.mono_ns + MEASURE_NS;
    measure_io(s);
    metrics_set(m, METRICS_gseq, s->gseq);
    metrics_set(m, METRICS_lag_records,
                s->input.head > s->input.next ? s->input.head - s->input.next : 0);
    metrics_set(m, METRICS_epoch,
                service_owns_log(s) ? s->publishers[0].epoch : s->input.epoch);
    metrics_set(m, METRICS_unacked, stream_submitter_unacked_bytes(&s->submitter));
    metrics_set(m, METRICS_state, s->state_size);
    if (s->state != NULL && s->kind->core->imbalance != NULL)
        metrics_set(m, METRICS_ledger_imbalance, s->kind->core->imbalance(s->state));
    metrics_set(m, METRICS_snapshot_gseq, s->snapshot_next);
    metrics_set(m, METRICS_replay_records, s->input.next - s->snapshot_next);
    metrics_set(m, METRICS_snapshot_records, s->options.snapshot_records);
    metrics_set(m, METRICS_pushes_dropped, s->input.duplicates + s->input.stale);
    metrics_set(m, METRICS_gaps_found, s->input.gaps);
    metrics_set(m, METRICS_fetches_sent, s->input.fetches);
    metrics_set(m, METRICS_submissions_sent, s->submitter.sent_count);
    metrics_set(m, METRICS_submissions_resent, s->submitter.resent_count);
}

static int work(struct service_instance *s)
{
    int frames = service_frames_drain(s);
    int replayed = frames < 0 ? frames : service_restart_replay(s);
    int did = replayed < 0 ? replayed : finish_drain(s);
    int sent = did < 0 ? did : service_say_turn(s);
    int answered = sent < 0 ? sent : service_query_answer(s);
    int error = answered < 0 ? answered : commit_if_due(s);
    return error != 0 ? error : frames + replayed + did + sent + answered;
}

int service_turn(struct service_instance *s)
{
    if (s->error != 0)
        return s->error;
    uint64_t began_ns = s->now.mono_ns;
    read_clock(s);
    if (FAULT(STORAGE_FULL))
        s->now.storage_full = true; /* until it is measured again */
    if (s->was_busy) /* then this turn follows at once: one clock for both */
        metrics_observe(&s->metrics, METRICS_turn, s->now.mono_ns - began_ns);
    measure(s);
    int done = work(s);
    s->was_busy = done > 0;
    if (done > 0)
        metrics_add(&s->metrics, METRICS_turns, 1);
    if (done < 0) {
        s->error = done;
        service_log(s, SERVICE_LOG_ERROR, "stop",
                    "seq=%" PRIu64 " gseq=%" PRIu64 " error=%s", check_sequence, s->gseq,
                    error_name(done));
    }
    return done;
}

/* ---- the loop ---------------------------------------------------------------------- */

/* Stops cleanly: everything applied is committed, with a snapshot to start from. */
static int close_down(struct service_instance *s)
{
    int error = service_store_snapshot(s, true);
    do {
        if (error == 0)
            error = service_store_commit(s);
    } while (error == 0 && s->snapshot.phase != SNAPSHOT_IDLE);
    if (error == 0)
        error = service_store_settle(s);
    service_log(s, SERVICE_LOG_INFO, "stopped", "gseq=%" PRIu64 " error=%s", s->gseq,
                error_name(error));
    return error;
}

static int run(struct service_instance *s)
{
    while (!atomic_load(&s->stop_asked)) {
        int done = service_turn(s);
        if (done < 0)
            return done;
        if (done > 0 && s->kind->follows && s->options.rest_us > 0)
            bus_rest(s->bus, s->options.rest_us);
        bus_wait(s->bus, done > 0 ? 0 : WAIT_MS); /* busy or not, cuts are made there */
    }
    return close_down(s);
}

int service_run(struct service_instance *s)
{
    int error = run(s);
    if (error != 0)
        journal_leave(s->journal); /* another thread may be the one to destroy it */
    return error;
}

void service_stop(struct service_instance *s)
{
    atomic_store(&s->stop_asked, true);
    bus_wake(s->bus);
}

/* ---- looking in -------------------------------------------------------------------- */

const struct metrics *service_metrics(const struct service_instance *s)
{
    return &s->metrics;
}

bool service_is_ready(const struct service_instance *s)
{
    return atomic_load(&s->metrics.ready);
}

uint64_t service_next(const struct service_instance *s)
{
    return s->input.next;
}

const void *service_state(const struct service_instance *s)
{
    return s->state;
}

const struct bus *service_bus(const struct service_instance *s)
{
    return s->bus;
}
