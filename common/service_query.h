/* service_query.h - queries wait here until the service stands at the position they ask
 * for.
 *
 * Owns:     the queue, and the memory of one answer.
 * Units:    ns of the monotonic clock.
 * Errors:   ERR_MEMORY at init. A query is always answered: BUSY when the queue is full,
 *           PENDING when its time is over.
 * Threads:  none.
 * Bounds:   SERVICE_QUERY_WAITING.
 */
#ifndef SERVICE_QUERY_H
#define SERVICE_QUERY_H

#include <stdint.h>

#include "proto/msg.h"

#define SERVICE_QUERY_WAITING 1024

struct service_instance;

struct service_query {
    uint32_t peer;
    uint64_t came_ns, give_up_ns;
    struct msg_query query;
};

struct service_queries {
    struct service_query *waiting; /* in order of arrival */
    uint32_t count;
    uint8_t *frame, *rows;
    int error; /* of reading a row */
};

int service_query_init(struct service_queries *);
void service_query_close(struct service_queries *);

/* Queries, back to back in one frame. */
void service_query_receive(struct service_instance *, uint32_t peer, const uint8_t *bytes,
                           size_t size);

/* Answers those whose position is reached or whose time is over. */
int service_query_answer(struct service_instance *);

#endif
