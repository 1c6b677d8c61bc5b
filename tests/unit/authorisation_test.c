/* authorisation_test.c - every message of the schema from every sender, against the table
 * authorisation.def. A message without a row there does not compile. */
#include "tests/unit/gateway_world.h"

#include "common/service_rights.h"
#include "proto/sample.h"

struct may {
    const char *frame, *command, *own, *others, *heard;
};

/* clang-format off */
#define MAY(message, ...) static const struct may may_##message = {__VA_ARGS__};
#define MAY_ASK(query, row)
#include "tests/unit/authorisation.def"
#undef MAY
#undef MAY_ASK

static const struct may *const table[MSG_KINDS_MAX] = {
#define MESSAGE(name, id, doc) [MSG_##name] = &may_##name,
#include "proto/schema.def"
};

static const struct {
    const char *query, *row;
} asks[] = {
#define MAY(message, ...)
#define MAY_ASK(query, row) {#query, row},
#include "tests/unit/authorisation.def"
};
/* clang-format on */

static uint32_t mismatches;

static void expect(const char *row, const char *where, char sender, char wanted, char got)
{
    if (wanted == got)
        return;
    print_error("%s %s, from %c: %c, not %c\n", row, where, sender, got, wanted);
    mismatches++;
}

/* Sets the field of that name, if the message has one. */
static bool set(struct msg *m, const char *name, uint64_t value)
{
    const struct msg_info *info = msg_find(m->kind);
    for (uint32_t i = 0; i < info->field_count; i++)
        if (strcmp(info->fields[i].name, name) == 0) {
            msg_set_integer(&info->fields[i], msg_body(m), value);
            return true;
        }
    return false;
}

/* ---- from clients ------------------------------------------------------------------ */

enum { NO_PEER = 0x2000, UNKNOWN = 31, PAUSE_MS = 5000 };

static const struct sender {
    char letter;
    uint32_t peer, account;
    bool names_another, is_revoked;
} senders[] = {
    {'t', A, ALICE, false, false},
    {'a', ADMIN_PEER, ACCOUNT_ADMIN, false, false},
    {'u', AUDITOR_PEER, AUDITOR, false, false},
    {'T', A, ALICE, true, false},
    {'A', ADMIN_PEER, ACCOUNT_ADMIN, true, false},
    {'n', NO_PEER, UNKNOWN, false, false},
    {'r', A, ALICE, false, true},
    {'-', NO_PEER, 0, false, false},
};

static struct door {
    struct desk *desk;
    struct sender sender;
    uint64_t session; /* that it names */
    uint32_t account;
} door;

static void open_door(const struct sender *sender)
{
    struct core_settings settings = world_settings;
    settings.curve = sender->account != 0;
    struct desk *d = open_venue(&settings);
    door = (struct door){.desk = d,
                         .sender = *sender,
                         .session = ID_MAX / 2,
                         .account = sender->names_another ? BOB : sender->account};
    if (sender->names_another)
        door.session = open_session(d, B, 1);
    else if (sender->account == ALICE || sender->account == ACCOUNT_ADMIN)
        door.session = open_session(d, sender->peer, 1);
    if (sender->account == 0)
        door.account = ALICE;
    if (sender->is_revoked)
        set_key(d, sender->account, 0);
}

static void make(struct msg *m, uint32_t kind)
{
    sample_fixed(m, kind);
    set(m, "session", door.session);
    set(m, "account", door.account);
    set(m, "n", 1);
}

/* What was passed on speaks of the sender, whatever it said itself. */
static char passed_on(const struct desk_sent *s)
{
    const uint32_t own = door.sender.account;
    const struct msg *m = &s->msg;
    if (s->port == BUS_SEQUENCER && m->kind == MSG_submit_command)
        assert_int_equal(m->submit_command.account, own);
    else if (s->port == BUS_SEQUENCER && m->kind == MSG_submit_open)
        assert_int_equal(m->submit_open.account, own);
    else if (s->port == BUS_SERVICE && m->kind == MSG_query)
        assert_true(own != ALICE || m->query.account == own ||
                    m->query.kind == QUERY_KIND_CHAIN);
    else
        fail_msg("%s was sent to port %u", msg_name(m->kind), s->port);
    return '>';
}

static char letter_of(uint16_t reason, uint64_t value)
{
    static const struct {
        int error;
        char letter;
    } letters[] = {
        {ERR_WRONG_ROLE, 'W'}, {ERR_UNKNOWN_SESSION, 'S'}, {ERR_UNKNOWN_ACCOUNT, 'U'}};
    if (reason == error_number(ERR_BAD) && value == error_number(ERR_UNKNOWN_KIND))
        return 'B';
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (reason == error_number(letters[i].error))
            return letters[i].letter;
    return '?';
}

static char said(const struct desk *d)
{
    const struct msg *m = &d->sent[0].msg;
    if (m->kind == MSG_refused)
        return letter_of(m->refused.reason, m->refused.value);
    if (m->kind == MSG_answer)
        return letter_of(m->answer.reason, 0);
    if (m->kind == MSG_goodbye)
        return m->goodbye.reason == error_number(ERR_REVOKED) && d->sent_count == 2 &&
                       d->sent[1].port == OUTBOX_DROP
                   ? 'X'
                   : '?';
    return m->kind == MSG_feed_heartbeat ? '!' : '?';
}

/* Sends it, and says in a letter of the table what came of it. Nobody else hears it. */
static char outcome(const struct msg *m)
{
    const struct msg tick = {.kind = MSG_tick, .tick.number = 1};
    struct desk *d = door.desk;
    uint8_t key[32];
    key_of(key, door.sender.account);
    if (door.sender.account == 0)
        door.sender.peer++; /* nobody has heard of it before */
    desk_pass_ms(d, PAUSE_MS);
    desk_apply(d, 0, 0, &tick);
    desk_turn(d);
    desk_put(d, m);
    desk_receive(d, BUS_CLIENTS, door.sender.peer, d->settings.curve ? key : NULL);
    desk_take(d);
    for (uint32_t i = 0; i < d->sent_count; i++)
        if (d->sent[i].port == BUS_CLIENTS || d->sent[i].port == OUTBOX_DROP)
            assert_int_equal(d->sent[i].to, door.sender.peer);
    if (d->sent_count == 0)
        return '.';
    if (d->sent[0].port == BUS_CLIENTS)
        return d->sent_count == 1 || d->sent[0].msg.kind == MSG_goodbye ? said(d) : '?';
    return d->sent_count == 1 ? passed_on(&d->sent[0]) : '?';
}

static void wrap(struct msg *m, const struct msg *body)
{
    size_t size = 0;
    *m = (struct msg){.kind = MSG_command, .command = {.session = door.session, .n = 1}};
    assert_int_equal(codec_encode(m->command.body, sizeof m->command.body, body, &size),
                     0);
    m->command.body_size = (uint16_t)size;
}

static void send_every_message(uint32_t column)
{
    const char letter = senders[column].letter;
    for (uint32_t kind = 0; kind < MSG_KINDS_MAX; kind++) {
        struct msg m, command;
        if (table[kind] == NULL)
            continue;
        make(&m, kind);
        expect(msg_name(kind), "in a frame", letter, table[kind]->frame[column],
               outcome(&m));
        wrap(&command, &m);
        expect(msg_name(kind), "in a command", letter, table[kind]->command[column],
               outcome(&command));
    }
}

static const char *row_of(const char *query)
{
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++)
        if (strcmp(asks[i].query, query) == 0)
            return asks[i].row;
    fail_msg("authorisation.def has no MAY_ASK(%s, ...)", query);
    return NULL;
}

static void ask_every_query(uint32_t column)
{
    uint32_t count = 0;
    const struct msg_enum *kinds = msg_enums(&count);
    while (strcmp(kinds->name, "query_kind") != 0) {
        assert_true(count-- > 1);
        kinds++;
    }
    for (const struct msg_value *kind = kinds->values; kind->name != NULL; kind++) {
        struct msg m;
        make(&m, MSG_query);
        m.query.kind = (uint8_t)kind->number;
        m.query.symbol = SYMBOL;
        expect(kind->name, "as a query", senders[column].letter,
               row_of(kind->name)[column], outcome(&m));
    }
}

static void clients_get_what_the_table_says(void **state)
{
    (void)state;
    mismatches = 0;
    for (uint32_t i = 0; i < sizeof senders / sizeof *senders; i++) {
        open_door(&senders[i]);
        send_every_message(i);
        ask_every_query(i);
        desk_destroy(door.desk);
    }
    assert_int_equal(mismatches, 0);
}

/* ---- from services ----------------------------------------------------------------- */

static const struct {
    char letter;
    int64_t source;
} services[] = {
    {'q', -SERVICE_SEQUENCER},
    {'r', -SERVICE_RISK},
    {'t', -SERVICE_SETTLEMENT},
    {'p', -SERVICE_PORTFOLIO},
    {'g', -SERVICE_GATEWAY},
    {'c', -SERVICE_CLIENT},
    {'s', -SERVICE_SHARD},
    {'s', -SERVICE_SHARD - 1},
    {'s', -SERVICE_SHARD - SHARD_MAX},
    {'?', -SERVICE_SHARD - SHARD_MAX - 1},
    {'?', 42}, /* a session */
    {'?', SERVICE_RIGHTS_STRANGER},
};
enum { SERVICE_COUNT = sizeof services / sizeof *services };

static uint32_t stream_of(uint32_t i)
{
    return services[i].letter == 's' ? (uint32_t)(1 - services[i].source - SERVICE_SHARD)
                                     : 0;
}

static void expect_allowed(const char *row, const char *where, uint32_t i,
                           const struct msg *m)
{
    const bool may = strchr(row, services[i].letter) != NULL;
    const bool is_allowed = service_rights_allow(services[i].source, m);
    expect(msg_name(m->kind), where, services[i].letter, may ? '+' : '-',
           is_allowed ? '+' : '-');
}

static void send_for_others(uint32_t kind, uint32_t i, struct msg *m)
{
    const char *row = table[kind]->others;
    const bool has_source = set(m, "source", 0);
    for (uint32_t k = 0; has_source && k < SERVICE_COUNT; k++)
        if (k != i) {
            set(m, "source", (uint64_t)services[k].source);
            expect_allowed(row, "for another service", i, m);
        }
    for (uint32_t k = 0; !has_source && k <= SHARD_MAX + 1; k++)
        if (k != stream_of(i) && set(m, "stream", k))
            expect_allowed(row, "for another stream", i, m);
}

static void services_send_what_the_table_says(void **state)
{
    (void)state;
    mismatches = 0;
    for (uint32_t kind = 0; kind < MSG_KINDS_MAX; kind++)
        for (uint32_t i = 0; table[kind] != NULL && i < SERVICE_COUNT; i++) {
            struct msg m;
            sample_fixed(&m, kind);
            set(&m, "source", (uint64_t)services[i].source);
            set(&m, "stream", stream_of(i));
            expect_allowed(table[kind]->own, "for itself", i, &m);
            send_for_others(kind, i, &m);
        }
    assert_int_equal(mismatches, 0);
}

/* ---- to a gateway ------------------------------------------------------------------ */

static const struct {
    char letter;
    uint32_t port, service;
} sides[] = {
    {'q', BUS_SEQUENCER, 0},
    {'q', BUS_STREAM, 0},
    {'a', BUS_SERVICE, SERVICE_RISK},
    {'o', BUS_SERVICE, SERVICE_PORTFOLIO},
};

static uint64_t serial; /* of nonces and positions: each is new */

/* Alice waits for a session and for an answer of risk. The id of the question. */
static uint64_t wait_for_all(struct desk *d)
{
    put_open(d, ++serial);
    put_query(d, QUERY_KIND_BALANCES, ALICE);
    from(d, A);
    desk_sent(d, BUS_SEQUENCER, 0, MSG_submit_open);
    return desk_sent(d, BUS_SERVICE, SERVICE_RISK, MSG_query)->query.id;
}

/* Does it change anything, or is anybody told? */
static bool is_heard(uint32_t kind, uint32_t side)
{
    struct desk *d = door.desk;
    const struct gateway *g = d->state;
    const uint64_t id = wait_for_all(d);
    const struct horizon was = g->horizon;
    const uint32_t lookups = g->lookups.count;
    struct msg m;
    make(&m, kind);
    set(&m, "id", id);
    set(&m, "nonce", serial);
    set(&m, "next", 1000000 + serial);
    set(&m, "stream", 0);
    set(&m, "source", (uint64_t)-SERVICE_RISK);
    set(&m, "made", 0);
    if (kind == MSG_answer)
        m.answer.count = 0;
    desk_put(d, &m);
    desk_receive(d, sides[side].port, sides[side].service, NULL);
    desk_take(d);
    return d->sent_count > 0 || g->lookups.count != lookups ||
           memcmp(&g->horizon, &was, sizeof was) != 0;
}

/* A service that was taken over cannot speak for the sequencer, nor answer for others. */
static void a_gateway_hears_each_service_in_its_place(void **state)
{
    (void)state;
    mismatches = 0;
    for (uint32_t kind = 0; kind < MSG_KINDS_MAX; kind++)
        for (uint32_t i = 0; table[kind] != NULL && i < sizeof sides / sizeof *sides;
             i++) {
            open_door(&senders[0]);
            const bool may = strchr(table[kind]->heard, sides[i].letter) != NULL;
            expect(msg_name(kind), "to a gateway", sides[i].letter, may ? '+' : '-',
                   is_heard(kind, i) ? '+' : '-');
            desk_destroy(door.desk);
        }
    assert_int_equal(mismatches, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clients_get_what_the_table_says),
        cmocka_unit_test(services_send_what_the_table_says),
        cmocka_unit_test(a_gateway_hears_each_service_in_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
