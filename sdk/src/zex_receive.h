/* zex_receive.h - what each message from a gateway does to the client.
 *
 * Owns:     nothing; works on struct zex_client.
 * Units:    as in zex.h.
 * Errors:   a frame that does not decode becomes ZEX_EVENT_ALARM and is dropped.
 * Threads:  the client's.
 * Bounds:   none beyond the frame.
 */
#ifndef ZEX_RECEIVE_H
#define ZEX_RECEIVE_H

#include "sdk/src/zex_state.h"

void zex_receive_frame(struct zex_client *, const uint8_t *bytes, size_t size);

#endif
