/* session_test.c - what is in flight, whatever is repeated, lost, refused or accepted. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/random.h"
#include "services/gateway/session.h"

enum { SESSIONS = 16, ACCOUNTS = 4, MEMORY = 1 << 16, CAP = 5 };

static struct session_table table;

static int start(void **state)
{
    static _Alignas(64) uint8_t memory[MEMORY];
    struct arena arena;
    (void)state;
    memset(memory, 0, sizeof memory);
    memset(&table, 0, sizeof table);
    arena_init(&arena, memory, sizeof memory);
    session_init(&table, &arena, SESSIONS, ACCOUNTS);
    return 0;
}

/* A repeat counts once, a gap not at all, and a refusal takes back what followed it. */
static void test_counts(void **unused)
{
    (void)unused;
    session_open(&table, 100, 1);
    struct session *s = session_find(&table, 100);
    for (uint64_t n = 1; n <= CAP; n++)
        assert_int_equal(session_forward(&table, s, n, CAP), 0);
    assert_int_equal(session_forward(&table, s, 2, CAP), 0);
    assert_int_equal(session_forward(&table, s, 99, CAP), 0);
    assert_int_equal(session_forward(&table, s, CAP + 1, CAP), ERR_BUSY);
    assert_int_equal(table.in_flight[1], CAP);
    session_refused(&table, s, 3);
    assert_int_equal(table.in_flight[1], 2);
    session_accepted(&table, 100, 1);
    session_refused(&table, s, 1);
    assert_int_equal(table.in_flight[1], 1);
    session_close(&table, 100);
    assert_int_equal(table.in_flight[1], 0);
    session_check(&table);
}

/* Behind a number that was refused there is a gap, until that number comes again. */
static void test_gap(void **unused)
{
    (void)unused;
    session_open(&table, 100, 1);
    struct session *s = session_find(&table, 100);
    for (uint64_t n = 1; n <= 4; n++)
        assert_int_equal(session_forward(&table, s, n, CAP), 0);
    session_refused(&table, s, 3);
    assert_int_equal(session_missing(s, 5), 3);
    assert_int_equal(session_missing(s, 3), 0);
    assert_int_equal(session_forward(&table, s, 2, CAP), 0); /* sent again */
    assert_int_equal(session_forward(&table, s, 3, CAP), 0);
    assert_int_equal(session_forward(&table, s, 4, CAP), 0);
    session_refused(&table, s, 5); /* here */
    assert_int_equal(table.in_flight[1], 4);
    assert_int_equal(session_missing(s, 6), 5);
    session_accepted(&table, 100, 1); /* 5 may yet come through another gateway */
    assert_int_equal(session_missing(s, 6), 5);
    for (uint64_t n = 2; n <= 5; n++)
        session_accepted(&table, 100, n);
    assert_int_equal(session_missing(s, 6), 0);
    assert_int_equal(session_forward(&table, s, 6, CAP), 0);
    session_refused(&table, s, 6);
    session_forget(&table, s); /* who comes back is asked nothing */
    assert_int_equal(session_missing(s, 8), 0);
    assert_int_equal(session_forward(&table, s, 8, CAP), 0);
    session_check(&table);
}

/* What another gateway forwarded is accepted all the same. */
static void test_other_gateway(void **unused)
{
    (void)unused;
    session_open(&table, 100, 1);
    struct session *s = session_find(&table, 100);
    assert_ptr_equal(session_accepted(&table, 100, 1), s);
    assert_int_equal(s->sent_n, 1);
    assert_int_equal(session_forward(&table, s, 2, 1), 0);
    assert_int_equal(table.in_flight[1], 1);
    session_check(&table);
}

/* Peers that wait are found by what they wait for; the oldest are forgotten. */
static void test_routes(void **unused)
{
    (void)unused;
    static const struct session_route routes[] = {
        {.id = 7, .account = 1, .peer = 11, .opens = true},
        {.id = 7, .account = 2, .peer = 12, .opens = true},
        {.id = 7, .account = 1, .peer = 13},
        {.id = 7, .account = 2, .peer = 14}, /* names what is not its own */
    };
    for (uint32_t i = 0; i < sizeof routes / sizeof *routes; i++)
        session_add_route(&table, &routes[i]);
    assert_int_equal(session_take_route(&table, 7, 2, true), 12);
    assert_int_equal(session_take_route(&table, 7, 2, true), 0);
    assert_int_equal(session_take_route(&table, 7, 1, true), 11);
    assert_int_equal(session_take_route(&table, 7, 1, false), 13);
    assert_int_equal(session_take_route(&table, 7, 1, false), 13);
    for (uint64_t i = 0; i < SESSION_ROUTES; i++)
        session_add_route(
            &table, &(struct session_route){.id = 1000 + i, .account = 1, .peer = 1});
    assert_int_equal(session_take_route(&table, 7, 1, false), 0);
}

/* Whatever happens, in what order: the account's count is the sum of its sessions'. */
static void test_random(void **unused)
{
    (void)unused;
    struct random random;
    uint64_t ids[SESSIONS] = {0}, next_id = 1;
    random_init(&random, 3);
    for (int i = 0; i < 20000; i++) {
        const uint64_t place = random_below(&random, SESSIONS);
        const uint64_t dice = random_below(&random, 100);
        if (ids[place] == 0) {
            ids[place] = next_id++;
            session_open(&table, ids[place], 1 + (uint32_t)random_below(&random, 3));
            continue;
        }
        struct session *s = session_find(&table, ids[place]);
        if (dice < 50) {
            const uint64_t n = s->last_n + random_below(&random, 8) + 1;
            if (session_missing(s, n) == 0)
                (void)session_forward(&table, s, n, CAP);
        } else if (dice < 80) {
            session_accepted(&table, s->id, s->last_n + 1);
        } else if (dice < 98) {
            session_refused(&table, s, s->last_n + random_below(&random, 8));
        } else {
            session_close(&table, s->id);
            ids[place] = 0;
        }
        session_check(&table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_counts, start),
        cmocka_unit_test_setup(test_gap, start),
        cmocka_unit_test_setup(test_other_gateway, start),
        cmocka_unit_test_setup(test_routes, start),
        cmocka_unit_test_setup(test_random, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
