/* bus_cut.h - cuts connections a little after that is asked for, so that what was sent on
 * them before gets out.
 *
 * libzmq cannot close one connection of a socket, so its descriptor is shut down, if it
 * is still the same connection: it is libzmq's, and may be gone or be another's by then.
 *
 * Owns:     the list of those that wait.
 * Units:    ns of the monotonic clock.
 * Errors:   none; when the list is full a connection is cut at once.
 * Threads:  none; belongs to one bus.
 * Bounds:   BUS_CUT_MAX wait, BUS_CUT_NS each.
 */
#ifndef BUS_CUT_H
#define BUS_CUT_H

#include <stdint.h>

#include "common/bus_peer.h"

#define BUS_CUT_MAX 64
#define BUS_CUT_NS  UINT64_C(50000000)

struct bus_cut {
    struct bus_connection connection;
    uint64_t due_ns;
};

struct bus_cuts {
    struct bus_cut waiting[BUS_CUT_MAX];
    uint32_t first, count;
};

void bus_cut_add(struct bus_cuts *, const struct bus_connection *, uint64_t now_ns);

/* Cuts those whose time has come. */
void bus_cut_look(struct bus_cuts *, uint64_t now_ns);

#endif
