/* digest.c - XXH3 in its canonical form. */
#include "common/digest.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/check.h"

uint64_t digest_hash(const void *bytes, size_t size)
{
    return XXH3_64bits(bytes, size);
}

void digest_bytes(uint8_t digest[DIGEST_BYTES], const void *bytes, size_t size)
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits(bytes, size));
    memcpy(digest, canonical.digest, DIGEST_BYTES);
}

void digest_fold(uint8_t digest[DIGEST_BYTES], const void *record, size_t size)
{
    uint8_t joined[DIGEST_BYTES + DIGEST_RECORD_MAX];
    CHECK(size <= DIGEST_RECORD_MAX);
    memcpy(joined, digest, DIGEST_BYTES);
    memcpy(joined + DIGEST_BYTES, record, size);
    digest_bytes(digest, joined, DIGEST_BYTES + size);
}
