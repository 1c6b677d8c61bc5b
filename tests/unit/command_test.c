/* command_test.c - every answer to sessions and commands. */
#include "tests/unit/sequencer_world.h"

/* ---- sessions ---------------------------------------------------------------------- */

/* The same nonce is the same session, for this account only. */
static void test_open_is_idempotent(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const uint64_t session = open_session(d, ACCOUNT, 5);
    assert_int_equal(session, d->gseq);
    assert_int_equal(open_session(d, ACCOUNT, 5), session);
    assert_int_equal(d->record_count, 0);
    assert_true(open_session(d, OTHER, 5) != session);
    put_open(d, 32, 1);
    send_frame(d);
    refused(d, ERR_UNKNOWN_ACCOUNT);
    desk_destroy(d);
}

/* A repeat of something appended in this very turn is answered with it, after the
 * commit. */
static void test_repeat_in_one_turn(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    put_open(d, ACCOUNT, 5);
    put_open(d, ACCOUNT, 5);
    send_frame(d);
    assert_int_equal(d->record_count, 1);
    const uint64_t session =
        desk_sent(d, BUS_SERVER, GATEWAY, MSG_opened)->opened.session;
    assert_int_equal(desk_sent(d, BUS_SERVER, GATEWAY, MSG_opened)->opened.session,
                     session);
    const struct msg m = order(1);
    put_command(d, session, 1, ACCOUNT, &m);
    put_command(d, session, 1, ACCOUNT, &m);
    send_frame(d);
    assert_int_equal(d->record_count, 1);
    const struct msg *accepted = desk_sent(d, BUS_SERVER, GATEWAY, MSG_accepted);
    assert_int_equal(accepted->accepted.gseq, d->gseq);
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* The operator ends a session whose client is gone: its account may open another. The
 * last n stays what it was, so that a client that comes back knows what was accepted. */
static void test_operator_ends_a_session(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const uint64_t admin = open_session(d, ACCOUNT_ADMIN, 1);
    const uint64_t first = open_session(d, ACCOUNT, 1);
    const uint64_t second = open_session(d, ACCOUNT, 2);
    (void)place(d, first, 1);
    struct msg m = {.kind = MSG_session_close, .session_close = {.account = ACCOUNT}};
    put_command(d, admin, 1, ACCOUNT_ADMIN, &m);
    send_frame(d);
    assert_int_equal(d->record_count, 2);
    put_bytes(d, first, 2, ACCOUNT, NULL, 0);
    send_frame(d);
    const struct msg *gone = desk_sent(d, BUS_SERVER, GATEWAY, MSG_session_gone);
    assert_int_equal(gone->session_gone.last_n, 1);
    m.session_close.session = first; /* not open any more */
    put_command(d, admin, 2, ACCOUNT_ADMIN, &m);
    send_frame(d);
    refused(d, ERR_NOT_FOUND);
    m.session_close = (struct msg_session_close){.account = OTHER, .session = second};
    put_command(d, admin, 2, ACCOUNT_ADMIN, &m);
    send_frame(d);
    refused(d, ERR_NOT_FOUND);
    m.session_close.account = ACCOUNT; /* a trader may not end sessions */
    put_command(d, second, 1, ACCOUNT, &m);
    send_frame(d);
    refused(d, ERR_WRONG_ROLE);
    desk_destroy(d);
}

/* A SKIP is for a record that its service has not passed, and cannot pass any more: it
 * waits (roster_test). */
static void test_skip(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const uint64_t admin = open_session(d, ACCOUNT_ADMIN, 1);
    check_in(d, -SERVICE_PORTFOLIO, 4);
    struct msg m = {.kind = MSG_skip, .skip = {SERVICE_PORTFOLIO, 3}};
    put_command(d, admin, 1, ACCOUNT_ADMIN, &m);
    send_frame(d);
    assert_int_equal(refused(d, ERR_PASSED)->value, 4);
    m.skip.sequence = 4;
    put_command(d, admin, 1, ACCOUNT_ADMIN, &m);
    send_frame(d);
    refused(d, ERR_BUSY);
    check_in_to_wait(d, -SERVICE_PORTFOLIO, 4);
    const struct msg *told = desk_sent(d, BUS_SERVER, NEW_LIFE, MSG_welcome);
    assert_int_equal(told->welcome.reason, error_number(ERR_PENDING));
    put_command(d, admin, 1, ACCOUNT_ADMIN, &m);
    send_frame(d);
    assert_int_equal(d->record_count, 1);
    check_in_to_wait(d, -SERVICE_PORTFOLIO, 4);
    assert_int_equal(desk_sent(d, BUS_SERVER, NEW_LIFE, MSG_skip)->skip.sequence, 4);
    told = desk_sent(d, BUS_SERVER, NEW_LIFE, MSG_welcome);
    assert_int_equal(told->welcome.reason, 0);
    assert_int_equal(told->welcome.skips, 1);
    desk_destroy(d);
}

/* An eighth of the sessions (at least 8) for one account, no more than all for the
 * venue. */
static void test_sessions_are_bounded(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    for (uint64_t nonce = 1; nonce <= 8; nonce++)
        open_session(d, ACCOUNT, nonce);
    put_open(d, ACCOUNT, 9);
    send_frame(d);
    refused(d, ERR_CAPACITY);
    for (uint64_t nonce = 1; nonce <= 8; nonce++)
        open_session(d, OTHER, nonce);
    put_open(d, 12, 1);
    send_frame(d);
    refused(d, ERR_CAPACITY);
    desk_destroy(d);
}

/* CLOSE fences: every n up to last_n was accepted, nothing after it ever will be. */
static void test_close(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const uint64_t session = open_session(d, ACCOUNT, 5);
    place(d, session, 1);
    assert_int_equal(close_session(d, session, 2), 2);
    assert_int_equal(d->record_count, 1);
    assert_int_equal(close_session(d, session, 2), 2);
    const struct msg m = order(3);
    put_command(d, session, 3, ACCOUNT, &m);
    put_open(d, ACCOUNT, 5);
    send_frame(d);
    assert_int_equal(d->record_count, 0);
    assert_int_equal(
        desk_sent(d, BUS_SERVER, GATEWAY, MSG_session_gone)->session_gone.last_n, 2);
    const struct msg_session_gone gone =
        desk_sent(d, BUS_SERVER, GATEWAY, MSG_session_gone)->session_gone;
    assert_int_equal(gone.session, session);
    assert_int_equal(gone.last_n, 2);
    assert_int_equal(gone.nonce, 5);
    assert_int_equal(gone.account, ACCOUNT);
    desk_destroy(d);
}

/* Closed sessions are remembered up to the bound, then the oldest is forgotten. */
static void test_closed_sessions_are_forgotten(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const uint64_t first = open_session(d, ACCOUNT, 1);
    close_session(d, first, 1);
    for (uint64_t nonce = 2; nonce <= 16 * DEDUPE_CLOSED_PER_OPEN; nonce++) {
        check_in(d, -SERVICE_RISK, d->gseq);
        close_session(d, open_session(d, ACCOUNT, nonce), 1);
    }
    assert_int_equal(close_session(d, first, 1), 1);
    close_session(d, open_session(d, ACCOUNT, 1000), 1);
    const struct msg m = order(1);
    put_command(d, first, 1, ACCOUNT, &m);
    send_frame(d);
    refused(d, ERR_UNKNOWN_SESSION);
    free(desk_reload(d));
    desk_destroy(d);
}

/* ---- commands ---------------------------------------------------------------------- */

/* What is new is not answered here: the log says it. Repeats are. */
static void test_repeat_and_conflict(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const uint64_t session = open_session(d, ACCOUNT, 5);
    const uint64_t gseq = place(d, session, 1);
    struct msg m = order(1);
    put_command(d, session, 1, ACCOUNT, &m);
    m.order_new.quantity = 2;
    put_command(d, session, 1, ACCOUNT, &m);
    send_frame(d);
    assert_int_equal(d->record_count, 0);
    assert_int_equal(desk_sent(d, BUS_SERVER, GATEWAY, MSG_accepted)->accepted.gseq,
                     gseq);
    const struct msg *conflict = desk_sent(d, BUS_SERVER, GATEWAY, MSG_conflict);
    assert_int_equal(conflict->conflict.gseq, gseq);
    assert_int_equal(conflict->conflict.n, 1);
    desk_destroy(d);
}

/* A repeat from before the window is known to be in, but not where. */
static void test_repeat_before_the_window(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const uint64_t session = open_session(d, ACCOUNT, 5);
    uint64_t second = 0;
    for (uint64_t n = 1; n <= WINDOW + 1; n++) {
        const uint64_t gseq = place(d, session, n);
        second = n == 2 ? gseq : second;
        check_in(d, -SERVICE_RISK, d->gseq);
    }
    for (uint64_t n = 1; n <= 2; n++) {
        const struct msg m = order(n);
        put_command(d, session, n, ACCOUNT, &m);
    }
    send_frame(d);
    assert_int_equal(desk_sent(d, BUS_SERVER, GATEWAY, MSG_accepted)->accepted.gseq, 0);
    assert_int_equal(desk_sent(d, BUS_SERVER, GATEWAY, MSG_accepted)->accepted.gseq,
                     second);
    desk_destroy(d);
}

/* A gap is refused with the n expected, and what follows it too. */
static void test_gap(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const uint64_t session = open_session(d, ACCOUNT, 5);
    place(d, session, 1);
    const struct msg m = order(9);
    put_command(d, session, 3, ACCOUNT, &m);
    put_command(d, session, 4, ACCOUNT, &m);
    put_command(d, session, 2, ACCOUNT, &m);
    send_frame(d);
    assert_int_equal(refused(d, ERR_GAP)->value, 2);
    assert_int_equal(refused(d, ERR_GAP)->value, 2);
    desk_sent_nothing(d);
    assert_int_equal(d->record_count, 1);
    assert_int_equal(d->records[0].n, 2);
    assert_int_equal(d->records[0].source, session);
    desk_destroy(d);
}

/* Another account's session is as good as none. */
static void test_foreign_session(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const uint64_t session = open_session(d, ACCOUNT, 5);
    const struct msg m = order(1);
    put_command(d, session, 1, OTHER, &m);
    put_command(d, session + 1, 1, OTHER, &m);
    send_frame(d);
    const struct msg_refused foreign = *refused(d, ERR_UNKNOWN_SESSION);
    assert_int_equal(foreign.value, refused(d, ERR_UNKNOWN_SESSION)->value);
    assert_int_equal(d->record_count, 0);
    close_session(d, session, 1);
    put_command(d, session, 1, OTHER, &m);
    send_frame(d);
    refused(d, ERR_UNKNOWN_SESSION);
    desk_destroy(d);
}

/* Nothing that readers could not decode enters the log, whatever a gateway passes on. */
static void test_bad_bodies(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const uint64_t session = open_session(d, ACCOUNT, 5);
    const struct msg m = order(1), tick = {.kind = MSG_tick, .tick.number = 1};
    uint8_t bytes[BODY_BYTES_MAX];
    size_t size = 0;
    assert_int_equal(codec_encode(bytes, sizeof bytes, &m, &size), 0);
    put_bytes(d, session, 1, ACCOUNT, bytes, size - 1);
    bytes[size] = 0;
    put_bytes(d, session, 1, ACCOUNT, bytes, size + 1);
    put_bytes(d, session, 1, ACCOUNT, bytes, 0);
    put_command(d, session, 1, ACCOUNT, &tick);
    send_frame(d);
    assert_int_equal(refused(d, ERR_BAD)->value, error_number(ERR_TRUNCATED));
    assert_int_equal(refused(d, ERR_BAD)->value, error_number(ERR_TRAILING));
    assert_int_equal(refused(d, ERR_BAD)->value, error_number(ERR_TRUNCATED));
    assert_int_equal(refused(d, ERR_BAD)->value, error_number(ERR_UNKNOWN_KIND));
    assert_int_equal(d->record_count, 0);
    desk_destroy(d);
}

/* Frames that are no messages change nothing; every shorter and every flipped one. */
static void test_mutated_frames(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const uint64_t session = open_session(d, ACCOUNT, 5);
    const struct msg m = order(1);
    put_command(d, session, 1, OTHER, &m);
    uint8_t good[MESSAGE_BYTES_MAX];
    const size_t size = d->frame_size;
    memcpy(good, d->frame, size);
    d->frame_size = 0;
    for (size_t bit = 0; bit < 8 * size; bit++) {
        desk_put_bytes(d, good, size);
        d->frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (bit % 3 == 0)
            d->frame_size = bit / 8;
        send_frame(d);
        for (uint32_t i = 0; i < d->record_count; i++)
            assert_int_equal(d->records[i].source, (int64_t)session);
    }
    desk_destroy(d);
}

/* The same with random bytes of frames of every kind, submissions too: what is appended
 * decodes (desk_take sees to that), and the state stays sound. */
static void test_random_mutations(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const uint64_t session = open_session(d, ACCOUNT, 5);
    const struct msg place_one = order(1);
    struct msg m = {.kind = MSG_submission};
    struct random random;
    random_init(&random, 9);
    m.submission.source = -SERVICE_RISK;
    m.submission.first_n = 1;
    m.submission.count = 2;
    for (uint32_t i = 0; i < 500000; i++) {
        put_command(d, session, 1 + i % 4, ACCOUNT, &place_one);
        put_open(d, ACCOUNT, 1 + i % 8);
        desk_put(d, &m);
        desk_put_bin(d, &place_one);
        desk_put_bin(d, &place_one);
        desk_put_position(d, -SERVICE_RISK, 0, 0, 1 + i);
        desk_mutate(d, &random);
        desk_receive(d, BUS_SERVER, GATEWAY, NULL);
        sequencer_core.turn(d->state, &d->time, &d->outbox);
        desk_take(d);
        if (i % 1000 == 0)
            desk_turn(d);
    }
    desk_destroy(d);
}

/* ---- limits ------------------------------------------------------------------------ */

/* Orders are refused when risk is a window behind, cancels a quarter later. */
static void test_risk_behind(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const uint64_t session = open_session(d, ACCOUNT, 5);
    uint64_t n = 0;
    while (d->gseq + 1 - 2 <= world_settings.window_records)
        place(d, session, ++n);
    const struct msg m = order(99);
    struct msg cancel = {.kind = MSG_order_cancel};
    cancel.order_cancel.cl_ord_id = 7;
    put_command(d, session, n + 1, ACCOUNT, &m);
    put_command(d, session, n + 1, ACCOUNT, &cancel);
    send_frame(d);
    assert_int_equal(refused(d, ERR_BUSY)->value, SEQUENCER_RETRY_MS);
    assert_int_equal(d->record_count, 1);
    for (n++; d->record_count == 1;) {
        put_command(d, session, ++n, ACCOUNT, &cancel);
        send_frame(d);
    }
    refused(d, ERR_BUSY);
    check_in(d, -SERVICE_RISK, d->gseq + 1);
    place(d, session, n);
    desk_destroy(d);
}

/* Risk has stopped and everybody waits: the operator comes in and says SKIP. */
static void test_operator_when_risk_is_behind(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const uint64_t session = open_session(d, ACCOUNT, 5);
    const struct msg skip = {.kind = MSG_skip, .skip = {SERVICE_RISK, 9}};
    const struct msg cancel = {.kind = MSG_order_cancel, .order_cancel.cl_ord_id = 7};
    uint64_t n = 0;
    do {
        put_command(d, session, ++n, ACCOUNT, &cancel);
        send_frame(d);
    } while (d->record_count == 1);
    refused(d, ERR_BUSY);
    put_open(d, ACCOUNT, 6);
    send_frame(d);
    refused(d, ERR_BUSY);
    const uint64_t admin = open_session(d, ACCOUNT_ADMIN, 1);
    put_command(d, admin, 1, ACCOUNT_ADMIN, &skip);
    send_frame(d);
    refused(d, ERR_BUSY); /* risk runs; at its next start it waits */
    check_in_to_wait(d, -SERVICE_RISK, 2);
    put_command(d, admin, 1, ACCOUNT_ADMIN, &skip);
    send_frame(d);
    assert_int_equal(d->record_count, 1);
    desk_destroy(d);
}

/* A shard stops the venue only when the gateways failed to stop its orders. */
static void test_shard_far_behind(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const uint64_t session = open_session(d, ACCOUNT, 5);
    desk_put_position(d, -SERVICE_RISK, 1, 1, 200);
    send_frame(d);
    place(d, session, 1);
    desk_put_position(d, -SERVICE_RISK, 1, 1, 300);
    send_frame(d);
    const struct msg m = order(2);
    put_command(d, session, 2, ACCOUNT, &m);
    send_frame(d);
    refused(d, ERR_BUSY);
    desk_put_position(d, -SERVICE_SHARD, 1, 0, 290);
    send_frame(d);
    place(d, session, 2);
    desk_destroy(d);
}

/* A full disk stops commands, never reports. */
static void test_storage_full(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const uint64_t session = open_session(d, ACCOUNT, 5);
    const uint64_t gseq = place(d, session, 1);
    d->time.storage_full = true;
    const struct msg m = order(1);
    put_command(d, session, 1, ACCOUNT, &m);
    put_command(d, session, 2, ACCOUNT, &m);
    put_open(d, OTHER, 1);
    send_frame(d);
    assert_int_equal(desk_sent(d, BUS_SERVER, GATEWAY, MSG_accepted)->accepted.gseq,
                     gseq);
    refused(d, ERR_UNAVAILABLE);
    refused(d, ERR_UNAVAILABLE);
    assert_int_equal(d->record_count, 0);
    desk_destroy(d);
}

/* The queue is bounded: orders are refused first, then all; nothing is lost or
 * reordered. */
static void test_queue_is_bounded(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const uint64_t session = open_session(d, ACCOUNT, 5);
    const struct msg m = order(1);
    struct msg cancel = {.kind = MSG_order_cancel};
    cancel.order_cancel.cl_ord_id = 7;
    const struct outbox_run *sends = &d->outbox.sends;
    while (sends->count == 0) {
        put_command(d, session, 1, ACCOUNT, &m);
        desk_receive(d, BUS_SERVER, GATEWAY, NULL);
    }
    assert_int_equal(sends->count, 1);
    put_command(d, session, 1, ACCOUNT, &cancel);
    desk_receive(d, BUS_SERVER, GATEWAY, NULL);
    assert_int_equal(sends->count, 1);
    while (sends->count == 1) {
        put_command(d, session, 1, ACCOUNT, &cancel);
        desk_receive(d, BUS_SERVER, GATEWAY, NULL);
    }
    desk_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_is_idempotent),
        cmocka_unit_test(test_repeat_in_one_turn),
        cmocka_unit_test(test_sessions_are_bounded),
        cmocka_unit_test(test_operator_ends_a_session),
        cmocka_unit_test(test_skip),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_closed_sessions_are_forgotten),
        cmocka_unit_test(test_repeat_and_conflict),
        cmocka_unit_test(test_repeat_before_the_window),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_foreign_session),
        cmocka_unit_test(test_bad_bodies),
        cmocka_unit_test(test_mutated_frames),
        cmocka_unit_test(test_random_mutations),
        cmocka_unit_test(test_risk_behind),
        cmocka_unit_test(test_operator_when_risk_is_behind),
        cmocka_unit_test(test_shard_far_behind),
        cmocka_unit_test(test_storage_full),
        cmocka_unit_test(test_queue_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
