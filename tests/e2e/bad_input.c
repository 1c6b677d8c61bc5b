/* bad_input.c - what a running venue answers to bytes, clients and keys it should not
 * get.
 *
 *     bad_input DIRECTORY
 *
 * Run by bad_input_test.sh on a venue with deploy/venues/demo.yaml. Whatever is sent
 * here, the orders accepted before and after must be there at the end, and the log must
 * verify.
 */
#include "tests/e2e/peer.h"

#include "common/random.h"
#include "proto/sample.h"

enum { USD = 1, BTC_USD = 1, ALICE_ORDERS = 5 };

static const char *directory;
static struct peer alice;
static uint64_t resting[ALICE_ORDERS];
static uint32_t resting_count;

static struct msg make_order(struct peer *p)
{
    return (struct msg){.kind = MSG_order_new,
                        .order_new = {.cl_ord_id = ++p->name,
                                      .symbol = BTC_USD,
                                      .side = SIDE_BUY,
                                      .ord_type = ORD_TYPE_LIMIT,
                                      .tif = TIF_GTC,
                                      .price = 5000000,
                                      .quantity = 100}};
}

/* The venue still takes a good order, in a session of its own. */
static void rest_one(void)
{
    const struct msg order = make_order(&alice);
    struct msg report;
    peer_begin(&alice);
    resting[resting_count++] = peer_do(&alice, &order);
    do
        peer_expect_report(&alice, MSG_order_accepted, &report);
    while (report.order_accepted.order_id != resting[resting_count - 1]);
}

static void expect_rejected(const struct msg *order, int error)
{
    struct msg report;
    const uint64_t id = peer_do(&alice, order);
    do
        peer_expect_report(&alice, MSG_order_rejected, &report);
    while (report.order_rejected.order_id != id);
    assert_string_equal(error_name(-(int)report.order_rejected.reason),
                        error_name(error));
}

static int set_up(void **state)
{
    (void)state;
    peer_open(&alice, directory, "alice");
    rest_one();
    return 0;
}

/* Every order that was accepted is still open, whatever came after it. */
static int tear_down(void **state)
{
    (void)state;
    rest_one();
    for (uint32_t i = 0; i < resting_count; i++) {
        peer_ask(&alice, (struct msg_query){.kind = QUERY_KIND_ORDER,
                                            .order_id = resting[i],
                                            .after = resting[resting_count - 1]});
        const struct msg *row = peer_expect(&alice, MSG_row_order);
        assert_int_equal(row->row_order.order_id, resting[i]);
        assert_int_equal(row->row_order.status, ORD_STATUS_NEW);
    }
    peer_close(&alice);
    return 0;
}

/* Cut anywhere, a message is BAD, and why; the connection goes on. */
static void truncated(void **state)
{
    (void)state;
    uint8_t body[MESSAGE_BYTES_MAX], bytes[MESSAGE_BYTES_MAX];
    const struct msg order = make_order(&alice);
    struct msg m = {.kind = MSG_command, .command = {.session = alice.session, .n = 2}};
    m.command.body_size = (uint16_t)peer_encode(body, &order);
    memcpy(m.command.body, body, m.command.body_size);
    const size_t size = peer_encode(bytes, &m);
    for (size_t cut = 1; cut < size; cut++) {
        peer_send_bytes(&alice, bytes, cut);
        const struct msg_refused *r = &peer_expect(&alice, MSG_refused)->refused;
        assert_int_equal(r->reason, error_number(ERR_BAD));
        assert_true(r->value == error_number(ERR_TRUNCATED) ||
                    r->value == error_number(ERR_LENGTH));
    }
    peer_send_bytes(&alice, bytes, 0); /* nothing is no message, and no harm */
    for (uint16_t cut = 0; cut < m.command.body_size; cut++) {
        peer_command_bytes(&alice, 2, body, cut); /* the same inside of a command */
        peer_expect_refused(&alice, ERR_BAD, 0);
    }
}

/* A frame over the limit, or one in several parts, costs the connection, nothing else. */
static void oversized(void **state)
{
    (void)state;
    static uint8_t bytes[70000];
    memset(bytes, 0x94, sizeof bytes);
    peer_send_bytes(&alice, bytes, sizeof bytes);
    assert_null(peer_find(&alice, MSG_refused, 200));
    peer_connect(&alice);
    rest_one();
    assert_int_equal(zmq_send(alice.socket, bytes, 3, ZMQ_SNDMORE), 3);
    assert_int_equal(zmq_send(alice.socket, bytes, 3, 0), 3);
    assert_null(peer_find(&alice, MSG_answer, 200));
    peer_connect(&alice);
    rest_one();
}

/* Random changes of valid messages: each gets an answer or is taken for what it then
 * is. */
static void mutated(void **state)
{
    (void)state;
    static const uint16_t kinds[] = {MSG_command, MSG_resume, MSG_query, MSG_client_open,
                                     MSG_ping,    MSG_hello,  MSG_trade, MSG_opened};
    struct random random;
    struct peer mad;
    random_init(&random, 20240611);
    peer_open(&mad, directory, "bob");
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[MESSAGE_BYTES_MAX + 8];
        struct msg m;
        uint64_t seed = random_below(&random, UINT32_MAX);
        sample_random(&m, kinds[random_below(&random, 8)], &seed);
        size_t size = peer_encode(bytes, &m);
        for (uint64_t k = 1 + random_below(&random, 4); k > 0; k--)
            bytes[random_below(&random, size)] = (uint8_t)random_below(&random, 256);
        if (random_below(&random, 8) == 0)
            size = 1 + random_below(&random, size);
        peer_send_bytes(&mad, bytes, size);
        while (i % 64 == 0 && peer_receive(&mad, 1))
            mad.count = 0;
    }
    peer_close(&mad);
}

static void unknown_kind(void **state)
{
    (void)state;
    const uint64_t unknown = error_number(ERR_UNKNOWN_KIND);
    peer_send_bytes(&alice, "\x91\xcc\xfa", 3);
    peer_expect_refused(&alice, ERR_BAD, unknown);
    struct msg m;
    sample_fixed(&m, MSG_accepted); /* ours to say, not a client's */
    peer_send(&alice, &m);
    peer_expect_refused(&alice, ERR_BAD, unknown);
    sample_fixed(&m, MSG_trade);
    peer_command(&alice, 2, &m);
    peer_expect_refused(&alice, ERR_BAD, unknown);
    peer_send(&alice, &(struct msg){.kind = MSG_hello, .hello = {.account = 5}});
    peer_expect_refused(&alice, ERR_BAD, unknown);
}

/* Another's order is answered word for word as one that never was. */
static void foreign_order(void **state)
{
    (void)state;
    struct peer bob;
    struct msg reports[2];
    peer_open(&bob, directory, "bob");
    peer_begin(&bob);
    const uint64_t ids[2] = {resting[0], ID_MAX / 2};
    for (int i = 0; i < 2; i++) {
        peer_do(&bob, &(struct msg){
                          .kind = MSG_order_cancel,
                          .order_cancel = {.cl_ord_id = ++bob.name, .order_id = ids[i]}});
        peer_expect_report(&bob, MSG_cancel_rejected, &reports[i]);
        struct msg_cancel_rejected *r = &reports[i].cancel_rejected;
        assert_string_equal(error_name(-(int)r->reason), "UNKNOWN_ORDER");
        assert_true(r->order_id == ids[i] || r->order_id == 0);
        r->request = r->order_id = r->cl_ord_id = 1; /* what bob said himself */
    }
    uint8_t bytes[2][MESSAGE_BYTES_MAX];
    const size_t size = peer_encode(bytes[0], &reports[0]);
    assert_int_equal(peer_encode(bytes[1], &reports[1]), size);
    assert_memory_equal(bytes[0], bytes[1], size);
    for (int i = 0; i < 2; i++)
        assert_int_equal(peer_ask(&bob, (struct msg_query){.kind = QUERY_KIND_ORDER,
                                                           .order_id = ids[i]})
                             ->reason,
                         error_number(ERR_NOT_FOUND));
    peer_close(&bob);
}

static void foreign_session(void **state)
{
    (void)state;
    struct peer bob;
    peer_open(&bob, directory, "bob");
    const struct msg order = make_order(&bob);
    const uint64_t sessions[2] = {alice.session, ID_MAX / 2};
    for (int i = 0; i < 2; i++) {
        bob.session = sessions[i];
        peer_command(&bob, alice.n + 1, &order);
        peer_expect_refused(&bob, ERR_UNKNOWN_SESSION, 0);
    }
    peer_close(&bob);
}

static void wrong_role(void **state)
{
    (void)state;
    struct peer p;
    const struct msg deposit = {
        .kind = MSG_deposit,
        .deposit = {
            .account = alice.account, .asset = USD, .amount = 1, .reference = 99}};
    peer_command(&alice, 2, &deposit);
    peer_expect_refused(&alice, ERR_WRONG_ROLE, 0);
    assert_int_equal(
        peer_ask(&alice, (struct msg_query){.kind = QUERY_KIND_KEYS})->reason,
        error_number(ERR_WRONG_ROLE));
    assert_int_equal(peer_ask(&alice, (struct msg_query){.kind = QUERY_KIND_BALANCES,
                                                         .account = ACCOUNT_FEES})
                         ->reason,
                     error_number(ERR_WRONG_ROLE));
    peer_open(&p, directory, "auditor");
    peer_send(&p, &(struct msg){.kind = MSG_client_open, .client_open = {.nonce = 1}});
    peer_expect_refused(&p, ERR_WRONG_ROLE, 0);
    peer_close(&p);
    peer_open(&p, directory, "admin");
    peer_begin(&p);
    const struct msg order = make_order(&p);
    peer_command(&p, 1, &order);
    peer_expect_refused(&p, ERR_WRONG_ROLE, 0);
    peer_close(&p);
}

/* No connection, no answer, for a key that is in no account. */
static void unknown_key(void **state)
{
    (void)state;
    struct peer p;
    peer_open(&p, directory, NULL);
    peer_send(&p, &(struct msg){.kind = MSG_ping});
    assert_false(peer_receive(&p, 500));
    peer_close(&p);
}

/* n must follow; the same n again is the same answer, with other bytes a CONFLICT. */
static void numbers(void **state)
{
    (void)state;
    const struct msg first = make_order(&alice), other = make_order(&alice);
    const uint64_t gseq = peer_do(&alice, &first);
    peer_command(&alice, alice.n + 5, &other);
    peer_expect_refused(&alice, ERR_GAP, alice.n + 1);
    peer_command(&alice, alice.n, &first);
    assert_int_equal(peer_expect(&alice, MSG_accepted)->accepted.gseq, gseq);
    peer_command(&alice, alice.n, &other);
    assert_int_equal(peer_expect(&alice, MSG_conflict)->conflict.gseq, gseq);
    peer_command(&alice, alice.n - 1, &other);
    peer_expect(&alice, MSG_conflict);
}

/* Zero, negative and too large numbers do not decode: BAD, RANGE. */
static void numbers_out_of_range(void **state)
{
    (void)state;
    static const struct {
        const char *bytes; /* instead of the last fields: price, quantity */
        size_t size;
    } cases[] = {
        {"\x64\x00", 2},                                  /* quantity 0 */
        {"\x64\xff", 2},                                  /* -1 */
        {"\xff\x64", 2},                                  /* price -1 */
        {"\xd3\x80\0\0\0\0\0\0\0\x64", 10},               /* the smallest int64 */
        {"\xcf\xff\xff\xff\xff\xff\xff\xff\xff\x64", 10}, /* no int64 at all */
        {"\x64\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 10}, /* quantity 2^63 - 1 */
        {"\xcf\x00\x00\x04\x00\x00\x00\x00\x00\x64", 10}, /* price 2^42 */
    };
    struct msg order = make_order(&alice);
    order.order_new.price = 100;
    order.order_new.quantity = 100;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t body[MESSAGE_BYTES_MAX];
        const size_t size = peer_encode(body, &order) - 2;
        memcpy(body + size, cases[i].bytes, cases[i].size);
        peer_command_bytes(&alice, 2, body, size + cases[i].size);
        peer_expect_refused(&alice, ERR_BAD, error_number(ERR_RANGE));
    }
}

/* Well-formed and impossible: an order is accepted into the log and refused by name. */
static void impossible_orders(void **state)
{
    (void)state;
    struct msg order = make_order(&alice);
    order.order_new.price = PRICE_MAX;
    order.order_new.quantity = QUANTITY_MAX;
    expect_rejected(&order, ERR_PRICE_TICK);
    order.order_new.price = PRICE_MAX / 50 * 50;
    order.order_new.quantity = QUANTITY_MAX;
    expect_rejected(&order, ERR_QUANTITY_MAX);
    order = make_order(&alice);
    order.order_new.symbol = SYMBOL_MAX;
    expect_rejected(&order, ERR_UNKNOWN_SYMBOL);
    order = make_order(&alice);
    order.order_new.price = 0;
    expect_rejected(&order, ERR_ORDER_TYPE);
    order = make_order(&alice);
    order.order_new.price = 100;
    expect_rejected(&order, ERR_PRICE_BAND);
}

static void expect_refusal(struct peer *p, const struct msg *command, int error)
{
    struct msg report;
    peer_do(p, command);
    peer_expect_report(p, MSG_admin_rejected, &report);
    assert_string_equal(error_name(-(int)report.admin_rejected.reason),
                        error_name(error));
}

/* Price times quantity beyond what money can count, in a symbol that allows both. */
static void overflow(void **state)
{
    (void)state;
    struct peer admin;
    struct msg report, order = make_order(&alice);
    peer_open(&admin, directory, "admin");
    peer_begin(&admin);
    peer_do(&admin, &(struct msg){.kind = MSG_asset_set,
                                  .asset_set = {.asset = 9, .name = "HUGE", .scale = 2}});
    peer_expect_report(&admin, MSG_admin_done, &report);
    struct msg symbol = {.kind = MSG_symbol_set};
    symbol.symbol_set = (struct msg_symbol_set){.symbol = 9,
                                                .name = "HUGE-USD",
                                                .base = 9,
                                                .quote = USD,
                                                .price_scale = 2,
                                                .quantity_scale = 2,
                                                .multiplier = 100,
                                                .tick = 1,
                                                .lot = 1,
                                                .quantity_max = QUANTITY_MAX,
                                                .notional_max = MONEY_MAX,
                                                .collar_ppm = 50000,
                                                .stp = STP_EXPIRE_TAKER,
                                                .trading = TRADING_OPEN};
    peer_do(&admin, &symbol);
    peer_expect_report(&admin, MSG_admin_done, &report);
    peer_close(&admin);
    order.order_new.symbol = 9;
    order.order_new.price = PRICE_MAX;
    order.order_new.quantity = QUANTITY_MAX;
    expect_rejected(&order, ERR_OVERFLOW);
}

static void unknown_names(void **state)
{
    (void)state;
    struct peer admin;
    struct msg withdraw = {.kind = MSG_withdraw,
                           .withdraw = {.account = alice.account,
                                        .asset = ASSET_MAX,
                                        .amount = 1,
                                        .reference = 5000}};
    peer_open(&admin, directory, "admin");
    peer_begin(&admin);
    expect_refusal(&admin, &withdraw, ERR_UNKNOWN_ASSET);
    withdraw.withdraw.asset = USD;
    withdraw.withdraw.account = 9999;
    expect_refusal(&admin, &withdraw, ERR_UNKNOWN_ACCOUNT);
    const struct msg deposit = {
        .kind = MSG_deposit,
        .deposit = {.account = 9999, .asset = USD, .amount = 1, .reference = 5000}};
    expect_refusal(&admin, &deposit, ERR_UNKNOWN_ACCOUNT);
    assert_int_equal(peer_ask(&admin, (struct msg_query){.kind = QUERY_KIND_BOOK,
                                                         .symbol = SYMBOL_MAX})
                         ->reason,
                     error_number(ERR_UNKNOWN_SYMBOL));
    peer_close(&admin);
}

static void no_funds(void **state)
{
    (void)state;
    const struct msg withdraw = {.kind = MSG_withdraw,
                                 .withdraw = {.account = alice.account,
                                              .asset = USD,
                                              .amount = MONEY_MAX,
                                              .reference = 6000}};
    expect_refusal(&alice, &withdraw, ERR_FUNDS);
}

/* A key that is taken away ends its connections at once; nobody comes in with it again.
 * */
static void revoked_key(void **state)
{
    (void)state;
    struct peer admin, bob;
    struct msg report;
    peer_open(&bob, directory, "bob");
    peer_begin(&bob);
    const struct msg order = make_order(&bob);
    peer_do(&bob, &order);
    struct msg revoke = {.kind = MSG_key_set, .key_set = {.account = bob.account}};
    zmq_z85_decode(revoke.key_set.key, bob.public_key);
    peer_open(&admin, directory, "admin");
    peer_begin(&admin);
    peer_do(&admin, &revoke);
    peer_expect_report(&admin, MSG_admin_done, &report);
    assert_int_equal(peer_expect(&bob, MSG_goodbye)->goodbye.reason,
                     error_number(ERR_REVOKED));
    peer_connect(&bob);
    peer_send(&bob, &(struct msg){.kind = MSG_ping});
    assert_false(peer_receive(&bob, 500));
    peer_close(&bob);
    peer_close(&admin);
}

int main(int argc, char **argv)
{
    directory = argc > 1 ? argv[1] : "data";
#define TEST(name) cmocka_unit_test(name)
    const struct CMUnitTest tests[] = {
        TEST(truncated),         TEST(oversized),
        TEST(mutated),           TEST(unknown_kind),
        TEST(foreign_order),     TEST(foreign_session),
        TEST(wrong_role),        TEST(unknown_key),
        TEST(numbers),           TEST(numbers_out_of_range),
        TEST(impossible_orders), TEST(overflow),
        TEST(unknown_names),     TEST(no_funds),
        TEST(revoked_key),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
