/* service_instance.h - what the files service*.c share; nobody else includes it.
 *
 *     service.c          create, turn, run, stop
 *     service_genesis.c  how a log begins
 *     service_input.c    blocks into the core, which is born at GENESIS
 *     service_output.c   the outbox into streams, log, rows and frames
 *     service_frames.c   what comes in on the sockets
 *     service_say.c      what the harness itself says
 *     service_query.c    reads that wait for their position
 *     service_store.c    cursor, commit, snapshot
 *     service_archive.c  old blocks of the log into files
 *     service_restart.c  snapshot, replay, compare
 *     service_sender.c   one frame per destination; service_log.c  one line per event
 *     service_link.c     connections that have gone silent
 *     service_setup.c    settings to options; service_main.c  main() of a service
 *
 * Owns:     everything below.
 * Units:    ns of the monotonic clock, read once per turn.
 * Errors:   negative ERR_*: the service ends.
 * Threads:  one, except stop_asked and the metrics.
 * Bounds:   as options and GENESIS say.
 */
#ifndef SERVICE_INSTANCE_H
#define SERVICE_INSTANCE_H

#include <stdatomic.h>

#include "common/metrics.h"
#include "common/service.h"
#include "common/service_archive.h"
#include "common/service_link.h"
#include "common/service_query.h"
#include "common/service_sender.h"
#include "common/snapshot.h"
#include "common/stream_consumer.h"
#include "common/stream_publisher.h"
#include "common/stream_submitter.h"

#define SERVICE_PUBLISHERS (OUTBOX_STREAMS + 1) /* the streams it owns, and its outputs */
#define SERVICE_SKIPS      64

/* Where a service stands; the cursor row of its journal, in each transaction with
 * effects. */
struct service_cursor {
    uint64_t next; /* input */
    uint8_t chain[STREAM_CHAIN];
    uint64_t gseq, time_ns; /* of the last record applied */
    uint64_t made_n;        /* submitted */
    uint8_t digest[STREAM_DIGEST];
    uint32_t emits;
    struct {
        uint64_t next;
        uint8_t chain[STREAM_CHAIN];
    } emit[SERVICE_PUBLISHERS];
};

struct service_instance {
    const struct service_kind *kind;
    struct service_options options;
    char name[32]; /* "risk", "shard-0" */
    uint32_t number;
    int64_t source;
    struct journal *journal;
    struct bus *bus;

    struct msg_genesis genesis;
    void *state; /* NULL before GENESIS */
    size_t state_size;
    struct outbox outbox;
    void *memory; /* outbox, publishers and submitter carved from it */
    size_t memory_size;

    struct stream_consumer input; /* log owner: used to replay only */
    uint64_t gseq, time_ns;       /* of the last record applied */
    bool is_replaying;            /* up to `stored` */
    bool has_stored;
    struct service_cursor stored; /* as it was committed when we started */

    struct stream_publisher publishers[SERVICE_PUBLISHERS];
    uint32_t publisher_count;
    struct stream_submitter submitter;
    struct service_sender sender;
    struct service_queries queries;
    uint8_t *frame; /* STREAM_FRAME_BYTES, for what the harness itself sends */

    struct service_archive archive; /* of the log's owner */
    struct snapshot snapshot;
    uint64_t snapshot_next;       /* position of the last one */
    uint64_t snapshots_stored[2]; /* of the newest and the one before; 0: unknown */
    bool snapshot_lost;           /* by its child: make the next one here, now */
    bool has_effects;             /* something to commit */

    uint64_t skips[SERVICE_SKIPS];
    uint32_t skip_count;
    uint64_t told_skips; /* a bit for each, by the sequencer since its last welcome */

    struct core_time now;
    bool is_welcomed;
    bool was_busy; /* the last turn found something to do */
    uint32_t used_percent;
    uint8_t log_id[16]; /* zeros: not known yet */
    struct service_link stream_link, owner_link, sequencer_link;
    struct service_link peer_links[SERVICE_SENDER_PEERS]; /* by service number */
    uint64_t settle_at_ns; /* its journal: what is in the redo file only */
    uint64_t commit_at_ns, checkin_at_ns, position_at_ns, head_at_ns, kept_at_ns,
        measured_at_ns;
    uint64_t commit_ns;     /* that a commit takes, of late */
    uint64_t settle_ns;     /* that settling took, since the last commit */
    uint64_t position_next; /* input position last told */
    struct metrics metrics;
    int64_t forbidden_source; /* who last sent what it may not */
    uint64_t forbidden;       /* since it was last logged */
    int error;

    atomic_bool stop_asked;
};

static inline bool service_owns_log(const struct service_instance *s)
{
    return s->kind->owns == SERVICE_STREAM_LOG;
}

static inline bool service_reads_log(const struct service_instance *s)
{
    return s->kind->input == SERVICE_STREAM_LOG;
}

/* What it has stored is applied, if not yet again in this life. */
static inline uint64_t service_starts_at(const struct service_instance *s)
{
    return s->is_replaying ? s->stored.next : s->input.next;
}

#endif
