/* bus_zap.h - answers libzmq when it asks whether a key may come in (ZAP, RFC 27).
 *
 * A context has one such handler. It is a socket of the bus that owns the context's CURVE
 * ports, and is served by that bus' thread.
 *
 * Owns:     its socket.
 * Units:    none.
 * Errors:   ERR_ADDRESS_IN_USE if the context has a handler already, ERR_IO.
 * Threads:  the one of its bus.
 * Bounds:   one request at a time.
 */
#ifndef BUS_ZAP_H
#define BUS_ZAP_H

#include "common/bus.h"

/* The ZAP domain of a port's socket, so that the handler knows which port is asked for.
 */
const char *bus_zap_domain(enum bus_port);

int bus_zap_open(void **zap, void *context);
void bus_zap_close(void **zap);

/* Answers all requests that are there. A key nobody vouches for (admit == NULL) is
 * refused. */
void bus_zap_serve(void *zap, const struct bus_options *);

#endif
