/* kept.h - memory that goes back to what it was, at the cost of the pages that changed.
 *
 * Owns:     a file in memory, mapped privately over whole pages of what is kept.
 * Units:    bytes.
 * Errors:   aborts.
 * Threads:  one.
 * Bounds:   none.
 */
#ifndef KEPT_H
#define KEPT_H

#include <stddef.h>
#include <stdint.h>

struct kept {
    uint8_t *memory, *pages; /* all of it; the whole pages in it */
    size_t size, pages_size;
    uint8_t *ends; /* what lies before and behind those */
};

/* Keeps what is there now. */
void kept_make(struct kept *, void *memory, size_t size);
void kept_restore(const struct kept *);

#endif
