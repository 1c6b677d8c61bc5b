/* refold_fold.h - one service's core in memory, without its harness.
 *
 * Does for one core what the harness does on replay: born at GENESIS, fed record by
 * record, its digest submitted at the same TICKs, positions the operator skipped passed
 * over. Rows and frames go nowhere.
 *
 * Owns:     state and outbox, mapped in the sizes of GENESIS, untouched pages cost
 *           nothing.
 * Units:    positions of the service's input stream.
 * Errors:   ERR_MEMORY, ERR_CORRUPT.
 * Threads:  one.
 * Bounds:   REFOLD_FOLD_SKIPS skipped positions.
 */
#ifndef REFOLD_FOLD_H
#define REFOLD_FOLD_H

#include "common/error.h"
#include "common/service.h"

#define REFOLD_FOLD_SKIPS 64

struct refold_fold {
    const struct service_kind *kind;
    uint32_t instance;
    int64_t source; /* under which it submits */
    char name[32];  /* "risk", "shard-0" */
    struct msg_genesis genesis;
    void *state; /* NULL before GENESIS */
    size_t state_size;
    void *memory; /* the outbox's */
    size_t memory_size;
    struct outbox outbox; /* what the last record made */
    uint64_t next;        /* the input position it waits for */
    uint64_t skips[REFOLD_FOLD_SKIPS];
    uint32_t skip_count;
};

void refold_fold_init(struct refold_fold *, const struct service_kind *,
                      uint32_t instance);
void refold_fold_close(struct refold_fold *);

/* Another of the same kind and GENESIS, with no state of its own yet. */
ERROR_CHECKED int refold_fold_twin(struct refold_fold *twin, const struct refold_fold *);

/* The operator's SKIP: this position is passed over. */
void refold_fold_skip(struct refold_fold *, uint64_t seq);

/* The next record; what it makes stays in the outbox until the one after. */
ERROR_CHECKED int refold_fold_apply(struct refold_fold *, const struct core_input *);

/* The core this thread is applying to, for the last words of a failed CHECK; its `next`
 * is the position. */
extern _Thread_local const struct refold_fold *refold_fold_applying;

/* xxh3-128 of the whole state. */
void refold_fold_digest(const struct refold_fold *, uint8_t digest[16]);

#endif
