/* rows.h - rows of answers as rows of tables: the same for what is and what was.
 *
 * Owns:     nothing.
 * Units:    amounts are shown with the scales of the catalog.
 * Errors:   none; rows of another kind are passed over.
 * Threads:  one.
 * Bounds:   ROWS_LEVELS_MAX levels a side.
 */
#ifndef ROWS_H
#define ROWS_H

#include "deploy/cli/catalog.h"
#include "deploy/cli/table.h"

struct rows {
    struct catalog catalog;
    struct table *table;
};

extern const struct table_column rows_order_columns[], rows_trade_columns[],
    rows_position_columns[], rows_balance_columns[], rows_level_columns[];

/* Visitors of queries; the argument is a struct rows with its table begun. */
void rows_add_order(void *argument, const struct msg *row);
void rows_add_trade(void *argument, const struct msg *row);
void rows_add_position(void *argument, const struct msg *row);
void rows_add_balance(void *argument, const struct msg *row);

enum { ROWS_LEVELS_MAX = 1000 };

struct rows_levels {
    struct msg_row_level rows[2 * ROWS_LEVELS_MAX];
    uint32_t count;
};

/* The argument is a struct rows_levels. */
void rows_add_level(void *argument, const struct msg *row);

/* Asks from the far end down to the best, then bids: as a ladder reads. */
void rows_print_ladder(struct table *, const struct msg_symbol_set *,
                       const struct rows_levels *);

#endif
