/* journal_version_test.c - only a whole number behind the name is a version. */
#include "common/journal_version.h"

#include <string.h>

#include "tests/unit/unit.h"

static void what_is_a_version(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t version;
    } cases[] = {
        {JOURNAL_VERSION_TEXT, JOURNAL_VERSION},
        {"zex journal 1", 1},
        {"zex journal 999999", 999999},
        {"zex journal 1000000", 0},
        {"zex journal ", 0},
        {"zex journal 3x", 0},
        {"zex journal x", 0},
        {"another book 2", 0},
        {"", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(journal_version_read(cases[i].text, strlen(cases[i].text)),
                         cases[i].version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_a_version)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
