/* zex_socket.h - the one connection of a client; the SDK's only file with <zmq.h>.
 *
 * Owns:     a zmq context and one DEALER socket.
 * Units:    bytes, milliseconds.
 * Errors:   ZEX_ERR_SOCKET.
 * Threads:  the client's.
 * Bounds:   frames up to ZEX_SOCKET_FRAME_MAX.
 */
#ifndef ZEX_SOCKET_H
#define ZEX_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sdk/include/zex.h"

#define ZEX_SOCKET_FRAME_MAX (60 * 1024) /* below the gateway's public limit */

struct zex_socket;

int zex_socket_create(struct zex_socket **);
void zex_socket_destroy(struct zex_socket **);

/* Leaves the present gateway, if any, and connects to another. */
int zex_socket_connect(struct zex_socket *, const struct zex_options *,
                       const char *address);

/* False if the queue is full: nothing was sent. */
bool zex_socket_send(struct zex_socket *, const void *bytes, size_t size);

/* A frame that is there: true, bytes borrowed until the next call. */
bool zex_socket_receive(struct zex_socket *, const uint8_t **bytes, size_t *size);

bool zex_socket_is_readable(const struct zex_socket *);
void zex_socket_wait(struct zex_socket *, int timeout_ms);
int zex_socket_descriptor(const struct zex_socket *);

#endif
