/* pack.h - msgpack primitives: msgpack-c's own packing, and a reader that trusts nothing.
 *
 * Writing uses msgpack-c's pack_template.h with an append of our own, so a value becomes
 * a few inlined stores. It writes the shortest form; there is one encoding of each
 * value. Reading accepts exactly what writing makes: everything else is refused with a
 * code that says why.
 *
 * Owns:     nothing; a reader borrows its bytes.
 * Units:    bytes.
 * Errors:   negative PACK_*, whose numbers are those of common/error.def.
 * Threads:  any.
 * Bounds:   a writer has none, so its caller makes room first: PACK_INTEGER_MAX for an
 *           integer or the head of an array, a string or a bin. A reader never leaves
 *           its bytes.
 */
#ifndef PACK_H
#define PACK_H

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <msgpack/timestamp.h>

enum pack_error {
    PACK_KIND = -20,       /* no message has this id */
    PACK_TYPE = -100,      /* another msgpack type than the field's */
    PACK_RANGE = -101,     /* outside the field's range, or no value of its enumeration */
    PACK_LENGTH = -102,    /* longer than the field, or too many or too few fields */
    PACK_DEPTH = -103,     /* an array where a value belongs */
    PACK_TRAILING = -104,  /* bytes after the end */
    PACK_CANONICAL = -105, /* not the shortest encoding, or a default written out */
    PACK_TRUNCATED = -106, /* ends too early, or a length larger than what is left */
    PACK_TEXT = -107,      /* not printable UTF-8 */
    PACK_SPACE = -120,     /* encoding: the buffer is too small */
    PACK_CORRUPT = -124,   /* a checksum is wrong */
    PACK_VERSION = -125,   /* written by another version */
};

enum { PACK_INTEGER_MAX = 9 };

/* Loads and the tables of msg.c rely on it. */
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a little-endian machine");

/* ---- writing ----------------------------------------------------------------------- */

/* pack_uint64(&writer, 7), pack_int64, pack_array, pack_bin, pack_bin_body ... */
struct pack_writer {
    uint8_t *at;
};

#define msgpack_pack_user                         struct pack_writer *
#define msgpack_pack_inline_func(name)            static inline void pack##name
#define msgpack_pack_inline_func_cint(name)       static inline void pack##name
#define msgpack_pack_append_buffer(user, b, size) pack_append(user, b, size)

static inline void pack_append(struct pack_writer *writer, const void *bytes, size_t size)
{
    memcpy(writer->at, bytes, size);
    writer->at += size;
}

#include <msgpack/pack_template.h>

/* ---- reading ----------------------------------------------------------------------- */
struct pack_reader {
    const uint8_t *at, *end;
};

static inline size_t pack_left(const struct pack_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* Inlined for good: a decoder is a row of these; its cursor must stay in registers. */
#define PACK_INLINE static inline __attribute__((always_inline))

/* `width` (1, 2, 4, 8) big-endian bytes at the end of what there is. */
uint64_t pack_load_last(const uint8_t *at, uint32_t width);

/* What an unexpected first byte means where an integer belongs. */
int pack_wrong_type(uint8_t first);

/* A first byte with `width` more: steps over them and gives their value. */
PACK_INLINE int pack_take(struct pack_reader *reader, uint32_t width, uint64_t *value)
{
    const uint8_t *at = reader->at + 1;
    if (__builtin_expect(pack_left(reader) > sizeof *value, 1)) {
        memcpy(value, at, sizeof *value);
        *value = __builtin_bswap64(*value) >> (64 - 8 * width);
    } else {
        if (pack_left(reader) <= width)
            return PACK_TRUNCATED;
        *value = pack_load_last(at, width);
    }
    reader->at = at + width;
    return 0;
}

/* A non-negative integer in min..max. */
PACK_INLINE int pack_read_unsigned(struct pack_reader *reader, uint64_t min, uint64_t max,
                                   uint64_t *value)
{
    if (reader->at == reader->end)
        return PACK_TRUNCATED;
    uint8_t first = *reader->at;
    if (first < 0x80) {
        *value = first;
        reader->at++;
    } else {
        if ((first & 0xfc) != 0xcc)
            return pack_wrong_type(first);
        uint32_t width = 1u << (first & 3);
        if (pack_take(reader, width, value) != 0)
            return PACK_TRUNCATED;
        if (*value < (width == 1 ? 0x80 : UINT64_C(1) << (4 * width)))
            return PACK_CANONICAL;
    }
    return *value - min <= max - min ? 0 : PACK_RANGE;
}

/* A negative integer; `first` says it is one. The value in two's complement. */
int pack_read_negative(struct pack_reader *reader, uint64_t *value);

/* An integer in min..max, which are signed values in two's complement. */
PACK_INLINE int pack_read_signed(struct pack_reader *reader, uint64_t min, uint64_t max,
                                 uint64_t *value)
{
    if ((int64_t)min >= 0)
        return pack_read_unsigned(reader, min, max, value);
    if (reader->at == reader->end)
        return PACK_TRUNCATED;
    uint8_t first = *reader->at;
    bool is_negative = first >= 0xe0 || (first & 0xfc) == 0xd0;
    int error = is_negative ? pack_read_negative(reader, value)
                            : pack_read_unsigned(reader, 0, INT64_MAX, value);
    if (error != 0)
        return error;
    return *value - min <= max - min ? 0 : PACK_RANGE;
}

/* The head of an array of at most `max` members, each at least one byte. */
int pack_read_array(struct pack_reader *, uint32_t max, uint32_t *count);

/* The same, where its length takes more than a byte or there is a fault. */
int pack_read_bin_slow(struct pack_reader *, size_t max, const uint8_t **bytes,
                       size_t *size);

/* A bin of at most `max` bytes; `bytes` points into the reader's. */
PACK_INLINE int pack_read_bin(struct pack_reader *reader, size_t max,
                              const uint8_t **bytes, size_t *size)
{
    const uint8_t *at = reader->at;
    const size_t left = pack_left(reader);
    if (left < 2 || at[0] != 0xc4 || at[1] > max || at[1] > left - 2)
        return pack_read_bin_slow(reader, max, bytes, size);
    *bytes = at + 2;
    *size = at[1];
    reader->at = at + 2 + at[1];
    return 0;
}

/* A string of at most `max` bytes, printable UTF-8 without NUL. */
int pack_read_text(struct pack_reader *, size_t max, const uint8_t **bytes, size_t *size);

/* Printable, well-formed UTF-8: no control characters, surrogates or overlong forms. */
bool pack_is_text(const uint8_t *bytes, size_t size);

#endif
