/* stream_consumer.c - drop, consume or ask. */
#include "common/stream_consumer.h"

#include <string.h>

#include "common/ablate.h"
#include "common/check.h"
#include "common/error.h"
#include "common/fault.h"
#include "proto/big_endian.h"
#include "proto/codec.h"
#include "proto/digest.h"

/* An owner that is still replaying is asked again this soon. */
#define PENDING_NS (20 * STREAM_MS)

void stream_consumer_init(struct stream_consumer *c, uint32_t stream)
{
    *c = (struct stream_consumer){.stream = stream,
                                  .next = 1,
                                  .head = 1,
                                  .is_behind = true,
                                  .fetch_bytes_max = STREAM_FRAME_BYTES};
}

static bool is_log(const struct stream_consumer *c)
{
    return c->stream == STREAM_LOG;
}

/* What a stale epoch's owner says is no news: it may be a sequencer that was replaced. */
static bool is_stale(struct stream_consumer *c, uint64_t epoch)
{
    if (is_log(c) && epoch < c->epoch && !ABLATE(NO_EPOCH_CHECK)) {
        c->stale++;
        return true;
    }
    if (is_log(c))
        c->epoch = epoch;
    return false;
}

static void hear(struct stream_consumer *c, uint64_t head, uint64_t now_ns)
{
    c->heard_ns = now_ns;
    if (head > c->head)
        c->head = head;
}

/* A wrong chain would stop its owner, who is asked about it: so it has a checksum. An
 * owner of an older version tells none. */
static bool is_told(const uint8_t told[STREAM_CHAIN + 4])
{
    return big_endian_get(told + STREAM_CHAIN, 4) == digest_crc(0, told, STREAM_CHAIN);
}

static void on_push(struct stream_consumer *c, const struct msg_push *push,
                    uint64_t now_ns)
{
    if (push->stream != c->stream || is_stale(c, push->epoch) || FAULT(PUSH_DROPPED))
        c->left = 0;
    else
        hear(c, c->next, now_ns);
    c->is_pushed = true;
    c->is_told = is_told(push->told);
    memcpy(c->told, push->told, STREAM_CHAIN);
}

static void on_head(struct stream_consumer *c, const struct msg_head *head,
                    uint64_t now_ns)
{
    c->left = 0; /* positions follow; they are not for us */
    if (head->stream != c->stream || is_stale(c, head->epoch))
        return;
    hear(c, head->next, now_ns);
    if (head->next > c->next ||
        (head->next == c->next && memcmp(head->chain, c->chain, STREAM_CHAIN) != 0))
        c->is_behind = true;
}

static int on_fetched(struct stream_consumer *c, const struct msg_fetched *fetched,
                      uint64_t now_ns)
{
    if (fetched->stream != c->stream) {
        c->left = 0;
        return 0;
    }
    c->is_pushed = false;
    if (fetched->reason == error_number(ERR_PENDING)) {
        c->ask_at_ns = now_ns + PENDING_NS;
        return 0;
    }
    if (fetched->reason != 0)
        return fetched->reason == error_number(ERR_GAP) ? ERR_GAP : ERR_BAD;
    hear(c, fetched->next, now_ns);
    c->ask_at_ns = now_ns;
    c->is_behind = false; /* unless the blocks do not reach the head */
    return 0;
}

int stream_consumer_receive(struct stream_consumer *c, const uint8_t *frame, size_t size,
                            uint64_t now_ns)
{
    struct msg msg;
    size_t used = 0;
    c->left = 0;
    if (codec_decode(frame, size, &msg, &used) != 0)
        return ERR_BAD;
    c->at = frame + used;
    c->left = size - used;
    switch (msg.kind) {
    case MSG_push:
        on_push(c, &msg.push, now_ns);
        return 0;
    case MSG_head:
        on_head(c, &msg.head, now_ns);
        return ABLATE(HEAD_IS_PROOF) && msg.head.next < c->next ? ERR_LOG_BEHIND : 0;
    case MSG_fetched:
        return on_fetched(c, &msg.fetched, now_ns);
    default:
        c->left = 0;
        return ERR_BAD;
    }
}

/* A push proves nothing: its owner is asked, and judges. What the owner itself answers,
 * or our own journal holds, must fit. */
static int misfit(struct stream_consumer *c, int error)
{
    c->left = 0;
    if (!c->is_pushed)
        return error;
    c->is_behind = true;
    return 0;
}

/* 1: consume it, from `next` on. 0: not now. */
static int judge(struct stream_consumer *c, struct block *block)
{
    uint64_t end = block->first_seq + block->count;
    if (ABLATE(NO_SEQUENCE_CHECK))
        return 1;
    if (block->stream != c->stream)
        return misfit(c, ERR_CORRUPT);
    if (end <= c->next) {
        c->duplicates++;
        return 0;
    }
    if (block->first_seq > c->next) {
        c->gaps++;
        c->left = 0;
        c->is_behind = true;
        return 0;
    }
    if (is_log(c) && block->first_seq != c->next)
        return misfit(c, ERR_DIVERGED);
    if (block_skip(block, c->next) != 0 ||
        memcmp(block->chain, c->chain, STREAM_CHAIN) != 0)
        return misfit(c, ERR_DIVERGED);
    return 1;
}

/* A push holds one block. */
static void move_chain(struct stream_consumer *c, const struct block *block)
{
    if (c->is_pushed && c->is_told && c->left == 0)
        memcpy(c->chain, c->told, STREAM_CHAIN);
    else
        block_chain(block, c->chain);
}

static int take(struct stream_consumer *c, struct block *block)
{
    int verdict = judge(c, block);
    if (verdict != 1)
        return verdict;
    c->next = block->first_seq + block->count;
    move_chain(c, block);
    if (c->next > c->head)
        c->head = c->next;
    return 1;
}

int stream_consumer_next(struct stream_consumer *c, struct block *block)
{
    if (c->is_paused && c->left > 0) {
        c->left = 0;
        c->is_behind = true;
    }
    while (c->left > 0) {
        size_t used = 0;
        if (block_open(block, c->at, c->left, &used) != 0)
            return misfit(c, ERR_CORRUPT);
        c->at += used;
        c->left -= used;
        int verdict = take(c, block);
        if (verdict != 0)
            return verdict;
    }
    if (!c->is_pushed && c->head > c->next)
        c->is_behind = true;
    return 0;
}

int stream_consumer_replay(struct stream_consumer *c, const uint8_t *bytes, size_t size,
                           struct block *block)
{
    size_t used = 0;
    c->is_pushed = false;
    c->left = 0;
    if (block_open(block, bytes, size, &used) != 0 || used != size)
        return ERR_CORRUPT;
    return take(c, block);
}

size_t stream_consumer_fetch(struct stream_consumer *c, uint8_t *frame, size_t capacity,
                             uint64_t now_ns)
{
    bool is_quiet = now_ns - c->heard_ns >= STREAM_RETRY_NS || FAULT(FETCH_MORE);
    if (ABLATE(NO_FETCH) && c->next > 1)
        return 0;
    if (c->is_paused || now_ns < c->ask_at_ns || (!c->is_behind && !is_quiet))
        return 0;
    struct msg msg = {.kind = MSG_fetch};
    msg.fetch.stream = c->stream;
    msg.fetch.next = c->next;
    memcpy(msg.fetch.chain, c->chain, STREAM_CHAIN);
    msg.fetch.bytes_max = c->fetch_bytes_max;
    size_t size = 0;
    int error = codec_encode(frame, capacity, &msg, &size);
    CHECK(error == 0);
    c->ask_at_ns = now_ns + STREAM_RETRY_NS;
    c->fetches++;
    return size;
}

void stream_consumer_pause(struct stream_consumer *c, bool paused)
{
    c->is_paused = paused || FAULT(PAUSED);
}
