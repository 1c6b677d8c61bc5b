/* pages.h - memory from the kernel: zeroed, and there only once it is written.
 *
 * Owns:     nothing; who maps it unmaps it.
 * Units:    bytes.
 * Errors:   NULL if there is none.
 * Threads:  any.
 * Bounds:   none; sizes may be larger than the machine's memory.
 */
#ifndef PAGES_H
#define PAGES_H

#include <stddef.h>

enum {
    PAGES_LARGE =
        1, /* in large pages where there are any: for what is walked at random */
    PAGES_SHARED = 2, /* with children forked later */
};

void *pages_map(size_t size, unsigned flags);
void pages_unmap(void *memory, size_t size); /* NULL: nothing */

#endif
