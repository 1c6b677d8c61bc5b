/* zex_event.h - turns a record of the feed into the flat event of the public API.
 *
 * Owns:     nothing.
 * Units:    as in zex.h.
 * Errors:   false for a record that is no report.
 * Threads:  any.
 * Bounds:   one event a call; a trade with oneself gives the taker's view.
 */
#ifndef ZEX_EVENT_H
#define ZEX_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/msg.h"
#include "sdk/include/zex.h"

/* `account` says whose view of a trade is wanted. gseq, time and bytes are the caller's.
 * */
bool zex_event_from(struct zex_event *, const struct msg *, uint32_t account);

#endif
