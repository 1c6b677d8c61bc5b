/* peer.h - a bare client of a running venue: sends any bytes, takes what comes back.
 *
 * Owns:     its socket; peer_close frees it.
 * Units:    ms.
 * Errors:   cmocka assertions.
 * Threads:  one.
 * Bounds:   answers within PEER_MS.
 */
#ifndef PEER_H
#define PEER_H

#include "tests/unit/unit.h"

#include <stdbool.h>
#include <string.h>
#include <zmq.h>

#include "common/clock.h"
#include "common/error.h"
#include "proto/codec.h"

enum { PEER_MS = 5000, PEER_QUEUE = 1024 };

struct peer {
    void *context, *socket;
    char address[256], server_key[41], public_key[41], secret_key[41];
    struct msg queue[PEER_QUEUE]; /* came and was not asked for yet */
    uint32_t first, count;
    uint32_t account;
    uint64_t session, n, name, query; /* last n used, last ClOrdID, last query's id */
};

static inline void peer_read(const char *directory, const char *name, const char *format,
                             char *first, char *second)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fail_msg("no %s", path);
    assert_int_equal(fscanf(file, format, first, second), second == NULL ? 1 : 2);
    fclose(file);
}

static inline void peer_connect(struct peer *p)
{
    const int none = 0;
    if (p->socket != NULL)
        zmq_close(p->socket);
    p->socket = zmq_socket(p->context, ZMQ_DEALER);
    zmq_setsockopt(p->socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(p->socket, ZMQ_CURVE_SERVERKEY, p->server_key, 41);
    zmq_setsockopt(p->socket, ZMQ_CURVE_PUBLICKEY, p->public_key, 41);
    zmq_setsockopt(p->socket, ZMQ_CURVE_SECRETKEY, p->secret_key, 41);
    assert_int_equal(zmq_connect(p->socket, p->address), 0);
    p->count = 0;
}

/* Connects with the key NAME of the venue's directory; no name: a key nobody knows. */
static inline void peer_open(struct peer *p, const char *directory, const char *name)
{
    char path[256];
    *p = (struct peer){.context = zmq_ctx_new(), .name = clock_wall_ns()};
    peer_read(directory, "gateways", " %255s", p->address, NULL);
    peer_read(directory, "keys/gateway.pub", " %40s", p->server_key, NULL);
    snprintf(path, sizeof path, "keys/%s.key", name != NULL ? name : "");
    if (name != NULL)
        peer_read(directory, path, " public %40s secret %40s", p->public_key,
                  p->secret_key);
    else
        assert_int_equal(zmq_curve_keypair(p->public_key, p->secret_key), 0);
    peer_connect(p);
}

static inline void peer_close(struct peer *p)
{
    zmq_close(p->socket);
    zmq_ctx_term(p->context);
}

static inline void peer_send_bytes(struct peer *p, const void *bytes, size_t size)
{
    assert_int_equal(zmq_send(p->socket, bytes, size, 0), (int)size);
}

static inline size_t peer_encode(uint8_t bytes[MESSAGE_BYTES_MAX], const struct msg *m)
{
    size_t size = 0;
    assert_int_equal(codec_encode(bytes, MESSAGE_BYTES_MAX, m, &size), 0);
    return size;
}

static inline void peer_send(struct peer *p, const struct msg *m)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    peer_send_bytes(p, bytes, peer_encode(bytes, m));
}

/* Waits at most so long for one frame; false if none comes. */
static inline bool peer_receive(struct peer *p, long timeout_ms)
{
    static uint8_t bytes[1 << 20];
    zmq_pollitem_t item = {.socket = p->socket, .events = ZMQ_POLLIN};
    if (zmq_poll(&item, 1, timeout_ms) <= 0)
        return false;
    const int size = zmq_recv(p->socket, bytes, sizeof bytes, 0);
    assert_true(size >= 0 && (size_t)size <= sizeof bytes);
    for (size_t at = 0, used = 0; at < (size_t)size; at += used) {
        struct msg *m = &p->queue[(p->first + p->count) % PEER_QUEUE];
        assert_int_equal(codec_decode(bytes + at, (size_t)size - at, m, &used), 0);
        if (p->count < PEER_QUEUE)
            p->count++;
        else
            p->first++; /* the oldest goes */
    }
    return true;
}

/* The next message of this kind within `timeout_ms`, or NULL; others are dropped. */
static inline const struct msg *peer_find(struct peer *p, uint32_t kind, long timeout_ms)
{
    const uint64_t end_ns = clock_mono_ns() + (uint64_t)timeout_ms * 1000000;
    do {
        while (p->count > 0) {
            const struct msg *m = &p->queue[p->first % PEER_QUEUE];
            p->first = (p->first + 1) % PEER_QUEUE;
            p->count--;
            if (m->kind == kind)
                return m;
        }
        peer_receive(p, 50);
    } while (clock_mono_ns() < end_ns || p->count > 0);
    return NULL;
}

static inline const struct msg *peer_expect(struct peer *p, uint32_t kind)
{
    const struct msg *m = peer_find(p, kind, PEER_MS);
    if (m == NULL)
        fail_msg("no %s came", msg_name(kind));
    return m;
}

static inline void peer_expect_refused(struct peer *p, int error, uint64_t value)
{
    const struct msg_refused *m = &peer_expect(p, MSG_refused)->refused;
    assert_string_equal(error_name(-(int)m->reason), error_name(error));
    if (value != 0)
        assert_int_equal(m->value, value);
}

/* A fresh session of the key's account. */
static inline void peer_begin(struct peer *p)
{
    peer_send(p, &(struct msg){.kind = MSG_client_open,
                               .client_open = {.nonce = clock_wall_ns()}});
    const struct msg_opened *opened = &peer_expect(p, MSG_opened)->opened;
    p->session = opened->session;
    p->account = opened->account;
    p->n = 0;
}

static inline void peer_command_bytes(struct peer *p, uint64_t n, const uint8_t *body,
                                      size_t size)
{
    struct msg m = {
        .kind = MSG_command,
        .command = {.session = p->session, .n = n, .body_size = (uint16_t)size}};
    memcpy(m.command.body, body, size);
    peer_send(p, &m);
}

static inline void peer_command(struct peer *p, uint64_t n, const struct msg *command)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    peer_command_bytes(p, n, bytes, peer_encode(bytes, command));
}

/* Sends under the next n and waits for its acceptance; the gseq. */
static inline uint64_t peer_do(struct peer *p, const struct msg *command)
{
    peer_command(p, ++p->n, command);
    for (;;) {
        const struct msg_accepted *m = &peer_expect(p, MSG_accepted)->accepted;
        if (m->session == p->session && m->n == p->n)
            return m->gseq;
    }
}

/* Asks until it is not too much at once; the answer, its rows wait. */
static inline const struct msg_answer *peer_ask(struct peer *p, struct msg_query query)
{
    for (;;) {
        query.id = ++p->query;
        query.limit = 1;
        peer_send(p, &(struct msg){.kind = MSG_query, .query = query});
        const struct msg_answer *m = &peer_expect(p, MSG_answer)->answer;
        if (m->id == query.id && m->reason != error_number(ERR_BUSY) &&
            m->reason != error_number(ERR_RATE))
            return m;
    }
}

/* The body of the next report of this kind. */
static inline void peer_expect_report(struct peer *p, uint32_t kind, struct msg *body)
{
    do {
        const struct msg_report *m = &peer_expect(p, MSG_report)->report;
        assert_int_equal(codec_decode_whole(m->body, m->body_size, body), 0);
    } while (body->kind != kind);
}

#endif
