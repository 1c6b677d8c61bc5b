/* zex_event.h - turns a record of the feed into the flat event of the public API.
 *
 * Owns:     nothing.
 * Units:    as in zex.h.
 * Errors:   false for a record that is no report.
 * Threads:  any.
 * Bounds:   one event a call.
 */
#ifndef ZEX_EVENT_H
#define ZEX_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/msg.h"
#include "sdk/include/zex.h"

/* Account, gseq, time and bytes are the caller's. */
bool zex_event_from(struct zex_event *, const struct msg *);

#endif
