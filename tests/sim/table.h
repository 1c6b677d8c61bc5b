/* table.h - the rows of a table of a virtual disk, in the order of their keys.
 *
 * Owns:     the array; rows are the caller's, from malloc.
 * Units:    bytes.
 * Errors:   none: CHECKs.
 * Threads:  one.
 * Bounds:   keys up to 255 bytes.
 */
#ifndef SIM_TABLE_H
#define SIM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct row {
    uint32_t key_size, value_size;
    uint8_t bytes[]; /* key, value */
};

struct table {
    struct row **rows;
    uint32_t count, capacity;
};

/* Index of the first row with a key >= the given one: often behind the last. */
uint32_t table_find(const struct table *, const void *key, size_t key_size);
bool table_is_at(const struct table *, uint32_t at, const void *key, size_t key_size);
void table_insert(struct table *, uint32_t at, struct row *);
void table_take_out(struct table *, uint32_t at);

/* The row at this key becomes `row`, or none; returns what was there. */
struct row *table_set(struct table *, const void *key, size_t key_size, struct row *row);

uint64_t table_row_bytes(const struct row *);
struct row *table_copy_row(const struct row *);

#endif
