/* intake_test.c - what clients may send, and every refusal before the log. */
#include "tests/unit/gateway_world.h"

/* The client's own bytes are forwarded, with the account of its key and nothing else. */
static void test_forward(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t session = open_session(d, A, 1);
    const struct msg m = order(7);
    uint8_t bytes[BODY_BYTES_MAX];
    size_t size = 0;
    put_command(d, session, 1, &m);
    from(d, A);
    const struct msg_submit_command forward =
        desk_sent(d, BUS_SEQUENCER, 0, MSG_submit_command)->submit_command;
    assert_int_equal(codec_encode(bytes, sizeof bytes, &m, &size), 0);
    assert_int_equal(forward.account, ALICE);
    assert_int_equal(forward.body_size, size);
    assert_memory_equal(forward.body, bytes, size);
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* Each role may send its own commands only. */
static void test_roles(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t alices = open_session(d, A, 1),
                   admins = open_session(d, ADMIN_PEER, 1);
    const struct msg place = order(1), tick = {.kind = MSG_tick, .tick.number = 1};
    struct msg halt = {.kind = MSG_symbol_status};
    halt.symbol_status.symbol = SYMBOL;
    halt.symbol_status.trading = TRADING_HALTED;
    put_command(d, alices, 1, &halt);
    put_command(d, alices, 1, &tick);
    from(d, A);
    assert_int_equal(refused(d, A, ERR_WRONG_ROLE).n, 1);
    assert_int_equal(refused(d, A, ERR_BAD).value, error_number(ERR_UNKNOWN_KIND));
    put_command(d, admins, 1, &halt);
    put_command(d, admins, 2, &place);
    from(d, ADMIN_PEER);
    forwarded(d, admins, 1);
    refused(d, ADMIN_PEER, ERR_WRONG_ROLE);
    put_open(d, 1);
    put_command(d, alices, 1, &place);
    from(d, AUDITOR_PEER);
    refused(d, AUDITOR_PEER, ERR_WRONG_ROLE);
    refused(d, AUDITOR_PEER, ERR_WRONG_ROLE);
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* A foreign session is as good as none; one that is not known here is the sequencer's to
 * judge: it may have been opened elsewhere a moment ago. */
static void test_foreign_session(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t session = open_session(d, A, 1);
    const struct msg m = order(1);
    put_command(d, session, 1, &m);
    put_command(d, 999, 1, &m);
    from(d, B);
    refused(d, B, ERR_UNKNOWN_SESSION);
    forwarded(d, 999, 1);
    struct msg r = {.kind = MSG_refused};
    r.refused.session = 999;
    r.refused.n = 1;
    r.refused.reason = (uint16_t)error_number(ERR_UNKNOWN_SESSION);
    r.refused.account = BOB;
    desk_put(d, &r);
    from_sequencer(d);
    refused(d, B, ERR_UNKNOWN_SESSION);
    desk_destroy(d);
}

/* Bytes that are no message, and bodies that are no command, name the reason. */
static void test_bad(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t session = open_session(d, A, 1);
    struct msg zero = order(1), command = {.kind = MSG_command};
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    assert_int_equal(codec_encode(bytes, sizeof bytes, &zero, &size), 0);
    command.command.session = session;
    command.command.n = 1;
    memcpy(command.command.body, bytes, size);
    command.command.body_size = (uint16_t)(size - 1);
    desk_put(d, &command);
    command.command.body[size] = 0;
    command.command.body_size = (uint16_t)(size + 1);
    desk_put(d, &command);
    from(d, A);
    assert_int_equal(refused(d, A, ERR_BAD).value, error_number(ERR_TRUNCATED));
    assert_int_equal(refused(d, A, ERR_BAD).value, error_number(ERR_TRAILING));
    desk_put_bytes(d, "\x92\x7f\x00", 3);
    from(d, A);
    assert_int_equal(refused(d, A, ERR_BAD).value, error_number(ERR_UNKNOWN_KIND));
    desk_put_bytes(d, bytes, size); /* a command without its envelope */
    from(d, A);
    assert_int_equal(refused(d, A, ERR_BAD).value, error_number(ERR_UNKNOWN_KIND));
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* Nothing a client sends reaches the sequencer unless it decodes: every bit flipped,
 * every length cut. */
static void test_mutations(void **unused)
{
    (void)unused;
    struct core_settings fast = world_settings;
    fast.order_rate = fast.order_burst = fast.query_rate = 1000000;
    struct desk *d = open_venue(&fast);
    const uint64_t session = open_session(d, A, 1);
    const struct msg m = order(1);
    uint8_t good[MESSAGE_BYTES_MAX];
    put_command(d, session, 1, &m);
    const size_t size = d->frame_size;
    memcpy(good, d->frame, size);
    d->frame_size = 0;
    for (size_t bit = 0; bit < 8 * size; bit++) {
        desk_put_bytes(d, good, size);
        d->frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (bit % 5 == 0)
            d->frame_size = bit / 8 + 1;
        from(d, A);
        for (uint32_t i = 0; i < d->sent_count; i++) {
            const struct msg *sent = &d->sent[i].msg;
            struct msg body;
            if (sent->kind == MSG_submit_command) {
                assert_int_equal(codec_decode_whole(sent->submit_command.body,
                                                    sent->submit_command.body_size,
                                                    &body),
                                 0);
                assert_int_equal(sent->submit_command.account, ALICE);
            }
        }
    }
    desk_destroy(d);
}

/* Frames of every kind a client may send, with random bytes changed: the state stays
 * sound and no other account is ever named. */
static void test_random_mutations(void **unused)
{
    (void)unused;
    struct core_settings fast = world_settings;
    fast.order_rate = fast.order_burst = fast.query_rate = fast.query_burst = 10000000;
    struct desk *d = open_venue(&fast);
    const uint64_t session = open_session(d, A, 1);
    const struct msg place = order(1), drop = cancel(2), ping = {.kind = MSG_ping};
    const struct msg resume = {.kind = MSG_resume, .resume.session = session};
    const struct msg tick = {.kind = MSG_tick, .tick.number = 1};
    struct random random;
    uint8_t key[32];
    key_of(key, ALICE);
    random_init(&random, 5);
    for (uint32_t i = 0; i < 500000; i++) {
        put_command(d, session, 1 + i % 4, &place);
        put_open(d, 1 + i);
        put_command(d, session, 2, &drop);
        put_query(d, QUERY_KIND_BALANCES, 0);
        desk_put(d, &resume);
        desk_put(d, &ping);
        desk_mutate(d, &random);
        desk_receive(d, BUS_CLIENTS, A, key);
        desk_take(d);
        for (uint32_t k = 0; k < d->sent_count; k++) {
            const struct msg *m = &d->sent[k].msg;
            if (m->kind == MSG_submit_command)
                assert_int_equal(m->submit_command.account, ALICE);
            else if (m->kind == MSG_submit_open)
                assert_int_equal(m->submit_open.account, ALICE);
            else if (m->kind == MSG_query && m->query.kind != QUERY_KIND_CHAIN)
                assert_int_equal(m->query.account, ALICE);
        }
        if (i % 1000 == 0) {
            desk_pass_ms(d, 100);
            desk_apply(d, 0, 0, &tick);
            desk_turn(d);
        }
    }
    desk_destroy(d);
}

/* Orders run into their bucket; cancels have their own. */
static void test_rate(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t session = open_session(d, A, 1); /* takes a token */
    const struct msg place = order(1), drop = cancel(2);
    for (uint64_t n = 0; n < world_settings.order_burst; n++)
        put_command(d, session, 1, &place);
    put_command(d, session, 2, &drop);
    from(d, A);
    for (uint64_t n = 1; n < world_settings.order_burst; n++)
        forwarded(d, session, 1);
    assert_int_equal(refused(d, A, ERR_RATE).value, 10);
    forwarded(d, session, 2);
    desk_pass_ms(d, 10);
    put_command(d, session, 1, &place);
    from(d, A);
    forwarded(d, session, 1);
    desk_destroy(d);
}

/* What is on its way is bounded; a repeat does not count twice, and an answer makes
 * room. */
static void test_in_flight(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t session = open_session(d, A, 1);
    const struct msg m = cancel(1);
    for (uint64_t n = 1; n <= world_settings.in_flight_max; n++)
        put_command(d, session, n, &m);
    put_command(d, session, 2, &m);
    put_command(d, session, 5, &m);
    from(d, A);
    for (uint64_t n = 1; n <= world_settings.in_flight_max; n++)
        forwarded(d, session, n);
    forwarded(d, session, 2);
    refused(d, A, ERR_BUSY);
    desk_apply(d, (int64_t)session, 1, &m);
    desk_take(d);
    put_command(d, session, 5, &m);
    put_command(d, session, 6, &m);
    from(d, A);
    forwarded(d, session, 5);
    refused(d, A, ERR_BUSY);
    struct msg r = {.kind = MSG_refused};
    r.refused.session = session;
    r.refused.n = 2;
    r.refused.reason = (uint16_t)error_number(ERR_BUSY);
    r.refused.account = ALICE;
    desk_put(d, &r);
    from_sequencer(d);
    refused(d, A, ERR_BUSY);
    assert_int_equal(d->outbox.busy, 3);
    assert_int_equal(d->outbox.refused, 3);
    for (uint64_t n = 2; n <= 5; n++)
        put_command(d, session, n, &m);
    from(d, A);
    for (uint64_t n = 2; n <= 5; n++)
        forwarded(d, session, n);
    desk_destroy(d);
}

/* Of all that stands behind a refused number in a frame the first is told, once for each
 * session. Nothing else of them is looked at: not even whether they are commands. */
static void test_gap(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t first = open_session(d, A, 1), second = open_session(d, A, 2);
    const struct msg none = {.kind = MSG_ping}, good = cancel(1);
    for (int frames = 0; frames < 2; frames++) {
        put_command(d, first, 1, &none);
        for (uint64_t n = 2; n <= 4; n++)
            put_command(d, first, n, n == 3 ? &none : &good);
        put_command(d, second, 1, &none);
        put_command(d, second, 2, &good);
        put_command(d, second, 3, &good);
        from(d, A);
        refused(d, A, ERR_BAD);
        const struct msg_refused gap = refused(d, A, ERR_GAP);
        assert_int_equal(gap.session, first);
        assert_int_equal(gap.n, 2);
        assert_int_equal(gap.value, 1);
        refused(d, A, ERR_BAD);
        assert_int_equal(refused(d, A, ERR_GAP).session, second);
        desk_sent_nothing(d);
    }
    for (uint64_t n = 1; n <= 3; n++)
        put_command(d, first, n, &good);
    from(d, A);
    for (uint64_t n = 1; n <= 3; n++)
        forwarded(d, first, n);
    desk_sent_nothing(d);
    desk_turn(d);
    desk_pass_ms(d, 3001); /* the log may have what is missing, through another gateway */
    put_command(d, second, 2, &good);
    from(d, A);
    refused(d, A, ERR_UNAVAILABLE);
    desk_destroy(d);
}

/* What a client that has gone left on its way does not count for ever: nobody sends it
 * again through this gateway. */
static void test_in_flight_of_the_gone(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t lost = open_session(d, A, 1), session = open_session(d, A2, 2);
    const struct msg m = cancel(1);
    for (uint64_t n = 1; n <= world_settings.in_flight_max; n++)
        put_command(d, lost, n, &m);
    from(d, A);
    for (uint64_t n = 1; n <= world_settings.in_flight_max; n++)
        forwarded(d, lost, n);
    put_command(d, session, 1, &m);
    from(d, A2);
    refused(d, A2, ERR_BUSY);
    gateway_core.undeliverable(d->state, BUS_CLIENTS, A);
    desk_pass_ms(d, world_settings.heartbeat_ms);
    put_command(d, session, 1, &m);
    from(d, A2); /* whose turn it is ends it */
    refused(d, A2, ERR_BUSY);
    put_command(d, session, 1, &m);
    from(d, A2);
    forwarded(d, session, 1);
    desk_destroy(d);
}

/* Orders wait while risk, or their symbol's shard, is a window behind. Cancels never
 * do. */
static void test_behind(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t session = open_session(d, A, 1);
    const struct msg place = order(1), drop = cancel(2);
    desk_put_position(d, -SERVICE_RISK, 2, 1, 100);
    desk_put_position(d, -SERVICE_SHARD - 1, 2, 0, 49);
    desk_receive(d, BUS_STREAM, 0, NULL);
    put_command(d, session, 1, &place);
    put_command(d, session, 1, &drop);
    from(d, A);
    assert_int_equal(refused(d, A, ERR_BUSY).value, GATEWAY_RETRY_MS);
    forwarded(d, session, 1);
    desk_put_position(d, -SERVICE_SHARD - 1, 2, 0, 50);
    desk_receive(d, BUS_STREAM, 0, NULL);
    put_command(d, session, 1, &place);
    from(d, A);
    forwarded(d, session, 1);
    say_head(d, d->gseq + 2000);
    desk_receive(d, BUS_STREAM, 0, NULL);
    put_command(d, session, 1, &place);
    from(d, A);
    refused(d, A, ERR_BUSY);
    desk_destroy(d);
}

/* A command takes 10 ms to the log, which says that its commits take so long. Returns how
 * the limit moved. */
static int64_t move_of(struct desk *d, uint64_t session, uint64_t n, uint32_t commit_us)
{
    struct gateway *g = d->state;
    const struct msg pace = {.kind = MSG_pace, .pace.commit_us = commit_us};
    const struct msg m = cancel(1);
    say_head(d, d->gseq + 1); /* the same once more */
    desk_put(d, &pace);
    desk_receive(d, BUS_STREAM, 0, NULL);
    desk_turn(d);
    const uint32_t before = g->throttle.limit;
    put_command(d, session, n, &m);
    from(d, A);
    forwarded(d, session, n);
    g->throttle.kept_out = true;
    g->throttle.kept_out_ns = d->time.mono_ns;
    desk_pass_ms(d, 10);
    desk_turn(d);
    desk_apply(d, (int64_t)session, n, &m);
    desk_take(d);
    return (int64_t)g->throttle.limit - before;
}

/* The time allowed to the log follows what it says of its commits, though it stands. */
static void test_pace(void **unused)
{
    (void)unused;
    struct core_settings slow = world_settings;
    slow.busy_ms = 7;
    struct desk *d = open_venue(&slow);
    const uint64_t session = open_session(d, A, 1);
    assert_true(move_of(d, session, 1, 3000) < 0);
    assert_true(move_of(d, session, 2, 4000) > 0);
    assert_true(move_of(d, session, 3, 0) < 0);
    desk_destroy(d);
}

/* With no word from the log a command is not forwarded: the client tries another
 * gateway. */
static void test_unavailable(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t session = open_session(d, A, 1);
    const struct msg m = order(1), tick = {.kind = MSG_tick, .tick.number = 1};
    desk_turn(d);
    desk_pass_ms(d, 3001);
    put_command(d, session, 1, &m);
    put_open(d, 2);
    from(d, A);
    refused(d, A, ERR_UNAVAILABLE);
    assert_int_equal(refused(d, A, ERR_UNAVAILABLE).n, 2);
    desk_apply(d, 0, 0, &tick);
    put_command(d, session, 1, &m);
    from(d, A);
    forwarded(d, session, 1);
    desk_destroy(d);
}

/* Too many messages in a frame, too many frames: the connection is cut. */
static void test_floods(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const struct msg ping = {.kind = MSG_ping};
    for (uint32_t i = 0; i <= GATEWAY_FRAME_MESSAGES_MAX; i++)
        desk_put(d, &ping);
    from(d, A);
    d->taken = d->sent_count - 2;
    cut(d, A, ERR_LIMIT);
    desk_put(d, &ping);
    const size_t size = d->frame_size;
    uint8_t key[32];
    key_of(key, BOB);
    for (uint32_t i = 0; i < 10 + 20 + 40; i++) {
        d->frame_size = size;
        desk_receive(d, BUS_CLIENTS, B, key);
        outbox_clear(&d->outbox);
    }
    desk_put(d, &ping);
    from(d, B);
    cut(d, B, ERR_LIMIT);
    desk_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_foreign_session),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_random_mutations),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_in_flight),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_in_flight_of_the_gone),
        cmocka_unit_test(test_behind),
        cmocka_unit_test(test_pace),
        cmocka_unit_test(test_unavailable),
        cmocka_unit_test(test_floods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
