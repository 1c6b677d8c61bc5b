/* json.c - walks the field table and prints. */
#include "proto/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/pack.h"

#define EXACT_MAX                                                                        \
    (UINT64_C(1) << 53) /* what a JSON reader that uses doubles keeps exact */

struct text {
    char *at, *end; /* `end` is where the NUL goes */
    bool is_full;
};

static void add(struct text *text, const char *bytes, size_t size)
{
    if (text->is_full || size > (size_t)(text->end - text->at)) {
        text->is_full = true;
        return;
    }
    memcpy(text->at, bytes, size);
    text->at += size;
}

static void add_string(struct text *text, const char *string)
{
    add(text, string, strlen(string));
}

/* TEXT has no control characters, so two escapes are enough. */
static void add_quoted(struct text *text, const char *bytes, size_t size)
{
    add(text, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '"' || bytes[i] == '\\')
            add(text, "\\", 1);
        add(text, bytes + i, 1);
    }
    add(text, "\"", 1);
}

static void add_hex(struct text *text, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    add(text, "\"", 1);
    for (size_t i = 0; i < size; i++) {
        add(text, &digits[bytes[i] >> 4], 1);
        add(text, &digits[bytes[i] & 15], 1);
    }
    add(text, "\"", 1);
}

static void add_integer(struct text *text, const struct msg_field *field, uint64_t value)
{
    char number[24];
    bool is_negative = msg_is_signed(field) && (int64_t)value < 0;
    uint64_t magnitude = is_negative ? 0 - value : value;
    const char *quote = magnitude > EXACT_MAX ? "\"" : "";
    snprintf(number, sizeof number, "%s%s%" PRIu64 "%s", quote, is_negative ? "-" : "",
             magnitude, quote);
    add_string(text, number);
}

static void add_enum(struct text *text, const struct msg_field *field, uint64_t value)
{
    const char *name = msg_value_name(field->values, value);
    if (name)
        add_quoted(text, name, strlen(name));
    else
        add_integer(text, field, value);
}

static void add_message(struct text *text, const struct msg *m);

/* The two fills of a trade with oneself. */
static bool decode_fills(const uint8_t *bytes, size_t size, struct msg fills[2])
{
    size_t used = 0;
    return codec_decode(bytes, size, &fills[0], &used) == 0 &&
           codec_decode_whole(bytes + used, size - used, &fills[1]) == 0 &&
           fills[0].kind == MSG_fill && fills[1].kind == MSG_fill;
}

/* A message as such, two fills as an array, other bytes in hex. */
static void add_blob(struct text *text, const uint8_t *bytes, size_t size)
{
    struct msg nested[2];
    if (codec_decode_whole(bytes, size, &nested[0]) == 0) {
        add_message(text, &nested[0]);
    } else if (decode_fills(bytes, size, nested)) {
        add_string(text, "[");
        add_message(text, &nested[0]);
        add_string(text, ",");
        add_message(text, &nested[1]);
        add_string(text, "]");
    } else {
        add_hex(text, bytes, size);
    }
}

static void add_field(struct text *text, const struct msg_field *field, const void *body)
{
    add_string(text, ",\"");
    add_string(text, field->name);
    add_string(text, "\":");
    switch (field->type) {
    case MSG_ENUM:
        add_enum(text, field, msg_integer(field, body));
        break;
    case MSG_TEXT:
        add_quoted(text, (const char *)msg_bytes(field, body), msg_size(field, body));
        break;
    case MSG_BYTES:
        add_hex(text, msg_bytes(field, body), msg_size(field, body));
        break;
    case MSG_BLOB:
        add_blob(text, msg_bytes(field, body), msg_size(field, body));
        break;
    default:
        add_integer(text, field, msg_integer(field, body));
    }
}

/* A BLOB holds at most BODY_BYTES_MAX and a nested one less, so the depth is bounded. */
static void add_message(struct text *text, const struct msg *m)
{
    const struct msg_info *info = msg_find(m->kind);
    add_string(text, "{\"message\":\"");
    add_string(text, info->name);
    add_string(text, "\"");
    for (uint32_t i = 0; i < info->field_count; i++)
        add_field(text, &info->fields[i], msg_const_body(m));
    add_string(text, "}");
}

int json_print(char *out, size_t capacity, const struct msg *m, size_t *size)
{
    if (!msg_find(m->kind))
        return PACK_KIND;
    if (capacity == 0)
        return PACK_SPACE;
    struct text text = {.at = out, .end = out + capacity - 1};
    add_message(&text, m);
    *text.at = 0;
    *size = (size_t)(text.at - out);
    return text.is_full ? PACK_SPACE : 0;
}
