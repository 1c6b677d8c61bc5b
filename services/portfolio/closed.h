/* closed.h - orders that have ended, in the history.
 *
 * Owns:     the scratch of its history.
 * Units:    positions are gseqs.
 * Errors:   ERR_NOT_FOUND; ERR_AGAIN when the search is not over and goes on at the
 *           cursor.
 * Threads:  none.
 * Bounds:   CLOSED_SCRATCH_BYTES wait to be written; a search by name reads about
 *           CLOSED_SEARCH_MAX rows at a time.
 *
 * Orders are kept by account and age, in spans of 2^CLOSED_SPAN_BITS gseqs. Most orders
 * end soon after they came, so each commit writes few rows, and a search by id reads one
 * span.
 */
#ifndef CLOSED_H
#define CLOSED_H

#include <stdint.h>

#include "common/arena.h"
#include "common/core.h"
#include "common/error.h"
#include "common/history.h"

enum {
    CLOSED_SPAN_BITS = 18,
    CLOSED_SCRATCH_BYTES = 256 << 10,
    CLOSED_KEYS = 4096,
    CLOSED_SEARCH_MAX = 4096,
};

void closed_init(struct history *, struct arena *, uint32_t table);

/* Keeps an order as it ended. `index` tells apart the two that one trade may end. */
void closed_add(struct history *, struct outbox *, const struct msg_row_order *,
                uint32_t index);

/* The account's order of this id. ERR_NOT_FOUND. */
ERROR_CHECKED int closed_find(const struct core_rows *, uint32_t table, uint32_t account,
                              uint64_t order_id, struct msg_row_order *);

/* The account's newest order of this name. `cursor` is 0 at first; `head` the newest
 * gseq. ERR_NOT_FOUND, or ERR_AGAIN with the cursor to go on at. */
ERROR_CHECKED int closed_find_name(const struct core_rows *, uint32_t table,
                                   uint32_t account, uint64_t cl_ord_id, uint64_t head,
                                   uint64_t *cursor, struct msg_row_order *);

#endif
