/* feed.h - which accounts a record of the log is reported to.
 *
 * Owns:     nothing.
 * Units:    account ids.
 * Errors:   none.
 * Threads:  any.
 * Bounds:   at most two accounts.
 */
#ifndef FEED_H
#define FEED_H

#include <stdint.h>

#include "proto/msg.h"

/* Writes the accounts whose feed this record belongs to and returns how many: 0
 * (commands, configuration, TICKs), 1, or 2: a trade between two accounts, a movement by
 * an operator. */
uint32_t feed_accounts(const struct msg *, uint32_t accounts[2]);

#endif
