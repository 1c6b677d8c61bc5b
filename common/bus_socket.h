/* bus_socket.h - makes one socket of a bus, with every option that must never be
 * forgotten.
 *
 * Owns:     the sockets, until bus_socket_close.
 * Units:    none.
 * Errors:   ERR_ADDRESS_IN_USE, ERR_KEY, ERR_IO.
 * Threads:  the one of its bus.
 * Bounds:   queues of BUS_HWM messages.
 */
#ifndef BUS_SOCKET_H
#define BUS_SOCKET_H

#include "common/bus.h"
#include "common/bus_watch.h"

#define BUS_SOCKET_ADDRESS_MAX 256

struct bus_socket {
    void *socket;
    void *monitor;  /* NULL on inproc, where nothing connects or shakes hands */
    bool needs_key; /* peers must have proved a key */
    uint32_t connected, failed; /* connections now; failed ones whose end is to come */
    char address[BUS_SOCKET_ADDRESS_MAX]; /* bound or connected to */
};

bool bus_socket_is_bound(enum bus_port);

/* Do peers of this endpoint have to prove a key? */
bool bus_socket_needs_key(const struct bus_options *, const struct bus_endpoint *);

int bus_socket_open(struct bus_socket *, void *context, const struct bus_options *,
                    const struct bus_endpoint *);
void bus_socket_close(struct bus_socket *);

/* Adds what the monitor has seen to the counts, accepted connections to those that are
 * watched. */
void bus_socket_count(struct bus_socket *, struct bus_counts *, struct bus_watch *);

/* The descriptor that is readable when the socket (or its monitor) must be looked at. */
int bus_socket_descriptor(void *socket);

#endif
