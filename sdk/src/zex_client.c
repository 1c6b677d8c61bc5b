/* zex_client.c - life of a client, its events, and waiting. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "sdk/src/zex_clock.h"
#include "sdk/src/zex_protocol.h"
#include "sdk/src/zex_state.h"

enum { EVENTS_FIRST = 1024 };

int zex_state_fail(struct zex_client *self, int status, const char *text)
{
    if (self->status == ZEX_OK) {
        self->status = status;
        snprintf(self->error, sizeof self->error, "%s", text);
    }
    return status;
}

struct zex_state_event *zex_state_event_add(struct zex_client *self,
                                            enum zex_event_type type)
{
    if (self->event_count == self->event_capacity) {
        uint32_t capacity =
            self->event_capacity == 0 ? EVENTS_FIRST : 2 * self->event_capacity;
        struct zex_state_event *grown = malloc(capacity * sizeof *grown);
        if (grown == NULL) {
            zex_state_fail(self, ZEX_ERR_MEMORY, "no memory for events");
            return NULL;
        }
        for (uint32_t i = 0; i < self->event_count; i++)
            grown[i] = self->events[(self->event_first + i) % self->event_capacity];
        free(self->events);
        self->events = grown;
        self->event_capacity = capacity;
        self->event_first = 0;
    }
    uint32_t at = (self->event_first + self->event_count++) % self->event_capacity;
    struct zex_state_event *added = &self->events[at];
    added->event = (struct zex_event){.type = type, .account = self->account};
    added->ends_report = false;
    return added;
}

void zex_options_init(struct zex_options *options)
{
    *options = (struct zex_options){
        .in_flight_max = 1024, .resend_ms = 500, .silence_ms = 3000, .follow_feed = 1};
}

static bool copy(struct zex_client *self, int slot, const char **text)
{
    if (*text == NULL)
        return true;
    self->strings[slot] = strdup(*text);
    *text = self->strings[slot];
    return *text != NULL;
}

static int take_options(struct zex_client *self, const struct zex_options *options)
{
    self->options = *options;
    struct zex_options *o = &self->options;
    while (self->gateway_count < ZEX_GATEWAYS_MAX &&
           o->gateways[self->gateway_count] != NULL)
        self->gateway_count++;
    if (self->gateway_count == 0 || o->in_flight_max == 0 || o->silence_ms < 100 ||
        (o->server_key != NULL && (o->public_key == NULL || o->secret_key == NULL)))
        return ZEX_ERR_USAGE;
    bool ok = copy(self, ZEX_GATEWAYS_MAX, &o->server_key) &&
              copy(self, ZEX_GATEWAYS_MAX + 1, &o->public_key) &&
              copy(self, ZEX_GATEWAYS_MAX + 2, &o->secret_key);
    for (uint32_t i = 0; i < self->gateway_count && ok; i++)
        ok = copy(self, (int)i, &o->gateways[i]);
    return ok ? ZEX_OK : ZEX_ERR_MEMORY;
}

/* Counted up from a random one of 2^62: of two clients that name a million orders each,
 * one pair in 2^41 has a name in common, whenever they start. Even then the venue refuses
 * an order by a name that is open, and says so: DUPLICATE_CL_ORD_ID. */
static int begin_names(struct zex_client *self)
{
    uint64_t first;
    if (getrandom(&first, sizeof first, 0) != (ssize_t)sizeof first)
        return ZEX_ERR_SOCKET;
    self->next_cl_ord_id = 1 + (first >> 2);
    return ZEX_OK;
}

int zex_client_new(zex_client **out, const struct zex_options *options)
{
    zex_client *self = calloc(1, sizeof *self);
    *out = NULL;
    if (self == NULL)
        return ZEX_ERR_MEMORY;
    self->outbox.file = -1;
    int status = take_options(self, options);
    if (status == ZEX_OK)
        status = zex_outbox_open(&self->outbox, options);
    if (status == ZEX_OK)
        status = zex_socket_create(&self->socket);
    if (status == ZEX_OK)
        status = begin_names(self);
    if (status == ZEX_OK) {
        self->feed_known = self->outbox.feed_known;
        self->now_ms = self->called_ms = zex_clock_now_ms();
        zex_protocol_connect(self);
        zex_protocol_send(self);
        status = self->status;
    }
    if (status != ZEX_OK)
        zex_client_destroy(&self);
    *out = self;
    return status;
}

/* Who asks for more is done with the event lent before; only then a report whose last
 * event it was counts as taken, so that a crash repeats one rather than losing it. */
static void let_go(zex_client *self)
{
    const struct zex_event *event = &self->taken.event;
    struct zex_outbox *outbox = &self->outbox;
    if (self->taken.ends_report && event->gseq > outbox->taken_gseq)
        zex_outbox_feed(outbox, event->gseq, outbox->tag_gseq, outbox->tag);
}

void zex_client_destroy(zex_client **client)
{
    zex_client *self = *client;
    if (self == NULL)
        return;
    let_go(self);
    if (self->options.outbox_path == NULL)
        (void)zex_client_close(self); /* nobody could ever use its sessions again */
    if (self->socket != NULL && self->status == ZEX_OK)
        zex_protocol_send(self);
    zex_socket_destroy(&self->socket);
    zex_outbox_close(&self->outbox);
    for (size_t i = 0; i < sizeof self->strings / sizeof *self->strings; i++)
        free(self->strings[i]);
    free(self->events);
    free(self->rows);
    free(self);
    *client = NULL;
}

const char *zex_client_error(const zex_client *self)
{
    return self->error;
}

uint32_t zex_client_account(const zex_client *self)
{
    return self->account;
}

uint64_t zex_client_in_flight(const zex_client *self)
{
    uint64_t count = 0;
    for (int i = 0; i < ZEX_OUTBOX_LANES; i++)
        count += self->outbox.lanes[i].next - self->outbox.lanes[i].first;
    return count;
}

uint64_t zex_client_last_gseq(const zex_client *self)
{
    return self->outbox.feed_gseq;
}

uint64_t zex_client_placed(const zex_client *self)
{
    return self->outbox.lanes[ZEX_STATE_ORDERS].next - 1;
}

int zex_client_descriptor(const zex_client *self)
{
    return zex_socket_descriptor(self->socket);
}

int zex_client_timeout_ms(const zex_client *self)
{
    if (self->event_count > 0 || self->status != ZEX_OK ||
        zex_socket_is_readable(self->socket))
        return 0;
    return zex_protocol_timeout_ms(self);
}

void zex_client_flush(zex_client *self)
{
    zex_protocol_send(self);
}

static bool take_event(zex_client *self, struct zex_event *event)
{
    let_go(self);
    if (self->event_count == 0)
        return false;
    self->taken = self->events[self->event_first];
    self->event_first = (self->event_first + 1) % self->event_capacity;
    self->event_count--;
    *event = self->taken.event;
    event->bytes = event->bytes_size > 0 ? self->taken.body : NULL;
    return true;
}

static uint64_t find_deadline_ms(int timeout_ms)
{
    return zex_clock_now_ms() + (uint64_t)(timeout_ms < 0 ? 0 : timeout_ms);
}

/* Waits for the socket, but not past `deadline_ms`. False once that has passed. */
static bool wait_a_little(zex_client *self, uint64_t deadline_ms)
{
    if (self->now_ms >= deadline_ms)
        return false;
    uint64_t left = deadline_ms - self->now_ms;
    int due = zex_protocol_timeout_ms(self);
    zex_socket_wait(self->socket, left < (uint64_t)due ? (int)left : due);
    return true;
}

int zex_client_wait(zex_client *self, struct zex_event *event, int timeout_ms)
{
    if (take_event(self, event))
        return ZEX_OK;
    const uint64_t deadline_ms = find_deadline_ms(timeout_ms);
    for (;;) {
        zex_protocol_send(self);
        zex_protocol_receive(self);
        if (take_event(self, event))
            return ZEX_OK;
        if (self->status != ZEX_OK)
            return self->status;
        if (!wait_a_little(self, deadline_ms))
            return ZEX_ERR_TIMEOUT;
    }
}

static bool is_open(const zex_client *self)
{
    for (int i = 0; i < ZEX_OUTBOX_LANES; i++)
        if (!self->lanes[i].confirmed && !self->reader)
            return false;
    return !self->options.follow_feed || self->live;
}

/* Not the end of the client: a session may be closed and a later try succeed. */
static int tell_refused(zex_client *self)
{
    const int reason = self->open_refused;
    self->open_refused = 0;
    snprintf(self->error, sizeof self->error, "no session: %s (%s)",
             zex_reason_text(reason), zex_reason_name(reason));
    return -reason;
}

int zex_client_open(zex_client *self, int timeout_ms)
{
    const uint64_t deadline_ms = find_deadline_ms(timeout_ms);
    while (self->status == ZEX_OK && !is_open(self)) {
        zex_protocol_send(self);
        zex_protocol_receive(self);
        if (self->outbox.lanes[0].gone || self->outbox.lanes[1].gone)
            return ZEX_ERR_CLOSED;
        if (self->open_refused != 0)
            return tell_refused(self);
        if (!is_open(self) && !wait_a_little(self, deadline_ms))
            return ZEX_ERR_TIMEOUT;
    }
    return self->status;
}

int zex_query(zex_client *self, const struct zex_query *query, struct zex_answer *answer,
              int timeout_ms)
{
    const uint64_t deadline_ms = find_deadline_ms(timeout_ms);
    struct msg message = {.kind = MSG_query,
                          .query = {.id = ++self->query_id,
                                    .kind = (uint8_t)query->kind,
                                    .after = query->after,
                                    .account = query->account,
                                    .symbol = query->symbol,
                                    .order_id = query->order_id,
                                    .cl_ord_id = query->cl_ord_id,
                                    .cursor = query->cursor,
                                    .limit = query->limit == 0 ? 1000 : query->limit}};
    uint64_t asked_ms = 0;
    self->answered = false;
    while (self->status == ZEX_OK && !self->answered) {
        zex_protocol_send(self);
        if (asked_ms == 0 || self->now_ms - asked_ms >= self->options.resend_ms) {
            zex_protocol_add(self, &message);
            zex_protocol_flush(self);
            asked_ms = self->now_ms;
        }
        zex_protocol_receive(self);
        if (!self->answered && !wait_a_little(self, deadline_ms))
            return ZEX_ERR_TIMEOUT;
    }
    if (!self->answered)
        return self->status;
    *answer = (struct zex_answer){.reason = self->answer.reason,
                                  .gseq = self->answer.gseq,
                                  .cursor = self->answer.cursor,
                                  .count = self->answer.count,
                                  .account = query->account != 0 ? query->account
                                                                 : self->account,
                                  .rows = self->rows,
                                  .rows_size = self->rows_size};
    return ZEX_OK;
}
