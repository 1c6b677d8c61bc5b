/* command.h - what clients send: decided once, answered every time.
 *
 * Owns:     nothing; works on the sequencer.
 * Units:    none.
 * Errors:   none; each refusal is an answer, in the order of DESIGN 5 and 6.
 * Threads:  none.
 * Bounds:   the queue of the sequencer; BUSY when it is full, for orders earlier.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include "services/sequencer/sequencer_core.h"

/* A command, or with session 0 the wish for a session, waiting for its turn. The client's
 * bytes follow it in the queue. */
struct command_arrival {
    uint64_t session;
    uint64_t n; /* or the nonce */
    uint32_t peer;
    uint32_t account;
};

/* Lets it wait for the end of the drain, so that all reports of this drain come first. */
void command_enqueue(struct sequencer *, struct outbox *, const struct command_arrival *,
                     const uint8_t *body, uint32_t size);

/* Decides the one that has waited longest; the outbox must have room. */
void command_decide_front(struct sequencer *, const struct core_time *, struct outbox *);

#endif
