/* verify_tape.h - a derived stream as it is made again, next to the one that was stored.
 *
 * Owns:     the stored stream's walk.
 * Units:    positions of the stream.
 * Errors:   ERR_DIVERGED with the difference; what the journal returns.
 * Threads:  one.
 * Bounds:   one block of the stored stream.
 */
#ifndef VERIFY_TAPE_H
#define VERIFY_TAPE_H

#include "common/core.h"
#include "deploy/cli/refold_stream.h"
#include "deploy/cli/verify_difference.h"

struct verify_tape {
    const char *service; /* borrowed */
    char name[24];       /* "approved.0", "input", "output" */
    struct refold_stream stored;
    bool is_stored;
    uint64_t next;               /* behind what was made again */
    uint8_t chain[STREAM_CHAIN]; /* of what was made again */
    uint64_t compared;
};

/* `journal` may be NULL: then there is nothing to compare with. */
ERROR_CHECKED int verify_tape_open(struct verify_tape *, const char *service,
                                   const char *name, struct journal *, uint32_t table,
                                   uint32_t stream);
void verify_tape_close(struct verify_tape *);

/* The next record, made again, with its cause. */
ERROR_CHECKED int verify_tape_take(struct verify_tape *, const struct core_input *cause,
                                   const uint8_t *body, uint32_t size,
                                   struct verify_difference *);

/* Nothing more will be made: nothing more may be stored. */
ERROR_CHECKED int verify_tape_finish(const struct verify_tape *,
                                     struct verify_difference *);

#endif
