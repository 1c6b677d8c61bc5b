/* table.h - rows for people (aligned columns) or for programs (one JSON object a line).
 *
 * Owns:     the text of its cells until table_end.
 * Units:    none.
 * Errors:   none; out of memory ends the program.
 * Threads:  one.
 * Bounds:   TABLE_COLUMNS_MAX columns.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "deploy/cli/args.h"

#define TABLE_COLUMNS_MAX 24

enum table_kind {
    TABLE_TEXT,   /* left-aligned, a JSON string */
    TABLE_AMOUNT, /* right-aligned, a JSON string: decimals never become floats */
    TABLE_NUMBER, /* right-aligned, a JSON number (a string beyond 2^53) */
    TABLE_FLAG,   /* yes or no, a JSON boolean */
};

struct table;

/* `columns`: name and kind, ended by a NULL name. */
struct table_column {
    const char *name;
    enum table_kind kind;
};

struct table *table_begin(const struct args *, const struct table_column *columns);
void table_text(struct table *, const char *text);
void table_amount(struct table *, int64_t value, uint32_t scale);
void table_number(struct table *, int64_t value);
void table_flag(struct table *, bool value);
/* Prints and frees. */
void table_end(struct table **);

#endif
