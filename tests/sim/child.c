/* child.c - a child of a simulated service: its work is done at once, and is seen later,
 * or never. */
#include "common/child.h"

#include "common/check.h"
#include "common/error.h"
#include "common/fault.h"

int child_start(struct child *child, void (*work)(void *argument), void *argument)
{
    CHECK(child->pid == 0);
    if (FAULT(CHILD_REFUSED))
        return ERR_MEMORY;
    work(argument);
    child->pid = 1;
    return 0;
}

enum child_state child_poll(struct child *child)
{
    CHECK(child->pid != 0);
    if (FAULT(CHILD_SLOW))
        return CHILD_WORKS;
    child->pid = 0;
    return FAULT(CHILD_LOST) ? CHILD_LOST : CHILD_DONE;
}

void child_kill(struct child *child)
{
    child->pid = 0;
}
