/* Pairs are found exactly, however their chains meet. */
#include <stdlib.h>
#include <string.h>

#include "services/risk/pair.h"
#include "tests/unit/unit.h"

enum { CAPACITY = 1000, BYTES = 1 << 16 };

static struct pairs pairs;
static void *memory;

static int set_up(void **unused)
{
    (void)unused;
    memory = aligned_alloc(64, BYTES);
    memset(memory, 0, BYTES);
    struct arena arena;
    arena_init(&arena, memory, BYTES);
    pair_init(&pairs, &arena, CAPACITY);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    free(memory);
    return 0;
}

/* The smallest example. */
static void test_add_find_remove(void **unused)
{
    (void)unused;
    pair_add(&pairs, 7, 1, 100);
    assert_int_equal(pair_find(&pairs, 1, 100), 7);
    assert_int_equal(pair_find(&pairs, 2, 100), PAIR_NONE);
    assert_int_equal(pair_find(&pairs, 1, 101), PAIR_NONE);
    pair_remove(&pairs, 7);
    pair_remove(&pairs, 7);
    assert_int_equal(pair_find(&pairs, 1, 100), PAIR_NONE);
}

/* A full table of numbers chosen to meet: multiples of 2^20 of a few owners. Each is
 * found while it is there and not after, whatever the order of removal. */
static void test_full(void **unused)
{
    (void)unused;
    for (uint32_t i = 0; i < CAPACITY; i++)
        pair_add(&pairs, i, 1 + i % 3, (uint64_t)(i / 3) << 20);
    for (uint32_t i = 0; i < CAPACITY; i++)
        assert_int_equal(pair_find(&pairs, 1 + i % 3, (uint64_t)(i / 3) << 20), i);
    for (uint32_t k = 0; k < CAPACITY; k++) {
        const uint32_t i = k * 7 % CAPACITY;
        pair_remove(&pairs, i);
        assert_int_equal(pair_find(&pairs, 1 + i % 3, (uint64_t)(i / 3) << 20),
                         PAIR_NONE);
    }
    for (uint32_t i = 0; i <= pairs.mask; i++)
        assert_int_equal(pairs.chains[i], 0);
}

/* A taken entry cannot be given another pair. */
static void test_taken(void **unused)
{
    (void)unused;
    pair_add(&pairs, 0, 1, 1);
    assert_aborts(pair_add(&pairs, 0, 1, 2));
    assert_aborts(pair_add(&pairs, CAPACITY, 1, 2));
    assert_aborts(pair_add(&pairs, 1, 0, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_add_find_remove, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_taken, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
