/* verify_store.c - see verify_store.h. */
#include "deploy/cli/verify_store.h"

#include <string.h>

#include "common/check.h"
#include "common/reader.h"
#include "common/service_store.h"
#include "deploy/cli/refold_snapshot.h"
#include "proto/codec.h"
#include "proto/digest.h"

/* ---- what is stored ---------------------------------------------------------------- */

/* A row of META; ERR_NOT_FOUND. */
static int get_meta(struct journal *journal, const char *name, const void **value,
                    size_t *size)
{
    return journal_get(journal, JOURNAL_META, name, strlen(name), value, size);
}

static int load_cursor(struct verify_store *s, struct verify_difference *difference)
{
    const void *bytes;
    size_t size;
    struct reader reader;
    int error = get_meta(s->journal, "cursor", &bytes, &size);
    if (error != 0)
        return error == ERR_NOT_FOUND ? 0 : error;
    reader_init(&reader, bytes, size);
    s->has_cursor = true;
    if (service_store_read_cursor(&reader, &s->cursor) != 0)
        return verify_differs(difference, s->name, "cursor", 0, "unreadable");
    return 0;
}

/* All that are there, newest first; a damaged one is reported where it belongs. */
static int load_snapshots(struct verify_store *s)
{
    uint64_t before = UINT64_MAX;
    while (s->snapshot_count < VERIFY_STORE_SNAPSHOTS) {
        struct verify_snapshot *snapshot = &s->snapshots[s->snapshot_count];
        snapshot->error = snapshot_load(&snapshot->stored, s->journal, before);
        if (snapshot->error == ERR_NOT_FOUND)
            return 0;
        if (snapshot->error != 0 && snapshot->error != ERR_CORRUPT)
            return snapshot->error;
        before = snapshot->stored.id;
        s->snapshot_count++;
    }
    return 0;
}

int verify_store_attach(struct verify_store *s, struct journal *journal,
                        struct verify_difference *difference)
{
    s->journal = journal;
    int error = load_cursor(s, difference);
    return error != 0 ? error : load_snapshots(s);
}

int verify_store_open(struct verify_store *s, const char *directory, const char *name,
                      struct verify_difference *difference)
{
    *s = (struct verify_store){.owns_journal = true};
    snprintf(s->name, sizeof s->name, "%s", name);
    int error = refold_world_journal(&s->journal, directory, name);
    if (error != 0)
        return error == ERR_NOT_FOUND
                   ? 0
                   : verify_differs(difference, name, "journal", 0, error_text(error));
    return verify_store_attach(s, s->journal, difference);
}

void verify_store_close(struct verify_store *s)
{
    for (uint32_t i = 0; i < s->snapshot_count; i++) {
        snapshot_release(&s->snapshots[i].stored);
        if (s->snapshots[i].is_alive)
            refold_fold_close(&s->snapshots[i].twin);
    }
    for (uint32_t k = 0; k <= SHARD_MAX; k++)
        verify_tape_close(&s->emits[k]);
    verify_tape_close(&s->input);
    verify_tape_close(&s->output);
    free(s->submits.bytes);
    verify_rows_close(&s->rows);
    if (s->owns_journal)
        journal_close(&s->journal);
}

/* ---- birth ------------------------------------------------------------------------- */

static int check_identity(struct verify_store *s, const struct msg_genesis *genesis,
                          struct verify_difference *difference)
{
    const void *id;
    size_t size;
    int error = get_meta(s->journal, "log_id", &id, &size);
    if (error != 0)
        return error == ERR_NOT_FOUND ? 0 : error;
    if (size == sizeof genesis->log_id && memcmp(id, genesis->log_id, size) == 0)
        return 0;
    return verify_differs(difference, s->name, "log_id", 0, "belongs to another log");
}

static int load_skips(struct verify_store *s)
{
    const void *skips;
    size_t size;
    int error = get_meta(s->journal, "skips", &skips, &size);
    if (error != 0)
        return error == ERR_NOT_FOUND ? 0 : error;
    if (size > sizeof s->fold->skips)
        return ERR_CORRUPT;
    memcpy(s->fold->skips, skips, size);
    s->fold->skip_count = (uint32_t)(size / sizeof s->fold->skips[0]);
    return 0;
}

static uint32_t count_emits(const struct service_kind *kind, const struct msg_genesis *g)
{
    return kind->owns == SERVICE_STREAM_APPROVED ? g->shards : 0;
}

static int open_tapes(struct verify_store *s, const struct msg_genesis *genesis)
{
    const struct service_kind *kind = s->fold->kind;
    char name[24];
    int error = 0;
    for (uint32_t k = 0; k < count_emits(kind, genesis) && error == 0; k++) {
        snprintf(name, sizeof name, "approved.%u", k);
        error = verify_tape_open(&s->emits[k], s->name, name, s->journal, JOURNAL_EMIT,
                                 STREAM_APPROVED(k));
    }
    if (error == 0 && kind->input == SERVICE_STREAM_APPROVED)
        error = verify_tape_open(&s->input, s->name, "input", s->journal, JOURNAL_INPUT,
                                 STREAM_APPROVED(s->fold->instance));
    if (error == 0 && (kind->journal & SERVICE_JOURNAL_OUTPUTS) != 0)
        error = verify_tape_open(&s->output, s->name, "output", s->journal,
                                 JOURNAL_OUTPUT, STREAM_OUTPUT);
    return error;
}

int verify_store_bind(struct verify_store *s, struct refold_fold *fold,
                      const struct msg_genesis *genesis, const struct refold_stream *log,
                      struct verify_difference *difference)
{
    s->fold = fold;
    s->log = fold->kind->input == SERVICE_STREAM_APPROVED ? NULL : log;
    int error = s->journal != NULL ? check_identity(s, genesis, difference) : 0;
    if (error == 0 && s->journal != NULL)
        error = load_skips(s);
    return error != 0 ? error : open_tapes(s, genesis);
}

/* ---- positions --------------------------------------------------------------------- */

static void put_stream(struct service_cursor *c, uint64_t next, const uint8_t *chain)
{
    c->emit[c->emits].next = next;
    memcpy(c->emit[c->emits].chain, chain, STREAM_CHAIN);
    c->emits++;
}

/* The cursor the service must have had here; see service_store_get_cursor. */
static void make_cursor(const struct verify_store *s, const struct core_input *input,
                        struct service_cursor *c)
{
    const struct service_kind *kind = s->fold->kind;
    const uint8_t *chain = s->log != NULL ? s->log->chain : s->input.chain;
    *c = (struct service_cursor){.next = s->fold->next,
                                 .gseq = input->gseq,
                                 .time_ns = input->time_ns,
                                 .made_n = s->submits.put_n};
    memcpy(c->chain, chain, STREAM_CHAIN);
    memcpy(c->digest, s->submits_digest, STREAM_DIGEST);
    if (kind->owns == SERVICE_STREAM_LOG)
        put_stream(c, c->next, c->chain);
    for (uint32_t k = 0; k < count_emits(s->fold->kind, &s->fold->genesis); k++)
        put_stream(c, s->emits[k].next, s->emits[k].chain);
    if ((kind->journal & SERVICE_JOURNAL_OUTPUTS) != 0)
        put_stream(c, s->output.next, s->output.chain);
}

static bool is_equal(const struct service_cursor *a, const struct service_cursor *b)
{
    return a->gseq == b->gseq && a->time_ns == b->time_ns &&
           service_store_same_cursor(a, b);
}

static int check_cursor(struct verify_store *s, const struct core_input *input,
                        struct verify_difference *difference)
{
    struct service_cursor made;
    make_cursor(s, input, &made);
    if (!is_equal(&made, &s->cursor))
        return verify_differs(difference, s->name, "cursor", made.next, "content");
    s->cursors_equal++;
    return 0;
}

/* ---- snapshots --------------------------------------------------------------------- */

static const char *judge(struct verify_store *s, struct verify_snapshot *snapshot,
                         const struct core_input *input)
{
    struct reader r;
    struct msg genesis;
    struct service_cursor cursor, made;
    uint8_t stored[16], folded[16], loaded[16];
    if (snapshot->error != 0)
        return "checksum";
    reader_init(&r, snapshot->stored.bytes, snapshot->stored.size);
    if (refold_snapshot_read_head(&r, &genesis, &cursor) != 0)
        return "unreadable";
    make_cursor(s, input, &made);
    if (!is_equal(&made, &cursor))
        return "cursor";
    digest_bytes(stored, r.at, reader_left(&r));
    refold_fold_digest(s->fold, folded);
    if (memcmp(stored, folded, sizeof stored) != 0)
        return "digest";
    if (refold_fold_twin(&snapshot->twin, s->fold) != 0)
        return "no memory to load it";
    snapshot->is_alive = true;
    if (s->fold->kind->core->load(snapshot->twin.state, &r) != 0 || reader_end(&r) != 0)
        return "does not load";
    refold_fold_digest(&snapshot->twin, loaded);
    return memcmp(loaded, folded, sizeof loaded) == 0 ? NULL : "digest when loaded";
}

static int check_snapshot(struct verify_store *s, struct verify_snapshot *snapshot,
                          const struct core_input *input,
                          struct verify_difference *difference)
{
    const char *what = judge(s, snapshot, input);
    if (what != NULL)
        return verify_differs(difference, s->name, "snapshot", snapshot->stored.id, what);
    snapshot_release(&snapshot->stored);
    snapshot->stored.id = s->fold->next;
    return 0;
}

static bool same_run(const struct outbox_run *a, const struct outbox_run *b)
{
    return a->size == b->size &&
           (a->size == 0 || memcmp(a->bytes, b->bytes, a->size) == 0);
}

static int feed_twin(struct verify_store *s, struct verify_snapshot *snapshot,
                     const struct core_input *input, struct verify_difference *difference)
{
    struct refold_fold *twin = &snapshot->twin;
    int error = refold_fold_apply(twin, input);
    bool same = same_run(&twin->outbox.submits, &s->fold->outbox.submits);
    for (uint32_t k = 0; k < count_emits(s->fold->kind, &s->fold->genesis) && same; k++)
        same = same_run(&twin->outbox.emits[k], &s->fold->outbox.emits[k]);
    if (error == 0 && !same)
        error = verify_differs(difference, s->name, "replay from snapshot", input->seq,
                               "outputs");
    return error;
}

/* ---- records ----------------------------------------------------------------------- */

static int take_submits(struct verify_store *s, const struct core_input *input,
                        struct verify_difference *difference)
{
    const uint8_t *body;
    uint32_t size;
    int error = 0;
    bool has_output = (s->fold->kind->journal & SERVICE_JOURNAL_OUTPUTS) != 0;
    const struct outbox_run *run = &s->fold->outbox.submits;
    for (size_t at = 0; error == 0 && (body = outbox_next(run, &at, &size)) != NULL;) {
        digest_fold(s->submits_digest, body, size);
        error = verify_queue_put(&s->submits, body, size);
        if (error == 0 && has_output)
            error = verify_tape_take(&s->output, input, body, size, difference);
    }
    return error;
}

static int take_emits(struct verify_store *s, uint32_t k, const struct core_input *input,
                      struct verify_difference *difference)
{
    const uint8_t *body;
    uint32_t size;
    int error = 0;
    const struct outbox_run *run = &s->fold->outbox.emits[k];
    for (size_t at = 0; error == 0 && (body = outbox_next(run, &at, &size)) != NULL;)
        error = verify_tape_take(&s->emits[k], input, body, size, difference);
    return error;
}

/* Rows are stored up to the cursor, in the transaction that moved it. */
static int take_rows(struct verify_store *s, const struct core_input *input,
                     struct verify_difference *difference)
{
    const struct core_ops *core = s->fold->kind->core;
    if (!s->has_cursor || input->seq >= s->cursor.next || core->flush == NULL)
        return 0;
    core->flush(s->fold->state, &s->fold->outbox);
    return verify_rows_take(&s->rows, s->journal, &s->fold->outbox.rows, s->name,
                            input->seq, difference);
}

static int arrive(struct verify_store *s, const struct core_input *input,
                  struct verify_difference *difference)
{
    int error = 0;
    if (s->has_cursor && s->cursor.next == s->fold->next)
        error = check_cursor(s, input, difference);
    for (uint32_t i = 0; error == 0 && i < s->snapshot_count; i++)
        if (s->snapshots[i].stored.id == s->fold->next)
            error = check_snapshot(s, &s->snapshots[i], input, difference);
    return error;
}

int verify_store_applied(struct verify_store *s, const struct core_input *input,
                         struct verify_difference *difference)
{
    int error = 0;
    if (s->fold->kind->input == SERVICE_STREAM_APPROVED)
        error = verify_tape_take(&s->input, input, input->bytes, input->bytes_size,
                                 difference);
    if (error == 0)
        error = take_submits(s, input, difference);
    if (error == 0)
        error = take_rows(s, input, difference);
    for (uint32_t k = 0; error == 0 && k < count_emits(s->fold->kind, &s->fold->genesis);
         k++)
        error = take_emits(s, k, input, difference);
    for (uint32_t i = 0; error == 0 && i < s->snapshot_count; i++)
        if (s->snapshots[i].is_alive)
            error = feed_twin(s, &s->snapshots[i], input, difference);
    return error != 0 ? error : arrive(s, input, difference);
}

int verify_store_logged(struct verify_store *s, const struct core_input *input,
                        struct verify_difference *difference)
{
    uint32_t size = 0;
    const uint8_t *record = verify_queue_take(&s->submits, &size);
    const char *what = NULL;
    if (record == NULL)
        what = "submitted, but its core does not make it";
    else if (s->submits.taken_n != input->n)
        what = "n";
    else if (size != input->bytes_size || memcmp(record, input->bytes, size) != 0)
        what = input->msg->kind == MSG_digest ? "state digest" : "content";
    return what == NULL ? 0
                        : verify_differs(difference, s->name, "log", input->seq, what);
}

/* ---- the end ----------------------------------------------------------------------- */

static int finish_snapshot(struct verify_store *s, struct verify_snapshot *snapshot,
                           struct verify_difference *difference)
{
    uint8_t folded[16], replayed[16];
    if (!snapshot->is_alive)
        return verify_differs(difference, s->name, "snapshot", snapshot->stored.id,
                              "beyond the log");
    refold_fold_digest(s->fold, folded);
    refold_fold_digest(&snapshot->twin, replayed);
    if (memcmp(folded, replayed, sizeof folded) != 0)
        return verify_differs(difference, s->name, "replay from snapshot",
                              snapshot->stored.id, "final digest");
    s->snapshots_equal++;
    return 0;
}

int verify_store_finish(struct verify_store *s, struct verify_difference *difference)
{
    int error = 0;
    if (s->fold == NULL)
        return 0;
    for (uint32_t i = 0; error == 0 && i < s->snapshot_count; i++)
        error = finish_snapshot(s, &s->snapshots[i], difference);
    for (uint32_t k = 0; error == 0 && k <= SHARD_MAX; k++)
        error = verify_tape_finish(&s->emits[k], difference);
    if (error == 0)
        error = verify_tape_finish(&s->input, difference);
    if (error == 0)
        error = verify_tape_finish(&s->output, difference);
    if (error == 0 && s->has_cursor && s->cursors_equal == 0)
        error = verify_differs(difference, s->name, "cursor", s->cursor.next,
                               "beyond the log");
    return error;
}

uint64_t verify_store_compared(const struct verify_store *s)
{
    uint64_t compared = s->input.compared + s->output.compared;
    for (uint32_t k = 0; k <= SHARD_MAX; k++)
        compared += s->emits[k].compared;
    return compared;
}
