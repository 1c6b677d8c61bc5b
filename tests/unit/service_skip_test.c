/* service_skip_test.c - records that a service passes over, because the operator says so.
 */
#include "tests/unit/service_world.h"

/* The operator's skip is honoured in every later life too. */
static void a_skipped_record(void **state)
{
    (void)state;
    static const uint64_t skips[] = {5, 7};
    kill_it(READER);
    shell("rm -rf %s%s", paths[READER], "");
    struct service_options options = options_of(READER);
    options.skips = skips;
    options.skip_count = 2;
    assert_int_equal(service_create(&venue[READER], &kinds[READER], &options), 0);
    run_for(500);
    assert_int_equal(toy_of(READER)->skipped, 2);
    kill_it(READER);
    start(READER);
    run_for(500);
    assert_int_equal(toy_of(READER)->skipped, 2);
}

/* ---- the operator, through the sequencer's door ---------------------------------- */

static struct bus *operator;
static uint64_t session;

static void say(const struct msg *m)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    assert_int_equal(codec_encode(bytes, sizeof bytes, m, &size), 0);
    assert_int_equal(bus_send(operator, BUS_SEQUENCER, 0, bytes, size), 0);
}

static struct msg hear(void)
{
    struct bus_frame frame = {.size = 0};
    struct msg m;
    size_t used = 0;
    assert_int_equal(bus_receive(operator, & frame), 1);
    assert_int_equal(codec_decode(frame.bytes, frame.size, &m, &used), 0);
    return m;
}

static void log_in(void)
{
    static const struct bus_endpoint to_sequencer = {.port = BUS_SEQUENCER,
                                                     .address = "seq"};
    struct bus_options options = {.endpoints = &to_sequencer, .endpoint_count = 1};
    assert_int_equal(bus_open(&operator, & options), 0);
    say(&(struct msg){.kind = MSG_submit_open,
                      .submit_open = {.account = ACCOUNT_ADMIN, .nonce = 1}});
    run_for(10);
    const struct msg opened = hear();
    assert_int_equal(opened.kind, MSG_opened);
    session = opened.opened.session;
}

/* 0: it is in the log, else why not. */
static int skip_shard(uint64_t sequence)
{
    struct msg m = {.kind = MSG_submit_command};
    size_t size = 0;
    m.submit_command.session = session;
    m.submit_command.n = 1;
    m.submit_command.account = ACCOUNT_ADMIN;
    assert_int_equal(
        codec_encode(m.submit_command.body, sizeof m.submit_command.body,
                     &(struct msg){.kind = MSG_skip, .skip = {SERVICE_SHARD, sequence}},
                     &size),
        0);
    m.submit_command.body_size = (uint16_t)size;
    say(&m);
    turn(SEQUENCER);
    return operator->count == 0 ? 0 : -(int) hear().refused.reason;
}

static void log_out(void)
{
    bus_close(&operator);
}

/* A record that kills the shard is passed over when the operator says so, and in every
 * life after that, with or without what the shard had on disk. */
static void a_skip_by_the_operator(void **state)
{
    (void)state;
    run_for(1000);
    log_in();
    shard_dies_at = service_next(venue[SHARD]) + 3;
    kill_it(SHARD);
    run_for(1000); /* the record is made, and the shard has not seen it */
    assert_int_equal(skip_shard(shard_dies_at), ERR_BUSY);
    start(SHARD);
    run_for(1000); /* it would die, were it let in */
    assert_int_equal(skip_shard(shard_dies_at), 0);
    net.loss = net.reordering = 100;
    run_for(3000);
    assert_true(service_next(venue[SHARD]) > shard_dies_at);
    assert_int_equal(toy_of(SHARD)->skipped, 1);
    for (uint32_t life = 0; life < 2; life++) {
        kill_it(SHARD);
        if (life > 0)
            shell("rm -rf %s%s", paths[SHARD], "");
        kill_it(SEQUENCER);
        start(SEQUENCER);
        start(SHARD);
        run_for(3000);
        assert_int_equal(toy_of(SHARD)->skipped, 1);
    }
    assert_true(service_is_ready(venue[SHARD]));
    log_out();
}

/* The sequencer knows of a service that runs only where it stood a while ago. Were it
 * told to skip what it passes meanwhile, it could never start again. */
static void no_skip_for_one_that_runs(void **state)
{
    (void)state;
    run_for(1000);
    log_in();
    const uint64_t sequence = service_next(venue[SHARD]) + 1;
    while (service_next(venue[SHARD]) <= sequence) {
        net.now_ns += UINT64_C(1000000);
        turn(RISK);
        turn(SEQUENCER);
        turn(SHARD);
        if (service_next(venue[SHARD]) > sequence)
            assert_int_equal(skip_shard(sequence), ERR_BUSY); /* not told yet */
    }
    run_for(500);
    assert_int_equal(skip_shard(sequence), ERR_PASSED);
    kill_it(SHARD);
    start(SHARD);
    run_for(3000);
    assert_true(service_is_ready(venue[SHARD]));
    assert_int_equal(toy_of(SHARD)->skipped, 0);
    log_out();
}

/* ---- what the sequencer tells ---------------------------------------------------- */

/* One record's skip, told twice, is not two: the welcome was for two. */
static void repeats_do_not_count(void **state)
{
    (void)state;
    struct msg m = {.kind = MSG_skip, .skip = {SERVICE_PORTFOLIO, 5}};
    uint8_t bytes[4 * MESSAGE_BYTES_MAX];
    size_t size = 0, all = 0;
    kill_it(READER);
    shell("rm -rf %s%s", paths[READER], "");
    kill_it(SEQUENCER);
    start(READER);
    struct net_frame frame = {BUS_SEQUENCER, 0, 0, 0, NULL};
    for (uint32_t i = 0; i < 3; i++, all += size) {
        if (i == 2)
            m = (struct msg){.kind = MSG_welcome, .welcome = {.log_id = {1}, .skips = 2}};
        assert_int_equal(codec_encode(bytes + all, MESSAGE_BYTES_MAX, &m, &size), 0);
    }
    frame.size = all;
    net_enqueue(venue[READER]->bus, frame, bytes);
    turn(READER);
    assert_false(venue[READER]->is_welcomed);
    start(SEQUENCER);
}

/* As if the operator's session had been there from the start. */
static void log_skip(uint32_t service, uint64_t sequence)
{
    struct sequencer *s = venue[SEQUENCER]->state;
    struct outbox *outbox = &venue[SEQUENCER]->outbox;
    struct msg m = {.kind = MSG_open, .open = {.account = ACCOUNT_ADMIN, .nonce = 1}};
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    const uint64_t opened = sequencer_append_own(s, outbox, &m);
    m = (struct msg){.kind = MSG_skip, .skip = {service, sequence}};
    assert_int_equal(codec_encode(bytes, sizeof bytes, &m, &size), 0);
    sequencer_append(s, outbox, (int64_t)opened, 1, &m, bytes, (uint32_t)size);
}

/* What was applied cannot be unapplied: better to stop than to differ from a replay. */
static void a_skip_that_comes_too_late(void **state)
{
    (void)state;
    run_for(1000);
    log_skip(SERVICE_SHARD, 3);
    assert_int_equal(run_until_end(SHARD, 2000), ERR_DIVERGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_skipped_record, begin, end),
        cmocka_unit_test_setup_teardown(a_skip_by_the_operator, begin, end),
        cmocka_unit_test_setup_teardown(no_skip_for_one_that_runs, begin, end),
        cmocka_unit_test_setup_teardown(repeats_do_not_count, begin, end),
        cmocka_unit_test_setup_teardown(a_skip_that_comes_too_late, begin, end),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
