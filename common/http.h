/* http.h - /livez, /readyz and /metrics of a process.
 *
 * Owns:     a thread and a listening socket. The metrics are borrowed until http_stop.
 * Units:    none.
 * Errors:   ERR_USAGE: not address:port; ERR_ADDRESS_IN_USE; ERR_MEMORY.
 * Threads:  http_start and http_stop from one; it serves on its own.
 * Bounds:   HTTP_CONNECTIONS_MAX at once; HTTP_STALL_NS without a turn is not alive.
 *
 * 200 or 503 with one line per service. Liveness is the loop's alone: it must not depend
 * on other services, or one that is down takes the rest with it.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/metrics.h"

enum {
    HTTP_CONNECTIONS_MAX = 32,
    HTTP_SERVICES_MAX = 96,
};

#define HTTP_STALL_NS UINT64_C(30000000000)

struct http;

/* Listens on `bind`, "127.0.0.1:9090"; port 0 takes a free one. */
ERROR_CHECKED int http_start(struct http **, const char *bind,
                             const struct metrics *const *, size_t count);

/* The port it got. */
uint16_t http_port(const struct http *);

/* Closes every connection, ends the thread, sets *http to NULL. */
void http_stop(struct http **);

#endif
