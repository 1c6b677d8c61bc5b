/* client.c - sends until accepted, takes reports in an unbroken chain. */
#include "tests/sim/client.h"

#include <stdlib.h>
#include <string.h>

#include "common/ablate.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/error.h"
#include "proto/codec.h"
#include "proto/digest.h"
#include "tests/model/privacy.h"
#include "tests/sim/network.h"
#include "tests/sim/venue.h"
#include "tests/sim/workload.h"

#define MS            UINT64_C(1000000)
#define RESEND_NS     (150 * MS)
#define ASK_NS        (120 * MS)
#define PING_NS       (250 * MS)
#define SILENCE_NS    (1200 * MS)
#define RESUME_NS     (200 * MS)
#define ANSWER_NS_MAX (5000 * MS)
#define HOLD_NS       (15 * MS)
#define NONCE_STRIDE  UINT64_C(1000)

uint64_t client_told_gseq;

static uint64_t sessions[PLAN_CLIENTS_MAX]; /* of all clients, by index */

/* ---- life -------------------------------------------------------------------------- */

static struct life *now_life(struct client *c)
{
    return &c->lives[c->life];
}

static void connect_somewhere(struct client *c)
{
    bus_close(&c->bus);
    c->endpoint =
        (struct bus_endpoint){.port = BUS_OWNER,
                              .address = venue_gateway_address(
                                  (uint32_t)random_below(&c->random, c->plan->gateways))};
    struct bus_options options = {.endpoints = &c->endpoint, .endpoint_count = 1};
    network_set_node(VENUE_NODES + c->index);
    int error = bus_open(&c->bus, &options);
    CHECK(error == 0);
    c->greeted = c->live = c->is_cut = c->is_joined = false;
    c->is_fair = c->quiet;
    c->heard_ns = clock_mono_ns();
    c->asked_ns = c->pinged_ns = c->resumed_ns = c->hold_ns = c->sent_ns = 0;
    c->unanswered_ns = 0;
    c->sent = now_life(c)->accepted;
}

uint64_t client_session(uint32_t index)
{
    return sessions[index];
}

uint32_t client_account(const struct plan *plan, uint32_t index)
{
    if (index > plan->traders)
        return ACCOUNT_ADMIN;
    return ACCOUNT_ADMIN + index - (plan->shares_account && index == 2);
}

bool client_is_warden(const struct client *c)
{
    return c->index > c->plan->traders;
}

void client_init(struct client *c, const struct plan *plan, uint32_t index)
{
    *c = (struct client){.plan = plan, .index = index};
    sessions[index] = 0;
    random_init(&c->random, plan->seed * 64 + index);
    c->account = client_account(plan, index);
    c->lives = calloc(CLIENT_LIVES, sizeof *c->lives);
    c->answers = calloc(CLIENT_ANSWERS, sizeof *c->answers);
    CHECK(c->lives != NULL && c->answers != NULL);
    c->lives[0].nonce = index + 1;
    c->next_name = c->next_reference = (uint64_t)index * CLIENT_NAMES + 1;
    workload_init(c);
    connect_somewhere(c);
}

void client_close(struct client *c)
{
    bus_close(&c->bus);
    for (uint32_t i = 0; i < CLIENT_LIVES; i++)
        life_close(&c->lives[i]);
    free(c->lives);
    free(c->reports);
    free(c->answers);
}

void client_crash(struct client *c)
{
    for (uint64_t n = 1; ABLATE(CLIENT_FORGETS) && n <= now_life(c)->count; n++)
        workload_give_up(c, n);
    connect_somewhere(c);
}

/* ---- what it is told --------------------------------------------------------------- */

static struct life_command *find(struct client *c, uint64_t session, uint64_t n)
{
    struct life *life = now_life(c);
    if (life->session != session || n == 0)
        return NULL; /* word on an earlier life */
    if (n > life->count)
        c->broken = "I2: an answer to a command that never was";
    return n > life->count ? NULL : &life->commands[n - 1];
}

static void on_accepted(struct client *c, const struct msg_accepted *m)
{
    struct life_command *command = find(c, m->session, m->n);
    struct life *life = now_life(c);
    if (command == NULL)
        return;
    if (command->gseq != 0 && m->gseq != 0 && command->gseq != m->gseq)
        c->broken = "I1: one command, two places in the log";
    if (!command->was_sent)
        c->broken = "I2: accepted, but never sent";
    command->accepted = true;
    if (m->gseq != 0)
        command->gseq = m->gseq;
    if (m->gseq > client_told_gseq)
        client_told_gseq = m->gseq;
    life_advance(life);
    c->sent_ns = clock_mono_ns();
}

/* What was refused once, and said in other words since, may have been accepted. */
static void on_conflict(struct client *c, const struct msg_conflict *m)
{
    const struct life_command *command = find(c, m->session, m->n);
    if (command == NULL)
        return;
    if (command->former == NULL)
        c->broken = "I2: conflict: other bytes under this n";
    on_accepted(c, &(struct msg_accepted){m->session, m->n, m->gseq, 0});
}

static void on_opened(struct client *c, const struct msg_opened *m)
{
    struct life *life = now_life(c);
    if (m->nonce != life->nonce)
        return;
    if (life->session != 0 && life->session != m->session)
        c->broken = "I2: one nonce, two sessions";
    life->session = sessions[c->index] = m->session;
    if (m->account != c->account)
        c->broken = "I9: a session of another account";
}

/* By its own CLOSE, or because the operator ended it: what was not accepted never will
 * be, and is wanted still. */
static void on_gone(struct client *c, const struct msg_session_gone *m)
{
    struct life *life = now_life(c), *next = life + 1;
    bool is_unknown = life->session == 0 && m->nonce == life->nonce;
    if (m->session == 0 || (m->session != life->session && !is_unknown))
        return;
    CHECK(c->life + 1 < CLIENT_LIVES);
    const char *broken = life_end(life, m->last_n, next);
    if (broken != NULL) {
        c->broken = broken;
        return;
    }
    life->session = m->session;
    next->nonce = (c->index + 1) + ++c->life * NONCE_STRIDE;
    c->sent = 0;
}

/* BUSY, RATE, GAP ... concern this copy only. */
static void on_refused(struct client *c, const struct msg_refused *m)
{
    struct life *life = now_life(c);
    if (m->reason == error_number(ERR_UNKNOWN_ACCOUNT))
        c->greeted = false; /* a new connection, or the gateway is behind */
    bool is_own = m->session == life->session && m->session != 0;
    if (is_own && m->reason == error_number(ERR_UNKNOWN_SESSION))
        c->unknown_session = m->session;
    if (m->reason == error_number(ERR_CORRUPT) || c->unknown_session != 0)
        c->broken = "I7: the log is not the one that was";
    if (m->reason == error_number(ERR_BAD))
        c->broken = "I12: a good message called bad";
    if (!is_own)
        return;
    if (m->n == 0)
        c->live = false; /* a RESUME was given up, perhaps a second copy of it */
    if (m->reason == error_number(ERR_NOT_FOUND))
        workload_repair(c, m->n);
    if (ABLATE(BUSY_IS_FINAL) && m->reason == error_number(ERR_BUSY))
        workload_give_up(c, m->n);
    c->hold_ns = clock_mono_ns() + HOLD_NS;
    c->sent = life->accepted;
}

static void take_report(struct client *c, const struct msg_report *m)
{
    if (c->report_count == c->report_capacity) {
        c->report_capacity = c->report_capacity * 2 + 64;
        c->reports = realloc(c->reports, c->report_capacity * sizeof *c->reports);
        CHECK(c->reports != NULL);
    }
    c->reports[c->report_count++] = (struct invariants_report){
        .gseq = m->gseq, .hash = digest_hash(m->body, m->body_size)};
    c->last_gseq = m->gseq;
}

/* It missed something: resume. Where nothing can be lost nothing may be missing. */
static void miss(struct client *c)
{
    if (c->is_fair && c->is_joined)
        c->broken = "I9: a feed with a hole where nothing was lost";
    c->live = false;
}

static void on_report(struct client *c, const struct msg_report *m)
{
    if (m->gseq <= c->last_gseq)
        return;
    if (m->prev == c->last_gseq || ABLATE(NO_PREV))
        take_report(c, m);
    else
        miss(c);
}

static void on_heartbeat(struct client *c, const struct msg_feed_heartbeat *m)
{
    c->greeted = true;
    if (m->last_gseq > c->last_gseq && !ABLATE(NO_PREV))
        miss(c);
    if (m->tag_gseq > c->tag_gseq) {
        c->tag_gseq = m->tag_gseq;
        c->tag = m->tag;
    }
}

/* Bytes of the rows behind an answer; other messages may follow them in the frame. */
static size_t measure_rows(const uint8_t *rows, size_t size, uint32_t count)
{
    size_t at = 0, used = 0;
    struct msg row;
    for (; count > 0 && codec_decode(rows + at, size - at, &row, &used) == 0; count--)
        at += used;
    return at;
}

static void on_answer(struct client *c, const struct msg_answer *m, const uint8_t *rows,
                      size_t size)
{
    if (m->id != c->query.id || m->reason == error_number(ERR_PENDING))
        return;
    bool is_answered = m->reason == 0 || m->reason == error_number(ERR_NOT_FOUND);
    if (is_answered && m->gseq < c->query.after)
        c->broken = "I8: an answer from before what was asked for";
    if (is_answered && c->answer_count < CLIENT_ANSWERS)
        c->answers[c->answer_count++] = (struct client_answer){
            .query = c->query,
            .gseq = m->gseq,
            .hash = digest_hash(rows, measure_rows(rows, size, m->count)),
            .cursor = m->cursor,
            .reason = m->reason};
    c->query.id = 0;
}

static void take(struct client *c, const struct msg *m)
{
    if (m->kind == MSG_accepted || m->kind == MSG_refused || m->kind == MSG_conflict ||
        m->kind == MSG_session_gone)
        c->unanswered_ns = 0;
    switch (m->kind) {
    case MSG_accepted:
        on_accepted(c, &m->accepted);
        break;
    case MSG_opened:
        on_opened(c, &m->opened);
        break;
    case MSG_session_gone:
        on_gone(c, &m->session_gone);
        break;
    case MSG_refused:
        on_refused(c, &m->refused);
        break;
    case MSG_conflict:
        on_conflict(c, &m->conflict);
        break;
    case MSG_report:
        on_report(c, &m->report);
        break;
    case MSG_feed_heartbeat:
        on_heartbeat(c, &m->feed_heartbeat);
        break;
    case MSG_resumed:
        c->live = c->is_joined = true;
        break;
    case MSG_goodbye:
        c->is_cut = true; /* elsewhere, then */
        break;
    default:
        break;
    }
}

static bool is_own_name(const void *client, uint64_t name)
{
    const struct client *c = client;
    const uint32_t index = (uint32_t)((name - 1) / CLIENT_NAMES);
    return client_account(c->plan, index) == c->account;
}

/* The operator may see everything. */
static void check_privacy(struct client *c, const struct msg *m)
{
    const struct privacy privacy = {
        .client = c, .is_own_name = is_own_name, .account = c->account};
    const char *broken = c->account != ACCOUNT_ADMIN ? privacy_check(&privacy, m) : NULL;
    if (broken != NULL)
        c->broken = broken;
}

static void receive(struct client *c)
{
    struct bus_frame frame;
    while (bus_receive(c->bus, &frame) == 1) {
        c->heard_ns = clock_mono_ns();
        for (size_t at = 0, used; at < frame.size; at += used) {
            struct msg m;
            if (codec_decode(frame.bytes + at, frame.size - at, &m, &used) != 0) {
                c->broken = "I13: bytes that are no message";
                return;
            }
            check_privacy(c, &m);
            if (m.kind == MSG_answer)
                on_answer(c, &m.answer, frame.bytes + at + used, frame.size - at - used);
            take(c, &m);
        }
    }
}

/* ---- what it says ------------------------------------------------------------------ */

static void say(struct client *c, const struct msg *m)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    int error = codec_encode(bytes, sizeof bytes, m, &size);
    CHECK(error == 0);
    (void)bus_send(c->bus, BUS_OWNER, 0, bytes, size);
}

static void say_hello(struct client *c)
{
    struct msg hello = {.kind = MSG_hello, .hello.account = c->account};
    struct msg ping = {.kind = MSG_ping};
    c->pinged_ns = clock_mono_ns();
    if (!c->greeted)
        say(c, &hello);
    say(c, &ping);
}

static void ask_session(struct client *c)
{
    struct msg m = {.kind = MSG_client_open, .client_open.nonce = now_life(c)->nonce};
    c->asked_ns = clock_mono_ns();
    say(c, &m);
}

/* One at a time; one that is not answered is forgotten for another. */
static void ask_query(struct client *c)
{
    static const uint8_t kinds[] = {QUERY_KIND_BALANCES, QUERY_KIND_HOLDS,
                                    QUERY_KIND_LEDGER, QUERY_KIND_POSITIONS,
                                    QUERY_KIND_BOOK};
    uint8_t kind = kinds[random_below(&c->random, 5)];
    uint32_t symbol = 0;
    if (kind == QUERY_KIND_BOOK)
        symbol = 1 + (uint32_t)random_below(&c->random, c->plan->symbols);
    struct msg m = {.kind = MSG_query,
                    .query = {.id = ++c->queries,
                              .kind = kind,
                              .after = c->last_gseq,
                              .account = c->account,
                              .symbol = symbol,
                              .limit = 100}};
    c->query = m.query;
    say(c, &m);
}

static void resume(struct client *c)
{
    struct msg m = {.kind = MSG_resume,
                    .resume = {.session = now_life(c)->session,
                               .last_gseq = c->last_gseq,
                               .tag_gseq = c->tag_gseq,
                               .tag = c->tag}};
    c->resumed_ns = clock_mono_ns();
    say(c, &m);
}

static void send_command(struct client *c, uint32_t n)
{
    struct life *life = now_life(c);
    struct life_command *command = &life->commands[n - 1];
    struct msg m = {
        .kind = MSG_command,
        .command = {.session = life->session, .n = n, .body_size = command->size}};
    memcpy(m.command.body, command->body, command->size);
    if (!command->was_sent)
        command->floor = client_told_gseq;
    command->was_sent = true;
    if (c->unanswered_ns == 0)
        c->unanswered_ns = clock_mono_ns();
    say(c, &m);
}

/* A word in another's name, which nobody may take for the other's. */
static void trespass(struct client *c)
{
    uint32_t other = (uint32_t)random_below(&c->random, c->plan->clients);
    struct msg body = {.kind = MSG_order_cancel,
                       .order_cancel = {.cl_ord_id = 1, .orig_cl_ord_id = 2}};
    struct msg m = {.kind = MSG_command, .command.session = sessions[other]};
    size_t size = 0;
    if (sessions[other] == 0 || client_account(c->plan, other) == c->account)
        return;
    m.command.n = 1 + random_below(&c->random, LIFE_COMMANDS / 8);
    int error = codec_encode(m.command.body, sizeof m.command.body, &body, &size);
    CHECK(error == 0);
    m.command.body_size = (uint16_t)size;
    say(c, &m);
}

/* Accepted, and no word yet that the session is gone. */
static bool is_closing(const struct life *life)
{
    return life_is_closing(life) && life->accepted == life->count;
}

static void send_due(struct client *c)
{
    struct life *life = now_life(c);
    uint64_t now_ns = clock_mono_ns();
    if (c->sent < life->accepted)
        c->sent = life->accepted;
    if (c->sent > life->accepted && now_ns - c->sent_ns >= RESEND_NS &&
        !ABLATE(NO_CLIENT_RESEND)) {
        c->sent = life->accepted;
        c->sent_ns = now_ns;
    }
    if (is_closing(life) && now_ns - c->sent_ns >= RESEND_NS) {
        c->sent_ns = now_ns;
        send_command(c, life->count); /* the answer to a CLOSE may get lost as well */
    }
    while (c->sent < life->count && c->sent - life->accepted < c->plan->window) {
        if (c->sent == life->accepted)
            c->sent_ns = now_ns;
        send_command(c, ++c->sent);
    }
}

void client_turn(struct client *c)
{
    receive(c);
    uint64_t now_ns = clock_mono_ns();
    if (now_ns - c->heard_ns >= SILENCE_NS || c->is_cut)
        connect_somewhere(c);
    if (c->unanswered_ns != 0 && c->broken == NULL)
        c->broken =
            invariants_answer(c->is_fair, now_ns - c->unanswered_ns, ANSWER_NS_MAX);
    if (now_ns - c->pinged_ns >= (c->greeted ? PING_NS : ASK_NS))
        say_hello(c);
    if (!c->greeted)
        return;
    workload_turn(c);
    bool has_reason = !client_is_warden(c) || now_life(c)->count > 0;
    if (now_life(c)->session == 0 && has_reason && now_ns - c->asked_ns >= ASK_NS)
        ask_session(c);
    if (!c->live && now_ns - c->resumed_ns >= RESUME_NS)
        resume(c);
    if (c->account != ACCOUNT_ADMIN && random_below(&c->random, 16) == 0)
        ask_query(c);
    if (!c->quiet && random_below(&c->random, 64) == 0)
        trespass(c);
    if (now_life(c)->session != 0 && now_ns >= c->hold_ns)
        send_due(c);
}

bool client_is_idle(const struct client *c)
{
    const struct life *life = &c->lives[c->life];
    return c->quiet && life->accepted == life->count && c->live && !is_closing(life);
}
