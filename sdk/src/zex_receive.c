/* zex_receive.c - one function per answer of the client contract. */
#include "sdk/src/zex_receive.h"

#include <stdlib.h>
#include <string.h>

#include "proto/codec.h"
#include "sdk/src/zex_event.h"
#include "sdk/src/zex_protocol.h"

#define ERROR(NAME, number, text) REASON_##NAME = (number),
enum reason {
#include "common/error.def"
};
#undef ERROR

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

static void on_opened(struct zex_client *self, const struct msg_opened *m)
{
    bool all = true;
    self->account = m->account;
    for (uint32_t i = 0; i < ZEX_OUTBOX_LANES; i++) {
        struct zex_outbox_lane *lane = &self->outbox.lanes[i];
        if (lane->nonce == m->nonce && lane->session == 0)
            zex_outbox_session(&self->outbox, i, m->session);
        all = all && lane->session != 0;
    }
    if (all && !self->opened_told) {
        self->opened_told = true;
        zex_state_event_add(self, ZEX_EVENT_OPENED);
    }
}

static void on_accepted(struct zex_client *self, const struct msg_accepted *m)
{
    int index = find_lane(self, m->session);
    if (index < 0)
        return;
    struct zex_outbox_lane *lane = &self->outbox.lanes[index];
    if (m->n < lane->first || m->n >= lane->next)
        return;
    /* n is contiguous: whatever stands before it was accepted too. */
    for (uint64_t n = lane->first; n <= m->n; n++) {
        struct zex_state_event *added = zex_state_event_add(self, ZEX_EVENT_DURABLE);
        if (added == NULL)
            return;
        added->event.cl_ord_id = zex_outbox_get(lane, n)->cl_ord_id;
        added->event.gseq = n == m->n ? m->gseq : 0;
    }
    zex_outbox_durable(&self->outbox, (uint32_t)index, m->n);
    self->lanes[index].progress_ms = self->now_ms;
}

/* A body the venue cannot read was never accepted and never will be; its number must be
 * used all the same. A cancel of the name it would have had changes nothing. */
static void repair(struct zex_client *self, int index, uint64_t n, int reason)
{
    struct zex_outbox_lane *lane = &self->outbox.lanes[index];
    uint64_t name = zex_outbox_get(lane, n)->cl_ord_id;
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
    alarm_event(self, reason, 0, name);
}

static void on_refused(struct zex_client *self, const struct msg_refused *m)
{
    int index = find_lane(self, m->session);
    struct zex_state_event *added;
    if (index < 0) {
        if ((added = zex_state_event_add(self, ZEX_EVENT_BUSY)) != NULL)
            added->event.reason = m->reason;
        return;
    }
    struct zex_outbox_lane *lane = &self->outbox.lanes[index];
    struct zex_state_lane *state = &self->lanes[index];
    if (m->n < lane->first || m->n >= lane->next)
        return;
    switch (m->reason) {
    case REASON_GAP:
        if (state->sent > lane->first)
            state->sent =
                m->value >= lane->first && m->value < lane->next ? m->value : lane->first;
        return;
    case REASON_BUSY:
    case REASON_RATE:
    case REASON_UNAVAILABLE:
        if (state->sent > m->n)
            state->sent = m->n;
        state->hold_ms =
            self->now_ms + (m->value > 0 && m->value < 10000 ? m->value : 20);
        if ((added = zex_state_event_add(self, ZEX_EVENT_BUSY)) != NULL) {
            added->event.reason = m->reason;
            added->event.cl_ord_id = zex_outbox_get(lane, m->n)->cl_ord_id;
        }
        return;
    default:
        repair(self, index, m->n, m->reason);
        if (state->sent > m->n)
            state->sent = m->n;
    }
}

static void on_conflict(struct zex_client *self, const struct msg_conflict *m)
{
    int index = find_lane(self, m->session);
    if (index < 0 || m->n < self->outbox.lanes[index].first)
        return;
    alarm_event(self, REASON_CONFLICT, m->gseq,
                zex_outbox_get(&self->outbox.lanes[index], m->n)->cl_ord_id);
    zex_outbox_durable(&self->outbox, (uint32_t)index, m->n);
}

static void on_gone(struct zex_client *self, const struct msg_session_gone *m)
{
    for (uint32_t i = 0; i < ZEX_OUTBOX_LANES; i++) {
        struct zex_outbox_lane *lane = &self->outbox.lanes[i];
        if (lane->gone || !((m->session != 0 && lane->session == m->session) ||
                            (m->nonce != 0 && lane->nonce == m->nonce)))
            continue;
        lane->gone = true;
        uint64_t last = m->last_n;
        if (last >= lane->first && lane->next > lane->first)
            zex_outbox_durable(&self->outbox, i,
                               last < lane->next ? last : lane->next - 1);
        zex_state_event_add(self, ZEX_EVENT_CLOSED);
    }
}

static void on_report(struct zex_client *self, const struct msg_report *m)
{
    struct zex_outbox *outbox = &self->outbox;
    if (!self->feed_known || m->gseq <= outbox->feed_gseq)
        return;
    if (m->prev != outbox->feed_gseq) {
        self->live = false; /* something is missing: greet() resumes */
        return;
    }
    struct msg body;
    size_t used = 0;
    struct zex_state_event *added = zex_state_event_add(self, ZEX_EVENT_ALARM);
    if (added == NULL)
        return;
    memcpy(added->body, m->body, m->body_size);
    added->event.bytes_size = m->body_size;
    added->event.gseq = m->gseq;
    added->event.time_ns = m->time_ns;
    added->event.reason = REASON_BAD;
    if (codec_decode(m->body, m->body_size, &body, &used) == 0)
        zex_event_from(&added->event, &body, self->account);
    zex_outbox_feed(outbox, m->gseq, outbox->tag_gseq, outbox->tag);
}

static void on_heartbeat(struct zex_client *self, const struct msg_feed_heartbeat *m)
{
    struct zex_outbox *outbox = &self->outbox;
    if (!self->feed_known) {
        self->feed_known = true; /* a new client follows from here */
        zex_outbox_feed(outbox, m->last_gseq, m->tag_gseq, m->tag);
    } else if (m->last_gseq > outbox->feed_gseq) {
        self->live = false;
    } else if (m->tag_gseq != 0) {
        zex_outbox_feed(outbox, outbox->feed_gseq, m->tag_gseq, m->tag);
    }
}

static void on_resumed(struct zex_client *self)
{
    if (self->live)
        return;
    self->live = true;
    zex_state_event_add(self, ZEX_EVENT_LIVE);
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
        zex_protocol_connect(self);
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
        on_resumed(self);
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
    while (size > 0) {
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
