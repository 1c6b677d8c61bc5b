/* digest.c - xxHash and libsodium at work, and crc32c by instruction or by table. */
#include "proto/digest.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

static void store(uint8_t digest[DIGEST_BYTES], XXH128_hash_t hash)
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    memcpy(digest, canonical.digest, DIGEST_BYTES);
}

void digest_bytes(uint8_t digest[DIGEST_BYTES], const void *bytes, size_t size)
{
    store(digest, XXH3_128bits(bytes, size));
}

void digest_fold(uint8_t digest[DIGEST_BYTES], const void *record, size_t size)
{
    enum { SMALL = 240 }; /* up to here xxh3 wants its input in one piece to be fast */
    if (size <= SMALL) {
        uint8_t joined[DIGEST_BYTES + SMALL] __attribute__((uninitialized));
        memcpy(joined, digest, DIGEST_BYTES);
        memcpy(joined + DIGEST_BYTES, record, size);
        digest_bytes(digest, joined, DIGEST_BYTES + size);
        return;
    }
    XXH3_state_t state;
    XXH3_128bits_reset(&state);
    XXH3_128bits_update(&state, digest, DIGEST_BYTES);
    XXH3_128bits_update(&state, record, size);
    store(digest, XXH3_128bits_digest(&state));
}

uint64_t digest_hash(const void *bytes, size_t size)
{
    return XXH3_64bits(bytes, size);
}

void digest_chain(uint8_t chain[DIGEST_CHAIN_BYTES], const void *head, size_t head_size,
                  const void *tail, size_t tail_size)
{
    crypto_generichash_state state;
    if (sodium_init() < 0) /* picks the fast implementation, once */
        abort();
    crypto_generichash_init(&state, NULL, 0, DIGEST_CHAIN_BYTES);
    crypto_generichash_update(&state, chain, DIGEST_CHAIN_BYTES);
    crypto_generichash_update(&state, head, head_size);
    crypto_generichash_update(&state, tail, tail_size);
    crypto_generichash_final(&state, chain, DIGEST_CHAIN_BYTES);
}

/* ---- crc32c ------------------------------------------------------------------------ */

/* The reflected polynomial 0x82f63b78, four bits at a time. */
static uint32_t crc_by_table(uint32_t crc, const uint8_t *at, size_t size)
{
    static const uint32_t table[16] = {
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
        0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
        0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    for (size_t i = 0; i < size; i++) {
        crc ^= at[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t
crc_by_instruction(uint32_t crc, const uint8_t *at, size_t size)
{
    uint64_t wide = crc;
    for (; size >= sizeof wide; at += sizeof wide, size -= sizeof wide) {
        uint64_t word = 0;
        memcpy(&word, at, sizeof word);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    for (; size > 0; at++, size--)
        crc = __builtin_ia32_crc32qi(crc, *at);
    return crc;
}
#endif

uint32_t digest_crc(uint32_t crc, const void *bytes, size_t size)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("sse4.2"))
        return ~crc_by_instruction(~crc, bytes, size);
#endif
    return ~crc_by_table(~crc, bytes, size);
}
