/* refold.h - a venue's whole past, computed again from the log of its directory.
 *
 * The log alone decides everything: this opens DIR/sequencer read-only (beside a running
 * venue too), checks every block on the way (crc, chain, gseq, time) and folds it through
 * the services' own cores in this process. What risk approves is fed to the shards at
 * once, so after each record all states are those of that gseq. Who wants to know of one
 * record only can begin at the snapshots before it, if the services have any.
 *
 * Owns:     the cores' memory, mapped in the sizes of GENESIS; untouched pages cost
 *           nothing.
 * Units:    gseq, ns of the log.
 * Errors:   negative ERR_*, with what and where in `message`.
 * Threads:  one.
 * Bounds:   one pass over the log; one record of it at a time.
 */
#ifndef REFOLD_H
#define REFOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"
#include "proto/msg.h"

#define REFOLD_MESSAGE_MAX 256

/* Which cores to fold; risk always is, for the shards' sake and for names. */
enum refold_service {
    REFOLD_SHARDS = 1,
    REFOLD_SETTLEMENT = 2,
    REFOLD_PORTFOLIO = 4,
    REFOLD_SEQUENCER = 8,
    REFOLD_GATEWAY = 16,
    REFOLD_ALL = 31,
};

struct refold_options {
    const char *directory; /* of the venue */
    uint64_t until;        /* the last gseq to fold; 0: the end of the log */
    uint32_t services;     /* enum refold_service, or-ed */
    bool jumps;            /* begin at snapshots: only what is seen at `until` counts */
};

/* One record of the log, and the states right after it. Borrowed for the call. */
struct refold_view {
    uint64_t gseq, time_ns;
    int64_t source;
    uint64_t n;
    const struct msg *msg;
    const struct msg_genesis *genesis;
    uint64_t end; /* the last gseq there is, for progress */
    /* For the queries of the cores; NULL for those not asked for. */
    const void *risk, *settlement, *portfolio;
    const void *const *shards; /* shard_count of them; a shard is NULL before GENESIS */
    uint32_t shard_count;
};

/* Called after each record; false ends the pass early. */
typedef bool refold_visit(void *argument, const struct refold_view *);

/* 0 when `until` or the end was reached, or the visit had enough. `message` has
 * REFOLD_MESSAGE_MAX bytes and is set on error. */
int refold_run(const struct refold_options *, refold_visit *visit, void *argument,
               char *message);

/* Asks a core (of the view's states) one question, page after page; `visit` is called
 * with each row. 0, or the ERR_* the core answers. For what is in memory: rows that
 * services keep in their tables (trades, postings, closed orders) are not there. */
struct core_ops;
int refold_query(const struct core_ops *, const void *state, const struct msg_query *,
                 void (*visit)(void *argument, const struct msg *row), void *argument);

#endif
