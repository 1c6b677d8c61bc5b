/* child.h - work on this process's memory as it is now, while the process goes on.
 *
 * A copy of the process does it, made by fork: memory is shared until one of the two
 * writes to it. It sees a consistent state, and leaves what it made in shared memory.
 *
 * Owns:     at most one process, until it was polled to its end or killed.
 * Units:    none.
 * Errors:   ERR_MEMORY: there can be no such process, or no such memory in it, now.
 * Threads:  the child has only the caller's; work() therefore does no I/O, takes no lock
 *           and allocates nothing.
 * Bounds:   none.
 *
 * The simulator links another implementation of this header (tests/sim/child.c).
 */
#ifndef CHILD_H
#define CHILD_H

#include <stddef.h>

enum child_state {
    CHILD_WORKS,
    CHILD_DONE,
    CHILD_LOST, /* it ended before its work did */
};

struct child {
    int pid; /* 0: none */
};

/* Memory that children do not have while it is hidden. Neither is it copied when it is
 * written while one lives, as all other memory is. */
void child_hide(void *memory, size_t size);
int child_show(void *memory, size_t size);

int child_start(struct child *, void (*work)(void *argument), void *argument);

/* How it is, without waiting; one that is not at work any more is forgotten. */
enum child_state child_poll(struct child *);

/* Ends it, if there is one. */
void child_kill(struct child *);

#endif
