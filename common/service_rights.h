/* service_rights.h - which service may send what to another: one table.
 *
 * With CURVE a key proves who a peer is, and a service that was taken over can still do
 * only what is its own: no gateway makes reports, no shard reads the log. Without CURVE
 * (threads of one process) nobody is asked.
 *
 * Owns:     nothing.
 * Units:    a source is minus a service's number; 0: there was no CURVE.
 * Errors:   false: the message is passed over.
 * Threads:  any; pure.
 * Bounds:   one look at a short table.
 */
#ifndef SERVICE_RIGHTS_H
#define SERVICE_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/msg.h"

/* A peer whose key is no service's: may do nothing. */
#define SERVICE_RIGHTS_STRANGER INT64_MIN

/* May `peer` send this message to the server of another service? */
bool service_rights_allow(int64_t peer, const struct msg *);

/* May `peer` hear what the owner of a stream publishes? `owner` is its source. */
bool service_rights_hear(int64_t peer, int64_t owner);

/* The source of the service named "risk", "shard-3", "gateway-0"; else STRANGER. */
int64_t service_rights_source(const char *name);

#endif
