/* zex_protocol.h - the client's half of the contract: sessions, resend, feed, gateways.
 *
 * Owns:     nothing; works on struct zex_client.
 * Units:    milliseconds.
 * Errors:   set client->status.
 * Threads:  the client's.
 * Bounds:   one frame of commands a call and lane until the queue is full.
 */
#ifndef ZEX_PROTOCOL_H
#define ZEX_PROTOCOL_H

#include "sdk/src/zex_state.h"

/* Connects to the gateway that is due. */
void zex_protocol_connect(struct zex_client *);
/* Sends what is due: greetings, commands, pings; notices silence. */
void zex_protocol_send(struct zex_client *);
/* Takes every frame that is there. */
void zex_protocol_receive(struct zex_client *);
/* Milliseconds until something is due. */
int zex_protocol_timeout_ms(const struct zex_client *);

/* Adds a message to the frame being built, and sends the frame. */
void zex_protocol_add(struct zex_client *, const struct msg *);
bool zex_protocol_flush(struct zex_client *);

#endif
