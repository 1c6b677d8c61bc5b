/* verify_difference.h - the first thing that is not as it must be, and where.
 *
 * Owns:     its texts.
 * Units:    seq: of the stream that is named.
 * Errors:   verify_differs returns ERR_DIVERGED, so that a walk ends there.
 * Threads:  one.
 * Bounds:   one difference.
 */
#ifndef VERIFY_DIFFERENCE_H
#define VERIFY_DIFFERENCE_H

#include <stdint.h>
#include <stdio.h>

#include "common/error.h"

struct verify_difference {
    char service[32], stream[32], what[64];
    uint64_t seq;
};

static inline int verify_differs(struct verify_difference *d, const char *service,
                                 const char *stream, uint64_t seq, const char *what)
{
    snprintf(d->service, sizeof d->service, "%s", service);
    snprintf(d->stream, sizeof d->stream, "%s", stream);
    snprintf(d->what, sizeof d->what, "%s", what);
    d->seq = seq;
    return ERR_DIVERGED;
}

#endif
