/* writer.h - puts a state into its canonical bytes: for a snapshot, or for a digest.
 *
 * Owns:     nothing; the buffer is handed in. A digesting writer keeps none.
 * Units:    bytes; integers are little-endian and of fixed width.
 * Errors:   latched: a writer that ran out of buffer goes on counting, so that `size`
 *           says what was needed, and writer_failed tells.
 * Threads:  none.
 * Bounds:   the buffer's capacity.
 *
 * A core's save() is run on a counting writer to learn the size, on a writing one for the
 * snapshot, or on a digesting one to compare states without a copy.
 */
#ifndef WRITER_H
#define WRITER_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WRITER_CHUNK = 1024, /* what a digesting writer collects before it hashes */
    WRITER_HASH = 576,   /* the state of xxh3 */
};

struct writer {
    unsigned char *bytes; /* where the next chunk goes; NULL when only counting */
    size_t used;          /* of the buffer */
    size_t capacity;
    size_t size;  /* bytes written or counted in all */
    bool digests; /* the buffer is `chunk`, and empties into `hash` */
    unsigned char chunk[WRITER_CHUNK];
    alignas(64) unsigned char hash[WRITER_HASH];
};

/* Writes into `bytes`; only counts if that is NULL. */
void writer_init(struct writer *, void *bytes, size_t capacity);

/* Writes nowhere, for writer_digest. */
void writer_init_digest(struct writer *);

/* xxh3-128 of everything written: equals digest_bytes() of the same bytes. */
void writer_digest(struct writer *, uint8_t digest[16]);

/* True if the buffer was too small. */
bool writer_failed(const struct writer *);

void writer_u8(struct writer *, uint8_t value);
void writer_u16(struct writer *, uint16_t value);
void writer_u32(struct writer *, uint32_t value);
void writer_u64(struct writer *, uint64_t value);
void writer_i32(struct writer *, int32_t value);
void writer_i64(struct writer *, int64_t value);
void writer_bool(struct writer *, bool value);

/* The bytes alone; their size must be known to the reader. */
void writer_bytes(struct writer *, const void *bytes, size_t size);

#endif
