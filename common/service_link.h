/* service_link.h - notices that the other end of a connection has gone silent.
 *
 * A peer that has moved to another address, or lost its power, does not end a connection:
 * TCP would wait for it for longer than clients should. So a peer that owes a word and
 * says none for SERVICE_LINK_SILENT_NS is connected to anew.
 *
 * Owns:     nothing.
 * Units:    ns of the monotonic clock.
 * Errors:   none.
 * Threads:  none.
 * Bounds:   none.
 */
#ifndef SERVICE_LINK_H
#define SERVICE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#define SERVICE_LINK_SILENT_NS UINT64_C(2000000000)

struct service_link {
    uint64_t asked_ns; /* since then it owes a word; 0: it owes none */
};

/* It was asked for something, or is to speak by itself. */
void service_link_ask(struct service_link *, uint64_t now_ns);

/* It said something, whatever it was. */
void service_link_hear(struct service_link *);

/* True once for each so long without a word. */
bool service_link_is_silent(struct service_link *, uint64_t now_ns);

#endif
