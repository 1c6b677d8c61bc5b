/* service_link.h - notices that the other end of a connection has gone silent.
 *
 * A peer that has moved to another address, or lost its power, does not end a connection:
 * TCP would wait for it for longer than clients should. So a peer that owes a word and
 * says none for SERVICE_LINK_SILENT_NS is connected to anew. While there is no connection
 * nothing can be sent, and it is tried again less and less often.
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
#define SERVICE_LINK_SOON_NS   UINT64_C(10000000)
#define SERVICE_LINK_LATE_NS   UINT64_C(250000000)

struct service_link {
    uint64_t asked_ns; /* since then it owes a word; 0: it owes none */
    uint64_t wait_ns;  /* the last wait for a connection; 0: none since it spoke */
};

/* It was asked for something, or is to speak by itself. */
void service_link_ask(struct service_link *, uint64_t now_ns);

/* It said something, whatever it was. */
void service_link_hear(struct service_link *);

/* True once for each so long without a word. */
bool service_link_is_silent(struct service_link *, uint64_t now_ns);

/* It could not be sent anything. How long to wait: SOON, then twice as long each time,
 * LATE at most. */
uint64_t service_link_wait_ns(struct service_link *);

#endif
