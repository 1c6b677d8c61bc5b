/* row.h - what a row of a table carries on disk behind its value: a crc of key and value.
 * LMDB's pages have none, and a wrong row would be a wrong answer.
 *
 * Owns:     nothing.
 * Units:    bytes.
 * Errors:   ERR_CORRUPT.
 * Threads:  any.
 * Bounds:   ROW_SEAL_BYTES more than the value.
 */
#ifndef ROW_H
#define ROW_H

#include <stddef.h>
#include <stdint.h>

enum { ROW_SEAL_BYTES = 4 };

/* Writes the seal, which is to stand behind the value. */
void row_seal(uint8_t seal[ROW_SEAL_BYTES], const void *key, size_t key_size,
              const void *value, size_t value_size);

/* Takes a good seal off the size of what was read. */
int row_open(const void *key, size_t key_size, const void *value, size_t *size);

#endif
