/* outcome.h - what came of a command: the event whose request is the command's place in
 * the log. That place is told by DURABLE, which may come after the event: the word that a
 * command is in the log and the feed are two ways to a client.
 *
 * Owns:     copies of events.
 * Units:    none.
 * Errors:   none.
 * Threads:  none.
 * Bounds:   OUTCOME_EARLY_MAX events before DURABLE; of more, the last.
 */
#ifndef OUTCOME_H
#define OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/limits.h"
#include "sdk/include/zex.h"

enum { OUTCOME_EARLY_MAX = 64 };

struct outcome {
    struct zex_event event; /* its bytes: the SDK's until the next call, or of `early` */
    uint64_t request;       /* 0: not told yet */
    uint64_t count;         /* told before that, ever */
    struct outcome_early {
        struct zex_event event;
        uint8_t bytes[BODY_BYTES_MAX];
    } early[OUTCOME_EARLY_MAX];
};

/* Before the command is sent. Not to be copied afterwards: `event` may point into it. */
void outcome_init(struct outcome *);

/* Takes the next event; whether the outcome is known. */
bool outcome_take(struct outcome *, const struct zex_event *);

#endif
