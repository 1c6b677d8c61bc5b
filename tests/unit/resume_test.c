/* resume_test.c - a client that was away misses nothing and hears nothing twice. */
#include "tests/unit/gateway_world.h"

static void put_resume(struct desk *d, uint64_t session, uint64_t last_gseq,
                       uint64_t tag_gseq, uint64_t tag)
{
    struct msg m = {.kind = MSG_resume};
    m.resume.session = session;
    m.resume.last_gseq = last_gseq;
    m.resume.tag_gseq = tag_gseq;
    m.resume.tag = tag;
    desk_put(d, &m);
}

/* The question that went to this service. */
static struct msg_query asked(struct desk *d, uint32_t service, uint8_t kind)
{
    const struct msg *m = desk_sent(d, BUS_SERVICE, service, MSG_query);
    assert_int_equal(m->query.kind, kind);
    return m->query;
}

static void put_row(struct desk *d, uint64_t gseq, uint64_t prev)
{
    struct msg m = {.kind = MSG_row_report};
    m.row_report.gseq = gseq;
    m.row_report.prev = prev;
    m.row_report.body_size = 1;
    desk_put(d, &m);
}

static void put_chain(struct desk *d, uint64_t gseq, uint8_t first)
{
    struct msg m = {.kind = MSG_row_chain};
    m.row_chain.gseq = gseq;
    m.row_chain.chain[0] = first;
    desk_put(d, &m);
}

/* Pages from portfolio, then what came meanwhile, then `resumed`, then live; what
 * portfolio already gave is not given twice. */
static void test_resume(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t session = open_session(d, A, 1);
    const struct msg m = order(1);
    desk_apply(d, (int64_t)session, 1, &m);
    const uint64_t r1 = report(d, ALICE), r2 = report(d, ALICE), r3 = report(d, ALICE);
    const uint64_t joined = d->gseq;
    desk_take(d);
    put_resume(d, session, r1, 0, 0);
    from(d, A2);
    struct msg_query q = asked(d, SERVICE_PORTFOLIO, QUERY_KIND_REPORTS);
    assert_int_equal(q.after, joined);
    assert_int_equal(q.account, ALICE);
    assert_int_equal(q.cursor, r1);
    const uint64_t r4 = report(d, ALICE), r5 = report(d, ALICE);
    desk_take(d);
    reported(d, A, r4, r3); /* the other connection is live as before */
    reported(d, A, r5, r4);
    desk_sent_nothing(d);
    put_answer(d, q.id, 0, r2, 1);
    put_row(d, r2, r1);
    from_service(d, SERVICE_PORTFOLIO);
    reported(d, A2, r2, r1);
    q = asked(d, SERVICE_PORTFOLIO, QUERY_KIND_REPORTS);
    assert_int_equal(q.cursor, r2);
    put_answer(d, q.id, 0, 0, 2);
    put_row(d, r3, r2);
    put_row(d, r4, r3);
    from_service(d, SERVICE_PORTFOLIO);
    reported(d, A2, r3, r2);
    reported(d, A2, r4, r3);
    reported(d, A2, r5, r4);
    const struct msg_resumed resumed =
        desk_sent(d, BUS_CLIENTS, A2, MSG_resumed)->resumed;
    assert_int_equal(resumed.session, session);
    assert_int_equal(resumed.last_n, 1);
    assert_int_equal(resumed.last_gseq, r5);
    desk_sent_nothing(d);
    const uint64_t r6 = report(d, ALICE);
    desk_take(d);
    reported(d, A2, r6, r5);
    reported(d, A, r6, r5);
    desk_destroy(d);
}

/* A session that is opened by another account once it was named says nothing. */
static void test_anothers_session(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    put_resume(d, d->gseq + 1, 0, 0, 0);
    from(d, B);
    const struct msg_query q = asked(d, SERVICE_PORTFOLIO, QUERY_KIND_REPORTS);
    const uint64_t session = open_session(d, A, 1);
    const struct msg m = order(1);
    assert_int_equal(session, d->gseq);
    desk_apply(d, (int64_t)session, 1, &m);
    desk_take(d);
    put_answer(d, q.id, ERR_NOT_FOUND, 0, 0);
    from_service(d, SERVICE_PORTFOLIO);
    const struct msg_resumed resumed = desk_sent(d, BUS_CLIENTS, B, MSG_resumed)->resumed;
    assert_int_equal(resumed.session, session);
    assert_int_equal(resumed.last_n, 0);
    put_resume(d, session, 0, 0, 0);
    from(d, B);
    refused(d, B, ERR_UNKNOWN_SESSION);
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* A client that heard more than this gateway has read hears nothing twice. */
static void test_client_ahead(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    put_resume(d, 0, d->gseq + 1, 0, 0);
    from(d, A);
    const struct msg_query q = asked(d, SERVICE_PORTFOLIO, QUERY_KIND_REPORTS);
    put_answer(d, q.id, ERR_NOT_FOUND, 0, 0);
    from_service(d, SERVICE_PORTFOLIO);
    desk_sent(d, BUS_CLIENTS, A, MSG_resumed);
    const uint64_t known = report(d, ALICE), fresh = report(d, ALICE);
    desk_take(d);
    reported(d, A, fresh, known);
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* A tag that fits is passed over; one that does not is an alarm, and the feed stays
 * off. */
static void test_tag(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    put_resume(d, 0, 0, 5, UINT64_C(0x4200000000000000));
    from(d, A);
    struct msg_query q = asked(d, SERVICE_SEQUENCER, QUERY_KIND_CHAIN);
    assert_int_equal(q.after, 5);
    put_answer(d, q.id, 0, 0, 1);
    put_chain(d, 5, 0x42);
    from_service(d, SERVICE_SEQUENCER);
    asked(d, SERVICE_PORTFOLIO, QUERY_KIND_REPORTS);
    for (int round = 0; round < 3; round++) {
        put_resume(d, 0, 0, 5, UINT64_C(0x4200000000000000));
        from(d, A);
        q = asked(d, SERVICE_SEQUENCER, QUERY_KIND_CHAIN);
        put_answer(d, q.id, round == 1 ? ERR_NOT_FOUND : 0, 0, round == 1 ? 0 : 1);
        if (round != 1)
            put_chain(d, round == 0 ? 5 : 6, round == 0 ? 0x41 : 0x42);
        from_service(d, SERVICE_SEQUENCER);
        refused(d, A, ERR_CORRUPT);
        assert_int_equal(((struct gateway *)d->state)->counts.tag_mismatches, round + 1);
    }
    report(d, ALICE);
    desk_take(d);
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* Resuming again drops the old replay: its late answers mean nothing. */
static void test_resume_again(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t r1 = report(d, ALICE);
    put_resume(d, 0, 0, 0, 0);
    from(d, A);
    const struct msg_query old = asked(d, SERVICE_PORTFOLIO, QUERY_KIND_REPORTS);
    put_resume(d, 0, 0, 0, 0);
    from(d, A);
    const struct msg_query q = asked(d, SERVICE_PORTFOLIO, QUERY_KIND_REPORTS);
    put_answer(d, old.id, 0, 0, 1);
    put_row(d, r1, 0);
    from_service(d, SERVICE_PORTFOLIO);
    desk_sent_nothing(d);
    put_answer(d, q.id, 0, 0, 1);
    put_row(d, r1, 0);
    from_service(d, SERVICE_PORTFOLIO);
    reported(d, A, r1, 0);
    desk_sent(d, BUS_CLIENTS, A, MSG_resumed);
    desk_destroy(d);
}

/* PENDING is asked again, a few times; no answer at all is UNAVAILABLE after the
 * time-out. */
static void test_portfolio_behind(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    put_resume(d, 0, 0, 0, 0);
    from(d, A);
    for (int i = 1; i < RESUME_TRIES; i++) {
        const struct msg_query q = asked(d, SERVICE_PORTFOLIO, QUERY_KIND_REPORTS);
        put_answer(d, q.id, ERR_PENDING, 0, 0);
        from_service(d, SERVICE_PORTFOLIO);
    }
    asked(d, SERVICE_PORTFOLIO, QUERY_KIND_REPORTS);
    desk_pass_ms(d, 2001);
    desk_turn(d);
    refused(d, A, ERR_UNAVAILABLE);
    desk_destroy(d);
}

/* A client that falls too far behind during its replay is cut, others are not. */
static void test_queue_overflows(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    open_session(d, B, 1);
    put_resume(d, 0, 0, 0, 0);
    from(d, A);
    d->taken = d->sent_count;
    uint32_t count = 0;
    while (d->taken == d->sent_count) {
        report(d, ALICE);
        desk_take(d);
        count++;
    }
    cut(d, A, ERR_LIMIT);
    assert_in_range(count, RESUME_BYTES / 128, RESUME_BYTES / 32);
    desk_sent_nothing(d);
    const uint64_t gseq = report(d, BOB);
    desk_take(d);
    reported(d, B, gseq, 0);
    desk_destroy(d);
}

/* Another account's session gives nothing away. */
static void test_foreign_session(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t session = open_session(d, A, 1);
    put_resume(d, session, 0, 0, 0);
    from(d, B);
    refused(d, B, ERR_UNKNOWN_SESSION);
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* So many replays at once, then BUSY. */
static void test_replays_are_bounded(void **unused)
{
    (void)unused;
    struct core_settings many = world_settings;
    many.query_burst = 1000;
    struct desk *d = open_venue(&many);
    uint8_t keys[3][32];
    key_of(keys[0], ALICE);
    key_of(keys[1], BOB);
    key_of(keys[2], AUDITOR);
    for (uint32_t i = 0; i <= RESUME_MAX; i++) {
        put_resume(d, 0, 0, 0, 0);
        desk_receive(d, BUS_CLIENTS, 100 + i, keys[i % 3]);
    }
    desk_turn(d);
    d->taken = d->sent_count - 1;
    refused(d, 100 + RESUME_MAX, ERR_BUSY);
    gateway_core.undeliverable(d->state, BUS_CLIENTS, 100);
    put_resume(d, 0, 0, 0, 0);
    desk_receive(d, BUS_CLIENTS, 100 + RESUME_MAX, keys[RESUME_MAX % 3]);
    desk_turn(d);
    asked(d, SERVICE_PORTFOLIO, QUERY_KIND_REPORTS);
    desk_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_anothers_session),
        cmocka_unit_test(test_client_ahead),
        cmocka_unit_test(test_tag),
        cmocka_unit_test(test_resume_again),
        cmocka_unit_test(test_portfolio_behind),
        cmocka_unit_test(test_queue_overflows),
        cmocka_unit_test(test_foreign_session),
        cmocka_unit_test(test_replays_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
