/* ring_test.c - records leave as they came, in order, whole. */
#include "common/ring.h"

#include <string.h>

#include "common/random.h"
#include "tests/unit/unit.h"

static uint64_t memory[32]; /* 256 bytes */

static void assert_front(const struct ring *ring, const char *text)
{
    uint32_t size = 0;
    const char *record = ring_front(ring, &size);
    assert_non_null(record);
    assert_int_equal(size, strlen(text));
    assert_memory_equal(record, text, size);
}

/* The use: push, look, drop. */
static void first_in_first_out(void **state)
{
    (void)state;
    struct ring ring;
    uint32_t size;
    ring_init(&ring, memory, 64);
    assert_null(ring_front(&ring, &size));
    assert_int_equal(ring_push(&ring, "one", 3), 0);
    assert_int_equal(ring_push(&ring, "", 0), 0);
    assert_int_equal(ring_push(&ring, "three", 5), 0);
    assert_front(&ring, "one");
    ring_drop(&ring);
    assert_front(&ring, "");
    ring_drop(&ring);
    assert_front(&ring, "three");
    ring_drop(&ring);
    assert_int_equal(ring.count, 0);
    assert_aborts(ring_drop(&ring));
}

static void full_now_or_for_ever(void **state)
{
    (void)state;
    struct ring ring;
    char record[64] = {0};
    ring_init(&ring, memory, 64);
    assert_int_equal(ring_push(&ring, record, 57), ERR_LIMIT);
    assert_int_equal(ring_push(&ring, record, UINT32_MAX), ERR_LIMIT);
    assert_null(ring_reserve(&ring, UINT32_MAX));
    assert_int_equal(ring_push(&ring, record, 8), 0);
    ring_drop(&ring);
    assert_int_equal(ring_push(&ring, record, 56), 0); /* empty: the whole block again */
    assert_int_equal(ring_push(&ring, record, 0), ERR_FULL);
    assert_int_equal(ring.count, 1);
}

/* A sender's cursor passes over what is queued, outlives drops behind it, and picks up
 * what comes later. */
static void cursor(void **state)
{
    (void)state;
    struct ring ring;
    uint32_t size;
    ring_init(&ring, memory, 64);
    uint64_t at = ring.head;
    assert_null(ring_next(&ring, &at, &size));
    assert_int_equal(ring_push(&ring, "a", 1), 0);
    assert_int_equal(ring_push(&ring, "b", 1), 0);
    assert_int_equal(*(const char *)ring_next(&ring, &at, &size), 'a');
    ring_drop(&ring);
    ring_drop(&ring);
    assert_null(ring_next(&ring, &at, &size));
    assert_int_equal(ring_push(&ring, "c", 1), 0);
    assert_int_equal(*(const char *)ring_next(&ring, &at, &size), 'c');
    assert_null(ring_next(&ring, &at, &size));
}

/* Against counters: record i holds the bytes i, i+1, ... and has a random size. */
static void random_use(void **state)
{
    (void)state;
    struct random random;
    struct ring ring;
    static uint32_t sizes[100000];
    uint32_t pushed = 0, dropped = 0;
    random_init(&random, 4);
    ring_init(&ring, memory, 250); /* rounded up to 256 */
    assert_int_equal(ring.capacity, 256);
    for (int step = 0; step < 100000; step++) {
        uint32_t size;
        if (random_chance(&random, 550000)) {
            unsigned char record[100];
            size = (uint32_t)random_below(&random, sizeof(record));
            for (uint32_t i = 0; i < size; i++)
                record[i] = (unsigned char)(pushed + i);
            const int rc = ring_push(&ring, record, size);
            assert_true(rc == 0 || (rc == ERR_FULL && ring.count > 0));
            if (rc == 0)
                sizes[pushed++] = size;
        } else if (ring.count > 0) {
            const unsigned char *record = ring_front(&ring, &size);
            assert_int_equal(size, sizes[dropped]);
            assert_int_equal((uintptr_t)record % 8, 0);
            for (uint32_t i = 0; i < size; i++)
                assert_int_equal(record[i], (unsigned char)(dropped + i));
            ring_drop(&ring);
            dropped++;
        }
        assert_int_equal(ring.count, pushed - dropped);
        uint32_t seen = 0;
        for (uint64_t at = ring.head; ring_next(&ring, &at, &size); seen++)
            assert_int_equal(size, sizes[dropped + seen]);
        assert_int_equal(seen, ring.count);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out),
        cmocka_unit_test(full_now_or_for_ever),
        cmocka_unit_test(cursor),
        cmocka_unit_test(random_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
