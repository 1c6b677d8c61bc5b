/* zex_protocol.c - sends until accepted, takes reports in an unbroken chain. */
#include "sdk/src/zex_protocol.h"

#include <string.h>

#include "common/ablate.h"
#include "proto/codec.h"
#include "sdk/src/zex_clock.h"
#include "sdk/src/zex_event.h"
#include "sdk/src/zex_receive.h"

enum {
    OPEN_RETRY_MS = 250,
    RESUME_RETRY_MS = 1000,
    FEED_STALE_MS = 2500, /* heartbeats come every second to who is attached */
    FRAME_MESSAGES = 512, /* a gateway takes 1024 */
    PING_MS = 5000,       /* it cuts who says nothing for 30 s */
};

bool zex_protocol_flush(struct zex_client *self)
{
    if (self->frame_size == 0)
        return true;
    bool sent = zex_socket_send(self->socket, self->frame, self->frame_size);
    if (sent)
        self->said_ms = self->now_ms;
    self->frame_size = 0;
    self->frame_count = 0;
    return sent;
}

static bool is_full(const struct zex_client *self)
{
    return sizeof self->frame - self->frame_size < MESSAGE_BYTES_MAX ||
           self->frame_count == FRAME_MESSAGES;
}

void zex_protocol_add(struct zex_client *self, const struct msg *message)
{
    if (is_full(self))
        zex_protocol_flush(self);
    size_t size = 0;
    if (codec_encode(self->frame + self->frame_size,
                     sizeof self->frame - self->frame_size, message, &size) != 0)
        return;
    self->frame_size += size;
    self->frame_count++;
}

void zex_protocol_connect(struct zex_client *self)
{
    const char *address = self->options.gateways[self->gateway];
    if (zex_socket_connect(self->socket, &self->options, address) != ZEX_OK) {
        zex_state_fail(self, ZEX_ERR_SOCKET,
                       "cannot make a socket for this gateway address");
        return;
    }
    self->greeted = false;
    self->live = self->attached = false;
    self->heard_ms = self->pinged_ms = self->said_ms = self->fed_ms = self->now_ms;
    self->resumed_ms = 0;
    self->leave_ms = 0;
    for (int i = 0; i < ZEX_OUTBOX_LANES; i++) {
        struct zex_state_lane *lane = &self->lanes[i];
        lane->sent = self->outbox.lanes[i].first;
        lane->progress_ms = self->now_ms;
        lane->hold_ms = lane->asked_ms = lane->forgot_ms = 0;
    }
}

static void resume(struct zex_client *self)
{
    zex_protocol_add(self,
                     &(struct msg){.kind = MSG_resume,
                                   .resume = {.session = self->outbox.lanes[0].session,
                                              .last_gseq = self->outbox.feed_gseq,
                                              .tag_gseq = self->outbox.tag_gseq,
                                              .tag = self->outbox.tag}});
    self->resumed_ms = self->now_ms;
}

static void ping(struct zex_client *self)
{
    zex_protocol_add(self, &(struct msg){.kind = MSG_ping});
    self->pinged_ms = self->now_ms;
}

/* How long until reports that were missed are asked for, once more if need be. */
static uint64_t resume_due_ms(const struct zex_client *self)
{
    if (!self->options.follow_feed || !self->feed_known || self->live ||
        self->leave_ms != 0)
        return UINT64_MAX;
    const uint64_t since_ms = self->now_ms - self->resumed_ms;
    return self->resumed_ms == 0 || since_ms >= RESUME_RETRY_MS
               ? 0
               : RESUME_RETRY_MS - since_ms;
}

/* What a new connection begins with, and what is repeated until it is answered. */
static void greet(struct zex_client *self)
{
    if (!self->greeted && self->options.server_key == NULL) {
        zex_protocol_add(self,
                         &(struct msg){.kind = MSG_hello,
                                       .hello = {.account = self->options.account}});
        self->greeted_ms = self->now_ms;
    }
    for (int i = 0; i < ZEX_OUTBOX_LANES; i++) {
        struct zex_outbox_lane *lane = &self->outbox.lanes[i];
        struct zex_state_lane *state = &self->lanes[i];
        if (state->confirmed || lane->gone || self->reader ||
            (state->asked_ms != 0 && self->now_ms - state->asked_ms < OPEN_RETRY_MS))
            continue;
        zex_protocol_add(self, &(struct msg){.kind = MSG_client_open,
                                             .client_open = {.nonce = lane->nonce}});
        state->asked_ms = self->now_ms;
    }
    if (!self->greeted)
        ping(self);
    self->greeted = true;
    if (self->live && self->now_ms - self->fed_ms >= FEED_STALE_MS)
        self->live = false; /* a restarted gateway does not know that we listen */
    if (resume_due_ms(self) == 0)
        resume(self);
    zex_protocol_flush(self);
}

static void send_lane(struct zex_client *self, int index)
{
    struct zex_outbox_lane *lane = &self->outbox.lanes[index];
    struct zex_state_lane *state = &self->lanes[index];
    if (!state->confirmed || lane->gone || self->now_ms < state->hold_ms)
        return;
    if (self->options.follow_feed && !self->feed_known)
        return; /* its reports would come before we know where the feed begins */
    if (state->sent < lane->first)
        state->sent = lane->first;
    if (!ABLATE(NO_SDK_RESEND) && state->sent > lane->first &&
        self->now_ms - state->progress_ms >= self->options.resend_ms) {
        state->sent = lane->first;
        state->progress_ms = self->now_ms;
    }
    if (state->sent == lane->first)
        state->progress_ms = self->now_ms;
    uint64_t before = state->sent;
    while (state->sent < lane->next) {
        const struct zex_outbox_command *command = zex_outbox_get(lane, state->sent);
        if (is_full(self)) {
            if (!zex_protocol_flush(self)) {
                state->sent = before;
                return;
            }
            before = state->sent;
        }
        struct msg message = {.kind = MSG_command,
                              .command = {.session = lane->session,
                                          .n = state->sent,
                                          .body_size = command->size}};
        memcpy(message.command.body, command->body, command->size);
        zex_protocol_add(self, &message);
        state->sent++;
    }
    if (!zex_protocol_flush(self))
        state->sent = before;
}

static void leave(struct zex_client *self)
{
    self->gateway = (self->gateway + 1) % self->gateway_count;
    zex_protocol_connect(self);
}

/* How long either side may say nothing before we ask. */
static uint64_t patience_ms(const struct zex_client *self)
{
    const uint64_t part_ms = self->options.silence_ms / 4;
    return part_ms < PING_MS ? part_ms : PING_MS;
}

/* A gateway that speaks all the time still cuts who never does. */
static bool is_ping_due(const struct zex_client *self, uint64_t quiet_ms,
                        uint64_t part_ms)
{
    return self->now_ms - self->pinged_ms >= part_ms &&
           (quiet_ms >= part_ms || self->now_ms - self->said_ms >= part_ms);
}

static void notice_silence(struct zex_client *self)
{
    const uint64_t part_ms = patience_ms(self);
    if (self->now_ms - self->called_ms > 2 * part_ms) { /* our own waits last one part */
        /* Nobody listened meanwhile, so nothing is known: give the gateway time to
         * speak. */
        self->heard_ms = self->now_ms - part_ms;
        self->fed_ms = self->now_ms;
    }
    self->called_ms = self->now_ms;
    uint64_t quiet_ms = self->now_ms - self->heard_ms;
    if (quiet_ms >= self->options.silence_ms) {
        zex_state_event_add(self, ZEX_EVENT_LOST);
        leave(self);
    } else if (is_ping_due(self, quiet_ms, part_ms)) {
        ping(self);
        zex_protocol_flush(self);
    }
}

void zex_protocol_send(struct zex_client *self)
{
    self->now_ms = zex_clock_now_ms();
    if (self->status != ZEX_OK || self->now_ms < self->leave_ms)
        return;
    if (self->leave_ms != 0)
        leave(self);
    notice_silence(self);
    if (self->status != ZEX_OK)
        return;
    greet(self);
    if (zex_outbox_write(&self->outbox) != ZEX_OK) {
        zex_state_fail(self, ZEX_ERR_OUTBOX, "the outbox file cannot be written");
        return;
    }
    send_lane(self, ZEX_STATE_CANCELS);
    send_lane(self, ZEX_STATE_ORDERS);
}

int zex_protocol_timeout_ms(const struct zex_client *self)
{
    uint64_t due = patience_ms(self);
    if (self->leave_ms > self->now_ms && self->leave_ms - self->now_ms < due)
        due = self->leave_ms - self->now_ms;
    if (resume_due_ms(self) < due)
        due = resume_due_ms(self);
    for (int i = 0; i < ZEX_OUTBOX_LANES; i++) {
        const struct zex_outbox_lane *lane = &self->outbox.lanes[i];
        if (!self->lanes[i].confirmed && !lane->gone && due > OPEN_RETRY_MS)
            due = OPEN_RETRY_MS;
        if (lane->next == lane->first)
            continue;
        uint64_t wait = self->options.resend_ms;
        if (self->lanes[i].hold_ms > self->now_ms)
            wait = self->lanes[i].hold_ms - self->now_ms;
        if (wait < due)
            due = wait;
    }
    return due == 0 ? 1 : (int)due;
}

void zex_protocol_receive(struct zex_client *self)
{
    const uint8_t *bytes;
    size_t size;
    while (self->status == ZEX_OK && zex_socket_receive(self->socket, &bytes, &size)) {
        self->heard_ms = self->now_ms;
        zex_receive_frame(self, bytes, size);
    }
}
