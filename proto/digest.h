/* digest.h - crc32c for bit flips, xxh3 for equality, BLAKE2b against tampering.
 *
 * Owns:     nothing.
 * Units:    sizes in bytes. A digest is 16 bytes, xxh3-128 in canonical (big-endian)
 *           order; a chain is 32 bytes, BLAKE2b-256.
 * Errors:   none.
 * Threads:  any.
 * Bounds:   no allocation.
 */
#ifndef DIGEST_H
#define DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_BYTES       16
#define DIGEST_CHAIN_BYTES 32

/* digest = xxh3-128(bytes). */
void digest_bytes(uint8_t digest[DIGEST_BYTES], const void *bytes, size_t size);

/* The running digest of a sequence of records: digest = xxh3-128(digest || record). It
 * starts as zeros. */
void digest_fold(uint8_t digest[DIGEST_BYTES], const void *record, size_t size);

/* 64-bit xxh3, for "the same bytes as before?". */
uint64_t digest_hash(const void *bytes, size_t size);

/* chain = BLAKE2b-256(chain || head || tail). */
void digest_chain(uint8_t chain[DIGEST_CHAIN_BYTES], const void *head, size_t head_size,
                  const void *tail, size_t tail_size);

/* crc32c of what gave `crc` so far (0 at the start), followed by these bytes. */
uint32_t digest_crc(uint32_t crc, const void *bytes, size_t size);

#endif
