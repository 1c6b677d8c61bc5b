/* throttle_test.c - how the limit follows the time that commands take to the log. */
#include "tests/unit/unit.h"

#include "proto/limits.h"
#include "services/gateway/throttle.h"

enum { TARGET_MS = 20, MS = 1000000, SESSION = 7 };

/* A way to the log with a queue: `rate` commands a ms come out of it, all that is offered
 * goes in. Returns how many were under way at most in the last tenth of the time. */
static uint64_t drive(struct throttle *t, uint32_t rate, uint32_t offered, uint32_t ms)
{
    static uint64_t now_ns = 1;
    uint64_t most = 0, sent = 0, landed = 0;
    for (uint32_t i = 0; i < ms; i++) {
        now_ns += MS;
        for (uint32_t k = 0; k < rate && landed < sent; k++)
            throttle_land(t, SESSION, ++landed, now_ns);
        for (uint32_t k = 0; k < offered && !throttle_is_full(t, true, now_ns); k++)
            throttle_send(t, SESSION, ++sent, now_ns);
        throttle_turn(t, 0, now_ns);
        if (i >= ms / 10 * 9 && sent - landed > most)
            most = sent - landed;
    }
    while (landed < sent)
        throttle_land(t, SESSION, ++landed, now_ns);
    return most;
}

/* The queue is about as long as what comes out of it in the target time, whatever that
 * rate is and however much more is offered; and it never runs empty. */
static void test_follows(void **unused)
{
    (void)unused;
    static const uint32_t rates[] = {100, 400, 150};
    struct throttle t = {.target_ns = 0};
    throttle_set(&t, TARGET_MS);
    for (uint32_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        const uint64_t most = drive(&t, rates[i], 10 * rates[i], 2000);
        assert_in_range(most, rates[i] * TARGET_MS / 2, rates[i] * TARGET_MS * 2);
    }
}

/* A disk that takes longer than the target, for any number of commands, says so: what is
 * under way goes on growing. */
static void test_slow_disk(void **unused)
{
    (void)unused;
    enum { FLUSH_MS = 3 * TARGET_MS, PER_FLUSH = 40000 };
    uint64_t most[2];
    for (uint32_t told = 0; told < 2; told++) {
        struct throttle t = {.target_ns = 0};
        uint64_t now_ns = 1, sent = 0, landed = 0;
        throttle_set(&t, TARGET_MS);
        throttle_turn(&t, told * FLUSH_MS * 1000u, now_ns);
        for (uint32_t i = 0; i < 200; i++) {
            now_ns += FLUSH_MS * (uint64_t)MS;
            for (most[told] = sent - landed; landed < sent;)
                throttle_land(&t, SESSION, ++landed, now_ns);
            while (sent - landed < PER_FLUSH && !throttle_is_full(&t, true, now_ns))
                throttle_send(&t, SESSION, ++sent, now_ns);
        }
    }
    assert_in_range(most[0], 1, 2 * THROTTLE_MIN);
    assert_int_equal(most[1], PER_FLUSH);
}

/* A disk whose commits take the longer the more they hold does not let the queue grow
 * with itself, nor are marks lost that it is slow with. */
static void test_slower_and_slower(void **unused)
{
    (void)unused;
    enum { PER_MS = 100 };
    struct throttle t = {.target_ns = 0};
    uint64_t now_ns = 1, sent = 0, landed = 0, batch = 0;
    throttle_set(&t, TARGET_MS);
    for (uint32_t i = 0; i < 2000; i++) {
        while (!throttle_is_full(&t, true, now_ns))
            throttle_send(&t, SESSION, ++sent, now_ns);
        const uint64_t commit_ms = 1 + batch / PER_MS;
        now_ns += commit_ms * MS;
        throttle_turn(&t, (uint32_t)commit_ms * 1000, now_ns);
        for (batch = sent - landed; landed < sent;)
            throttle_land(&t, SESSION, ++landed, now_ns);
    }
    assert_in_range(batch, 1, 2 * PER_MS * THROTTLE_SLOW_NS / MS);
    throttle_turn(&t, COMMIT_US_MAX, now_ns);
    throttle_send(&t, SESSION, ++sent, now_ns);
    throttle_turn(&t, COMMIT_US_MAX, now_ns + 100 * THROTTLE_LOST_NS);
    assert_int_equal(t.mark_count, 1);
}

/* Where nobody is kept out the limit stays, and other commands have a quarter more. */
static void test_room(void **unused)
{
    (void)unused;
    struct throttle t = {.target_ns = 0};
    const uint64_t now_ns = 1;
    throttle_set(&t, TARGET_MS);
    const uint32_t limit = t.limit;
    (void)drive(&t, 100, 50, 1000);
    assert_int_equal(t.limit, limit);
    for (uint32_t n = 1; n <= limit; n++)
        throttle_send(&t, SESSION + 1, n, 1);
    assert_true(throttle_is_full(&t, true, now_ns));
    assert_false(throttle_is_full(&t, false, now_ns));
    for (uint32_t n = limit + 1; n <= limit + limit / 4; n++)
        throttle_send(&t, SESSION + 1, n, 1);
    assert_true(throttle_is_full(&t, false, now_ns));
}

/* Lands commits of eight commands, each of them a mark, of which every nth is late, with
 * all the others there may be under way. Returns how the limit moved, in its 1000ths. */
static int64_t land_late(struct throttle *t, uint32_t nth, bool keeps_out)
{
    static uint64_t now_ns = 1, sent = 0;
    const uint32_t before = t->limit;
    for (uint32_t i = 1; i <= 60; i++) {
        t->sent = t->landed + 2 * THROTTLE_MAX;
        for (uint32_t k = 0; k < THROTTLE_MARKS; k++, t->sent += t->limit)
            throttle_send(t, SESSION, ++sent, now_ns);
        if (keeps_out)
            assert_true(throttle_is_full(t, true, now_ns));
        now_ns += i % nth == 0 ? 2 * TARGET_MS * MS : MS;
        for (uint32_t k = THROTTLE_MARKS; k > 0; k--)
            throttle_land(t, SESSION, sent - k + 1, now_ns);
        assert_int_equal(t->mark_count, 0);
    }
    return (int64_t)t->limit * 1000 / before - 1000;
}

/* One commit in ten that is late keeps the limit down, and it comes down sooner than it
 * goes up. With nobody kept out, commits that are late have waited for something else;
 * those in time let in more again, up to what there was in the beginning. */
static void test_late(void **unused)
{
    (void)unused;
    struct throttle t = {.target_ns = 0};
    throttle_set(&t, TARGET_MS);
    assert_in_range(land_late(&t, 100, true), 1000, 2000);
    assert_in_range(-land_late(&t, 10, true), 400, 600);
    assert_in_range(-land_late(&t, 5, true), 800, 950);
    assert_int_equal(land_late(&t, 1, false), 0);
    assert_true(land_late(&t, 2, false) > 0);
    assert_in_range(t.limit, 4096, 4096 + 64);
}

/* What never lands does not count for ever. */
static void test_lost(void **unused)
{
    (void)unused;
    struct throttle t = {.target_ns = 0};
    const uint64_t now_ns = 1;
    throttle_set(&t, TARGET_MS);
    for (uint64_t n = 1; !throttle_is_full(&t, true, now_ns); n++)
        throttle_send(&t, SESSION, n, 1);
    throttle_turn(&t, 0, THROTTLE_LOST_NS);
    assert_true(throttle_is_full(&t, true, now_ns));
    throttle_turn(&t, 0, THROTTLE_LOST_NS + 1);
    assert_false(throttle_is_full(&t, true, now_ns));
    assert_int_equal(t.mark_count, 0);
    assert_int_equal(t.limit, THROTTLE_MIN);
}

/* Without a target there is no limit. */
static void test_off(void **unused)
{
    (void)unused;
    struct throttle t = {.target_ns = 0};
    throttle_set(&t, 0);
    for (uint64_t n = 1; n < 2 * THROTTLE_MAX; n++)
        throttle_send(&t, SESSION, n, 1);
    assert_false(throttle_is_full(&t, true, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_follows), cmocka_unit_test(test_slow_disk),
        cmocka_unit_test(test_room),    cmocka_unit_test(test_lost),
        cmocka_unit_test(test_off),     cmocka_unit_test(test_slower_and_slower),
        cmocka_unit_test(test_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
