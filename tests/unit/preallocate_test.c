/* preallocate_test.c - room is made, kept as it was where there is none, and harmless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "common/journal.h"
#include "common/preallocate.h"
#include "tests/unit/tree.h"

enum { MEGABYTE = 1 << 20 };

struct place {
    char directory[64], file[80];
};

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    snprintf(place->directory, sizeof place->directory, "/tmp/zex-room-XXXXXX");
    if (place == NULL || mkdtemp(place->directory) == NULL)
        return -1;
    snprintf(place->file, sizeof place->file, "%s/data.mdb", place->directory);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    tree_remove(place->directory);
    free(place);
    return 0;
}

static int64_t size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (int64_t)status.st_size : -1;
}

static void write_word(const char *path)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs("word", file);
    fclose(file);
}

static void file_is_longer_and_begins_as_before(void **state)
{
    struct place *place = *state;
    char text[8] = "";
    write_word(place->file);
    assert_int_equal(preallocate(place->file, 3 * MEGABYTE + 5), 0);
    assert_int_equal(size_of(place->file), 3 * MEGABYTE + 5);
    FILE *file = fopen(place->file, "re");
    assert_int_equal(fread(text, 1, 7, file), 7);
    fclose(file);
    assert_memory_equal(text, "word\0\0\0", 7);
}

static void longer_file_stays(void **state)
{
    struct place *place = *state;
    write_word(place->file);
    assert_int_equal(preallocate(place->file, 3), 0);
    assert_int_equal(size_of(place->file), 4);
    assert_int_equal(preallocate("/nowhere/at/all", 3), ERR_IO);
}

static void no_room_is_no_error(void **state)
{
    struct place *place = *state;
    struct rlimit old, tight;
    write_word(place->file);
    assert_int_equal(preallocate(place->file, INT64_MAX), 0); /* more than there is */
    assert_int_equal(size_of(place->file), 4);

    signal(SIGXFSZ, SIG_IGN); /* the file itself may not grow so far: the third write */
    getrlimit(RLIMIT_FSIZE, &old);
    tight = (struct rlimit){.rlim_cur = 2 * MEGABYTE + 100, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    int error = preallocate(place->file, 8 * MEGABYTE);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(error, 0);
    assert_int_equal(size_of(place->file), 4);
}

static void new_journal_has_room(void **state)
{
    struct place *place = *state;
    struct journal *journal;
    struct journal_options options = {.path = place->directory,
                                      .map_bytes = 64 * MEGABYTE,
                                      .new_bytes = 4 * MEGABYTE,
                                      .durable = true};
    assert_int_equal(journal_open(&journal, &options), 0);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(journal_put(journal, JOURNAL_META, &i, sizeof i, "row", 3), 0);
        assert_int_equal(journal_commit(journal), 0);
    }
    assert_int_equal(size_of(place->file), 4 * MEGABYTE);
    journal_close(&journal);

    const void *value;
    size_t size;
    uint32_t key = 99;
    assert_int_equal(journal_open(&journal, &options), 0);
    assert_int_equal(journal_get(journal, JOURNAL_META, &key, sizeof key, &value, &size),
                     0);
    assert_int_equal(size, 3);
    journal_close(&journal);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(file_is_longer_and_begins_as_before),
        TEST(longer_file_stays),
        TEST(no_room_is_no_error),
        TEST(new_journal_has_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
