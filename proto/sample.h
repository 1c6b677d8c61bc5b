/* sample.h - valid messages of any kind, made from the field tables.
 *
 * For golden bytes, fuzzing and property tests: every field is in range, nothing more is
 * promised (a maker may equal its taker).
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   none; the kind must exist.
 * Threads:  any.
 * Bounds:   none.
 */
#ifndef SAMPLE_H
#define SAMPLE_H

#include <stdint.h>

#include "proto/msg.h"

/* The one sample of a kind; never changes. */
void sample_fixed(struct msg *, uint32_t kind);

/* A random one, fond of the ends of ranges; the same seed gives the same message. */
void sample_random(struct msg *, uint32_t kind, uint64_t *seed);

#endif
