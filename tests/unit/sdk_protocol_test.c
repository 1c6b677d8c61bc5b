/* sdk_protocol_test.c - the client's half of the contract, one rule a test. */
#include "tests/unit/sdk_world.h"

/* An order is sent, accepted, and told as durable with its id. */
static void test_accepted(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    const uint64_t name = world_place(w, 100);
    const struct msg_command *command = world_expect_command(w, SESSION, 1);
    struct msg body;
    assert_int_equal(codec_decode_whole(command->body, command->body_size, &body), 0);
    assert_int_equal(body.kind, MSG_order_new);
    assert_int_equal(body.order_new.cl_ord_id, name);
    assert_int_equal(zex_client_in_flight(w->client), 1);
    world_accept(SESSION, 1, 2000);
    const struct zex_event *event = world_expect_event(w, ZEX_EVENT_DURABLE);
    assert_int_equal(event->gseq, 2000);
    assert_int_equal(event->cl_ord_id, name);
    assert_int_equal(zex_client_in_flight(w->client), 0);
    assert_int_equal(zex_client_account(w->client), 7);
}

/* Silence is no answer: the same bytes come again under the same number. */
static void test_resends(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    world_place(w, 100);
    const struct msg_command first = *world_expect_command(w, SESSION, 1);
    for (int i = 0; i < 3; i++) {
        const struct msg_command *again = world_expect_command(w, SESSION, 1);
        assert_int_equal(again->body_size, first.body_size);
        assert_memory_equal(again->body, first.body, first.body_size);
    }
}

/* BUSY, RATE and UNAVAILABLE concern one copy: it comes again when it may. */
static void test_busy_is_not_final(void **state)
{
    struct world *w = *state;
    const int errors[] = {ERR_BUSY, ERR_RATE, ERR_UNAVAILABLE};
    world_go_live(w);
    const uint64_t name = world_place(w, 100);
    for (size_t i = 0; i < 3; i++) {
        world_expect_command(w, SESSION, 1);
        const uint64_t before_ms = line.now_ms;
        world_refuse(SESSION, 1, errors[i], 30);
        const struct zex_event *event = world_expect_event(w, ZEX_EVENT_BUSY);
        assert_int_equal(event->reason, error_number(errors[i]));
        assert_int_equal(event->cl_ord_id, name);
        world_expect_command(w, SESSION, 1);
        assert_true(line.now_ms - before_ms >= 30);
    }
    assert_int_equal(zex_client_in_flight(w->client), 1);
}

/* A GAP names the number that is missing: all from there on comes again. */
static void test_gap_rewinds(void **state)
{
    struct world *w = *state;
    w->options.resend_ms = 60000; /* what comes again comes because of the GAP */
    zex_client_destroy(&w->client);
    world_connect(w);
    world_go_live(w);
    for (int64_t i = 1; i <= 3; i++)
        world_place(w, 100 * i);
    for (uint64_t n = 1; n <= 3; n++)
        world_expect_command(w, SESSION, n);
    world_accept(SESSION, 1, 2000);
    world_refuse(SESSION, 3, ERR_GAP, 2);
    assert_int_equal(world_expect(w, MSG_command)->command.n, 2);
    assert_int_equal(world_expect(w, MSG_command)->command.n, 3);
    assert_int_equal(w->count, 0);
}

static uint32_t pings;

static void count_pings(const char *address, const uint8_t *bytes, size_t size)
{
    pings += codec_kind(bytes, size) == MSG_ping;
    world_take(address, bytes, size);
}

/* A gateway that speaks all the time cuts who says nothing for 30 s. */
static void test_says_that_it_is_there(void **state)
{
    struct world *w = *state;
    w->options.silence_ms = 20000;
    zex_client_destroy(&w->client);
    world_connect(w);
    world_go_live(w);
    pings = 0;
    line.sent = count_pings;
    const uint64_t end = line.now_ms + 30000;
    while (line.now_ms < end) {
        const uint64_t next = line.now_ms + 1000;
        world_beat(10);
        while (line.now_ms < next)
            world_pump(w);
    }
    assert_in_range(pings, 5, 10);
}

/* A venue that goes on missing what it had accepted is an older copy of itself; a word or
 * two of that kind were late. */
static void test_forgotten_commands_alarm(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    world_place(w, 100);
    world_expect_command(w, SESSION, 1);
    world_accept(SESSION, 1, 2000);
    world_expect_event(w, ZEX_EVENT_DURABLE);
    world_place(w, 200);
    const uint64_t began_ms = line.now_ms;
    while (w->event_count == 0) {
        world_expect_command(w, SESSION, 2);
        world_refuse(SESSION, 2, ERR_GAP, 1);
        world_pump(w);
        assert_true(line.now_ms - began_ms < 10000);
    }
    assert_true(line.now_ms - began_ms >= 5000);
    assert_int_equal(world_expect_event(w, ZEX_EVENT_ALARM)->reason,
                     error_number(ERR_LOG_BEHIND));
    world_pump(w);
    assert_int_equal(w->status, ERR_LOG_BEHIND);
}

/* A session that ended with fewer commands than it had accepted is of an older copy. */
static void test_forgotten_end_alarms(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    world_place(w, 100);
    world_place(w, 200);
    world_expect_command(w, SESSION, 2);
    world_accept(SESSION, 2, 2000);
    world_expect_event(w, ZEX_EVENT_DURABLE);
    world_expect_event(w, ZEX_EVENT_DURABLE);
    world_say(&(struct msg){.kind = MSG_session_gone,
                            .session_gone = {.session = SESSION, .last_n = 1}});
    assert_int_equal(world_expect_event(w, ZEX_EVENT_ALARM)->reason,
                     error_number(ERR_LOG_BEHIND));
    world_pump(w);
    assert_int_equal(w->status, ERR_LOG_BEHIND);
}

/* A body the venue cannot read was not accepted; its number carries something harmless.
 * */
static void test_bad_is_repaired(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    const uint64_t name = world_place(w, 100);
    world_expect_command(w, SESSION, 1);
    world_refuse(SESSION, 1, ERR_BAD, error_number(ERR_RANGE));
    const struct zex_event *event = world_expect_event(w, ZEX_EVENT_ALARM);
    assert_int_equal(event->reason, error_number(ERR_BAD));
    assert_int_equal(event->cl_ord_id, name);
    for (;;) {
        const struct msg_command *command = world_expect_command(w, SESSION, 1);
        struct msg body;
        assert_int_equal(codec_decode_whole(command->body, command->body_size, &body), 0);
        if (body.kind == MSG_order_cancel)
            break;
    }
    world_accept(SESSION, 1, 2000);
    world_expect_event(w, ZEX_EVENT_DURABLE);
}

/* A role that may send nothing: told, not tried for ever. */
static void test_wrong_role_ends(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    world_place(w, 100);
    for (int i = 0; i < 2; i++) {
        world_expect_command(w, SESSION, 1);
        world_refuse(SESSION, 1, ERR_WRONG_ROLE, 0);
    }
    while (w->status == ZEX_OK || w->status == ZEX_ERR_TIMEOUT)
        world_pump(w);
    assert_int_equal(w->status, ZEX_ERR_CLOSED);
}

/* CONFLICT: somebody else used our number. An alarm; the number is used up. */
static void test_conflict(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    const uint64_t first = world_place(w, 100), second = world_place(w, 200);
    world_expect_command(w, SESSION, 2);
    world_say(&(struct msg){.kind = MSG_conflict,
                            .conflict = {.session = SESSION, .n = 2, .gseq = 2001}});
    const struct zex_event *event = world_expect_event(w, ZEX_EVENT_ALARM);
    assert_int_equal(event->reason, error_number(ERR_CONFLICT));
    assert_int_equal(event->cl_ord_id, second);
    assert_int_equal(world_expect_event(w, ZEX_EVENT_DURABLE)->cl_ord_id, first);
    assert_int_equal(zex_client_in_flight(w->client), 0);
}

/* Answers about numbers we never used, or sessions we do not have, change nothing. */
static void test_nonsense_is_ignored(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    world_place(w, 100);
    world_expect_command(w, SESSION, 1);
    world_accept(SESSION, ID_MAX, 5);
    world_accept(5, 1, 5);
    world_refuse(SESSION, ID_MAX, ERR_BAD, 0);
    world_say(&(struct msg){.kind = MSG_conflict,
                            .conflict = {.session = SESSION, .n = ID_MAX}});
    world_say(&(struct msg){.kind = MSG_session_gone,
                            .session_gone = {.session = 5, .last_n = ID_MAX}});
    world_say_bytes(0, (const uint8_t *)"\xc1\xff", 2);
    assert_int_equal(world_expect_event(w, ZEX_EVENT_ALARM)->reason,
                     error_number(ERR_BAD));
    assert_int_equal(zex_client_in_flight(w->client), 1);
    world_expect_command(w, SESSION, 1);
}

/* A report whose `prev` is not the last one taken makes the client ask for what is
 * missing; none is told twice or out of order. */
static void test_feed_has_no_gaps(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    world_report(12, 10);
    assert_int_equal(world_expect_event(w, ZEX_EVENT_CANCELLED)->gseq, 12);
    world_report(20, 15);
    assert_int_equal(world_expect(w, MSG_resume)->resume.last_gseq, 12);
    world_report(12, 10);
    world_report(15, 12);
    world_report(20, 15);
    world_report(20, 15);
    world_resumed(20);
    assert_int_equal(world_expect_event(w, ZEX_EVENT_CANCELLED)->gseq, 15);
    assert_int_equal(world_expect_event(w, ZEX_EVENT_CANCELLED)->gseq, 20);
    world_expect_event(w, ZEX_EVENT_LIVE);
    assert_int_equal(w->event_count, 0);
    assert_int_equal(zex_client_last_gseq(w->client), 20);
}

/* A heartbeat beyond what was taken proves that something is missing. */
static void test_heartbeat_shows_a_gap(void **state)
{
    struct world *w = *state;
    world_miss(w);
}

/* A replay that ends beyond what came is no end: it is asked for again. */
static void test_resumed_too_far(void **state)
{
    struct world *w = *state;
    world_miss(w);
    world_resumed(25);
    assert_int_equal(world_expect(w, MSG_resume)->resume.last_gseq, 10);
    world_resumed(10);
    world_expect_event(w, ZEX_EVENT_LIVE);
}

/* A resume whose tag does not fit: this is not the log we knew. Nothing goes on. */
static void test_other_chain(void **state)
{
    struct world *w = *state;
    world_miss(w);
    world_refuse(SESSION, 0, ERR_CORRUPT, 0);
    assert_int_equal(world_expect_event(w, ZEX_EVENT_ALARM)->reason,
                     error_number(ERR_CORRUPT));
    world_pump(w);
    assert_int_equal(w->status, ERR_CORRUPT);
}

/* A query waits as long as it is told; what else comes meanwhile is kept. */
static void test_query(void **state)
{
    struct world *w = *state;
    const struct zex_query query = {.kind = ZEX_QUERY_BOOK, .symbol = 1};
    struct zex_answer answer;
    struct zex_row row;
    world_go_live(w);
    const uint64_t before_ms = line.now_ms;
    assert_int_equal(zex_query(w->client, &query, &answer, 50), ZEX_ERR_TIMEOUT);
    const uint64_t took_ms = line.now_ms - before_ms;
    assert_int_equal(took_ms, 50);

    uint8_t bytes[2 * MESSAGE_BYTES_MAX];
    size_t size = 0, more = 0;
    struct msg m = {.kind = MSG_answer, .answer = {.id = 2, .gseq = 40, .count = 1}};
    const struct msg level = {
        .kind = MSG_row_level,
        .row_level = {.side = SIDE_BUY, .price = 100, .quantity = 5, .orders = 2}};
    world_report(12, 10);
    assert_int_equal(codec_encode(bytes, sizeof bytes, &m, &size), 0);
    assert_int_equal(codec_encode(bytes + size, sizeof bytes - size, &level, &more), 0);
    world_say_bytes(0, bytes, size + more); /* to the question that comes next */
    assert_int_equal(zex_query(w->client, &query, &answer, WORLD_MS), ZEX_OK);
    assert_int_equal(answer.gseq, 40);
    assert_int_equal(zex_answer_next(&answer, &row), 1);
    assert_int_equal(row.kind, ZEX_ROW_LEVEL);
    assert_int_equal(row.price, 100);
    assert_int_equal(zex_answer_next(&answer, &row), 0);
    assert_int_equal(world_expect_event(w, ZEX_EVENT_CANCELLED)->gseq, 12);

    m.answer =
        (struct msg_answer){.id = 3, .reason = (uint16_t)error_number(ERR_NOT_FOUND)};
    world_say(&m);
    assert_int_equal(zex_query(w->client, &query, &answer, WORLD_MS), ZEX_OK);
    assert_int_equal(answer.reason, error_number(ERR_NOT_FOUND));
    assert_int_equal(answer.rows_size, 0);
    assert_int_equal(zex_answer_next(&answer, &row), 0);
}

/* Nothing to come: a wait ends when it was told to, not earlier and not later. */
static void test_wait_honours_its_timeout(void **state)
{
    struct world *w = *state;
    struct zex_event event;
    world_go_live(w);
    for (int timeout_ms = 0; timeout_ms <= 120; timeout_ms += 40) {
        const uint64_t before_ms = line.now_ms;
        assert_int_equal(zex_client_wait(w->client, &event, timeout_ms), ZEX_ERR_TIMEOUT);
        const uint64_t took_ms = line.now_ms - before_ms;
        assert_int_equal(took_ms, timeout_ms);
    }
}

/* Fields out of range never leave the client. */
static void test_checks_before_it_sends(void **state)
{
    struct world *w = *state;
    world_go_live(w);
    const struct zex_order good = {.symbol = 1,
                                   .side = ZEX_SIDE_BUY,
                                   .type = ZEX_LIMIT,
                                   .time_in_force = ZEX_GTC,
                                   .price = 1,
                                   .quantity = 1};
    struct zex_order bad = good;
    bad.quantity = 0;
    assert_int_equal(zex_order_place(w->client, &bad, NULL), ZEX_ERR_USAGE);
    bad = good;
    bad.price = -1;
    assert_int_equal(zex_order_place(w->client, &bad, NULL), ZEX_ERR_USAGE);
    bad = good;
    bad.side = 3;
    assert_int_equal(zex_order_place(w->client, &bad, NULL), ZEX_ERR_USAGE);
    bad = good;
    bad.symbol = 0;
    assert_int_equal(zex_order_place(w->client, &bad, NULL), ZEX_ERR_USAGE);
    assert_int_equal(zex_client_in_flight(w->client), 0);
    assert_string_not_equal(zex_client_error(w->client), "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_accepted),
        TEST(test_resends),
        TEST(test_busy_is_not_final),
        TEST(test_gap_rewinds),
        TEST(test_says_that_it_is_there),
        TEST(test_forgotten_commands_alarm),
        TEST(test_forgotten_end_alarms),
        TEST(test_bad_is_repaired),
        TEST(test_wrong_role_ends),
        TEST(test_conflict),
        TEST(test_nonsense_is_ignored),
        TEST(test_feed_has_no_gaps),
        TEST(test_heartbeat_shows_a_gap),
        TEST(test_resumed_too_far),
        TEST(test_other_chain),
        TEST(test_query),
        TEST(test_wait_honours_its_timeout),
        TEST(test_checks_before_it_sends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
