/* journal_version.h - which layout of tables and rows a journal has.
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   0 where nothing of zex stands.
 * Threads:  any.
 * Bounds:   none.
 */
#ifndef JOURNAL_VERSION_H
#define JOURNAL_VERSION_H

#include <stddef.h>
#include <stdint.h>

#define JOURNAL_VERSION      3 /* of this build */
#define JOURNAL_VERSION_TEXT "zex journal 3"

/* The number in a journal's row of that kind. */
uint32_t journal_version_read(const void *text, size_t size);

#endif
