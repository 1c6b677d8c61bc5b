/* intake.h - what clients send.
 *
 * Owns:     nothing; works on the gateway.
 * Units:    none.
 * Errors:   none; each refusal is an answer, in one order (README.md).
 * Threads:  none.
 * Bounds:   GATEWAY_FRAME_MESSAGES_MAX messages a frame, frames as in peer.h: else LIMIT.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include "services/gateway/gateway_core.h"

void intake_frame(struct gateway *, const struct core_frame *, struct outbox *);

#endif
