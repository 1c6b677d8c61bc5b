/* check.h - assertions that stay on in release.
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   a failed CHECK says where, prints the position being applied, and aborts.
 * Threads:  the position is per thread.
 * Bounds:   none.
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdint.h>

/* The log position this thread is applying; printed by a failed CHECK, set by the harness
 * before each record. */
extern _Thread_local uint64_t check_sequence;

_Noreturn void check_failed(const char *file, int line, const char *text);

/* An impossible state: a bug or a bad machine, never bad input. */
#define CHECK(condition)                                                                 \
    (__builtin_expect(!(condition), 0) ? check_failed(__FILE__, __LINE__, #condition)    \
                                       : (void)0)

#endif
