/* gateway_core_test.c - who comes in, what the log makes a gateway say, and its
 * snapshot. */
#include "tests/unit/gateway_world.h"

/* ---- who comes in ------------------------------------------------------------------ */

/* Keys that the log knows for a client's account are admitted, no others. */
static void test_admit(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    uint8_t key[32];
    key_of(key, ALICE);
    assert_true(gateway_core.admit(d->state, key));
    key_of(key, ACCOUNT_ADMIN);
    assert_true(gateway_core.admit(d->state, key));
    key_of(key, ACCOUNT_FEES);
    assert_false(gateway_core.admit(d->state, key));
    set_key(d, ACCOUNT_FEES, 1);
    assert_false(gateway_core.admit(d->state, key));
    set_key(d, ALICE, 0);
    key_of(key, ALICE);
    assert_false(gateway_core.admit(d->state, key));
    desk_destroy(d);
}

/* A revoked key is cut in the middle of its session, at once; a later frame is sent
 * away. */
static void test_revoked(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t session = open_session(d, A, 1);
    const uint64_t bobs = open_session(d, B, 1);
    set_key(d, ALICE, 0);
    desk_take(d);
    cut(d, A, ERR_REVOKED);
    desk_sent_nothing(d);
    const struct msg m = order(1);
    put_command(d, session, 1, &m);
    from(d, A);
    cut(d, A, ERR_REVOKED);
    desk_sent_nothing(d);
    put_command(d, bobs, 1, &m);
    from(d, B);
    forwarded(d, bobs, 1);
    desk_destroy(d);
}

/* Without CURVE a peer names its account, once; with it, never. */
static void test_hello(void **unused)
{
    (void)unused;
    struct core_settings open = world_settings;
    open.curve = false;
    struct desk *d = open_venue(&open);
    struct msg m = {.kind = MSG_hello, .hello.account = ACCOUNT_FEES};
    put_open(d, 1);
    desk_put(d, &m);
    m.hello.account = ALICE;
    desk_put(d, &m);
    desk_put(d, &m);
    m.hello.account = BOB;
    desk_put(d, &m);
    from(d, A);
    refused(d, A, ERR_UNKNOWN_ACCOUNT);
    refused(d, A, ERR_UNKNOWN_ACCOUNT);
    refused(d, A, ERR_BAD);
    desk_sent_nothing(d);
    open_session(d, A, 1);
    desk_destroy(d);
    d = open_venue(&world_settings);
    desk_put(d, &m);
    from(d, A);
    refused(d, A, ERR_BAD);
    desk_destroy(d);
}

/* One account has no more than its share of connections. */
static void test_connections_of_an_account(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const struct msg ping = {.kind = MSG_ping};
    for (uint32_t i = 1; i <= PEER_OF_ACCOUNT_MAX; i++) {
        desk_put(d, &ping);
        from(d, i);
    }
    desk_put(d, &ping);
    from(d, 99);
    cut(d, 99, ERR_LIMIT);
    gateway_core.undeliverable(d->state, BUS_CLIENTS, 1);
    desk_put(d, &ping);
    from(d, 99);
    desk_sent(d, BUS_CLIENTS, 99, MSG_feed_heartbeat);
    desk_destroy(d);
}

/* A silent client is cut; one that pings is not. */
static void test_idle(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    open_session(d, A, 1);
    open_session(d, B, 1);
    const struct msg ping = {.kind = MSG_ping};
    desk_pass_ms(d, 29000);
    desk_put(d, &ping);
    from(d, B);
    desk_pass_ms(d, 2000);
    desk_turn(d);
    cut(d, A, ERR_TIMEOUT);
    desk_sent(d, BUS_CLIENTS, B, MSG_feed_heartbeat);
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* ---- the log ----------------------------------------------------------------------- */

/* `accepted` is the record itself, told to the peer that sent last for the session. */
static void test_accepted(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t session = open_session(d, A, 1);
    const struct msg m = order(1);
    put_command(d, session, 1, &m);
    from(d, A);
    forwarded(d, session, 1);
    desk_sent_nothing(d);
    put_command(d, session, 1, &m);
    from(d, A2);
    forwarded(d, session, 1);
    const uint64_t gseq = desk_apply(d, (int64_t)session, 1, &m);
    desk_take(d);
    const struct msg *accepted = desk_sent(d, BUS_CLIENTS, A2, MSG_accepted);
    assert_int_equal(accepted->accepted.session, session);
    assert_int_equal(accepted->accepted.n, 1);
    assert_int_equal(accepted->accepted.gseq, gseq);
    desk_sent_nothing(d);
    desk_destroy(d);
}

enum { ALICE_NAME = 1001, BOB_NAME = 1002 };

/* So many fills of the account, the first of this order. */
static void told(const struct msg_report *r, uint32_t count, uint32_t account,
                 uint64_t name)
{
    uint32_t fills = 0;
    struct msg fill;
    for (size_t at = 0, used = 0; at < r->body_size; at += used, fills++) {
        assert_int_equal(codec_decode(r->body + at, r->body_size - at, &fill, &used), 0);
        assert_int_equal(fill.kind, MSG_fill);
        assert_int_equal(fill.fill.account, account);
        if (fills == 0)
            assert_int_equal(fill.fill.cl_ord_id, name);
    }
    assert_int_equal(fills, count);
}

/* Reports go to the accounts they name and to nobody else, a trade to each side as its
 * own; `prev` chains them. */
static void test_reports(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t before = report(d, ALICE);
    open_session(d, A, 1);
    open_session(d, B, 1);
    const uint64_t first = report(d, ALICE);
    const uint64_t second = report(d, BOB);
    struct msg m = {.kind = MSG_trade};
    m.trade.symbol = SYMBOL;
    m.trade.trade_id = m.trade.maker_order_id = m.trade.taker_order_id = 1;
    m.trade.price = m.trade.quantity = m.trade.quote = 1;
    m.trade.taker_side = SIDE_BUY;
    m.trade.maker_account = ALICE;
    m.trade.taker_account = BOB;
    m.trade.maker_cl_ord_id = ALICE_NAME;
    m.trade.taker_cl_ord_id = BOB_NAME;
    m.trade.maker_cum_quantity = m.trade.maker_cum_quote = 1;
    m.trade.taker_cum_quantity = m.trade.taker_cum_quote = 1;
    const uint64_t trade = desk_apply(d, -SERVICE_SHARD - 1, 1, &m);
    desk_take(d);
    reported(d, A, first, before);
    reported(d, B, second, 0);
    told(reported(d, A, trade, first), 1, ALICE, ALICE_NAME);
    told(reported(d, B, trade, second), 1, BOB, BOB_NAME);
    m.trade.taker_account = ALICE;
    const uint64_t both = desk_apply(d, -SERVICE_SHARD - 1, 2, &m);
    desk_take(d);
    told(reported(d, A, both, trade), 2, ALICE, ALICE_NAME);
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* Heartbeats say how far the feed and the log are, on ping and by the clock. */
static void test_heartbeats(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    open_session(d, A, 1);
    const uint64_t last = report(d, ALICE);
    report(d, BOB);
    desk_take(d);
    say_head(d, d->gseq + 1);
    desk_receive(d, BUS_STREAM, 0, NULL);
    desk_pass_ms(d, 1000);
    desk_turn(d);
    const struct msg_feed_heartbeat beat =
        desk_sent(d, BUS_CLIENTS, A, MSG_feed_heartbeat)->feed_heartbeat;
    assert_int_equal(beat.last_gseq, last);
    assert_int_equal(beat.head, d->gseq);
    assert_int_equal(beat.tag_gseq, d->gseq);
    assert_int_equal(beat.tag, 0x77);
    const struct msg ping = {.kind = MSG_ping};
    desk_put(d, &ping);
    from(d, A);
    desk_sent(d, BUS_CLIENTS, A, MSG_feed_heartbeat);
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* A peer that does not read is forgotten: nothing more is sent to it. When it speaks
 * again, a heartbeat tells how far its feed is, so that it sees what it missed. */
static void test_undeliverable(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    open_session(d, A, 1);
    gateway_core.undeliverable(d->state, BUS_CLIENTS, A);
    gateway_core.undeliverable(d->state, BUS_SEQUENCER, A);
    const uint64_t gseq = report(d, ALICE);
    desk_turn(d);
    desk_sent_nothing(d);
    const struct msg ping = {.kind = MSG_ping};
    desk_put(d, &ping);
    from(d, A);
    assert_int_equal(
        desk_sent(d, BUS_CLIENTS, A, MSG_feed_heartbeat)->feed_heartbeat.last_gseq, gseq);
    desk_destroy(d);
}

/* A flood of records in one drain cuts those attached, instead of overflowing the outbox.
 * */
static void test_flood_of_reports(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    open_session(d, A, 1);
    open_session(d, B, 1);
    for (uint32_t i = 0; i < DESK_OUTBOX / 32; i++)
        report(d, ALICE);
    const struct gateway *g = d->state;
    assert_int_equal(g->counts.cut, 1);
    assert_int_equal(g->peers.slots.count, 1);
    outbox_clear(&d->outbox);
    const uint64_t gseq = report(d, BOB);
    desk_take(d);
    reported(d, B, gseq, 0);
    desk_destroy(d);
}

/* ---- the sequencer's answers ------------------------------------------------------- */

/* Each goes to the peer that sent for the session. */
static void test_sequencer_answers(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t session = open_session(d, A, 1);
    struct msg m = {.kind = MSG_accepted};
    m.accepted.session = session;
    m.accepted.n = 1;
    m.accepted.account = ALICE;
    desk_put(d, &m);
    m = (struct msg){.kind = MSG_conflict};
    m.conflict.session = session;
    m.conflict.n = 1;
    m.conflict.account = ALICE;
    desk_put(d, &m);
    m = (struct msg){.kind = MSG_refused};
    m.refused.session = session;
    m.refused.n = 3;
    m.refused.reason = (uint16_t)error_number(ERR_GAP);
    m.refused.value = 2;
    m.refused.account = ALICE;
    desk_put(d, &m);
    from_sequencer(d);
    desk_sent(d, BUS_CLIENTS, A, MSG_accepted);
    desk_sent(d, BUS_CLIENTS, A, MSG_conflict);
    assert_int_equal(refused(d, A, ERR_GAP).value, 2);
    assert_int_equal(d->outbox.refused, 1);
    assert_int_equal(d->outbox.busy, 0);
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* The sequencer answers an OPEN that came twice, and may be ahead of the log as it is
 * here: the client's first command is acknowledged before what it caused. It may be on
 * its second connection by then, while the first is not known to be gone. */
static void test_opened_ahead_of_the_log(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t session = d->gseq + 1;
    put_open(d, 5);
    from(d, A);
    desk_sent(d, BUS_SEQUENCER, 0, MSG_submit_open);
    put_open(d, 5);
    from(d, A2);
    desk_sent(d, BUS_SEQUENCER, 0, MSG_submit_open);
    struct msg m = {.kind = MSG_opened};
    m.opened.nonce = 5;
    m.opened.session = session;
    m.opened.account = ALICE;
    desk_put(d, &m);
    from_sequencer(d);
    desk_sent(d, BUS_CLIENTS, A2, MSG_opened);
    const struct msg first = order(1);
    put_command(d, session, 1, &first);
    from(d, A2);
    forwarded(d, session, 1);
    m = (struct msg){.kind = MSG_open, .open = {.account = ALICE, .nonce = 5}};
    assert_int_equal(desk_apply(d, 0, 0, &m), session);
    const uint64_t gseq = desk_apply(d, (int64_t)session, 1, &first);
    const uint64_t caused = report(d, ALICE);
    desk_take(d);
    desk_sent(d, BUS_CLIENTS, A, MSG_opened);
    assert_int_equal(desk_sent(d, BUS_CLIENTS, A2, MSG_accepted)->accepted.gseq, gseq);
    assert_int_equal(reported(d, A, caused, 0)->gseq, reported(d, A2, caused, 0)->gseq);
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* Answers to OPEN name the account between sequencer and gateway: two clients may have
 * chosen the same nonce. The client never sees that. */
static void test_open_refused(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    put_open(d, 5);
    from(d, A);
    put_open(d, 5);
    from(d, B);
    struct msg m = {.kind = MSG_session_gone};
    m.session_gone.session = 4;
    m.session_gone.last_n = 9;
    m.session_gone.nonce = 5;
    m.session_gone.account = BOB;
    desk_put(d, &m);
    m = (struct msg){.kind = MSG_refused};
    m.refused.n = 5;
    m.refused.reason = (uint16_t)error_number(ERR_CAPACITY);
    m.refused.account = ALICE;
    desk_put(d, &m);
    desk_put(d, &m);
    from_sequencer(d);
    const struct msg_session_gone gone =
        desk_sent(d, BUS_CLIENTS, B, MSG_session_gone)->session_gone;
    assert_int_equal(gone.last_n, 9);
    assert_int_equal(gone.account, 0);
    assert_int_equal(refused(d, A, ERR_CAPACITY).account, 0);
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* After CLOSE the client hears `accepted` from the log and `session_gone` from the
 * sequencer, in whichever order they come. */
static void test_close(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t session = open_session(d, A, 1);
    const struct msg m = {.kind = MSG_close};
    put_command(d, session, 1, &m);
    from(d, A);
    forwarded(d, session, 1);
    desk_apply(d, (int64_t)session, 1, &m);
    desk_take(d);
    desk_sent(d, BUS_CLIENTS, A, MSG_accepted);
    struct msg gone = {.kind = MSG_session_gone};
    gone.session_gone.session = session;
    gone.session_gone.last_n = 1;
    gone.session_gone.account = ALICE;
    struct msg conflict = {.kind = MSG_conflict};
    conflict.conflict.session = session;
    conflict.conflict.n = 1;
    conflict.conflict.account = ALICE;
    desk_put(d, &conflict);
    desk_put(d, &gone);
    from_sequencer(d);
    desk_sent(d, BUS_CLIENTS, A, MSG_conflict);
    assert_int_equal(desk_sent(d, BUS_CLIENTS, A, MSG_session_gone)->session_gone.last_n,
                     1);
    put_command(d, session, 1, &m);
    from(d, A2);
    forwarded(d, session, 1);
    desk_put(d, &gone);
    from_sequencer(d);
    desk_sent(d, BUS_CLIENTS, A2, MSG_session_gone);
    desk_destroy(d);
}

/* Who names another's session gets nothing of the other's, and the other nothing of what
 * it is told: neither while the session is unknown here, nor once it is closed. */
static void test_names_another_session(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const struct msg m = {.kind = MSG_close};
    const uint64_t session = open_session(d, A, 1);
    put_command(d, session, 1, &m);
    from(d, A);
    forwarded(d, session, 1);
    put_command(d, session + 100, 1, &m); /* not open yet, perhaps */
    from(d, B);
    forwarded(d, session + 100, 1);
    desk_apply(d, (int64_t)session, 1, &m);
    desk_take(d);
    desk_sent(d, BUS_CLIENTS, A, MSG_accepted);
    put_command(d, session, 1, &m);
    from(d, B);
    forwarded(d, session, 1);
    struct msg unknown = {.kind = MSG_refused};
    unknown.refused.session = session;
    unknown.refused.n = 1;
    unknown.refused.reason = (uint16_t)error_number(ERR_UNKNOWN_SESSION);
    unknown.refused.account = BOB;
    struct msg gone = {.kind = MSG_session_gone};
    gone.session_gone.session = session;
    gone.session_gone.last_n = 1;
    gone.session_gone.account = ALICE;
    struct msg accepted = {.kind = MSG_accepted};
    accepted.accepted.session = session + 100;
    accepted.accepted.n = 1;
    accepted.accepted.account = ALICE;
    desk_put(d, &gone);
    desk_put(d, &accepted);
    desk_put(d, &unknown);
    from_sequencer(d);
    desk_sent(d, BUS_CLIENTS, A, MSG_session_gone);
    assert_int_equal(refused(d, B, ERR_UNKNOWN_SESSION).account, 0);
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* ---- snapshot ---------------------------------------------------------------------- */

/* A snapshot holds the fold, and no connection. */
static void test_snapshot(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    const uint64_t session = open_session(d, A, 1);
    const struct msg m = order(1);
    put_command(d, session, 1, &m);
    put_command(d, session, 2, &m);
    from(d, A);
    desk_apply(d, (int64_t)session, 1, &m);
    const uint64_t prev = report(d, ALICE);
    void *state = desk_reload(d);
    free(d->state);
    d->state = state;
    outbox_clear(&d->outbox);
    const uint64_t gseq = report(d, ALICE);
    desk_take(d);
    desk_sent_nothing(d);
    assert_int_equal(directory_prev(&((struct gateway *)state)->directory, ALICE), gseq);
    assert_true(gseq > prev);
    desk_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_admit),
        cmocka_unit_test(test_revoked),
        cmocka_unit_test(test_hello),
        cmocka_unit_test(test_connections_of_an_account),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_heartbeats),
        cmocka_unit_test(test_undeliverable),
        cmocka_unit_test(test_flood_of_reports),
        cmocka_unit_test(test_sequencer_answers),
        cmocka_unit_test(test_opened_ahead_of_the_log),
        cmocka_unit_test(test_open_refused),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_names_another_session),
        cmocka_unit_test(test_snapshot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
