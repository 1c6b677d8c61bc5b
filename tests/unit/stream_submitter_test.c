/* stream_submitter_test.c - submissions sent, acknowledged and sent again. */
#include <string.h>

#include "common/error.h"
#include "common/reader.h"
#include "common/stream_submitter.h"
#include "common/writer.h"
#include "proto/codec.h"
#include "proto/digest.h"
#include "proto/pack.h"
#include "tests/unit/unit.h"

static const uint64_t ms = STREAM_MS;
static uint8_t frame[STREAM_FRAME_BYTES];

static struct stream_submitter submitter;
static uint8_t memory[4096];
static const uint8_t record[40] = {0x91, 1};
static uint8_t digests[101][STREAM_DIGEST]; /* of the first n records */

static void make_submitter(void)
{
    stream_submitter_init(&submitter, -2, memory, sizeof memory);
    for (uint32_t n = 1; n <= 100; n++) {
        memcpy(digests[n], digests[n - 1], STREAM_DIGEST);
        digest_fold(digests[n], record, sizeof record);
    }
}

static int add(uint32_t count)
{
    int error = 0;
    for (; count > 0 && error == 0; count--)
        error = stream_submitter_add(&submitter, record, sizeof record);
    return error;
}

static int welcome(uint64_t last_n, uint64_t now_ns)
{
    struct msg_welcome w = {.last_n = last_n};
    memcpy(w.digest, digests[last_n], STREAM_DIGEST);
    return stream_submitter_welcome(&submitter, &w, now_ns);
}

static int ack(uint64_t last_n, int reason, uint64_t now_ns)
{
    struct msg_ack a = {.last_n = last_n, .reason = (uint16_t)error_number(reason)};
    return stream_submitter_ack(&submitter, &a, now_ns);
}

/* Sends one frame: returns its first n, and how many; 0 if there is none. */
static uint64_t next_frame(uint32_t *count, uint64_t now_ns)
{
    struct msg msg;
    size_t used = 0,
           size = stream_submitter_frame(&submitter, frame, sizeof frame, now_ns);
    if (size == 0)
        return 0;
    assert_int_equal(codec_decode(frame, size, &msg, &used), 0);
    struct pack_reader in = {frame + used, frame + size};
    *count = msg.submission.count;
    for (uint32_t i = 0; i < *count; i++) {
        const uint8_t *bytes = NULL;
        size_t bytes_size = 0;
        assert_int_equal(pack_read_bin(&in, 512, &bytes, &bytes_size), 0);
        assert_memory_equal(bytes, record, sizeof record);
    }
    assert_ptr_equal(in.at, in.end);
    assert_int_equal(msg.submission.source, -2);
    assert_memory_equal(msg.submission.digest, digests[msg.submission.first_n - 1],
                        STREAM_DIGEST);
    return msg.submission.first_n;
}

/* The use. */
static void submit_and_be_acknowledged(void **state)
{
    (void)state;
    uint32_t count = 0;
    make_submitter();
    assert_int_equal(add(3), 0);
    assert_int_equal(next_frame(&count, 1 * ms), 0); /* not before the welcome */
    assert_int_equal(welcome(0, 1 * ms), 0);
    assert_int_equal(next_frame(&count, 1 * ms), 1);
    assert_int_equal(count, 3);
    assert_int_equal(add(2), 0);
    assert_int_equal(next_frame(&count, 2 * ms), 4);
    assert_int_equal(next_frame(&count, 2 * ms), 0);
    assert_int_equal(ack(3, 0, 3 * ms), 0);
    assert_int_equal(ack(2, 0, 3 * ms), 0); /* late */
    assert_int_equal(ack(5, 0, 4 * ms), 0);
    assert_int_equal(stream_submitter_unacked_bytes(&submitter), 0);
    assert_int_equal(next_frame(&count, 900 * ms), 0);
}

/* It may never be that all is acknowledged: what is kept moves to the front. */
static void never_quite_acknowledged(void **state)
{
    static uint8_t large[1 << 20];
    const uint32_t space = 4 + STREAM_DIGEST + sizeof record;
    uint32_t most = 0;
    (void)state;
    stream_submitter_init(&submitter, -2, large, sizeof large);
    assert_int_equal(welcome(0, 1 * ms), 0);
    for (uint64_t n = 1; n <= 100000; n++) {
        assert_int_equal(add(1), 0);
        most = submitter.tail > most ? (uint32_t)submitter.tail : most;
        if (n > 10)
            assert_int_equal(ack(n - 10, 0, n * ms), 0);
        assert_true(stream_submitter_unacked_bytes(&submitter) <= 11 * space);
    }
    assert_true(most <= (256 << 10) + 12 * space);
}

static void resend_after_silence(void **state)
{
    (void)state;
    uint32_t count = 0;
    make_submitter();
    assert_int_equal(welcome(0, 1 * ms), 0);
    assert_int_equal(add(4), 0);
    assert_int_equal(next_frame(&count, 10 * ms), 1);
    assert_int_equal(ack(1, 0, 100 * ms), 0);
    assert_int_equal(next_frame(&count, 349 * ms), 0);
    assert_int_equal(next_frame(&count, 350 * ms),
                     2); /* 250 ms after the last progress */
    assert_int_equal(count, 3);
    assert_int_equal(next_frame(&count, 351 * ms), 0);
}

static void resend_after_gap(void **state)
{
    (void)state;
    uint32_t count = 0;
    make_submitter();
    assert_int_equal(welcome(0, 1 * ms), 0);
    assert_int_equal(add(4), 0);
    assert_int_equal(next_frame(&count, 50 * ms), 1);
    assert_int_equal(ack(2, ERR_GAP, 60 * ms), 0);
    assert_int_equal(next_frame(&count, 60 * ms), 3);
    assert_int_equal(ack(2, ERR_GAP, 61 * ms), 0); /* of another frame: once is enough */
    assert_int_equal(next_frame(&count, 61 * ms), 0);
    assert_int_equal(ack(2, ERR_GAP, 90 * ms), 0);
    assert_int_equal(next_frame(&count, 90 * ms), 3);
}

static void divergence(void **state)
{
    (void)state;
    make_submitter();
    assert_int_equal(add(3), 0);
    struct msg_welcome w = {.last_n = 2};
    assert_int_equal(stream_submitter_welcome(&submitter, &w, 1 * ms), ERR_DIVERGED);
    make_submitter();
    w.last_n = 3; /* ahead of us: seen when we get there */
    assert_int_equal(stream_submitter_welcome(&submitter, &w, 1 * ms), 0);
    assert_int_equal(add(2), 0);
    assert_int_equal(add(1), ERR_DIVERGED);
    make_submitter();
    assert_int_equal(ack(0, ERR_DIVERGED, 1 * ms), ERR_DIVERGED);
}

/* After a lost volume everything is made again; what the log has is not kept. */
static void regenerate(void **state)
{
    (void)state;
    uint32_t count = 0;
    make_submitter();
    assert_int_equal(welcome(90, 1 * ms), 0);
    assert_int_equal(add(90), 0);
    assert_int_equal(stream_submitter_unacked_bytes(&submitter), 0);
    assert_int_equal(add(1), 0);
    assert_int_equal(next_frame(&count, 2 * ms), 91);
    assert_int_equal(count, 1);
}

static void a_log_that_forgot(void **state)
{
    (void)state;
    make_submitter();
    assert_int_equal(welcome(0, 1 * ms), 0);
    assert_int_equal(add(4), 0);
    assert_int_equal(ack(4, 0, 2 * ms), 0);
    assert_int_equal(add(1), 0);
    assert_int_equal(ack(2, ERR_GAP, 3 * ms), 0); /* may be late */
    assert_int_equal(ack(2, ERR_GAP, 4000 * ms), 0);
    assert_int_equal(ack(2, ERR_GAP, 5003 * ms), ERR_LOG_BEHIND);
    make_submitter();
    assert_int_equal(welcome(0, 1 * ms), 0);
    assert_int_equal(add(4), 0);
    assert_int_equal(ack(4, 0, 2 * ms), 0);
    assert_int_equal(welcome(3, 3 * ms), 0);
    assert_int_equal(welcome(3, 5003 * ms), ERR_LOG_BEHIND);
}

static void saved_with_what_is_not_acknowledged(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    uint32_t count = 0;
    struct writer writer;
    struct reader reader;
    make_submitter();
    assert_int_equal(welcome(0, 1 * ms), 0);
    assert_int_equal(add(5), 0);
    assert_int_equal(ack(2, 0, 2 * ms), 0);
    writer_init(&writer, bytes, sizeof bytes);
    stream_submitter_save(&submitter, &writer);
    make_submitter();
    reader_init(&reader, bytes, writer.size);
    assert_int_equal(stream_submitter_load(&submitter, &reader), 0);
    assert_int_equal(welcome(3, 5 * ms), 0);
    assert_int_equal(next_frame(&count, 5 * ms), 4);
    assert_int_equal(count, 2);
    reader_init(&reader, bytes, writer.size - 1);
    assert_int_equal(stream_submitter_load(&submitter, &reader), ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(submit_and_be_acknowledged),
        cmocka_unit_test(never_quite_acknowledged),
        cmocka_unit_test(resend_after_silence),
        cmocka_unit_test(resend_after_gap),
        cmocka_unit_test(divergence),
        cmocka_unit_test(regenerate),
        cmocka_unit_test(a_log_that_forgot),
        cmocka_unit_test(saved_with_what_is_not_acknowledged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
