/* lookup_test.c - queries go to the service that can answer, and only for who may ask. */
#include "tests/unit/gateway_world.h"

static struct msg_query asked(struct desk *d, uint32_t service)
{
    return desk_sent(d, BUS_SERVICE, service, MSG_query)->query;
}

static struct msg_answer answered(struct desk *d, uint32_t peer, int reason)
{
    const struct msg *m = desk_sent(d, BUS_CLIENTS, peer, MSG_answer);
    assert_string_equal(error_name(m->answer.reason), error_name(reason));
    assert_int_equal(m->answer.id, 77);
    return m->answer;
}

/* Each kind has one destination; a trader asks for its own rows. */
static void test_destinations(void **unused)
{
    (void)unused;
    static const uint8_t kinds[][2] = {
        {QUERY_KIND_SYMBOLS, SERVICE_RISK},
        {QUERY_KIND_BALANCES, SERVICE_RISK},
        {QUERY_KIND_HOLDS, SERVICE_RISK},
        {QUERY_KIND_ORDERS, SERVICE_PORTFOLIO},
        {QUERY_KIND_TRADES, SERVICE_PORTFOLIO},
        {QUERY_KIND_REPORTS, SERVICE_PORTFOLIO},
        {QUERY_KIND_POSTINGS, SERVICE_SETTLEMENT},
        {QUERY_KIND_LEDGER, SERVICE_SETTLEMENT},
        {QUERY_KIND_BOOK, SERVICE_SHARD + 1},
        {QUERY_KIND_CHAIN, SERVICE_SEQUENCER},
    };
    struct desk *d = open_venue(&world_settings);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        put_query(d, kinds[i][0], 0);
        from(d, A);
        const struct msg_query q = asked(d, kinds[i][1]);
        assert_int_equal(q.kind, kinds[i][0]);
        assert_int_equal(q.account, ALICE);
    }
    desk_destroy(d);
}

/* The rows come back as they were, in one frame, under the client's own id. */
static void test_answer(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    put_query(d, QUERY_KIND_BALANCES, 0);
    from(d, A);
    put_query(d, QUERY_KIND_BALANCES, 0);
    from(d, B);
    const struct msg_query q = asked(d, SERVICE_RISK);
    struct msg row = {.kind = MSG_row_balance};
    row.row_balance.account = BOB;
    row.row_balance.asset = 1;
    row.row_balance.free = 5;
    put_answer(d, q.id, 0, 9, 2);
    desk_put(d, &row);
    desk_put(d, &row);
    put_answer(d, q.id, 0, 0, 0); /* answered already */
    from_service(d, SERVICE_RISK);
    const struct msg_answer a = answered(d, B, 0);
    assert_int_equal(a.count, 2);
    assert_int_equal(a.cursor, 9);
    assert_int_equal(a.gseq, d->gseq);
    desk_sent(d, BUS_CLIENTS, B, MSG_row_balance);
    assert_int_equal(desk_sent(d, BUS_CLIENTS, B, MSG_row_balance)->row_balance.free, 5);
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* Traders see themselves; admins and auditors see all. */
static void test_scope(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    put_query(d, QUERY_KIND_BALANCES, BOB);
    put_query(d, QUERY_KIND_KEYS, 0);
    put_query(d, QUERY_KIND_STATUS, 0);
    from(d, A);
    answered(d, A, ERR_WRONG_ROLE);
    answered(d, A, ERR_WRONG_ROLE);
    asked(d, SERVICE_SEQUENCER);
    desk_sent_nothing(d);
    put_query(d, QUERY_KIND_BALANCES, BOB);
    put_query(d, QUERY_KIND_POSITIONS, 0);
    put_query(d, QUERY_KIND_KEYS, 0);
    put_query(d, QUERY_KIND_STATUS, 0);
    from(d, AUDITOR_PEER);
    assert_int_equal(asked(d, SERVICE_RISK).account, BOB);
    assert_int_equal(asked(d, SERVICE_PORTFOLIO).account, 0);
    asked(d, SERVICE_RISK);
    asked(d, SERVICE_SEQUENCER);
    desk_destroy(d);
}

/* Whatever the question, a trader gets no answer about another account, and all it asks
 * about itself is asked in its own name. */
static void test_foreign_account(void **unused)
{
    (void)unused;
    uint32_t count = 0;
    const struct msg_enum *enums = msg_enums(&count);
    while (strcmp(enums->name, "query_kind") != 0)
        enums++;
    for (const struct msg_value *kind = enums->values; kind->name != NULL; kind++) {
        struct desk *d = open_venue(&world_settings);
        put_query(d, (uint8_t)kind->number, BOB);
        from(d, A);
        answered(d, A, ERR_WRONG_ROLE);
        put_query(d, (uint8_t)kind->number, 0);
        from(d, A);
        uint32_t asked_count = 0;
        for (; d->taken < d->sent_count; d->taken++) {
            const struct msg *m = &d->sent[d->taken].msg;
            assert_true(m->kind == MSG_answer || m->query.account == ALICE);
            asked_count++;
        }
        assert_int_equal(asked_count, 1);
        desk_destroy(d);
    }
}

/* No answer in time, an unknown symbol, too many at once, too many a second. */
static void test_refusals(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    struct msg m = {.kind = MSG_query};
    m.query.id = 77;
    m.query.kind = QUERY_KIND_BOOK;
    m.query.symbol = SYMBOL + 1;
    m.query.limit = 1;
    desk_put(d, &m);
    from(d, A);
    answered(d, A, ERR_UNKNOWN_SYMBOL);
    for (uint32_t i = 0; i <= PEER_QUERIES_MAX; i++)
        put_query(d, QUERY_KIND_BALANCES, 0);
    from(d, A);
    for (uint32_t i = 0; i < PEER_QUERIES_MAX; i++)
        asked(d, SERVICE_RISK);
    answered(d, A, ERR_BUSY);
    desk_pass_ms(d, 2001);
    desk_turn(d);
    for (uint32_t i = 0; i < PEER_QUERIES_MAX; i++)
        answered(d, A, ERR_UNAVAILABLE);
    for (uint32_t i = 0; i <= world_settings.query_burst; i++) {
        put_query(d, QUERY_KIND_KEYS, 0);
        put_query(d, QUERY_KIND_BALANCES, 0);
    }
    from(d, A);
    for (uint32_t i = 0; i < PEER_QUERIES_MAX; i++) {
        answered(d, A, ERR_WRONG_ROLE);
        asked(d, SERVICE_RISK);
    }
    answered(d, A, ERR_WRONG_ROLE);
    answered(d, A, ERR_BUSY);
    d->taken = d->sent_count - 1;
    answered(d, A, ERR_RATE);
    desk_destroy(d);
}

/* The log has a symbol on one shard, and that has not read so far, or has given it up:
 * nobody is told that there is no such symbol. Whoever has it by then is asked again. */
static void test_symbol_on_its_way(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    put_query(d, QUERY_KIND_BOOK, 0);
    put_query(d, QUERY_KIND_BOOK, 0);
    from(d, A);
    const struct msg_query first = asked(d, SERVICE_SHARD + 1);
    const struct msg_query second = asked(d, SERVICE_SHARD + 1);
    put_answer(d, first.id, ERR_UNKNOWN_SYMBOL, 0, 0);
    put_answer(d, second.id, ERR_UNKNOWN_SYMBOL, 0, 0);
    from_service(d, SERVICE_SHARD + 1);
    desk_sent_nothing(d);
    set_symbol(d, SYMBOL, 0);
    d->taken = d->sent_count;
    desk_pass_ms(d, 51);
    desk_turn(d);
    assert_int_equal(asked(d, SERVICE_SHARD).id, first.id);
    assert_int_equal(asked(d, SERVICE_SHARD).symbol, SYMBOL);
    put_answer(d, second.id, 0, 0, 0); /* of who is asked no more */
    from_service(d, SERVICE_SHARD + 1);
    desk_sent_nothing(d);
    put_answer(d, first.id, 0, 0, 0);
    put_answer(d, second.id, ERR_UNKNOWN_SYMBOL, 0, 0);
    from_service(d, SERVICE_SHARD);
    answered(d, A, 0);
    desk_sent_nothing(d);
    desk_pass_ms(d, 2001);
    desk_turn(d);
    answered(d, A, ERR_UNAVAILABLE); /* in the end: ask again */
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* A service that is not connected yet is asked again, until it is too late. What another
 * service was asked has left, and is not. */
static void test_unsent(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    put_query(d, QUERY_KIND_BALANCES, 0);
    put_query(d, QUERY_KIND_ORDERS, 0);
    from(d, A);
    const struct msg_query balances = asked(d, SERVICE_RISK);
    const struct msg_query orders = asked(d, SERVICE_PORTFOLIO);
    for (int tries = 0; tries < 2; tries++) {
        gateway_core.undeliverable(d->state, BUS_SERVICE, SERVICE_RISK);
        desk_turn(d);
        desk_sent_nothing(d);
        desk_pass_ms(d, 51);
        desk_turn(d);
        assert_int_equal(asked(d, SERVICE_RISK).id, balances.id);
        desk_sent_nothing(d);
    }
    put_answer(d, balances.id, 0, 0, 0);
    from_service(d, SERVICE_RISK);
    answered(d, A, 0);
    put_answer(d, orders.id, 0, 0, 0);
    from_service(d, SERVICE_PORTFOLIO);
    answered(d, A, 0);
    put_query(d, QUERY_KIND_BALANCES, 0);
    from(d, A);
    asked(d, SERVICE_RISK);
    gateway_core.undeliverable(d->state, BUS_SERVICE, SERVICE_RISK);
    desk_pass_ms(d, 2001);
    desk_turn(d);
    answered(d, A, ERR_UNAVAILABLE);
    desk_sent_nothing(d);
    desk_destroy(d);
}

/* An account fills its own share and no more, over however many connections: others are
 * asked for all the same. */
static void test_crowd_of_one_account(void **unused)
{
    (void)unused;
    struct core_settings settings = world_settings;
    settings.query_burst = settings.query_rate = 10000;
    struct desk *d = open_venue(&settings);
    const uint32_t peers = LOOKUP_OF_ACCOUNT_MAX / PEER_QUERIES_MAX;
    for (uint32_t peer = 0; peer < peers; peer++) {
        for (uint32_t i = 0; i < PEER_QUERIES_MAX; i++)
            put_query(d, QUERY_KIND_BALANCES, 0);
        from(d, 200 + peer);
        for (uint32_t i = 0; i < PEER_QUERIES_MAX; i++)
            asked(d, SERVICE_RISK);
    }
    put_query(d, QUERY_KIND_BALANCES, 0);
    from(d, 200 + peers);
    answered(d, 200 + peers, ERR_BUSY);
    put_query(d, QUERY_KIND_BALANCES, 0);
    from(d, B);
    const struct msg_query other = asked(d, SERVICE_RISK);
    assert_int_equal(other.account, BOB);
    put_answer(d, other.id, 0, 0, 0);
    from_service(d, SERVICE_RISK);
    answered(d, B, 0);
    desk_pass_ms(d, 2001);
    desk_turn(d);
    d->taken = d->sent_count; /* all of them are UNAVAILABLE: there is room again */
    put_query(d, QUERY_KIND_BALANCES, 0);
    from(d, 200 + peers);
    asked(d, SERVICE_RISK);
    desk_destroy(d);
}

/* A handle that comes back belongs to somebody new: neither a late answer to who had it
 * before nor that one's time-out is for it. */
static void test_handle_comes_back(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    put_query(d, QUERY_KIND_BALANCES, 0);
    from(d, A);
    const struct msg_query old = asked(d, SERVICE_RISK);
    put_query(d, QUERY_KIND_BALANCES, 0);
    from(d, A);
    asked(d, SERVICE_RISK);
    gateway_core.undeliverable(d->state, BUS_CLIENTS, A);
    put_query(d, QUERY_KIND_POSITIONS, 0);
    from(d, A);
    const struct msg_query fresh = asked(d, SERVICE_PORTFOLIO);
    put_answer(d, old.id, 0, 0, 0);
    from_service(d, SERVICE_RISK);
    desk_sent_nothing(d);
    put_answer(d, fresh.id, 0, 0, 0);
    from_service(d, SERVICE_PORTFOLIO);
    answered(d, A, 0);
    desk_pass_ms(d, 2001);
    desk_turn(d);
    desk_sent_nothing(d);
    assert_int_equal(((struct gateway *)d->state)->lookups.count, 0);
    desk_destroy(d);
}

/* A client that left gets no answer, and frees its place. */
static void test_peer_gone(void **unused)
{
    (void)unused;
    struct desk *d = open_venue(&world_settings);
    put_query(d, QUERY_KIND_BALANCES, 0);
    from(d, A);
    const struct msg_query q = asked(d, SERVICE_RISK);
    gateway_core.undeliverable(d->state, BUS_CLIENTS, A);
    put_answer(d, q.id, 0, 0, 0);
    from_service(d, SERVICE_RISK);
    desk_sent_nothing(d);
    assert_int_equal(((struct gateway *)d->state)->lookups.count, 0);
    desk_destroy(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_destinations),
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_scope),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_symbol_on_its_way),
        cmocka_unit_test(test_unsent),
        cmocka_unit_test(test_peer_gone),
        cmocka_unit_test(test_foreign_account),
        cmocka_unit_test(test_crowd_of_one_account),
        cmocka_unit_test(test_handle_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
