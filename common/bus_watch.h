/* bus_watch.h - cuts connections that bring much and never a whole message.
 *
 * libzmq keeps the parts of a message until its last one is there, without a limit and
 * unseen by anybody. So the kernel is asked how much each accepted connection has brought
 * since the last message that was taken from it.
 *
 * Owns:     nothing; the descriptors are libzmq's, and may be gone or be another's when
 *           they are looked at.
 * Units:    bytes, ns of the monotonic clock.
 * Errors:   none.
 * Threads:  none; belongs to one bus.
 * Bounds:   descriptors below BUS_WATCH_MAX; a connection is cut when it was over the
 *           limit in two rounds, which begin BUS_WATCH_NS apart or more.
 */
#ifndef BUS_WATCH_H
#define BUS_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#define BUS_WATCH_MAX (1u << 14)
#define BUS_WATCH_NS  UINT64_C(100000000)

struct bus_watched {
    bool is_accepted, has_spoken, is_suspect;
    uint64_t bytes; /* it had brought at the end of a round in which it spoke */
};

struct bus_watch {
    uint16_t port; /* the local end of all of them */
    uint64_t bytes_max;
    uint64_t begun_ns;  /* this round */
    uint32_t next, end; /* of this round; above all descriptors */
    struct bus_watched connections[BUS_WATCH_MAX];
};

/* Of a socket bound to this address (tcp://...:port), which takes frames of this size. */
void bus_watch_begin(struct bus_watch *, const char *address, uint32_t frame_bytes_max);

/* A connection was accepted. */
void bus_watch_add(struct bus_watch *, int descriptor);

/* A message was taken from it. */
void bus_watch_spoken(struct bus_watch *, int descriptor);

/* Looks at some of them, and cuts. */
void bus_watch_look(struct bus_watch *, uint64_t now_ns);

#endif
