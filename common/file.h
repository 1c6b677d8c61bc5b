/* file.h - writing all of something to a place in a file.
 *
 * Owns:     nothing.
 * Units:    bytes.
 * Errors:   of error_of_file(); some of it may be written then.
 * Threads:  any.
 * Bounds:   none.
 */
#ifndef FILE_H
#define FILE_H

#include <stddef.h>
#include <stdint.h>

int file_write(int file, const void *bytes, size_t size, uint64_t at);

#endif
