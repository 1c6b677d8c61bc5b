/* kept.c - see kept.h. */
#include "tests/fuzz/kept.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/check.h"

static size_t head_size(const struct kept *k)
{
    return (size_t)(k->pages - k->memory);
}

static size_t tail_size(const struct kept *k)
{
    return k->size - head_size(k) - k->pages_size;
}

void kept_make(struct kept *k, void *memory, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)memory;
    uintptr_t from = (start + page - 1) / page * page, to = (start + size) / page * page;
    *k = (struct kept){.memory = memory, .pages = memory, .size = size};
    if (to > from) {
        k->pages = (uint8_t *)memory + (from - start);
        k->pages_size = to - from;
        int file = memfd_create("kept", 0);
        CHECK(file >= 0 &&
              write(file, k->pages, k->pages_size) == (ssize_t)k->pages_size);
        void *mapped = mmap(k->pages, k->pages_size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_FIXED, file, 0);
        CHECK(mapped == k->pages);
        close(file);
    }
    k->ends = malloc(head_size(k) + tail_size(k) + 1);
    CHECK(k->ends != NULL);
    memcpy(k->ends, k->memory, head_size(k));
    memcpy(k->ends + head_size(k), k->pages + k->pages_size, tail_size(k));
}

void kept_restore(const struct kept *k)
{
    if (k->pages_size > 0)
        CHECK(madvise(k->pages, k->pages_size, MADV_DONTNEED) == 0);
    memcpy(k->memory, k->ends, head_size(k));
    memcpy(k->pages + k->pages_size, k->ends + head_size(k), tail_size(k));
}
