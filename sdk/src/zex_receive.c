/* zex_receive.c - one function per answer of the client contract. */
#include "sdk/src/zex_receive.h"

#include <stdlib.h>
#include <string.h>

#include "common/ablate.h"
#include "proto/codec.h"
#include "sdk/src/zex_event.h"
#include "sdk/src/zex_protocol.h"

#define ERROR(NAME, number, text) REASON_##NAME = (number),
enum reason {
#include "common/error.def"
};
#undef ERROR

enum {
    HOLD_MS = 20,
    HOLD_MS_MAX = 10000,
    LEAVE_MS = 100,
    GREET_RETRY_MS = 250,
    FORGOT_MS = 5000, /* no word is as late as this */
};

static void alarm_event(struct zex_client *self, int reason, uint64_t gseq,
                        uint64_t cl_ord_id)
{
    struct zex_state_event *added = zex_state_event_add(self, ZEX_EVENT_ALARM);
    if (added == NULL)
        return;
    added->event.reason = reason;
    added->event.gseq = gseq;
    added->event.cl_ord_id = cl_ord_id;
}

static int find_lane(const struct zex_client *self, uint64_t session)
{
    for (int i = 0; i < ZEX_OUTBOX_LANES; i++)
        if (session != 0 && self->outbox.lanes[i].session == session)
            return i;
    return -1;
}

/* From `opened` on the gateway passes all reports on: who has no position yet begins
 * there, and needs no replay. Where that is, it says when asked. */
static void attach(struct zex_client *self)
{
    if (self->attached || self->feed_known || !self->options.follow_feed)
        return;
    self->attached = true;
    zex_protocol_add(self, &(struct msg){.kind = MSG_ping});
    zex_protocol_flush(self);
}

/* A gateway that had to be asked for the session again has probably not heard the resume
 * either that went with the first time. */
static void confirm(struct zex_client *self, struct zex_state_lane *state)
{
    if (!state->confirmed && state->asked_ms > self->resumed_ms)
        self->resumed_ms = 0;
    state->confirmed = true;
}

static void on_opened(struct zex_client *self, const struct msg_opened *m)
{
    bool all = true;
    self->account = m->account;
    for (uint32_t i = 0; i < ZEX_OUTBOX_LANES; i++) {
        const struct zex_outbox_lane *lane = &self->outbox.lanes[i];
        if (lane->nonce == m->nonce && !lane->gone) {
            if (lane->session == 0)
                zex_outbox_session(&self->outbox, i, m->session);
            else if (lane->session != m->session)
                zex_state_fail(self, -REASON_OTHER_LOG,
                               "the outbox belongs to another venue");
            confirm(self, &self->lanes[i]);
            attach(self);
        }
        all = all && self->lanes[i].confirmed;
    }
    if (all && !self->opened_told) {
        self->opened_told = true;
        zex_state_event_add(self, ZEX_EVENT_OPENED);
    }
}

/* n is contiguous: when one is accepted, so was whatever stands before it. */
static void settle(struct zex_client *self, int index, uint64_t n, uint64_t gseq)
{
    struct zex_outbox_lane *lane = &self->outbox.lanes[index];
    struct zex_state_lane *state = &self->lanes[index];
    for (uint64_t i = lane->first; i <= n; i++) {
        struct zex_state_event *added = zex_state_event_add(self, ZEX_EVENT_DURABLE);
        if (added == NULL)
            return;
        added->event.cl_ord_id = zex_outbox_get(lane, i)->cl_ord_id;
        added->event.gseq = i == n ? gseq : 0;
    }
    zex_outbox_durable(&self->outbox, (uint32_t)index, n);
    state->progress_ms = self->now_ms;
    state->forgot_ms = 0;
    if (state->close_n != 0 && n >= state->close_n) {
        state->confirmed = false; /* asks for the nonce until it hears SESSION_GONE */
        state->asked_ms = self->now_ms;
    }
}

static void on_accepted(struct zex_client *self, const struct msg_accepted *m)
{
    int index = find_lane(self, m->session);
    if (index < 0)
        return;
    const struct zex_outbox_lane *lane = &self->outbox.lanes[index];
    if (m->n >= lane->first && m->n < lane->next)
        settle(self, index, m->n, m->gseq);
}

/* A body the venue cannot read was never accepted and never will be; its number must be
 * used all the same. A cancel of the name it would have had changes nothing; what is no
 * order has none, and the lane's nonce names nothing either. */
static void repair(struct zex_client *self, int index, uint64_t n, int reason)
{
    struct zex_outbox_lane *lane = &self->outbox.lanes[index];
    const uint64_t known = zex_outbox_get(lane, n)->cl_ord_id;
    const uint64_t name = known != 0 ? known : lane->nonce;
    struct msg filler = {.kind = MSG_order_cancel,
                         .order_cancel = {.cl_ord_id = name, .orig_cl_ord_id = name}};
    uint8_t body[BODY_BYTES_MAX];
    size_t size = 0;
    if (codec_encode(body, sizeof body, &filler, &size) != 0)
        return;
    const struct zex_outbox_command *command = zex_outbox_get(lane, n);
    if (command->size == size && memcmp(command->body, body, size) == 0) {
        zex_state_fail(self, ZEX_ERR_CLOSED,
                       "the venue takes no command from this account");
        return;
    }
    zex_outbox_repair(&self->outbox, (uint32_t)index, n, body, size);
    alarm_event(self, reason, 0, known);
}

static void tell_busy(struct zex_client *self, int reason, uint64_t cl_ord_id)
{
    struct zex_state_event *added = zex_state_event_add(self, ZEX_EVENT_BUSY);
    if (added == NULL)
        return;
    added->event.reason = reason;
    added->event.cl_ord_id = cl_ord_id;
}

/* Refused was not a command but the session, the feed, or the whole connection. */
static void on_refused_connection(struct zex_client *self, const struct msg_refused *m)
{
    switch (m->reason) {
    case REASON_CORRUPT:
        alarm_event(self, REASON_CORRUPT, self->outbox.tag_gseq, 0);
        zex_state_fail(self, -REASON_CORRUPT, "the log is not the one this client knew");
        return;
    case REASON_WRONG_ROLE:
        self->reader = true;
        return;
    case REASON_CAPACITY:
        self->open_refused = m->reason;
        break;
    case REASON_UNKNOWN_ACCOUNT:
        if (self->now_ms - self->greeted_ms < GREET_RETRY_MS)
            return;
        self->greeted = false; /* a restarted gateway forgot who we said we are */
        break;
    default:
        break;
    }
    tell_busy(self, m->reason, 0);
}

/* Back to n, now or later. */
static void rewind_to(struct zex_state_lane *state, uint64_t n)
{
    if (state->sent > n)
        state->sent = n;
}

/* The log is an older copy of itself. */
static void on_forgotten(struct zex_client *self)
{
    alarm_event(self, REASON_LOG_BEHIND, self->outbox.tag_gseq, 0);
    zex_state_fail(self, -REASON_LOG_BEHIND, "the log has forgotten what it accepted");
}

/* The venue misses an n. If that was accepted, the word is late, or, when it goes on, the
 * log is an older copy of itself, which has forgotten commands. */
static void on_gap(struct zex_client *self, const struct zex_outbox_lane *lane,
                   struct zex_state_lane *state, uint64_t missing)
{
    rewind_to(state,
              missing >= lane->first && missing < lane->next ? missing : lane->first);
    if (missing >= lane->first) {
        state->forgot_ms = 0;
        return;
    }
    if (state->forgot_ms == 0)
        state->forgot_ms = self->now_ms;
    if (self->now_ms - state->forgot_ms >= FORGOT_MS)
        on_forgotten(self);
}

static void on_refused(struct zex_client *self, const struct msg_refused *m)
{
    int index = find_lane(self, m->session);
    if (index < 0 || m->n == 0) {
        on_refused_connection(self, m);
        return;
    }
    struct zex_outbox_lane *lane = &self->outbox.lanes[index];
    struct zex_state_lane *state = &self->lanes[index];
    if (m->n < lane->first || m->n >= lane->next)
        return;
    switch (m->reason) {
    case REASON_GAP:
        on_gap(self, lane, state, m->value);
        return;
    case REASON_BUSY:
    case REASON_RATE:
    case REASON_UNAVAILABLE:
    case REASON_UNKNOWN_ACCOUNT:
        rewind_to(state, m->n);
        state->hold_ms =
            self->now_ms + (m->value > 0 && m->value < HOLD_MS_MAX ? m->value : HOLD_MS);
        tell_busy(self, m->reason, zex_outbox_get(lane, m->n)->cl_ord_id);
        if (ABLATE(SDK_BUSY_IS_FINAL))
            zex_outbox_durable(&self->outbox, (uint32_t)index, m->n);
        return;
    case REASON_UNKNOWN_SESSION:
        zex_state_fail(self, -REASON_UNKNOWN_SESSION,
                       "the outbox belongs to another venue or account");
        return;
    default:
        repair(self, index, m->n, m->reason);
        rewind_to(state, m->n);
    }
}

static void on_conflict(struct zex_client *self, const struct msg_conflict *m)
{
    int index = find_lane(self, m->session);
    if (index < 0)
        return;
    struct zex_outbox_lane *lane = &self->outbox.lanes[index];
    if (m->n < lane->first || m->n >= lane->next)
        return;
    alarm_event(self, REASON_CONFLICT, m->gseq, zex_outbox_get(lane, m->n)->cl_ord_id);
    if (m->n > lane->first)
        settle(self, index, m->n - 1, 0);
    zex_outbox_durable(&self->outbox, (uint32_t)index, m->n);
}

/* What was placed after the last accepted command never happens. */
static void tell_void(struct zex_client *self, int index)
{
    struct zex_outbox_lane *lane = &self->outbox.lanes[index];
    for (uint64_t n = lane->first; n < lane->next; n++) {
        struct zex_state_event *added = zex_state_event_add(
            self,
            index == ZEX_STATE_ORDERS ? ZEX_EVENT_REJECTED : ZEX_EVENT_CANCEL_REJECTED);
        if (added == NULL)
            return;
        added->event.cl_ord_id = zex_outbox_get(lane, n)->cl_ord_id;
        added->event.reason = REASON_SESSION_GONE;
    }
}

static void on_gone(struct zex_client *self, const struct msg_session_gone *m)
{
    for (int i = 0; i < ZEX_OUTBOX_LANES; i++) {
        struct zex_outbox_lane *lane = &self->outbox.lanes[i];
        if (lane->gone || !((m->session != 0 && lane->session == m->session) ||
                            (m->nonce != 0 && lane->nonce == m->nonce)))
            continue;
        if (m->last_n + 1 < lane->first) {
            on_forgotten(self);
            return;
        }
        const uint64_t last = m->last_n < lane->next ? m->last_n : lane->next - 1;
        if (last >= lane->first)
            settle(self, i, last, 0);
        tell_void(self, i);
        zex_state_event_add(self, ZEX_EVENT_CLOSED);
        if (zex_outbox_renew(&self->outbox, (uint32_t)i) != ZEX_OK)
            zex_state_fail(self, ZEX_ERR_OUTBOX, "no random nonce");
        lane->gone = true;
    }
}

/* One event for each message of the body: a trade with oneself has two fills. */
static void tell_report(struct zex_client *self, const struct msg_report *m)
{
    size_t at = 0;
    do {
        struct msg body;
        size_t used = 0;
        const bool known =
            codec_decode(m->body + at, m->body_size - at, &body, &used) == 0;
        const size_t size = known ? used : m->body_size - at;
        struct zex_state_event *added = zex_state_event_add(self, ZEX_EVENT_ALARM);
        if (added == NULL)
            return;
        memcpy(added->body, m->body + at, size);
        added->event.bytes_size = size;
        added->event.gseq = m->gseq;
        added->event.time_ns = m->time_ns;
        if (!known || !zex_event_from(&added->event, &body))
            added->event.reason = REASON_BAD;
        at += size;
        added->ends_report = at == m->body_size;
    } while (at < m->body_size);
}

static void on_report(struct zex_client *self, const struct msg_report *m)
{
    struct zex_outbox *outbox = &self->outbox;
    self->fed_ms = self->now_ms;
    if (!self->options.follow_feed || !self->feed_known || m->gseq <= outbox->feed_gseq)
        return;
    if (m->prev != outbox->feed_gseq) {
        self->live = false; /* something is missing: greet() resumes */
        return;
    }
    tell_report(self, m);
    outbox->feed_gseq = m->gseq;
}

static void go_live(struct zex_client *self)
{
    self->live = true;
    self->resumed_ms = 0;
    struct zex_state_event *added = zex_state_event_add(self, ZEX_EVENT_LIVE);
    if (added != NULL)
        added->event.gseq = self->outbox.feed_gseq;
}

/* A session that is still to be opened attaches us when it is. */
static bool will_attach(const struct zex_client *self)
{
    for (int i = 0; i < ZEX_OUTBOX_LANES && !self->reader && !self->attached; i++)
        if (!self->lanes[i].confirmed && !self->outbox.lanes[i].gone)
            return true;
    return false;
}

/* A new client follows from here. */
static void begin_feed(struct zex_client *self, const struct msg_feed_heartbeat *m)
{
    if (will_attach(self))
        return;
    self->feed_known = true;
    zex_outbox_feed(&self->outbox, m->last_gseq, m->tag_gseq, m->tag);
    if (self->attached)
        go_live(self);
}

static void on_heartbeat(struct zex_client *self, const struct msg_feed_heartbeat *m)
{
    struct zex_outbox *outbox = &self->outbox;
    if (!self->options.follow_feed)
        return;
    self->fed_ms = self->now_ms;
    if (!self->feed_known)
        begin_feed(self, m);
    else if (m->last_gseq > outbox->feed_gseq)
        self->live = false;
    else if (m->tag_gseq != 0)
        zex_outbox_feed(outbox, outbox->taken_gseq, m->tag_gseq, m->tag);
}

static void on_resumed(struct zex_client *self, const struct msg_resumed *m)
{
    self->fed_ms = self->now_ms;
    if (self->live || m->last_gseq > self->outbox.feed_gseq)
        return; /* the replay broke off on its way: greet() resumes once more */
    go_live(self);
}

static void on_answer(struct zex_client *self, const struct msg_answer *m,
                      const uint8_t *rows, size_t rows_size)
{
    if (m->id != self->query_id || self->answered)
        return;
    if (rows_size > self->rows_capacity) {
        uint8_t *grown = realloc(self->rows, rows_size);
        if (grown == NULL)
            return;
        self->rows = grown;
        self->rows_capacity = rows_size;
    }
    if (rows_size > 0)
        memcpy(self->rows, rows, rows_size);
    self->rows_size = rows_size;
    self->answer = *m;
    self->answered = true;
}

static void on_goodbye(struct zex_client *self, const struct msg_goodbye *m)
{
    struct zex_state_event *added = zex_state_event_add(self, ZEX_EVENT_LOST);
    if (added != NULL)
        added->event.reason = m->reason;
    if (m->reason == REASON_REVOKED)
        zex_state_fail(self, -REASON_REVOKED, "this key has been revoked");
    else
        self->leave_ms = self->now_ms + LEAVE_MS; /* no storm of reconnects */
}

/* Bytes of the rows of an answer; what follows them is the next message. */
static size_t measure_rows(const uint8_t *rest, size_t rest_size, uint32_t count)
{
    size_t size = 0;
    struct msg row;
    for (size_t used = 0; count > 0; count--, size += used)
        if (codec_decode(rest + size, rest_size - size, &row, &used) != 0)
            return rest_size;
    return size;
}

/* Handles one message; says how many of the bytes behind it belong to it. */
static size_t handle(struct zex_client *self, const struct msg *m, const uint8_t *rest,
                     size_t rest_size)
{
    switch (m->kind) {
    case MSG_opened:
        on_opened(self, &m->opened);
        return 0;
    case MSG_accepted:
        on_accepted(self, &m->accepted);
        return 0;
    case MSG_refused:
        on_refused(self, &m->refused);
        return 0;
    case MSG_conflict:
        on_conflict(self, &m->conflict);
        return 0;
    case MSG_session_gone:
        on_gone(self, &m->session_gone);
        return 0;
    case MSG_report:
        on_report(self, &m->report);
        return 0;
    case MSG_feed_heartbeat:
        on_heartbeat(self, &m->feed_heartbeat);
        return 0;
    case MSG_resumed:
        on_resumed(self, &m->resumed);
        return 0;
    case MSG_goodbye:
        on_goodbye(self, &m->goodbye);
        return rest_size;
    case MSG_answer:
        rest_size = measure_rows(rest, rest_size, m->answer.count);
        on_answer(self, &m->answer, rest, rest_size);
        return rest_size;
    default:
        return 0; /* a newer gateway may say more than we know */
    }
}

void zex_receive_frame(struct zex_client *self, const uint8_t *bytes, size_t size)
{
    struct msg message;
    while (size > 0 && self->status == ZEX_OK) { /* a client that stopped hears no more */
        size_t used = 0;
        if (codec_decode(bytes, size, &message, &used) != 0) {
            alarm_event(self, REASON_BAD, 0, 0);
            return;
        }
        bytes += used;
        size -= used;
        size_t taken = handle(self, &message, bytes, size);
        bytes += taken;
        size -= taken;
    }
}
