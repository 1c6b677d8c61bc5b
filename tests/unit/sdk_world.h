/* sdk_world.h - a client, and gateways that say only what the test tells them to say.
 *
 * Owns:     the client, an outbox file; world_tear_down frees them.
 * Units:    ms, of the line's own clock.
 * Errors:   cmocka assertions; what does not come within WORLD_MS fails the test.
 * Threads:  one: waiting for the client's message lets the client run.
 * Bounds:   two gateways, WORLD_QUEUE messages waiting.
 */
#ifndef SDK_WORLD_H
#define SDK_WORLD_H

#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "proto/codec.h"
#include "proto/sample.h"
#include "sdk/include/zex.h"
#include "tests/unit/sdk_line.h"

enum { WORLD_GATEWAYS = 2, WORLD_QUEUE = 4096, WORLD_MS = 30000, SESSION = 1000 };

static const char *const world_addresses[WORLD_GATEWAYS] = {"first", "second"};

struct world {
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

static struct world *world_listening; /* to what the client sends */

static inline void world_take(const char *address, const uint8_t *bytes, size_t size)
{
    struct world *w = world_listening;
    while (size > 0) {
        size_t used = 0;
        assert_true(w->count < WORLD_QUEUE);
        const size_t at = (w->first + w->count) % WORLD_QUEUE;
        assert_int_equal(codec_decode(bytes, size, &w->queue[at], &used), 0);
        w->from[at] = strcmp(address, world_addresses[1]) == 0;
        w->count += w->queue[at].kind != MSG_ping; /* they come when they come */
        bytes += used;
        size -= used;
    }
}

/* Lets the client run for a moment, and takes what it tells. */
static inline void world_pump(struct world *w)
{
    struct zex_event event;
    line.now_ms++; /* whatever the client does */
    w->status =
        w->client != NULL ? zex_client_wait(w->client, &event, 2) : ZEX_ERR_CLOSED;
    if (w->status == ZEX_OK) {
        assert_true(w->event_count < WORLD_QUEUE);
        event.bytes = NULL;
        w->events[(w->event_first + w->event_count++) % WORLD_QUEUE] = event;
    }
}

/* The client's next message of this kind; others are dropped. */
static inline struct msg *world_expect(struct world *w, uint32_t kind)
{
    const uint64_t end = line.now_ms + WORLD_MS;
    while (line.now_ms < end) {
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
    const uint64_t end = line.now_ms + WORLD_MS;
    while (line.now_ms < end) {
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

static inline void world_say_bytes(int gateway, const uint8_t *bytes, size_t size)
{
    line_say(world_addresses[gateway], bytes, size);
}

/* From the first gateway. */
static inline void world_say(const struct msg *m)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    assert_int_equal(codec_encode(bytes, sizeof bytes, m, &size), 0);
    world_say_bytes(0, bytes, size);
}

static inline void world_accept(uint64_t session, uint64_t n, uint64_t gseq)
{
    world_say(&(struct msg){.kind = MSG_accepted,
                            .accepted = {.session = session, .n = n, .gseq = gseq}});
}

static inline void world_refuse(uint64_t session, uint64_t n, int error, uint64_t value)
{
    world_say(&(struct msg){.kind = MSG_refused,
                            .refused = {.session = session,
                                        .n = n,
                                        .reason = (uint16_t)error_number(error),
                                        .value = value}});
}

static inline void world_report(uint64_t gseq, uint64_t prev)
{
    struct msg body, m = {.kind = MSG_report};
    size_t size = 0;
    sample_fixed(&body, MSG_order_cancelled);
    assert_int_equal(codec_encode(m.report.body, sizeof m.report.body, &body, &size), 0);
    m.report.body_size = (uint16_t)size;
    m.report.gseq = gseq;
    m.report.prev = prev;
    world_say(&m);
}

static inline void world_beat(uint64_t last_gseq)
{
    world_say(&(struct msg){.kind = MSG_feed_heartbeat,
                            .feed_heartbeat = {.last_gseq = last_gseq, .head = 900}});
}

static inline void world_resumed(uint64_t last_gseq)
{
    world_say(&(struct msg){.kind = MSG_resumed,
                            .resumed = {.session = SESSION, .last_gseq = last_gseq}});
}

/* Answers both client_open: sessions SESSION and SESSION + 1. */
static inline void world_open_sessions(struct world *w)
{
    for (uint64_t i = 0; i < 2; i++) {
        w->nonces[i] = world_expect(w, MSG_client_open)->client_open.nonce;
        world_say(&(struct msg){
            .kind = MSG_opened,
            .opened = {.nonce = w->nonces[i], .session = SESSION + i, .account = 7}});
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
    world_beat(10);
    world_expect_event(w, ZEX_EVENT_LIVE);
}

/* The same, and a report is missing: the client asks for what comes after gseq 10. */
static inline void world_miss(struct world *w)
{
    world_go_live(w);
    world_beat(30);
    assert_int_equal(world_expect(w, MSG_resume)->resume.last_gseq, 10);
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

static inline int world_set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    snprintf(w->path, sizeof w->path, "/tmp/zex-outbox-XXXXXX");
    const int file = mkstemp(w->path);
    assert_true(file >= 0);
    close(file);
    zex_options_init(&w->options);
    w->options.account = 7;
    w->options.resend_ms = 60;
    w->options.outbox_path = w->path;
    for (int i = 0; i < WORLD_GATEWAYS; i++)
        w->options.gateways[i] = world_addresses[i];
    world_listening = w;
    line.now_ms = 1000000;
    line.sent = world_take;
    world_connect(w);
    *state = w;
    return 0;
}

static inline int world_tear_down(void **state)
{
    struct world *w = *state;
    zex_client_destroy(&w->client);
    unlink(w->path);
    free(w);
    return 0;
}

#endif
