/* poison.h - a record that stops a core whenever it is applied, until it is passed over.
 *
 * Only what a service can do without is poison: nobody else's state rests on it, and no
 * money. A command among it has no outcome.
 *
 * Owns:     what stopped whom, and how far each core ever came.
 * Units:    positions of a service's input.
 * Errors:   none.
 * Threads:  one.
 * Bounds:   POISON_MAX records.
 */
#ifndef SIM_POISON_H
#define SIM_POISON_H

#include <stdbool.h>
#include <stdint.h>

#include "common/service.h"
#include "proto/msg.h"

enum { POISON_MAX = 8 };

void poison_reset(void);

/* The service as it is, but that its core may be poisoned. It lives until the next
 * reset. */
const struct service_kind *poison_kind(uint32_t node, const struct service_kind *);

/* The next harmless record that is new to this process stops it. */
void poison_arm(uint32_t node);
void poison_disarm(void);

/* It stopped this service, which has not been past it, nor is now: `next` is the position
 * where it stands, 0 if it is down. Nothing need come behind it. */
bool poison_is_in(uint32_t node, uint64_t next);

/* A record that stopped a service and that nobody was told of yet. */
bool poison_due(struct msg_skip *);

/* No outcome is owed to this command. */
bool poison_is_cause(uint64_t gseq);

#endif
