/* journal_error_test.c - an error tells what an operator is to do. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <lmdb.h>
#include <sys/resource.h>

#include "common/error.h"
#include "common/journal_error.h"

static void each_has_its_own(void **state)
{
    (void)state;
    assert_int_equal(journal_error(0, "/tmp"), 0);
    assert_int_equal(journal_error(MDB_MAP_FULL, "/tmp"), ERR_MAP_FULL);
    assert_int_equal(journal_error(MDB_PAGE_NOTFOUND, "/tmp"), ERR_CORRUPT);
    assert_int_equal(journal_error(ENOSPC, "/tmp"), ERR_DISK_FULL);
    assert_int_equal(journal_error(EIO, "/tmp"), ERR_IO);
    assert_int_equal(journal_error(EROFS, "/tmp"), ERR_DATA_DIR);
    assert_int_equal(journal_error(ENOMEM, "/tmp"), ERR_MEMORY);
}

static void what_a_disk_failed_in_lasts(void **state)
{
    (void)state;
    assert_true(journal_error_lasts(ERR_IO));
    assert_true(journal_error_lasts(ERR_DISK_FULL));
    assert_true(journal_error_lasts(ERR_DATA_DIR));
    assert_true(journal_error_lasts(ERR_CORRUPT));
    assert_false(journal_error_lasts(ERR_MAP_FULL));
    assert_false(journal_error_lasts(ERR_MEMORY));
}

/* LMDB asks for what a damaged page tells it to. */
static void memory_is_short_only_if_there_is_none(void **state)
{
    (void)state;
    assert_int_equal(journal_error(ENOMEM, "/tmp"), ERR_MEMORY);
    assert_int_equal(journal_error_in_use(ENOMEM, "/tmp"), ERR_CORRUPT);
    assert_int_equal(journal_error_in_use(EIO, "/tmp"), ERR_IO);
    const pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0};
        _exit(setrlimit(RLIMIT_AS, &none) != 0 ||
              journal_error_in_use(ENOMEM, "/tmp") != ERR_MEMORY);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_its_own),
        cmocka_unit_test(what_a_disk_failed_in_lasts),
        cmocka_unit_test(memory_is_short_only_if_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
