/* codec.c - one writer and one reader per message, expanded from schema.def. */
#include "proto/codec.h"

#include <assert.h>
#include <string.h>

#include "proto/pack.h"

/* is_side(3): is that number a value of the enumeration? */
/* clang-format off */
#define ENUMERATION(type, doc)                                                           \
    static inline bool is_##type(uint64_t number)                                        \
    {                                                                                    \
        const uint64_t set = 0
#define VALUE(prefix, name, number, doc) | UINT64_C(1) << (number)
#define END_ENUMERATION(type)                                                            \
        ;                                                                                \
        return number < 64 && (set >> number & 1);                                       \
    }
#include "proto/types.def"
/* clang-format on */

/* The most bytes each message can take. */
enum { HEAD_BYTES = 3 + 3 }; /* array and id */
enum {
#define MESSAGE(name, id, doc)                                BYTES_##name = HEAD_BYTES
#define INTEGER(type, ctype, field, min, max, doc)            +1 + sizeof(ctype)
#define INTEGER_OPT(type, ctype, field, value, min, max, doc) +1 + sizeof(ctype)
#define ENUM(field, type, doc)                                +2
#define ENUM_OPT(field, value, type, doc)                     +2
#define TEXT(field, capacity, doc)                            +2 + (capacity)
#define BYTES(field, size, doc)                               +3 + (size)
#define BYTES_OPT(field, size, doc)                           +3 + (size)
#define BLOB(field, capacity, doc)                            +3 + (capacity)
#define END(name)                                             ,
#include "proto/schema.def"
};
#define MESSAGE(name, id, doc)                                                           \
    static_assert((int)BYTES_##name <= MESSAGE_BYTES_MAX, "buffers hold it");
#include "proto/schema.def"

/* ---- encoding ---------------------------------------------------------------------- */

static inline bool in_range(uint64_t value, uint64_t min, uint64_t max)
{
    return value - min <= max - min;
}

static int put_text(struct pack_writer *out, const char *text, size_t capacity)
{
    size_t size = strnlen(text, capacity + 1);
    if (size > capacity)
        return PACK_LENGTH;
    if (!pack_is_text((const uint8_t *)text, size))
        return PACK_TEXT;
    pack_str(out, size);
    pack_str_body(out, text, size);
    return 0;
}

static int put_bin(struct pack_writer *out, const uint8_t *bytes, size_t size,
                   size_t capacity)
{
    if (size > capacity)
        return PACK_LENGTH;
    pack_bin(out, size);
    pack_bin_body(out, bytes, size);
    return 0;
}

static inline bool zero(const uint8_t *bytes, size_t size)
{
    uint8_t all = 0;
    for (size_t i = 0; i < size; i++)
        all |= bytes[i];
    return all == 0;
}

/* How many fields are written: all but the trailing ones that have their default. */
#define MESSAGE(name, id, doc)                                                           \
    static inline uint32_t count_##name(const struct msg_##name *m)                      \
    {                                                                                    \
        uint32_t count = 0, used = 0;                                                    \
        (void)m;
#define ALWAYS used = ++count;
#define UNLESS(condition)                                                                \
    count++;                                                                             \
    if (!(condition))                                                                    \
        used = count;
#define INTEGER(type, ctype, field, min, max, doc)            ALWAYS
#define INTEGER_OPT(type, ctype, field, value, min, max, doc) UNLESS(m->field == (value))
#define ENUM(field, type, doc)                                ALWAYS
#define ENUM_OPT(field, value, type, doc)                     UNLESS(m->field == (value))
#define TEXT(field, capacity, doc)                            ALWAYS
#define BYTES(field, size, doc)                               ALWAYS
#define BYTES_OPT(field, size, doc)                           UNLESS(zero(m->field, size))
#define BLOB(field, capacity, doc)                            ALWAYS
#define END(name)                                                                        \
    (void)count;                                                                         \
    return used;                                                                         \
    }
#include "proto/schema.def"
#undef ALWAYS
#undef UNLESS

/* Writes the fields; `bad` gathers what is out of range, without a branch for each. */
#define MESSAGE(name, id, doc)                                                           \
    static inline int put_##name(struct pack_writer *out, const struct msg_##name *m)    \
    {                                                                                    \
        const uint32_t used = count_##name(m);                                           \
        uint32_t count = 0;                                                              \
        bool bad = false;                                                                \
        int error = 0;                                                                   \
        (void)m;                                                                         \
        pack_array(out, 1 + used);                                                       \
        pack_uint16(out, id);
#define INTEGER(type, ctype, field, min, max, doc)                                       \
    count++;                                                                             \
    bad |= !in_range((uint64_t)m->field, (uint64_t)(min), (uint64_t)(max));              \
    PUT_##type(out, m->field);
#define INTEGER_OPT(type, ctype, field, value, min, max, doc)                            \
    if (++count <= used) {                                                               \
        bad |= !in_range((uint64_t)m->field, (uint64_t)(min), (uint64_t)(max));          \
        PUT_##type(out, m->field);                                                       \
    }
#define ENUM(field, type, doc)                                                           \
    count++;                                                                             \
    bad |= !is_##type(m->field);                                                         \
    pack_uint8(out, m->field);
#define ENUM_OPT(field, value, type, doc)                                                \
    if (++count <= used) {                                                               \
        bad |= !is_##type(m->field);                                                     \
        pack_uint8(out, m->field);                                                       \
    }
#define TEXT(field, capacity, doc)                                                       \
    count++;                                                                             \
    if ((error = put_text(out, m->field, capacity)) != 0)                                \
        return error;
#define BYTES(field, size, doc)                                                          \
    count++;                                                                             \
    if ((error = put_bin(out, m->field, size, size)) != 0)                               \
        return error;
#define BYTES_OPT(field, size, doc)                                                      \
    if (++count <= used && (error = put_bin(out, m->field, size, size)) != 0)            \
        return error;
#define BLOB(field, capacity, doc)                                                       \
    count++;                                                                             \
    if ((error = put_bin(out, m->field, m->field##_size, capacity)) != 0)                \
        return error;
#define END(name)                                                                        \
    (void)count;                                                                         \
    return bad ? PACK_RANGE : error;                                                     \
    }
#define PUT_U8  pack_uint8
#define PUT_U16 pack_uint16
#define PUT_U32 pack_uint32
#define PUT_U64 pack_uint64
#define PUT_I32 pack_int32
#define PUT_I64 pack_int64
#include "proto/schema.def"

static int put(struct pack_writer *out, uint32_t kind, const void *body)
{
    switch (kind) {
#define MESSAGE(name, id, doc)                                                           \
    case id:                                                                             \
        return put_##name(out, body);
#include "proto/schema.def"
    default:
        return PACK_KIND;
    }
}

/* Encodes where there may be less room than the largest message needs. */
static int encode_tight(uint8_t *out, size_t capacity, uint32_t kind, const void *body,
                        size_t *size)
{
    uint8_t bytes[MESSAGE_BYTES_MAX] MSG_UNSET;
    struct pack_writer writer = {bytes};
    int error = put(&writer, kind, body);
    if (error != 0)
        return error;
    *size = (size_t)(writer.at - bytes);
    if (*size > capacity)
        return PACK_SPACE;
    memcpy(out, bytes, *size);
    return 0;
}

int codec_encode_body(uint8_t *out, size_t capacity, uint32_t kind, const void *body,
                      size_t *size)
{
    if (capacity < MESSAGE_BYTES_MAX)
        return encode_tight(out, capacity, kind, body, size);
    struct pack_writer writer = {out};
    int error = put(&writer, kind, body);
    *size = (size_t)(writer.at - out);
    return error;
}

int codec_encode(uint8_t *out, size_t capacity, const struct msg *m, size_t *size)
{
    return codec_encode_body(out, capacity, m->kind, msg_const_body(m), size);
}

/* ---- decoding ---------------------------------------------------------------------- */

static int get_text(struct pack_reader *in, char *text, size_t capacity)
{
    const uint8_t *bytes = NULL;
    size_t size = 0;
    int error = pack_read_text(in, capacity, &bytes, &size);
    if (error != 0)
        return error;
    memcpy(text, bytes, size);
    text[size] = 0;
    return 0;
}

static int get_bytes(struct pack_reader *in, uint8_t *out, size_t exact)
{
    const uint8_t *bytes = NULL;
    size_t size = 0;
    int error = pack_read_bin(in, exact, &bytes, &size);
    if (error != 0)
        return error;
    if (size != exact)
        return PACK_LENGTH;
    memcpy(out, bytes, size);
    return 0;
}

static int get_blob(struct pack_reader *in, uint8_t *out, size_t capacity,
                    uint16_t *out_size)
{
    const uint8_t *bytes = NULL;
    size_t size = 0;
    int error = pack_read_bin(in, capacity, &bytes, &size);
    if (error != 0)
        return error;
    memcpy(out, bytes, size);
    *out_size = (uint16_t)size;
    return 0;
}

/* `count` fields follow. A missing trailing one has its default; at the end, the last
 * one read must not be an optional one that has its default. */
#define MESSAGE(name, id, doc)                                                           \
    static inline int get_##name(struct pack_reader *reader, uint32_t count,             \
                                 struct msg_##name *m)                                   \
    {                                                                                    \
        struct pack_reader in = *reader;                                                 \
        uint64_t number = 0;                                                             \
        uint32_t left = count;                                                           \
        bool is_default = false;                                                         \
        int error = 0;                                                                   \
        (void)m, (void)number;
#define NEXT                                                                             \
    if (left-- == 0)                                                                     \
    return PACK_LENGTH
#define TRY(call)                                                                        \
    if ((error = (call)) != 0)                                                           \
    return error
#define INTEGER(type, ctype, field, min, max, doc)                                       \
    NEXT;                                                                                \
    TRY(READ_##type(&in, (uint64_t)(min), (uint64_t)(max), &number));                    \
    m->field = (ctype)number;
#define INTEGER_OPT(type, ctype, field, value, min, max, doc)                            \
    m->field = (value);                                                                  \
    if (left > 0) {                                                                      \
        left--;                                                                          \
        TRY(READ_##type(&in, (uint64_t)(min), (uint64_t)(max), &number));                \
        m->field = (ctype)number;                                                        \
        is_default = m->field == (value);                                                \
    }
#define GET_ENUM(field, type)                                                            \
    TRY(pack_read_unsigned(&in, 0, UINT8_MAX, &number));                                 \
    if (!is_##type(number))                                                              \
        return PACK_RANGE;                                                               \
    m->field = (uint8_t)number;
#define ENUM(field, type, doc)                                                           \
    NEXT;                                                                                \
    GET_ENUM(field, type)
#define ENUM_OPT(field, value, type, doc)                                                \
    m->field = (value);                                                                  \
    if (left > 0) {                                                                      \
        left--;                                                                          \
        GET_ENUM(field, type)                                                            \
        is_default = m->field == (value);                                                \
    }
#define TEXT(field, capacity, doc)                                                       \
    NEXT;                                                                                \
    TRY(get_text(&in, m->field, capacity));
#define BYTES(field, size, doc)                                                          \
    NEXT;                                                                                \
    TRY(get_bytes(&in, m->field, size));
#define BYTES_OPT(field, size, doc)                                                      \
    memset(m->field, 0, size);                                                           \
    if (left > 0) {                                                                      \
        left--;                                                                          \
        TRY(get_bytes(&in, m->field, size));                                             \
        is_default = zero(m->field, size);                                               \
    }
#define BLOB(field, capacity, doc)                                                       \
    NEXT;                                                                                \
    TRY(get_blob(&in, m->field, capacity, &m->field##_size));
#define NO_FIELDS(name) m->no_fields = 0;
#define END(name)                                                                        \
    if (left > 0)                                                                        \
        return PACK_LENGTH;                                                              \
    *reader = in;                                                                        \
    return is_default ? PACK_CANONICAL : error;                                          \
    }
#define READ_U8  pack_read_unsigned
#define READ_U16 pack_read_unsigned
#define READ_U32 pack_read_unsigned
#define READ_U64 pack_read_unsigned
#define READ_I32 pack_read_signed
#define READ_I64 pack_read_signed
#include "proto/schema.def"

enum { FIELDS_MAX = 64 }; /* more is refused before looking at the kind */

int codec_decode(const uint8_t *bytes, size_t size, struct msg *m, size_t *used)
{
    struct pack_reader reader = {bytes, bytes + size};
    uint32_t count = 0;
    uint64_t kind = 0;
    int error = pack_read_array(&reader, FIELDS_MAX, &count);
    if (error != 0)
        return error;
    if (count == 0)
        return PACK_LENGTH;
    error = pack_read_unsigned(&reader, 0, UINT16_MAX, &kind);
    if (error != 0)
        return error;
    m->kind = (uint16_t)kind;
    switch (kind) {
#define MESSAGE(name, id, doc)                                                           \
    case id:                                                                             \
        error = get_##name(&reader, count - 1, &m->name);                                \
        break;
#include "proto/schema.def"
    default:
        return PACK_KIND;
    }
    *used = (size_t)(reader.at - bytes);
    return error;
}

int codec_decode_whole(const uint8_t *bytes, size_t size, struct msg *m)
{
    size_t used = 0;
    int error = codec_decode(bytes, size, m, &used);
    if (error == 0 && used != size)
        return PACK_TRAILING;
    return error;
}

uint32_t codec_kind(const uint8_t *bytes, size_t size)
{
    struct pack_reader reader = {bytes, bytes + size};
    uint32_t count = 0;
    uint64_t kind = 0;
    if (pack_read_array(&reader, FIELDS_MAX, &count) != 0 || count == 0)
        return 0;
    if (pack_read_unsigned(&reader, 0, UINT16_MAX, &kind) != 0)
        return 0;
    return (uint32_t)kind;
}
