/* pack.c - the parts of reading that are not worth inlining. */
#include "proto/pack.h"

uint64_t pack_load_last(const uint8_t *at, uint32_t width)
{
    uint64_t value = 0;
    for (uint32_t i = 0; i < width; i++)
        value = value << 8 | at[i];
    return value;
}

int pack_wrong_type(uint8_t first)
{
    if (first >= 0xe0 || (first & 0xfc) == 0xd0)
        return PACK_RANGE; /* a negative integer */
    if ((first & 0xe0) == 0x80 || (first >= 0xdc && first <= 0xdf))
        return PACK_DEPTH; /* an array or a map */
    return PACK_TYPE;
}

int pack_read_negative(struct pack_reader *reader, uint64_t *value)
{
    uint8_t first = *reader->at;
    if (first >= 0xe0) {
        *value = (uint64_t)(int8_t)first;
        reader->at++;
        return 0;
    }
    uint32_t width = 1u << (first & 3);
    if (pack_take(reader, width, value) != 0)
        return PACK_TRUNCATED;
    uint32_t unused = 64 - 8 * width;
    int64_t number = (int64_t)(*value << unused) >> unused;
    int64_t narrower = width == 1 ? -32 : -(INT64_C(1) << (4 * width - 1));
    *value = (uint64_t)number;
    return number < narrower ? 0 : PACK_CANONICAL;
}

int pack_read_array(struct pack_reader *reader, uint32_t max, uint32_t *count)
{
    if (reader->at == reader->end)
        return PACK_TRUNCATED;
    uint8_t first = *reader->at;
    uint64_t value = first & 0x0f;
    if ((first & 0xf0) == 0x90) {
        reader->at++;
    } else if (first == 0xdc || first == 0xdd) {
        if (pack_take(reader, first == 0xdc ? 2 : 4, &value) != 0)
            return PACK_TRUNCATED;
        if (value < (first == 0xdc ? 0x10 : 0x10000))
            return PACK_CANONICAL;
    } else {
        return PACK_TYPE;
    }
    if (value > max)
        return PACK_LENGTH;
    if (value > pack_left(reader))
        return PACK_TRUNCATED;
    *count = (uint32_t)value;
    return 0;
}

/* `size` bytes after a head. */
static int take_bytes(struct pack_reader *reader, uint64_t size, size_t max,
                      const uint8_t **bytes)
{
    if (size > max)
        return PACK_LENGTH;
    if (size > pack_left(reader))
        return PACK_TRUNCATED;
    *bytes = reader->at;
    reader->at += size;
    return 0;
}

/* A length of 1, 2 or 4 bytes behind a first byte of base, base + 1, base + 2; `least`
 * is the shortest that needs the one byte. */
static int take_length(struct pack_reader *reader, uint8_t base, uint64_t least,
                       uint64_t *size)
{
    uint32_t width = 1u << (*reader->at - base);
    if (pack_take(reader, width, size) != 0)
        return PACK_TRUNCATED;
    return *size < (width == 1 ? least : UINT64_C(1) << (4 * width)) ? PACK_CANONICAL : 0;
}

int pack_read_bin_slow(struct pack_reader *reader, size_t max, const uint8_t **bytes,
                       size_t *size)
{
    if (reader->at == reader->end)
        return PACK_TRUNCATED;
    if (*reader->at < 0xc4 || *reader->at > 0xc6)
        return PACK_TYPE;
    uint64_t length = 0;
    int error = take_length(reader, 0xc4, 0, &length);
    if (error != 0)
        return error;
    *size = length;
    return take_bytes(reader, length, max, bytes);
}

int pack_read_text(struct pack_reader *reader, size_t max, const uint8_t **bytes,
                   size_t *size)
{
    if (reader->at == reader->end)
        return PACK_TRUNCATED;
    uint64_t length = *reader->at & 0x1f;
    int error = 0;
    if ((*reader->at & 0xe0) == 0xa0)
        reader->at++;
    else if (*reader->at >= 0xd9 && *reader->at <= 0xdb)
        error = take_length(reader, 0xd9, 32, &length);
    else
        return PACK_TYPE;
    if (error == 0)
        error = take_bytes(reader, length, max, bytes);
    if (error != 0)
        return error;
    *size = length;
    return pack_is_text(*bytes, length) ? 0 : PACK_TEXT;
}

/* Bytes of the character at `at`, 0 if it is malformed. */
static size_t character(const uint8_t *at, size_t left)
{
    if (at[0] < 0x80)
        return at[0] >= 0x20 && at[0] != 0x7f;
    size_t size = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    if (at[0] < 0xc2 || at[0] > 0xf4 || left < size)
        return 0;
    uint32_t code = at[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    bool is_control = code < 0xa0;
    bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < least[size] || code > 0x10ffff || is_control || is_surrogate ? 0 : size;
}

bool pack_is_text(const uint8_t *bytes, size_t size)
{
    size_t step = 0;
    for (size_t at = 0; at < size; at += step) {
        step = character(bytes + at, size - at);
        if (step == 0)
            return false;
    }
    return true;
}
