/* journal_lock_test.c - one owner; a tool for a moment, for which an owner waits. */
#include "tests/unit/unit.h"

#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/error.h"
#include "common/journal_lock.h"
#include "tests/unit/tree.h"

static char directory[64];

static int set_up(void **state)
{
    (void)state;
    memcpy(directory, "/tmp/zex-lock-XXXXXX", sizeof "/tmp/zex-lock-XXXXXX");
    return mkdtemp(directory) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    tree_remove(directory);
    return 0;
}

static void an_owner_is_alone(void **state)
{
    (void)state;
    struct journal_lock owner, other;
    assert_int_equal(journal_lock_own(&owner, directory), 0);
    assert_int_equal(journal_lock_own(&other, directory), ERR_LOCKED);
    journal_lock_release(&other);
    assert_int_equal(journal_lock_visit(&other, directory), ERR_LOCKED);
    journal_lock_release(&other);
    journal_lock_release(&owner);
    journal_lock_release(&owner); /* nothing more happens */
    assert_int_equal(journal_lock_own(&other, directory), 0);
    journal_lock_release(&other);
}

static void a_tool_is_alone(void **state)
{
    (void)state;
    struct journal_lock tool, other;
    assert_int_equal(journal_lock_visit(&tool, directory), 0);
    assert_int_equal(journal_lock_visit(&other, directory), ERR_LOCKED);
    journal_lock_release(&other);
    journal_lock_release(&tool);
    assert_int_equal(journal_lock_visit(&other, directory), 0);
    journal_lock_release(&other);
}

/* Is somebody on its way to be the owner? Without a lock of ours, which it might meet. */
static bool has_owner(void)
{
    char name[128], line[128], inode[32];
    struct stat status;
    bool has = false;
    snprintf(name, sizeof name, "%s/OWNER", directory);
    if (stat(name, &status) != 0)
        return false;
    snprintf(inode, sizeof inode, ":%ju ", (uintmax_t)status.st_ino);
    FILE *locks = fopen("/proc/locks", "re");
    while (locks != NULL && fgets(line, sizeof line, locks) != NULL)
        has = has || strstr(line, inode) != NULL;
    if (locks != NULL)
        fclose(locks);
    return has;
}

/* A tool that goes only when an owner has begun to wait for it, with or without a word:
 * a second owner does not wait. */
static void an_owner_waits_for_a_tool(void **state)
{
    (void)state;
    for (uint32_t way = 0; way < 2; way++) {
        struct journal_lock lock;
        int told[2], status = 0;
        char byte;
        assert_int_equal(pipe(told), 0);
        pid_t tool = fork();
        if (tool == 0) {
            if (journal_lock_visit(&lock, directory) != 0 || write(told[1], "", 1) != 1)
                _exit(1);
            while (!has_owner())
                sched_yield();
            struct journal_lock second;
            if (journal_lock_own(&second, directory) != ERR_LOCKED)
                _exit(2);
            if (way == 0)
                journal_lock_release(&lock);
            _exit(0);
        }
        assert_int_equal(read(told[0], &byte, 1), 1);
        assert_int_equal(journal_lock_own(&lock, directory), 0);
        journal_lock_release(&lock);
        assert_int_equal(waitpid(tool, &status, 0), tool);
        assert_int_equal(status, 0);
        close(told[0]), close(told[1]);
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_owner_is_alone),
        TEST(a_tool_is_alone),
        TEST(an_owner_waits_for_a_tool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
