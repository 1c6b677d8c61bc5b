/* writer.c - one path for bytes; what happens to a full buffer differs. */
#include "common/writer.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "common/check.h"

static_assert(sizeof(XXH3_state_t) <= WRITER_HASH, "room for the state of xxh3");

static XXH3_state_t *hash_of(struct writer *writer)
{
    return (XXH3_state_t *)(void *)writer->hash;
}

void writer_init(struct writer *writer, void *bytes, size_t capacity)
{
    writer->bytes = bytes;
    writer->used = writer->size = 0;
    writer->capacity = bytes ? capacity : 0;
    writer->digests = false;
}

void writer_init_digest(struct writer *writer)
{
    writer_init(writer, writer->chunk, sizeof(writer->chunk));
    writer->digests = true;
    XXH3_INITSTATE(hash_of(writer));
    CHECK(XXH3_128bits_reset(hash_of(writer)) == XXH_OK);
}

static void hash_chunk(struct writer *writer)
{
    CHECK(XXH3_128bits_update(hash_of(writer), writer->chunk, writer->used) == XXH_OK);
    writer->used = 0;
}

void writer_digest(struct writer *writer, uint8_t digest[16])
{
    CHECK(writer->digests);
    hash_chunk(writer);
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(hash_of(writer)));
    memcpy(digest, canonical.digest, sizeof(canonical.digest));
}

bool writer_failed(const struct writer *writer)
{
    return writer->bytes && !writer->digests && writer->size != writer->used;
}

/* What does not fit whole is not written in part, and nothing is written after it. */
static void overflow(struct writer *writer, const void *bytes, size_t size)
{
    writer->size += size;
    if (!writer->digests) {
        writer->capacity = writer->used;
        return;
    }
    hash_chunk(writer);
    CHECK(XXH3_128bits_update(hash_of(writer), bytes, size) == XXH_OK);
}

void writer_bytes(struct writer *writer, const void *bytes, size_t size)
{
    if (size > writer->capacity - writer->used) {
        overflow(writer, bytes, size);
        return;
    }
    if (size > 0)
        memcpy(writer->bytes + writer->used, bytes, size);
    writer->used += size;
    writer->size += size;
}

void writer_u8(struct writer *writer, uint8_t value)
{
    writer_bytes(writer, &value, sizeof(value));
}

void writer_u16(struct writer *writer, uint16_t value)
{
    value = htole16(value);
    writer_bytes(writer, &value, sizeof(value));
}

void writer_u32(struct writer *writer, uint32_t value)
{
    value = htole32(value);
    writer_bytes(writer, &value, sizeof(value));
}

void writer_u64(struct writer *writer, uint64_t value)
{
    value = htole64(value);
    writer_bytes(writer, &value, sizeof(value));
}

void writer_i32(struct writer *writer, int32_t value)
{
    writer_u32(writer, (uint32_t)value);
}

void writer_i64(struct writer *writer, int64_t value)
{
    writer_u64(writer, (uint64_t)value);
}

void writer_bool(struct writer *writer, bool value)
{
    writer_u8(writer, value);
}
