/* prefetch.h - brings a line into the cache that will be read, or written, soon.
 *
 * __builtin_prefetch has no effect in the compiler's eyes: when it sees a function with
 * nothing else in it, it drops the calls. These it keeps.
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   none: any address may be given.
 * Threads:  any.
 * Bounds:   none.
 */
#ifndef PREFETCH_H
#define PREFETCH_H

static inline void prefetch_read(const void *at)
{
    __builtin_prefetch(at);
    __asm__ volatile("");
}

static inline void prefetch_write(const void *at)
{
    __builtin_prefetch(at, 1);
    __asm__ volatile("");
}

#endif
