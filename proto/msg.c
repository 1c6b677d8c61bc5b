/* msg.c - the tables, expanded from schema.def and types.def. */
#include "proto/msg.h"

#include <assert.h>
#include <string.h>

/* clang-format off */
#define ENUMERATION(type, doc)           static const struct msg_value values_##type[] = {
#define VALUE(prefix, name, number, doc)     {#name, doc, number},
#define END_ENUMERATION(type)                {NULL, NULL, 0}};
#include "proto/types.def"
/* clang-format on */

static const struct msg_enum enums[] = {
#define ENUMERATION(type, doc) {#type, doc, values_##type},
#include "proto/types.def"
};

enum {
#define ENUMERATION(type, doc) ENUM_##type,
#include "proto/types.def"
    ENUM_COUNT,
};
static_assert(sizeof enums / sizeof enums[0] == ENUM_COUNT, "one row each");

/* Per message a function with its tables, because a field's macro does not know the
 * message it stands in: there, `body` does. */
#define MESSAGE(name_, id_, doc_)                                                        \
    static const struct msg_info *info_##name_(void)                                     \
    {                                                                                    \
        typedef struct msg_##name_ body;                                                 \
        static_assert((id_) > 0 && (id_) < MSG_KINDS_MAX, #name_);                       \
        enum { KIND = (id_) };                                                           \
        static const char name[] = #name_;                                               \
        static const char doc[] = doc_;                                                  \
        static const struct msg_field fields[] = {
#define FIELD(type_, field, capacity_, doc_)                                             \
    .name = #field, .doc = (doc_), .type = (type_), .offset = offsetof(body, field),     \
    .capacity = (capacity_)
#define RANGE(min_, max_) .min = (uint64_t)(min_), .max = (uint64_t)(max_)
#define INTEGER(type, ctype, field, min, max, doc)                                       \
    {FIELD(MSG_##type, field, sizeof(ctype), doc), RANGE(min, max)},
#define INTEGER_OPT(type, ctype, field, value_, min, max, doc)                           \
    {FIELD(MSG_##type, field, sizeof(ctype), doc), RANGE(min, max),                      \
     .value = (uint64_t)(value_), .optional = true},
#define ENUM(field, type, doc)                                                           \
    {FIELD(MSG_ENUM, field, 1, doc), .values = &enums[ENUM_##type]},
#define ENUM_OPT(field, value_, type, doc)                                               \
    {FIELD(MSG_ENUM, field, 1, doc), .values = &enums[ENUM_##type], .value = (value_),   \
     .optional = true},
#define TEXT(field, capacity, doc) {FIELD(MSG_TEXT, field, capacity, doc)},
#define BYTES(field, size, doc)    {FIELD(MSG_BYTES, field, size, doc)},
#define BYTES_OPT(field, size, doc)                                                      \
    {FIELD(MSG_BYTES, field, size, doc), .optional = true},
#define BLOB(field, capacity, doc) {FIELD(MSG_BLOB, field, capacity, doc)},
/* clang-format off */
#define END(name_)                                                                       \
            {.name = NULL},                                                              \
        };                                                                               \
        static const struct msg_info info = {                                            \
            .name = name,                                                                \
            .doc = doc,                                                                  \
            .fields = fields,                                                            \
            .field_count = sizeof fields / sizeof fields[0] - 1,                         \
            .size = sizeof(body),                                                        \
            .kind = KIND,                                                                \
        };                                                                               \
        return &info;                                                                    \
    }
/* clang-format on */
#include "proto/schema.def"
#undef FIELD
#undef RANGE

const struct msg_info *msg_find(uint32_t kind)
{
    switch (kind) {
#define MESSAGE(name, id, doc)                                                           \
    case id:                                                                             \
        return info_##name();
#include "proto/schema.def"
    default:
        return NULL;
    }
}

const struct msg_info *msg_find_name(const char *name)
{
    for (uint32_t kind = 0; kind < MSG_KINDS_MAX; kind++) {
        const struct msg_info *info = msg_find(kind);
        if (info && strcmp(info->name, name) == 0)
            return info;
    }
    return NULL;
}

const char *msg_name(uint32_t kind)
{
    const struct msg_info *info = msg_find(kind);
    return info ? info->name : "unknown";
}

const struct msg_enum *msg_enums(uint32_t *count)
{
    *count = ENUM_COUNT;
    return enums;
}

const char *msg_value_name(const struct msg_enum *type, uint64_t number)
{
    for (const struct msg_value *value = type->values; value->name; value++)
        if (value->number == number)
            return value->name;
    return NULL;
}

uint64_t msg_integer(const struct msg_field *field, const void *body)
{
    const uint8_t *at = (const uint8_t *)body + field->offset;
    int32_t narrow = 0;
    uint64_t wide = 0;
    switch (field->type) {
    case MSG_I32:
        memcpy(&narrow, at, sizeof narrow);
        return (uint64_t)narrow;
    default: /* the machine is little-endian, see pack.h */
        memcpy(&wide, at, field->capacity);
        return wide;
    }
}

void msg_set_integer(const struct msg_field *field, void *body, uint64_t value)
{
    memcpy((uint8_t *)body + field->offset, &value, field->capacity);
}

/* The size of a BLOB stands before its bytes. */
static size_t size_offset(const struct msg_field *field)
{
    return field->offset - sizeof(uint16_t);
}

size_t msg_size(const struct msg_field *field, const void *body)
{
    uint16_t size = 0;
    switch (field->type) {
    case MSG_TEXT:
        return strnlen((const char *)msg_bytes(field, body), field->capacity);
    case MSG_BLOB:
        memcpy(&size, (const uint8_t *)body + size_offset(field), sizeof size);
        return size;
    default:
        return field->capacity;
    }
}

const uint8_t *msg_bytes(const struct msg_field *field, const void *body)
{
    return (const uint8_t *)body + field->offset;
}

void msg_set_bytes(const struct msg_field *field, void *body, const void *bytes,
                   size_t size)
{
    uint8_t *at = (uint8_t *)body + field->offset;
    uint16_t blob_size = (uint16_t)size;
    memcpy(at, bytes, size);
    if (field->type == MSG_TEXT)
        at[size] = 0;
    if (field->type == MSG_BLOB)
        memcpy((uint8_t *)body + size_offset(field), &blob_size, sizeof blob_size);
}
