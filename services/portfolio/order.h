/* order.h - the venue's open orders, and those that wait for their first report.
 *
 * Owns:     both, carved at order_init.
 * Units:    as in proto/README.md.
 * Errors:   none; reports that contradict what is open fail a CHECK.
 * Threads:  none.
 * Bounds:   orders_max open orders, found by slot. Waiting ones, found by id: those that
 *           have a slot already, at most orders_max, and ORDER_UNDECIDED_MAX that risk
 *           has not decided, which must exceed the sequencer's window_records.
 *
 * A waiting order has been sequenced, so its outcome is certain to come and is not known
 * yet: it is PENDING, never NOT_FOUND.
 */
#ifndef ORDER_H
#define ORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/map.h"
#include "common/pool.h"
#include "proto/msg.h"

struct reader;
struct writer;

#define ORDER_NONE          UINT32_MAX
#define ORDER_UNDECIDED_MAX (UINT32_C(1) << 18)

/* An order and its place in a list: of its account when open, by age when waiting. The
 * row is what a query shows. */
struct order {
    struct msg_row_order row; /* order_id 0: the slot is free */
    uint32_t next, previous;
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

    struct order *waiting;
    struct pool waiting_pool;
    struct map waiting_by_id;
    struct order_list waiting_by_age;
};

void order_init(struct orders *, struct arena *, uint32_t accounts_max,
                uint32_t orders_max);

/* The command was sequenced at `gseq`. */
void order_wait(struct orders *, uint64_t gseq, uint32_t account,
                const struct msg_order_new *);

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

/* The account's order of this id, or of this name if the id is 0; NULL if it is not
 * among the open or the waiting. */
const struct order *order_find_open(const struct orders *, uint32_t account,
                                    uint64_t order_id, uint64_t cl_ord_id);
const struct order *order_find_waiting(const struct orders *, uint32_t account,
                                       uint64_t order_id, uint64_t cl_ord_id);

void order_save(const struct orders *, struct writer *);
int order_load(struct orders *, struct reader *);

/* Invariants, O(orders + accounts). */
void order_check(const struct orders *);

#endif
