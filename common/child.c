/* child.c - fork, and what a child must not keep of its parent. */
#include "common/child.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "common/error.h"

enum { FIRST_FILE = 3 };

/* Not a lock or an address is to be taken because a child still has it open; nobody is
 * left to see what it makes once the parent is gone. */
static void leave(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    close_range(FIRST_FILE, ~0U, 0);
}

void child_hide(void *memory, size_t size)
{
    (void)madvise(memory, size, MADV_DONTFORK); /* refused: it costs copies */
}

int child_show(void *memory, size_t size)
{
    return madvise(memory, size, MADV_DOFORK) == 0 ? 0 : ERR_MEMORY;
}

int child_start(struct child *child, void (*work)(void *argument), void *argument)
{
    CHECK(child->pid == 0);
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        leave(parent);
        work(argument);
        _exit(0);
    }
    if (pid < 0)
        return ERR_MEMORY;
    child->pid = pid;
    return 0;
}

enum child_state child_poll(struct child *child)
{
    int status = 0;
    CHECK(child->pid != 0);
    pid_t ended = waitpid(child->pid, &status, WNOHANG);
    if (ended == 0)
        return CHILD_WORKS;
    bool is_done = ended == child->pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    child->pid = 0;
    return is_done ? CHILD_DONE : CHILD_LOST;
}

void child_kill(struct child *child)
{
    if (child->pid == 0)
        return;
    kill(child->pid, SIGKILL);
    waitpid(child->pid, NULL, 0);
    child->pid = 0;
}
