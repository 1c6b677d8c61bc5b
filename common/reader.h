/* reader.h - takes a state out of the bytes a writer made.
 *
 * Owns:     nothing; the bytes are borrowed.
 * Units:    bytes; integers are little-endian and of fixed width.
 * Errors:   latched: after the first all reads give 0 or nothing, so that a load() may
 *           look once, at its end, if it bounds its loops by reader_count.
 * Threads:  none.
 * Bounds:   never reads past the bytes given.
 */
#ifndef READER_H
#define READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct reader {
    const unsigned char *at;
    const unsigned char *end;
    int error; /* 0 or ERR_CORRUPT */
};

void reader_init(struct reader *, const void *bytes, size_t size);

uint8_t reader_u8(struct reader *);
uint16_t reader_u16(struct reader *);
uint32_t reader_u32(struct reader *);
uint64_t reader_u64(struct reader *);
int32_t reader_i32(struct reader *);
int64_t reader_i64(struct reader *);
bool reader_bool(struct reader *); /* 0 or 1; anything else is corrupt */

/* A u32 that counts what follows; more than `max` is corrupt and reads as 0. */
uint32_t reader_count(struct reader *, uint32_t max);

/* Copies `size` bytes; zeros them if there are not so many. */
void reader_bytes(struct reader *, void *to, size_t size);

/* The next `size` bytes in place, NULL if there are not so many. */
const void *reader_take(struct reader *, size_t size);

/* What load() found wrong itself is latched too. */
void reader_fail(struct reader *);

static inline size_t reader_left(const struct reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

static inline bool reader_failed(const struct reader *reader)
{
    return reader->error != 0;
}

/* 0 or ERR_CORRUPT. */
ERROR_CHECKED static inline int reader_error(const struct reader *reader)
{
    return reader->error;
}

/* The same, and bytes left over are ERR_CORRUPT. */
ERROR_CHECKED int reader_end(struct reader *);

#endif
