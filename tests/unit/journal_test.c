/* journal_test.c - tables, transactions, reopening, and everything that can go wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/journal.h"
#include "common/random.h"
#include "tests/unit/tree.h"

#define MAP_BYTES (UINT64_C(1) << 30)

struct fixture {
    char directory[64], path[80];
    struct journal *journal;
};

static int try_open(const char *path, uint64_t map_bytes, bool read_only,
                    struct journal **out)
{
    struct journal_options options = {
        .path = path, .map_bytes = map_bytes, .durable = true, .read_only = read_only};
    return journal_open(out, &options);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    memcpy(fixture->directory, "/tmp/zex-journal-XXXXXX",
           sizeof "/tmp/zex-journal-XXXXXX");
    if (!mkdtemp(fixture->directory))
        return -1;
    snprintf(fixture->path, sizeof fixture->path, "%s/data/one", fixture->directory);
    *state = fixture;
    return try_open(fixture->path, MAP_BYTES, false, &fixture->journal);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    journal_close(&fixture->journal);
    tree_remove(fixture->directory);
    free(fixture);
    return 0;
}

static int put(struct journal *journal, uint32_t table, const char *key,
               const char *value)
{
    return journal_put(journal, table, key, strlen(key), value, strlen(value));
}

static void assert_value(struct journal *journal, uint32_t table, const char *key,
                         const char *expected)
{
    const void *value;
    size_t size;
    int rc = journal_get(journal, table, key, strlen(key), &value, &size);
    if (!expected) {
        assert_int_equal(rc, ERR_NOT_FOUND);
        return;
    }
    assert_int_equal(rc, 0);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(value, expected, size);
}

static void assert_seek(struct journal *journal, bool back, const char *key,
                        const char *expected)
{
    const void *found, *value;
    size_t found_size, size;
    int rc = (back ? journal_seek_back : journal_seek)(
        journal, JOURNAL_ROWS, key, strlen(key), &found, &found_size, &value, &size);
    if (!expected) {
        assert_int_equal(rc, ERR_NOT_FOUND);
        return;
    }
    assert_int_equal(rc, 0);
    assert_int_equal(found_size, strlen(expected));
    assert_memory_equal(found, expected, found_size);
}

/* What was put is read at once, and again after the commit and after reopening. */
static void puts_are_read_back(void **state)
{
    struct fixture *fixture = *state;
    assert_false(journal_is_dirty(fixture->journal));
    assert_int_equal(put(fixture->journal, JOURNAL_META, "cursor", "7"), 0);
    assert_true(journal_is_dirty(fixture->journal));
    assert_value(fixture->journal, JOURNAL_META, "cursor", "7");
    assert_value(fixture->journal, JOURNAL_LOG, "cursor", NULL);
    assert_int_equal(journal_commit(fixture->journal), 0);
    assert_false(journal_is_dirty(fixture->journal));
    assert_value(fixture->journal, JOURNAL_META, "cursor", "7");
    assert_int_equal(put(fixture->journal, JOURNAL_META, "cursor", "8"), 0);
    journal_abort(fixture->journal);
    assert_value(fixture->journal, JOURNAL_META, "cursor", "7");
    journal_close(&fixture->journal);
    assert_int_equal(try_open(fixture->path, MAP_BYTES, false, &fixture->journal), 0);
    assert_value(fixture->journal, JOURNAL_META, "cursor", "7");
}

/* What close finds uncommitted is gone. */
static void close_aborts(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(put(fixture->journal, JOURNAL_META, "a", "1"), 0);
    journal_close(&fixture->journal);
    journal_close(&fixture->journal); /* twice is once */
    assert_int_equal(try_open(fixture->path, MAP_BYTES, false, &fixture->journal), 0);
    assert_value(fixture->journal, JOURNAL_META, "a", NULL);
}

static void assert_seeks(struct journal *journal)
{
    assert_seek(journal, false, "a", "b");
    assert_seek(journal, false, "b", "b");
    assert_seek(journal, false, "bb", "d");
    assert_seek(journal, false, "e", NULL);
    assert_seek(journal, true, "a", NULL);
    assert_seek(journal, true, "b", "b");
    assert_seek(journal, true, "c", "b");
    assert_seek(journal, true, "d", "d");
    assert_seek(journal, true, "zz", "d");
}

/* Seeks find the neighbours, among gathered and among committed rows. */
static void seeks_find_neighbours(void **state)
{
    struct fixture *fixture = *state;
    assert_seek(fixture->journal, false, "a", NULL);
    assert_seek(fixture->journal, true, "a", NULL);
    assert_int_equal(put(fixture->journal, JOURNAL_ROWS, "d", "4"), 0);
    assert_int_equal(put(fixture->journal, JOURNAL_ROWS, "b", "2"), 0);
    assert_seeks(fixture->journal);
    assert_int_equal(journal_commit(fixture->journal), 0);
    assert_seeks(fixture->journal);
    assert_int_equal(journal_del(fixture->journal, JOURNAL_ROWS, "d", 1), 0);
    assert_int_equal(journal_del(fixture->journal, JOURNAL_ROWS, "d", 1), ERR_NOT_FOUND);
    assert_seek(fixture->journal, true, "zz", "b");
    assert_int_equal(journal_commit(fixture->journal), 0);
    assert_seek(fixture->journal, true, "zz", "b");
}

#define TWIN_ROWS 512

/* The same random operations on a table and on an array: equal neighbours at each step.
 */
static void random_operations_agree_with_an_array(void **state)
{
    struct fixture *fixture = *state;
    struct random random;
    random_init(&random, 1);
    uint32_t rows[TWIN_ROWS] = {0}; /* 0: absent */
    uint32_t committed[TWIN_ROWS] = {0};
    for (uint32_t step = 1; step < 60000; step++) {
        uint32_t i = (uint32_t)random_below(&random, TWIN_ROWS);
        uint8_t key[2] = {(uint8_t)(i >> 8), (uint8_t)i}, filler[200] = {0};
        uint32_t kind = (uint32_t)random_below(&random, 1000);
        memcpy(filler, &step, sizeof step);
        if (kind < 300) {
            size_t size = 4 + random_below(&random, sizeof filler - 4);
            assert_int_equal(
                journal_put(fixture->journal, JOURNAL_ROWS, key, 2, filler, size), 0);
            rows[i] = step;
        } else if (kind < 550) {
            assert_int_equal(journal_del(fixture->journal, JOURNAL_ROWS, key, 2),
                             rows[i] ? 0 : ERR_NOT_FOUND);
            rows[i] = 0;
        } else if (kind < 990) {
            bool back = kind & 1;
            const void *found, *value;
            size_t found_size, size;
            int rc = (back ? journal_seek_back
                           : journal_seek)(fixture->journal, JOURNAL_ROWS, key, 2, &found,
                                           &found_size, &value, &size);
            uint32_t at = i;
            while (at < TWIN_ROWS && rows[at] == 0)
                at += back ? UINT32_MAX : 1;
            assert_int_equal(rc, at < TWIN_ROWS ? 0 : ERR_NOT_FOUND);
            if (rc == 0)
                assert_memory_equal(value, &rows[at], sizeof rows[at]);
        } else if (kind < 995) {
            journal_abort(fixture->journal);
            memcpy(rows, committed, sizeof rows);
        } else {
            assert_int_equal(journal_commit(fixture->journal), 0);
            memcpy(committed, rows, sizeof rows);
        }
    }
}

/* A directory has one owner; the second, in this process or another, is told so. */
static void second_owner_is_refused(void **state)
{
    struct fixture *fixture = *state;
    pid_t child = fork();
    if (child == 0) {
        struct journal *second;
        _exit(try_open(fixture->path, MAP_BYTES, false, &second) == ERR_LOCKED ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct journal *second;
    assert_int_equal(try_open(fixture->path, MAP_BYTES, false, &second), ERR_LOCKED);
    assert_null(second);
}

/* A tool in another process reads beside the owner, and sees one commit until it aborts.
 */
static void tool_reads_beside_the_owner(void **state)
{
    struct fixture *fixture = *state;
    int to_tool[2], to_owner[2];
    char byte = 0;
    assert_int_equal(put(fixture->journal, JOURNAL_META, "a", "1"), 0);
    assert_int_equal(journal_commit(fixture->journal), 0);
    assert_int_equal(pipe(to_tool), 0);
    assert_int_equal(pipe(to_owner), 0);
    pid_t child = fork();
    if (child == 0) {
        struct journal *tool;
        assert_int_equal(try_open(fixture->path, 0, true, &tool), 0);
        assert_value(tool, JOURNAL_META, "a", "1");
        assert_int_equal(write(to_owner[1], &byte, 1), 1);
        assert_int_equal(read(to_tool[0], &byte, 1), 1);
        assert_value(tool, JOURNAL_META, "a", "1");
        journal_abort(tool);
        assert_value(tool, JOURNAL_META, "a", "2");
        journal_close(&tool);
        _exit(0);
    }
    assert_int_equal(read(to_owner[0], &byte, 1), 1);
    assert_int_equal(put(fixture->journal, JOURNAL_META, "a", "2"), 0);
    assert_int_equal(journal_commit(fixture->journal), 0);
    assert_int_equal(write(to_tool[1], &byte, 1), 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(to_tool[0]), close(to_tool[1]), close(to_owner[0]), close(to_owner[1]);
}

/* SIGKILL between commits: what was committed is there, the rest is not, nobody is locked
 * out. */
static void reopens_after_a_kill(void **state)
{
    struct fixture *fixture = *state;
    int ready[2];
    char byte = 0;
    journal_close(&fixture->journal);
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct journal *journal;
        if (try_open(fixture->path, MAP_BYTES, false, &journal) != 0 ||
            put(journal, JOURNAL_META, "a", "1") != 0 || journal_commit(journal) != 0 ||
            put(journal, JOURNAL_META, "b", "2") != 0 || write(ready[1], &byte, 1) != 1)
            _exit(1);
        pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(try_open(fixture->path, MAP_BYTES, false, &fixture->journal), 0);
    assert_value(fixture->journal, JOURNAL_META, "a", "1");
    assert_value(fixture->journal, JOURNAL_META, "b", NULL);
    close(ready[0]), close(ready[1]);
}

/* Writes `size` bytes into the environment's file at `offset`. */
static void damage(const char *path, off_t offset, const void *bytes, size_t size)
{
    char name[128];
    snprintf(name, sizeof name, "%s/data.mdb", path);
    int file = open(name, O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, bytes, size, offset), size);
    close(file);
}

/* Bytes that are no environment. */
static void garbage_is_refused(void **state)
{
    struct fixture *fixture = *state;
    char garbage[2 * 4096];
    journal_close(&fixture->journal);
    memset(garbage, 'x', sizeof garbage);
    damage(fixture->path, 0, garbage, sizeof garbage);
    struct journal *journal;
    assert_int_equal(try_open(fixture->path, MAP_BYTES, false, &journal), ERR_CORRUPT);
}

/* A path below a plain file cannot be a directory, nor can one that is not there be read.
 */
static void unreadable_directory_is_an_error(void **state)
{
    struct fixture *fixture = *state;
    struct journal *journal;
    char below[128];
    snprintf(below, sizeof below, "%s/LOCK/more", fixture->path);
    assert_int_equal(try_open(below, MAP_BYTES, false, &journal), ERR_DATA_DIR);
    snprintf(below, sizeof below, "%s/none", fixture->directory);
    assert_int_equal(try_open(below, 0, true, &journal), ERR_DATA_DIR);
}

/* A map that is full refuses the put and is sound after the abort. */
static void map_full_is_an_answer(void **state)
{
    struct fixture *fixture = *state;
    struct journal *small;
    static uint8_t block[3000];
    char path[128];
    snprintf(path, sizeof path, "%s/small", fixture->directory);
    assert_int_equal(try_open(path, 1 << 20, false, &small), 0);
    assert_int_equal(put(small, JOURNAL_META, "a", "1"), 0);
    assert_int_equal(journal_commit(small), 0);
    assert_in_range(journal_used_percent(small), 1, 30);
    int rc = 0;
    uint8_t key[4] = {0};
    for (uint32_t i = 0; rc == 0 && i < 1000; i++) {
        key[2] = (uint8_t)(i >> 8), key[3] = (uint8_t)i;
        rc = journal_put(small, JOURNAL_LOG, key, sizeof key, block, sizeof block);
        if (rc == 0 && i % 8 == 0)
            rc = journal_commit(small);
    }
    assert_int_equal(rc, ERR_MAP_FULL);
    assert_in_range(journal_used_percent(small), 85, 100);
    assert_int_equal(journal_commit(small), ERR_MAP_FULL);
    journal_abort(small);
    assert_value(small, JOURNAL_META, "a", "1");
    journal_close(&small);
}

/* Freed pages do not count as used. */
static void pruned_pages_are_free_again(void **state)
{
    struct fixture *fixture = *state;
    struct journal *small;
    static uint8_t block[3000];
    char path[128];
    snprintf(path, sizeof path, "%s/small", fixture->directory);
    assert_int_equal(try_open(path, 1 << 20, false, &small), 0);
    for (uint8_t i = 0; i < 150; i++)
        assert_int_equal(journal_put(small, JOURNAL_LOG, &i, 1, block, sizeof block), 0);
    assert_int_equal(journal_commit(small), 0);
    uint32_t before = journal_used_percent(small);
    for (uint8_t i = 0; i < 140; i++)
        assert_int_equal(journal_del(small, JOURNAL_LOG, &i, 1), 0);
    assert_int_equal(journal_commit(small), 0);
    assert_true(journal_used_percent(small) < before / 2);
    journal_close(&small);
}

/* A put or a commit that fails at any point loses what was gathered, and nothing else. */
static void injected_faults_fail_cleanly(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t nth = 1; nth <= 4; nth++) {
        journal_fail(fixture->journal, JOURNAL_PUT, nth, ERR_MAP_FULL);
        int rc = 0;
        for (uint32_t i = 1; i <= 3; i++) {
            rc = put(fixture->journal, JOURNAL_META, "a", "1");
            assert_int_equal(rc, i >= nth ? ERR_MAP_FULL : 0);
        }
        assert_int_equal(journal_commit(fixture->journal), nth <= 3 ? ERR_MAP_FULL : 0);
        journal_abort(fixture->journal);
        assert_value(fixture->journal, JOURNAL_META, "a", nth <= 3 ? NULL : "1");
    }
    journal_fail(fixture->journal, JOURNAL_PUT, 0, 0);
    assert_int_equal(put(fixture->journal, JOURNAL_META, "a", "2"), 0);
    assert_int_equal(journal_commit(fixture->journal), 0);
}

/* Whatever a disk says: an abort does not heal it, and what was committed is there. */
static void failed_disk_is_not_asked_again(void **state)
{
    struct fixture *fixture = *state;
    static const int errors[] = {ERR_IO, ERR_DISK_FULL, ERR_DATA_DIR};
    for (uint32_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        char kept[2] = {(char)('1' + i), 0};
        journal_fail(fixture->journal, JOURNAL_COMMIT, 2, errors[i]);
        assert_int_equal(put(fixture->journal, JOURNAL_META, "a", kept), 0);
        assert_int_equal(journal_commit(fixture->journal), 0);
        assert_int_equal(put(fixture->journal, JOURNAL_META, "a", "lost"), 0);
        assert_int_equal(journal_commit(fixture->journal), errors[i]);
        journal_abort(fixture->journal);
        assert_int_equal(put(fixture->journal, JOURNAL_META, "a", "late"), errors[i]);
        assert_int_equal(journal_commit(fixture->journal), errors[i]);
        journal_close(&fixture->journal);
        assert_int_equal(try_open(fixture->path, MAP_BYTES, false, &fixture->journal), 0);
        assert_value(fixture->journal, JOURNAL_META, "a", kept);
    }
}

/* Commits until the disk is full. Returns the error, and how many commits went through.
 */
static int fill(struct journal *journal, uint32_t *commits)
{
    static uint8_t block[60000];
    int rc = 0;
    for (uint8_t i = 0; rc == 0 && i < 255; i++) {
        rc = journal_put(journal, JOURNAL_LOG, &i, 1, block, sizeof block);
        if (rc == 0)
            rc = journal_commit(journal);
        *commits += rc == 0;
    }
    return rc;
}

/* A disk that is really full stops the journal, and what was committed is there later. */
static void full_disk_is_told_apart(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    uint32_t commits = 0;
    journal_close(&fixture->journal);
    snprintf(path, sizeof path, "%s/data", fixture->directory);
    if (mount("tmpfs", path, "tmpfs", 0, "size=2m") != 0) {
        print_message("skipped: cannot mount a tmpfs: %s\n", strerror(errno));
        skip();
    }
    struct journal *journal = NULL;
    int opened = try_open(fixture->path, MAP_BYTES, false, &journal);
    int rc = opened == 0 ? fill(journal, &commits) : 0;
    int later = opened == 0 ? put(journal, JOURNAL_META, "a", "1") : 0;
    journal_close(&journal);
    int reopened = try_open(fixture->path, MAP_BYTES, false, &journal);
    const void *key, *value;
    size_t key_size = 0, size;
    uint8_t last = 255;
    int found = reopened != 0 ? reopened
                              : journal_seek_back(journal, JOURNAL_LOG, &last, 1, &key,
                                                  &key_size, &value, &size);
    last = key_size == 1 ? *(const uint8_t *)key : 0;
    journal_close(&journal);
    umount(path);
    assert_int_equal(opened, 0);
    assert_int_equal(rc, ERR_DISK_FULL);
    assert_int_equal(later, ERR_DISK_FULL);
    assert_int_equal(found, 0);
    assert_int_equal(last, commits - 1);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(puts_are_read_back),
        TEST(close_aborts),
        TEST(seeks_find_neighbours),
        TEST(random_operations_agree_with_an_array),
        TEST(second_owner_is_refused),
        TEST(tool_reads_beside_the_owner),
        TEST(reopens_after_a_kill),
        TEST(garbage_is_refused),
        TEST(unreadable_directory_is_an_error),
        TEST(map_full_is_an_answer),
        TEST(pruned_pages_are_free_again),
        TEST(injected_faults_fail_cleanly),
        TEST(failed_disk_is_not_asked_again),
        TEST(full_disk_is_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
