/* pool_test.c - an index has at most one holder. */
#include "common/pool.h"

#include "common/random.h"
#include "tests/unit/unit.h"

enum {
    CAPACITY = 100,
};

static uint32_t memory[CAPACITY];

/* The use: take, give back, take the same again. */
static void last_in_first_out(void **state)
{
    (void)state;
    struct pool pool;
    assert_int_equal(pool_size(3), 12);
    pool_init(&pool, memory, 3);
    assert_int_equal(pool_take(&pool), 0);
    assert_int_equal(pool_take(&pool), 1);
    pool_give(&pool, 0);
    assert_false(pool_is_taken(&pool, 0));
    assert_int_equal(pool_take(&pool), 0);
    assert_int_equal(pool_take(&pool), 2);
    assert_int_equal(pool_take(&pool), POOL_NONE);
    assert_int_equal(pool.count, 3);
    pool_check(&pool);
}

static void refuses_to_take_back_twice(void **state)
{
    (void)state;
    struct pool pool;
    pool_init(&pool, memory, 3);
    assert_int_equal(pool_take(&pool), 0);
    assert_aborts(pool_give(&pool, 1));
    assert_aborts(pool_give(&pool, POOL_NONE));
    pool_give(&pool, 0);
    assert_aborts(pool_give(&pool, 0));
}

/* Against a plain array of who holds what. */
static void random_use(void **state)
{
    (void)state;
    struct pool pool;
    struct random random;
    static bool held[CAPACITY];
    random_init(&random, 2);
    pool_init(&pool, memory, CAPACITY);
    uint32_t count = 0;
    for (int step = 0; step < 20000; step++) {
        const uint32_t i = (uint32_t)random_below(&random, CAPACITY);
        if (held[i]) {
            pool_give(&pool, i);
            held[i] = false;
            count--;
        } else {
            const uint32_t taken = pool_take(&pool);
            assert_true(taken < CAPACITY && !held[taken]);
            held[taken] = true;
            count++;
        }
        assert_int_equal(pool.count, count);
        pool_check(&pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_in_first_out),
        cmocka_unit_test(refuses_to_take_back_twice),
        cmocka_unit_test(random_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
