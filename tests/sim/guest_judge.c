/* guest_judge.c - a command the guest placed is in the log once, or not at all if it was
 * told so, and it was told the one or the other; its reports are its account's. */
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/invariants.h"
#include "proto/codec.h"
#include "proto/digest.h"
#include "proto/feed.h"
#include "tests/sim/guest.h"

/* ---- commands ---------------------------------------------------------------------- */

struct place {
    uint64_t name, gseq;
};

static uint64_t name_of(const struct msg *m)
{
    switch (m->kind) {
    case MSG_order_new:
        return m->order_new.cl_ord_id;
    case MSG_order_cancel:
        return m->order_cancel.cl_ord_id;
    case MSG_order_replace:
        return m->order_replace.cl_ord_id;
    default:
        return 0;
    }
}

static int order_places(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    return left->name < right->name ? -1 : left->name > right->name;
}

void guest_excuse(struct guest *g, const struct archive *a)
{
    for (uint64_t i = 0; i < a->count && g->plan != NULL; i++) {
        const int64_t session = a->records[i].source;
        if (session <= 0 || !archive_has_ended(a, (uint64_t)session))
            continue;
        const struct msg m = archive_decode(&a->records[i]);
        for (uint32_t k = 0; k < g->command_count; k++)
            if (g->commands[k].name == name_of(&m))
                g->commands[k].is_excused = true;
    }
}

static const char *judge_command(const struct guest_command *command,
                                 const struct place *places, uint32_t count)
{
    const struct place key = {.name = command->name};
    const struct place *found = bsearch(&key, places, count, sizeof key, order_places);
    if (found == NULL)
        return command->is_durable && !command->is_excused
                   ? "I1: durable, and not in the log"
                   : NULL;
    if ((found > places && found[-1].name == key.name) ||
        (found + 1 < places + count && found[1].name == key.name))
        return "I2: one command, twice in the log";
    if (command->is_void)
        return "I2: void, and in the log";
    if (command->gseq != 0 && command->gseq != found->gseq)
        return "I1: a command at another place in the log";
    return invariants_real_time(command->floor, found->gseq);
}

/* What became of an older one may have been told to a process that died. */
static const char *judge_end(const struct guest *g, uint32_t index)
{
    const struct guest_command *command = &g->commands[index];
    const bool is_ended = command->is_durable || command->is_void;
    return index < g->untold_count || is_ended ? NULL : "I10: placed, and never ended";
}

static const char *judge_commands(const struct guest *g, const struct archive *a)
{
    struct place *places = malloc((a->count + 1) * sizeof *places);
    uint32_t count = 0;
    const char *broken = NULL;
    CHECK(places != NULL);
    for (uint64_t i = 0; i < a->count; i++) {
        if (a->records[i].source <= 0)
            continue;
        const struct msg m = archive_decode(&a->records[i]);
        const uint64_t name = name_of(&m);
        if (name != 0)
            places[count++] = (struct place){name, a->records[i].gseq};
    }
    qsort(places, count, sizeof *places, order_places);
    for (uint32_t i = 0; i < g->command_count && broken == NULL; i++) {
        broken = judge_command(&g->commands[i], places, count);
        if (broken == NULL)
            broken = judge_end(g, i);
    }
    free(places);
    return broken;
}

/* ---- reports ----------------------------------------------------------------------- */

/* The reports of one record, message by message, against what was taken from `*at` on. */
static const char *judge_view(const struct guest *g, const struct archive_record *record,
                              uint32_t *at)
{
    const struct invariants_report none = {.gseq = 0};
    const struct msg m = archive_decode(record);
    struct feed_view view;
    struct msg part;
    const char *broken = NULL;
    feed_view(&view, &m, record->bytes, record->size, g->account);
    for (size_t from = 0, used = 0; from < view.size && broken == NULL; from += used) {
        int error = codec_decode(view.bytes + from, view.size - from, &part, &used);
        CHECK(error == 0);
        const struct invariants_report due = {record->gseq,
                                              digest_hash(view.bytes + from, used)};
        broken = invariants_feed(*at < g->report_count ? &g->reports[*at] : &none, &due);
        (*at)++;
    }
    return broken;
}

static const char *judge_reports(const struct guest *g, const struct archive *a)
{
    const struct invariants_report none = {.gseq = 0};
    const char *broken = NULL;
    uint32_t at = 0;
    for (uint64_t i = g->from; i < a->count && broken == NULL; i++) {
        if (a->records[i].source < 0 && archive_concerns(&a->records[i], g->account))
            broken = judge_view(g, &a->records[i], &at);
    }
    if (broken == NULL && at < g->report_count)
        broken = invariants_feed(&g->reports[at], &none);
    return broken;
}

const char *guest_judge(const struct guest *g, const struct archive *a)
{
    if (g->plan == NULL)
        return NULL;
    const char *broken = judge_commands(g, a);
    return broken != NULL ? broken : judge_reports(g, a);
}
