/* desk.h - a core that faces the outside, with everybody it talks to played by the test.
 *
 * Owns:     the core's memory, its outbox, what it sent and appended last.
 * Units:    as the messages; the clock stands still unless the test moves it.
 * Errors:   none; what must not happen fails the test.
 * Threads:  none.
 * Bounds:   DESK_ITEMS messages sent or records appended in one turn.
 */
#ifndef DESK_H
#define DESK_H

#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "common/core.h"
#include "common/error.h"
#include "common/random.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/codec.h"
#include "proto/pack.h"

enum {
    DESK_ITEMS = 8192,
    DESK_OUTBOX = 8 << 20,
    DESK_FRAME = 1 << 20,
};

struct desk_sent {
    uint32_t port, to;
    struct msg msg; /* kind 0: the peer was dropped */
};

struct desk_record {
    uint64_t gseq, time_ns, n;
    int64_t source;
    struct msg msg;
    uint8_t bytes[MESSAGE_BYTES_MAX];
    uint32_t size;
};

struct desk {
    const struct core_ops *ops;
    struct msg_genesis genesis;
    struct core_settings settings;
    void *state, *memory;
    struct outbox outbox;
    struct core_time time;
    uint64_t gseq; /* of the log */
    uint8_t frame[DESK_FRAME];
    size_t frame_size;
    struct desk_sent sent[DESK_ITEMS];
    uint32_t sent_count, taken; /* the test has looked at so many */
    struct desk_record records[DESK_ITEMS];
    uint32_t record_count;
};

static inline void *desk_state(const struct desk *desk)
{
    const size_t size = (desk->ops->size(&desk->genesis, 0) + 63) / 64 * 64;
    void *state = aligned_alloc(64, size);
    assert_non_null(state);
    memset(state, 0, size);
    desk->ops->init(state, &desk->genesis, 0);
    desk->ops->configure(state, &desk->settings);
    return state;
}

static inline struct desk *desk_create(const struct core_ops *ops,
                                       const struct msg_genesis *genesis,
                                       const struct core_settings *settings)
{
    struct desk *desk = calloc(1, sizeof *desk);
    assert_non_null(desk);
    const struct outbox_sizes sizes = {.appends = DESK_OUTBOX, .sends = DESK_OUTBOX};
    desk->ops = ops;
    desk->genesis = *genesis;
    desk->settings = *settings;
    desk->state = desk_state(desk);
    desk->memory = aligned_alloc(64, outbox_size(&sizes));
    assert_non_null(desk->memory);
    outbox_init(&desk->outbox, desk->memory, &sizes);
    desk->time = (struct core_time){.mono_ns = 1000000000, .wall_ns = 5000000000};
    return desk;
}

static inline void desk_destroy(struct desk *desk)
{
    free(desk->state);
    free(desk->memory);
    free(desk);
}

static inline void desk_pass_ms(struct desk *desk, uint64_t ms)
{
    desk->time.mono_ns += ms * 1000000;
    desk->time.wall_ns += ms * 1000000;
}

/* ---- what comes out ---------------------------------------------------------------- */

static inline void desk_take_sent(struct desk *desk, const uint8_t *item, uint32_t size)
{
    struct desk_sent to = {.msg.kind = 0};
    memcpy(&to.port, item, sizeof to.port);
    memcpy(&to.to, item + 4, sizeof to.to);
    size_t at = 8, used = 0;
    if (to.port == OUTBOX_DROP)
        desk->sent[desk->sent_count++] = to;
    for (; at < size; at += used) {
        assert_true(desk->sent_count < DESK_ITEMS);
        assert_int_equal(codec_decode(item + at, size - at, &to.msg, &used), 0);
        desk->sent[desk->sent_count++] = to;
    }
}

static inline void desk_take_record(struct desk *desk, const uint8_t *item, uint32_t size,
                                    uint64_t time_ns)
{
    assert_true(desk->record_count < DESK_ITEMS);
    struct desk_record *r = &desk->records[desk->record_count++];
    memcpy(&r->source, item, sizeof r->source);
    memcpy(&r->n, item + 8, sizeof r->n);
    r->gseq = ++desk->gseq;
    r->time_ns = time_ns;
    r->size = size - 16;
    memcpy(r->bytes, item + 16, r->size);
    assert_int_equal(codec_decode_whole(r->bytes, r->size, &r->msg), 0);
}

/* As the harness does at the end of a drain: appends, then sends. */
static inline void desk_take(struct desk *desk)
{
    const uint8_t *item;
    uint32_t size;
    uint64_t time_ns = desk->outbox.append_time_ns;
    desk->sent_count = desk->taken = desk->record_count = 0;
    for (size_t at = 0; (item = outbox_next(&desk->outbox.appends, &at, &size)) != NULL;)
        desk_take_record(desk, item, size, time_ns++);
    for (size_t at = 0; (item = outbox_next(&desk->outbox.sends, &at, &size)) != NULL;)
        desk_take_sent(desk, item, size);
    outbox_clear(&desk->outbox);
}

static inline void desk_turn(struct desk *desk)
{
    desk->ops->turn(desk->state, &desk->time, &desk->outbox);
    desk_take(desk);
    desk->ops->check(desk->state);
}

/* The next message sent; it must be of this kind (0: a cut) and go there. */
static inline const struct msg *desk_sent(struct desk *desk, uint32_t port, uint32_t to,
                                          uint32_t kind)
{
    assert_true(desk->taken < desk->sent_count);
    const struct desk_sent *s = &desk->sent[desk->taken++];
    assert_string_equal(msg_name(s->msg.kind), msg_name(kind));
    assert_int_equal(s->port, kind == 0 ? OUTBOX_DROP : port);
    assert_int_equal(s->to, to);
    return &s->msg;
}

static inline void desk_sent_nothing(const struct desk *desk)
{
    if (desk->taken < desk->sent_count)
        fail_msg("%s was sent", msg_name(desk->sent[desk->taken].msg.kind));
}

/* ---- what goes in ------------------------------------------------------------------ */

static inline void desk_put(struct desk *desk, const struct msg *msg)
{
    size_t size = 0;
    assert_int_equal(codec_encode(desk->frame + desk->frame_size,
                                  DESK_FRAME - desk->frame_size, msg, &size),
                     0);
    desk->frame_size += size;
}

static inline void desk_put_bytes(struct desk *desk, const void *bytes, size_t size)
{
    memcpy(desk->frame + desk->frame_size, bytes, size);
    desk->frame_size += size;
}

/* A bin with the encoding of the message, as a submission has them. */
static inline void desk_put_bin(struct desk *desk, const struct msg *msg)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    struct pack_writer writer = {.at = desk->frame + desk->frame_size};
    assert_int_equal(codec_encode(bytes, sizeof bytes, msg, &size), 0);
    pack_bin(&writer, size);
    pack_bin_body(&writer, bytes, size);
    desk->frame_size = (size_t)(writer.at - desk->frame);
}

static inline void desk_put_position(struct desk *desk, int64_t source, uint32_t stream,
                                     uint8_t made, uint64_t next)
{
    struct msg m = {.kind = MSG_position};
    m.position.source = source;
    m.position.stream = stream;
    m.position.made = made;
    m.position.next = next;
    desk_put(desk, &m);
}

/* Hands the frame over, without the turn that ends the drain. */
static inline void desk_receive(struct desk *desk, uint32_t port, uint32_t peer,
                                const uint8_t key[32])
{
    struct core_frame frame = {
        .port = port,
        .peer = peer,
        .bytes = desk->frame,
        .bytes_size = (uint32_t)desk->frame_size,
    };
    if (key != NULL)
        memcpy(frame.key, key, sizeof frame.key);
    desk->ops->receive(desk->state, &frame, &desk->time, &desk->outbox);
    desk->frame_size = 0;
}

/* Random bytes of the frame become others; now and then it is cut. */
static inline void desk_mutate(struct desk *desk, struct random *random)
{
    for (uint64_t i = 1 + random_below(random, 4); i > 0; i--)
        desk->frame[random_below(random, desk->frame_size)] =
            (uint8_t)random_below(random, 256);
    if (random_below(random, 8) == 0)
        desk->frame_size = random_below(random, desk->frame_size) + 1;
}

/* Applies a record of the log. */
static inline uint64_t desk_apply(struct desk *desk, int64_t source, uint64_t n,
                                  const struct msg *msg)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    assert_int_equal(codec_encode(bytes, sizeof bytes, msg, &size), 0);
    const uint64_t gseq = ++desk->gseq;
    const struct core_input input = {
        .seq = gseq,
        .gseq = gseq,
        .time_ns = gseq * 1000,
        .source = source,
        .n = n,
        .msg = msg,
        .bytes = bytes,
        .bytes_size = (uint32_t)size,
    };
    desk->ops->apply(desk->state, &input, &desk->outbox);
    return gseq;
}

/* ---- snapshots --------------------------------------------------------------------- */

static inline size_t desk_save(const struct core_ops *ops, const void *state,
                               uint8_t **bytes)
{
    struct writer writer;
    writer_init(&writer, NULL, 0);
    ops->save(state, &writer);
    *bytes = malloc(writer.size + 1);
    assert_non_null(*bytes);
    const size_t size = writer.size;
    writer_init(&writer, *bytes, size);
    ops->save(state, &writer);
    assert_false(writer_failed(&writer));
    return size;
}

static inline void desk_same(const struct core_ops *ops, const void *a, const void *b)
{
    uint8_t *first, *second;
    const size_t size = desk_save(ops, a, &first);
    assert_int_equal(desk_save(ops, b, &second), size);
    assert_memory_equal(first, second, size);
    free(first);
    free(second);
}

/* A snapshot, loaded into a fresh state that must save the same. */
static inline void *desk_reload(const struct desk *desk)
{
    uint8_t *bytes;
    struct reader reader;
    const size_t size = desk_save(desk->ops, desk->state, &bytes);
    void *state = desk_state(desk);
    reader_init(&reader, bytes, size);
    assert_int_equal(desk->ops->load(state, &reader), 0);
    assert_int_equal(reader_left(&reader), 0);
    desk_same(desk->ops, desk->state, state);
    desk->ops->check(state);
    free(bytes);
    return state;
}

#endif
