/* codec.h - messages to bytes and back; the only wire format.
 *
 * Straight-line code per message, expanded from schema.def. What decodes is in range, and
 * encoding it again gives the same bytes.
 *
 * Owns:     nothing.
 * Units:    bytes.
 * Errors:   0 or a negative PACK_* (proto/pack.h); outputs are then unspecified.
 * Threads:  any.
 * Bounds:   no allocation; an encoding has at most MESSAGE_BYTES_MAX bytes.
 */
#ifndef CODEC_H
#define CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "proto/msg.h"

/* Encodes a message. PACK_RANGE, PACK_LENGTH or PACK_TEXT if a field is outside what
 * decoding would take, PACK_KIND, PACK_SPACE. Fastest with MESSAGE_BYTES_MAX of room. */
int codec_encode(uint8_t *out, size_t capacity, const struct msg *, size_t *size);

/* The same for one struct of the union: codec_encode_body(out, n, MSG_trade, &trade,
 * &size). */
int codec_encode_body(uint8_t *out, size_t capacity, uint32_t kind, const void *body,
                      size_t *size);

/* Decodes the first message of a frame; `used` is where the next one starts. Touches
 * only the fields of its kind. */
int codec_decode(const uint8_t *bytes, size_t size, struct msg *, size_t *used);

/* Decodes bytes that are one message and nothing more, else PACK_TRAILING. */
int codec_decode_whole(const uint8_t *bytes, size_t size, struct msg *);

/* The id of an encoded message, without looking further; 0 if there is none. */
uint32_t codec_kind(const uint8_t *bytes, size_t size);

#endif
