/* privacy.h - is there anything in a message that its reader may not see?
 *
 * Goes by the names of fields, so that a new message or field is held to it as well:
 * what ends in `account` is an account, what ends in `cl_ord_id` the name of an order.
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   NULL, or what is wrong.
 * Threads:  any.
 * Bounds:   none.
 */
#ifndef PRIVACY_H
#define PRIVACY_H

#include <stdbool.h>
#include <string.h>

#include "proto/codec.h"

/* A client, its account, and which names it may have given to orders. */
struct privacy {
    const void *client;
    bool (*is_own_name)(const void *client, uint64_t name);
    uint32_t account;
};

static inline bool privacy_ends(const char *text, const char *end)
{
    const size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static inline const char *privacy_check_integer(const struct privacy *p,
                                                const char *field, uint64_t value)
{
    if (value == 0)
        return NULL; /* none */
    if (privacy_ends(field, "account") && value != p->account)
        return "I9: shown another's account";
    if (privacy_ends(field, "cl_ord_id") && !p->is_own_name(p->client, value))
        return "I9: shown another's name of an order";
    return NULL;
}

static inline const char *privacy_check(const struct privacy *p, const struct msg *m);

static inline const char *privacy_check_body(const struct privacy *p,
                                             const uint8_t *bytes, size_t size)
{
    const char *broken = NULL;
    struct msg m;
    for (size_t at = 0, used = 0; broken == NULL && at < size; at += used) {
        if (codec_decode(bytes + at, size - at, &m, &used) != 0)
            return "I13: a body that is no message";
        broken = privacy_check(p, &m);
    }
    return broken;
}

/* A message to the client, and those it carries. */
static inline const char *privacy_check(const struct privacy *p, const struct msg *m)
{
    const struct msg_info *info = msg_find(m->kind);
    const void *body = msg_const_body(m);
    const char *broken = NULL;
    if (m->kind == MSG_trade)
        return "I9: shown both sides of a trade";
    for (uint32_t i = 0; broken == NULL && i < info->field_count; i++) {
        const struct msg_field *field = &info->fields[i];
        if (field->type == MSG_BLOB)
            broken = privacy_check_body(p, msg_bytes(field, body), msg_size(field, body));
        else if (!msg_is_bytes(field))
            broken = privacy_check_integer(p, field->name, msg_integer(field, body));
    }
    return broken;
}

#endif
