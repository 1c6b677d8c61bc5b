/* service.h - the harness: one core, its sockets, its journal, and the only loop.
 *
 * main.c declares a `struct service_kind` and calls service_main. Tests, the all-in-one
 * process and the simulator create instances themselves and step them.
 *
 * Owns:     an instance owns its core's memory, bus and journal; nothing is global.
 * Units:    as named.
 * Errors:   negative ERR_*; what ends a service is logged and is its exit code
 *           (exit.def).
 * Threads:  an instance belongs to one thread, except service_stop and service_is_ready.
 * Bounds:   memory is fixed once GENESIS is known; a turn does bounded work.
 */
#ifndef SERVICE_H
#define SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bus.h"
#include "common/core.h"
#include "common/journal.h"

/* Which stream a service reads, or owns. */
enum service_stream {
    SERVICE_STREAM_NONE,
    SERVICE_STREAM_LOG,
    SERVICE_STREAM_APPROVED, /* read: approved.<instance>; owned: all K of them */
};

/* What a service journals besides its cursor, rows and snapshots. */
enum service_journal {
    SERVICE_JOURNAL_INPUTS = 1,  /* blocks it read: it restarts without their owner */
    SERVICE_JOURNAL_OUTPUTS = 2, /* blocks it submitted: regenerated ones are compared */
};

struct service_kind {
    const struct core_ops *core;
    uint32_t number; /* enum service of types.def; a shard's instance is added */
    enum service_stream input;
    enum service_stream owns;
    bool submits;     /* its outputs and digests go to the log */
    uint32_t journal; /* enum service_journal, or-ed */
    bool follows;     /* no command waits for it: it rests between turns */
};

struct service_options {
    uint32_t instance; /* k of a shard, else 0 */
    struct journal_options journal;
    struct bus_options bus;
    bool init;                  /* owner of the log, empty journal: begin a new log */
    struct msg_genesis genesis; /* ... with this; a zero log_id is drawn at random */
    struct core_settings settings;
    const uint64_t *skips; /* input positions the operator wants passed over */
    uint32_t skip_count;
    uint32_t turn_frames_max;
    uint32_t commit_interval_us;    /* the log commits every turn, and settles as often */
    uint32_t rest_us;               /* of a service that follows, after each turn */
    uint32_t snapshot_records;      /* input records between two snapshots */
    uint64_t snapshot_child_bytes;  /* a state as large is written by a child */
    uint32_t query_wait_ms;         /* then PENDING */
    uint32_t unacked_bytes_max;     /* above it no input is applied */
    uint32_t fetch_bytes_max;       /* one answer to a FETCH */
    const char *archive_path;       /* directory for old blocks of the log; NULL: none */
    uint64_t archive_keep_records;  /* newest ones, that stay in the journal */
    uint64_t archive_segment_bytes; /* 0: the default */
    bool prune_approved;         /* drop what the stream's reader says it needs no more */
    uint32_t map_alarm_percent;  /* of the journal: a line of log */
    uint32_t map_refuse_percent; /* commands are refused, reports never */
};

struct metrics;
struct service_instance;

/* Fills in the defaults of everything but addresses, paths and GENESIS. */
void service_options_init(struct service_options *);

/* Opens journal and bus. ERR_NO_GENESIS: an empty log without init. Else what
 * journal_open and bus_open return, ERR_CORRUPT, ERR_MEMORY. Options are copied; what
 * they point to (paths, addresses) must live as long as the instance. */
int service_create(struct service_instance **, const struct service_kind *,
                   const struct service_options *);

/* Does what there is to do, without waiting. Returns how much it was, 0 when idle, or the
 * error that ends the service. */
int service_turn(struct service_instance *);

/* Turns until service_stop or an error; then snapshot, commit. Returns 0 or the error. */
int service_run(struct service_instance *);

/* Asks service_run to end. From any thread and from signal handlers. */
void service_stop(struct service_instance *);

/* Closes everything. What was not committed is lost, as in a crash; service_run has
 * committed before it returns. */
void service_destroy(struct service_instance **);

/* What it counts, and its health. From any thread, as long as the instance lives. */
const struct metrics *service_metrics(const struct service_instance *);

/* Caught up with what its journal says, and in touch with its owner. From any thread. */
bool service_is_ready(const struct service_instance *);

/* For tests and tools: where it stands, and its core. State is NULL before GENESIS. */
uint64_t service_next(const struct service_instance *);
const void *service_state(const struct service_instance *);
const struct bus *service_bus(const struct service_instance *);

/* The whole of a service's main(): settings, log, signals, metrics, service_run. Returns
 * the exit code. */
int service_main(int argc, char **argv, const struct service_kind *);

#endif
