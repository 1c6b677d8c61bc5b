/* sequencer_core_test.c - how it starts, what time it is, and that its state is its
 * log. */
#include "tests/unit/sequencer_world.h"

/* ---- start ------------------------------------------------------------------------- */

/* The epoch rises before anything else; GENESIS is record 1. */
static void test_epoch_comes_first(void **unused)
{
    (void)unused;
    struct desk *d = desk_create(&sequencer_core, &world_genesis, &world_settings);
    struct msg m = {.kind = MSG_genesis};
    m.genesis = world_genesis;
    desk_apply(d, 0, 0, &m);
    desk_turn(d);
    assert_int_equal(d->records[0].gseq, 2);
    assert_int_equal(d->records[0].msg.kind, MSG_epoch);
    assert_int_equal(d->records[0].msg.epoch.epoch, 1);
    desk_destroy(d);
}

/* No command enters before risk, settlement and portfolio have checked in; what services
 * submit always does. */
static void test_intake_waits_for_consumers(void **unused)
{
    (void)unused;
    struct desk *d = desk_create(&sequencer_core, &world_genesis, &world_settings);
    struct msg m = {.kind = MSG_genesis};
    m.genesis = world_genesis;
    desk_apply(d, 0, 0, &m);
    check_in(d, -SERVICE_RISK, 2);
    const struct msg *welcome = desk_sent(d, BUS_SERVER, SERVICE, MSG_welcome);
    assert_memory_equal(welcome->welcome.log_id, world_genesis.log_id, 16);
    assert_int_equal(welcome->welcome.epoch, 1);
    check_in(d, -SERVICE_PORTFOLIO, 2);
    put_open(d, ACCOUNT, 1);
    send_frame(d);
    const struct msg_refused *r = refused(d, ERR_UNAVAILABLE);
    assert_int_equal(r->n, 1);
    assert_int_equal(r->account, ACCOUNT);
    check_in(d, -SERVICE_SETTLEMENT, 1);
    assert_true(open_session(d, ACCOUNT, 1) > 0);
    desk_destroy(d);
}

/* The operator may open the intake early. */
static void test_force_open(void **unused)
{
    (void)unused;
    const struct core_settings forced = {.window_records = 100, .force_open = true};
    struct desk *d = desk_create(&sequencer_core, &world_genesis, &forced);
    struct msg m = {.kind = MSG_genesis};
    m.genesis = world_genesis;
    desk_apply(d, 0, 0, &m);
    assert_true(open_session(d, ACCOUNT, 1) > 0);
    desk_destroy(d);
}

/* A consumer that the operator has removed is not waited for: from the confirmation on,
 * not from the command. */
static void test_consumer_removed(void **unused)
{
    (void)unused;
    struct desk *d = desk_create(&sequencer_core, &world_genesis, &world_settings);
    struct msg m = {.kind = MSG_genesis}, command = {.kind = MSG_consumer};
    size_t size = 0;
    m.genesis = world_genesis;
    desk_apply(d, 0, 0, &m);
    m = (struct msg){.kind = MSG_admin_done};
    m.admin_done.request = 1;
    m.admin_done.account = ACCOUNT_ADMIN;
    command.consumer.service = SERVICE_PORTFOLIO;
    assert_int_equal(
        codec_encode(m.admin_done.body, sizeof m.admin_done.body, &command, &size), 0);
    m.admin_done.body_size = (uint16_t)size;
    desk_apply(d, -SERVICE_RISK, 1, &m);
    check_in(d, -SERVICE_RISK, 2);
    put_open(d, ACCOUNT, 1);
    send_frame(d);
    refused(d, ERR_UNAVAILABLE);
    check_in(d, -SERVICE_SETTLEMENT, 2);
    assert_true(open_session(d, ACCOUNT, 1) > 0);
    desk_destroy(d);
}

/* A consumer that knows more than the log stops the sequencer; one of another log is
 * told. */
static void test_checkin_is_judged(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    struct msg m = {.kind = MSG_checkin};
    m.checkin.source = -SERVICE_RISK;
    m.checkin.log_id[0] = 9;
    desk_put(d, &m);
    desk_receive(d, BUS_SERVER, SERVICE, NULL);
    desk_turn(d);
    const struct msg *welcome = desk_sent(d, BUS_SERVER, SERVICE, MSG_welcome);
    assert_int_equal(welcome->welcome.reason, error_number(ERR_OTHER_LOG));
    assert_int_equal(d->outbox.stop, 0);
    check_in(d, -SERVICE_RISK, d->gseq + 2);
    assert_int_equal(d->outbox.stop, ERR_LOG_BEHIND);
    desk_destroy(d);
}

/* ---- time -------------------------------------------------------------------------- */

/* Time rises with every record, and a TICK comes every 100 ms of it. */
static void test_time(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    uint64_t last_ns = 0, ticks = 0;
    for (int i = 0; i < 1000; i++) {
        desk_pass_ms(d, 1);
        put_open(d, ACCOUNT, 1);
        send_frame(d);
        for (uint32_t k = 0; k < d->record_count; k++) {
            assert_true(d->records[k].time_ns > last_ns);
            last_ns = d->records[k].time_ns;
            ticks += d->records[k].msg.kind == MSG_tick;
        }
    }
    /* The wall clock is far ahead: the log's time runs 1.1 times as fast. */
    assert_in_range(ticks, 10, 11);
    desk_destroy(d);
}

/* The wall clock may jump as it likes: the log's time is slewed by a tenth at most. */
static void test_slew(void **unused)
{
    (void)unused;
    struct logtime t;
    logtime_start(&t, 1000000, 500);
    logtime_advance(&t, 1500, 0);
    assert_int_equal(t.now_ns, 1000900);
    logtime_advance(&t, 2500, UINT64_MAX);
    assert_int_equal(t.now_ns, 1002000);
    logtime_advance(&t, 2500, UINT64_MAX);
    logtime_advance(&t, 100, 0);
    assert_int_equal(t.now_ns, 1002000);
    logtime_advance(&t, 3500, 1003010);
    assert_int_equal(t.now_ns, 1003010);
}

/* ---- the log is the state ---------------------------------------------------------- */

/* A second sequencer that replays the log has the same state, from zero and from a
 * snapshot, and continues with the next epoch. */
static void test_replay(void **unused)
{
    (void)unused;
    struct desk *d = open_desk(),
                *replica = desk_create(&sequencer_core, &world_genesis, &world_settings);
    struct sequencer *live = d->state;
    const uint8_t start[16] = {0};
    uint8_t digest[16];
    struct msg m = {.kind = MSG_genesis};
    m.genesis = world_genesis;
    desk_apply(replica, 0, 0, &m);
    /* open_desk has taken EPOCH and TICK already: they are made again from their
     * numbers. */
    m = (struct msg){.kind = MSG_epoch};
    m.epoch.epoch = 1;
    m.epoch.version = 1;
    m.epoch.wall_ns = 5000000000;
    desk_apply(replica, 0, 0, &m);
    ((struct sequencer *)replica->state)->time_ns = live->time_ns;
    assert_int_equal(live->next, 3);
    uint64_t session = 0;
    memcpy(digest, start, sizeof digest);
    for (uint64_t step = 1; step <= 60; step++) {
        const struct msg o = order(step);
        desk_pass_ms(d, 30);
        if (step % 10 == 1) {
            put_open(d, ACCOUNT, step);
        } else if (step % 10 == 0) {
            const struct msg close = {.kind = MSG_close};
            put_command(d, session, 9, ACCOUNT, &close);
        } else {
            put_command(d, session, step % 10 - 1, ACCOUNT, &o);
        }
        send_frame(d);
        for (uint32_t i = 0; i < d->record_count; i++) {
            const struct desk_record *r = &d->records[i];
            const struct core_input in = {.seq = r->gseq,
                                          .gseq = r->gseq,
                                          .time_ns = r->time_ns,
                                          .source = r->source,
                                          .n = r->n,
                                          .msg = &r->msg,
                                          .bytes = r->bytes,
                                          .bytes_size = r->size};
            session = r->msg.kind == MSG_open ? r->gseq : session;
            sequencer_core.apply(replica->state, &in, &replica->outbox);
        }
        desk_same(&sequencer_core, d->state, replica->state);
        if (step % 7 == 0) {
            void *again = desk_reload(replica);
            free(replica->state);
            replica->state = again;
        }
    }
    replica->gseq = d->gseq;
    replica->time = d->time;
    desk_turn(replica);
    assert_int_equal(replica->records[0].msg.epoch.epoch, 2);
    desk_destroy(replica);
    desk_destroy(d);
}

/* STATUS shows the sequencer and each service that was heard of or is registered. */
static void test_status(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    uint8_t rows[4096];
    struct core_answer answer = {.rows = rows, .rows_capacity = sizeof rows};
    const struct msg_query query = {.kind = QUERY_KIND_STATUS};
    sequencer_core.query(d->state, &query, NULL, &answer);
    assert_int_equal(answer.count, 4);
    struct msg m;
    size_t used = 0;
    assert_int_equal(codec_decode(rows, answer.rows_size, &m, &used), 0);
    assert_int_equal(m.row_service.source, -SERVICE_SEQUENCER);
    assert_int_equal(m.row_service.epoch, 1);
    assert_int_equal(m.row_service.ready, 1);
    desk_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epoch_comes_first),
        cmocka_unit_test(test_intake_waits_for_consumers),
        cmocka_unit_test(test_force_open),
        cmocka_unit_test(test_consumer_removed),
        cmocka_unit_test(test_checkin_is_judged),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_slew),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
