/* submission_test.c - what services may put into the log, and when. */
#include "tests/unit/sequencer_world.h"

#include "proto/digest.h"

/* ---- services ---------------------------------------------------------------------- */

static uint8_t source_digest[16];

static struct msg rejection(uint64_t order_id)
{
    struct msg m = {.kind = MSG_order_rejected};
    m.order_rejected.order_id = order_id;
    m.order_rejected.account = ACCOUNT;
    m.order_rejected.cl_ord_id = 1;
    m.order_rejected.symbol = 1;
    m.order_rejected.reason = (uint16_t)error_number(ERR_FUNDS);
    return m;
}

/* Follows what risk has submitted, as its harness does. */
static void follow(const struct msg *m)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    assert_int_equal(codec_encode(bytes, sizeof bytes, m, &size), 0);
    digest_fold(source_digest, bytes, size);
}

/* Submits order rejections first_n .. first_n + count - 1. */
static void submit(struct desk *d, uint64_t first_n, uint32_t count,
                   const uint8_t digest[16])
{
    struct msg m = {.kind = MSG_submission};
    m.submission.source = -SERVICE_RISK;
    m.submission.first_n = first_n;
    m.submission.count = count;
    memcpy(m.submission.digest, digest, 16);
    desk_put(d, &m);
    for (uint32_t i = 0; i < count; i++) {
        const struct msg r = rejection(first_n + i);
        desk_put_bin(d, &r);
    }
}

static void send_submission(struct desk *d)
{
    desk_receive(d, BUS_SERVER, SERVICE, NULL);
    desk_turn(d);
}

static void acked(struct desk *d, uint64_t last_n, int reason)
{
    const struct msg_ack ack = desk_sent(d, BUS_SERVER, SERVICE, MSG_ack)->ack;
    assert_string_equal(error_name(ack.reason), error_name(reason));
    assert_int_equal(ack.last_n, last_n);
    assert_int_equal(ack.source, -SERVICE_RISK);
}

/* In order and with the right digest: appended and acknowledged. The known part of a
 * repeat is skipped, the rest appended. */
static void test_submission(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    uint8_t start[16] = {0};
    memset(source_digest, 0, sizeof source_digest);
    submit(d, 1, 2, start);
    send_submission(d);
    assert_int_equal(d->record_count, 2);
    assert_int_equal(d->records[1].source, -SERVICE_RISK);
    assert_int_equal(d->records[1].n, 2);
    acked(d, 2, 0);
    submit(d, 1, 3, start);
    send_submission(d);
    assert_int_equal(d->record_count, 1);
    assert_int_equal(d->records[0].n, 3);
    acked(d, 3, 0);
    submit(d, 1, 2, start);
    send_submission(d);
    assert_int_equal(d->record_count, 0);
    acked(d, 3, 0);
    check_in(d, -SERVICE_RISK, 2);
    const struct msg welcome = *desk_sent(d, BUS_SERVER, SERVICE, MSG_welcome);
    for (uint64_t n = 1; n <= 3; n++) {
        const struct msg r = rejection(n);
        follow(&r);
    }
    assert_int_equal(welcome.welcome.last_n, 3);
    assert_memory_equal(welcome.welcome.digest, source_digest, 16);
    desk_destroy(d);
}

/* A gap is asked for again; other content than what is in the log stops the service. */
static void test_submission_refused(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    uint8_t start[16] = {0}, wrong[16] = {1};
    submit(d, 2, 1, start);
    send_submission(d);
    acked(d, 0, ERR_GAP);
    submit(d, 1, 1, wrong);
    send_submission(d);
    acked(d, 0, ERR_DIVERGED);
    submit(d, 1, 2, start);
    send_submission(d);
    submit(d, 1, 3, wrong);
    send_submission(d);
    assert_int_equal(d->record_count, 0);
    acked(d, 2, ERR_DIVERGED);
    desk_destroy(d);
}

/* A service may only submit what is its own to say, and it must decode. */
static void test_submission_kinds(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    const struct msg m = order(1);
    struct msg s = {.kind = MSG_submission};
    s.submission.source = -SERVICE_RISK;
    s.submission.first_n = 1;
    s.submission.count = 1;
    desk_put(d, &s);
    desk_put_bin(d, &m);
    send_submission(d);
    assert_int_equal(d->record_count, 0);
    acked(d, 0, ERR_BAD);
    s.submission.source = -SERVICE_PORTFOLIO;
    const struct msg r = rejection(1);
    desk_put(d, &s);
    desk_put_bin(d, &r);
    send_submission(d);
    assert_int_equal(d->record_count, 0);
    desk_destroy(d);
}

/* Reports of a drain come before its commands, whatever arrived first; messages behind a
 * submission are read. */
static void test_reports_before_commands(void **unused)
{
    (void)unused;
    struct desk *d = open_desk();
    uint8_t start[16] = {0};
    const uint64_t session = open_session(d, ACCOUNT, 5);
    const struct msg m = order(1);
    put_command(d, session, 1, ACCOUNT, &m);
    desk_receive(d, BUS_SERVER, GATEWAY, NULL);
    submit(d, 1, 1, start);
    desk_put_position(d, -SERVICE_RISK, 0, 0, 3);
    send_submission(d);
    assert_int_equal(d->records[0].source, -SERVICE_RISK);
    assert_int_equal(d->records[1].source, (int64_t)session);
    uint8_t bytes[4096];
    const size_t size = sequencer_core.head(d->state, bytes, sizeof bytes);
    struct msg head;
    assert_int_equal(codec_decode_whole(bytes, size, &head), PACK_TRAILING);
    size_t used = 0;
    assert_int_equal(codec_decode(bytes, size, &head, &used), 0);
    assert_int_equal(head.position.source, -SERVICE_RISK);
    assert_int_equal(head.position.next, 3);
    desk_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_submission),
        cmocka_unit_test(test_submission_refused),
        cmocka_unit_test(test_submission_kinds),
        cmocka_unit_test(test_reports_before_commands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
