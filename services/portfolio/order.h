/* order.h - the venue's orders, from their first report to the one that ends them.
 *
 * Owns:     them and those that wait for it (waiting.h), carved at order_init.
 * Units:    as in proto/README.md.
 * Errors:   none; reports that contradict what is open fail a CHECK.
 * Threads:  none.
 * Bounds:   orders_max open orders, found by slot.
 */
#ifndef ORDER_H
#define ORDER_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "proto/msg.h"
#include "services/portfolio/waiting.h"

struct reader;
struct writer;

#define ORDER_NONE UINT32_MAX

/* An open order and its place in the list of its account: two cache lines, the first with
 * all that its neighbours ask for. The row is what a query shows. */
struct order {
    alignas(64) uint32_t next;
    uint32_t previous;
    struct msg_row_order row; /* order_id 0: the slot is free */
};

/* `near` is where the last one went in: the next one belongs close to it, for each shard
 * reports a whole batch at a time. */
struct order_list {
    uint32_t first, last, near;
};

struct orders {
    struct order *open; /* by slot */
    struct order_list *of_account;
    uint32_t open_count, open_capacity, accounts_max;
    struct waiting waiting;
};

void order_init(struct orders *, struct arena *, uint32_t accounts_max,
                uint32_t orders_max);

/* Reports. Those that end an order return true and copy it, as it ended, to `closed`. */
void order_accept(struct orders *, uint64_t gseq, const struct msg_order_accepted *);
bool order_reject(struct orders *, uint64_t gseq, const struct msg_order_rejected *,
                  struct msg_row_order *closed);
bool order_cancel(struct orders *, uint64_t gseq, const struct msg_order_cancelled *,
                  struct msg_row_order *closed);
bool order_replace(struct orders *, uint64_t gseq, const struct msg_order_replaced *,
                   struct msg_row_order *closed);
/* One side of a trade. */
bool order_fill(struct orders *, uint64_t gseq, const struct msg_trade *, bool maker,
                struct msg_row_order *closed);

/* Fetches an open order into the cache, as core_ops.prefetch. */
void order_prefetch(const struct orders *, uint32_t slot, bool again);

/* The account's open order of this id, or of this name if the id is 0; or NULL. */
const struct order *order_find_open(const struct orders *, uint32_t account,
                                    uint64_t order_id, uint64_t cl_ord_id);

void order_save(const struct orders *, struct writer *);
int order_load(struct orders *, struct reader *);

/* Invariants, O(orders + accounts). */
void order_check(const struct orders *);

#endif
