/* venue_test.c - the whole venue under lossy links and crashes: in the end all of it
 * agrees, and a second life makes the same states. */
#include "tests/unit/venue_world.h"

static uint32_t seeds(uint32_t fallback)
{
    const char *text = getenv("SEEDS");
    return text != NULL ? (uint32_t)strtoul(text, NULL, 10) : fallback;
}

/* ---- I4: the books of risk and of settlement say the same -------------------------- */

enum { ASSETS = 4, ROWS = 16 };

/* What the service says of one account: free and held per asset. */
static void ask_money(uint32_t i, const char *address, uint8_t kind, uint32_t account,
                      int64_t money[ASSETS])
{
    struct bus_endpoint endpoint = {.port = BUS_OWNER, .address = address};
    struct bus_options options = {.endpoints = &endpoint, .endpoint_count = 1};
    struct bus *bus = NULL;
    struct bus_frame frame;
    uint8_t bytes[MESSAGE_BYTES_MAX];
    struct msg m = {.kind = MSG_query};
    m.query =
        (struct msg_query){.id = 1, .kind = kind, .account = account, .limit = ROWS};
    assert_int_equal(bus_open(&bus, &options), 0);
    assert_int_equal(bus_send(bus, BUS_OWNER, 0, bytes, put(bytes, &m)), 0);
    turn(venue[i]);
    assert_int_equal(bus_receive(bus, &frame), 1);
    size_t at = 0, used = 0;
    for (; at < frame.size; at += used) {
        assert_int_equal(codec_decode(frame.bytes + at, frame.size - at, &m, &used), 0);
        if (m.kind == MSG_answer)
            assert_true(m.answer.reason == 0 && m.answer.cursor == 0);
        else if (m.row_balance.account == account)
            money[m.row_balance.asset] += m.row_balance.free + m.row_balance.held;
    }
    bus_close(&bus);
}

static void check_money(void)
{
    static const uint32_t accounts[] = {ACCOUNT_EXTERNAL, ACCOUNT_FEES, ALICE_ACCOUNT,
                                        ALICE_ACCOUNT + 1};
    int64_t total[ASSETS] = {0};
    for (uint32_t at = 0; at < 100; at++) { /* the clock stands: no more records come */
        turn(venue[RISK]);
        turn(venue[SETTLEMENT]);
    }
    assert_int_equal(service_next(venue[RISK]), service_next(venue[SETTLEMENT]));
    for (uint32_t i = 0; i < 4; i++) {
        int64_t held[ASSETS] = {0}, posted[ASSETS] = {0};
        ask_money(RISK, "risk", QUERY_KIND_BALANCES, accounts[i], held);
        ask_money(SETTLEMENT, "settlement", QUERY_KIND_LEDGER, accounts[i], posted);
        for (uint32_t asset = 1; asset < ASSETS; asset++) {
            assert_int_equal(held[asset], posted[asset]);
            total[asset] += posted[asset];
        }
        assert_true(posted[1] != 0); /* all had a part in it */
    }
    for (uint32_t asset = 1; asset < ASSETS; asset++)
        assert_int_equal(total[asset], 0);
}

/* All that was made is in the log, and known to be. */
static void check_submissions(void)
{
    struct sequencer sequencer =
        *(const struct sequencer *)service_state(venue[SEQUENCER]);
    for (uint32_t i = RISK; i < GATEWAY; i++) {
        const struct stream_submitter *s = &venue[i]->submitter;
        assert_int_equal(stream_submitter_unacked_bytes(s), 0);
        assert_int_equal(roster_find(&sequencer.roster, s->source)->last_n, s->made_n);
    }
}

static void check_venue(void)
{
    settle();
    for (uint32_t i = 0; i < SERVICES; i++)
        assert_true(service_is_ready(venue[i]));
    assert_true(venue[SHARD_0]->submitter.made_n > COMMANDS);
    check_submissions();
    check_money();
    for (uint32_t i = RISK; i < GATEWAY; i++)
        live_again(i);
}

static void a_quiet_day(void **state)
{
    (void)state;
    begin(1);
    for (uint32_t at = 0; !step(0); at++)
        assert_true(at < 200000);
    check_venue();
    end();
}

/* The digests that services submit are compared by the sequencer whenever one is made
 * again, so a fold that is not one ends the run. */
static void a_bad_day(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= seeds(5); seed++) {
        begin(seed);
        net.loss = 50;
        net.duplication = 30;
        net.reordering = 30;
        for (uint32_t at = 0; !step(2); at++)
            assert_true(at < 2000000);
        check_venue();
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_quiet_day),
        cmocka_unit_test(a_bad_day),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
