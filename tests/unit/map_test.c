/* map_test.c - what went in is found, what came out is not, against a plain array. */
#include "common/map.h"

#include <stdlib.h>

#include "common/random.h"
#include "tests/unit/unit.h"

static struct map create(uint32_t capacity)
{
    struct map map;
    void *memory = malloc(map_size(capacity));
    assert_non_null(memory);
    map_init(&map, memory, capacity);
    return map;
}

/* The use, and every refusal. Any key will do, 0 and the largest included. */
static void add_find_remove(void **state)
{
    (void)state;
    struct map map = create(3);
    assert_true(map_find(&map, 0) == MAP_NONE);
    assert_int_equal(map_add(&map, 0, 10), 0);
    assert_int_equal(map_add(&map, UINT64_MAX, 11), 0);
    assert_int_equal(map_add(&map, 0, 12), ERR_DUPLICATE);
    assert_int_equal(map_set(&map, 0, 13), 0);
    assert_int_equal(map_set(&map, 7, 14), 0);
    assert_int_equal(map_add(&map, 8, 15), ERR_FULL);
    assert_int_equal(map_set(&map, 8, 15), ERR_FULL);
    assert_int_equal(map_find(&map, 0), 13);
    assert_int_equal(map_find(&map, UINT64_MAX), 11);
    assert_int_equal(map_remove(&map, 8), ERR_NOT_FOUND);
    assert_int_equal(map_remove(&map, 0), 0);
    assert_true(map_find(&map, 0) == MAP_NONE);
    map_check(&map);
    map_clear(&map);
    assert_true(map_find(&map, 7) == MAP_NONE);
    assert_aborts((void)!map_add(&map, 1, MAP_NONE));
    free(map.slots);
}

/* Every capacity can be filled, and a full map still ends its searches. */
static void every_capacity_fills(void **state)
{
    (void)state;
    for (uint32_t capacity = 0; capacity < 70; capacity++) {
        struct map map = create(capacity);
        for (uint32_t i = 0; i < capacity; i++)
            assert_int_equal(map_add(&map, i, i), 0);
        assert_int_equal(map_add(&map, capacity, 0), ERR_FULL);
        assert_true(map_find(&map, capacity) == MAP_NONE);
        map_check(&map);
        free(map.slots);
    }
}

/* Random adds and removals of few keys in a map kept full: long runs that wrap around,
 * which is where shifting back goes wrong. */
static void random_use(void **state)
{
    (void)state;
    enum { KEYS = 64, CAPACITY = 24 };
    uint64_t values[KEYS];
    uint32_t count = 0;
    struct random random;
    random_init(&random, 3);
    struct map map = create(CAPACITY);
    for (int i = 0; i < KEYS; i++)
        values[i] = MAP_NONE;
    for (int step = 0; step < 100000; step++) {
        const uint64_t key = random_below(&random, KEYS);
        const bool present = values[key] != MAP_NONE;
        if (random_chance(&random, 600000)) {
            const int expected = present             ? ERR_DUPLICATE
                                 : count == CAPACITY ? ERR_FULL
                                                     : 0;
            assert_int_equal(map_add(&map, key, (uint64_t)step), expected);
            if (expected == 0) {
                values[key] = (uint64_t)step;
                count++;
            }
        } else {
            assert_int_equal(map_remove(&map, key), present ? 0 : ERR_NOT_FOUND);
            values[key] = MAP_NONE;
            count -= present;
        }
        for (uint64_t k = 0; k < KEYS; k++)
            assert_true(map_find(&map, k) == values[k]);
        map_check(&map);
    }
    free(map.slots);
}

/* Slots an average search for a present key looks at, times 100. */
static uint64_t probes_x100(const struct map *map)
{
    uint64_t probes = 0;
    for (uint32_t i = 0; i <= map->mask; i++)
        if (map->slots[i].value != MAP_NONE)
            probes += ((i - (uint32_t)map_mix(map->slots[i].key)) & map->mask) + 1;
    return probes * 100 / map->count;
}

/* Ids come in rows and in multiples; neither may pile up. */
static void regular_keys_spread(void **state)
{
    (void)state;
    enum { COUNT = 49152 }; /* 3/4 of 65536 slots: the fullest a map gets */
    static const int shifts[] = {0, 3, 16, 32, 48};
    for (size_t s = 0; s < sizeof(shifts) / sizeof(shifts[0]); s++) {
        struct map map = create(COUNT);
        for (uint64_t i = 0; i < COUNT; i++)
            assert_int_equal(map_add(&map, i << shifts[s], i), 0);
        assert_true(probes_x100(&map) < 300); /* 250 for random keys */
        free(map.slots);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(add_find_remove),
        cmocka_unit_test(every_capacity_fills),
        cmocka_unit_test(random_use),
        cmocka_unit_test(regular_keys_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
