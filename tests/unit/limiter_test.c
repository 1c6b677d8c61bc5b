/* limiter_test.c - buckets give what a token bucket gives. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "common/random.h"
#include "services/gateway/limiter.h"

enum { ACCOUNTS = 4, SECOND = 1000000000 };

static void start(struct limiter *l, void *memory)
{
    struct arena arena;
    arena_init(&arena, memory, 4096);
    limiter_init(l, &arena, ACCOUNTS);
}

/* A full bucket at first, then one token after another as they come. */
static void test_bucket(void **unused)
{
    (void)unused;
    _Alignas(64) static uint8_t memory[4096];
    struct limiter l = {0};
    start(&l, memory);
    limiter_set(&l, LIMITER_ORDERS, 100, 3);
    limiter_set(&l, LIMITER_CANCELS, 0, 0);
    uint64_t now = SECOND;
    for (int i = 0; i < 3; i++)
        assert_int_equal(limiter_take(&l, 1, LIMITER_ORDERS, now), 0);
    assert_int_equal(limiter_take(&l, 1, LIMITER_ORDERS, now), 10);
    assert_int_equal(limiter_take(&l, 1, LIMITER_ORDERS, now + 9500000), 1);
    assert_int_equal(limiter_take(&l, 2, LIMITER_ORDERS, now), 0);
    assert_int_equal(limiter_take(&l, 1, LIMITER_CANCELS, now), 0);
    now += 10000000;
    assert_int_equal(limiter_take(&l, 1, LIMITER_ORDERS, now), 0);
    assert_int_equal(limiter_take(&l, 1, LIMITER_ORDERS, now), 10);
    now += SECOND;
    for (int i = 0; i < 3; i++)
        assert_int_equal(limiter_take(&l, 1, LIMITER_ORDERS, now), 0);
    assert_int_equal(limiter_take(&l, 1, LIMITER_ORDERS, now), 10);
}

/* The same as a bucket that counts tokens, at random times. */
static void test_model(void **unused)
{
    (void)unused;
    _Alignas(64) static uint8_t memory[4096];
    struct limiter l = {0};
    struct random random;
    random_init(&random, 7);
    start(&l, memory);
    limiter_set(&l, LIMITER_QUERIES, 1000, 20);
    const uint64_t interval = SECOND / 1000;
    uint64_t now = SECOND, level_ns = 20 * interval, last = now;
    for (int i = 0; i < 100000; i++) {
        now += random_below(&random, 2 * interval);
        level_ns += now - last;
        last = now;
        if (level_ns > 20 * interval)
            level_ns = 20 * interval;
        const bool gives = level_ns >= interval;
        if (gives)
            level_ns -= interval;
        assert_int_equal(limiter_take(&l, 3, LIMITER_QUERIES, now) == 0, gives);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bucket),
        cmocka_unit_test(test_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
