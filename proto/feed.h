/* feed.h - which accounts a record of the log is reported to, and what each is shown.
 *
 * Whatever leaves the venue for an account, live, on RESUME or in answer to a query, is
 * made by feed_view, so that it is the same bytes on every way and never another
 * account's.
 *
 * Owns:     nothing.
 * Units:    account ids; bytes.
 * Errors:   none.
 * Threads:  any.
 * Bounds:   at most two accounts; a view has at most BODY_BYTES_MAX bytes.
 */
#ifndef FEED_H
#define FEED_H

#include <stdint.h>

#include "proto/msg.h"

/* Writes the accounts whose feed this record belongs to and returns how many: 0
 * (commands, configuration, TICKs), 1, or 2: a trade between two accounts, a movement by
 * an operator. */
uint32_t feed_accounts(const struct msg *, uint32_t accounts[2]);

/* What one account is shown of a record: messages back to back. */
struct feed_view {
    uint32_t kind;        /* of the messages */
    uint32_t size;        /* 0: the record was not in range */
    const uint8_t *bytes; /* the record's own, or in `scratch` */
    uint8_t scratch[MESSAGE_BYTES_MAX];
};

/* The view of an account that feed_accounts names, of a record and its encoding. A trade
 * becomes the account's own side as a `fill`; of a trade with oneself the maker's fill,
 * then the taker's. Any other record is shown as it is, and not copied. */
void feed_view(struct feed_view *, const struct msg *, const uint8_t *bytes,
               uint32_t bytes_size, uint32_t account);

#endif
