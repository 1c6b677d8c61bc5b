/* fuzz.h - what a fuzz target is, and how it takes bytes apart.
 *
 * Owns:     nothing.
 * Units:    bytes.
 * Errors:   a target aborts when something is wrong.
 * Threads:  one.
 * Bounds:   FUZZ_SEED_BYTES of a seed.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { FUZZ_SEED_BYTES = 1 << 16 };

/* libFuzzer's entry. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The `number`th input to begin with; 0 when there are no more. */
size_t fuzz_seed(uint32_t number, uint8_t bytes[FUZZ_SEED_BYTES]);

/* What lines of code do not tell apart: an input is also kept if it is the first in which
 * this happened. For a message: how large each of its fields is. */
void fuzz_feature(uint32_t number);
struct msg;
void fuzz_feature_msg(struct msg *);

struct fuzz {
    const uint8_t *at, *end;
};

/* Zeros follow the last byte. */
static inline uint8_t fuzz_byte(struct fuzz *f)
{
    return f->at < f->end ? *f->at++ : 0;
}

static inline uint64_t fuzz_number(struct fuzz *f, uint32_t bytes)
{
    uint64_t number = 0;
    while (bytes-- > 0)
        number = number << 8 | fuzz_byte(f);
    return number;
}

static inline bool fuzz_is_over(const struct fuzz *f)
{
    return f->at == f->end;
}

#endif
