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

/* Of this build; who owns a journal writes it. Version 3, with snapshots in chunks of 128
 * KiB, is read. */
#define JOURNAL_VERSION        4
#define JOURNAL_VERSION_TEXT   "zex journal 4"
#define JOURNAL_VERSION_OLDEST 3

/* The number in a journal's row of that kind. */
uint32_t journal_version_read(const void *text, size_t size);

#endif
