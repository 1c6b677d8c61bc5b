/* bus.h - sockets: the only way bytes enter or leave a service; bus*.c alone have
 * <zmq.h>.
 *
 * A bus belongs to one service. Its ports are fixed by the service's place in the picture
 * of services/README.md. A message is one frame of data (plus the routing frame a ROUTER
 * adds and the topic frame of PUB/SUB, both hidden here).
 *
 * Owns:     its sockets, the ZAP answers of its context, peers' routing ids.
 * Units:    bytes, milliseconds.
 * Errors:   open: ERR_ADDRESS_IN_USE, ERR_IO; send: ERR_BUSY (queue full), ERR_NOT_FOUND
 *           (peer gone): the caller drops, the protocol resends.
 * Threads:  one, except bus_wake. All buses of one process share a zmq context.
 * Bounds:   frames up to the port's size limit, queues of BUS_HWM messages, of
 *           BUS_PUBLISHER_HWM for each reader of a stream.
 *
 * The simulator links another implementation of this header (tests/sim/network.c).
 */
#ifndef BUS_H
#define BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUS_HWM           10000
#define BUS_PUBLISHER_HWM 1000
#define BUS_PORTS_MAX     80

enum bus_port {
    BUS_SERVER,    /* ROUTER, bound: peers' requests (FETCH, QUERY, SUBMIT, CHECKIN) */
    BUS_PUBLISHER, /* PUB, bound: pushes and heads of streams this service owns */
    BUS_CLIENTS,   /* ROUTER, bound: the gateway's public socket, with CURVE and ZAP */
    BUS_STREAM,    /* SUB, connected to the owner of the input stream */
    BUS_OWNER,     /* DEALER to the server of the owner of the input stream: FETCH */
    BUS_SEQUENCER, /* DEALER to the sequencer's server: CHECKIN, SUBMIT */
    BUS_SERVICE,   /* + n: DEALER to another service's server: the gateway's queries */
};

struct bus;

struct bus_endpoint {
    enum bus_port port;
    uint32_t index;      /* BUS_SERVICE: service number of types.def; else 0 */
    const char *address; /* tcp://..., inproc://... */
    const char
        *server_key; /* Z85 public key of the server to connect to; NULL: no CURVE */
    const char
        *other_key; /* while it is being replaced: each reconnect takes the other */
    uint32_t frame_bytes_max;
};

struct bus_options {
    void *context; /* shared zmq context; NULL: the bus makes its own */
    const struct bus_endpoint *endpoints;
    uint32_t endpoint_count;
    const char *secret_key; /* Z85, this service's own; NULL: no CURVE on its sockets */
    const char *public_key;
    uint32_t topic_stream; /* BUS_STREAM subscribes to this stream */
    /* Asked at each CURVE handshake, on the thread that calls bus_receive: may this key
     * come in at this port? NULL: none may. One bus of a context can have ports with
     * CURVE. */
    bool (*admit)(void *argument, enum bus_port port, const uint8_t key[32]);
    /* Which service's key is that? Its source. The bus does not ask:
     * the harness does, for frames at BUS_SERVER. */
    int64_t (*identify)(void *argument, const uint8_t key[32]);
    void *argument;
};

struct bus_frame {
    enum bus_port port;
    uint32_t index;       /* BUS_SERVICE: which */
    uint32_t peer;        /* BUS_SERVER, BUS_CLIENTS: handle of the connection */
    uint8_t key[32];      /* the key the peer proved; zeros without CURVE */
    const uint8_t *bytes; /* borrowed until the next bus_receive */
    size_t size;
};

int bus_open(struct bus **, const struct bus_options *);
void bus_close(struct bus **);

/* Takes one frame that is there, in a fair order over the ports. 1, or 0 if there is
 * none. */
int bus_receive(struct bus *, struct bus_frame *);

/* Sends one frame: to `peer` on BUS_SERVER and BUS_CLIENTS, to the one at the other end
 * elsewhere (`index` for BUS_SERVICE). Copies, never blocks. */
int bus_send(struct bus *, enum bus_port, uint32_t index_or_peer, const void *bytes,
             size_t size);

/* Publishes one frame under the stream's topic. */
int bus_publish(struct bus *, uint32_t stream, const void *bytes, size_t size);

/* Waits until something is there, bus_wake was called, or the time is over. */
void bus_wait(struct bus *, uint32_t timeout_ms);

/* Waits until bus_wake was called or the time is over, and lets frames gather. */
void bus_rest(struct bus *, uint32_t timeout_us);

/* From a signal handler or another thread: ends a bus_wait or a bus_rest. */
void bus_wake(struct bus *);

/* Takes no more frames from a peer and sends it none. Its connection is cut a
 * moment later, so that what was sent to it before gets out. */
void bus_drop_peer(struct bus *, uint32_t peer);

/* Replaces the socket of a connected port whose peer has gone silent: a half-dead
 * connection is not noticed otherwise. What was queued on it is lost. */
int bus_reconnect(struct bus *, enum bus_port, uint32_t index);

/* Address a bound port got (for port 0). */
const char *bus_address(const struct bus *, enum bus_port);

/* Events since the last call, for metrics: handshakes failed, connections made and lost.
 */
struct bus_counts {
    uint64_t connected, disconnected, handshakes_failed, sends_dropped, frames_refused;
};
void bus_take_counts(struct bus *, struct bus_counts *);

/* A zmq context for services that share a process; NULL: out of memory. */
void *bus_context_create(uint32_t io_threads);
void bus_context_destroy(void **);

/* CURVE keys in Z85 (41 bytes with the NUL). */
void bus_key_create(char public_key[41], char secret_key[41]);
bool bus_key_decode(uint8_t key[32], const char *z85);
void bus_key_encode(char z85[41], const uint8_t key[32]);

#endif
