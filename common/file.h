/* file.h - writing all of something to a place in a file.
 *
 * Owns:     nothing.
 * Units:    bytes.
 * Errors:   of error_of_file(), ERR_DISK_FULL; some of it may be written then.
 * Threads:  any.
 * Bounds:   none.
 */
#ifndef FILE_H
#define FILE_H

#include <stddef.h>
#include <stdint.h>

/* At offset `at`; goes on where a write was short, or was interrupted. */
int file_write(int file, const void *bytes, size_t size, uint64_t at);

#endif
