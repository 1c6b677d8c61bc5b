/* service_query_test.c - what the owner of the log tells of its chain, and what it does
 * not tell. Queries to cores are in service_test.c. */
#include "common/service_query.h"

#include "tests/unit/service_world.h"

static struct bus *asker;

static int open_asker(void **state)
{
    static const struct bus_endpoint to_sequencer = {.port = BUS_OWNER, .address = "seq"};
    const struct bus_options options = {.endpoints = &to_sequencer, .endpoint_count = 1};
    begin(state);
    assert_int_equal(bus_open(&asker, &options), 0);
    run_for(1000);
    return 0;
}

static int close_asker(void **state)
{
    bus_close(&asker);
    return end(state);
}

static void ask_chain(uint64_t after)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    const struct msg msg = {
        .kind = MSG_query,
        .query = {.id = 1, .kind = QUERY_KIND_CHAIN, .after = after, .limit = 1}};
    assert_int_equal(codec_encode(bytes, sizeof bytes, &msg, &size), 0);
    assert_int_equal(bus_send(asker, BUS_OWNER, 0, bytes, size), 0);
}

/* The chain behind a record is what everybody has who stands there. */
static void the_chain_is_told(void **state)
{
    (void)state;
    struct bus_frame frame;
    struct msg msg;
    size_t used = 0, more = 0;
    const uint64_t next = service_next(venue[READER]);
    ask_chain(next - 1);
    turn(SEQUENCER);
    assert_int_equal(bus_receive(asker, &frame), 1);
    assert_int_equal(codec_decode(frame.bytes, frame.size, &msg, &used), 0);
    assert_int_equal(msg.kind, MSG_answer);
    assert_int_equal(msg.answer.reason, 0);
    assert_int_equal(msg.answer.count, 1);
    assert_int_equal(codec_decode(frame.bytes + used, frame.size - used, &msg, &more), 0);
    assert_int_equal(msg.kind, MSG_row_chain);
    assert_int_equal(msg.row_chain.gseq, next - 1);
    assert_memory_equal(msg.row_chain.chain, venue[READER]->input.chain, STREAM_CHAIN);
}

/* Flips a bit of the block that holds this record, under the running sequencer. Returns
 * the first of its records. */
static uint64_t damage_block_of(uint64_t gseq)
{
    struct journal *journal = venue[SEQUENCER]->journal;
    static uint8_t copy[1 << 16];
    uint8_t key[8];
    const void *found, *bytes;
    size_t found_size, size;
    big_endian_put(key, gseq, sizeof key);
    assert_int_equal(journal_seek_back(journal, JOURNAL_LOG, key, sizeof key, &found,
                                       &found_size, &bytes, &size),
                     0);
    assert_int_equal(found_size, sizeof key);
    assert_true(size <= sizeof copy);
    memcpy(key, found, sizeof key);
    memcpy(copy, bytes, size);
    copy[size / 2] ^= 1;
    assert_int_equal(journal_put(journal, JOURNAL_LOG, key, sizeof key, copy, size), 0);
    assert_int_equal(journal_commit(journal), 0);
    return big_endian_get(key, sizeof key);
}

/* A block that cannot be read is not a record that is not there: a client whose tag was
 * answered NOT_FOUND would believe the log another one. */
static void damaged_is_not_another_log(void **state)
{
    (void)state;
    struct bus_frame frame;
    ask_chain(damage_block_of(10) - 1);
    assert_int_equal(run_until_end(SEQUENCER, 100), ERR_CORRUPT);
    assert_int_equal(bus_receive(asker, &frame), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_chain_is_told, open_asker, close_asker),
        cmocka_unit_test_setup_teardown(damaged_is_not_another_log, open_asker,
                                        close_asker),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
