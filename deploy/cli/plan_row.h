/* plan_row.h - what every row of a venue file is made with: values checked against the
 * field they go into, complaints that name both.
 *
 * Owns:     nothing.
 * Units:    as struct plan_unit says.
 * Errors:   a complaint, counted in plan.bad.
 * Threads:  one.
 * Bounds:   those of proto/schema.def.
 */
#ifndef PLAN_ROW_H
#define PLAN_ROW_H

#include "deploy/cli/plan.h"

/* The row that complaints name from here on. */
void plan_row_begin(struct plan *, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "zex: symbol BTC-USD: ..." */
void plan_row_complain(struct plan *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same without making the plan a bad one. */
void plan_row_warn(struct plan *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Each sets the field of that name, or complains. NULL: the file does not say. */
void plan_row_name(struct plan *, struct msg *, const char *name);
void plan_row_number(struct plan *, struct msg *, const char *field, uint64_t number);
void plan_row_amount(struct plan *, struct msg *, const char *field, const char *text,
                     uint32_t scale);
void plan_row_rate(struct plan *, struct msg *, const char *field, const char *text);
void plan_row_value(struct plan *, struct msg *, const char *field, const char *text);

/* Adds the row's command unless it says what is there already (`present`, or NULL), or
 * something of it was wrong. */
void plan_row_end(struct plan *, uint32_t bad_before, const struct msg *,
                  const struct msg *present);

#endif
