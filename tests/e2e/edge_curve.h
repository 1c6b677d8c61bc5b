/* edge_curve.h - a CurveZMQ client by hand (RFC 26), to say what libzmq's would not.
 *
 * Owns:     its connection; edge_curve_close ends it.
 * Units:    bytes.
 * Errors:   cmocka assertions while it connects; later the other end may be gone.
 * Threads:  one.
 * Bounds:   frames of EDGE_CURVE_MAX.
 */
#ifndef EDGE_CURVE_H
#define EDGE_CURVE_H

#include "proto/big_endian.h"
#include "tests/e2e/edge.h"

#include <sodium.h>

enum { EDGE_CURVE_MAX = 60000, EDGE_CURVE_MORE = 1 };

struct edge_curve {
    int fd;
    uint64_t nonce;
    uint8_t key[32], secret[32]; /* of this connection */
    uint8_t shared[32];          /* with the server's of this connection */
};

/* Box with the nonce PREFIX and what follows it there. */
static inline void edge_curve_box(uint8_t *box, const uint8_t *plain, size_t size,
                                  const char *prefix, const uint8_t *tail,
                                  const uint8_t public[32], const uint8_t secret[32])
{
    uint8_t nonce[24];
    const size_t head = strlen(prefix);
    memcpy(nonce, prefix, head);
    memcpy(nonce + head, tail, sizeof nonce - head);
    assert_int_equal(crypto_box_easy(box, plain, size, nonce, public, secret), 0);
}

static inline void edge_curve_count(struct edge_curve *c, uint8_t nonce[8])
{
    c->nonce++;
    big_endian_put(nonce, c->nonce, 8);
}

/* All of it, however slowly the other end reads; false: it is gone, or EDGE_MS over. */
static inline bool edge_curve_write(const struct edge_curve *c, const uint8_t *bytes,
                                    size_t size)
{
    for (size_t at = 0; at < size;) {
        struct pollfd p = {.fd = c->fd, .events = POLLOUT};
        if (poll(&p, 1, EDGE_MS) != 1)
            return false;
        const ssize_t written = send(c->fd, bytes + at, size - at, MSG_NOSIGNAL);
        if (written < 0 && errno != EAGAIN)
            return false;
        at += written > 0 ? (size_t)written : 0;
    }
    return true;
}

static inline void edge_curve_read(const struct edge_curve *c, uint8_t *bytes,
                                   size_t size)
{
    for (size_t at = 0; at < size;) {
        struct pollfd p = {.fd = c->fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, EDGE_MS), 1);
        const ssize_t came = recv(c->fd, bytes + at, size - at, 0);
        assert_true(came > 0);
        at += (size_t)came;
    }
}

static inline void edge_curve_hello(struct edge_curve *c, const uint8_t server[32])
{
    static const uint8_t zeros[64];
    uint8_t hello[202] = "\x04\xc8\5HELLO\1";
    edge_curve_count(c, hello + 114);
    memcpy(hello + 82, c->key, 32);
    edge_curve_box(hello + 122, zeros, sizeof zeros, "CurveZMQHELLO---", hello + 114,
                   server, c->secret);
    assert_true(edge_curve_write(c, hello, sizeof hello));
}

/* The server's key of this connection, and its cookie. */
static inline void edge_curve_welcome(struct edge_curve *c, const uint8_t server[32],
                                      uint8_t answer[128])
{
    uint8_t welcome[170], nonce[24] = "WELCOME-";
    edge_curve_read(c, welcome, sizeof welcome);
    assert_memory_equal(welcome, "\x04\xa8\7WELCOME", 10);
    memcpy(nonce + 8, welcome + 10, 16);
    assert_int_equal(
        crypto_box_open_easy(answer, welcome + 26, 144, nonce, server, c->secret), 0);
}

static inline void edge_curve_initiate(struct edge_curve *c, const struct peer *keys,
                                       const uint8_t server[32],
                                       const uint8_t answer[128], const char *routing_id,
                                       uint8_t id_size)
{
    uint8_t frame[512] = "\x06\0\0\0\0\0\0\0\0\x08INITIATE", plain[320], vouch[64];
    uint8_t own[32], secret[32];
    assert_true(zmq_z85_decode(own, keys->public_key) != NULL &&
                zmq_z85_decode(secret, keys->secret_key) != NULL);
    memcpy(plain, own, 32);
    randombytes_buf(plain + 32, 16);
    memcpy(vouch, c->key, 32);
    memcpy(vouch + 32, server, 32);
    edge_curve_box(plain + 48, vouch, sizeof vouch, "VOUCH---", plain + 32, answer,
                   secret);
    memcpy(plain + 128, "\xbSocket-Type\0\0\0\6DEALER\x8Identity\0\0", 34);
    plain[128 + 34] = id_size;
    memcpy(plain + 128 + 35, routing_id, id_size);
    const size_t size = 128 + 35 + id_size, body = 9 + 96 + 8 + 16 + size;
    frame[7] = (uint8_t)(body >> 8);
    frame[8] = (uint8_t)body;
    memcpy(frame + 18, answer + 32, 96);
    edge_curve_count(c, frame + 114);
    edge_curve_box(frame + 122, plain, size, "CurveZMQINITIATE", frame + 114, answer,
                   c->secret);
    assert_true(edge_curve_write(c, frame, 9 + body));
}

/* Connects as the peer's key would, under a routing id of its own choice. */
static inline void edge_curve_open(struct edge_curve *c, const struct peer *keys,
                                   const char *routing_id, uint8_t id_size)
{
    uint8_t greeting[EDGE_GREETING], server[32], answer[128];
    *c = (struct edge_curve){.fd = edge_connect(edge_port(keys->address))};
    assert_non_null(zmq_z85_decode(server, keys->server_key));
    crypto_box_keypair(c->key, c->secret);
    edge_greeting(greeting, "CURVE");
    assert_true(edge_curve_write(c, greeting, sizeof greeting));
    edge_curve_read(c, greeting, sizeof greeting);
    edge_curve_hello(c, server);
    edge_curve_welcome(c, server, answer);
    assert_int_equal(crypto_box_beforenm(c->shared, answer, c->secret), 0);
    edge_curve_initiate(c, keys, server, answer, routing_id, id_size);
}

/* READY has come: the other end has let us in. */
static inline void edge_curve_ready(const struct edge_curve *c)
{
    uint8_t head[8];
    edge_curve_read(c, head, sizeof head);
    assert_memory_equal(head + 2, "\5READY", 6);
}

/* One frame; `flags`: EDGE_CURVE_MORE. */
static inline bool edge_curve_send(struct edge_curve *c, uint8_t flags, const void *bytes,
                                   size_t size)
{
    static uint8_t frame[EDGE_CURVE_MAX + 64], plain[EDGE_CURVE_MAX + 1];
    uint8_t nonce[24] = "CurveZMQMESSAGEC";
    const uint64_t body = 8 + 8 + 16 + 1 + size;
    assert_true(size <= EDGE_CURVE_MAX);
    plain[0] = flags;
    memcpy(plain + 1, bytes, size);
    frame[0] = 2;
    big_endian_put(frame + 1, body, 8);
    memcpy(frame + 9, "\7MESSAGE", 8);
    edge_curve_count(c, frame + 17);
    memcpy(nonce + 16, frame + 17, 8);
    crypto_box_easy_afternm(frame + 25, plain, size + 1, nonce, c->shared);
    return edge_curve_write(c, frame, 9 + body);
}

static inline void edge_curve_close(struct edge_curve *c)
{
    close(c->fd);
}

#endif
