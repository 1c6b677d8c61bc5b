/* stream_submitter.c - number, keep, send, resend. */
#include "common/stream_submitter.h"

#include <string.h>

#include "common/ablate.h"
#include "common/check.h"
#include "common/error.h"
#include "common/fault.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/codec.h"
#include "proto/digest.h"
#include "proto/pack.h"

enum {
    ITEM_HEAD = 4 + STREAM_DIGEST,
    WINDOW_BYTES = 8 << 20, /* in flight */
    BIN_HEAD_MAX = 5,
    COMPACT_BYTES = 256 << 10,
};

/* A GAP for each of many frames in flight must not send all of them again each time. */
#define REWIND_NS (20 * STREAM_MS)

/* Asked this long for what was acknowledged: no late message says that any more. */
#define LOST_NS (5000 * STREAM_MS)

struct item {
    const uint8_t *digest; /* of the records before it */
    const uint8_t *record;
    uint32_t size;
};

static struct item item_at(const struct stream_submitter *s, size_t at)
{
    struct item item = {.digest = s->bytes + at + 4, .record = s->bytes + at + ITEM_HEAD};
    CHECK(at + ITEM_HEAD <= s->tail);
    memcpy(&item.size, s->bytes + at, sizeof item.size);
    CHECK(item.size <= s->tail - at - ITEM_HEAD);
    return item;
}

void stream_submitter_init(struct stream_submitter *s, int64_t source, void *memory,
                           size_t capacity)
{
    *s = (struct stream_submitter){
        .source = source, .bytes = memory, .capacity = capacity};
}

size_t stream_submitter_unacked_bytes(const struct stream_submitter *s)
{
    return s->tail - s->head;
}

/* Moves what is kept to the front: if it must, or once more than that is free there. So
 * each byte is moved about once, and a service that is never quite acknowledged stays in
 * the same few pages. */
static void make_room(struct stream_submitter *s, size_t needed)
{
    size_t kept = s->tail - s->head;
    bool is_cheap = s->head >= COMPACT_BYTES && s->head >= kept;
    if (!is_cheap && s->capacity - s->tail >= needed)
        return;
    memmove(s->bytes, s->bytes + s->head, kept);
    s->sent -= s->head;
    s->tail = kept;
    s->head = 0;
}

static void keep(struct stream_submitter *s, const uint8_t *record, uint32_t size)
{
    make_room(s, ITEM_HEAD + (size_t)size);
    CHECK(s->capacity - s->tail >= ITEM_HEAD + (size_t)size);
    uint8_t *at = s->bytes + s->tail;
    memcpy(at, &size, sizeof size);
    memcpy(at + 4, s->digest, STREAM_DIGEST);
    memcpy(at + ITEM_HEAD, record, size);
    s->tail += ITEM_HEAD + (size_t)size;
}

int stream_submitter_add(struct stream_submitter *s, const uint8_t *record, uint32_t size)
{
    bool kept = s->made_n >= s->theirs_n;
    if (kept)
        keep(s, record, size);
    digest_fold(s->digest, record, size);
    s->made_n++;
    if (kept)
        return 0;
    CHECK(s->head == s->tail);
    s->acked_n = s->sent_n = s->made_n;
    if (s->made_n == s->theirs_n &&
        memcmp(s->digest, s->theirs_digest, STREAM_DIGEST) != 0)
        return ERR_DIVERGED;
    return 0;
}

/* Forgets the records up to last_n, which the sequencer has committed. */
static void drop(struct stream_submitter *s, uint64_t last_n, uint64_t now_ns)
{
    CHECK(last_n <= s->made_n);
    if (last_n > s->acked_n) {
        s->waiting_ns = now_ns;
        s->gap_since_ns = 0;
    }
    for (; s->acked_n < last_n; s->acked_n++)
        s->head += ITEM_HEAD + (size_t)item_at(s, s->head).size;
    if (s->sent_n < s->acked_n) {
        s->sent_n = s->acked_n;
        s->sent = s->head;
    }
    if (s->head == s->tail)
        s->head = s->sent = s->tail = 0;
}

/* The sequencer speaks of less than it has acknowledged: a late message, or, when it goes
 * on, an older copy of the log. */
static int behind(struct stream_submitter *s, uint64_t now_ns)
{
    if (s->gap_since_ns == 0)
        s->gap_since_ns = now_ns;
    return now_ns - s->gap_since_ns >= LOST_NS ? ERR_LOG_BEHIND : 0;
}

int stream_submitter_welcome(struct stream_submitter *s,
                             const struct msg_welcome *welcome, uint64_t now_ns)
{
    if (welcome->last_n < s->acked_n)
        return behind(s, now_ns);
    s->gap_since_ns = 0;
    s->welcomed = true;
    if (welcome->last_n > s->made_n) {
        drop(s, s->made_n, now_ns);
        s->theirs_n = welcome->last_n;
        memcpy(s->theirs_digest, welcome->digest, STREAM_DIGEST);
        return 0;
    }
    drop(s, welcome->last_n, now_ns);
    const uint8_t *ours = s->head == s->tail ? s->digest : item_at(s, s->head).digest;
    return memcmp(ours, welcome->digest, STREAM_DIGEST) == 0 ? 0 : ERR_DIVERGED;
}

static void rewind_to_acked(struct stream_submitter *s, uint64_t now_ns)
{
    if (ABLATE(NO_SUBMITTER_RESEND))
        return;
    s->resent_count += s->sent_n - s->acked_n;
    s->sent_n = s->acked_n;
    s->sent = s->head;
    s->rewound_ns = s->waiting_ns = now_ns;
}

int stream_submitter_ack(struct stream_submitter *s, const struct msg_ack *ack,
                         uint64_t now_ns)
{
    if (ack->reason == error_number(ERR_DIVERGED))
        return ERR_DIVERGED;
    if (ack->last_n > s->made_n || FAULT(ACK_LOST))
        return 0; /* meant for an earlier life of this service: WELCOME tells */
    bool gap = ack->reason == error_number(ERR_GAP);
    if (ack->last_n >= s->acked_n) {
        drop(s, ack->last_n, now_ns);
        s->gap_since_ns = 0;
        if (gap && now_ns - s->rewound_ns >= REWIND_NS)
            rewind_to_acked(s, now_ns);
        return 0;
    }
    return gap ? behind(s, now_ns) : 0;
}

/* How many records from `sent` on fit, and the offset behind them. */
static uint32_t measure(const struct stream_submitter *s, size_t room, size_t *end)
{
    uint32_t count = 0;
    for (*end = s->sent; *end < s->tail; count++) {
        uint32_t size = item_at(s, *end).size;
        if (size + BIN_HEAD_MAX > room || (count > 0 && FAULT(SUBMIT_SHORT)))
            break;
        room -= size + BIN_HEAD_MAX;
        *end += ITEM_HEAD + (size_t)size;
    }
    return count;
}

size_t stream_submitter_frame(struct stream_submitter *s, uint8_t *frame, size_t capacity,
                              uint64_t now_ns)
{
    if (!s->welcomed)
        return 0;
    if (s->sent_n > s->acked_n &&
        (now_ns - s->waiting_ns >= STREAM_RETRY_NS || FAULT(RESEND_EARLY)))
        rewind_to_acked(s, now_ns);
    if (s->sent == s->tail || s->sent - s->head >= WINDOW_BYTES)
        return 0;
    CHECK(capacity > 2 * MESSAGE_BYTES_MAX);
    size_t end = 0;
    uint32_t count = measure(s, capacity - MESSAGE_BYTES_MAX, &end);
    struct msg msg = {.kind = MSG_submission};
    msg.submission.source = s->source;
    msg.submission.first_n = s->sent_n + 1;
    msg.submission.count = count;
    memcpy(msg.submission.digest, item_at(s, s->sent).digest, STREAM_DIGEST);
    size_t size = 0;
    int error = codec_encode(frame, capacity, &msg, &size);
    CHECK(error == 0 && count > 0);
    struct pack_writer writer = {frame + size};
    for (size_t at = s->sent; at < end;) {
        struct item item = item_at(s, at);
        pack_bin(&writer, item.size);
        pack_bin_body(&writer, item.record, item.size);
        at += ITEM_HEAD + (size_t)item.size;
    }
    if (s->sent_n == s->acked_n)
        s->waiting_ns = now_ns;
    s->sent_n += count;
    s->sent_count += count;
    s->sent = end;
    return (size_t)(writer.at - frame);
}

void stream_submitter_save(const struct stream_submitter *s, struct writer *writer)
{
    bool forgets = ABLATE(NO_OUTBOX_SAVE);
    writer_u64(writer, s->made_n);
    writer_u64(writer, forgets ? s->made_n : s->acked_n);
    writer_bytes(writer, s->digest, STREAM_DIGEST);
    if (forgets) {
        writer_u64(writer, 0);
        return;
    }
    writer_u64(writer, s->tail - s->head);
    writer_bytes(writer, s->bytes + s->head, s->tail - s->head);
}

/* What was kept must be whole items, as many as the numbers say. */
static bool items_fit(const struct stream_submitter *s)
{
    size_t at = 0;
    uint64_t count = 0;
    for (; s->tail - at >= ITEM_HEAD; count++) {
        uint32_t size;
        memcpy(&size, s->bytes + at, sizeof size);
        if (size > s->tail - at - ITEM_HEAD)
            return false;
        at += ITEM_HEAD + (size_t)size;
    }
    return at == s->tail && s->acked_n + count == s->made_n;
}

int stream_submitter_load(struct stream_submitter *s, struct reader *reader)
{
    uint64_t size = 0;
    s->made_n = reader_u64(reader);
    s->acked_n = reader_u64(reader);
    reader_bytes(reader, s->digest, STREAM_DIGEST);
    size = reader_u64(reader);
    if (size > s->capacity)
        return ERR_CORRUPT;
    reader_bytes(reader, s->bytes, size);
    s->tail = size;
    s->head = s->sent = 0;
    s->sent_n = s->acked_n;
    return reader_failed(reader) || !items_fit(s) ? ERR_CORRUPT : 0;
}
