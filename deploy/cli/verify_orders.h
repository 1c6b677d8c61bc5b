/* verify_orders.h - are the open orders of portfolio, risk and the books the same?
 *
 * Portfolio and risk learn of an order's life from the same reports, so what is open in
 * portfolio is open in risk with the same numbers. The books are ahead by the reports
 * that are on their way into the log: where there are none, their levels are the sums of
 * the open orders.
 *
 * Owns:     copies of both lists.
 * Units:    as proto/limits.h.
 * Errors:   ERR_DIVERGED with the difference; ERR_MEMORY.
 * Threads:  one.
 * Bounds:   GENESIS.orders_max orders.
 */
#ifndef VERIFY_ORDERS_H
#define VERIFY_ORDERS_H

#include <stdbool.h>
#include <stddef.h>

#include "deploy/cli/refold.h"
#include "deploy/cli/verify_difference.h"

struct verify_orders_list {
    struct msg_row_order *orders;
    size_t count, capacity;
    bool failed;
};

struct verify_orders {
    struct verify_orders_list risk, portfolio;
    uint64_t comparisons;
};

void verify_orders_close(struct verify_orders *);

/* Only where no report of a shard is on its way. */
ERROR_CHECKED int verify_orders_compare(struct verify_orders *,
                                        const struct refold_view *,
                                        struct verify_difference *);

#endif
