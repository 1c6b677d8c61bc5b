/* report_json.h - a message as JSON for programs: decimals as strings, names for numbers.
 *
 *     {"message":"fill","order_id":7,"account":"alice","symbol":"BTC-USD","side":"buy",
 *      "price":"59994.00","quantity":"0.0032","fee":"0.095991","fee_asset":"USD",...}
 *
 * What the catalog does not know, and what a refusal looked at (`value`, `limit`), stays
 * the number of the protocol.
 *
 * Owns:     nothing; the caller owns the object.
 * Units:    those of the symbol or asset that the message names.
 * Errors:   NULL for what does not print.
 * Threads:  one.
 * Bounds:   JSON_BYTES_MAX of text before it is scaled.
 */
#ifndef REPORT_JSON_H
#define REPORT_JSON_H

#include <jansson.h>

#include "deploy/cli/catalog.h"

json_t *report_json(const struct catalog *, const struct msg *);

/* What a client is told without a record: {"event":"lost"}, or {"event":"alarm",...} with
 * the reason. NULL for all other events. */
json_t *report_json_event(const struct zex_event *);

#endif
