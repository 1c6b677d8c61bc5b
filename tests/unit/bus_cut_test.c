/* bus_cut_test.c - connections are cut when their time has come, and no other is. */
#include "common/bus_cut.h"

#include "tests/unit/link.h"

static struct bus_connection connection_of(const struct link *link)
{
    struct bus_connection connection = {.descriptor = link->server};
    socklen_t size = sizeof connection.address;
    assert_int_equal(
        getpeername(link->server, (struct sockaddr *)&connection.address, &size), 0);
    return connection;
}

/* It is the time that counts: however often one looks before, nothing happens. */
static void a_cut_comes_when_it_is_due(void **state)
{
    (void)state;
    const struct link first = link_open(), second = link_open();
    const struct bus_connection connections[] = {connection_of(&first),
                                                 connection_of(&second)};
    struct bus_cuts cuts = {.count = 0};
    bus_cut_add(&cuts, &connections[0], 1000);
    bus_cut_add(&cuts, &connections[1], 2000);
    for (int i = 0; i < 1000; i++)
        bus_cut_look(&cuts, 1000 + BUS_CUT_NS - 1);
    assert_false(link_is_cut(&first));
    bus_cut_look(&cuts, 1000 + BUS_CUT_NS);
    assert_true(link_is_cut(&first));
    assert_false(link_is_cut(&second));
    bus_cut_look(&cuts, 2000 + BUS_CUT_NS);
    assert_true(link_is_cut(&second));
    assert_int_equal(cuts.count, 0);
    link_close(&first);
    link_close(&second);
}

/* The descriptor has become another connection's. */
static void another_connection_is_not_cut(void **state)
{
    (void)state;
    const struct link gone = link_open(), other = link_open();
    const struct bus_connection connection = connection_of(&gone);
    struct bus_cuts cuts = {.count = 0};
    bus_cut_add(&cuts, &connection, 0);
    assert_int_equal(dup2(other.server, gone.server), gone.server);
    bus_cut_look(&cuts, BUS_CUT_NS);
    assert_false(link_is_cut(&other));
    assert_int_equal(cuts.count, 0);
    link_close(&gone);
    link_close(&other);
}

static void a_full_list_cuts_at_once(void **state)
{
    (void)state;
    const struct link link = link_open();
    const struct bus_connection connection = connection_of(&link),
                                unknown = {.descriptor = -1};
    struct bus_cuts cuts = {.count = 0};
    for (uint64_t i = 0; i < 3 * BUS_CUT_MAX / 2; i++) { /* goes round the end */
        bus_cut_add(&cuts, &unknown, i);
        bus_cut_look(&cuts, i < BUS_CUT_MAX / 2 ? BUS_CUT_NS + i : 0);
    }
    assert_int_equal(cuts.count, BUS_CUT_MAX);
    bus_cut_add(&cuts, &connection, 0);
    assert_true(link_is_cut(&link));
    assert_int_equal(cuts.count, BUS_CUT_MAX);
    bus_cut_look(&cuts, 2 * BUS_CUT_NS);
    assert_int_equal(cuts.count, 0);
    link_close(&link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_comes_when_it_is_due),
        cmocka_unit_test(another_connection_is_not_cut),
        cmocka_unit_test(a_full_list_cuts_at_once),
    };
    return cmocka_run_group_tests_name("bus_cut", tests, NULL, NULL);
}
