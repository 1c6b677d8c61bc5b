/* plan_row.c - see plan_row.h. The ranges are those of the message's fields. */
#include "deploy/cli/plan_row.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "deploy/cli/decimal.h"
#include "proto/codec.h"
#include "proto/pack.h"

enum { SCALE_MAX = 18, RATE_SCALE = 4 };

void plan_row_begin(struct plan *self, const char *what, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    self->what = what;
    vsnprintf(self->name, sizeof self->name, format, list);
    va_end(list);
}

static void say(struct plan *self, const char *format, va_list list)
{
    FILE *out = self->input->complaints;
    fprintf(out, "zex: %s %s: ", self->what, self->name);
    vfprintf(out, format, list);
    fputc('\n', out);
}

void plan_row_complain(struct plan *self, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say(self, format, list);
    va_end(list);
    self->bad++;
}

void plan_row_warn(struct plan *self, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    say(self, format, list);
    va_end(list);
}

/* The field of the message that one of the file becomes: `maker` is maker_ppm there. */
static const struct msg_field *find_field(const struct msg *m, const char *name)
{
    const struct msg_info *info = msg_find(m->kind);
    const size_t length = strlen(name);
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct msg_field *field = &info->fields[i];
        if (strncmp(field->name, name, length) == 0 &&
            (field->name[length] == 0 || strcmp(field->name + length, "_ppm") == 0))
            return field;
    }
    abort(); /* a name of this program, not of the file */
}

/* At 100 % a band has no lower bound, so a file may not ask for it. */
static uint64_t most(const struct msg_field *field)
{
    return strcmp(field->name, "band_ppm") == 0 ? PPM - 1 : field->max;
}

/* `text`: the value as the file has it; `scale` and `ending` show the bounds likewise. */
static void set(struct plan *self, struct msg *m, const char *name, const char *text,
                uint64_t value, uint32_t scale, const char *ending)
{
    const struct msg_field *field = find_field(m, name);
    const uint64_t max = most(field);
    char low[DECIMAL_TEXT], high[DECIMAL_TEXT];
    if (value - field->min <= max - field->min) {
        msg_set_integer(field, msg_body(m), value);
        return;
    }
    decimal_format(low, (int64_t)field->min, scale);
    decimal_format(high, (int64_t)max, scale);
    plan_row_complain(self, "%s '%s' is out of its range, %s%s to %s%s", name, text, low,
                      ending, high, ending);
}

void plan_row_number(struct plan *self, struct msg *m, const char *field, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    set(self, m, field, text, number, 0, "");
}

void plan_row_amount(struct plan *self, struct msg *m, const char *field,
                     const char *text, uint32_t scale)
{
    int64_t value = 0;
    if (text == NULL || scale > SCALE_MAX) /* the scale has its own complaint */
        return;
    if (decimal_parse(text, scale, &value))
        set(self, m, field, text, (uint64_t)value, scale, "");
    else
        plan_row_complain(self,
                          "%s '%s' is no number, has more than %" PRIu32
                          " decimals, or is too large",
                          field, text, scale);
}

void plan_row_rate(struct plan *self, struct msg *m, const char *field, const char *text)
{
    int64_t ppm = 0;
    if (text == NULL)
        return;
    if (venue_parse_ppm(text, &ppm))
        set(self, m, field, text, (uint64_t)ppm, RATE_SCALE, "%");
    else
        plan_row_complain(self, "%s '%s' is no rate; write 0.05%% or 500ppm", field,
                          text);
}

void plan_row_value(struct plan *self, struct msg *m, const char *name, const char *text)
{
    const struct msg_field *field = find_field(m, name);
    char all[128];
    size_t size = 0;
    if (text == NULL)
        return;
    all[0] = 0;
    for (const struct msg_value *v = field->values->values; v->name != NULL; v++) {
        if (strcasecmp(v->name, text) == 0) {
            msg_set_integer(field, msg_body(m), v->number);
            return;
        }
        if (size < sizeof all)
            size += (size_t)snprintf(all + size, sizeof all - size, " %s", v->name);
    }
    plan_row_complain(self, "%s '%s' is none of%s", name, text, all);
}

void plan_row_name(struct plan *self, struct msg *m, const char *name)
{
    const struct msg_field *field = find_field(m, "name");
    const size_t size = strlen(name);
    if (size == 0 || size > field->capacity)
        plan_row_complain(self, "the name must have 1 to %u bytes", field->capacity);
    else if (!pack_is_text((const uint8_t *)name, size))
        plan_row_complain(self, "the name is not printable");
    else
        msg_set_bytes(field, msg_body(m), name, size);
}

/* ---- the command ------------------------------------------------------------------- */

/* Equal messages are equal bytes. */
static bool is_equal(const struct msg *a, const struct msg *b)
{
    uint8_t x[MESSAGE_BYTES_MAX], y[MESSAGE_BYTES_MAX];
    size_t x_size = 0, y_size = 0;
    return codec_encode(x, sizeof x, a, &x_size) == 0 &&
           codec_encode(y, sizeof y, b, &y_size) == 0 && x_size == y_size &&
           memcmp(x, y, x_size) == 0;
}

static bool grow(struct plan *self)
{
    const uint32_t capacity = self->capacity * 2 + 64;
    struct plan_command *grown = realloc(self->commands, capacity * sizeof *grown);
    if (grown == NULL)
        return false;
    self->commands = grown;
    self->capacity = capacity;
    return true;
}

void plan_row_end(struct plan *self, uint32_t bad_before, const struct msg *m,
                  const struct msg *present)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    if (self->bad != bad_before || (present != NULL && is_equal(m, present)))
        return;
    if (codec_encode(bytes, sizeof bytes, m, &size) != 0) {
        plan_row_complain(self, "a value is out of its range");
        return;
    }
    if (self->count == self->capacity && !grow(self)) {
        plan_row_complain(self, "out of memory");
        return;
    }
    struct plan_command *command = &self->commands[self->count++];
    command->msg = *m;
    snprintf(command->label, sizeof command->label, "%s %s", self->what, self->name);
}
