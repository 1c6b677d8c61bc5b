/* sequencer_core.h - gives every record its place in the log, once.
 *
 * Owns:     sessions and their answers, the services' sources, the clock of the log, and
 *           a queue of commands that arrived and are not in the log yet.
 * Units:    positions of the log, ns.
 * Errors:   none; every refusal is an answer. It stops with ERR_LOG_BEHIND when a service
 *           has read further than the log reaches.
 * Threads:  one.
 * Bounds:   SEQUENCER_QUEUE_BYTES of waiting commands (orders: three quarters of it);
 *           sessions as stated in dedupe.h; what does not fit into the outbox waits or is
 *           sent again.
 *
 * Its state is the fold of its own log: what it appends it folds at once, by the function
 * that replay uses. Answers leave only after what they speak of is committed, because the
 * harness sends after it commits.
 */
#ifndef SEQUENCER_CORE_H
#define SEQUENCER_CORE_H

#include "common/core.h"
#include "common/ring.h"
#include "common/service.h"
#include "services/sequencer/dedupe.h"
#include "services/sequencer/logtime.h"
#include "services/sequencer/roster.h"

#define SEQUENCER_QUEUE_BYTES (16u << 20)
#define SEQUENCER_TICK_NS     UINT64_C(100000000)
#define SEQUENCER_RETRY_MS    10 /* value of BUSY */

struct sequencer {
    /* The fold. */
    struct msg_genesis genesis;
    uint64_t next;    /* gseq of the next record */
    uint64_t time_ns; /* of the last one */
    uint64_t epoch, tick, tick_ns;
    struct roster roster;
    struct dedupe dedupe;

    /* This run. */
    struct core_settings settings;
    struct logtime clock;
    uint64_t mono_ns;
    bool live; /* EPOCH is written */
    bool open; /* commands are taken */
    struct ring queue;
};

extern const struct core_ops sequencer_core;
extern const struct service_kind sequencer_kind;

/* For the sequencer's own files. Is there room for one more record and one more answer?
 */
bool sequencer_has_room(const struct outbox *);

/* Puts a record at the end of the log, and folds it. Returns its gseq. */
uint64_t sequencer_append(struct sequencer *, struct outbox *, int64_t source, uint64_t n,
                          const struct msg *, const uint8_t *bytes, uint32_t size);

/* The same for a record of the sequencer itself. */
uint64_t sequencer_append_own(struct sequencer *, struct outbox *, const struct msg *);

#endif
