/* msg.h - every message as a flat struct, and tables that describe them.
 *
 * Expanded from schema.def and types.def. A struct msg holds one message of any kind;
 * copying is `=`. Padding is real: compare encodings, never memory.
 *
 * Owns:     nothing; the tables are constant.
 * Units:    as proto/README.md says; sizes and offsets in bytes.
 * Errors:   none; what is not found is NULL.
 * Threads:  any.
 * Bounds:   kinds are below MSG_KINDS_MAX, encodings at most MESSAGE_BYTES_MAX.
 */
#ifndef MSG_H
#define MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

/* enum side { SIDE_BUY = 1, ... }; fields of these types are uint8_t. */
/* clang-format off */
#define ENUMERATION(type, doc)           enum type {
#define VALUE(prefix, name, number, doc)     prefix##_##name = (number),
#define END_ENUMERATION(type)            };
#include "proto/types.def"

/* struct msg_order_new { uint64_t cl_ord_id; ... } */
#define MESSAGE(name, id, doc)                            struct msg_##name {
#define INTEGER(type, ctype, field, min, max, doc)            ctype field;
#define INTEGER_OPT(type, ctype, field, value, min, max, doc) ctype field;
#define ENUM(field, type, doc)                                uint8_t field;
#define ENUM_OPT(field, value, type, doc)                     uint8_t field;
#define TEXT(field, capacity, doc)                            char field[(capacity) + 1];
#define BYTES(field, size, doc)                               uint8_t field[size];
#define BYTES_OPT(field, size, doc)                           uint8_t field[size];
#define BLOB(field, capacity, doc)                            uint16_t field##_size; \
                                                              uint8_t field[capacity];
#define NO_FIELDS(name)                                       uint8_t no_fields;
#define END(name)                                         };
#include "proto/schema.def"
/* clang-format on */

/* MSG_order_new = 12 */
enum msg_kind {
#define MESSAGE(name, id, doc) MSG_##name = (id),
#include "proto/schema.def"
    MSG_KINDS_MAX = 128,
};

struct msg {
    uint16_t kind; /* which member is set */
    union {
#define MESSAGE(name, id, doc) struct msg_##name name;
#include "proto/schema.def"
    };
};

enum msg_type {
    MSG_U8,
    MSG_U16,
    MSG_U32,
    MSG_U64,
    MSG_I32,
    MSG_I64,
    MSG_ENUM,
    MSG_TEXT,
    MSG_BYTES,
    MSG_BLOB,
};

/* One value of an enumeration. */
struct msg_value {
    const char *name; /* "BUY"; NULL ends the list */
    const char *doc;
    uint64_t number;
};

struct msg_enum {
    const char *name; /* "side" */
    const char *doc;
    const struct msg_value *values;
};

struct msg_field {
    const char *name;
    const char *doc;
    const struct msg_enum *values; /* MSG_ENUM only */
    uint64_t min, max, value;      /* integers; signed types in two's complement */
    enum msg_type type;
    uint16_t offset;   /* in the message's struct; a BLOB's bytes */
    uint16_t capacity; /* TEXT, BYTES, BLOB: bytes; integers: bytes of the C type */
    bool optional;     /* trailing, left out when it equals `value` */
};

struct msg_info {
    const char *name;
    const char *doc;
    const struct msg_field *fields;
    uint32_t field_count;
    uint32_t size; /* of the struct */
    uint16_t kind;
};

/* NULL for an unknown kind or name; all kinds are below MSG_KINDS_MAX. */
const struct msg_info *msg_find(uint32_t kind);
const struct msg_info *msg_find_name(const char *name);

/* "order_new"; "unknown" for an unknown kind. */
const char *msg_name(uint32_t kind);

/* All enumerations, in the order of types.def. */
const struct msg_enum *msg_enums(uint32_t *count);

/* "BUY"; NULL if the number is no value of the enumeration. */
const char *msg_value_name(const struct msg_enum *, uint64_t number);

/* An integer or enum field of a body (the union member); signed types sign-extended. */
uint64_t msg_integer(const struct msg_field *, const void *body);
void msg_set_integer(const struct msg_field *, void *body, uint64_t value);

/* Bytes a TEXT, BYTES or BLOB field holds, and where. */
size_t msg_size(const struct msg_field *, const void *body);
const uint8_t *msg_bytes(const struct msg_field *, const void *body);

/* Sets a TEXT, BYTES or BLOB; `size` must fit. */
void msg_set_bytes(const struct msg_field *, void *body, const void *bytes, size_t size);

static inline bool msg_is_signed(const struct msg_field *field)
{
    return field->type == MSG_I32 || field->type == MSG_I64;
}

static inline bool msg_is_bytes(const struct msg_field *field)
{
    return field->type >= MSG_TEXT;
}

/* Of a variable on a hot path, all of whose parts are set before they are read: the build
 * zeroes every other one. */
#define MSG_UNSET __attribute__((uninitialized))

/* The union member that `kind` selects; all start at one address. */
static inline void *msg_body(struct msg *m)
{
    return &m->close;
}

static inline const void *msg_const_body(const struct msg *m)
{
    return &m->close;
}

#endif
