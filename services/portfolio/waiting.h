/* waiting.h - orders that are sequenced and wait for their first report.
 *
 * Owns:     them, carved at waiting_init.
 * Units:    as in proto/README.md.
 * Errors:   none.
 * Threads:  none.
 * Bounds:   those that have a slot already, at most orders_max, and
 *           WAITING_UNDECIDED_MAX that risk has not decided, which must exceed the
 *           sequencer's window_records.
 *
 * Their outcome is certain to come and is not known yet: they are PENDING, never
 * NOT_FOUND. Ids are positions in the log and come and go nearly in order, so they index
 * the chains as they are: what is used next lies behind what was used last.
 */
#ifndef WAITING_H
#define WAITING_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/pool.h"
#include "proto/msg.h"

struct reader;
struct writer;

#define WAITING_NONE          UINT32_MAX
#define WAITING_UNDECIDED_MAX (UINT32_C(1) << 18)
#define WAITING_CHAINS        WAITING_UNDECIDED_MAX

/* One cache line. */
struct waiting_order {
    alignas(64) uint64_t order_id;
    uint64_t cl_ord_id;
    int64_t price, quantity;
    uint32_t account, symbol;
    uint32_t older, newer; /* by age */
    uint32_t behind;       /* in its chain */
    uint8_t side, ord_type, tif;
};

struct waiting {
    struct waiting_order *orders;
    struct pool pool;
    uint32_t *chains; /* by the low bits of the id: 1 + the first, 0: none */
    uint32_t oldest, newest;
};

void waiting_init(struct waiting *, struct arena *, uint32_t orders_max);

/* The command was sequenced at `gseq`, after all that wait. */
void waiting_add(struct waiting *, uint64_t gseq, uint32_t account,
                 const struct msg_order_new *);

/* The first report has come: the order as it was sent, which waits no more. False: none
 * waits; its command was passed over. */
bool waiting_take(struct waiting *, uint64_t order_id, struct msg_row_order *);

/* Fetches it into the cache, as core_ops.prefetch. */
void waiting_prefetch(const struct waiting *, uint64_t order_id, bool again);

/* The account's order of this id, or of this name if the id is 0. False: none waits. */
bool waiting_find(const struct waiting *, uint32_t account, uint64_t order_id,
                  uint64_t cl_ord_id, struct msg_row_order *);

void waiting_save(const struct waiting *, struct writer *);
int waiting_load(struct waiting *, struct reader *);

/* Invariants, O(waiting). */
void waiting_check(const struct waiting *);

#endif
