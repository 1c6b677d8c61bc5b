/* workload.h - what the clients want: the operator sets the venue up and then meddles,
 * traders place, cancel, replace, withdraw and close sessions, at random.
 *
 * Owns:     nothing; its state is in the clients.
 * Units:    as the messages.
 * Errors:   none.
 * Threads:  none.
 * Bounds:   plan.commands of each client.
 */
#ifndef SIM_WORKLOAD_H
#define SIM_WORKLOAD_H

#include "tests/sim/client.h"

void workload_init(struct client *);

/* Puts new commands into the outbox, now and then. */
void workload_turn(struct client *);

/* A wrong client: another command under the same n. */
void workload_give_up(struct client *, uint64_t n);

/* The operator found no session to end: another one, then. */
void workload_repair(struct client *, uint64_t n);

/* The operator has said all that the traders need. */
bool workload_is_set_up(const struct client *operator);

#endif
