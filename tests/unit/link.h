/* link.h - one TCP connection on loopback, both ends of it.
 *
 * Owns:     its descriptors.
 * Units:    none.
 * Errors:   fail the test.
 * Threads:  none.
 * Bounds:   none.
 */
#ifndef LINK_H
#define LINK_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/unit.h"

struct link {
    int listener, client, server;
    uint16_t port; /* the server's */
};

static inline struct link link_open(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    struct link link;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    link.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(link.listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(link.listener, 1), 0);
    assert_int_equal(getsockname(link.listener, (struct sockaddr *)&at, &size), 0);
    link.port = ntohs(at.sin_port);
    link.client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(link.client, (struct sockaddr *)&at, sizeof at), 0);
    link.server = accept(link.listener, NULL, NULL);
    assert_true(link.server >= 0);
    return link;
}

/* By the server, as the client sees it. */
static inline bool link_is_cut(const struct link *link)
{
    struct pollfd p = {.fd = link->client, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static inline void link_close(const struct link *link)
{
    close(link->client);
    close(link->server);
    close(link->listener);
}

#endif
