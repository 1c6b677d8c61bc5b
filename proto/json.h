/* json.h - one message as one JSON object, from the field tables.
 *
 *     {"message":"order_new","cl_ord_id":7,"symbol":3,"side":"BUY",...}
 *
 * Enumerations print by name, integers beyond 2^53 as strings, BYTES as hex, a BLOB as
 * the message it holds (as hex if it holds none).
 *
 * Owns:     nothing.
 * Units:    as the message's.
 * Errors:   0, or PACK_SPACE if the text does not fit, PACK_KIND for an unknown kind.
 * Threads:  any.
 * Bounds:   JSON_BYTES_MAX holds any message.
 */
#ifndef JSON_H
#define JSON_H

#include <stddef.h>

#include "proto/msg.h"

#define JSON_BYTES_MAX 4096

/* Writes text with a NUL behind it; `size` does not count the NUL. */
int json_print(char *out, size_t capacity, const struct msg *, size_t *size);

#endif
