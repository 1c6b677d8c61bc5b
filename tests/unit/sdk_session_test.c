/* sdk_session_test.c - the life of a client's sessions and connections. */
#include "tests/unit/sdk_world.h"

/* A silent gateway is left for the next one, which gets all that is not durable. */
static void test_switches_gateways(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    world_place(w, 100);
    world_expect_command(w, SESSION, 1);
    world_expect_event(w, ZEX_EVENT_LOST);
    w->count = 0;
    while (world_expect_command(w, SESSION, 1) != NULL &&
           w->from[(w->first + WORLD_QUEUE - 1) % WORLD_QUEUE] != 1)
        ;
    assert_int_equal(zex_client_in_flight(w->client), 1);
}

/* A caller that did not look for longer than silence_ms has heard nothing: no verdict. */
static void test_absence_is_not_silence(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    line.now_ms += 2 * w->options.silence_ms;
    world_pump(w);
    assert_int_equal(w->status, ZEX_ERR_TIMEOUT);
    assert_int_equal(w->event_count, 0);
}

/* CLOSE ends a session; what it never took is told as void, and nothing more is taken. */
static void test_session_gone(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    world_place(w, 100);
    const uint64_t lost = world_place(w, 200);
    world_expect_command(w, SESSION, 2);
    world_say(&(struct msg){.kind = MSG_session_gone,
                            .session_gone = {.session = SESSION, .last_n = 1}});
    world_expect_event(w, ZEX_EVENT_DURABLE);
    const struct zex_event *event = world_expect_event(w, ZEX_EVENT_REJECTED);
    assert_int_equal(event->cl_ord_id, lost);
    assert_int_equal(event->reason, error_number(ERR_SESSION_GONE));
    world_expect_event(w, ZEX_EVENT_CLOSED);
    const struct zex_order order = {.symbol = 1,
                                    .side = ZEX_SIDE_BUY,
                                    .type = ZEX_LIMIT,
                                    .time_in_force = ZEX_GTC,
                                    .price = 1,
                                    .quantity = 1};
    assert_int_equal(zex_order_place(w->client, &order, NULL), ZEX_ERR_CLOSED);
    zex_client_destroy(&w->client);
    world_connect(w); /* the outbox has a fresh nonce for the next run */
    assert_int_not_equal(world_expect(w, MSG_client_open)->client_open.nonce,
                         w->nonces[0]);
}

/* A CLOSE that is durable but whose SESSION_GONE got lost is asked about by its nonce. */
static void test_close(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    assert_int_equal(zex_client_close(w->client), ZEX_OK);
    for (uint64_t i = 0; i < 2; i++) {
        world_expect_command(w, SESSION + 1 - i, 1);
        world_accept(SESSION + 1 - i, 1, 2000 + i);
    }
    for (int i = 0; i < 2; i++) {
        const uint64_t nonce = world_expect(w, MSG_client_open)->client_open.nonce;
        world_say(&(struct msg){
            .kind = MSG_session_gone,
            .session_gone = {.session = nonce == w->nonces[0] ? SESSION : SESSION + 1,
                             .last_n = 1,
                             .nonce = nonce}});
        world_expect_event(w, ZEX_EVENT_CLOSED);
    }
    assert_int_equal(zex_client_in_flight(w->client), 0);
}

/* After its own death a client sends the same bytes under the same number, in the same
 * session, and takes up its feed where it stood. */
static void test_restart(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    world_report(12, 10);
    world_expect_event(w, ZEX_EVENT_CANCELLED);
    world_place(w, 100);
    const struct msg_command first = *world_expect_command(w, SESSION, 1);
    zex_client_destroy(&w->client);
    w->count = w->event_count = 0;
    world_connect(w);
    assert_int_equal(world_expect(w, MSG_client_open)->client_open.nonce, w->nonces[0]);
    assert_int_equal(world_expect(w, MSG_client_open)->client_open.nonce, w->nonces[1]);
    assert_int_equal(world_expect(w, MSG_resume)->resume.last_gseq, 12);
    for (uint64_t i = 0; i < 2; i++)
        world_say(&(struct msg){
            .kind = MSG_opened,
            .opened = {.nonce = w->nonces[i], .session = SESSION + i, .account = 7}});
    const struct msg_command *again = world_expect_command(w, SESSION, 1);
    assert_int_equal(again->body_size, first.body_size);
    assert_memory_equal(again->body, first.body, first.body_size);
}

/* A gateway that is still starting hears nothing: once it answers, it is asked for the
 * missed reports at once, and not a second time without a reason. */
static void test_resume_unheard(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    zex_client_destroy(&w->client);
    w->count = w->event_count = 0;
    world_connect(w);
    for (int unheard = 0; unheard < 2; unheard++)
        for (int lane = 0; lane < 2; lane++)
            world_expect(w, MSG_client_open);
    w->count = 0;
    const uint64_t opened_ms = line.now_ms;
    for (uint64_t i = 0; i < 2; i++)
        world_say(&(struct msg){
            .kind = MSG_opened,
            .opened = {.nonce = w->nonces[i], .session = SESSION + i, .account = 7}});
    world_expect(w, MSG_resume);
    assert_in_range(line.now_ms - opened_ms, 0, 100);
    const uint64_t resumed_ms = line.now_ms;
    world_expect(w, MSG_resume);
    assert_in_range(line.now_ms - resumed_ms, 900, 1500);
}

/* What came but was never handed out comes again in the next run. */
static void test_restart_before_events(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    world_report(12, 10);
    world_report(15, 12);
    world_report(20, 15);
    world_expect_event(w, ZEX_EVENT_CANCELLED);
    const struct zex_query query = {.kind = QUERY_KIND_BALANCES};
    struct zex_answer answer;
    while (zex_client_last_gseq(w->client) < 20) /* receives, hands out no event */
        assert_int_equal(zex_query(w->client, &query, &answer, 5), ZEX_ERR_TIMEOUT);
    zex_client_destroy(&w->client);
    w->count = 0;
    world_connect(w);
    assert_int_equal(world_expect(w, MSG_resume)->resume.last_gseq, 12);
}

/* The fills of both orders of a trade with ourselves, in one report. */
static void report_self_trade(uint64_t gseq, uint64_t prev)
{
    struct msg fill, m = {.kind = MSG_report};
    m.report.gseq = gseq;
    m.report.prev = prev;
    for (uint32_t i = 0; i < 2; i++) {
        size_t size = 0;
        sample_fixed(&fill, MSG_fill);
        fill.fill.maker = i == 0;
        assert_int_equal(codec_encode(m.report.body + m.report.body_size,
                                      sizeof m.report.body - m.report.body_size, &fill,
                                      &size),
                         0);
        m.report.body_size = (uint16_t)(m.report.body_size + size);
    }
    world_say(&m);
}

/* A trade with ourselves is two events, the maker's first; it counts as taken once both
 * are. */
static void test_self_trade(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    report_self_trade(12, 10);
    const struct zex_event *event = world_expect_event(w, ZEX_EVENT_TRADE);
    assert_int_equal(event->gseq, 12);
    assert_int_equal(event->is_maker, 1);
    zex_client_destroy(&w->client);
    w->count = w->event_count = 0;
    world_connect(w);
    assert_int_equal(world_expect(w, MSG_resume)->resume.last_gseq, 10);
    report_self_trade(12, 10);
    world_resumed(12);
    assert_int_equal(world_expect_event(w, ZEX_EVENT_TRADE)->is_maker, 1);
    event = world_expect_event(w, ZEX_EVENT_TRADE);
    assert_int_equal(event->is_maker, 0);
    assert_int_equal(event->gseq, 12);
    assert_int_equal(event->reason, 0);
    world_expect_event(w, ZEX_EVENT_LIVE);
    zex_client_destroy(&w->client);
    w->count = w->event_count = 0;
    world_connect(w);
    assert_int_equal(world_expect(w, MSG_resume)->resume.last_gseq, 12);
}

/* Without a file nobody comes back to the sessions, so they are closed. */
static void test_closes_what_it_forgets(void **state)
{
    struct world *w = *state;
    world_go_live(w); /* all that the first client says is said */
    zex_client_destroy(&w->client);
    w->count = w->event_count = 0;
    w->options.outbox_path = NULL;
    world_connect(w);
    world_go_live(w);
    zex_client_destroy(&w->client);
    uint64_t closed = 0;
    for (int i = 0; i < 2; i++) {
        const struct msg_command *command = &world_expect(w, MSG_command)->command;
        struct msg body;
        assert_int_equal(codec_decode_whole(command->body, command->body_size, &body), 0);
        assert_int_equal(body.kind, MSG_close);
        closed += command->session;
    }
    assert_int_equal(closed, SESSION + SESSION + 1);
}

/* A venue that gives our nonce another session is another venue: nothing is sent to it.
 * */
static void test_other_venue(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    zex_client_destroy(&w->client);
    w->count = w->event_count = 0;
    world_connect(w);
    world_place(w, 100);
    const uint64_t nonce = world_expect(w, MSG_client_open)->client_open.nonce;
    world_say(&(struct msg){.kind = MSG_opened,
                            .opened = {.nonce = nonce, .session = 5, .account = 7}});
    while (w->status == ZEX_OK || w->status == ZEX_ERR_TIMEOUT)
        world_pump(w);
    assert_int_equal(w->status, ERR_OTHER_LOG);
    for (; w->count > 0; w->count--, w->first = (w->first + 1) % WORLD_QUEUE)
        assert_int_not_equal(w->queue[w->first].kind, MSG_command);
}

/* Goodbye: the next gateway, after a breath; a revoked key ends it. */
static void test_goodbye(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    world_say(&(struct msg){.kind = MSG_goodbye,
                            .goodbye = {.reason = (uint16_t)error_number(ERR_LIMIT)}});
    assert_int_equal(world_expect_event(w, ZEX_EVENT_LOST)->reason,
                     error_number(ERR_LIMIT));
    world_expect(w, MSG_resume);
    assert_int_equal(w->from[(w->first + WORLD_QUEUE - 1) % WORLD_QUEUE], 1);
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    const struct msg revoked = {
        .kind = MSG_goodbye, .goodbye = {.reason = (uint16_t)error_number(ERR_REVOKED)}};
    assert_int_equal(codec_encode(bytes, sizeof bytes, &revoked, &size), 0);
    world_say_bytes(1, bytes, size);
    while (w->status == ZEX_OK || w->status == ZEX_ERR_TIMEOUT)
        world_pump(w);
    assert_int_equal(w->status, ERR_REVOKED);
}

/* A gateway that restarted does not know whom it talks to without CURVE: it is told
 * again. */
static void test_says_hello_again(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    const uint64_t end_ms = line.now_ms + 300; /* it says so four times a second */
    while (line.now_ms < end_ms) {
        world_refuse(0, 0, ERR_UNKNOWN_ACCOUNT, 0);
        world_pump(w);
    }
    assert_int_equal(world_expect(w, MSG_hello)->hello.account, 7);
}

/* A key that may only ask has no sessions, and needs none. */
static void test_reader(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 2; i++) {
        const uint64_t nonce = world_expect(w, MSG_client_open)->client_open.nonce;
        world_refuse(0, nonce, ERR_WRONG_ROLE, 0);
    }
    world_beat(10);
    world_expect(w, MSG_resume);
    world_resumed(10);
    assert_int_equal(zex_client_open(w->client, WORLD_MS), ZEX_OK);
    assert_int_equal(zex_order_cancel(w->client, 5, 0, NULL), ERR_WRONG_ROLE);
}

/* No more sessions for this account: said at once and by name, and not for ever. */
static void test_no_session_left(void **state)
{
    struct world *w = *state;
    const uint64_t nonce = world_expect(w, MSG_client_open)->client_open.nonce;
    world_refuse(0, nonce, ERR_CAPACITY, 0);
    assert_int_equal(zex_client_open(w->client, WORLD_MS), ERR_CAPACITY);
    assert_non_null(strstr(zex_client_error(w->client), "CAPACITY"));
    world_go_live(w);
    assert_int_equal(zex_client_open(w->client, WORLD_MS), ZEX_OK);
}

/* Commands wait until the client knows where its feed begins: no report is missed. */
static void test_feed_before_commands(void **state)
{
    struct world *w = *state;
    for (uint64_t lane = 0; lane < 2; lane++)
        world_say(&(struct msg){
            .kind = MSG_opened,
            .opened = {.nonce = world_expect(w, MSG_client_open)->client_open.nonce,
                       .session = SESSION + lane,
                       .account = 7}});
    world_place(w, 100);
    for (uint32_t i = 0; i < 20; i++) {
        world_pump(w);
        for (; w->count > 0; w->count--, w->first = (w->first + 1) % WORLD_QUEUE)
            assert_int_not_equal(w->queue[w->first].kind, MSG_command);
    }
    world_beat(5);
    world_expect(w, MSG_command);
}

/* A new client begins where `opened` has attached it, and asks for no replay: portfolio,
 * which gives them, may be down. What it was told before that is no beginning. */
static void test_begins_without_a_replay(void **state)
{
    struct world *w = *state;
    world_beat(5);
    world_pump(w);
    world_open_sessions(w);
    world_beat(10);
    assert_int_equal(world_expect_event(w, ZEX_EVENT_LIVE)->gseq, 10);
    assert_int_equal(zex_client_open(w->client, 0), ZEX_OK);
    world_report(12, 10);
    assert_int_equal(world_expect_event(w, ZEX_EVENT_CANCELLED)->gseq, 12);
    for (; w->count > 0; w->count--, w->first = (w->first + 1) % WORLD_QUEUE)
        assert_int_not_equal(w->queue[w->first].kind, MSG_resume);
}

/* Clients of one account that start at the same moment do not give the same names. */
static void test_names(void **state)
{
    const uint64_t far = UINT64_C(1) << 30; /* nearer by chance: once in 2^31 runs */
    struct world *w = *state;
    const uint64_t first = world_place(w, 100);
    assert_int_equal(world_place(w, 100), first + 1);
    zex_client_destroy(&w->client);
    world_connect(w);
    const uint64_t second = world_place(w, 100);
    assert_true(first > second + far || second > first + far);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_switches_gateways),
        TEST(test_absence_is_not_silence),
        TEST(test_session_gone),
        TEST(test_close),
        TEST(test_restart),
        TEST(test_resume_unheard),
        TEST(test_restart_before_events),
        TEST(test_self_trade),
        TEST(test_closes_what_it_forgets),
        TEST(test_other_venue),
        TEST(test_goodbye),
        TEST(test_says_hello_again),
        TEST(test_reader),
        TEST(test_no_session_left),
        TEST(test_feed_before_commands),
        TEST(test_begins_without_a_replay),
        TEST(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
