/* replay_rows.c - a row without commands shows the book of the row before it. */
#include "deploy/cli/replay_rows.h"

#include <stdio.h>

#include "deploy/cli/args.h"

enum { PRINTED_MAX = 5 };

bool replay_rows_open(struct replay_rows *self, const char *path)
{
    *self = (struct replay_rows){.next = 1};
    return lines_open(&self->lines, path);
}

void replay_rows_close(struct replay_rows *self)
{
    lines_close(&self->lines);
}

static bool read_row(struct replay_rows *self, struct lobster_book *book)
{
    const char *line = lines_next(self->lines);
    if (line != NULL && lobster_parse_book(line, book))
        return true;
    self->failed = true;
    args_fail("the order book file ends or is malformed at row %ju",
              (uintmax_t)self->next);
    return false;
}

static void pass_over(struct replay_rows *self, uint64_t last)
{
    struct lobster_book book;
    for (; self->next <= last && !self->failed; self->next++)
        read_row(self, &book);
}

void replay_rows_skip(struct replay_rows *self, uint64_t row)
{
    self->has_skipped = true;
    if (row > 0)
        pass_over(self, row - 1);
}

static void compare(struct replay_rows *self)
{
    struct lobster_book wanted;
    if (!read_row(self, &wanted))
        return;
    self->compared++;
    if (lobster_is_equal(&wanted, &self->book))
        return;
    if (self->mismatched++ < PRINTED_MAX)
        lobster_print_difference(self->next, &wanted, &self->book);
}

void replay_rows_finish(struct replay_rows *self, uint64_t last)
{
    if (self->has_skipped)
        pass_over(self, last);
    for (; self->next <= last && !self->failed; self->next++)
        compare(self);
}

void replay_rows_give(struct replay_rows *self, uint64_t row,
                      const struct lobster_book *book)
{
    if (row > 0)
        replay_rows_finish(self, row - 1);
    self->book = *book;
    self->has_skipped = false;
    replay_rows_finish(self, row);
}
