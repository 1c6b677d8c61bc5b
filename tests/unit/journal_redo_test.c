/* journal_redo_test.c - commits of one flush: nothing committed is lost, nothing else is
 * there, whatever ends the process and whatever the file looks like then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/journal.h"
#include "common/journal_redo.h"
#include "common/random.h"
#include "tests/unit/tree.h"

#define MAP_BYTES    (UINT64_C(1) << 30)
#define PAGE_BYTES   4096
#define RECORD_BYTES 42 /* of one change: header, lengths, a key and a value of a byte */

struct fixture {
    char directory[64], path[80], copy[80];
    struct journal *journal;
};

static int try_open(const char *path, bool redo, bool read_only, struct journal **out)
{
    return journal_open(out, &(struct journal_options){.path = path,
                                                       .map_bytes = MAP_BYTES,
                                                       .redo = redo,
                                                       .durable = true,
                                                       .read_only = read_only});
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    memcpy(f->directory, "/tmp/zex-redo-XXXXXX", sizeof "/tmp/zex-redo-XXXXXX");
    if (!mkdtemp(f->directory))
        return -1;
    snprintf(f->path, sizeof f->path, "%s/one", f->directory);
    snprintf(f->copy, sizeof f->copy, "%s/copy", f->directory);
    *state = f;
    return try_open(f->path, true, false, &f->journal);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    journal_close(&f->journal);
    tree_remove(f->directory);
    free(f);
    return 0;
}

static void put(struct journal *journal, const char *key, const char *value)
{
    assert_int_equal(
        journal_put(journal, JOURNAL_ROWS, key, strlen(key), value, strlen(value)), 0);
}

static void commit(struct journal *journal, const char *key, const char *value)
{
    put(journal, key, value);
    assert_int_equal(journal_commit(journal), 0);
}

static void assert_value(struct journal *journal, const char *key, const char *expected)
{
    const void *value;
    size_t size;
    int error = journal_get(journal, JOURNAL_ROWS, key, strlen(key), &value, &size);
    assert_int_equal(error, expected == NULL ? ERR_NOT_FOUND : 0);
    if (expected == NULL)
        return;
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(value, expected, size);
}

/* ---- files as a crash leaves them -------------------------------------------------- */

static void copy_file(const char *from, const char *to, const char *name)
{
    static char bytes[1 << 16];
    char source[128], target[128];
    snprintf(source, sizeof source, "%s/%s", from, name);
    snprintf(target, sizeof target, "%s/%s", to, name);
    int in = open(source, O_RDONLY), out = open(target, O_WRONLY | O_CREAT, 0600);
    assert_true(in >= 0 && out >= 0);
    for (ssize_t got; (got = read(in, bytes, sizeof bytes)) > 0;)
        assert_int_equal(write(out, bytes, (size_t)got), got);
    close(in);
    close(out);
}

/* What the disk has of a journal that is open: as if its process had ended here. */
static void crash(struct fixture *f)
{
    tree_remove(f->copy);
    assert_int_equal(mkdir(f->copy, 0700), 0);
    copy_file(f->path, f->copy, "data.mdb");
    copy_file(f->path, f->copy, "redo");
}

static struct journal *reopen_copy(const struct fixture *f)
{
    struct journal *journal;
    assert_int_equal(try_open(f->copy, true, false, &journal), 0);
    return journal;
}

static int open_redo_file(const char *path)
{
    char name[128];
    snprintf(name, sizeof name, "%s/redo", path);
    int file = open(name, O_RDWR);
    assert_true(file >= 0);
    return file;
}

/* One bit of the byte at `offset` of the copy's file. */
static void flip(const struct fixture *f, off_t offset)
{
    uint8_t byte;
    int file = open_redo_file(f->copy);
    assert_int_equal(pread(file, &byte, 1, offset), 1);
    byte ^= 4;
    assert_int_equal(pwrite(file, &byte, 1, offset), 1);
    close(file);
}

static void cut(const struct fixture *f, off_t size)
{
    int file = open_redo_file(f->copy);
    assert_int_equal(ftruncate(file, size), 0);
    close(file);
}

/* ---- what is kept ------------------------------------------------------------------ */

/* LMDB has none of it until it is settled; a crash loses what was gathered, no more. */
static void committed_is_kept(void **state)
{
    struct fixture *f = *state;
    commit(f->journal, "a", "1");
    commit(f->journal, "b", "2");
    assert_int_equal(journal_del(f->journal, JOURNAL_ROWS, "a", 1), 0);
    assert_int_equal(journal_put(f->journal, JOURNAL_ROWS, "empty", 5, "", 0), 0);
    assert_int_equal(journal_commit(f->journal), 0);
    put(f->journal, "c", "3");
    assert_true(journal_is_unsettled(f->journal));
    crash(f);
    struct journal *after = reopen_copy(f);
    assert_value(after, "a", NULL);
    assert_value(after, "b", "2");
    assert_value(after, "c", NULL);
    assert_value(after, "empty", "");
    assert_false(journal_is_unsettled(after));
    journal_close(&after);
}

/* A tool sees all that was committed by one that is gone, and so does an owner without
 * redo. */
static void tools_see_commits(void **state)
{
    struct fixture *f = *state;
    struct journal *tool;
    commit(f->journal, "a", "1");
    assert_int_equal(journal_settle(f->journal), 0);
    assert_int_equal(journal_settle(f->journal), 0); /* nothing to do */
    commit(f->journal, "a", "2");
    crash(f);
    assert_int_equal(try_open(f->copy, true, true, &tool), 0);
    assert_value(tool, "a", "2");
    journal_close(&tool);
    crash(f);
    assert_int_equal(try_open(f->copy, false, false, &tool), 0);
    assert_value(tool, "a", "2");
    commit(tool, "a", "3");
    journal_close(&tool);
    tool = reopen_copy(f);
    assert_value(tool, "a", "3");
    journal_close(&tool);
}

/* Beside an owner it waits until that one settles. */
static void tool_waits_for_the_owner(void **state)
{
    struct fixture *f = *state;
    int told[2], status;
    char byte;
    commit(f->journal, "a", "1");
    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    if (child == 0) {
        struct journal *tool;
        bool came = write(told[1], "", 1) == 1;
        assert_int_equal(try_open(f->path, false, true, &tool), 0);
        assert_value(tool, "a", "1");
        journal_close(&tool);
        _exit(came ? 0 : 1);
    }
    assert_int_equal(read(told[0], &byte, 1), 1);
    while (waitpid(child, &status, WNOHANG) == 0) {
        commit(f->journal, "b", "2");
        assert_int_equal(journal_settle(f->journal), 0);
        sched_yield();
    }
    assert_int_equal(status, 0);
    close(told[0]), close(told[1]);
}

/* Several at once, after an unclean end: one settles, the others wait for it; and so does
 * an owner, which all of them then go along with. */
static void tools_wait_for_a_tool(void **state)
{
    struct fixture *f = *state;
    commit(f->journal, "a", "1");
    for (uint32_t round = 0; round < 20; round++) {
        pid_t tools[4];
        int status;
        crash(f);
        for (uint32_t i = 0; i < 4; i++)
            if ((tools[i] = fork()) == 0) {
                struct journal *tool = NULL;
                int error = try_open(f->copy, false, true, &tool);
                if (error == 0)
                    assert_value(tool, "a", "1");
                journal_close(&tool);
                _exit(-error);
            }
        struct journal *owner = reopen_copy(f);
        assert_value(owner, "a", "1");
        journal_close(&owner);
        for (uint32_t i = 0; i < 4; i++) {
            assert_int_equal(waitpid(tools[i], &status, 0), tools[i]);
            assert_int_equal(status, 0);
        }
    }
}

/* Abort takes back what was gathered, not what was committed and is not settled. */
static void abort_keeps_commits(void **state)
{
    struct fixture *f = *state;
    commit(f->journal, "a", "1");
    put(f->journal, "a", "2");
    journal_abort(f->journal);
    assert_value(f->journal, "a", "1");
    assert_false(journal_is_dirty(f->journal));
    commit(f->journal, "b", "2");
    journal_fail(f->journal, JOURNAL_COMMIT, 1, ERR_MAP_FULL);
    put(f->journal, "c", "3");
    assert_int_equal(journal_commit(f->journal), ERR_MAP_FULL);
    assert_value(f->journal, "a", "1");
    assert_value(f->journal, "b", "2");
    assert_value(f->journal, "c", NULL);
    crash(f);
    struct journal *after = reopen_copy(f);
    assert_value(after, "b", "2");
    assert_value(after, "c", NULL);
    journal_close(&after);
}

/* More than a record holds, and more than the file holds, is settled. */
static void large_commits_settle(void **state)
{
    struct fixture *f = *state;
    const size_t size = JOURNAL_REDO_RECORD / 2;
    uint8_t *bytes = calloc(1, size);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(journal_put(f->journal, JOURNAL_LOG, &i, sizeof i, bytes, size),
                         0);
    assert_int_equal(journal_commit(f->journal), 0);
    assert_false(journal_is_unsettled(f->journal));
    uint32_t settled = 0;
    for (uint32_t i = 0; i < 2 * JOURNAL_REDO_FILE / size; i++) {
        assert_int_equal(journal_put(f->journal, JOURNAL_LOG, &i, sizeof i, bytes, size),
                         0);
        assert_int_equal(journal_commit(f->journal), 0);
        settled += !journal_is_unsettled(f->journal);
    }
    assert_int_equal(settled, 2);
    free(bytes);
}

/* ---- what the file may look like --------------------------------------------------- */

/* The last record, cut or changed anywhere, was being written: it never happened. */
static void torn_end_is_void(void **state)
{
    struct fixture *f = *state;
    commit(f->journal, "a", "1");
    commit(f->journal, "a", "2");
    for (off_t at = 0; at < 2 * RECORD_BYTES; at++) {
        crash(f);
        if (at < RECORD_BYTES)
            flip(f, PAGE_BYTES + at);
        else
            cut(f, PAGE_BYTES + at - RECORD_BYTES);
        struct journal *after = reopen_copy(f);
        assert_value(after, "a", "1");
        commit(after, "b", "2");
        journal_close(&after);
    }
}

/* Damage before the last record is damage. */
static void missing_record_is_corrupt(void **state)
{
    struct fixture *f = *state;
    struct journal *after;
    commit(f->journal, "a", "1");
    commit(f->journal, "a", "2");
    commit(f->journal, "a", "3");
    for (uint32_t record = 0; record < 2; record++)
        for (off_t at = 0; at < RECORD_BYTES; at++) {
            crash(f);
            flip(f, PAGE_BYTES * record + at);
            assert_int_equal(try_open(f->copy, true, false, &after), ERR_CORRUPT);
            assert_null(after);
        }
}

/* What an earlier generation left behind a newer one's end, or in place of its file. */
static void other_generation_is_void(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < 4; i++)
        commit(f->journal, "a", "old");
    crash(f);
    int file = open_redo_file(f->copy);
    uint8_t old[4 * PAGE_BYTES] = {0};
    assert_true(pread(file, old, sizeof old, 0) > 3 * PAGE_BYTES);
    close(file);
    assert_int_equal(journal_settle(f->journal), 0);
    commit(f->journal, "a", "new");
    crash(f);
    struct journal *after = reopen_copy(f);
    assert_value(after, "a", "new");
    journal_close(&after);
    crash(f);
    file = open_redo_file(f->copy);
    assert_int_equal(pwrite(file, old, sizeof old, 0), sizeof old);
    close(file);
    assert_int_equal(try_open(f->copy, true, false, &after), 0);
    journal_close(&after);
}

/* Whoever copied the environment alone is told what else there was. */
static void missing_file_is_corrupt(void **state)
{
    struct fixture *f = *state;
    struct journal *after;
    char name[128];
    const char *missing;
    commit(f->journal, "a", "1");
    crash(f);
    snprintf(name, sizeof name, "%s/redo", f->copy);
    assert_int_equal(unlink(name), 0);
    for (uint32_t way = 0; way < 4; way++) {
        const struct journal_options options = {.path = f->copy,
                                                .map_bytes = MAP_BYTES,
                                                .redo = way == 0,
                                                .read_only = way >= 2,
                                                .missing = way == 3 ? NULL : &missing};
        missing = NULL;
        assert_int_equal(journal_open(&after, &options), ERR_CORRUPT);
        assert_null(after);
        assert_true(way == 3 ? missing == NULL : strcmp(missing, "redo") == 0);
    }
    close(open(name, O_CREAT | O_WRONLY, 0600)); /* it is known */
    after = reopen_copy(f);
    assert_value(after, "a", NULL);
    journal_close(&after);
}

#define TWIN_ROWS 64

static void assert_twin(struct journal *journal, const uint32_t rows[TWIN_ROWS])
{
    for (uint8_t i = 0; i < TWIN_ROWS; i++) {
        const void *value;
        size_t size;
        int error = journal_get(journal, JOURNAL_ROWS, &i, 1, &value, &size);
        assert_int_equal(error, rows[i] == 0 ? ERR_NOT_FOUND : 0);
        if (error == 0)
            assert_memory_equal(value, &rows[i], sizeof rows[i]);
    }
}

/* Random changes, commits, settlings, aborts, crashes: always the last commit. */
static void random_crashes_agree_with_an_array(void **state)
{
    struct fixture *f = *state;
    const uint64_t seed = 1;
    struct random random;
    random_init(&random, seed);
    print_message("seed %llu\n", (unsigned long long)seed);
    uint32_t rows[TWIN_ROWS] = {0}, committed[TWIN_ROWS] = {0};
    for (uint32_t step = 1; step < 6000; step++) {
        uint8_t i = (uint8_t)random_below(&random, TWIN_ROWS), filler[3000] = {0};
        uint64_t kind = random_below(&random, 1000);
        memcpy(filler, &step, sizeof step);
        if (kind < 500) {
            size_t size = 4 + random_below(&random, sizeof filler - 4);
            assert_int_equal(journal_put(f->journal, JOURNAL_ROWS, &i, 1, filler, size),
                             0);
            rows[i] = step;
        } else if (kind < 700) {
            assert_int_equal(journal_del(f->journal, JOURNAL_ROWS, &i, 1),
                             rows[i] != 0 ? 0 : ERR_NOT_FOUND);
            rows[i] = 0;
        } else if (kind < 940) {
            assert_int_equal(journal_commit(f->journal), 0);
            memcpy(committed, rows, sizeof rows);
        } else if (kind < 970) {
            journal_abort(f->journal);
            memcpy(rows, committed, sizeof rows);
            assert_twin(f->journal, rows);
        } else if (kind < 980) {
            assert_int_equal(journal_commit(f->journal), 0);
            memcpy(committed, rows, sizeof rows);
            assert_int_equal(journal_settle(f->journal), 0);
        } else if (kind < 990) {
            crash(f);
            struct journal *after = reopen_copy(f);
            assert_twin(after, committed);
            journal_close(&after);
        } else { /* without settling */
            journal_close(&f->journal);
            assert_int_equal(try_open(f->path, true, false, &f->journal), 0);
            memcpy(rows, committed, sizeof rows);
            assert_twin(f->journal, rows);
        }
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(committed_is_kept),
        TEST(tools_see_commits),
        TEST(tool_waits_for_the_owner),
        TEST(tools_wait_for_a_tool),
        TEST(abort_keeps_commits),
        TEST(large_commits_settle),
        TEST(torn_end_is_void),
        TEST(missing_record_is_corrupt),
        TEST(other_generation_is_void),
        TEST(missing_file_is_corrupt),
        TEST(random_crashes_agree_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
