/* shard_core.h - shard k: the books of its symbols, fed by approved.k.
 *
 * Owns:     one block: symbols by id, the pool of all books, scratch for the kill switch.
 * Units:    proto/limits.h; input positions are those of approved.k, ids are gseqs.
 * Errors:   none; refusals are reports.
 * Threads:  none.
 * Bounds:   GENESIS: orders_max open orders (by risk's slot), levels_max prices of all
 *           books together: one more is refused with CAPACITY.
 */
#ifndef SHARD_CORE_H
#define SHARD_CORE_H

#include "common/core.h"
#include "common/service.h"

extern const struct core_ops shard_core;
extern const struct service_kind shard_kind;

/* For tests and tools: the book of a symbol as row_level messages, best first, bids then
 * asks, up to `levels` a side; `visit` is called with each. */
void shard_book_levels(const void *state, uint32_t symbol, uint32_t levels,
                       void (*visit)(void *argument, const struct msg *row),
                       void *argument);

#endif
