/* service_store.c - cursor, identity, skips, commits and snapshots. */
#include "common/service_store.h"

#include <string.h>

#include "common/ablate.h"
#include "common/check.h"
#include "common/child.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/reader.h"
#include "common/service_instance.h"
#include "common/service_log.h"
#include "common/service_output.h"
#include "common/writer.h"
#include "proto/big_endian.h"
#include "proto/block.h"
#include "proto/codec.h"

enum {
    FORMAT = 1,                /* of cursor and snapshot */
    SNAPSHOT_GUESS = 16 << 20, /* what a snapshot holds besides the state */
    PRUNE_BLOCKS = 128,        /* of each stream, in one commit */
    COMMITS_MEANT = 8,         /* in the mean that is told */
    CURSOR_BYTES = 128 + SERVICE_PUBLISHERS * (8 + STREAM_CHAIN),
};

static const char cursor_name[] = "cursor";
static const char log_id_name[] = "log_id";
static const char skips_name[] = "skips";

/* ---- cursor ------------------------------------------------------------------------ */

void service_store_get_cursor(const struct service_instance *s, struct service_cursor *c)
{
    *c = (struct service_cursor){.next = s->input.next,
                                 .gseq = s->gseq,
                                 .time_ns = s->time_ns,
                                 .made_n = s->submitter.made_n,
                                 .emits = s->publisher_count};
    memcpy(c->chain, s->input.chain, STREAM_CHAIN);
    memcpy(c->digest, s->submitter.digest, STREAM_DIGEST);
    for (uint32_t k = 0; k < s->publisher_count; k++) {
        c->emit[k].next = s->publishers[k].next;
        memcpy(c->emit[k].chain, s->publishers[k].chain, STREAM_CHAIN);
    }
}

static void write_cursor(struct writer *w, const struct service_cursor *c)
{
    writer_u64(w, FORMAT);
    writer_u64(w, c->next);
    writer_bytes(w, c->chain, STREAM_CHAIN);
    writer_u64(w, c->gseq);
    writer_u64(w, c->time_ns);
    writer_u64(w, c->made_n);
    writer_bytes(w, c->digest, STREAM_DIGEST);
    writer_u32(w, c->emits);
    for (uint32_t k = 0; k < c->emits; k++) {
        writer_u64(w, c->emit[k].next);
        writer_bytes(w, c->emit[k].chain, STREAM_CHAIN);
    }
}

int service_store_read_cursor(struct reader *r, struct service_cursor *c)
{
    memset(c, 0, sizeof *c);
    if (reader_u64(r) != FORMAT)
        return ERR_VERSION;
    c->next = reader_u64(r);
    reader_bytes(r, c->chain, STREAM_CHAIN);
    c->gseq = reader_u64(r);
    c->time_ns = reader_u64(r);
    c->made_n = reader_u64(r);
    reader_bytes(r, c->digest, STREAM_DIGEST);
    c->emits = reader_count(r, SERVICE_PUBLISHERS);
    for (uint32_t k = 0; k < c->emits; k++) {
        c->emit[k].next = reader_u64(r);
        reader_bytes(r, c->emit[k].chain, STREAM_CHAIN);
    }
    return reader_failed(r) ? ERR_CORRUPT : 0;
}

static int put_cursor(struct service_instance *s)
{
    uint8_t bytes[CURSOR_BYTES];
    struct service_cursor cursor;
    struct writer writer;
    service_store_get_cursor(s, &cursor);
    writer_init(&writer, bytes, sizeof bytes);
    write_cursor(&writer, &cursor);
    CHECK(!writer_failed(&writer));
    return journal_put(s->journal, JOURNAL_META, cursor_name, sizeof cursor_name - 1,
                       bytes, writer.size);
}

static int load_cursor(struct service_instance *s)
{
    const void *bytes;
    size_t size;
    struct reader reader;
    int error = journal_get(s->journal, JOURNAL_META, cursor_name, sizeof cursor_name - 1,
                            &bytes, &size);
    if (error != 0)
        return error == ERR_NOT_FOUND ? 0 : error;
    reader_init(&reader, bytes, size);
    s->has_stored = true;
    return service_store_read_cursor(&reader, &s->stored);
}

/* Field by field: padding is real. */
bool service_store_same_cursor(const struct service_cursor *a,
                               const struct service_cursor *b)
{
    bool same = a->next == b->next && memcmp(a->chain, b->chain, STREAM_CHAIN) == 0 &&
                a->made_n == b->made_n &&
                memcmp(a->digest, b->digest, STREAM_DIGEST) == 0 && a->emits == b->emits;
    for (uint32_t k = 0; k < a->emits && same; k++)
        same = a->emit[k].next == b->emit[k].next &&
               memcmp(a->emit[k].chain, b->emit[k].chain, STREAM_CHAIN) == 0;
    return same;
}

/* ---- identity ---------------------------------------------------------------------- */

static const uint8_t unknown[sizeof((struct service_instance *)0)->log_id];

static int load_log_id(struct service_instance *s)
{
    const void *stored;
    size_t size;
    int error = journal_get(s->journal, JOURNAL_META, log_id_name, sizeof log_id_name - 1,
                            &stored, &size);
    if (error == 0 && size != sizeof s->log_id)
        return ERR_CORRUPT;
    if (error == 0)
        memcpy(s->log_id, stored, sizeof s->log_id);
    return error == ERR_NOT_FOUND ? 0 : error;
}

int service_store_check_log(const struct service_instance *s, const uint8_t log_id[16])
{
    bool fits = memcmp(s->log_id, unknown, sizeof unknown) == 0 ||
                memcmp(s->log_id, log_id, sizeof s->log_id) == 0;
    return fits ? 0 : ERR_OTHER_LOG;
}

int service_store_identify(struct service_instance *s)
{
    int error = service_store_check_log(s, s->genesis.log_id);
    if (error != 0)
        return error;
    memcpy(s->log_id, s->genesis.log_id, sizeof s->log_id);
    return journal_put(s->journal, JOURNAL_META, log_id_name, sizeof log_id_name - 1,
                       s->log_id, sizeof s->log_id);
}

/* ---- skips ------------------------------------------------------------------------- */

uint32_t service_store_find_skip(const struct service_instance *s, uint64_t seq)
{
    uint32_t i = 0;
    while (i < s->skip_count && s->skips[i] != seq)
        i++;
    return i;
}

bool service_store_is_skipped(const struct service_instance *s, uint64_t seq)
{
    return service_store_find_skip(s, seq) < s->skip_count;
}

int service_store_skip(struct service_instance *s, uint64_t seq)
{
    if (service_store_is_skipped(s, seq))
        return 0;
    if (s->skip_count == SERVICE_SKIPS)
        return ERR_FULL;
    s->skips[s->skip_count++] = seq;
    service_log(s, SERVICE_LOG_WARN, "skip", "seq=%" PRIu64, seq);
    return journal_put(s->journal, JOURNAL_META, skips_name, sizeof skips_name - 1,
                       s->skips, s->skip_count * sizeof s->skips[0]);
}

static int load_skips(struct service_instance *s)
{
    const void *bytes;
    size_t size;
    int error = journal_get(s->journal, JOURNAL_META, skips_name, sizeof skips_name - 1,
                            &bytes, &size);
    if (error == 0 && (size > sizeof s->skips || size % sizeof s->skips[0] != 0))
        return ERR_CORRUPT;
    if (error == 0) {
        memcpy(s->skips, bytes, size);
        s->skip_count = (uint32_t)(size / sizeof s->skips[0]);
    }
    return error == ERR_NOT_FOUND ? 0 : error;
}

int service_store_open(struct service_instance *s)
{
    int error = load_cursor(s);
    if (error == 0)
        error = load_log_id(s);
    if (error == 0)
        error = load_skips(s);
    for (uint32_t i = 0; i < s->options.skip_count && error == 0; i++)
        error = service_store_skip(s, s->options.skips[i]);
    return error;
}

/* ---- effects ----------------------------------------------------------------------- */

/* A service that makes nothing (the gateway) keeps its place only to restart sooner. */
static void schedule_commit(struct service_instance *s)
{
    bool makes = s->kind->submits || s->kind->owns != SERVICE_STREAM_NONE;
    uint64_t interval_ns = UINT64_C(1000) * s->options.commit_interval_us;
    if (s->commit_at_ns == 0)
        s->commit_at_ns = s->now.mono_ns + (makes ? interval_ns : 20 * interval_ns);
}

int service_store_applied(struct service_instance *s, const struct block *block)
{
    uint8_t key[8];
    if (s->is_replaying)
        return 0;
    s->has_effects = true;
    schedule_commit(s);
    if ((s->kind->journal & SERVICE_JOURNAL_INPUTS) == 0)
        return 0;
    big_endian_put(key, block->first_seq, sizeof key);
    return journal_put(s->journal, JOURNAL_INPUT, key, sizeof key, block->bytes,
                       block->size);
}

bool service_store_must_wait(const struct service_instance *s)
{
    return s->kind->submits &&
           stream_submitter_unacked_bytes(&s->submitter) > s->options.unacked_bytes_max;
}

/* ---- snapshot ---------------------------------------------------------------------- */

static void write_state(const struct service_instance *s, struct writer *w)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    struct service_cursor cursor;
    struct msg genesis = {.kind = MSG_genesis, .genesis = s->genesis};
    int error = codec_encode(bytes, sizeof bytes, &genesis, &size);
    CHECK(error == 0);
    writer_u32(w, (uint32_t)size);
    writer_bytes(w, bytes, size);
    service_store_get_cursor(s, &cursor);
    write_cursor(w, &cursor);
    writer_u64(w, service_owns_log(s) ? s->publishers[0].epoch : s->input.epoch);
    stream_submitter_save(&s->submitter, w);
    s->kind->core->save(s->state, w);
}

/* Once in a child, on the memory as it was; or here. */
static void make_snapshot(void *argument)
{
    struct service_instance *s = argument;
    struct writer writer;
    if (s->kind->core->check != NULL)
        s->kind->core->check(s->state); /* what is wrong now would be wrong for ever */
    writer_init(&writer, s->snapshot.bytes, s->snapshot.capacity);
    write_state(s, &writer);
    snapshot_made(&s->snapshot, writer.size);
}

/* Nothing else is done meanwhile, so that counting the bytes first would be time lost:
 * memory that is reserved and not written costs nothing, and few states are larger than
 * the memory they live in. If this one is, the writer knows by how much. */
static int make_here(struct service_instance *s)
{
    int error = snapshot_reserve(&s->snapshot, s->state_size + SNAPSHOT_GUESS, false);
    if (error == 0)
        make_snapshot(s);
    if (error == 0 && s->snapshot.made->size > s->snapshot.capacity) {
        error = snapshot_reserve(&s->snapshot, s->snapshot.made->size, false);
        if (error == 0)
            make_snapshot(s);
    }
    return error;
}

/* A large state is written by a child: a million orders take 80 ms, a fork less than one.
 * It has this service's memory, not that of others in the process. A child that was lost
 * is not tried again at once; what ended it then ends us, with a word. */
static int make_in_child(struct service_instance *s)
{
    int error = snapshot_reserve(&s->snapshot, s->state_size + SNAPSHOT_GUESS, true);
    if (error == 0)
        error = child_show(s->memory, s->memory_size);
    if (error == 0)
        error = child_show(s->state, s->state_size);
    if (error == 0)
        error = child_start(&s->snapshot.child, make_snapshot, s);
    child_hide(s->memory, s->memory_size);
    child_hide(s->state, s->state_size);
    return error;
}

int service_store_snapshot(struct service_instance *s, bool may_wait)
{
    const uint64_t begin_ns = clock_mono_ns();
    if (s->state == NULL || s->is_replaying || s->snapshot.phase != SNAPSHOT_IDLE ||
        s->input.next == s->snapshot_next)
        return 0;
    int error = service_output_flush(s);
    if (error != 0)
        return error;
    bool is_here = may_wait || s->snapshot_lost ||
                   s->state_size < s->options.snapshot_child_bytes ||
                   make_in_child(s) != 0;
    error = is_here ? make_here(s) : 0;
    if (error != 0)
        return error;
    snapshot_begin(&s->snapshot, s->input.next);
    s->snapshot_next = s->input.next;
    s->snapshot_lost = false;
    metrics_observe(&s->metrics, METRICS_snapshot, clock_mono_ns() - begin_ns);
    schedule_commit(s);
    return 0;
}

/* A child that is gone takes only its own snapshot with it. */
static int step_snapshot(struct service_instance *s)
{
    int step = snapshot_step(&s->snapshot, s->journal);
    if (step != ERR_NOT_FOUND)
        return step;
    service_log(s, SERVICE_LOG_WARN, "snapshot_lost", "next=%" PRIu64, s->snapshot_next);
    s->snapshot_lost = true;
    s->snapshot_next = 0;
    return 0;
}

/* ---- commit ------------------------------------------------------------------------ */

/* It is on the disk. */
static void note_snapshot(struct service_instance *s)
{
    s->snapshots_stored[1] = s->snapshots_stored[0];
    s->snapshots_stored[0] = s->snapshot_next;
    metrics_add(&s->metrics, METRICS_snapshots, 1);
    service_log(s, SERVICE_LOG_INFO, "snapshot", "next=%" PRIu64, s->snapshot_next);
}

/* What a reader has in two snapshots it will not ask for again. */
static int prune(struct service_instance *s)
{
    for (uint32_t k = 0; k < s->publisher_count; k++) {
        struct stream_publisher *p = &s->publishers[k];
        int blocks = stream_publisher_prune(p, p->kept, PRUNE_BLOCKS);
        if (blocks < 0)
            return blocks;
        metrics_add(&s->metrics, METRICS_blocks_pruned, (uint64_t)blocks);
    }
    return 0;
}

/* The mean of the last few, each with what was settled before it. */
static void note_commit(struct service_instance *s, uint64_t took_ns)
{
    const uint64_t all_ns = took_ns + s->settle_ns;
    s->settle_ns = 0;
    s->commit_ns += all_ns / COMMITS_MEANT - s->commit_ns / COMMITS_MEANT;
    metrics_observe(&s->metrics, METRICS_commit, took_ns);
}

int service_store_commit(struct service_instance *s)
{
    s->commit_at_ns = 0;
    if (s->is_replaying)
        return 0;
    int error = ABLATE(CURSOR_APART) ? 0 : service_output_flush(s);
    if (error == 0 && s->state != NULL && !service_owns_log(s))
        error = put_cursor(s); /* the owner's cursor is the log itself */
    int step = error == 0 ? step_snapshot(s) : 0;
    error = step < 0 ? step : error == 0 ? prune(s) : error;
    uint64_t begin_ns = clock_mono_ns();
    if (error == 0)
        error = journal_commit(s->journal);
    if (error != 0)
        return error;
    note_commit(s, clock_mono_ns() - begin_ns);
    if (step == 1)
        note_snapshot(s);
    metrics_add(&s->metrics, METRICS_commits, 1);
    s->has_effects = false;
    if (journal_is_unsettled(s->journal) && s->settle_at_ns == 0)
        s->settle_at_ns = s->now.mono_ns + UINT64_C(1000) * s->options.commit_interval_us;
    if (s->snapshot.phase != SNAPSHOT_IDLE)
        schedule_commit(s);
    return 0;
}

int service_store_settle(struct service_instance *s)
{
    s->settle_at_ns = 0;
    int error = journal_commit(s->journal);
    if (error != 0 || !journal_is_unsettled(s->journal))
        return error;
    const uint64_t begin_ns = clock_mono_ns();
    error = journal_settle(s->journal);
    const uint64_t took_ns = clock_mono_ns() - begin_ns;
    s->settle_ns += took_ns;
    metrics_observe(&s->metrics, METRICS_settle, took_ns);
    return error;
}
