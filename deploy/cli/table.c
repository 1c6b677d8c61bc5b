/* table.c - cells gathered row by row, widths found at the end. */
#include "deploy/cli/table.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/cli/decimal.h"

struct table {
    const struct table_column *columns;
    int column_count;
    bool json;
    char **cells;
    size_t cell_count, cell_capacity;
};

static void *must(void *memory)
{
    if (memory == NULL) {
        fputs("zex: out of memory\n", stderr);
        exit(ARGS_FAILED);
    }
    return memory;
}

struct table *table_begin(const struct args *args, const struct table_column *columns)
{
    struct table *self = must(calloc(1, sizeof *self));
    self->columns = columns;
    self->json = args->json;
    while (columns[self->column_count].name != NULL)
        self->column_count++;
    return self;
}

void table_text(struct table *self, const char *text)
{
    if (self->cell_count == self->cell_capacity) {
        self->cell_capacity = self->cell_capacity * 2 + 256;
        self->cells =
            must(realloc(self->cells, self->cell_capacity * sizeof *self->cells));
    }
    self->cells[self->cell_count++] = must(strdup(text));
}

void table_amount(struct table *self, int64_t value, uint32_t scale)
{
    char text[DECIMAL_TEXT];
    table_text(self, decimal_format(text, value, scale));
}

void table_number(struct table *self, int64_t value)
{
    table_amount(self, value, 0);
}

void table_flag(struct table *self, bool value)
{
    table_text(self, value ? "yes" : "no");
}

static json_t *make_value(enum table_kind kind, const char *cell)
{
    const int64_t number = kind == TABLE_NUMBER ? strtoll(cell, NULL, 10) : 0;
    if (kind == TABLE_FLAG)
        return json_boolean(strcmp(cell, "yes") == 0);
    if (kind == TABLE_NUMBER && *cell != 0 && number < INT64_C(1) << 53 &&
        number > -(INT64_C(1) << 53))
        return json_integer(number);
    return json_string(cell);
}

static void print_json(const struct table *self)
{
    for (size_t i = 0; i < self->cell_count; i += (size_t)self->column_count) {
        json_t *row = json_object();
        for (int c = 0; c < self->column_count; c++)
            json_object_set_new(
                row, self->columns[c].name,
                make_value(self->columns[c].kind, self->cells[i + (size_t)c]));
        json_dumpf(row, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
        putchar('\n');
        json_decref(row);
    }
}

static void print_cell(const struct table_column *column, const char *text, int width,
                       bool last)
{
    if (column->kind == TABLE_AMOUNT || column->kind == TABLE_NUMBER)
        printf("%*s", width, text);
    else if (last)
        fputs(text, stdout);
    else
        printf("%-*s", width, text);
    fputs(last ? "\n" : "  ", stdout);
}

static void print_text(const struct table *self)
{
    int widths[TABLE_COLUMNS_MAX];
    for (int c = 0; c < self->column_count; c++)
        widths[c] = (int)strlen(self->columns[c].name);
    for (size_t i = 0; i < self->cell_count; i++) {
        int c = (int)(i % (size_t)self->column_count),
            width = (int)strlen(self->cells[i]);
        if (width > widths[c])
            widths[c] = width;
    }
    for (int c = 0; c < self->column_count; c++)
        print_cell(&self->columns[c], self->columns[c].name, widths[c],
                   c + 1 == self->column_count);
    for (size_t i = 0; i < self->cell_count; i++) {
        int c = (int)(i % (size_t)self->column_count);
        print_cell(&self->columns[c], self->cells[i], widths[c],
                   c + 1 == self->column_count);
    }
}

void table_end(struct table **table)
{
    struct table *self = *table;
    if (self->json)
        print_json(self);
    else
        print_text(self);
    for (size_t i = 0; i < self->cell_count; i++)
        free(self->cells[i]);
    free(self->cells);
    free(self);
    *table = NULL;
}
