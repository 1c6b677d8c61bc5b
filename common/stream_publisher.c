/* stream_publisher.c - gather, cut, journal, push, answer. */
#include "common/stream_publisher.h"

#include <string.h>

#include "common/ablate.h"
#include "common/check.h"
#include "common/error.h"
#include "common/fault.h"
#include "common/stream_archive.h"
#include "proto/big_endian.h"
#include "proto/block.h"
#include "proto/codec.h"
#include "proto/digest.h"

enum {
    KEY_BYTES_MAX = 12,
    FRAME_HEAD = 4 + MESSAGE_BYTES_MAX, /* item size and PUSH */
    RECORDS_CAPACITY = STREAM_BLOCK_BYTES + 2 * MESSAGE_BYTES_MAX,
    LEAST_ANSWER = RECORDS_CAPACITY + BLOCK_HEAD_MAX, /* any block fits */
};

static bool is_log(const struct stream_publisher *p)
{
    return p->stream == STREAM_LOG;
}

size_t stream_publisher_size(size_t frames_bytes)
{
    return RECORDS_CAPACITY + frames_bytes;
}

void stream_publisher_init(struct stream_publisher *p, uint32_t stream,
                           struct journal *journal, void *memory, size_t size)
{
    CHECK(size > RECORDS_CAPACITY + RECORDS_CAPACITY + FRAME_HEAD + BLOCK_HEAD_MAX);
    *p = (struct stream_publisher){.journal = journal,
                                   .stream = stream,
                                   .next = 1,
                                   .records = memory,
                                   .records_capacity = RECORDS_CAPACITY,
                                   .frames = (uint8_t *)memory + RECORDS_CAPACITY,
                                   .frames_capacity = size - RECORDS_CAPACITY};
}

/* ---- journal keys ------------------------------------------------------------------ */

static uint32_t table_of(const struct stream_publisher *p)
{
    if (p->stream == STREAM_OUTPUT)
        return JOURNAL_OUTPUT;
    return is_log(p) ? JOURNAL_LOG : JOURNAL_EMIT;
}

static size_t make_key(const struct stream_publisher *p, uint64_t seq,
                       uint8_t key[KEY_BYTES_MAX])
{
    size_t size = table_of(p) == JOURNAL_EMIT ? sizeof p->stream : 0;
    big_endian_put(key, p->stream, (uint32_t)size);
    big_endian_put(key + size, seq, sizeof seq);
    return size + sizeof seq;
}

/* The stored block with first_seq == seq. */
static int get_block(const struct stream_publisher *p, uint64_t seq, const void **block,
                     size_t *size)
{
    uint8_t key[KEY_BYTES_MAX];
    uint64_t first = seq;
    size_t key_size = make_key(p, seq, key);
    int error = journal_get(p->journal, table_of(p), key, key_size, block, size);
    if (error == ERR_NOT_FOUND && p->archive != NULL)
        error = stream_archive_get(p->archive, seq, &first, block, size);
    return error == 0 && first != seq ? ERR_NOT_FOUND : error;
}

/* The stored block of this stream that holds seq, or the last one before it. Pruned
 * blocks are all before the stored ones. */
static int find_block(const struct stream_publisher *p, uint64_t seq, const void **block,
                      size_t *size)
{
    uint8_t key[KEY_BYTES_MAX];
    const void *found;
    size_t found_size;
    size_t key_size = make_key(p, seq, key);
    int error = journal_seek_back(p->journal, table_of(p), key, key_size, &found,
                                  &found_size, block, size);
    if (error == ERR_NOT_FOUND && p->archive != NULL)
        return stream_archive_get(p->archive, seq, &(uint64_t){0}, block, size);
    if (error == 0 &&
        (found_size != key_size || memcmp(found, key, key_size - sizeof(uint64_t)) != 0))
        return ERR_NOT_FOUND;
    return error;
}

/* The stored block that begins at `seq` or later. */
static int find_block_from(const struct stream_publisher *p, uint64_t seq,
                           uint64_t *first)
{
    uint8_t key[KEY_BYTES_MAX];
    const void *found, *block;
    size_t found_size, block_size, key_size = make_key(p, seq, key);
    int error = journal_seek(p->journal, table_of(p), key, key_size, &found, &found_size,
                             &block, &block_size);
    if (error == 0 &&
        (found_size != key_size || memcmp(found, key, key_size - sizeof seq) != 0))
        return ERR_NOT_FOUND; /* of another stream */
    *first = error == 0 ? big_endian_get((const uint8_t *)found + key_size - 8, 8) : 0;
    return error;
}

/* A block ends where the next one begins; the last one stays. */
int stream_publisher_prune(struct stream_publisher *p, uint64_t below,
                           uint32_t blocks_max)
{
    uint64_t first = 0, next = 0;
    uint32_t count = 0;
    int error = below > 1 ? find_block_from(p, 0, &first) : ERR_NOT_FOUND;
    for (; error == 0 && count < blocks_max; first = next) {
        uint8_t key[KEY_BYTES_MAX];
        error = find_block_from(p, first + 1, &next);
        if (error != 0 || next > below)
            break;
        error = journal_del(p->journal, table_of(p), key, make_key(p, first, key));
        count++;
    }
    return error == 0 || error == ERR_NOT_FOUND ? (int)count : error;
}

/* ---- making ------------------------------------------------------------------------ */

/* The epoch of pushes is that of the EPOCH record last appended. */
static void note_epoch(struct stream_publisher *p, const uint8_t *body, uint32_t size)
{
    struct msg msg;
    if (codec_kind(body, size) == MSG_epoch && codec_decode_whole(body, size, &msg) == 0)
        p->epoch = msg.epoch.epoch;
}

void stream_publisher_add_log(struct stream_publisher *p, int64_t source, uint64_t n,
                              const uint8_t *body, uint32_t size)
{
    CHECK(size <= MESSAGE_BYTES_MAX && !stream_publisher_is_full(p));
    p->records_size +=
        block_put_log_record(p->records + p->records_size, source, n, body, size);
    p->count++;
    p->next++;
    if (source == 0)
        note_epoch(p, body, size);
}

void stream_publisher_add_derived(struct stream_publisher *p, uint64_t cause_gseq,
                                  uint64_t cause_time_ns, const uint8_t *body,
                                  uint32_t size)
{
    CHECK(size <= MESSAGE_BYTES_MAX && !stream_publisher_is_full(p));
    p->records_size += block_put_derived_record(p->records + p->records_size, cause_gseq,
                                                cause_time_ns, body, size);
    p->count++;
    p->next++;
}

bool stream_publisher_is_full(const struct stream_publisher *p)
{
    return p->records_size >= STREAM_BLOCK_BYTES;
}

/* While replaying: the stored block must be the same bytes, where there is one. */
static int compare(struct stream_publisher *p, const struct block *block)
{
    const void *stored;
    size_t size;
    int error = get_block(p, block->first_seq, &stored, &size);
    if (error != 0 && error != ERR_NOT_FOUND)
        return error;
    if (error == 0 && (size != block->size || memcmp(stored, block->bytes, size) != 0))
        return ERR_DIVERGED;
    return 0;
}

static int store(struct stream_publisher *p, const struct block *block)
{
    uint8_t key[KEY_BYTES_MAX];
    size_t key_size = make_key(p, block->first_seq, key);
    return journal_put(p->journal, table_of(p), key, key_size, block->bytes, block->size);
}

static uint8_t *room_for_frame(struct stream_publisher *p)
{
    if (p->frames_taken == p->frames_size)
        p->frames_taken = p->frames_size = 0;
    CHECK(p->frames_capacity - p->frames_size >=
          FRAME_HEAD + BLOCK_HEAD_MAX + p->records_size);
    return p->frames + p->frames_size;
}

/* A service's own journal of its outputs has no readers. */
static bool is_pushed(const struct stream_publisher *p)
{
    return p->stream != STREAM_OUTPUT && !p->is_replaying;
}

/* Its size does not depend on the chain: first it is put in front of the block, then it
 * tells the chain behind that. */
static size_t put_push(const struct stream_publisher *p, uint8_t *at, size_t capacity)
{
    if (!is_pushed(p))
        return 0;
    uint32_t crc = digest_crc(0, p->chain, STREAM_CHAIN);
    struct msg msg = {.kind = MSG_push};
    msg.push.stream = p->stream;
    msg.push.epoch = p->epoch;
    memcpy(msg.push.told, p->chain, STREAM_CHAIN);
    big_endian_put(msg.push.told + STREAM_CHAIN, crc, 4);
    size_t size = 0;
    int error = codec_encode(at, capacity, &msg, &size);
    CHECK(error == 0);
    return size;
}

int stream_publisher_cut(struct stream_publisher *p, uint64_t time_ns)
{
    if (p->count == 0)
        return 0;
    uint8_t *frame = room_for_frame(p);
    size_t size = put_push(p, frame + 4, MESSAGE_BYTES_MAX);
    struct block block = {.stream = p->stream,
                          .first_seq = p->next - p->count,
                          .count = p->count,
                          .time_ns = time_ns};
    memcpy(block.chain, p->chain, STREAM_CHAIN);
    block_make(&block, frame + 4 + size, p->records, p->records_size);
    block_chain(&block, p->chain);
    p->records_size = 0;
    p->count = 0;
    if (is_pushed(p)) {
        uint32_t frame_size = (uint32_t)(size + block.size);
        put_push(p, frame + 4, size); /* now with the chain behind the block */
        memcpy(frame, &frame_size, sizeof frame_size);
        p->frames_size += sizeof frame_size + frame_size;
    }
    return p->is_replaying ? compare(p, &block) : store(p, &block);
}

const uint8_t *stream_publisher_take(struct stream_publisher *p, size_t *size)
{
    if (p->frames_taken == p->frames_size)
        return NULL;
    uint32_t frame_size;
    const uint8_t *frame = p->frames + p->frames_taken;
    memcpy(&frame_size, frame, sizeof frame_size);
    p->frames_taken += sizeof frame_size + frame_size;
    *size = frame_size;
    return frame + sizeof frame_size;
}

/* ---- answering --------------------------------------------------------------------- */

size_t stream_publisher_head(const struct stream_publisher *p, uint8_t *frame,
                             size_t capacity)
{
    struct msg msg = {.kind = MSG_head};
    CHECK(p->count == 0);
    msg.head.stream = p->stream;
    msg.head.epoch = p->epoch;
    msg.head.next = p->next;
    memcpy(msg.head.chain, p->chain, STREAM_CHAIN);
    size_t size = 0;
    int error = codec_encode(frame, capacity, &msg, &size);
    CHECK(error == 0);
    return size;
}

int stream_publisher_chain(const struct stream_publisher *p, uint64_t next,
                           uint8_t chain[STREAM_CHAIN])
{
    if (next == p->next) {
        memcpy(chain, p->chain, STREAM_CHAIN);
        return 0;
    }
    const void *bytes;
    size_t size, used;
    struct block block;
    int error = get_block(p, next, &bytes, &size);
    if (error != 0)
        return error;
    if (block_open(&block, bytes, size, &used) != 0)
        return ERR_CORRUPT;
    memcpy(chain, block.chain, STREAM_CHAIN);
    return 0;
}

int stream_publisher_judge(const struct stream_publisher *p, uint64_t next,
                           const uint8_t chain[STREAM_CHAIN])
{
    uint8_t ours[STREAM_CHAIN];
    if (next > p->next)
        return ERR_LOG_BEHIND;
    int error = stream_publisher_chain(p, next, ours);
    if (error == ERR_NOT_FOUND)
        return ERR_DIVERGED; /* this log was never cut there */
    if (error != 0)
        return error;
    return memcmp(chain, ours, STREAM_CHAIN) == 0 ? 0 : ERR_DIVERGED;
}

static size_t put_fetched(const struct stream_publisher *p, uint8_t *frame,
                          size_t capacity, int reason)
{
    struct msg msg = {.kind = MSG_fetched};
    msg.fetched.stream = p->stream;
    msg.fetched.epoch = p->epoch;
    msg.fetched.next = p->next;
    msg.fetched.reason = (uint16_t)error_number(reason);
    size_t size = 0;
    int error = codec_encode(frame, capacity, &msg, &size);
    CHECK(error == 0);
    return size;
}

/* Copies stored blocks from the one that holds `next` on, as many as fit. */
static int put_blocks(const struct stream_publisher *p, uint64_t next, uint8_t *at,
                      size_t room, size_t *written)
{
    *written = 0;
    while (next < p->next) {
        const void *bytes;
        struct block block;
        size_t size, used;
        int error = find_block(p, next, &bytes, &size);
        if (error != 0)
            return error == ERR_NOT_FOUND ? ERR_GAP : error;
        if (block_open(&block, bytes, size, &used) != 0 || used != size ||
            block.first_seq + block.count <= next)
            return ERR_CORRUPT;
        if (size > room - *written)
            break;
        memcpy(at + *written, bytes, size);
        *written += size;
        next = block.first_seq + block.count;
    }
    return 0;
}

int stream_publisher_fetch(struct stream_publisher *p, const struct msg_fetch *fetch,
                           uint8_t *frame, size_t capacity, size_t *size)
{
    *size = 0;
    if (p->is_replaying || FAULT(FETCH_PENDING)) {
        bool refuses = ABLATE(OWNER_REFUSES) && fetch->next > p->next;
        *size = put_fetched(p, frame, capacity, refuses ? ERR_GAP : ERR_PENDING);
        return 0;
    }
    if (is_log(p)) {
        int error = stream_publisher_judge(p, fetch->next, fetch->chain);
        if (error != 0)
            return error;
    }
    size_t head = put_fetched(p, frame, capacity, 0);
    size_t room = capacity - head, written = 0;
    if (fetch->bytes_max < room)
        room = fetch->bytes_max > LEAST_ANSWER ? fetch->bytes_max : LEAST_ANSWER;
    if (FAULT(FETCH_SHORT) && room > LEAST_ANSWER)
        room = LEAST_ANSWER;
    int error = put_blocks(p, fetch->next, frame + head, room, &written);
    if (error == ERR_GAP) {
        *size = put_fetched(p, frame, capacity, ERR_GAP);
        return 0;
    }
    *size = head + written;
    return error;
}

/* ---- restart ----------------------------------------------------------------------- */

void stream_publisher_begin_replay(struct stream_publisher *p, uint64_t next,
                                   const uint8_t chain[STREAM_CHAIN])
{
    p->is_replaying = true;
    p->stored_next = next;
    memcpy(p->stored_chain, chain, STREAM_CHAIN);
}

int stream_publisher_end_replay(struct stream_publisher *p)
{
    CHECK(p->is_replaying && p->count == 0);
    p->is_replaying = false;
    bool same =
        p->next == p->stored_next && memcmp(p->chain, p->stored_chain, STREAM_CHAIN) == 0;
    return same ? 0 : ERR_DIVERGED;
}
