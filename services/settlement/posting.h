/* posting.h - the lines of the ledger, in the history.
 *
 * Owns:     the scratch of its tables.
 * Units:    positions are gseqs; a cursor is gseq x 16 + line.
 * Errors:   none.
 * Threads:  none.
 * Bounds:   POSTING_SCRATCH_BYTES wait to be written; an answer reads a row or two of
 *           history for each row it has.
 *
 *   lines      (0, gseq)        -> every set of lines, as posted
 *   accounts   (account, gseq)  -> gseqs of the sets that name the account
 *   trades     (symbol, id)     -> gseqs of the symbol's trades, which are settled there
 */
#ifndef POSTING_H
#define POSTING_H

#include <stdint.h>

#include "common/arena.h"
#include "common/core.h"
#include "common/history.h"
#include "services/settlement/ledger.h"

enum {
    POSTING_TABLE_LINES = 1,
    POSTING_TABLE_ACCOUNTS = 2,
    POSTING_TABLE_TRADES = 3,

    POSTING_SCRATCH_BYTES = 256 << 10, /* of each table */
    POSTING_KEYS = 4096,
};

struct postings {
    struct history lines, accounts, trades;
};

void posting_init(struct postings *, struct arena *);

/* Keeps the set of lines posted at `gseq`. */
void posting_add(struct postings *, struct outbox *, uint64_t gseq,
                 const struct ledger_line *, uint32_t count);

/* The trade is settled at `gseq`. */
void posting_add_trade(struct postings *, struct outbox *, uint64_t gseq, uint32_t symbol,
                       uint64_t trade_id);

void posting_write(struct postings *, struct outbox *);

/* POSTINGS: the lines of one gseq (order_id), of an account, or all; row_posting. */
void posting_query(const struct msg_query *, const struct core_rows *,
                   struct core_answer *);

/* SETTLEMENT: row_settlement of one trade (order_id is its trade_id), or of all of the
 * symbol. */
void posting_query_trades(const struct msg_query *, const struct core_rows *,
                          struct core_answer *);

#endif
