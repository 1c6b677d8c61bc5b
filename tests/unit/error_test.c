/* error_test.c - names, numbers and exit codes stay what scripts and clients know. */
#include "common/error.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/unit.h"

/* An error is known by its code and by its number on the wire. */
static void names_and_texts(void **state)
{
    (void)state;
    assert_string_equal(error_name(ERR_FUNDS), "FUNDS");
    assert_string_equal(error_name(60), "FUNDS");
    assert_string_equal(error_text(ERR_FUNDS), "not enough funds");
    assert_string_equal(error_name(0), "OK");
    assert_int_equal(error_number(ERR_FUNDS), 60);
    assert_string_equal(error_name(-19), "UNKNOWN");
    assert_string_equal(error_name(-100000), "UNKNOWN");
    assert_string_equal(error_text(INT32_MIN), "unknown error");
}

/* No text is empty, and no two errors read alike. */
static void texts_differ(void **state)
{
    (void)state;
    static const int all[] = {
#define ERROR(name, number, text) ERR_##name,
#include "common/error.def"
#undef ERROR
    };
    const size_t count = sizeof(all) / sizeof(all[0]);
    for (size_t i = 0; i < count; i++) {
        assert_true(strlen(error_text(all[i])) > 0);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(error_text(all[i]), error_text(all[j]));
    }
}

/* Exit codes are distinct, none is 0, 1 or above what a shell uses itself. */
static void exit_codes(void **state)
{
    (void)state;
    static const int codes[] = {
#define EXIT(name, code) code,
#include "common/exit.def"
#undef EXIT
    };
    const size_t count = sizeof(codes) / sizeof(codes[0]);
    for (size_t i = 0; i < count; i++) {
        assert_true(codes[i] > 1 && codes[i] < 126);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(codes[i], codes[j]);
    }
    assert_int_equal(error_exit_code(ERR_USAGE), 2);
    assert_int_equal(error_exit_code(ERR_GAP), 25);
    assert_int_equal(error_exit_code(0), 0);
    assert_int_equal(error_exit_code(ERR_FUNDS), 1);
}

static void files(void **state)
{
    (void)state;
    assert_int_equal(error_of_file(ENOSPC), ERR_DISK_FULL);
    assert_int_equal(error_of_file(EDQUOT), ERR_DISK_FULL);
    assert_int_equal(error_of_file(ENOMEM), ERR_MEMORY);
    assert_int_equal(error_of_file(EACCES), ERR_DATA_DIR);
    assert_int_equal(error_of_file(EROFS), ERR_DATA_DIR);
    assert_int_equal(error_of_file(EIO), ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_texts),
        cmocka_unit_test(texts_differ),
        cmocka_unit_test(exit_codes),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
