/* gateway_core.c - records to clients, frames to where they belong. */
#include "services/gateway/gateway_core.h"

#include <string.h>

#include "common/bus.h"
#include "common/check.h"
#include "common/error.h"
#include "common/fault.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/codec.h"
#include "proto/feed.h"
#include "services/gateway/intake.h"

/* ---- sending ----------------------------------------------------------------------- */

bool gateway_has_room(const struct outbox *outbox, size_t size)
{
    /* A message causes at most four others: an answer, a goodbye, the cut, a forward. */
    return outbox->sends.capacity - outbox->sends.size >= size + 4 * GATEWAY_SEND_ROOM;
}

void gateway_refuse(struct outbox *outbox, const struct peer *p, uint64_t session,
                    uint64_t n, int reason, uint64_t value)
{
    struct msg m = {.kind = MSG_refused};
    m.refused.session = session;
    m.refused.n = n;
    m.refused.reason = (uint16_t)error_number(reason);
    m.refused.value = value;
    outbox_send(outbox, BUS_CLIENTS, p->handle, &m);
}

void gateway_forget(struct gateway *g, struct peer *p)
{
    resume_end(g, p);
    lookup_forget(&g->lookups, p->handle);
    peer_remove(&g->peers, p);
}

void gateway_cut(struct gateway *g, struct outbox *outbox, struct peer *p, int reason)
{
    struct msg m = {.kind = MSG_goodbye};
    m.goodbye.reason = (uint16_t)error_number(reason);
    outbox_send(outbox, BUS_CLIENTS, p->handle, &m);
    outbox_drop_peer(outbox, p->handle);
    g->counts.cut++;
    gateway_forget(g, p);
}

void gateway_beat(const struct gateway *g, struct outbox *outbox, const struct peer *p)
{
    struct msg m = {.kind = MSG_feed_heartbeat};
    const bool replays = p->feed == PEER_CHECKING || p->feed == PEER_REPLAYING;
    m.feed_heartbeat.last_gseq =
        replays ? p->taken_gseq : directory_prev(&g->directory, p->account);
    m.feed_heartbeat.head = g->gseq;
    m.feed_heartbeat.tag_gseq = g->horizon.tag_gseq;
    m.feed_heartbeat.tag = g->horizon.tag;
    outbox_send(outbox, BUS_CLIENTS, p->handle, &m);
}

bool gateway_is_alive(const struct gateway *g)
{
    return g->alive_ns != 0 && g->now_ns - g->alive_ns < GATEWAY_SILENCE_NS;
}

/* ---- the log ----------------------------------------------------------------------- */

/* To those attached. A flood that the outbox cannot hold cuts them: they resume. */
static void deliver(struct gateway *g, struct outbox *outbox, uint32_t account,
                    uint64_t gseq, const uint8_t *bytes, uint32_t size)
{
    struct peer *next = NULL;
    for (struct peer *p = peer_first(&g->peers, account); p != NULL; p = next) {
        next = peer_next(&g->peers, p);
        if (gseq <= p->taken_gseq)
            continue;
        if (p->feed == PEER_REPLAYING) {
            resume_wait(g, outbox, p, gseq, bytes, size);
        } else if (p->feed == PEER_LIVE &&
                   (!gateway_has_room(outbox, GATEWAY_MARGIN) || FAULT(REPORT_FLOOD))) {
            gateway_cut(g, outbox, p, ERR_LIMIT);
        } else if (p->feed == PEER_LIVE) {
            outbox_send_bytes(outbox, BUS_CLIENTS, p->handle, bytes, size);
            p->taken_gseq = gseq;
        }
    }
}

static void report(struct gateway *g, const struct core_input *in, uint32_t account,
                   struct outbox *outbox)
{
    const uint64_t prev = directory_report(&g->directory, account, in->seq);
    if (peer_first(&g->peers, account) == NULL)
        return;
    struct feed_view view MSG_UNSET;
    feed_view(&view, in->msg, in->bytes, in->bytes_size, account);
    struct msg m MSG_UNSET;
    m.kind = MSG_report;
    m.report.gseq = in->seq;
    m.report.prev = prev;
    m.report.time_ns = in->time_ns;
    m.report.body_size = (uint16_t)view.size;
    CHECK(view.size > 0 && view.size <= sizeof m.report.body);
    memcpy(m.report.body, view.bytes, view.size);
    uint8_t bytes[MESSAGE_BYTES_MAX] MSG_UNSET;
    size_t size = 0;
    int error = codec_encode(bytes, sizeof bytes, &m, &size);
    CHECK(error == 0);
    deliver(g, outbox, account, in->seq, bytes, (uint32_t)size);
}

static void say_opened(struct gateway *g, struct outbox *outbox,
                       const struct msg_opened *m)
{
    struct peer *p = peer_find(
        &g->peers, session_take_route(&g->sessions, m->nonce, m->account, true));
    struct session *s = session_find(&g->sessions, m->session);
    if (p == NULL || p->account != m->account)
        return;
    if (s != NULL)
        s->peer = p->handle;
    if (p->feed == PEER_DETACHED) {
        p->feed = PEER_LIVE;
        p->taken_gseq = 0; /* what it misses it sees from `prev` */
    }
    struct msg opened = {.kind = MSG_opened};
    opened.opened = *m;
    outbox_send(outbox, BUS_CLIENTS, p->handle, &opened);
}

static void on_open(struct gateway *g, const struct core_input *in, struct outbox *outbox)
{
    const struct msg_opened opened = {
        .nonce = in->msg->open.nonce,
        .session = in->seq,
        .account = in->msg->open.account,
    };
    struct session *s = session_open(&g->sessions, in->seq, opened.account);
    say_opened(g, outbox, &opened);
    /* Who sent it twice may know from the sequencer already, and have sent commands. */
    const uint32_t who = session_take_route(&g->sessions, in->seq, opened.account, false);
    if (who != 0)
        s->peer = who;
}

/* A client's command is in the log: that is its acknowledgement. */
static void on_command(struct gateway *g, const struct core_input *in,
                       struct outbox *outbox)
{
    const struct session *s = session_accepted(&g->sessions, (uint64_t)in->source, in->n);
    throttle_land(&g->throttle, s->id, in->n, g->now_ns);
    const struct peer *p = s->peer != 0 ? peer_find(&g->peers, s->peer) : NULL;
    if (p != NULL && gateway_has_room(outbox, 0)) {
        struct msg m = {.kind = MSG_accepted};
        m.accepted.session = s->id;
        m.accepted.n = in->n;
        m.accepted.gseq = in->seq;
        outbox_send(outbox, BUS_CLIENTS, p->handle, &m);
    }
    if (in->msg->kind == MSG_close)
        session_close(&g->sessions, (uint64_t)in->source);
}

/* Those whose key is no longer good for their account go. */
static void cut_revoked(struct gateway *g, struct outbox *outbox, const uint8_t *key)
{
    const uint32_t account = directory_account_of(&g->directory, key);
    uint32_t place = 0;
    for (struct peer *p; g->settings.curve && (p = peer_walk(&g->peers, &place)) != NULL;)
        if (p->account != account && memcmp(p->key, key, PEER_KEY) == 0)
            gateway_cut(g, outbox, p, ERR_REVOKED);
}

static void on_done(struct gateway *g, const struct msg_admin_done *done,
                    struct outbox *outbox)
{
    struct msg command;
    if (codec_decode_whole(done->body, done->body_size, &command) != 0)
        return;
    directory_done(&g->directory, &command);
    if (command.kind == MSG_key_set)
        cut_revoked(g, outbox, command.key_set.key);
}

static void apply(void *state, const struct core_input *in, struct outbox *outbox)
{
    struct gateway *g = state;
    uint32_t accounts[2];
    CHECK(in->seq == g->gseq + 1);
    g->gseq = in->seq;
    g->heard = true;
    if (in->source > 0)
        on_command(g, in, outbox);
    else if (in->msg->kind == MSG_open)
        on_open(g, in, outbox);
    else if (in->msg->kind == MSG_session_closed)
        session_close(&g->sessions, in->msg->session_closed.session);
    else if (in->msg->kind == MSG_genesis)
        directory_genesis(&g->directory, &in->msg->genesis);
    else if (in->msg->kind == MSG_admin_done)
        on_done(g, &in->msg->admin_done, outbox);
    const uint32_t count = feed_accounts(in->msg, accounts);
    for (uint32_t i = 0; i < count; i++)
        report(g, in, accounts[i], outbox);
}

/* ---- frames of the venue ----------------------------------------------------------- */

/* The session, if it is the account's; answers name the account that they are for. */
static struct session *find_session(const struct gateway *g, uint64_t id,
                                    uint32_t account)
{
    struct session *s = session_find(&g->sessions, id);
    return s != NULL && s->account == account ? s : NULL;
}

/* Who of the account waits for word on this session, or on this nonce (0: none). */
static struct peer *find_waiting(struct gateway *g, uint64_t session, uint64_t nonce,
                                 uint32_t account)
{
    const struct session *s = find_session(g, session, account);
    uint32_t handle = 0;
    if (s != NULL)
        handle = s->peer;
    else
        handle = session_take_route(&g->sessions, nonce != 0 ? nonce : session, account,
                                    nonce != 0);
    return handle != 0 ? peer_find(&g->peers, handle) : NULL;
}

static void pass_on(struct gateway *g, struct outbox *outbox, const struct msg *m,
                    uint64_t session, uint64_t nonce, uint32_t account)
{
    const struct peer *p = find_waiting(g, session, nonce, account);
    if (p != NULL)
        outbox_send(outbox, BUS_CLIENTS, p->handle, m);
}

static void on_refused(struct gateway *g, struct outbox *outbox, struct msg *m)
{
    const uint32_t account = m->refused.account;
    struct session *s = find_session(g, m->refused.session, account);
    if (s != NULL)
        session_refused(&g->sessions, s, m->refused.n);
    throttle_land(&g->throttle, m->refused.session, m->refused.n, g->now_ns);
    m->refused.account = 0; /* between us and the sequencer */
    pass_on(g, outbox, m, m->refused.session, m->refused.session == 0 ? m->refused.n : 0,
            account);
}

static void on_gone(struct gateway *g, struct outbox *outbox, struct msg *m)
{
    const uint32_t account = m->session_gone.account;
    m->session_gone.account = 0;
    pass_on(g, outbox, m, m->session_gone.session, m->session_gone.nonce, account);
}

static void on_accepted(struct gateway *g, struct outbox *outbox, struct msg *m)
{
    const uint32_t account = m->accepted.account;
    m->accepted.account = 0;
    pass_on(g, outbox, m, m->accepted.session, 0, account);
}

static void on_conflict(struct gateway *g, struct outbox *outbox, struct msg *m)
{
    const uint32_t account = m->conflict.account;
    m->conflict.account = 0;
    pass_on(g, outbox, m, m->conflict.session, 0, account);
}

static void on_message(struct gateway *g, struct outbox *outbox, struct msg *m)
{
    switch (m->kind) {
    case MSG_accepted:
        on_accepted(g, outbox, m);
        break;
    case MSG_conflict:
        on_conflict(g, outbox, m);
        break;
    case MSG_refused:
        on_refused(g, outbox, m);
        break;
    case MSG_session_gone:
        on_gone(g, outbox, m);
        break;
    case MSG_opened:
        say_opened(g, outbox, &m->opened);
        break;
    default:
        horizon_hear(&g->horizon, m);
        break;
    }
}

/* The sequencer speaks on its own links, other services answer what they were asked: one
 * that was taken over accepts nothing and holds nobody back. What does not fit into the
 * outbox any more is dropped: clients resend, ask again. */
static void venue_frame(struct gateway *g, const struct core_frame *frame,
                        struct outbox *outbox)
{
    const uint8_t *at = frame->bytes, *end = frame->bytes + frame->bytes_size;
    while (at < end && gateway_has_room(outbox, 0)) {
        struct msg m MSG_UNSET;
        size_t used = 0;
        if (codec_decode(at, (size_t)(end - at), &m, &used) != 0)
            return;
        at += used;
        if (frame->port != BUS_SERVICE)
            on_message(g, outbox, &m);
        else if (m.kind != MSG_answer ||
                 lookup_answer(g, outbox, frame->peer, &m.answer, &at, end) != 0)
            return;
    }
}

static void advance(struct gateway *g, const struct core_time *time)
{
    g->now_ns = time->mono_ns;
    if (g->heard)
        g->alive_ns = g->now_ns;
    g->heard = false;
}

static void receive(void *state, const struct core_frame *frame,
                    const struct core_time *time, struct outbox *outbox)
{
    struct gateway *g = state;
    advance(g, time);
    if (frame->port != BUS_CLIENTS)
        venue_frame(g, frame, outbox);
    else if (gateway_has_room(outbox, 0))
        intake_frame(g, frame, outbox);
}

/* ---- time -------------------------------------------------------------------------- */

/* Heartbeats to those attached; those not heard of for long are cut. */
static void beat_all(struct gateway *g, struct outbox *outbox)
{
    const uint64_t idle_ns = g->settings.idle_ms * UINT64_C(1000000);
    uint32_t place = 0;
    for (struct peer *p; (p = peer_walk(&g->peers, &place)) != NULL;) {
        if (!gateway_has_room(outbox, 0))
            return;
        if (idle_ns > 0 && g->now_ns - p->heard_ns >= idle_ns)
            gateway_cut(g, outbox, p, ERR_TIMEOUT);
        else if (p->feed == PEER_LIVE && !FAULT(HEARTBEAT_LOST))
            gateway_beat(g, outbox, p);
    }
}

/* What was forwarded for a client that has gone is not sent again through us: if it was
 * lost, nothing else ends its being in flight. */
static void sweep(struct gateway *g)
{
    struct session_table *t = &g->sessions;
    for (uint32_t i = 0; i < GATEWAY_SWEEP && i < t->sessions_max; i++) {
        struct session *s = session_at(t, g->swept);
        g->swept = (g->swept + 1) % t->sessions_max;
        if (s != NULL && s->sent_n > s->last_n && peer_find(&g->peers, s->peer) == NULL)
            session_forget(t, s);
    }
}

static void turn(void *state, const struct core_time *time, struct outbox *outbox)
{
    struct gateway *g = state;
    advance(g, time);
    throttle_turn(&g->throttle, g->horizon.commit_us, g->now_ns);
    lookup_turn(g, outbox);
    resume_turn(g, outbox);
    if (g->now_ns - g->beaten_ns >= g->settings.heartbeat_ms * UINT64_C(1000000)) {
        g->beaten_ns = g->now_ns;
        beat_all(g, outbox);
        sweep(g);
    }
}

static void undeliverable(void *state, uint32_t port, uint32_t handle)
{
    struct gateway *g = state;
    struct peer *p = port == BUS_CLIENTS ? peer_find(&g->peers, handle) : NULL;
    if (p != NULL)
        gateway_forget(g, p);
    if (port == BUS_SERVICE)
        lookup_unsent(&g->lookups, handle);
}

static bool admit(const void *state, const uint8_t key[32])
{
    const struct gateway *g = state;
    return directory_role(&g->directory, directory_account_of(&g->directory, key)) != 0;
}

/* ---- the rest of the contract ------------------------------------------------------ */

static void carve(struct gateway *g, const struct msg_genesis *genesis,
                  struct arena *arena)
{
    struct gateway *at = arena_take(arena, sizeof *g, ARENA_ALIGN_MAX);
    CHECK(at == g);
    uint8_t *scratch = arena_take(arena, GATEWAY_ANSWER_BYTES, ARENA_ALIGN_MAX);
    if (g != NULL)
        g->scratch = scratch;
    directory_init(g != NULL ? &g->directory : NULL, arena, genesis->accounts_max);
    session_init(g != NULL ? &g->sessions : NULL, arena, genesis->sessions_max,
                 genesis->accounts_max);
    limiter_init(g != NULL ? &g->limiter : NULL, arena, genesis->accounts_max);
    peer_init(g != NULL ? &g->peers : NULL, arena, genesis->accounts_max);
    resume_init(g != NULL ? &g->resumes : NULL, arena);
}

static size_t size(const struct msg_genesis *genesis, uint32_t instance)
{
    struct arena arena;
    (void)instance;
    arena_init(&arena, NULL, SIZE_MAX);
    carve(NULL, genesis, &arena);
    return arena_used(&arena);
}

static void init(void *state, const struct msg_genesis *genesis, uint32_t instance)
{
    struct arena arena;
    arena_init(&arena, state, size(genesis, instance));
    carve(state, genesis, &arena);
}

static void configure(void *state, const struct core_settings *settings)
{
    struct gateway *g = state;
    g->settings = *settings;
    limiter_set(&g->limiter, LIMITER_ORDERS, settings->order_rate, settings->order_burst);
    limiter_set(&g->limiter, LIMITER_CANCELS, settings->cancel_rate,
                settings->cancel_burst);
    limiter_set(&g->limiter, LIMITER_QUERIES, settings->query_rate,
                settings->query_burst);
    throttle_set(&g->throttle, settings->busy_ms);
    peer_set_rate(
        &g->peers,
        (uint64_t)settings->order_rate + settings->cancel_rate + settings->query_rate,
        (uint64_t)settings->order_burst + settings->cancel_burst + settings->query_burst);
}

static void save(const void *state, struct writer *w)
{
    const struct gateway *g = state;
    writer_u64(w, g->gseq);
    directory_save(&g->directory, w);
    session_save(&g->sessions, w);
}

static int load(void *state, struct reader *r)
{
    struct gateway *g = state;
    g->gseq = reader_u64(r);
    if (directory_load(&g->directory, r) != 0)
        return ERR_CORRUPT;
    return session_load(&g->sessions, r);
}

static void check(const void *state)
{
    const struct gateway *g = state;
    directory_check(&g->directory);
    session_check(&g->sessions);
    peer_check(&g->peers);
    CHECK(g->lookups.count <= LOOKUP_MAX && g->resumes.slots.count <= RESUME_MAX);
}

const struct core_ops gateway_core = {
    .name = "gateway",
    .size = size,
    .init = init,
    .apply = apply,
    .save = save,
    .load = load,
    .check = check,
    .configure = configure,
    .receive = receive,
    .turn = turn,
    .undeliverable = undeliverable,
    .admit = admit,
};

const struct service_kind gateway_kind = {
    .core = &gateway_core,
    .number = SERVICE_GATEWAY,
    .input = SERVICE_STREAM_LOG,
    .owns = SERVICE_STREAM_NONE,
    .submits = false,
    .journal = 0,
};
