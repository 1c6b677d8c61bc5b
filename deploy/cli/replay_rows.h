/* replay_rows.h - compares books with the rows of a recorded order book, in their order.
 *
 * Owns:     the open file, until replay_rows_close.
 * Units:    rows from 1.
 * Errors:   ARGS_FAILED after saying why on stderr.
 * Threads:  one.
 * Bounds:   the first few differences are printed.
 */
#ifndef REPLAY_ROWS_H
#define REPLAY_ROWS_H

#include "deploy/cli/lines.h"
#include "deploy/cli/lobster.h"

struct replay_rows {
    struct lines *lines;
    struct lobster_book book; /* as last given; empty before that */
    uint64_t next;            /* the first row not yet compared */
    uint64_t compared, mismatched;
    bool has_skipped; /* no book was given since: what `next` should show is unknown */
    bool failed;
};

bool replay_rows_open(struct replay_rows *, const char *path);
void replay_rows_close(struct replay_rows *);

/* Rows before this one are not compared: an earlier run did. Nor are those from it on
 * that have the book of the row before: that run saw it, this one did not. */
void replay_rows_skip(struct replay_rows *, uint64_t row);

/* The book is this one from `row` on; rows before it had the book given last. */
void replay_rows_give(struct replay_rows *, uint64_t row, const struct lobster_book *);
/* Rows up to the last have the book given last. */
void replay_rows_finish(struct replay_rows *, uint64_t last);

#endif
