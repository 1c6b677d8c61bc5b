/* refold.c - see refold.h. */
#include "deploy/cli/refold.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core.h"
#include "deploy/cli/refold_snapshot.h"
#include "deploy/cli/refold_world.h"
#include "proto/codec.h"

enum {
    ROWS_BYTES = 1 << 16,
    ROWS_PER_PAGE = 1000,
};

static int explain(const struct refold_world *w, const char *directory, int error,
                   char *message)
{
    if (w->journal == NULL)
        snprintf(message, REFOLD_MESSAGE_MAX, "%s/sequencer: %s", directory,
                 error_text(error));
    else
        snprintf(message, REFOLD_MESSAGE_MAX, "log gseq %" PRIu64 ": %s (%s)",
                 w->log.next, error_text(error),
                 w->log.fault != NULL ? w->log.fault : error_name(error));
    return error;
}

int refold_run(const struct refold_options *options, refold_visit *visit, void *argument,
               char *message)
{
    struct refold_world *w = malloc(sizeof *w);
    if (w == NULL)
        return ERR_MEMORY;
    *message = 0;
    int more = refold_world_open(w, options->directory, options->services);
    const uint64_t last =
        options->until != 0 || more != 0 ? options->until : w->log.end - 1;
    if (more == 0 && options->jumps && last < w->log.end)
        more = refold_snapshot_jump(w, options->directory, last);
    bool goes_on = more == 0;
    while (goes_on && (options->until == 0 || w->log.next <= options->until)) {
        struct refold_view view;
        more = refold_world_step(w);
        if (more != 1)
            break;
        refold_world_view(w, &view);
        goes_on = visit(argument, &view);
    }
    int error = more < 0 ? explain(w, options->directory, more, message) : 0;
    refold_world_close(w);
    free(w);
    return error;
}

static int visit_rows(const struct core_answer *answer,
                      void (*visit)(void *argument, const struct msg *row),
                      void *argument)
{
    for (uint32_t at = 0; at < answer->rows_size;) {
        struct msg row;
        size_t used = 0;
        if (codec_decode(answer->rows + at, answer->rows_size - at, &row, &used) != 0)
            return ERR_CORRUPT;
        visit(argument, &row);
        at += (uint32_t)used;
    }
    return 0;
}

static int no_rows(void *context, uint32_t table, const void *key, size_t key_size,
                   const void **found_key, size_t *found_key_size, const void **value,
                   size_t *value_size)
{
    (void)context, (void)table, (void)key, (void)key_size;
    (void)found_key, (void)found_key_size, (void)value, (void)value_size;
    return ERR_NOT_FOUND;
}

int refold_query(const struct core_ops *core, const void *state,
                 const struct msg_query *asked,
                 void (*visit)(void *argument, const struct msg *row), void *argument)
{
    static const struct core_rows rows = {.seek = no_rows};
    struct msg_query query = *asked;
    struct core_answer answer;
    uint8_t bytes[ROWS_BYTES];
    int error = 0;
    if (query.limit == 0)
        query.limit = ROWS_PER_PAGE;
    do {
        answer = (struct core_answer){.rows = bytes, .rows_capacity = sizeof bytes};
        core->query(state, &query, &rows, &answer);
        error = answer.head.reason != 0 ? -(int)answer.head.reason
                                        : visit_rows(&answer, visit, argument);
        query.cursor = answer.head.cursor;
    } while (error == 0 && query.cursor != 0);
    return error;
}
