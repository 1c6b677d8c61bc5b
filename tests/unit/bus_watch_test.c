/* bus_watch_test.c - a connection that brings much and no message is cut. */
#include "common/bus_watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tests/unit/unit.h"

#define FRAME_BYTES 1024
#define BYTES_MAX   ((1 << 20) + 4 * FRAME_BYTES)

static struct bus_watch watch;
static uint64_t now_ns;

struct link {
    int listener, client, server;
};

static struct link connect_one(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    char address[64];
    struct link link;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    link.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(link.listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(link.listener, 1), 0);
    assert_int_equal(getsockname(link.listener, (struct sockaddr *)&at, &size), 0);
    link.client = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(link.client, (struct sockaddr *)&at, sizeof at), 0);
    link.server = accept(link.listener, NULL, NULL);
    assert_true(link.server >= 0);
    snprintf(address, sizeof address, "tcp://127.0.0.1:%u", ntohs(at.sin_port));
    memset(&watch, 0, sizeof watch);
    bus_watch_begin(&watch, address, FRAME_BYTES);
    bus_watch_add(&watch, link.server);
    return link;
}

static void disconnect(const struct link *link)
{
    close(link->client);
    close(link->server);
    close(link->listener);
}

/* Sends so much that arrives, as libzmq would take it in. */
static void bring(const struct link *link, size_t size)
{
    static uint8_t bytes[4096];
    for (size_t at = 0, part; at < size; at += part) {
        part = size - at < sizeof bytes ? size - at : sizeof bytes;
        assert_int_equal(send(link->client, bytes, part, MSG_NOSIGNAL), (ssize_t)part);
        assert_int_equal(recv(link->server, bytes, part, MSG_WAITALL), (ssize_t)part);
    }
}

static void look(void)
{
    now_ns += BUS_WATCH_NS;
    bus_watch_look(&watch, now_ns);
}

static bool is_cut(const struct link *link)
{
    struct pollfd p = {.fd = link->client, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void much_and_no_message_is_cut(void **state)
{
    (void)state;
    const struct link link = connect_one();
    bring(&link, BYTES_MAX);
    look();
    look();
    assert_false(is_cut(&link));
    bring(&link, 1);
    look();
    assert_false(is_cut(&link)); /* its message may be in a queue */
    look();
    assert_true(is_cut(&link));
    disconnect(&link);
}

static void who_speaks_may_bring_any_amount(void **state)
{
    (void)state;
    const struct link link = connect_one();
    for (int i = 0; i < 8; i++) {
        bring(&link, BYTES_MAX + 1);
        look();
        bus_watch_spoken(&watch, link.server);
        look();
    }
    assert_false(is_cut(&link));
    bring(&link, BYTES_MAX + 1); /* and then no more */
    look();
    look();
    assert_true(is_cut(&link));
    disconnect(&link);
}

static void a_closed_one_is_forgotten(void **state)
{
    (void)state;
    const struct link link = connect_one();
    close(link.server);
    look();
    assert_false(watch.connections[link.server].is_accepted);
    close(link.client);
    close(link.listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(much_and_no_message_is_cut),
        cmocka_unit_test(who_speaks_may_bring_any_amount),
        cmocka_unit_test(a_closed_one_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
