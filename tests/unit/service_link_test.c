/* service_link_test.c - a connection is made anew when its peer is silent, and not when
 * the peer is only busy. */
#include "common/service_link.h"

#include "tests/unit/service_world.h"

static void silence_is_told_once(void **state)
{
    (void)state;
    struct service_link link = {.asked_ns = 0};
    assert_false(service_link_is_silent(&link, UINT64_MAX)); /* it owes nothing */
    service_link_ask(&link, 1000);
    service_link_ask(&link, 5000); /* since the first time */
    assert_false(service_link_is_silent(&link, 1000 + SERVICE_LINK_SILENT_NS - 1));
    assert_true(service_link_is_silent(&link, 1000 + SERVICE_LINK_SILENT_NS));
    assert_false(service_link_is_silent(&link, UINT64_MAX));
    service_link_ask(&link, 1000);
    service_link_hear(&link);
    assert_false(service_link_is_silent(&link, UINT64_MAX));
}

/* Risk and the reader have a socket for the log, one for its owner, and one for the
 * sequencer; the shard still hears its owner. */
static void who_is_gone_is_connected_to_anew(void **state)
{
    (void)state;
    run_for(5000);
    assert_int_equal(net.reconnects, 0);
    kill_it(SEQUENCER);
    run_for(2500);
    assert_int_equal(net.reconnects, 3 + 3 + 1);
    run_for(2000);
    assert_int_equal(net.reconnects, 2 * (3 + 3 + 1));
    start(SEQUENCER);
    run_for(5000);
    assert_int_equal(net.reconnects, 2 * (3 + 3 + 1));
}

static void who_cannot_be_reached_is_asked_less_often(void **state)
{
    (void)state;
    struct service_link link = {.asked_ns = 0};
    assert_int_equal(service_link_wait_ns(&link), SERVICE_LINK_SOON_NS);
    assert_int_equal(service_link_wait_ns(&link), 2 * SERVICE_LINK_SOON_NS);
    for (uint32_t i = 0; i < 100; i++)
        assert_true(service_link_wait_ns(&link) <= SERVICE_LINK_LATE_NS);
    service_link_hear(&link);
    assert_int_equal(service_link_wait_ns(&link), SERVICE_LINK_SOON_NS);
}

/* The shard's stream comes from risk: cut off for ten seconds it asks four times a
 * second, and some times more at first; then it is as far as before within a second. */
static void an_owner_that_is_gone_is_not_flooded(void **state)
{
    (void)state;
    run_for(5000);
    const uint64_t fetches = venue[SHARD]->input.fetches;
    kill_it(RISK);
    run_for(10000);
    assert_in_range(venue[SHARD]->input.fetches - fetches, 30, 50);
    start(RISK);
    run_for(1000);
    assert_true(service_is_ready(venue[SHARD]));
    assert_int_equal(service_next(venue[SHARD]), venue[RISK]->publishers[0].next);
}

static void start_without_snapshot(uint32_t i)
{
    struct service_options options = options_of(i);
    options.snapshot_records = UINT32_MAX;
    assert_int_equal(service_create(&venue[i], &kinds[i], &options), 0);
}

static void begin_without_snapshots(void)
{
    for (uint32_t i = 0; i < SERVICES; i++)
        kill_it(i);
    remove_files();
    for (uint32_t i = 0; i < SERVICES; i++)
        start_without_snapshot(i);
}

/* A long replay, as the others see it: an answer takes it nearly as long as it may be
 * silent.
 */
static void replay_slowly(uint32_t i)
{
    kill_it(i);
    start_without_snapshot(i);
    uint32_t turns = 0;
    for (; venue[i]->is_replaying; turns++) {
        net.now_ns += SERVICE_LINK_SILENT_NS / 20 * 9;
        for (uint32_t k = 0; k < SERVICES; k++)
            turn(k);
    }
    assert_true(turns > 2);
    assert_int_equal(net.reconnects, 0);
}

static void who_replays_is_not_gone(void **state)
{
    (void)state;
    begin_without_snapshots();
    run_for(60000);
    replay_slowly(SEQUENCER);
    run_for(1000);
    replay_slowly(SHARD);
    run_for(1000);
    replay_slowly(RISK);
    run_for(1000);
    assert_int_equal(net.reconnects, 0);
}

/* Risk asks the reader, as a gateway would. */
static void start_asker(void)
{
    static struct bus_endpoint all[6];
    struct service_options options = options_of(RISK);
    memcpy(all, endpoints[RISK], sizeof endpoints[RISK]);
    all[5] = (struct bus_endpoint){
        .port = BUS_SERVICE, .index = SERVICE_PORTFOLIO, .address = "reader"};
    options.bus.endpoints = all;
    options.bus.endpoint_count = 6;
    kill_it(RISK);
    assert_int_equal(service_create(&venue[RISK], &kinds[RISK], &options), 0);
}

static void ask_reader(void)
{
    struct msg m = {.kind = MSG_query};
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    m.query = (struct msg_query){.id = 1, .kind = QUERY_KIND_ORDERS, .limit = 1};
    assert_int_equal(codec_encode(bytes, sizeof bytes, &m, &size), 0);
    (void)service_sender_send(&venue[RISK]->sender, venue[RISK]->bus, BUS_SERVICE,
                              SERVICE_PORTFOLIO, bytes, size);
}

/* Who owes an answer is connected to anew; who owes none may be silent for ever. */
static void who_is_asked_answers(void **state)
{
    (void)state;
    start_asker();
    run_for(5000);
    for (uint32_t i = 0; i < 10; i++) {
        ask_reader();
        run_for(1000);
    }
    kill_it(READER);
    run_for(5000);
    assert_int_equal(net.reconnects, 0);
    for (uint64_t i = 1; i <= 3; i++) {
        ask_reader();
        run_for(5000);
        assert_int_equal(net.reconnects, i);
    }
}

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(silence_is_told_once),
        cmocka_unit_test_setup_teardown(who_is_gone_is_connected_to_anew, begin, end),
        cmocka_unit_test(who_cannot_be_reached_is_asked_less_often),
        cmocka_unit_test_setup_teardown(an_owner_that_is_gone_is_not_flooded, begin, end),
        cmocka_unit_test_setup_teardown(who_replays_is_not_gone, begin, end),
        cmocka_unit_test_setup_teardown(who_is_asked_answers, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
