/* refold_world.h - the log of a venue and every core it is folded through, in one thread.
 *
 *     log record -> sequencer, risk -> approved.k -> shard k, settlement, portfolio,
 *                   gateway
 *
 * Owns:     the log's journal and the folds.
 * Units:    gseq.
 * Errors:   negative ERR_*; `fault` says in words what is wrong with the log.
 * Threads:  one.
 * Bounds:   REFOLD_WORLD_FOLDS cores.
 */
#ifndef REFOLD_WORLD_H
#define REFOLD_WORLD_H

#include "deploy/cli/refold.h"
#include "deploy/cli/refold_fold.h"
#include "deploy/cli/refold_stream.h"

enum {
    REFOLD_WORLD_FOLDS = SHARD_MAX + 1 + 5, /* shards behind the services that are one */
};

/* What a tool that looks closer is told. What it returns, if not 0, ends the step. */
struct refold_world_hooks {
    /* A record of the log, before any core sees it; the cores exist. */
    int (*arrived)(void *argument, const struct core_input *);
    /* After each record of each core, while its outputs are in its outbox. */
    int (*applied)(void *argument, struct refold_fold *, const struct core_input *);
    void *argument;
};

struct refold_world {
    struct journal *journal;
    struct refold_stream log;
    struct refold_fold folds[REFOLD_WORLD_FOLDS];
    uint32_t fold_count;
    uint32_t risk, shards; /* index of risk, and of the first shard */
    uint32_t services;     /* those asked for */
    struct msg_genesis genesis;
    struct msg msg; /* of the last record */
    struct block_record record;
    const void *shard_states[SHARD_MAX + 1];
    const struct refold_world_hooks *hooks; /* or NULL */
    uint64_t emitted[SHARD_MAX + 1];        /* records of approved.k that risk has made */
    bool is_jumping;                        /* GENESIS is not followed by record 2 */
};

/* Opens the log read-only. */
ERROR_CHECKED int refold_world_open(struct refold_world *, const char *directory,
                                    uint32_t services);
void refold_world_close(struct refold_world *);

/* Applies the next record of the log to all that have not had it. 1, 0 at the end, or an
 * error. */
ERROR_CHECKED int refold_world_step(struct refold_world *);

/* Goes on at record `from`, wherever each fold stands; GENESIS was applied. */
ERROR_CHECKED int refold_world_continue(struct refold_world *, uint64_t from);

/* The record just applied and the states after it. */
void refold_world_view(struct refold_world *, struct refold_view *);

/* By the source it submits under; NULL if it is not folded. */
struct refold_fold *refold_world_find(struct refold_world *, int64_t source);

/* Opens the journal of `name` in the venue's directory for reading. */
ERROR_CHECKED int refold_world_journal(struct journal **, const char *directory,
                                       const char *name);

#endif
