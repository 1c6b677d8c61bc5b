/* stream_consumer_test.c - blocks in order, lost, repeated, late, of another chain. */
#include <string.h>

#include "common/error.h"
#include "common/stream_consumer.h"
#include "proto/big_endian.h"
#include "proto/codec.h"
#include "proto/digest.h"
#include "tests/unit/unit.h"

enum { BLOCKS = 6, PER_BLOCK = 3 };

static const uint64_t ms = STREAM_MS;
static uint8_t frame[STREAM_FRAME_BYTES];

/* ---- a stream of six blocks of three records --------------------------------------- */

static struct {
    uint8_t bytes[BLOCKS][1024];
    size_t sizes[BLOCKS];
    uint8_t chains[BLOCKS + 1][STREAM_CHAIN]; /* before each block, and after the last */
} made;

static void make_stream(uint32_t stream)
{
    memset(&made, 0, sizeof made);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        uint8_t records[512];
        size_t size = 0;
        struct block block = {.stream = stream,
                              .first_seq = 1 + i * PER_BLOCK,
                              .count = PER_BLOCK,
                              .time_ns = 1000 * (i + 1)};
        for (uint8_t n = 0; n < PER_BLOCK; n++) {
            uint8_t body[] = {0x91, n};
            size += stream == STREAM_LOG
                        ? block_put_log_record(records + size, 7, i, body, sizeof body)
                        : block_put_derived_record(records + size, i + 1, 5, body,
                                                   sizeof body);
        }
        memcpy(block.chain, made.chains[i], STREAM_CHAIN);
        block_make(&block, made.bytes[i], records, size);
        made.sizes[i] = block.size;
        block_chain(&block, made.chains[i + 1]);
    }
}

static size_t put(size_t at, const struct msg *msg)
{
    size_t size = 0;
    assert_int_equal(codec_encode(frame + at, sizeof frame - at, msg, &size), 0);
    return at + size;
}

static size_t put_block(size_t at, uint32_t i)
{
    memcpy(frame + at, made.bytes[i], made.sizes[i]);
    return at + made.sizes[i];
}

/* ---- consumer ---------------------------------------------------------------------- */

static struct stream_consumer consumer;

/* Hands over a frame; returns how many records came out of it, or the error. */
static int hand_over(size_t size, uint64_t now_ns)
{
    struct block block;
    struct block_record record;
    int records = 0, more;
    uint64_t expected = consumer.next;
    int error = stream_consumer_receive(&consumer, frame, size, now_ns);
    if (error != 0)
        return error;
    while ((more = stream_consumer_next(&consumer, &block)) == 1) {
        for (; block_next(&block, &record); records++)
            assert_int_equal(record.seq, expected++);
        assert_int_equal(consumer.next, expected);
    }
    return more < 0 ? more : records;
}

static uint32_t damaged; /* the bit of what is told that is another; 0: none */

static int push_told(uint32_t i, uint64_t epoch, const uint8_t *chain, uint64_t now_ns)
{
    struct msg msg = {.kind = MSG_push};
    msg.push.stream = consumer.stream;
    msg.push.epoch = epoch;
    if (chain != NULL) {
        uint32_t crc = digest_crc(0, chain, STREAM_CHAIN);
        memcpy(msg.push.told, chain, STREAM_CHAIN);
        big_endian_put(msg.push.told + STREAM_CHAIN, crc, 4);
        msg.push.told[damaged / 8] ^= (uint8_t)((damaged != 0) << damaged % 8);
    }
    return hand_over(put_block(put(0, &msg), i), now_ns);
}

static int push(uint32_t i, uint64_t epoch, uint64_t now_ns)
{
    return push_told(i, epoch, NULL, now_ns);
}

static int head(uint64_t next, uint64_t epoch, const uint8_t *chain, uint64_t now_ns)
{
    struct msg msg = {.kind = MSG_head};
    msg.head.stream = consumer.stream;
    msg.head.epoch = epoch;
    msg.head.next = next;
    memcpy(msg.head.chain, chain, STREAM_CHAIN);
    return hand_over(put(0, &msg), now_ns);
}

/* Blocks first..last, from an owner that stands at `next`. */
static int answer(uint32_t first, uint32_t last, uint64_t next, int reason,
                  uint64_t now_ns)
{
    struct msg msg = {.kind = MSG_fetched};
    msg.fetched.stream = consumer.stream;
    msg.fetched.next = next;
    msg.fetched.reason = (uint16_t)error_number(reason);
    size_t size = put(0, &msg);
    for (uint32_t i = first; i <= last && reason == 0; i++)
        size = put_block(size, i);
    return hand_over(size, now_ns);
}

static bool asks(uint64_t now_ns)
{
    struct msg msg;
    size_t size = stream_consumer_fetch(&consumer, frame, sizeof frame, now_ns);
    if (size == 0)
        return false;
    assert_int_equal(codec_decode_whole(frame, size, &msg), 0);
    assert_int_equal(msg.kind, MSG_fetch);
    assert_int_equal(msg.fetch.stream, consumer.stream);
    assert_int_equal(msg.fetch.next, consumer.next);
    assert_memory_equal(msg.fetch.chain, consumer.chain, STREAM_CHAIN);
    return true;
}

static void subscribe(uint32_t stream)
{
    make_stream(stream);
    stream_consumer_init(&consumer, stream);
}

/* The use: ask at the start, take the answer, then pushes. */
static void in_order(void **state)
{
    (void)state;
    subscribe(STREAM_LOG);
    assert_true(asks(1 * ms));
    assert_false(asks(2 * ms)); /* one at a time */
    assert_int_equal(answer(0, 1, 7, 0, 3 * ms), 6);
    assert_false(asks(3 * ms));
    assert_int_equal(push(2, 1, 4 * ms), 3);
    assert_int_equal(push(3, 1, 5 * ms), 3);
    assert_memory_equal(consumer.chain, made.chains[4], STREAM_CHAIN);
    assert_int_equal(consumer.next, 13);
    assert_false(asks(254 * ms));
    assert_true(asks(255 * ms)); /* 250 ms without news */
}

static void lost_repeated_and_late(void **state)
{
    (void)state;
    subscribe(STREAM_LOG);
    assert_int_equal(answer(0, 0, 4, 0, 1 * ms), 3);
    assert_int_equal(push(2, 1, 2 * ms), 0); /* 1 is lost */
    assert_int_equal(consumer.gaps, 1);
    assert_true(asks(2 * ms));
    assert_int_equal(push(1, 1, 3 * ms), 3); /* it was only late */
    assert_int_equal(push(1, 1, 3 * ms), 0);
    assert_int_equal(push(0, 1, 3 * ms), 0);
    assert_int_equal(consumer.duplicates, 2);
    assert_int_equal(answer(1, 3, 19, 0, 4 * ms), 6); /* 1 again, then 2 and 3 */
    assert_true(asks(4 * ms));                        /* the owner has more */
    assert_int_equal(answer(4, 5, 19, 0, 5 * ms), 6);
    assert_false(asks(5 * ms));
}

static void a_lost_answer_is_asked_for_again(void **state)
{
    (void)state;
    subscribe(STREAM_LOG);
    assert_true(asks(1 * ms));
    assert_false(asks(250 * ms));
    assert_true(asks(251 * ms));
    assert_int_equal(answer(0, 0, 4, ERR_PENDING, 252 * ms), 0);
    assert_false(asks(253 * ms));
    assert_true(asks(272 * ms)); /* an owner that replays is asked again soon */
}

static void a_head_beyond_asks(void **state)
{
    (void)state;
    subscribe(STREAM_LOG);
    assert_int_equal(answer(0, 0, 4, 0, 1 * ms), 3);
    assert_int_equal(head(4, 1, made.chains[1], 2 * ms), 0);
    assert_false(asks(2 * ms));
    assert_int_equal(head(7, 1, made.chains[2], 3 * ms), 0);
    assert_true(asks(3 * ms));
    assert_int_equal(answer(1, 1, 7, 0, 4 * ms), 3);
    assert_int_equal(head(7, 1, made.chains[3], 5 * ms),
                     0); /* proves nothing, but asks */
    assert_true(asks(5 * ms));
}

static void a_stale_epoch_is_not_heard(void **state)
{
    (void)state;
    subscribe(STREAM_LOG);
    assert_int_equal(answer(0, 0, 4, 0, 1 * ms), 3);
    assert_int_equal(head(4, 5, made.chains[1], 2 * ms), 0);
    assert_int_equal(push(1, 4, 3 * ms), 0);
    assert_int_equal(head(7, 4, made.chains[2], 3 * ms), 0);
    assert_int_equal(consumer.stale, 2);
    assert_false(asks(3 * ms));
    assert_true(asks(252 * ms));                       /* nor is it news */
    assert_int_equal(answer(1, 1, 7, 0, 253 * ms), 3); /* old blocks are good blocks */
    assert_int_equal(push(2, 5, 254 * ms), 3);
    assert_int_equal(push(3, 6, 255 * ms), 3);
}

static void a_chain_that_does_not_fit(void **state)
{
    (void)state;
    subscribe(STREAM_LOG);
    assert_int_equal(answer(0, 0, 4, 0, 1 * ms), 3);
    consumer.chain[5] ^= 1;
    assert_int_equal(push(1, 1, 2 * ms), 0); /* the owner shall judge */
    assert_true(asks(2 * ms));
    assert_int_equal(answer(1, 1, 7, 0, 3 * ms), ERR_DIVERGED);
    assert_int_equal(consumer.next, 4);
}

/* A push tells the chain behind its block; what follows shows a wrong one. */
static void the_chain_a_push_tells(void **state)
{
    (void)state;
    subscribe(STREAM_LOG);
    assert_int_equal(push_told(0, 1, made.chains[1], 1 * ms), 3);
    assert_memory_equal(consumer.chain, made.chains[1], STREAM_CHAIN);
    damaged = 77; /* then it is computed */
    assert_int_equal(push_told(1, 1, made.chains[2], 2 * ms), 3);
    assert_memory_equal(consumer.chain, made.chains[2], STREAM_CHAIN);
    damaged = 0;
    subscribe(STREAM_LOG);
    assert_int_equal(push_told(0, 1, made.chains[1], 1 * ms), 3);
    assert_int_equal(push_told(1, 1, made.chains[1], 2 * ms), 3); /* a wrong one */
    assert_int_equal(push(2, 1, 3 * ms), 0);
    assert_true(asks(3 * ms));
    assert_int_equal(answer(2, 2, 10, 0, 4 * ms), ERR_DIVERGED);
}

static void damage(void **state)
{
    (void)state;
    subscribe(STREAM_LOG);
    made.bytes[0][made.sizes[0] - 1] ^= 1;
    assert_int_equal(push(0, 1, 1 * ms), 0);
    assert_true(asks(1 * ms));
    assert_int_equal(answer(0, 0, 4, 0, 2 * ms), ERR_CORRUPT);
    assert_int_equal(answer(0, 0, 4, ERR_GAP, 2 * ms), ERR_GAP);
    memset(frame, 0xc1, 9);
    assert_int_equal(hand_over(9, 3 * ms), ERR_BAD);
    struct msg ping = {.kind = MSG_ping};
    assert_int_equal(hand_over(put(0, &ping), 3 * ms), ERR_BAD);
}

static void paused(void **state)
{
    (void)state;
    subscribe(STREAM_LOG);
    assert_int_equal(answer(0, 0, 4, 0, 1 * ms), 3);
    stream_consumer_pause(&consumer, true);
    assert_int_equal(push(1, 1, 2 * ms), 0);
    assert_false(asks(300 * ms));
    stream_consumer_pause(&consumer, false);
    assert_true(asks(300 * ms));
}

/* A derived stream may be cut anywhere: the digest says where one is. */
static void a_derived_stream_from_the_middle_of_a_block(void **state)
{
    (void)state;
    subscribe(STREAM_APPROVED(3));
    struct block block;
    size_t used;
    assert_int_equal(block_open(&block, made.bytes[0], made.sizes[0], &used), 0);
    assert_int_equal(block_skip(&block, 3), 0);
    memcpy(consumer.chain, block.chain, STREAM_CHAIN);
    consumer.next = 3;
    assert_int_equal(answer(0, 1, 7, 0, 1 * ms), 4);
    assert_memory_equal(consumer.chain, made.chains[2], STREAM_CHAIN);
    consumer.next = 8; /* as if it had taken 7: then its digest cannot be that */
    assert_int_equal(answer(2, 2, 10, 0, 2 * ms), ERR_DIVERGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order),
        cmocka_unit_test(lost_repeated_and_late),
        cmocka_unit_test(a_lost_answer_is_asked_for_again),
        cmocka_unit_test(a_head_beyond_asks),
        cmocka_unit_test(a_stale_epoch_is_not_heard),
        cmocka_unit_test(a_chain_that_does_not_fit),
        cmocka_unit_test(the_chain_a_push_tells),
        cmocka_unit_test(damage),
        cmocka_unit_test(paused),
        cmocka_unit_test(a_derived_stream_from_the_middle_of_a_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
