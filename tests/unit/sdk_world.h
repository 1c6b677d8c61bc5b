/* sdk_world.h - a client, and gateways that say only what the test tells them to say.
 *
 * Owns:     sockets on loopback, the client, an outbox file; world_close frees them.
 * Units:    ms.
 * Errors:   cmocka assertions; what does not come within 5 s fails the test.
 * Threads:  one: waiting for the client's message lets the client run.
 * Bounds:   two gateways, WORLD_QUEUE messages waiting.
 */
#ifndef SDK_WORLD_H
#define SDK_WORLD_H

#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "common/error.h"
#include "proto/codec.h"
#include "proto/sample.h"
#include "sdk/include/zex.h"

enum { WORLD_GATEWAYS = 2, WORLD_QUEUE = 4096, WORLD_MS = 5000, SESSION = 1000 };

struct world_gateway {
    void *socket;
    char address[64];
    uint8_t peer[32]; /* who spoke last */
    size_t peer_size;
};

struct world {
    void *context;
    struct world_gateway gateways[WORLD_GATEWAYS];
    struct msg queue[WORLD_QUEUE];
    int from[WORLD_QUEUE]; /* which gateway */
    size_t first, count;
    struct zex_event events[WORLD_QUEUE];
    size_t event_first, event_count;
    struct zex_options options;
    char path[64];
    zex_client *client;
    int status; /* of the last wait */
    uint64_t nonces[2];
};

static inline uint64_t world_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000u + (uint64_t)t.tv_nsec / 1000000u;
}

static inline void world_take_frame(struct world *w, int index, const uint8_t *bytes,
                                    size_t size)
{
    while (size > 0) {
        size_t used = 0;
        assert_true(w->count < WORLD_QUEUE);
        struct msg *m = &w->queue[(w->first + w->count) % WORLD_QUEUE];
        assert_int_equal(codec_decode(bytes, size, m, &used), 0);
        w->from[(w->first + w->count) % WORLD_QUEUE] = index;
        w->count += m->kind != MSG_ping; /* they come when they come */
        bytes += used;
        size -= used;
    }
}

/* Lets the client run for a moment, then takes what it sent and what it tells. */
static inline void world_pump(struct world *w)
{
    struct zex_event event;
    w->status =
        w->client != NULL ? zex_client_wait(w->client, &event, 2) : ZEX_ERR_CLOSED;
    if (w->status == ZEX_OK) {
        assert_true(w->event_count < WORLD_QUEUE);
        event.bytes = NULL;
        w->events[(w->event_first + w->event_count++) % WORLD_QUEUE] = event;
    }
    for (int i = 0; i < WORLD_GATEWAYS; i++) {
        struct world_gateway *g = &w->gateways[i];
        static uint8_t bytes[1 << 20];
        int size;
        while ((size = zmq_recv(g->socket, g->peer, sizeof g->peer, ZMQ_DONTWAIT)) > 0) {
            g->peer_size = (size_t)size;
            size = zmq_recv(g->socket, bytes, sizeof bytes, 0);
            assert_true(size >= 0 && (size_t)size <= sizeof bytes);
            world_take_frame(w, i, bytes, (size_t)size);
        }
    }
}

/* The client's next message of this kind; others are dropped. */
static inline struct msg *world_expect(struct world *w, uint32_t kind)
{
    const uint64_t end = world_now_ms() + WORLD_MS;
    while (world_now_ms() < end) {
        while (w->count > 0) {
            struct msg *m = &w->queue[w->first];
            w->first = (w->first + 1) % WORLD_QUEUE;
            w->count--;
            if (m->kind == kind)
                return m;
        }
        world_pump(w);
    }
    fail_msg("the client never sent a %s", msg_name(kind));
    return NULL;
}

static inline const struct msg_command *world_expect_command(struct world *w,
                                                             uint64_t session, uint64_t n)
{
    for (;;) {
        const struct msg *m = world_expect(w, MSG_command);
        if (m->command.session == session && m->command.n == n)
            return &m->command;
    }
}

static inline const struct zex_event *world_expect_event(struct world *w,
                                                         enum zex_event_type type)
{
    const uint64_t end = world_now_ms() + WORLD_MS;
    while (world_now_ms() < end) {
        while (w->event_count > 0) {
            const struct zex_event *event = &w->events[w->event_first];
            w->event_first = (w->event_first + 1) % WORLD_QUEUE;
            w->event_count--;
            if (event->type == type)
                return event;
        }
        world_pump(w);
    }
    fail_msg("no event %d", type);
    return NULL;
}

static inline void world_say_bytes(struct world *w, int gateway, const uint8_t *bytes,
                                   size_t size)
{
    const struct world_gateway *g = &w->gateways[gateway];
    assert_true(g->peer_size > 0);
    assert_true(zmq_send(g->socket, g->peer, g->peer_size, ZMQ_SNDMORE) >= 0);
    assert_true(zmq_send(g->socket, bytes, size, 0) >= 0);
}

/* From the first gateway to whoever spoke to it last. */
static inline void world_say(struct world *w, const struct msg *m)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    assert_int_equal(codec_encode(bytes, sizeof bytes, m, &size), 0);
    world_say_bytes(w, 0, bytes, size);
}

static inline void world_accept(struct world *w, uint64_t session, uint64_t n,
                                uint64_t gseq)
{
    world_say(w, &(struct msg){.kind = MSG_accepted,
                               .accepted = {.session = session, .n = n, .gseq = gseq}});
}

static inline void world_refuse(struct world *w, uint64_t session, uint64_t n, int error,
                                uint64_t value)
{
    world_say(w, &(struct msg){.kind = MSG_refused,
                               .refused = {.session = session,
                                           .n = n,
                                           .reason = (uint16_t)error_number(error),
                                           .value = value}});
}

static inline void world_report(struct world *w, uint64_t gseq, uint64_t prev)
{
    struct msg body, m = {.kind = MSG_report};
    size_t size = 0;
    sample_fixed(&body, MSG_order_cancelled);
    assert_int_equal(codec_encode(m.report.body, sizeof m.report.body, &body, &size), 0);
    m.report.body_size = (uint16_t)size;
    m.report.gseq = gseq;
    m.report.prev = prev;
    world_say(w, &m);
}

static inline void world_beat(struct world *w, uint64_t last_gseq)
{
    world_say(w, &(struct msg){.kind = MSG_feed_heartbeat,
                               .feed_heartbeat = {.last_gseq = last_gseq, .head = 900}});
}

static inline void world_resumed(struct world *w, uint64_t last_gseq)
{
    world_say(w, &(struct msg){.kind = MSG_resumed,
                               .resumed = {.session = SESSION, .last_gseq = last_gseq}});
}

/* Answers both client_open: sessions SESSION and SESSION + 1. */
static inline void world_open_sessions(struct world *w)
{
    for (uint64_t i = 0; i < 2; i++) {
        w->nonces[i] = world_expect(w, MSG_client_open)->client_open.nonce;
        world_say(w, &(struct msg){.kind = MSG_opened,
                                   .opened = {.nonce = w->nonces[i],
                                              .session = SESSION + i,
                                              .account = 7}});
    }
    world_expect_event(w, ZEX_EVENT_OPENED);
}

static inline void world_connect(struct world *w)
{
    assert_int_equal(zex_client_new(&w->client, &w->options), ZEX_OK);
}

/* Sessions open, feed live after gseq 10. */
static inline void world_go_live(struct world *w)
{
    world_open_sessions(w);
    world_beat(w, 10);
    assert_int_equal(world_expect(w, MSG_resume)->resume.last_gseq, 10);
    world_resumed(w, 10);
    world_expect_event(w, ZEX_EVENT_LIVE);
}

static inline uint64_t world_place(struct world *w, int64_t price)
{
    uint64_t name = 0;
    const struct zex_order order = {.symbol = 1,
                                    .side = ZEX_SIDE_BUY,
                                    .type = ZEX_LIMIT,
                                    .time_in_force = ZEX_GTC,
                                    .price = price,
                                    .quantity = 5};
    assert_int_equal(zex_order_place(w->client, &order, &name), ZEX_OK);
    return name;
}

static inline void world_bind(struct world *w, int index)
{
    struct world_gateway *g = &w->gateways[index];
    const int none = 0;
    size_t size = sizeof g->address;
    g->socket = zmq_socket(w->context, ZMQ_ROUTER);
    assert_non_null(g->socket);
    zmq_setsockopt(g->socket, ZMQ_LINGER, &none, sizeof none);
    assert_int_equal(zmq_bind(g->socket, "tcp://127.0.0.1:*"), 0);
    assert_int_equal(zmq_getsockopt(g->socket, ZMQ_LAST_ENDPOINT, g->address, &size), 0);
    w->options.gateways[index] = g->address;
}

static inline int world_set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    snprintf(w->path, sizeof w->path, "/tmp/zex-outbox-XXXXXX");
    const int file = mkstemp(w->path);
    assert_true(file >= 0);
    close(file);
    w->context = zmq_ctx_new();
    zex_options_init(&w->options);
    w->options.account = 7;
    w->options.resend_ms = 60;
    w->options.outbox_path = w->path;
    for (int i = 0; i < WORLD_GATEWAYS; i++)
        world_bind(w, i);
    world_connect(w);
    *state = w;
    return 0;
}

static inline int world_tear_down(void **state)
{
    struct world *w = *state;
    zex_client_destroy(&w->client);
    for (int i = 0; i < WORLD_GATEWAYS; i++)
        zmq_close(w->gateways[i].socket);
    zmq_ctx_term(w->context);
    unlink(w->path);
    free(w);
    return 0;
}

#endif
