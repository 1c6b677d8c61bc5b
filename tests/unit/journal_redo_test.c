/* journal_redo_test.c - commits of one flush: nothing committed is lost, nothing else is
 * there, whatever ends the process and whatever the file looks like then. */
#include "tests/unit/journal_crash.h"

#include <pthread.h>

#include "common/journal_redo.h"
#include "common/random.h"

#define PAGE_BYTES   4096
#define RECORD_BYTES 42 /* of one change: header, lengths, a key and a value of a byte */

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

/* What cannot be done again is said as it is. */
static void damage_met_by_abort_is_corrupt(void **state)
{
    struct fixture *f = *state;
    const void *value;
    size_t size;
    commit(f->journal, "a", "1");
    commit(f->journal, "a", "2");
    put(f->journal, "a", "3");
    flip(f->path, 0);
    journal_abort(f->journal);
    assert_int_equal(journal_get(f->journal, JOURNAL_ROWS, "a", 1, &value, &size),
                     ERR_CORRUPT);
}

/* ---- a map that is too small ------------------------------------------------------- */

/* `count` rows of a byte, and no more. */
static void assert_rows(struct journal *journal, uint32_t count, size_t value_size)
{
    const void *value;
    size_t size;
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(journal_get(journal, JOURNAL_ROWS, &i, sizeof i, &value, &size),
                         0);
        assert_int_equal(size, value_size);
    }
    assert_int_equal(
        journal_get(journal, JOURNAL_ROWS, &count, sizeof count, &value, &size),
        ERR_NOT_FOUND);
}

static int open_map(const char *path, uint64_t bytes, struct journal **out)
{
    const struct journal_options options = {
        .path = path, .map_bytes = bytes, .redo = true, .durable = true};
    return journal_open(out, &options);
}

/* Commits rows of this size until there is no room; returns what settling says then.
 * Whatever that is, what was committed is there: now, and with a larger map. */
static int fill(struct fixture *f, size_t value_size)
{
    static const uint8_t value[4000];
    const uint64_t map_bytes = 1 << 19;
    uint32_t count = 0;
    int error = 0;
    journal_close(&f->journal);
    tree_remove(f->path);
    assert_int_equal(open_map(f->path, map_bytes, &f->journal), 0);
    while (error == 0) {
        error = journal_put(f->journal, JOURNAL_ROWS, &count, sizeof count, value,
                            value_size);
        if (error == 0)
            error = journal_commit(f->journal);
        count += error == 0;
    }
    assert_int_equal(error, ERR_MAP_FULL);
    journal_abort(f->journal);
    assert_rows(f->journal, count, value_size);
    error = journal_settle(f->journal);
    assert_rows(f->journal, count, value_size);
    crash(f);
    struct journal *after;
    int reopened = open_map(f->copy, map_bytes, &after);
    assert_true(reopened == 0 || reopened == ERR_MAP_FULL);
    journal_close(&after);
    assert_int_equal(open_map(f->copy, 4 * map_bytes, &after), 0);
    assert_rows(after, count, value_size);
    journal_close(&after);
    return error;
}

static void full_map_loses_nothing(void **state)
{
    uint32_t unsettled = 0, runs = 0;
    for (size_t size = 20; size < 4000; size += 131, runs++) {
        int error = fill(*state, size);
        assert_true(error == 0 || error == ERR_MAP_FULL);
        unsettled += error != 0;
    }
    assert_in_range(unsettled, 1, runs);
}

/* ---- threads ----------------------------------------------------------------------- */

static void *leave_behind(void *argument)
{
    struct fixture *f = argument;
    commit(f->journal, "a", "1");
    put(f->journal, "a", "2");
    return NULL;
}

/* An error ends the loop of a service, and then its thread; another closes the journal,
 * which is whole. */
static void another_thread_closes(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < 3; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, leave_behind, f), 0);
        pthread_join(thread, NULL);
        journal_close(&f->journal);
        f->journal = reopen(f->path);
        assert_value(f->journal, "a", "1");
        commit(f->journal, "b", "1");
        assert_int_equal(journal_settle(f->journal), 0);
    }
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
            flip(f->copy, PAGE_BYTES + at);
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
            flip(f->copy, PAGE_BYTES * record + at);
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
        TEST(committed_is_kept),        TEST(abort_keeps_commits),
        TEST(large_commits_settle),     TEST(damage_met_by_abort_is_corrupt),
        TEST(full_map_loses_nothing),   TEST(another_thread_closes),
        TEST(torn_end_is_void),         TEST(missing_record_is_corrupt),
        TEST(other_generation_is_void), TEST(random_crashes_agree_with_an_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
