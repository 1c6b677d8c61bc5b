/* journal_env_test.c - who opens a journal finds all that was committed, or waits for who
 * settles it, or is told what is missing. */
#include "tests/unit/journal_crash.h"

#include <sched.h>

#include "common/journal_env.h"

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

/* ---- what await says --------------------------------------------------------------- */

static int await(struct fixture *f, struct journal_lock *lock)
{
    struct journal_env env;
    const struct journal_options options = {.path = f->copy, .read_only = true};
    *lock = JOURNAL_LOCK_NONE;
    assert_int_equal(journal_env_open(&env, &options, f->copy, 0), 0);
    int error = journal_env_await(&env, f->copy, lock);
    journal_env_close(&env);
    return error;
}

/* Nothing is left to do where all was settled, and where what was left is a torn record:
 * no lock is taken, and none is waited for. */
static void settled_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    struct journal_lock lock, other;
    crash(f);
    assert_int_equal(journal_lock_own(&other, f->copy), 0);
    assert_int_equal(await(f, &lock), 0);
    assert_int_equal(lock.writer, -1);
    journal_lock_release(&other);
    commit(f->journal, "a", "1");
    crash(f);
    flip(f->copy, 40);
    assert_int_equal(await(f, &lock), 0);
    assert_int_equal(lock.writer, -1);
}

/* What is left is whoever's has the lock. */
static void what_is_left_comes_with_the_lock(void **state)
{
    struct fixture *f = *state;
    struct journal_lock lock, other;
    commit(f->journal, "a", "1");
    crash(f);
    assert_int_equal(await(f, &lock), 0);
    assert_true(lock.writer >= 0);
    assert_int_equal(journal_lock_visit(&other, f->copy), ERR_LOCKED);
    journal_lock_release(&other);
    journal_lock_release(&lock);
}

/* ---- generations ------------------------------------------------------------------- */

/* Nothing of another life, or of another copy, is ever taken for this one's. */
static void each_opening_begins_a_generation(void **state)
{
    struct fixture *f = *state;
    uint64_t before = 0;
    for (uint32_t i = 0; i < 5; i++) {
        struct journal_env env;
        const struct journal_options options = {.path = f->path, .read_only = true};
        journal_close(&f->journal);
        assert_int_equal(journal_env_open(&env, &options, f->path, 0), 0);
        assert_true(env.generation != before && env.generation != 0);
        before = env.generation;
        journal_env_close(&env);
        f->journal = reopen(f->path);
    }
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

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tools_see_commits),
        TEST(tool_waits_for_the_owner),
        TEST(tools_wait_for_a_tool),
        TEST(settled_is_not_waited_for),
        TEST(what_is_left_comes_with_the_lock),
        TEST(each_opening_begins_a_generation),
        TEST(missing_file_is_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
