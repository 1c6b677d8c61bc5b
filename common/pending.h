/* pending.h - commands that wait for their decision, which is what gives them effect.
 *
 * Owns:     copies of their encodings, carved at pending_init.
 * Units:    bytes.
 * Errors:   none; more than the capacity in flight fails a CHECK, for the sequencer's window
 *           bounds what risk has not decided.
 * Threads:  none.
 * Bounds:   the bytes given to pending_init.
 *
 * Configuration is in force from its admin_done on, not from the command: risk may refuse it.
 * Risk decides commands in the order of the log, so the oldest is always decided first, and
 * one that is passed over (SKIP) will never be.
 */
#ifndef PENDING_H
#define PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/ring.h"
#include "proto/msg.h"

struct reader;
struct writer;

struct pending {
    struct ring commands; /* [u64 gseq][encoding] */
};

void pending_init(struct pending *, struct arena *, uint32_t bytes);

/* Keeps the command at `gseq`. */
void pending_add(struct pending *, uint64_t gseq, const uint8_t *bytes, uint32_t size);

/* Risk decided `request`: forgets it and all before it. True if it was here, with the command
 * decoded into `msg`. */
bool pending_take(struct pending *, uint64_t request, struct msg *msg);

void pending_save(const struct pending *, struct writer *);
int pending_load(struct pending *, struct reader *);

#endif
