/* checks_test.c - a history that is right passes each check; broken in one place, the
 * check that is for it notices. */
#include "tests/chaos/checks.h"

#include "proto/msg.h"
#include "tests/unit/unit.h"

enum { ALICE = 10, BOB = 11, OUTSIDE = 1, USD = 1, CALLS = 4, RECORDS = 5, BALANCES = 3 };

/* Two clients: an order and its cancel, another's order, and money that comes in. */
struct world {
    struct annals_call calls[CALLS];
    struct annals_record records[RECORDS];
    struct annals_balance balances[BALANCES];
    struct annals history;
    struct annals_log log;
};

static void make(struct world *w)
{
    const struct world right = {
        .calls = {{0, 0, 0, MSG_order_new, ALICE, 100, 0, 0, 10, 20, 5, ANNALS_OK},
                  {0, 0, 0, MSG_order_new, ALICE, 101, 0, 0, 30, 40, 7, ANNALS_OK},
                  {1, 0, 0, MSG_order_new, BOB, 200, 0, 0, 35, 0, 0, ANNALS_UNKNOWN},
                  {2, 0, 0, MSG_deposit, BOB, 300, USD, 9, 36, 50, 9, ANNALS_OK}},
        .records = {{5, 2, 1, MSG_order_new, ALICE, 100, 0, 0, 0},
                    {7, 2, 2, MSG_order_new, ALICE, 101, 0, 0, 0},
                    {8, 3, 1, MSG_order_new, BOB, 200, 0, 0, 0},
                    {9, 4, 1, MSG_deposit, BOB, 300, 0, USD, 9},
                    {10, 0, 0, MSG_deposit_done, BOB, 300, 9, USD, 9}},
        .balances = {{OUTSIDE, USD, -9}, {ALICE, USD, 2}, {BOB, USD, 7}},
    };
    *w = right;
    w->history = (struct annals){w->calls, CALLS, CALLS};
    w->log = (struct annals_log){w->records, RECORDS, RECORDS};
}

static FILE *nowhere(void)
{
    static FILE *file;
    if (file == NULL)
        file = fopen("/dev/null", "we");
    return file;
}

static uint32_t set(const struct world *w)
{
    return checks_set(&w->history, &w->log, nowhere());
}

static uint32_t order(const struct world *w)
{
    return checks_order(&w->history, &w->log, nowhere());
}

static uint32_t real_time(const struct world *w)
{
    return checks_time(&w->history, &w->log, nowhere());
}

static uint32_t bank(const struct world *w)
{
    return checks_bank(&w->history, &w->log, w->balances, BALANCES, OUTSIDE, nowhere());
}

static void test_right(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    assert_int_equal(set(&w), 0);
    assert_int_equal(order(&w), 0);
    assert_int_equal(real_time(&w), 0);
    assert_int_equal(bank(&w), 0);
}

static void test_set_lost(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    w.records[1].session = 0; /* no command of a client */
    assert_int_equal(set(&w), 1);
}

static void test_set_twice(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    w.records[2] = w.records[1];
    w.records[2].gseq = 8;
    assert_int_equal(set(&w), 1);
}

static void test_set_elsewhere(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    w.calls[1].gseq = 6;
    assert_int_equal(set(&w), 1);
}

static void test_set_refused_yet_there(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    w.calls[2].outcome = ANNALS_FAIL;
    assert_int_equal(set(&w), 1);
}

static void test_set_of_nobody(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    w.records[2].name = 201;
    assert_int_equal(set(&w), 1);
}

static void test_spans(void **state)
{
    (void)state;
    struct world w;
    struct checks_span spans[] = {{1, 20, 9, 9}, {20, 45, 9, 9}, {50, 60, 9, 9}};
    make(&w);
    assert_int_equal(checks_spans(&w.history, &w.log, spans, 3), 0);
    assert_int_equal(spans[0].acknowledged, 0);
    assert_int_equal(spans[1].acknowledged,
                     2); /* from where it begins, to before its end */
    assert_int_equal(spans[2].acknowledged, 1);
    assert_int_equal(spans[0].wrong + spans[1].wrong + spans[2].wrong, 0);
    w.records[1].name = 100; /* one twice, one never */
    assert_int_equal(checks_spans(&w.history, &w.log, spans, 3), 0);
    assert_int_equal(spans[1].wrong, 2);
    assert_int_equal(spans[2].wrong, 0);
}

static void test_order_gap(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    w.records[1].n = 3;
    assert_int_equal(order(&w), 1);
}

static void test_order_of_a_client(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    w.records[0].name = 101;
    w.records[1].name = 100;
    assert_int_equal(order(&w), 1);
}

static void test_order_of_the_log(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    w.records[4].gseq = 9;
    assert_int_equal(order(&w), 1);
}

static void test_time_backwards(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    w.calls[2].began_ns = 45; /* behind the acknowledgement of 7 */
    assert_int_equal(real_time(&w), 0);
    w.records[2].gseq = 6;
    assert_int_equal(real_time(&w), 1);
}

static void test_bank_sum(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    w.balances[0].amount = -8;
    assert_int_equal(bank(&w), 1);
}

static void test_bank_made(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    w.balances[0].amount = -10;
    w.balances[1].amount = 3;
    assert_int_equal(bank(&w), 1);
}

static void test_bank_not_paid_in(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    w.records[4].request = 8;
    assert_int_equal(bank(&w), 1);
}

static void test_bank_other_amount(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    w.calls[3].amount = 10;
    assert_int_equal(bank(&w), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_right),
        cmocka_unit_test(test_set_lost),
        cmocka_unit_test(test_set_twice),
        cmocka_unit_test(test_set_elsewhere),
        cmocka_unit_test(test_set_refused_yet_there),
        cmocka_unit_test(test_set_of_nobody),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_order_gap),
        cmocka_unit_test(test_order_of_a_client),
        cmocka_unit_test(test_order_of_the_log),
        cmocka_unit_test(test_time_backwards),
        cmocka_unit_test(test_bank_sum),
        cmocka_unit_test(test_bank_made),
        cmocka_unit_test(test_bank_not_paid_in),
        cmocka_unit_test(test_bank_other_amount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
