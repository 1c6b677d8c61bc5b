/* child.c - a child of a simulated service: its work is done at once, and is seen later,
 * or never. */
#include "common/child.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include "common/check.h"
#include "common/error.h"
#include "common/fault.h"

void child_hide(void *memory, size_t size)
{
    (void)memory;
    (void)size;
}

int child_show(void *memory, size_t size)
{
    (void)memory;
    (void)size;
    return 0;
}

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

/* ---- what a child writes to -------------------------------------------------------- */

enum { AREAS = 64 };

static struct area {
    void *bytes; /* NULL: none yet */
    size_t size;
    bool is_used;
} areas[AREAS];

/* The linker sends all calls here (Makefile: --wrap). */
void *__wrap_mmap(void *at, size_t size, int rights, int flags, int file, off_t offset);
int __wrap_munmap(void *bytes, size_t size);
void *__real_mmap(void *at, size_t size, int rights, int flags, int file, off_t offset);
int __real_munmap(void *bytes, size_t size);

/* Shared memory is dear to make, and a world takes hundreds of snapshots: what one has
 * left is given to the next. Nobody reads there what he has not written. It is private: a
 * simulated child is this process, and a world that is forked is another (crash.c). */
void *__wrap_mmap(void *at, size_t size, int rights, int flags, int file, off_t offset)
{
    const int own = (flags & ~MAP_SHARED) | MAP_PRIVATE;
    uint32_t i = 0;
    if ((flags & MAP_SHARED) == 0 || (flags & MAP_ANONYMOUS) == 0)
        return __real_mmap(at, size, rights, flags, file, offset);
    while (i < AREAS && areas[i].bytes != NULL &&
           (areas[i].is_used || areas[i].size != size))
        i++;
    if (i == AREAS)
        return __real_mmap(at, size, rights, own, file, offset);
    if (areas[i].bytes == NULL) {
        void *bytes = __real_mmap(at, size, rights, own, file, offset);
        CHECK(bytes != MAP_FAILED);
        areas[i] = (struct area){.bytes = bytes, .size = size};
    }
    areas[i].is_used = true;
    return areas[i].bytes;
}

int __wrap_munmap(void *bytes, size_t size)
{
    for (uint32_t i = 0; i < AREAS && areas[i].bytes != NULL; i++) {
        if (areas[i].bytes != bytes)
            continue;
        areas[i].is_used = false;
        return 0;
    }
    return __real_munmap(bytes, size);
}
