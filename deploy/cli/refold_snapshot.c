/* refold_snapshot.c - see refold_snapshot.h. */
#include "deploy/cli/refold_snapshot.h"

#include <string.h>

#include "common/service_store.h"
#include "common/snapshot.h"
#include "proto/codec.h"

/* See write_state in common/service_store.c. */
int refold_snapshot_read_head(struct reader *r, struct msg *genesis,
                              struct service_cursor *cursor)
{
    uint8_t digest[STREAM_DIGEST];
    uint32_t size = reader_count(r, MESSAGE_BYTES_MAX);
    const uint8_t *bytes = reader_take(r, size);
    if (reader_failed(r) || codec_decode_whole(bytes, size, genesis) != 0 ||
        genesis->kind != MSG_genesis)
        return ERR_CORRUPT;
    int error = service_store_read_cursor(r, cursor);
    (void)reader_u64(r); /* epoch */
    (void)reader_u64(r); /* made_n and acked_n of the submitter; made_n is the cursor's */
    (void)reader_u64(r);
    reader_bytes(r, digest, sizeof digest);
    (void)reader_take(r, reader_u64(r));
    return error != 0 ? error : reader_error(r);
}

static int feed(struct refold_fold *shard, const struct block_record *record)
{
    struct msg msg;
    const struct core_input input = {.seq = record->seq,
                                     .gseq = record->gseq,
                                     .time_ns = record->time_ns,
                                     .msg = &msg,
                                     .bytes = record->bytes,
                                     .bytes_size = record->size};
    if (codec_decode_whole(record->bytes, record->size, &msg) != 0)
        return ERR_CORRUPT;
    return record->seq < shard->next ? 0 : refold_fold_apply(shard, &input);
}

/* What risk made before its snapshot is not made again: a shard that still waits for it
 * gets it as risk has stored it. */
static int catch_up(struct refold_fold *shard, uint32_t k, struct journal *risk,
                    uint64_t next)
{
    struct refold_stream approved;
    struct block_record record;
    if (shard->next >= next)
        return 0;
    int error = refold_stream_open(&approved, risk, JOURNAL_EMIT, STREAM_APPROVED(k));
    if (error != 0)
        return error;
    error = refold_stream_seek(&approved, shard->next);
    while (error == 0 && shard->next < next) {
        int more = refold_stream_next(&approved, &record);
        error = more == 1 ? feed(shard, &record) : more == 0 ? ERR_CORRUPT : more;
    }
    refold_stream_close(&approved);
    return error;
}

static int catch_up_all(struct refold_world *w, struct journal *risk,
                        const struct service_cursor *cursor)
{
    const uint32_t shards = w->fold_count - w->shards;
    int error = cursor->emits >= shards ? 0 : ERR_CORRUPT;
    for (uint32_t k = 0; error == 0 && k < shards; k++)
        error = catch_up(&w->folds[w->shards + k], k, risk, cursor->emit[k].next);
    return error;
}

/* Puts the stored state in the place of the fold's. */
static int take(struct refold_world *w, struct refold_fold *fold, struct journal *journal,
                const struct snapshot *stored, uint64_t until, uint64_t *gseq)
{
    struct reader r;
    struct msg genesis;
    struct service_cursor cursor;
    struct refold_fold twin;
    const bool is_risk = fold == &w->folds[w->risk];
    reader_init(&r, stored->bytes, stored->size);
    int error = refold_snapshot_read_head(&r, &genesis, &cursor);
    if (error != 0)
        return error;
    if (memcmp(genesis.genesis.log_id, w->genesis.log_id, sizeof w->genesis.log_id) != 0)
        return ERR_OTHER_LOG;
    if (cursor.gseq > until)
        return ERR_NOT_FOUND;
    error = is_risk ? catch_up_all(w, journal, &cursor) : 0;
    if (error != 0)
        return error;
    error = refold_fold_twin(&twin, fold);
    if (error == 0)
        error = fold->kind->core->load(twin.state, &r);
    if (error == 0)
        error = reader_end(&r);
    twin.next = cursor.next;
    refold_fold_close(error == 0 ? fold : &twin);
    if (error != 0)
        return error;
    *fold = twin;
    *gseq = cursor.gseq;
    for (uint32_t k = 0; is_risk && k < cursor.emits; k++)
        w->emitted[k] = cursor.emit[k].next - 1;
    return 0;
}

/* Newest first, until one fits. Returns the record it stands at. */
static uint64_t take_newest(struct refold_world *w, struct refold_fold *fold,
                            const char *directory, uint64_t until)
{
    struct journal *journal;
    struct snapshot stored = {0};
    uint64_t before = UINT64_MAX, gseq = 1;
    int error = refold_world_journal(&journal, directory, fold->name);
    bool is_done = error != 0;
    while (!is_done) {
        error = snapshot_load(&stored, journal, before);
        is_done = error != 0 && error != ERR_CORRUPT;
        before = stored.id;
        if (error == 0)
            is_done = take(w, fold, journal, &stored, until, &gseq) == 0;
        snapshot_release(&stored);
    }
    journal_close(&journal);
    return gseq;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

int refold_snapshot_jump(struct refold_world *w, const char *directory, uint64_t until)
{
    uint64_t from = until; /* at least this one is walked over, for a visitor to see */
    w->is_jumping = true;
    int more = refold_world_step(w); /* GENESIS */
    if (more != 1)
        return more;
    for (uint32_t i = w->shards; i < w->fold_count; i++)
        from = least(from, take_newest(w, &w->folds[i], directory, until));
    int error =
        refold_world_continue(w, from); /* with its SKIPs, for what they catch up */
    for (uint32_t i = 0; i < w->shards; i++)
        from =
            least(i == 0 ? until : from, take_newest(w, &w->folds[i], directory, until));
    for (uint32_t i = w->shards; i < w->fold_count; i++)
        w->shard_states[i - w->shards] = w->folds[i].state;
    return error != 0 ? error : refold_world_continue(w, from);
}
