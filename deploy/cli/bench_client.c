/* bench_client.c - see bench_client.h. */
#include "deploy/cli/bench_client.h"

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/error.h"
#include "deploy/cli/args.h"
#include "deploy/cli/bench_flow.h"
#include "deploy/cli/progress.h"
#include "proto/codec.h"

enum {
    ADMIN = BENCH_FLOW_ACCOUNTS, /* index of the operator's connection */
    PEERS,
    FIRST_ACCOUNT = 16,
    FRAME_BYTES = 65536,
    FRAME_BYTES_MAX_IN = 8 << 20,
    PRELOAD = 30000,
    PRELOAD_FRAME = 64,
    PRELOAD_WINDOW = 1024,
    OPEN_MS = 30000,
    SILENCE_MS = 10000,
    RETRY_MS = 100,
    LATENCIES_MAX = 1 << 22,
};

struct peer {
    uint32_t account;
    uint64_t session, n;
    uint64_t sent, ended; /* commands of the flow */
};

struct bench_client {
    struct bus *bus;
    struct peer peers[PEERS];
    struct bench_flow flow;
    uint32_t opened, done; /* peers; commands of the operator */
    uint64_t sent, ended;  /* commands of the flow, all peers */
    uint64_t settlement_lag, portfolio_lag, log_next;
    uint64_t *latencies;
    uint64_t latency_count, frame_ns;
    struct progress progress;
    uint64_t records_wanted; /* what the bar tells; 0: time */
    bool measures;
    int code;
    uint8_t frame[FRAME_BYTES];
};

static volatile sig_atomic_t interrupted;

void bench_client_interrupt(void)
{
    interrupted = 1;
}

static void put(uint8_t *bytes, size_t *size, const struct msg *m)
{
    size_t added = 0;
    CHECK(codec_encode(bytes + *size, FRAME_BYTES - *size, m, &added) == 0);
    *size += added;
}

static void send_frame(struct bench_client *self, uint32_t i, size_t size)
{
    if (bus_send(self->bus, BUS_SERVICE, i, self->frame, size) != 0)
        self->code = args_fail("bench: a frame could not be sent");
}

/* ---- what comes back --------------------------------------------------------------- */

static void take_done(struct bench_client *self, const struct msg *body)
{
    if (body->kind == MSG_admin_rejected)
        self->code = args_fail("bench: refused, reason %u", body->admin_rejected.reason);
    self->done++;
}

static void take_outcome(struct bench_client *self, uint32_t i, const struct msg *body)
{
    if (!bench_flow_report(&self->flow, i, body))
        return;
    self->ended++;
    self->peers[i].ended++;
    if (self->measures && self->latency_count < LATENCIES_MAX)
        self->latencies[self->latency_count++] = clock_mono_ns() - self->frame_ns;
}

/* One message; two, if an account trades with itself. */
static void take_report(struct bench_client *self, uint32_t i, const struct msg *m)
{
    const struct msg_report *report = &m->report;
    size_t used = 0;
    for (size_t at = 0; at < report->body_size; at += used) {
        struct msg body MSG_UNSET;
        CHECK(codec_decode(report->body + at, report->body_size - at, &body, &used) == 0);
        if (i == ADMIN)
            take_done(self, &body);
        else
            take_outcome(self, i, &body);
    }
}

static void take_row(struct bench_client *self, const struct msg_row_service *row)
{
    if (row->source == -SERVICE_SETTLEMENT)
        self->settlement_lag = row->lag;
    if (row->source == -SERVICE_PORTFOLIO)
        self->portfolio_lag = row->lag;
    if (row->source == -SERVICE_SEQUENCER)
        self->log_next = row->next;
}

static void take_message(struct bench_client *self, uint32_t i, const struct msg *m)
{
    switch (m->kind) {
    case MSG_report:
        take_report(self, i, m);
        break;
    case MSG_opened:
        self->opened += self->peers[i].session == 0;
        self->peers[i].session = m->opened.session;
        break;
    case MSG_row_service:
        take_row(self, &m->row_service);
        break;
    case MSG_refused:
        if (self->opened == PEERS &&
            self->code == ARGS_OK) /* before, it is asked again */
            self->code = args_fail("bench: the load is refused: %s",
                                   error_name(-m->refused.reason));
        break;
    case MSG_goodbye:
        self->code = args_fail("bench: cut, reason %u", m->goodbye.reason);
        break;
    default:
        break;
    }
}

/* Takes all that is there; waits if that is nothing. */
static void receive(struct bench_client *self, uint32_t wait_ms)
{
    struct bus_frame frame;
    bool any = false;
    while (self->code == ARGS_OK && bus_receive(self->bus, &frame) == 1) {
        struct msg m MSG_UNSET;
        size_t used = 0;
        any = true;
        for (size_t at = 0; at < frame.size; at += used) {
            CHECK(codec_decode(frame.bytes + at, frame.size - at, &m, &used) == 0);
            take_message(self, frame.index, &m);
        }
    }
    if (!any && self->code == ARGS_OK)
        bus_wait(self->bus, wait_ms);
}

/* ---- sessions ---------------------------------------------------------------------- */

static void say_hello(struct bench_client *self, uint32_t i)
{
    struct msg m = {.kind = MSG_hello, .hello = {.account = self->peers[i].account}};
    size_t size = 0;
    put(self->frame, &size, &m);
    m = (struct msg){.kind = MSG_client_open, .client_open = {.nonce = i + 1}};
    put(self->frame, &size, &m);
    (void)bus_send(self->bus, BUS_SERVICE, i, self->frame, size); /* asked again */
}

static int open_sessions(struct bench_client *self, uint32_t first, uint32_t count)
{
    uint64_t end_ns = clock_mono_ns() + OPEN_MS * (uint64_t)CLOCK_MS_NS, again_ns = 0;
    uint32_t wanted = self->opened + count;
    while (self->opened < wanted && self->code == ARGS_OK) {
        uint64_t now_ns = clock_mono_ns();
        if (now_ns > end_ns)
            return args_fail("bench: the venue does not open sessions");
        for (uint32_t i = first; i < first + count && now_ns >= again_ns; i++)
            if (self->peers[i].session == 0)
                say_hello(self, i);
        if (now_ns >= again_ns)
            again_ns = now_ns + RETRY_MS * (uint64_t)CLOCK_MS_NS;
        receive(self, RETRY_MS / 10);
    }
    return self->code;
}

static void add_command(struct bench_client *self, struct peer *peer, size_t *size,
                        const uint8_t *body, uint32_t body_size)
{
    struct msg m MSG_UNSET;
    m.kind = MSG_command;
    m.command.session = peer->session;
    m.command.n = ++peer->n;
    m.command.body_size = (uint16_t)body_size;
    memcpy(m.command.body, body, body_size);
    put(self->frame, size, &m);
}

/* ---- the venue to trade in --------------------------------------------------------- */

static int operate(struct bench_client *self, const struct msg *command)
{
    uint8_t body[MESSAGE_BYTES_MAX];
    size_t size = 0, body_size = 0;
    uint32_t wanted = self->done + 1;
    uint64_t end_ns = clock_mono_ns() + SILENCE_MS * (uint64_t)CLOCK_MS_NS;
    CHECK(codec_encode(body, sizeof body, command, &body_size) == 0);
    add_command(self, &self->peers[ADMIN], &size, body, (uint32_t)body_size);
    send_frame(self, ADMIN, size);
    while (self->done < wanted && self->code == ARGS_OK) {
        receive(self, RETRY_MS);
        if (clock_mono_ns() > end_ns)
            return args_fail("bench: no outcome of an operator's command");
    }
    return self->code;
}

static int declare(struct bench_client *self)
{
    struct msg m MSG_UNSET;
    int code = ARGS_OK;
    for (uint32_t i = 0; code == ARGS_OK && bench_flow_venue(i, FIRST_ACCOUNT, &m); i++)
        code = operate(self, &m);
    return code;
}

/* ---- load -------------------------------------------------------------------------- */

static void send_orders(struct bench_client *self, uint32_t i, uint32_t count)
{
    uint8_t body[BODY_BYTES_MAX] MSG_UNSET;
    size_t size = 0;
    for (uint32_t k = 0; k < count; k++) {
        uint32_t body_size = bench_flow_next(&self->flow, i, body);
        add_command(self, &self->peers[i], &size, body, body_size);
    }
    self->frame_ns = clock_mono_ns();
    send_frame(self, i, size);
    self->sent += count;
    self->peers[i].sent += count;
}

static void ask_lags(struct bench_client *self)
{
    struct msg m = {
        .kind = MSG_query,
        .query = {.id = self->sent + 1, .kind = QUERY_KIND_STATUS, .limit = 1000}};
    size_t size = 0;
    put(self->frame, &size, &m);
    send_frame(self, ADMIN, size);
}

static void fill_windows(struct bench_client *self, const struct bench_load *load)
{
    uint32_t window = load->window / load->connections;
    for (uint32_t i = 0; i < load->connections; i++) {
        const struct peer *peer = &self->peers[i];
        while (peer->sent - peer->ended + load->per_frame <= window)
            send_orders(self, i, load->per_frame);
    }
}

/* Sends at least `count` commands, or until the time is over if that is 0; waits for
 * all. */
static int drive(struct bench_client *self, const struct bench_load *load, uint64_t count)
{
    uint64_t began_ns = clock_mono_ns(), heard_ns = began_ns, ended = self->ended;
    uint64_t end_ns = began_ns + load->time_ms * (uint64_t)CLOCK_MS_NS;
    uint64_t last = self->sent + count;
    bool more = true;
    while ((more || self->sent != self->ended) && self->code == ARGS_OK) {
        if (more)
            fill_windows(self, load);
        more = more && (count == 0 || self->sent < last);
        receive(self, RETRY_MS);
        uint64_t now_ns = clock_mono_ns();
        if (more && count == 0 && now_ns > end_ns) {
            more = false;
            ask_lags(self);
        }
        if (self->ended != ended)
            heard_ns = now_ns;
        ended = self->ended;
        uint64_t spent_ms = (now_ns - began_ns) / CLOCK_MS_NS;
        if (self->records_wanted != 0)
            progress_show(&self->progress, self->log_next, self->records_wanted);
        else if (spent_ms < load->time_ms)
            progress_show(&self->progress, spent_ms, load->time_ms);
        if (interrupted)
            return args_fail("bench: interrupted");
        if (now_ns - heard_ns > SILENCE_MS * (uint64_t)CLOCK_MS_NS)
            return args_fail("bench: %" PRIu64 " commands have no outcome",
                             self->sent - self->ended);
    }
    return self->code;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int bench_client_run(struct bench_client *self, const struct bench_load *load,
                     struct bench_result *result)
{
    uint64_t ended = self->ended, began_ns = clock_mono_ns();
    self->latency_count = 0;
    self->measures = load->window == 1;
    progress_begin(&self->progress, "ms");
    int code = drive(self, load, 0);
    progress_end(&self->progress);
    *result = (struct bench_result){.commands = self->ended - ended,
                                    .elapsed_ns = clock_mono_ns() - began_ns,
                                    .settlement_lag = self->settlement_lag,
                                    .portfolio_lag = self->portfolio_lag};
    if (code != ARGS_OK || self->latency_count == 0)
        return code;
    qsort(self->latencies, self->latency_count, sizeof *self->latencies, compare);
    result->p50_ns = self->latencies[self->latency_count / 2];
    result->p99_ns = self->latencies[self->latency_count * 99 / 100];
    return code;
}

int bench_client_fill(struct bench_client *self, const struct bench_load *load,
                      uint64_t records)
{
    int code = ARGS_OK;
    self->measures = false;
    self->records_wanted = records;
    progress_begin(&self->progress, "records");
    while (code == ARGS_OK && self->log_next < records)
        code = drive(self, load, 0);
    progress_end(&self->progress);
    self->records_wanted = 0;
    return code;
}

uint64_t bench_client_log_next(const struct bench_client *self)
{
    return self->log_next;
}

/* ---- life -------------------------------------------------------------------------- */

static int connect_all(struct bench_client *self, const char *address, void *context)
{
    struct bus_endpoint endpoints[PEERS];
    for (uint32_t i = 0; i < PEERS; i++) {
        self->peers[i].account = i == ADMIN ? ACCOUNT_ADMIN : FIRST_ACCOUNT + i;
        endpoints[i] = (struct bus_endpoint){.port = BUS_SERVICE,
                                             .index = i,
                                             .address = address,
                                             .frame_bytes_max = FRAME_BYTES_MAX_IN};
    }
    struct bus_options options = {
        .endpoints = endpoints, .endpoint_count = PEERS, .context = context};
    return bus_open(&self->bus, &options) == 0
               ? ARGS_OK
               : args_fail("bench: cannot connect to %s", address);
}

int bench_client_create(struct bench_client **out, const char *address, void *context,
                        uint64_t seed)
{
    static const struct bench_load preload = {.window = PRELOAD_WINDOW,
                                              .connections = BENCH_FLOW_ACCOUNTS,
                                              .per_frame = PRELOAD_FRAME};
    struct bench_client *self = calloc(1, sizeof *self);
    *out = self;
    CHECK(self != NULL);
    self->latencies = malloc(LATENCIES_MAX * sizeof *self->latencies);
    CHECK(self->latencies != NULL);
    bench_flow_init(&self->flow, seed);
    int code = connect_all(self, address, context);
    if (code == ARGS_OK)
        code = open_sessions(self, ADMIN, 1);
    if (code == ARGS_OK)
        code = declare(self);
    if (code == ARGS_OK)
        code = open_sessions(self, 0, BENCH_FLOW_ACCOUNTS);
    self->flow.only_rests = true;
    if (code == ARGS_OK)
        code = drive(self, &preload, PRELOAD);
    self->flow.only_rests = false;
    return code;
}

void bench_client_destroy(struct bench_client **destroyed)
{
    struct bench_client *self = *destroyed;
    if (self == NULL)
        return;
    bus_close(&self->bus);
    bench_flow_close(&self->flow);
    free(self->latencies);
    free(self);
    *destroyed = NULL;
}
