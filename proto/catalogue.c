/* catalogue.c - prints messages.md from the tables (`make docs`). */
#include <inttypes.h>
#include <stdio.h>

#include "proto/msg.h"

static const char *const type_names[] = {
    [MSG_U8] = "u8",        [MSG_U16] = "u16",   [MSG_U32] = "u32",
    [MSG_U64] = "u64",      [MSG_I32] = "i32",   [MSG_I64] = "i64",
    [MSG_ENUM] = "enum",    [MSG_TEXT] = "text", [MSG_BYTES] = "bytes",
    [MSG_BLOB] = "message",
};

static void print_number(const struct msg_field *field, uint64_t value)
{
    if (msg_is_signed(field))
        printf("%" PRId64, (int64_t)value);
    else
        printf("%" PRIu64, value);
}

static void print_values(const struct msg_field *field)
{
    switch (field->type) {
    case MSG_ENUM:
        printf("[%s](#%s)", field->values->name, field->values->name);
        break;
    case MSG_BYTES:
        printf("%u bytes", field->capacity);
        break;
    case MSG_TEXT:
    case MSG_BLOB:
        printf("up to %u bytes", field->capacity);
        break;
    default:
        print_number(field, field->min);
        printf(" .. ");
        print_number(field, field->max);
    }
}

static void print_default(const struct msg_field *field)
{
    if (!field->optional)
        return;
    if (field->type == MSG_ENUM)
        printf("%s", msg_value_name(field->values, field->value));
    else if (field->type == MSG_BYTES)
        printf("zeros");
    else
        print_number(field, field->value);
}

static void print_message(const struct msg_info *info)
{
    printf("\n### %u %s\n\n%s.\n", info->kind, info->name, info->doc);
    if (info->field_count == 0)
        return;
    printf("\n| field | type | values | default | |\n|---|---|---|---|---|\n");
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct msg_field *field = &info->fields[i];
        printf("| %s | %s | ", field->name, type_names[field->type]);
        print_values(field);
        printf(" | ");
        print_default(field);
        printf(" | %s |\n", field->doc);
    }
}

static void print_enum(const struct msg_enum *type)
{
    printf("\n### %s\n\n%s.\n\n| name | number | |\n|---|---|---|\n", type->name,
           type->doc);
    for (const struct msg_value *value = type->values; value->name; value++)
        printf("| %s | %" PRIu64 " | %s |\n", value->name, value->number, value->doc);
}

int main(void)
{
    uint32_t count = 0;
    const struct msg_enum *types = msg_enums(&count);
    printf("# Messages\n\n"
           "Generated from `schema.def` and `types.def` by `make docs`; do not edit.\n"
           "A message is a msgpack array `[id, field, ...]` in this order, every value "
           "in its\n"
           "shortest form. Trailing fields that have their default are left out. Units, "
           "ids\n"
           "and the rules of change are in `README.md`.\n\n## Messages by id\n");
    for (uint32_t kind = 0; kind < MSG_KINDS_MAX; kind++)
        if (msg_find(kind))
            print_message(msg_find(kind));
    printf("\n## Enumerations\n");
    for (uint32_t i = 0; i < count; i++)
        print_enum(&types[i]);
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
