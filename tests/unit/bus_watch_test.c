/* bus_watch_test.c - a connection that brings much and no message is cut. */
#include "common/bus_watch.h"

#include <string.h>

#include "tests/unit/link.h"

#define FRAME_BYTES 1024
#define BYTES_MAX   ((1 << 20) + 4 * FRAME_BYTES)

static struct bus_watch watch;
static uint64_t now_ns;

static struct link watch_one(void)
{
    const struct link link = link_open();
    char address[64];
    snprintf(address, sizeof address, "tcp://127.0.0.1:%u", link.port);
    memset(&watch, 0, sizeof watch);
    bus_watch_begin(&watch, address, FRAME_BYTES);
    bus_watch_add(&watch, link.server);
    return link;
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

static void much_and_no_message_is_cut(void **state)
{
    (void)state;
    const struct link link = watch_one();
    bring(&link, BYTES_MAX);
    look();
    look();
    assert_false(link_is_cut(&link));
    bring(&link, 1);
    look();
    assert_false(link_is_cut(&link)); /* its message may be in a queue */
    look();
    assert_true(link_is_cut(&link));
    link_close(&link);
}

static void who_speaks_may_bring_any_amount(void **state)
{
    (void)state;
    const struct link link = watch_one();
    for (int i = 0; i < 8; i++) {
        bring(&link, BYTES_MAX + 1);
        look();
        bus_watch_spoken(&watch, link.server);
        look();
    }
    assert_false(link_is_cut(&link));
    bring(&link, BYTES_MAX + 1); /* and then no more */
    look();
    look();
    assert_true(link_is_cut(&link));
    link_close(&link);
}

static void a_closed_one_is_forgotten(void **state)
{
    (void)state;
    const struct link link = watch_one();
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
