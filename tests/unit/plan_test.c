/* plan_test.c - what is wrong with a venue file is said by row and field, all of it, and
 * then there are no commands.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "deploy/cli/keys.h"
#include "deploy/cli/plan.h"

enum { ALICE = 10, BOB = 11 };

/* A venue as the file is to find it, and what the plan made of the file. */
struct world {
    char directory[32];
    struct catalog catalog;
    struct msg_key_set keys[4];
    uint32_t key_count;
    struct plan plan;
    bool ok;
    char *said;
    size_t said_size;
};

static void begin(struct world *w)
{
    *w = (struct world){.directory = "/tmp/plan_test.XXXXXX"};
    assert_non_null(mkdtemp(w->directory));
    assert_int_equal(catalog_init(&w->catalog), 0);
    const struct msg_account_set own[] = {
        {.account = ACCOUNT_EXTERNAL, .name = "external", .role = ROLE_SERVICE},
        {.account = ACCOUNT_FEES, .name = "fees", .role = ROLE_SERVICE},
        {.account = ACCOUNT_ADMIN, .name = "admin", .role = ROLE_ADMIN},
    };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        catalog_add_account(&w->catalog, &own[i]);
}

static void end(struct world *w)
{
    char command[64];
    plan_close(&w->plan);
    catalog_close(&w->catalog);
    free(w->said);
    snprintf(command, sizeof command, "rm -rf %s", w->directory);
    assert_int_equal(system(command), 0);
}

static void make(struct world *w, const char *text)
{
    char path[64];
    struct venue *venue = NULL;
    snprintf(path, sizeof path, "%s/venue.yaml", w->directory);
    FILE *file = fopen(path, "we");
    assert_true(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    assert_true(venue_load(&venue, path));
    plan_close(&w->plan);
    free(w->said);
    FILE *said = open_memstream(&w->said, &w->said_size);
    const struct plan_input input = {.venue = venue,
                                     .catalog = &w->catalog,
                                     .keys = w->keys,
                                     .key_count = w->key_count,
                                     .directory = w->directory,
                                     .complaints = said};
    w->ok = plan_make(&w->plan, &input);
    assert_int_equal(fclose(said), 0);
    venue_close(&venue);
}

/* The key file's public key, as an account's of the venue. */
static void give_key(struct world *w, uint32_t account, const char *name, bool enabled)
{
    struct keys_pair pair;
    struct msg_key_set *key = &w->keys[w->key_count++];
    assert_true(keys_load(&pair, w->directory, name, true));
    assert_true(bus_key_decode(key->key, pair.public_key));
    key->account = account;
    key->enabled = enabled;
}

#define ASSETS                                                                           \
    "assets:\n"                                                                          \
    "  - {name: USD, scale: 6}\n"                                                        \
    "  - {name: BTC, scale: 4}\n"

#define SYMBOL_BUT(price_scale, tick, rest)                                              \
    "symbols:\n"                                                                         \
    "  - {name: BTC-USD, base: BTC, quote: USD, price_scale: " price_scale               \
    ", lot: 0.0001, quantity_max: 100, notional_max: 1000000, tick: " tick rest "}\n"
#define SYMBOL SYMBOL_BUT("2", "0.50", "")

#define ACCOUNTS                                                                         \
    "accounts:\n"                                                                        \
    "  - {name: alice, role: trader, key: alice}\n"                                      \
    "  - {name: bob, role: trader}\n"

#define DEPOSIT(rest) "deposits:\n  - {account: alice, asset: USD, " rest "}\n"

/* The smallest venue, and what is sent for it. */
static void a_venue_becomes_commands(void **state)
{
    (void)state;
    static const char *const labels[] = {
        "asset USD",     "asset BTC",   "symbol BTC-USD",
        "account alice", "account bob", "deposit alice 1.5 USD, reference 1",
        "key of alice"};
    struct world w;
    begin(&w);
    make(&w, ASSETS SYMBOL ACCOUNTS DEPOSIT("amount: 1.5, reference: 1"));
    assert_true(w.ok);
    assert_string_equal(w.said, "");
    assert_int_equal(w.plan.count, sizeof labels / sizeof *labels);
    for (size_t i = 0; i < w.plan.count; i++)
        assert_string_equal(w.plan.commands[i].label, labels[i]);
    const struct msg_symbol_set *symbol = &w.plan.commands[2].msg.symbol_set;
    assert_int_equal(symbol->tick, 50);
    assert_int_equal(symbol->multiplier, 1);
    assert_int_equal(symbol->collar_ppm, 50000);
    assert_int_equal(w.plan.commands[3].msg.account_set.account, ALICE);
    assert_int_equal(w.plan.commands[5].msg.deposit.amount, 1500000);
    end(&w);
}

/* Whatever is the same gives no command; deposits are the venue's to know. */
static void what_is_there_is_not_sent_again(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    make(&w, ASSETS SYMBOL ACCOUNTS);
    assert_true(w.ok);
    give_key(&w, ALICE, "alice", true);
    make(&w, ASSETS SYMBOL ACCOUNTS);
    assert_true(w.ok);
    assert_int_equal(w.plan.count, 0);
    w.catalog.symbols[1].trading = TRADING_HALTED; /* by the operator: not the file's */
    make(&w, ASSETS SYMBOL_BUT("2", "0.25", "") ACCOUNTS);
    assert_true(w.ok);
    assert_int_equal(w.plan.count, 1);
    end(&w);
}

struct fault {
    const char *file, *complaint;
};

/* Each in an otherwise good file: the row, the field, the value, what is allowed. */
static const struct fault faults[] = {
    {"assets: [{name: USD, scale: 99}]",
     "zex: asset USD: scale '99' is out of its range, 0 to 18\n"},
    {"assets: [{name: '', scale: 2}]", "zex: asset : the name must have 1 to 11 bytes\n"},
    {"assets: [{name: USD, scale: 2}, {name: USD, scale: 2}]",
     "zex: asset USD: is there twice\n"},
    {ASSETS SYMBOL_BUT("2", "0", ""),
     "zex: symbol BTC-USD: tick '0' is out of its range, 0.01 to 43980465111.03\n"},
    {ASSETS SYMBOL_BUT("2", "-1", ""),
     "zex: symbol BTC-USD: tick '-1' is out of its range, 0.01 to 43980465111.03\n"},
    {ASSETS SYMBOL_BUT("2", "0.001", ""), "zex: symbol BTC-USD: tick '0.001' is no "
                                          "number, has more than 2 decimals, or is "
                                          "too large\n"},
    {ASSETS SYMBOL_BUT("99", "1", ""),
     "zex: symbol BTC-USD: price_scale '99' is out of its range, 0 to 18\n"},
    {ASSETS SYMBOL_BUT("3", "1", ""), "zex: symbol BTC-USD: scale of USD 6 must be "
                                      "price_scale + scale of BTC = 7 to 19\n"},
    {ASSETS SYMBOL_BUT("2", "1", ", maker: 5000%"),
     "zex: symbol BTC-USD: maker '5000%' is out of its range, -10.0000% to "
     "10.0000%\n"},
    {ASSETS SYMBOL_BUT("2", "1", ", maker: -0.01%"),
     "zex: symbol BTC-USD: maker and taker together are below 0\n"},
    {ASSETS SYMBOL_BUT("2", "1", ", band: 100%"),
     "zex: symbol BTC-USD: band '100%' is out of its range, 0.0000% to 99.9999%\n"},
    {ASSETS SYMBOL_BUT("2", "1", ", band: -1%"),
     "zex: symbol BTC-USD: band '-1%' is out of its range, 0.0000% to 99.9999%\n"},
    {ASSETS SYMBOL_BUT("2", "1", ", collar: 0%"),
     "zex: symbol BTC-USD: collar '0%' is out of its range, 0.0001% to 100.0000%\n"},
    {ASSETS SYMBOL_BUT("2", "1", ", collar: wide"),
     "zex: symbol BTC-USD: collar 'wide' is no rate; write 0.05% or 500ppm\n"},
    {ASSETS SYMBOL_BUT("2", "1", ", shard: 64"),
     "zex: symbol BTC-USD: shard '64' is out of its range, 0 to 63\n"},
    {ASSETS SYMBOL_BUT("2", "1", ", stp: BOTH"),
     "zex: symbol BTC-USD: stp 'BOTH' is none of DEFAULT NONE EXPIRE_TAKER "
     "EXPIRE_MAKER EXPIRE_BOTH\n"},
    {ASSETS SYMBOL_BUT("2", "1", ", stp: DEFAULT"),
     "zex: symbol BTC-USD: stp 'DEFAULT' is what the others default to\n"},
    {ASSETS SYMBOL_BUT("2", "1", ", notional_min: 1000001"),
     "zex: symbol BTC-USD: notional_min '1000001' is above notional_max '1000000'\n"},
    {"assets: [{name: USD, scale: 6}]\n" SYMBOL,
     "zex: symbol BTC-USD: base: unknown asset 'BTC'\n"},
    {"accounts: [{name: alice, role: king}]",
     "zex: account alice: role 'king' is none of TRADER ADMIN AUDITOR SERVICE\n"},
    {"accounts: [{name: alice, role: trader, open_orders_max: 99999999}]",
     "zex: account alice: open_orders_max '99999999' is out of its range, 0 to "
     "16777215\n"},
    {"accounts: [{name: admin, role: trader}]",
     "zex: account admin: it is the venue's own and never changes\n"},
    {"accounts: [{name: desk, role: service, key: desk}]",
     "zex: account desk: key 'desk': a service has none\n"},
    {ASSETS ACCOUNTS DEPOSIT("amount: -5, reference: 1"),
     "zex: deposit alice -5 USD, reference 1: amount '-5' is out of its range, "
     "0.000001 to 4611686018427.387904\n"},
    {ASSETS ACCOUNTS DEPOSIT("amount: 5, reference: 0"),
     "zex: deposit alice 5 USD, reference 0: reference '0' is out of its range, 1 to "
     "9223372036854775807\n"},
    {ASSETS DEPOSIT("amount: 5, reference: 1"),
     "zex: deposit alice 5 USD, reference 1: unknown account 'alice'\n"},
    {ASSETS ACCOUNTS DEPOSIT("amount: 5, reference: 1}\n  - {account: alice, "
                             "asset: BTC, amount: 1, reference: 1"),
     "zex: deposit alice 1 BTC, reference 1: the account has a deposit of this "
     "reference above\n"},
};

static void a_bad_value_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct world w;
        char keys[64];
        begin(&w);
        make(&w, faults[i].file);
        assert_string_equal(w.said, faults[i].complaint);
        assert_false(w.ok);
        snprintf(keys, sizeof keys, "%s/keys", w.directory);
        assert_int_not_equal(access(keys, F_OK), 0); /* no key was made for it */
        end(&w);
    }
}

/* An operator mends a file once, not once a mistake. */
static void all_that_is_bad_is_said(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    make(&w, ASSETS SYMBOL_BUT("2", "0", ", band: 200%")
                 ACCOUNTS DEPOSIT("amount: 0, reference: 1"));
    assert_false(w.ok);
    assert_int_equal(w.plan.bad, 3);
    assert_non_null(strstr(w.said, "tick '0'"));
    assert_non_null(strstr(w.said, "band '200%'"));
    assert_non_null(strstr(w.said, "amount '0'"));
    end(&w);
}

static void what_never_changes_is_refused(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    make(&w, ASSETS SYMBOL);
    make(&w, ASSETS SYMBOL_BUT("1", "1", ""));
    assert_false(w.ok);
    assert_string_equal(
        w.said, "zex: symbol BTC-USD: price_scale 1: it is 2 and never changes\n");
    make(&w, "assets: [{name: USD, scale: 7}]");
    assert_false(w.ok);
    assert_string_equal(w.said, "zex: asset USD: scale 7: it is 6 and never changes\n");
    end(&w);
}

/* A symbol is moved by the operator, after the file was written: what else changes in the
 * file is done where the symbol is. */
static void a_moved_symbol_stays_where_it_is(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    make(&w, ASSETS SYMBOL_BUT("2", "0.50", ", shard: 1"));
    make(&w, ASSETS SYMBOL);
    assert_true(w.ok);
    assert_int_equal(w.plan.count, 0);
    assert_string_equal(
        w.said,
        "zex: symbol BTC-USD: shard 0: it is on 1 and stays; see zex admin move\n");
    make(&w, ASSETS SYMBOL_BUT("2", "0.50", ", band: 20%"));
    assert_true(w.ok);
    assert_int_equal(w.plan.count, 1);
    assert_int_equal(w.plan.commands[0].msg.symbol_set.shard, 1);
    assert_int_equal(w.plan.commands[0].msg.symbol_set.band_ppm, 200000);
    end(&w);
}

/* A changed key adds one: the old one works until it is revoked, and a revoked one is not
 * given back by applying the file once more. */
static void other_keys_are_warned_of(void **state)
{
    (void)state;
    struct world w;
    char text[41], wanted[128];
    begin(&w);
    make(&w, ACCOUNTS);
    give_key(&w, ALICE, "old", true);
    give_key(&w, BOB, "bob", true);
    make(&w, ACCOUNTS);
    assert_true(w.ok);
    assert_int_equal(w.plan.count, 1);
    bus_key_encode(text, w.keys[0].key);
    snprintf(wanted, sizeof wanted, "zex: key of alice: '%s' works too", text);
    assert_non_null(strstr(w.said, wanted));
    assert_non_null(strstr(w.said, "zex: key of bob: "));
    w.key_count = 0;
    give_key(&w, ALICE, "alice", false);
    make(&w, ACCOUNTS);
    assert_true(w.ok);
    assert_int_equal(w.plan.count, 0);
    assert_string_equal(
        w.said,
        "zex: key of alice: 'alice' was revoked and stays so; see zex admin revoke\n");
    w.keys[0].account = BOB;
    make(&w, ACCOUNTS);
    assert_false(w.ok);
    assert_string_equal(w.said, "zex: key of alice: 'alice' is the key of bob\n");
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_venue_becomes_commands),
        cmocka_unit_test(a_moved_symbol_stays_where_it_is),
        cmocka_unit_test(what_is_there_is_not_sent_again),
        cmocka_unit_test(a_bad_value_is_named),
        cmocka_unit_test(all_that_is_bad_is_said),
        cmocka_unit_test(what_never_changes_is_refused),
        cmocka_unit_test(other_keys_are_warned_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
