/* intake.c - authenticate, check shape, role and rate, pass the client's own bytes on. */
#include "services/gateway/intake.h"

#include <string.h>

#include "common/ablate.h"
#include "common/bus.h"
#include "common/error.h"
#include "common/fault.h"
#include "proto/codec.h"

static bool is_operators(uint16_t kind)
{
    return (kind >= MSG_asset_set && kind <= MSG_deposit) || kind == MSG_skip ||
           kind == MSG_consumer || kind == MSG_session_close;
}

static bool is_traders(uint16_t kind)
{
    return kind == MSG_order_new || kind == MSG_order_replace;
}

/* May this role send this command? Not even known as a command: ERR_UNKNOWN_KIND. */
static int check_role(uint16_t kind, uint8_t role)
{
    if (is_operators(kind))
        return role == ROLE_ADMIN ? 0 : ERR_WRONG_ROLE;
    /* A client fills the number of a command it may not send with a cancel of nothing,
     * which risk answers: so nobody's session comes to a stop. */
    if (kind == MSG_close || kind == MSG_withdraw || kind == MSG_order_cancel)
        return role != ROLE_AUDITOR ? 0 : ERR_WRONG_ROLE;
    if (is_traders(kind))
        return role == ROLE_TRADER ? 0 : ERR_WRONG_ROLE;
    return ERR_UNKNOWN_KIND;
}

static enum limiter_kind bucket_of(uint16_t kind)
{
    return kind == MSG_order_cancel || kind == MSG_close ? LIMITER_CANCELS
                                                         : LIMITER_ORDERS;
}

static bool is_order(const struct msg *command)
{
    return command->kind == MSG_order_new || command->kind == MSG_order_replace;
}

/* Orders are held back while risk, or the symbol's own shard, is a window behind. */
static bool is_behind(const struct gateway *g, const struct msg *command)
{
    const struct core_settings *settings = &g->settings;
    if (!is_order(command))
        return false;
    if (horizon_is_behind(&g->horizon, SERVICE_RISK, settings->window_records))
        return true;
    if (command->kind == MSG_order_replace)
        return false;
    const uint32_t shard = directory_shard(&g->directory, command->order_new.symbol);
    return shard != DIRECTORY_NO_SHARD &&
           horizon_is_behind(&g->horizon, SERVICE_SHARD + shard,
                             settings->shard_window_records);
}

static bool is_own(const struct session *s, const struct peer *p)
{
    return s->account == p->account || ABLATE(NO_ACCOUNT_CHECK);
}

/* Whether the body is a command this role may send; `value` says more. */
static int check_body(const struct msg_command *m, uint8_t role, struct msg *body,
                      uint64_t *value)
{
    int error = codec_decode_whole(m->body, m->body_size, body);
    if (error == 0)
        error = check_role(body->kind, role);
    if (error == 0 || error == ERR_WRONG_ROLE)
        return error;
    *value = error_number(error);
    return ERR_BAD;
}

/* Whether there is room on the way to the log. When there is none for all, each account
 * still has a small share of its own. */
static int check_room(struct gateway *g, struct session *s, uint64_t n,
                      const struct msg *command)
{
    uint32_t in_flight_max = g->settings.in_flight_max;
    if (throttle_is_full(&g->throttle, is_order(command), g->now_ns) &&
        in_flight_max > THROTTLE_SHARE)
        in_flight_max = THROTTLE_SHARE;
    const int error = session_forward(&g->sessions, s, n, in_flight_max);
    if (error == 0 && n == s->sent_n) /* not sent before */
        throttle_send(&g->throttle, s->id, n, g->now_ns);
    return error;
}

/* Why this copy is not forwarded, or 0. */
static int check_command(struct gateway *g, struct peer *p, const struct msg_command *m,
                         struct session *s, uint64_t *value)
{
    struct msg body MSG_UNSET;
    const uint8_t role = directory_role(&g->directory, p->account);
    int error = check_body(m, role, &body, value);
    if (error != 0)
        return error;
    if (s != NULL && !is_own(s, p))
        return ERR_UNKNOWN_SESSION;
    if (!gateway_is_alive(g))
        return ERR_UNAVAILABLE;
    *value = limiter_take(&g->limiter, p->account, bucket_of(body.kind), g->now_ns);
    if (*value != 0 || FAULT(GATEWAY_RATE))
        return ERR_RATE;
    *value = GATEWAY_RETRY_MS;
    if (is_behind(g, &body) || FAULT(GATEWAY_BUSY))
        return ERR_BUSY;
    return s != NULL ? check_room(g, s, m->n, &body) : 0;
}

/* Behind a number that was refused all is, unread. Once for those that stand together in
 * a frame is enough: an eager client sends hundreds before it has heard. */
static void refuse_gap(struct gateway *g, struct outbox *outbox, const struct peer *p,
                       const struct msg_command *m, uint64_t missing)
{
    if (g->gap_session == m->session && g->gap_n == missing)
        return;
    g->gap_session = m->session;
    g->gap_n = missing;
    gateway_refuse(outbox, p, m->session, m->n, ERR_GAP, missing);
}

static void take_command(struct gateway *g, struct outbox *outbox, struct peer *p,
                         const struct msg_command *m)
{
    uint64_t value = 0;
    struct session *s = session_find(&g->sessions, m->session);
    const uint64_t missing = s != NULL && is_own(s, p) ? session_missing(s, m->n) : 0;
    /* Without word from the log nobody knows here whether it is missing there. */
    if (missing != 0 && gateway_is_alive(g)) {
        refuse_gap(g, outbox, p, m, missing);
        return;
    }
    const int error = check_command(g, p, m, s, &value);
    if (error != 0) {
        if (s != NULL && is_own(s, p) && m->n == s->sent_n + 1)
            session_refused(&g->sessions, s, m->n);
        gateway_refuse(outbox, p, m->session, m->n, error, value);
        return;
    }
    if (s != NULL)
        s->peer = p->handle;
    else
        session_add_route(&g->sessions, &(struct session_route){.id = m->session,
                                                                .account = p->account,
                                                                .peer = p->handle});
    struct msg forward MSG_UNSET;
    forward.kind = MSG_submit_command;
    forward.submit_command.session = m->session;
    forward.submit_command.n = m->n;
    forward.submit_command.account = p->account;
    forward.submit_command.body_size = m->body_size;
    memcpy(forward.submit_command.body, m->body, m->body_size);
    if (!FAULT(FORWARD_LOST))
        outbox_send(outbox, BUS_SEQUENCER, 0, &forward);
}

static void take_open(struct gateway *g, struct outbox *outbox, struct peer *p,
                      const struct msg_client_open *m)
{
    int error = 0;
    uint64_t wait_ms = 0;
    if (directory_role(&g->directory, p->account) == ROLE_AUDITOR)
        error = ERR_WRONG_ROLE;
    else if (!gateway_is_alive(g))
        error = ERR_UNAVAILABLE;
    else if ((wait_ms =
                  limiter_take(&g->limiter, p->account, LIMITER_ORDERS, g->now_ns)) > 0)
        error = ERR_RATE;
    if (error != 0) {
        gateway_refuse(outbox, p, 0, m->nonce, error, wait_ms);
        return;
    }
    if (!FAULT(ROUTE_FORGOTTEN))
        session_add_route(&g->sessions, &(struct session_route){.id = m->nonce,
                                                                .account = p->account,
                                                                .peer = p->handle,
                                                                .opens = true});
    struct msg forward = {.kind = MSG_submit_open};
    forward.submit_open.account = p->account;
    forward.submit_open.nonce = m->nonce;
    outbox_send(outbox, BUS_SEQUENCER, 0, &forward);
}

static void take_resume(struct gateway *g, struct outbox *outbox, struct peer *p,
                        const struct msg_resume *m)
{
    const uint64_t wait_ms =
        limiter_take(&g->limiter, p->account, LIMITER_QUERIES, g->now_ns);
    if (wait_ms > 0)
        gateway_refuse(outbox, p, m->session, 0, ERR_RATE, wait_ms);
    else
        resume_start(g, outbox, p, m);
}

/* Where there is no CURVE there is no key: the peer says who it is, once. */
static void take_hello(struct gateway *g, struct outbox *outbox, struct peer *p,
                       const struct msg_hello *m)
{
    if (g->settings.curve || (p->account != 0 && p->account != m->account))
        gateway_refuse(outbox, p, 0, 0, ERR_BAD, error_number(ERR_UNKNOWN_KIND));
    else if (directory_role(&g->directory, m->account) == 0)
        gateway_refuse(outbox, p, 0, 0, ERR_UNKNOWN_ACCOUNT, 0);
    else if (p->account == 0 && !peer_name(&g->peers, p, m->account))
        gateway_cut(g, outbox, p, ERR_LIMIT);
}

/* Everything but `hello` needs an account. */
static void take_message(struct gateway *g, struct outbox *outbox, struct peer *p,
                         const struct msg *m)
{
    if (m->kind == MSG_hello) {
        take_hello(g, outbox, p, &m->hello);
        return;
    }
    if (p->account == 0) {
        gateway_refuse(outbox, p, 0, 0, ERR_UNKNOWN_ACCOUNT, 0);
        return;
    }
    switch (m->kind) {
    case MSG_command:
        take_command(g, outbox, p, &m->command);
        break;
    case MSG_client_open:
        take_open(g, outbox, p, &m->client_open);
        break;
    case MSG_resume:
        take_resume(g, outbox, p, &m->resume);
        break;
    case MSG_query:
        lookup_query(g, outbox, p, &m->query);
        break;
    case MSG_ping:
        gateway_beat(g, outbox, p);
        break;
    default:
        gateway_refuse(outbox, p, 0, 0, ERR_BAD, error_number(ERR_UNKNOWN_KIND));
        break;
    }
}

static void send_away(struct gateway *g, struct outbox *outbox, uint32_t handle,
                      int reason)
{
    struct msg m = {.kind = MSG_goodbye};
    m.goodbye.reason = (uint16_t)error_number(reason);
    outbox_send(outbox, BUS_CLIENTS, handle, &m);
    outbox_drop_peer(outbox, handle);
    g->counts.cut++;
}

/* The peer a frame is from; NULL if it was sent away. */
static struct peer *welcome(struct gateway *g, const struct core_frame *frame,
                            struct outbox *outbox)
{
    struct peer *p = peer_find(&g->peers, frame->peer);
    if (p != NULL)
        return p;
    uint32_t account = 0;
    if (g->settings.curve) {
        account = directory_account_of(&g->directory, frame->key);
        if (directory_role(&g->directory, account) == 0) {
            send_away(g, outbox, frame->peer, ERR_REVOKED);
            return NULL;
        }
    }
    p = peer_add(&g->peers, frame->peer, account, frame->key, g->now_ns);
    if (p == NULL)
        send_away(g, outbox, frame->peer, ERR_LIMIT);
    return p;
}

void intake_frame(struct gateway *g, const struct core_frame *frame,
                  struct outbox *outbox)
{
    const uint8_t *at = frame->bytes, *end = frame->bytes + frame->bytes_size;
    struct peer *p = welcome(g, frame, outbox);
    if (p == NULL)
        return;
    if (!peer_may_send(&g->peers, p, g->now_ns) || FAULT(PEER_CUT)) {
        gateway_cut(g, outbox, p, ERR_LIMIT);
        return;
    }
    g->gap_session = 0;
    for (uint32_t i = 0; at < end && gateway_has_room(outbox, 0); i++) {
        struct msg m MSG_UNSET;
        size_t used = 0;
        if (i == GATEWAY_FRAME_MESSAGES_MAX) {
            gateway_cut(g, outbox, p, ERR_LIMIT);
            return;
        }
        const int error = codec_decode(at, (size_t)(end - at), &m, &used);
        if (error != 0) {
            gateway_refuse(outbox, p, 0, 0, ERR_BAD, error_number(error));
            return;
        }
        take_message(g, outbox, p, &m);
        if (peer_find(&g->peers, frame->peer) != p)
            return; /* it was sent away */
        at += used;
    }
}
