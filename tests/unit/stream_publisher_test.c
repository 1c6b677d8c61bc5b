/* stream_publisher_test.c - blocks cut, pushed, fetched, judged and made again. */
#include "common/stream_publisher.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "proto/block.h"
#include "proto/codec.h"
#include "tests/unit/unit.h"

enum { FRAMES = 4 << 20 };

static char directory[] = "/tmp/zex-publisher-test-XXXXXX";
static struct journal *journal;
static struct stream_publisher publisher;
static uint8_t *memory;
static uint8_t frame[STREAM_FRAME_BYTES];
static size_t frame_size;

static void remove_directory(void)
{
    char command[80];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    assert_int_equal(system(command), 0);
}

static int begin(void **state)
{
    (void)state;
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(directory));
    struct journal_options options = {.path = directory, .map_bytes = 64u << 20};
    assert_int_equal(journal_open(&journal, &options), 0);
    memory = malloc(stream_publisher_size(FRAMES));
    assert_non_null(memory);
    return 0;
}

static int end(void **state)
{
    (void)state;
    journal_close(&journal);
    free(memory);
    remove_directory();
    return 0;
}

static void make(uint32_t stream)
{
    stream_publisher_init(&publisher, stream, journal, memory,
                          stream_publisher_size(FRAMES));
}

/* A block of `count` records whose bodies are their sequence. */
static int add_block(uint32_t count)
{
    uint64_t cause = publisher.next;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t body[] = {0x91, (uint8_t)publisher.next};
        if (publisher.stream == STREAM_LOG)
            stream_publisher_add_log(&publisher, 7, cause, body, sizeof body);
        else
            stream_publisher_add_derived(&publisher, cause, 5, body, sizeof body);
    }
    return stream_publisher_cut(&publisher, cause);
}

static int fetch(uint64_t next, const uint8_t *chain)
{
    struct msg_fetch m = {
        .stream = publisher.stream, .next = next, .bytes_max = STREAM_FRAME_BYTES};
    memcpy(m.chain, chain, STREAM_CHAIN);
    return stream_publisher_fetch(&publisher, &m, frame, sizeof frame, &frame_size);
}

/* The answer's head; counts the records of its blocks, which must follow each other. */
static struct msg_fetched read_answer(uint64_t first, uint32_t *records)
{
    struct msg msg;
    size_t at = 0;
    *records = 0;
    assert_int_equal(codec_decode(frame, frame_size, &msg, &at), 0);
    assert_int_equal(msg.kind, MSG_fetched);
    for (size_t used; at < frame_size; at += used) {
        struct block block;
        assert_int_equal(block_open(&block, frame + at, frame_size - at, &used), 0);
        assert_int_equal(block.first_seq, first + *records);
        *records += block.count;
    }
    return msg.fetched;
}

static const uint8_t zeros[STREAM_CHAIN];

/* The use: records, a cut, a frame to push; later somebody fetches. */
static void cut_push_and_answer(void **state)
{
    (void)state;
    size_t size = 0, used = 0;
    struct msg msg;
    struct block block;
    uint32_t records;
    make(STREAM_LOG);
    assert_int_equal(add_block(3), 0);
    const uint8_t *pushed = stream_publisher_take(&publisher, &size);
    assert_non_null(pushed);
    assert_int_equal(codec_decode(pushed, size, &msg, &used), 0);
    assert_int_equal(msg.kind, MSG_push);
    assert_int_equal(block_open(&block, pushed + used, size - used, &used), 0);
    assert_int_equal(block.count, 3);
    assert_memory_equal(msg.push.told, publisher.chain, STREAM_CHAIN);
    assert_null(stream_publisher_take(&publisher, &size));
    assert_int_equal(stream_publisher_cut(&publisher, 1), 0); /* nothing to cut */
    assert_null(stream_publisher_take(&publisher, &size));
    assert_int_equal(add_block(2), 0);
    assert_int_equal(fetch(1, zeros), 0);
    struct msg_fetched answer = read_answer(1, &records);
    assert_int_equal(answer.next, 6);
    assert_int_equal(records, 5);
    assert_int_equal(fetch(6, publisher.chain), 0);
    read_answer(6, &records);
    assert_int_equal(records, 0);
}

static void the_epoch_of_pushes(void **state)
{
    (void)state;
    uint8_t body[MESSAGE_BYTES_MAX];
    size_t size = 0, used = 0;
    struct msg msg = {.kind = MSG_epoch};
    msg.epoch.epoch = 9;
    msg.epoch.version = 1;
    assert_int_equal(codec_encode(body, sizeof body, &msg, &size), 0);
    make(STREAM_LOG);
    stream_publisher_add_log(&publisher, 0, 0, body, (uint32_t)size);
    assert_int_equal(stream_publisher_cut(&publisher, 1), 0);
    const uint8_t *pushed = stream_publisher_take(&publisher, &size);
    assert_int_equal(codec_decode(pushed, size, &msg, &used), 0);
    assert_int_equal(msg.push.epoch, 9);
    size = stream_publisher_head(&publisher, frame, sizeof frame);
    assert_int_equal(codec_decode_whole(frame, size, &msg), 0);
    assert_int_equal(msg.head.epoch, 9);
    assert_int_equal(msg.head.next, 2);
}

/* Whoever knows more than the log, or something else, proves that it is an older copy. */
static void consumers_of_the_log_are_judged(void **state)
{
    (void)state;
    uint8_t chain[STREAM_CHAIN];
    make(STREAM_LOG);
    assert_int_equal(add_block(3), 0);
    memcpy(chain, publisher.chain, STREAM_CHAIN);
    assert_int_equal(add_block(3), 0);
    assert_int_equal(stream_publisher_judge(&publisher, 1, zeros), 0);
    assert_int_equal(stream_publisher_judge(&publisher, 4, chain), 0);
    assert_int_equal(stream_publisher_judge(&publisher, 7, publisher.chain), 0);
    assert_int_equal(stream_publisher_judge(&publisher, 8, publisher.chain),
                     ERR_LOG_BEHIND);
    assert_int_equal(stream_publisher_judge(&publisher, 4, zeros), ERR_DIVERGED);
    assert_int_equal(stream_publisher_judge(&publisher, 7, chain), ERR_DIVERGED);
    assert_int_equal(stream_publisher_judge(&publisher, 5, chain),
                     ERR_DIVERGED); /* no cut */
    assert_int_equal(fetch(8, chain), ERR_LOG_BEHIND);
    assert_int_equal(fetch(4, zeros), ERR_DIVERGED);
}

/* The owner of a derived stream never refuses. */
static void a_derived_stream(void **state)
{
    (void)state;
    uint32_t records;
    make(STREAM_APPROVED(2));
    assert_int_equal(add_block(3), 0);
    assert_int_equal(add_block(3), 0);
    assert_int_equal(fetch(5, zeros), 0); /* in the middle of a block: all of it */
    read_answer(4, &records);
    assert_int_equal(records, 3);
    assert_int_equal(fetch(100, zeros), 0); /* the asker is ahead: it waits */
    assert_int_equal(read_answer(100, &records).next, 7);
    assert_int_equal(records, 0);
    make(STREAM_APPROVED(3)); /* the neighbour's blocks are not its own */
    publisher.next = 4;
    assert_int_equal(fetch(1, zeros), 0);
    assert_int_equal(read_answer(1, &records).reason, error_number(ERR_GAP));
}

static void made_again_after_a_restart(void **state)
{
    (void)state;
    uint8_t chain[STREAM_CHAIN];
    uint32_t records;
    make(STREAM_APPROVED(0));
    assert_int_equal(add_block(3), 0);
    assert_int_equal(add_block(2), 0);
    memcpy(chain, publisher.chain, STREAM_CHAIN);

    make(STREAM_APPROVED(0));
    stream_publisher_begin_replay(&publisher, 6, chain);
    assert_int_equal(add_block(3), 0);
    assert_int_equal(fetch(4, zeros), 0);
    assert_int_equal(read_answer(4, &records).reason, error_number(ERR_PENDING));
    assert_int_equal(add_block(2), 0);
    size_t size;
    assert_null(stream_publisher_take(&publisher, &size)); /* it was pushed long ago */
    assert_int_equal(stream_publisher_end_replay(&publisher), 0);
    assert_int_equal(fetch(4, zeros), 0);
    assert_int_equal(read_answer(4, &records).reason, 0);

    make(STREAM_APPROVED(0));
    stream_publisher_begin_replay(&publisher, 6, chain);
    assert_int_equal(add_block(2), ERR_DIVERGED); /* three it was */

    make(STREAM_APPROVED(0));
    stream_publisher_begin_replay(&publisher, 6, chain);
    assert_int_equal(add_block(3), 0);
    assert_int_equal(stream_publisher_end_replay(&publisher),
                     ERR_DIVERGED); /* too short */
}

/* A frame never holds more than it may, whatever is asked for. */
static void a_long_stream_is_fetched_in_parts(void **state)
{
    (void)state;
    static uint8_t body[MESSAGE_BYTES_MAX];
    uint32_t records;
    make(STREAM_LOG);
    for (uint32_t blocks = 0; blocks < 6; blocks++) {
        while (!stream_publisher_is_full(&publisher))
            stream_publisher_add_log(&publisher, 7, 1, body, sizeof body);
        assert_int_equal(stream_publisher_cut(&publisher, publisher.next), 0);
    }
    assert_int_equal(fetch(1, zeros), 0);
    assert_true(frame_size <= sizeof frame && frame_size > sizeof frame / 2);
    struct msg_fetched answer = read_answer(1, &records);
    assert_true(records < answer.next - 1 && records > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cut_push_and_answer, begin, end),
        cmocka_unit_test_setup_teardown(the_epoch_of_pushes, begin, end),
        cmocka_unit_test_setup_teardown(consumers_of_the_log_are_judged, begin, end),
        cmocka_unit_test_setup_teardown(a_derived_stream, begin, end),
        cmocka_unit_test_setup_teardown(made_again_after_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(a_long_stream_is_fetched_in_parts, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
