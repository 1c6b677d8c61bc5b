/* big_endian_test.c - tests of proto/big_endian.h. */
#include "proto/big_endian.h"

#include <string.h>

#include "tests/unit/unit.h"

/* The first byte is the highest, and no byte beside them is touched. */
static void numbers_are_read_as_written(void **state)
{
    (void)state;
    const uint64_t value = UINT64_C(0x0102030405060708);
    for (uint32_t bytes = 1; bytes <= 8; bytes++) {
        uint8_t at[10] = {0xee, 0, 0, 0, 0, 0, 0, 0, 0, 0}, wanted[10] = {0xee};
        at[1 + bytes] = wanted[1 + bytes] = 0xdd;
        for (uint32_t i = 0; i < bytes; i++)
            wanted[1 + i] = (uint8_t)(9 - bytes + i);
        big_endian_put(at + 1, value, bytes);
        assert_memory_equal(at, wanted, sizeof at);
        assert_int_equal(big_endian_get(at + 1, bytes),
                         value & UINT64_MAX >> (64 - 8 * bytes));
    }
}

/* Keys are compared as bytes. */
static void bytes_sort_as_the_numbers(void **state)
{
    (void)state;
    static const uint64_t sorted[] = {
        0, 1, 255, 256, UINT32_MAX, UINT64_C(1) << 32, INT64_MAX, UINT64_MAX};
    uint8_t before[8], at[8];
    for (uint32_t i = 0; i < sizeof sorted / sizeof *sorted; i++) {
        big_endian_put(at, sorted[i], sizeof at);
        assert_true(i == 0 || memcmp(before, at, sizeof at) < 0);
        memcpy(before, at, sizeof at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_as_written),
        cmocka_unit_test(bytes_sort_as_the_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
