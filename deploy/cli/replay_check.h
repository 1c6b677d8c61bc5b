/* replay_check.h - what a replay left in the log: the book after each row, who filled
 * whom, and whether every service's money agrees.
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   ARGS_FAILED after saying why on stderr.
 * Threads:  one.
 * Bounds:   one pass over the log.
 */
#ifndef REPLAY_CHECK_H
#define REPLAY_CHECK_H

#include "deploy/cli/lobster.h"

struct args;

struct replay_result {
    uint64_t rows, mismatched, fills, wrong_maker, out_of_order;
    uint64_t agreed, disagreed; /* positions of the log at which money was compared */
};

/* Folds the log of DIR again. `shard` owns the symbol; `seed` draws the 100 positions. */
int replay_check(const struct args *, const struct lobster *, const char *book_path,
                 uint32_t shard, uint64_t seed, struct replay_result *);

#endif
