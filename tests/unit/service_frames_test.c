/* service_frames_test.c - a sequencer that was replaced may go on for a while: nothing it
 * says is news, neither to the stream nor to a core that listens to HEADs. */
#include "common/service_frames.h"

#include "tests/unit/service_world.h"

static struct {
    uint8_t bytes[4096]; /* the last HEAD that was passed on */
    size_t size;
    uint64_t epoch;
    uint32_t count;
} heard;

static void hear(void *state, const struct core_frame *frame,
                 const struct core_time *time, struct outbox *outbox)
{
    struct msg msg;
    size_t used = 0;
    (void)state;
    (void)time;
    (void)outbox;
    if (frame->port != BUS_STREAM)
        return;
    assert_true(frame->bytes_size <= sizeof heard.bytes);
    assert_int_equal(codec_decode(frame->bytes, frame->bytes_size, &msg, &used), 0);
    assert_int_equal(msg.kind, MSG_head);
    memcpy(heard.bytes, frame->bytes, frame->bytes_size);
    heard.size = frame->bytes_size;
    heard.epoch = msg.head.epoch;
    heard.count++;
}

/* The reader, with ears: as a gateway has them. */
static int begin_listening(void **state)
{
    static struct core_ops core;
    static struct service_kind kind;
    begin(state);
    memset(&heard, 0, sizeof heard);
    core = reader_core;
    core.receive = hear;
    kind = kinds[READER];
    kind.core = &core;
    kill_it(READER);
    const struct service_options options = options_of(READER);
    return service_create(&venue[READER], &kind, &options);
}

static void publish(const uint8_t *head, size_t size)
{
    assert_int_equal(
        bus_publish(venue[SEQUENCER]->bus, venue[READER]->input.stream, head, size), 0);
}

static void a_head_of_a_replaced_sequencer(void **state)
{
    (void)state;
    static uint8_t old[sizeof heard.bytes];
    run_for(1000);
    assert_true(heard.count > 0);
    const size_t old_size = heard.size;
    const uint64_t old_epoch = heard.epoch;
    memcpy(old, heard.bytes, old_size);
    kill_it(SEQUENCER);
    start(SEQUENCER);
    run_for(1000);
    assert_true(heard.epoch > old_epoch);

    const uint32_t count = heard.count;
    const uint64_t epoch = heard.epoch;
    publish(old, old_size);
    turn(READER);
    assert_int_equal(heard.count, count);
    publish(heard.bytes, heard.size);
    turn(READER);
    assert_int_equal(heard.count, count + 1);
    assert_int_equal(heard.epoch, epoch);
}

/* Nor does it keep a connection alive: who hears nobody else makes all three anew. */
static void only_a_replaced_sequencer_is_heard(void **state)
{
    (void)state;
    static uint8_t old[sizeof heard.bytes];
    run_for(1000);
    const size_t old_size = heard.size;
    memcpy(old, heard.bytes, old_size);
    kill_it(SEQUENCER);
    start(SEQUENCER);
    run_for(1000);
    kill_it(RISK);
    kill_it(SHARD);
    const uint64_t reconnects = net.reconnects;
    for (uint32_t ms = 0; ms < 2500; ms += 100) {
        publish(old, old_size);
        net.now_ns += 100 * UINT64_C(1000000);
        turn(READER);
    }
    assert_int_equal(net.reconnects, reconnects + 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_head_of_a_replaced_sequencer, begin_listening,
                                        end),
        cmocka_unit_test_setup_teardown(only_a_replaced_sequencer_is_heard,
                                        begin_listening, end),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
