/* sample.c - fills a message field by field. */
#include "proto/sample.h"

#include <string.h>

#include "proto/codec.h"

static uint32_t value_count(const struct msg_enum *type)
{
    uint32_t count = 0;
    while (type->values[count].name)
        count++;
    return count;
}

/* A BLOB holds another message. */
static void set_nested(const struct msg_field *field, void *body,
                       const struct msg *nested)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    if (codec_encode(bytes, sizeof bytes, nested, &size) != 0 || size > field->capacity)
        size = 0;
    msg_set_bytes(field, body, bytes, size);
}

/* ---- fixed ------------------------------------------------------------------------- */

/* A number that tells fields apart, moved into the field's range. */
static uint64_t fixed_integer(const struct msg_field *field, uint32_t kind,
                              uint32_t index)
{
    uint64_t wish = 1000 * (uint64_t)kind + index;
    if (field->optional)
        return field->value == field->max ? field->min : field->max;
    if (wish - field->min <= field->max - field->min)
        return wish;
    return field->max;
}

static void fix_field(const struct msg_field *field, void *body, uint32_t kind,
                      uint32_t index)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    struct msg nested;
    switch (field->type) {
    case MSG_ENUM:
        index = value_count(field->values) - 1;
        msg_set_integer(field, body, field->values->values[index].number);
        break;
    case MSG_TEXT:
        memset(bytes, 'A' + (int)index, field->capacity);
        msg_set_bytes(field, body, bytes, field->capacity);
        break;
    case MSG_BYTES:
        for (uint32_t i = 0; i < field->capacity; i++)
            bytes[i] = (uint8_t)(16 * index + i);
        msg_set_bytes(field, body, bytes, field->capacity);
        break;
    case MSG_BLOB:
        sample_fixed(&nested, MSG_order_new);
        set_nested(field, body, &nested);
        break;
    default:
        msg_set_integer(field, body, fixed_integer(field, kind, index));
    }
}

void sample_fixed(struct msg *m, uint32_t kind)
{
    const struct msg_info *info = msg_find(kind);
    memset(m, 0, sizeof *m);
    m->kind = (uint16_t)kind;
    for (uint32_t i = 0; i < info->field_count; i++)
        fix_field(&info->fields[i], msg_body(m), kind, i + 1);
}

/* ---- random ------------------------------------------------------------------------ */

/* splitmix64 */
static uint64_t draw(uint64_t *seed)
{
    uint64_t z = (*seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t random_integer(const struct msg_field *field, uint64_t *seed)
{
    uint64_t span = field->max - field->min;
    uint64_t step = draw(seed) >> (draw(seed) % 64); /* every magnitude */
    if (span != UINT64_MAX)
        step %= span + 1;
    switch (draw(seed) % 8) {
    case 0:
        return field->min;
    case 1:
        return field->max;
    case 2:
        return field->optional ? field->value : field->max - step;
    case 3:
    case 4:
        return field->max - step;
    default:
        return field->min + step;
    }
}

static void random_text(const struct msg_field *field, void *body, uint64_t *seed)
{
    static const char *const characters[] = {"A",  "z",      "0",      " ",         "\"",
                                             "\\", "\u00e9", "\u20bf", "\U0001f4b0"};
    char text[MESSAGE_BYTES_MAX];
    size_t wanted = draw(seed) % (field->capacity + 1u), size = 0;
    for (;;) {
        const char *c =
            characters[draw(seed) % (sizeof characters / sizeof characters[0])];
        if (size + strlen(c) > wanted)
            break;
        memcpy(text + size, c, strlen(c));
        size += strlen(c);
    }
    msg_set_bytes(field, body, text, size);
}

static void random_nested(const struct msg_field *field, void *body, uint64_t *seed)
{
    static const uint16_t kinds[] = {MSG_order_new, MSG_close,          MSG_trade,
                                     MSG_key_set,   MSG_order_rejected, MSG_symbol_set};
    struct msg nested;
    sample_random(&nested, kinds[draw(seed) % (sizeof kinds / sizeof kinds[0])], seed);
    set_nested(field, body, &nested);
}

static void randomise(const struct msg_field *field, void *body, uint64_t *seed)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    uint64_t index = 0;
    switch (field->type) {
    case MSG_ENUM:
        index = draw(seed) % value_count(field->values);
        msg_set_integer(field, body, field->values->values[index].number);
        break;
    case MSG_TEXT:
        random_text(field, body, seed);
        break;
    case MSG_BYTES: /* of an optional one: now and then its default */
        index = field->optional && draw(seed) % 4 == 0 ? 0 : UINT8_MAX;
        for (uint32_t i = 0; i < field->capacity; i++)
            bytes[i] = (uint8_t)(draw(seed) & index);
        msg_set_bytes(field, body, bytes, field->capacity);
        break;
    case MSG_BLOB:
        random_nested(field, body, seed);
        break;
    default:
        msg_set_integer(field, body, random_integer(field, seed));
    }
}

void sample_random(struct msg *m, uint32_t kind, uint64_t *seed)
{
    const struct msg_info *info = msg_find(kind);
    memset(m, 0, sizeof *m);
    m->kind = (uint16_t)kind;
    for (uint32_t i = 0; i < info->field_count; i++)
        randomise(&info->fields[i], msg_body(m), seed);
}
