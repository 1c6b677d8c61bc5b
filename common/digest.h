/* digest.h - XXH3: fast digests that find differences, not forgeries.
 *
 * Owns:     nothing.
 * Units:    bytes; a digest is the canonical (big-endian) form, so it can be stored.
 * Errors:   none.
 * Threads:  any.
 * Bounds:   digest_fold: one record of at most DIGEST_RECORD_MAX bytes.
 */
#ifndef DIGEST_H
#define DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_BYTES      16
#define DIGEST_RECORD_MAX 1024

/* XXH3-64 of the bytes. */
uint64_t digest_hash(const void *bytes, size_t size);

/* XXH3-128 of the bytes. */
void digest_bytes(uint8_t digest[DIGEST_BYTES], const void *bytes, size_t size);

/* The running digest of a sequence of records: digest := XXH3-128(digest || record). It starts
 * as zeros, and does not depend on how the records are cut into blocks. */
void digest_fold(uint8_t digest[DIGEST_BYTES], const void *record, size_t size);

#endif
