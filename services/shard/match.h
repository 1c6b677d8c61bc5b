/* match.h - what an order does to a book: price-time matching and every report of it.
 *
 * Rules (FIX and Binance names): a trade happens at the maker's price; market orders
 * arrive with the collar as their limit and never rest; FOK looks before it takes and
 * leaves no trace in the book if it cannot have all; post-only is rejected if it would
 * take; a replace keeps priority only if the price stays and the quantity does not grow;
 * the taker's self-trade mode decides; fees are rounded once per fill (common/money.h),
 * at rates frozen by risk.
 *
 * Owns:     struct match_symbol: a symbol's definition, trade counter and book.
 * Units:    proto/limits.h.
 * Errors:   none; a refusal is a report in the outbox.
 * Threads:  none; belongs to the shard core.
 * Bounds:   reports of one command: at most two per resting order of the book, plus
 *           three.
 */
#ifndef MATCH_H
#define MATCH_H

#include <stdint.h>

#include "common/outbox.h"
#include "proto/msg.h"
#include "services/shard/book.h"

struct match_symbol {
    struct msg_symbol_set set; /* symbol 0: not declared */
    uint8_t trading;           /* enum trading */
    uint32_t fee_asset;        /* as trades name it; 0: they do not */
    uint64_t trade_id;         /* of the last trade */
    struct book book;
};

/* `order_id` is the gseq of the client's command. */
void match_new(struct match_symbol *, uint64_t order_id, const struct msg_approved_new *,
               struct outbox *);

/* `request` is the gseq of the client's command. */
void match_cancel(struct match_symbol *, uint64_t request,
                  const struct msg_approved_cancel *, struct outbox *);
void match_replace(struct match_symbol *, uint64_t request,
                   const struct msg_approved_replace *, struct outbox *);

/* Takes a resting order out because somebody other than its owner's cancel says so. */
void match_remove(struct match_symbol *, uint32_t slot, enum exec_type, int reason,
                  uint64_t request, uint64_t request_cl_ord_id, struct outbox *);

#endif
