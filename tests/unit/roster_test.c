/* roster_test.c - when a service is let in, and when it may be told to skip a record. */
#include "services/sequencer/roster.h"

#include "common/error.h"
#include "tests/unit/unit.h"

enum { FIRST_LIFE = 1, SECOND_LIFE = 2 }; /* connections */

static struct roster roster;
static uint64_t now_ns;

static int begin(void **state)
{
    (void)state;
    roster_init(&roster);
    now_ns = 1000000000;
    return 0;
}

static bool lets_in(uint32_t peer, uint64_t waits_at)
{
    const struct msg_checkin m = {.source = -SERVICE_SHARD, .waits_at = waits_at};
    return roster_lets_in(&roster, &m, peer, now_ns);
}

static int say_skip(uint64_t sequence, uint64_t *limit)
{
    const struct msg_skip m = {SERVICE_SHARD, sequence};
    const int error = roster_check_skip(&roster, &m, now_ns, limit);
    if (error == 0)
        roster_skip(&roster, &m);
    return error;
}

static void say_position(uint64_t next)
{
    const struct msg_position m = {.source = -SERVICE_SHARD, .stream = 1, .next = next};
    roster_position(&roster, &m, now_ns);
}

/* The record killed it; it starts again, is held before it takes anything, and told. */
static void a_service_that_waits_is_told(void **state)
{
    (void)state;
    uint64_t limit = 0;
    assert_true(lets_in(FIRST_LIFE, 40)); /* and dies at 50 */
    say_position(45);
    assert_int_equal(say_skip(50, &limit), ERR_BUSY);
    assert_int_equal(limit, ROSTER_RETRY_MS);
    assert_false(lets_in(SECOND_LIFE, 48));
    assert_int_equal(say_skip(50, &limit), 0);
    assert_int_equal(roster.services[SERVICE_SHARD].skip_count, 1);
    assert_true(lets_in(SECOND_LIFE, 48));
    assert_int_equal(say_skip(50, &limit), 0); /* again: it is so already */
    assert_int_equal(roster.services[SERVICE_SHARD].skip_count, 1);
}

/* What is known of a service that runs is old: it may have passed the record, and could
 * never obey. */
static void one_that_runs_is_not(void **state)
{
    (void)state;
    uint64_t limit = 0;
    assert_int_equal(say_skip(50, &limit), ERR_BUSY); /* not heard of at all */
    now_ns += ROSTER_HOLD_NS;
    assert_true(lets_in(FIRST_LIFE, 40));
    say_position(45);
    assert_int_equal(say_skip(50, &limit), ERR_BUSY);
    assert_true(lets_in(FIRST_LIFE, 0)); /* its check-in of each second */
    assert_int_equal(say_skip(50, &limit), ERR_BUSY);
    say_position(51);
    assert_int_equal(say_skip(50, &limit), ERR_PASSED);
    assert_int_equal(limit, 51);
    assert_int_equal(roster.services[SERVICE_SHARD].skip_count, 0);
}

/* A check-in that crossed its welcome does not wait, whatever it says. */
static void a_welcome_under_way_counts(void **state)
{
    (void)state;
    uint64_t limit = 0;
    assert_true(lets_in(FIRST_LIFE, 40));
    assert_int_equal(say_skip(50, &limit), ERR_BUSY);
    assert_true(lets_in(FIRST_LIFE, 40));
    assert_int_equal(say_skip(50, &limit), ERR_BUSY);
}

static void one_that_has_passed_goes_on(void **state)
{
    (void)state;
    uint64_t limit = 0;
    assert_int_equal(say_skip(50, &limit), ERR_BUSY);
    assert_false(lets_in(FIRST_LIFE, 60)); /* further than was heard of */
    assert_int_equal(say_skip(50, &limit), ERR_PASSED);
    assert_int_equal(limit, 60);
    assert_true(lets_in(FIRST_LIFE, 60));
}

/* Nobody asks again: it is let in after a while. */
static void a_hold_ends(void **state)
{
    (void)state;
    uint64_t limit = 0;
    assert_int_equal(say_skip(50, &limit), ERR_BUSY);
    now_ns += ROSTER_HOLD_NS - 1;
    assert_false(lets_in(FIRST_LIFE, 40));
    now_ns++;
    assert_true(lets_in(FIRST_LIFE, 40));
    assert_int_equal(say_skip(50, &limit), ERR_BUSY);
}

static void skips_are_bounded(void **state)
{
    (void)state;
    uint64_t limit = 0;
    assert_int_equal(say_skip(50, &limit), ERR_BUSY);
    assert_false(lets_in(FIRST_LIFE, 40));
    for (uint64_t i = 0; i < ROSTER_SKIPS; i++)
        assert_int_equal(say_skip(50 + i, &limit), 0);
    assert_int_equal(say_skip(50 + ROSTER_SKIPS, &limit), ERR_CAPACITY);
    assert_int_equal(limit, ROSTER_SKIPS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_service_that_waits_is_told, begin),
        cmocka_unit_test_setup(one_that_runs_is_not, begin),
        cmocka_unit_test_setup(a_welcome_under_way_counts, begin),
        cmocka_unit_test_setup(one_that_has_passed_goes_on, begin),
        cmocka_unit_test_setup(a_hold_ends, begin),
        cmocka_unit_test_setup(skips_are_bounded, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
