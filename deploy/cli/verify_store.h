/* verify_store.h - what one service has in its directory, compared with its core folded
 * from zero: streams, cursor, snapshots.
 *
 * Each snapshot becomes a twin when the fold reaches its position; from there on it is
 * fed the same records, and must make the same records and end in the same state.
 *
 * Owns:     the journal (not the log owner's), tapes, snapshots, twins.
 * Units:    positions of the service's input.
 * Errors:   ERR_DIVERGED with the difference; what the journal returns.
 * Threads:  one.
 * Bounds:   VERIFY_STORE_SNAPSHOTS snapshots.
 */
#ifndef VERIFY_STORE_H
#define VERIFY_STORE_H

#include "common/service_instance.h" /* struct service_cursor: what is in the rows */
#include "deploy/cli/refold_fold.h"
#include "deploy/cli/verify_queue.h"
#include "deploy/cli/verify_rows.h"
#include "deploy/cli/verify_tape.h"

enum {
    VERIFY_STORE_SNAPSHOTS = 4,
};

struct verify_snapshot {
    struct snapshot stored;
    int error;     /* of reading it */
    bool is_alive; /* reached: the twin is fed */
    struct refold_fold twin;
};

struct verify_store {
    char name[32];
    struct journal *journal; /* NULL: the service has no directory here */
    bool owns_journal;
    const struct refold_stream *log; /* NULL for a shard */
    struct refold_fold *fold;        /* NULL until the log's first record */
    bool has_cursor;
    struct service_cursor cursor;
    struct verify_tape emits[SHARD_MAX + 1], input, output;
    struct verify_queue submits;
    struct verify_rows rows;
    uint8_t submits_digest[STREAM_DIGEST];
    struct verify_snapshot snapshots[VERIFY_STORE_SNAPSHOTS];
    uint32_t snapshot_count, snapshots_equal;
    uint32_t cursors_equal;
};

/* Opens DIR/name for reading if it is there; reads at once, so that the log, opened
 * later, has all that this service saw. */
ERROR_CHECKED int verify_store_open(struct verify_store *, const char *directory,
                                    const char *name, struct verify_difference *);
/* The log owner's, whose journal is open already. */
ERROR_CHECKED int verify_store_attach(struct verify_store *, struct journal *,
                                      struct verify_difference *);
void verify_store_close(struct verify_store *);

/* The core whose store this is exists. `log`: the stream it reads, if it is the log. */
ERROR_CHECKED int verify_store_bind(struct verify_store *, struct refold_fold *,
                                    const struct msg_genesis *,
                                    const struct refold_stream *log,
                                    struct verify_difference *);

/* The core has applied a record; its outputs are in its outbox. */
ERROR_CHECKED int verify_store_applied(struct verify_store *, const struct core_input *,
                                       struct verify_difference *);

/* A record of this service is in the log: the oldest it must have submitted. */
ERROR_CHECKED int verify_store_logged(struct verify_store *, const struct core_input *,
                                      struct verify_difference *);

/* The log is over. */
ERROR_CHECKED int verify_store_finish(struct verify_store *, struct verify_difference *);

/* Records of its own streams that were compared. */
uint64_t verify_store_compared(const struct verify_store *);

#endif
