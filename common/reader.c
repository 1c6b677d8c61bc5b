/* reader.c - every read goes through reader_take, which alone looks at the bounds. */
#include "common/reader.h"

#include <endian.h>
#include <string.h>

void reader_init(struct reader *reader, const void *bytes, size_t size)
{
    *reader = (struct reader){.at = bytes, .end = (const unsigned char *)bytes + size};
}

void reader_fail(struct reader *reader)
{
    reader->error = ERR_CORRUPT;
    reader->at = reader->end;
}

const void *reader_take(struct reader *reader, size_t size)
{
    if (reader->error || size > reader_left(reader)) {
        reader_fail(reader);
        return NULL;
    }
    const void *taken = reader->at;
    reader->at += size;
    return taken;
}

void reader_bytes(struct reader *reader, void *to, size_t size)
{
    if (size == 0)
        return;
    const void *taken = reader_take(reader, size);
    if (taken)
        memcpy(to, taken, size);
    else
        memset(to, 0, size);
}

uint8_t reader_u8(struct reader *reader)
{
    uint8_t value;
    reader_bytes(reader, &value, sizeof(value));
    return value;
}

uint16_t reader_u16(struct reader *reader)
{
    uint16_t value;
    reader_bytes(reader, &value, sizeof(value));
    return le16toh(value);
}

uint32_t reader_u32(struct reader *reader)
{
    uint32_t value;
    reader_bytes(reader, &value, sizeof(value));
    return le32toh(value);
}

uint64_t reader_u64(struct reader *reader)
{
    uint64_t value;
    reader_bytes(reader, &value, sizeof(value));
    return le64toh(value);
}

int32_t reader_i32(struct reader *reader)
{
    return (int32_t)reader_u32(reader);
}

int64_t reader_i64(struct reader *reader)
{
    return (int64_t)reader_u64(reader);
}

bool reader_bool(struct reader *reader)
{
    const uint8_t value = reader_u8(reader);
    if (value > 1)
        reader_fail(reader);
    return value == 1;
}

uint32_t reader_count(struct reader *reader, uint32_t max)
{
    const uint32_t count = reader_u32(reader);
    if (count <= max)
        return count;
    reader_fail(reader);
    return 0;
}

int reader_end(struct reader *reader)
{
    if (reader_left(reader) > 0)
        reader_fail(reader);
    return reader->error;
}
