/* service_restart.c - newest snapshot, then what was stored after it. */
#include "common/service_restart.h"

#include <string.h>

#include "common/check.h"
#include "common/error.h"
#include "common/fault.h"
#include "common/reader.h"
#include "common/service_input.h"
#include "common/service_instance.h"
#include "common/service_log.h"
#include "common/service_output.h"
#include "common/service_store.h"
#include "common/stream_archive.h"
#include "proto/big_endian.h"
#include "proto/block.h"
#include "proto/codec.h"

enum {
    BLOCKS_PER_TURN = 64,
};

/* ---- snapshot ---------------------------------------------------------------------- */

static int read_genesis(struct reader *r, struct msg *msg)
{
    uint32_t size = reader_count(r, MESSAGE_BYTES_MAX);
    const uint8_t *bytes = reader_take(r, size);
    if (reader_failed(r) || codec_decode_whole(bytes, size, msg) != 0 ||
        msg->kind != MSG_genesis)
        return ERR_CORRUPT;
    return 0;
}

static void set_position(struct service_instance *s, const struct service_cursor *c)
{
    s->input.next = c->next;
    memcpy(s->input.chain, c->chain, STREAM_CHAIN);
    s->gseq = c->gseq;
    s->time_ns = c->time_ns;
    for (uint32_t k = 0; k < s->publisher_count; k++) {
        s->publishers[k].next = c->emit[k].next;
        memcpy(s->publishers[k].chain, c->emit[k].chain, STREAM_CHAIN);
    }
}

static int restore(struct service_instance *s)
{
    struct reader r;
    struct msg genesis;
    struct service_cursor cursor;
    reader_init(&r, s->snapshot.bytes, s->snapshot.size);
    int error = read_genesis(&r, &genesis);
    if (error == 0)
        error = service_store_check_log(s, genesis.genesis.log_id);
    if (error == 0)
        error = service_store_read_cursor(&r, &cursor);
    if (error == 0 && cursor.next != s->snapshot.id)
        error = ERR_CORRUPT;
    if (error == 0)
        error = service_input_birth(s, &genesis.genesis);
    if (error == 0 && cursor.emits != s->publisher_count)
        error = ERR_CORRUPT;
    if (error != 0)
        return error;
    set_position(s, &cursor);
    s->input.epoch = reader_u64(&r);
    if (service_owns_log(s))
        s->publishers[0].epoch = s->input.epoch;
    error = stream_submitter_load(&s->submitter, &r);
    if (error == 0)
        error = s->kind->core->load(s->state, &r);
    service_input_configure(s);
    return error != 0 ? error : reader_end(&r);
}

/* The newest snapshot that is whole; none is fine too: there is the input. */
static int load_snapshot(struct service_instance *s)
{
    for (uint64_t before = UINT64_MAX;;) {
        int error = snapshot_load(&s->snapshot, s->journal, before);
        if (error == ERR_NOT_FOUND)
            return 0;
        uint64_t id = s->snapshot.id;
        if (error == 0)
            error = restore(s);
        snapshot_release(&s->snapshot);
        if (error == 0) {
            s->snapshot_next = s->snapshots_stored[0] = id;
            service_log(s, SERVICE_LOG_INFO, "snapshot_loaded", "next=%" PRIu64, id);
            return 0;
        }
        if (error != ERR_CORRUPT && error != ERR_VERSION)
            return error;
        service_log(s, SERVICE_LOG_ERROR, "snapshot_damaged", "next=%" PRIu64 " error=%s",
                    id, error_name(error));
        service_input_death(s);
        stream_consumer_init(&s->input, s->input.stream);
        s->input.fetch_bytes_max = s->options.fetch_bytes_max;
        before = id;
    }
}

/* ---- replay ------------------------------------------------------------------------ */

int service_restart_open(struct service_instance *s)
{
    int error = service_store_open(s);
    if (error == 0)
        error = load_snapshot(s);
    if (error != 0)
        return error;
    s->is_replaying =
        service_owns_log(s) || (s->has_stored && s->stored.next != s->input.next);
    if (s->has_stored && s->input.next > s->stored.next)
        return ERR_CORRUPT;
    return s->state != NULL ? service_restart_arm(s) : 0;
}

int service_restart_arm(struct service_instance *s)
{
    if (!s->is_replaying || service_owns_log(s))
        return 0;
    if (s->stored.emits != s->publisher_count)
        return ERR_DIVERGED;
    for (uint32_t k = 0; k < s->publisher_count; k++)
        stream_publisher_begin_replay(&s->publishers[k], s->stored.emit[k].next,
                                      s->stored.emit[k].chain);
    return 0;
}

/* Arrived at the cursor: all that was regenerated must be what was stored. */
static int arrive(struct service_instance *s)
{
    struct service_cursor here;
    int error = service_output_flush(s); /* those rows are in the journal already */
    s->is_replaying = false;
    for (uint32_t k = 0; k < s->publisher_count && error == 0; k++)
        error = stream_publisher_end_replay(&s->publishers[k]);
    service_store_get_cursor(s, &here);
    if (error == 0 && !service_store_same_cursor(&here, &s->stored))
        error = ERR_DIVERGED;
    if (error == 0)
        service_log(s, SERVICE_LOG_INFO, "replayed", "next=%" PRIu64 " gseq=%" PRIu64,
                    s->input.next, s->gseq);
    return error;
}

int service_restart_advance(struct service_instance *s)
{
    if (!s->is_replaying || service_owns_log(s) || s->input.next < s->stored.next)
        return 0;
    return s->input.next == s->stored.next ? arrive(s) : ERR_DIVERGED;
}

/* Is anything stored behind the end? Then a block before it is gone. */
static int check_end(struct service_instance *s)
{
    uint8_t key[8];
    const void *found, *bytes;
    size_t found_size, size;
    big_endian_put(key, s->input.next, sizeof key);
    int error = journal_seek(s->journal, JOURNAL_LOG, key, sizeof key, &found,
                             &found_size, &bytes, &size);
    if (error == 0)
        return ERR_CORRUPT;
    return error == ERR_NOT_FOUND ? 0 : error;
}

/* The log ends where its owner's journal ends. */
static int end_of_log(struct service_instance *s)
{
    struct stream_publisher *log = &s->publishers[0];
    int error = s->state == NULL ? ERR_CORRUPT : check_end(s);
    if (error != 0)
        return error;
    s->is_replaying = false;
    log->next = s->input.next;
    log->epoch = s->input.epoch;
    memcpy(log->chain, s->input.chain, STREAM_CHAIN);
    service_log(s, SERVICE_LOG_INFO, "replayed", "next=%" PRIu64 " epoch=%" PRIu64,
                log->next, log->epoch);
    return 0;
}

static int end_of_journal(struct service_instance *s)
{
    if (service_owns_log(s))
        return end_of_log(s);
    return s->is_replaying ? ERR_CORRUPT
                           : 0; /* the cursor is beyond what was journaled */
}

/* Copies the journal's block that holds the next record. 1, 0 at the end, or an error. */
static int next_block(struct service_instance *s, size_t *size)
{
    uint8_t key[8];
    const void *found, *bytes;
    size_t found_size;
    big_endian_put(key, s->input.next, sizeof key);
    int error =
        journal_seek_back(s->journal, service_owns_log(s) ? JOURNAL_LOG : JOURNAL_INPUT,
                          key, sizeof key, &found, &found_size, &bytes, size);
    if (error == ERR_NOT_FOUND && s->archive.files != NULL)
        error = stream_archive_get(s->archive.files, s->input.next, &(uint64_t){0},
                                   &bytes, size);
    if (error != 0)
        return error == ERR_NOT_FOUND ? 0 : error;
    if (*size > STREAM_FRAME_BYTES)
        return ERR_CORRUPT;
    memcpy(s->frame, bytes, *size);
    return 1;
}

int service_restart_replay(struct service_instance *s)
{
    bool is_here =
        service_owns_log(s) || (s->kind->journal & SERVICE_JOURNAL_INPUTS) != 0;
    int blocks = 0;
    while (is_here && s->is_replaying && blocks < BLOCKS_PER_TURN &&
           !service_store_must_wait(s)) {
        struct block block;
        size_t size;
        int more = next_block(s, &size);
        if (more == 1)
            more = stream_consumer_replay(&s->input, s->frame, size, &block);
        if (more < 0)
            return more;
        int error = more == 0 ? end_of_journal(s) : service_input_apply(s, &block);
        if (error == 0)
            error = service_restart_advance(s);
        if (error != 0)
            return error;
        blocks++;
        if (FAULT(REPLAY_SHORT))
            break;
    }
    return blocks;
}
