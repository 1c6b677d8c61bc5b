/* service_test.c - the harness under loss, duplication, reordering and crashes. */
#include "tests/unit/service_world.h"

/* The live states equal those of services that start from nothing. */
static void check_from_zero(void)
{
    for (uint32_t i = RISK; i < SERVICES; i++) {
        char path[80];
        struct service_instance *live = venue[i];
        memcpy(path, paths[i], sizeof path);
        snprintf(paths[i], sizeof paths[i], "%s/fresh%u", directory, i);
        start(i);
        for (uint32_t at = 0; service_next(venue[i]) < service_next(live); at++) {
            net.now_ns += 2 * UINT64_C(1000000);
            turn(i);
            turn(SEQUENCER == i ? RISK : SEQUENCER);
            if (i == SHARD)
                turn(RISK);
            assert_true(at < 20000);
        }
        struct service_instance *fresh = venue[i];
        venue[i] = live;
        while (service_next(live) < service_next(fresh)) {
            net.now_ns += 2 * UINT64_C(1000000);
            turn(i);
        }
        memcpy(paths[i], path, sizeof path);
        if (service_next(live) == service_next(fresh))
            assert_memory_equal(((const struct toy *)service_state(fresh))->digest,
                                toy_of(i)->digest, 16);
        service_destroy(&fresh);
    }
}

/* ---- tests ------------------------------------------------------------------------- */

/* The use: a venue runs, everything that is said is read by everybody. */
static void a_quiet_venue(void **state)
{
    (void)state;
    run_for(3000);
    for (uint32_t i = 0; i < SERVICES; i++)
        assert_true(service_is_ready(venue[i]));
    assert_true(toy_of(RISK)->ticks >= 25 && toy_of(SHARD)->ticks >= 25);
    assert_true(toy_of(READER)->records > 100);
    assert_int_equal(service_next(venue[READER]), service_next(venue[SEQUENCER]));
    assert_true(metrics_get(&venue[RISK]->metrics, METRICS_snapshots) > 0);
    assert_int_equal(stream_submitter_unacked_bytes(&venue[RISK]->submitter), 0);
    check_from_zero();
}

static void crash(uint32_t i)
{
    service_destroy(&venue[i]);
    start(i);
}

/* Lossy links and a crash of one service after the other, at any point. */
static void chaos(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 8; seed++) {
        random_init(&net.random, seed);
        net.loss = 100;
        net.duplication = 50;
        net.reordering = 50;
        for (uint32_t step = 0; step < 3000; step++) {
            net.now_ns += random_below(&net.random, 4) * UINT64_C(1000000);
            turn((uint32_t)random_below(&net.random, SERVICES));
            if (net_chance(5))
                crash((uint32_t)random_below(&net.random, SERVICES));
        }
        net.loss = net.duplication = net.reordering = 0;
        run_for(3000);
        for (uint32_t i = 0; i < SERVICES; i++)
            assert_true(service_is_ready(venue[i]));
        assert_int_equal(toy_of(RISK)->ticks, toy_of(SHARD)->ticks);
    }
    check_from_zero();
}

/* ---- queries ----------------------------------------------------------------------- */

static struct bus *asker;

static void ask(uint64_t id, uint64_t after)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    struct msg msg = {.kind = MSG_query};
    msg.query.id = id;
    msg.query.kind = QUERY_KIND_ORDERS;
    msg.query.after = after;
    msg.query.limit = 1;
    assert_int_equal(codec_encode(bytes, sizeof bytes, &msg, &size), 0);
    assert_int_equal(bus_send(asker, BUS_OWNER, 0, bytes, size), 0);
}

static struct msg_answer take_answer(void)
{
    struct bus_frame frame;
    struct msg msg;
    size_t used = 0;
    assert_int_equal(bus_receive(asker, &frame), 1);
    assert_int_equal(codec_decode(frame.bytes, frame.size, &msg, &used), 0);
    assert_int_equal(msg.kind, MSG_answer);
    return msg.answer;
}

/* Answered where the question asks for, with rows not committed yet; else PENDING. */
static void queries(void **state)
{
    (void)state;
    static const struct bus_endpoint to_reader = {.port = BUS_OWNER, .address = "reader"};
    struct bus_options options = {.endpoints = &to_reader, .endpoint_count = 1};
    assert_int_equal(bus_open(&asker, &options), 0);
    run_for(500);
    uint64_t gseq = service_next(venue[READER]) - 1;
    ask(1, gseq);
    ask(2, gseq + 8);
    ask(3, gseq + 1000000);
    turn(READER);
    struct msg_answer answer = take_answer();
    assert_int_equal(answer.id, 1);
    assert_int_equal(answer.gseq, gseq);
    assert_int_equal(answer.cursor, gseq); /* all it has applied */
    assert_int_equal(answer.reason, 0);    /* and the flushed rows were found */
    struct bus_frame frame;
    assert_int_equal(bus_receive(asker, &frame), 0);
    run_for(1500);
    answer = take_answer();
    assert_int_equal(answer.id, 2);
    assert_true(answer.gseq >= gseq + 8);
    run_for(1500);
    answer = take_answer();
    assert_int_equal(answer.id, 3);
    assert_int_equal(answer.reason, error_number(ERR_PENDING));
    bus_close(&asker);
}

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_quiet_venue, begin, end),
        cmocka_unit_test_setup_teardown(chaos, begin, end),
        cmocka_unit_test_setup_teardown(queries, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
