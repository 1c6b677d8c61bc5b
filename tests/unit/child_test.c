/* child_test.c - a child works on the memory as it was when it was started. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/child.h"

struct shared {
    atomic_int may_end, seen;
};

static struct shared *shared;
static int number, file;

static void copy_number(void *argument)
{
    (void)argument;
    while (atomic_load(&shared->may_end) == 0)
        ;
    shared->seen = number;
}

static void try_file(void *argument)
{
    (void)argument;
    shared->seen = fcntl(file, F_GETFD) == -1 && errno == EBADF ? 1 : 2;
}

static void die(void *argument)
{
    (void)argument;
    raise(SIGKILL);
}

static int set_up(void **state)
{
    (void)state;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    return munmap(shared, sizeof *shared);
}

static enum child_state await(struct child *child)
{
    enum child_state state = CHILD_WORKS;
    while (state == CHILD_WORKS)
        state = child_poll(child);
    assert_int_equal(child->pid, 0);
    return state;
}

/* The parent goes on and writes; the child does not see it. */
static void a_child_sees_what_was(void **state)
{
    (void)state;
    struct child child = {.pid = 0};
    number = 1;
    assert_int_equal(child_start(&child, copy_number, NULL), 0);
    number = 2;
    assert_int_equal(child_poll(&child), CHILD_WORKS);
    atomic_store(&shared->may_end, 1);
    assert_int_equal(await(&child), CHILD_DONE);
    assert_int_equal(shared->seen, 1);
}

/* Or a lock would outlive a parent that was killed. */
static void a_child_holds_no_file(void **state)
{
    (void)state;
    struct child child = {.pid = 0};
    file = open("/dev/null", O_RDONLY);
    assert_true(file > 2);
    assert_int_equal(child_start(&child, try_file, NULL), 0);
    assert_int_equal(await(&child), CHILD_DONE);
    assert_int_equal(shared->seen, 1);
    assert_int_equal(close(file), 0);
}

static void a_child_that_dies_is_lost(void **state)
{
    (void)state;
    struct child child = {.pid = 0};
    assert_int_equal(child_start(&child, die, NULL), 0);
    assert_int_equal(await(&child), CHILD_LOST);
}

/* It would never end by itself. */
static void a_child_can_be_killed(void **state)
{
    (void)state;
    struct child child = {.pid = 0};
    child_kill(&child);
    assert_int_equal(child_start(&child, copy_number, NULL), 0);
    int pid = child.pid;
    child_kill(&child);
    assert_int_equal(child.pid, 0);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_child_sees_what_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_child_holds_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_child_that_dies_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_child_can_be_killed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
