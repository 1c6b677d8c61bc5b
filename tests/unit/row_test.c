/* row_test.c - any bit of a row's key or value that is another is found. */
#include "tests/unit/unit.h"

#include <string.h>

#include "common/error.h"
#include "common/row.h"

static void test_every_bit(void **unused)
{
    (void)unused;
    uint8_t row[8 + 20 + ROW_SEAL_BYTES] = "some key and a value of it";
    size_t size = 20 + ROW_SEAL_BYTES;
    row_seal(row + 28, row, 8, row + 8, 20);
    assert_int_equal(row_open(row, 8, row + 8, &size), 0);
    assert_int_equal(size, 20);
    for (uint32_t bit = 0; bit < 8 * sizeof row; bit++) {
        row[bit / 8] ^= (uint8_t)(1 << bit % 8);
        size = 20 + ROW_SEAL_BYTES;
        assert_int_equal(row_open(row, 8, row + 8, &size), ERR_CORRUPT);
        row[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void test_too_short(void **unused)
{
    (void)unused;
    size_t size = ROW_SEAL_BYTES - 1;
    assert_int_equal(row_open("k", 1, "abc", &size), ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_bit),
        cmocka_unit_test(test_too_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
