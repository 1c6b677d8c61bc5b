/* pages.c - see pages.h. */
#include "common/pages.h"

#include <sys/mman.h>

void *pages_map(size_t size, unsigned flags)
{
    const int how = (flags & PAGES_SHARED) != 0 ? MAP_SHARED : MAP_PRIVATE;
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        how | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    if ((flags & PAGES_LARGE) != 0)
        (void)madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

void pages_unmap(void *memory, size_t size)
{
    if (memory != NULL)
        munmap(memory, size);
}
