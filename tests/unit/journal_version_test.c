/* journal_version_test.c - what is a version, which are read, and which is written. */
#include "common/journal_version.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/journal.h"
#include "tests/unit/tree.h"
#include "tests/unit/unit.h"

enum { FILE_BYTES = 8 * 4096 };

struct fixture {
    char directory[64], file[80], bytes[FILE_BYTES];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        return -1;
    snprintf(f->directory, sizeof f->directory, "/tmp/zex-version-XXXXXX");
    snprintf(f->file, sizeof f->file, "%s/data.mdb", mkdtemp(f->directory));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    tree_remove(f->directory);
    free(f);
    return 0;
}

static int try_open(struct fixture *f, bool read_only, uint32_t *version)
{
    struct journal *journal;
    const int error =
        journal_open(&journal, &(struct journal_options){.path = f->directory,
                                                         .map_bytes = UINT64_C(1) << 26,
                                                         .read_only = read_only,
                                                         .found_version = version});
    journal_close(&journal);
    return error;
}

/* The rows of that name in the file, as another build would have written them; NULL: as
 * they are. Returns how many of them say `text`. */
static uint32_t pretend(struct fixture *f, const char *text)
{
    const size_t length = strlen(JOURNAL_VERSION_TEXT);
    uint32_t count = 0;
    int file = open(f->file, O_RDWR);
    assert_true(file >= 0);
    assert_true(read(file, f->bytes, FILE_BYTES) > 0);
    for (size_t i = 0; i + length <= FILE_BYTES; i++) {
        if (memcmp(f->bytes + i, JOURNAL_VERSION_TEXT, length - 1) != 0)
            continue;
        if (text != NULL)
            assert_int_equal(pwrite(file, text, length, (off_t)i), length);
        count += memcmp(f->bytes + i, JOURNAL_VERSION_TEXT, length) == 0;
    }
    close(file);
    return count;
}

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

static void another_version_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const others[] = {"zex journal 9", "zex journal 2"};
    uint32_t version = 0;
    assert_int_equal(try_open(f, false, &version), 0);
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(pretend(f, others[i]) == (i == 0));
        assert_int_equal(try_open(f, false, &version), ERR_VERSION);
        assert_int_equal(version, others[i][12] - '0');
        assert_int_equal(try_open(f, true, &version), ERR_VERSION);
    }
}

/* ... and is this one once somebody owned it: the build before refuses it then. */
static void the_version_before_is_read(void **state)
{
    struct fixture *f = *state;
    uint32_t version = 0;
    assert_int_equal(try_open(f, false, &version), 0);
    pretend(f, "zex journal 3");
    assert_int_equal(try_open(f, true, &version), 0);
    assert_int_equal(pretend(f, NULL), 0);
    assert_int_equal(try_open(f, false, &version), 0);
    assert_true(pretend(f, NULL) > 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_a_version),
        TEST(another_version_is_refused),
        TEST(the_version_before_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
