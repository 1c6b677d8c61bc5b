/* bus.c - moves frames between a service and its sockets.
 *
 * libzmq's own poll asks every socket twice. Here one epoll holds the descriptors of all
 * sockets; such a descriptor is readable when the socket has something to look at, but
 * not after that was taken in by a send or receive. So a socket is `ready` from the
 * moment its descriptor was, or something was sent on it, until it had nothing to
 * receive.
 */
#include "common/bus.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zmq.h>

#include "common/bus_cut.h"
#include "common/bus_peer.h"
#include "common/bus_socket.h"
#include "common/bus_watch.h"
#include "common/bus_zap.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/error.h"

#define LOOK_INTERVAL   64 /* frames taken before the quiet sockets are looked at again */
#define REFUSED_MAX     64 /* passed over before others have their turn */
#define EVENTS_MAX      64
#define ROUTING_ID_SIZE 5 /* of the ids a ROUTER makes up: 0 and a number */

/* Who an epoll event is about, in its upper half; the channel in the lower. */
enum source { SOURCE_SOCKET, SOURCE_MONITOR, SOURCE_ZAP, SOURCE_WAKE };

struct channel {
    struct bus_socket socket;
    struct bus_endpoint endpoint;
    bool is_router, is_ready;
};

struct bus {
    struct bus_options options;
    void *context;
    bool owns_context;
    struct channel channels[BUS_PORTS_MAX];
    uint32_t channel_count;
    uint32_t next_channel; /* where the fair search goes on */
    uint32_t since_look;
    struct bus_peers *peers;
    struct bus_watch watch; /* the ROUTER's connections; no bus has two */
    struct bus_cuts cuts;
    void *zap;
    int poll, wake;
    bool is_woken;
    zmq_msg_t message; /* what the last frame borrows from */
    struct bus_counts counts;
};

static int watch(struct bus *bus, int descriptor, enum source source, uint32_t channel)
{
    struct epoll_event event = {.events = EPOLLIN,
                                .data.u64 = (uint64_t)source << 32 | channel};
    return epoll_ctl(bus->poll, EPOLL_CTL_ADD, descriptor, &event) == 0 ? 0 : ERR_IO;
}

/* Before the socket is closed: libzmq closes its descriptor later, on a thread of its
 * own. */
static void unwatch(struct bus *bus, void *socket)
{
    if (socket)
        epoll_ctl(bus->poll, EPOLL_CTL_DEL, bus_socket_descriptor(socket), NULL);
}

static int open_channel(struct bus *bus, uint32_t i)
{
    struct channel *channel = &bus->channels[i];
    struct bus_socket *socket = &channel->socket;
    int rc = bus_socket_open(socket, bus->context, &bus->options, &channel->endpoint);
    if (rc == 0)
        rc = watch(bus, bus_socket_descriptor(socket->socket), SOURCE_SOCKET, i);
    if (rc == 0 && socket->monitor)
        rc = watch(bus, bus_socket_descriptor(socket->monitor), SOURCE_MONITOR, i);
    /* libzmq signals a descriptor only to a reader that has found nothing before. */
    bus_socket_count(socket, &bus->counts, &bus->watch);
    channel->is_router =
        channel->endpoint.port == BUS_SERVER || channel->endpoint.port == BUS_CLIENTS;
    channel->is_ready = true;
    if (channel->is_router)
        bus_watch_begin(&bus->watch, socket->address, channel->endpoint.frame_bytes_max);
    return rc;
}

static int open_zap(struct bus *bus)
{
    bool needs_keys = false;
    for (uint32_t i = 0; i < bus->options.endpoint_count; i++)
        needs_keys |= bus_socket_needs_key(&bus->options, &bus->options.endpoints[i]);
    if (!needs_keys)
        return 0;
    int rc = bus_zap_open(&bus->zap, bus->context);
    return rc == 0 ? watch(bus, bus_socket_descriptor(bus->zap), SOURCE_ZAP, 0) : rc;
}

static int open_all(struct bus *bus)
{
    const struct bus_options *options = &bus->options;
    CHECK(options->endpoint_count <= BUS_PORTS_MAX);
    if (bus->poll < 0 || bus->wake < 0)
        return ERR_IO;
    if (!bus->peers || !bus->context)
        return ERR_MEMORY;
    int rc = watch(bus, bus->wake, SOURCE_WAKE, 0);
    if (rc == 0)
        rc = open_zap(bus);
    for (uint32_t i = 0; rc == 0 && i < options->endpoint_count; i++) {
        CHECK(options->endpoints[i].frame_bytes_max > 0);
        bus->channels[i].endpoint = options->endpoints[i];
        bus->channel_count++;
        rc = open_channel(bus, i);
    }
    return rc;
}

int bus_open(struct bus **out, const struct bus_options *options)
{
    *out = NULL;
    struct bus *bus = calloc(1, sizeof *bus);
    if (!bus)
        return ERR_MEMORY;
    bus->options = *options;
    bus->owns_context = options->context == NULL;
    bus->context = options->context ? options->context : bus_context_create(1);
    bus->peers = bus_peer_create();
    bus->poll = epoll_create1(EPOLL_CLOEXEC);
    bus->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    zmq_msg_init(&bus->message);
    int rc = open_all(bus);
    if (rc == 0)
        *out = bus;
    else
        bus_close(&bus);
    return rc;
}

void bus_close(struct bus **self)
{
    struct bus *bus = *self;
    if (!bus)
        return;
    *self = NULL;
    zmq_msg_close(&bus->message);
    for (uint32_t i = 0; i < bus->channel_count; i++)
        bus_socket_close(&bus->channels[i].socket);
    bus_zap_close(&bus->zap);
    if (bus->owns_context)
        bus_context_destroy(&bus->context);
    bus_peer_destroy(&bus->peers);
    if (bus->wake >= 0)
        close(bus->wake);
    if (bus->poll >= 0)
        close(bus->poll);
    free(bus);
}

static struct channel *find_channel(struct bus *bus, enum bus_port port, uint32_t index)
{
    for (uint32_t i = 0; i < bus->channel_count; i++) {
        const struct bus_endpoint *endpoint = &bus->channels[i].endpoint;
        if (endpoint->port == port && (port != BUS_SERVICE || endpoint->index == index))
            return &bus->channels[i];
    }
    return NULL;
}

const char *bus_address(const struct bus *bus, enum bus_port port)
{
    for (uint32_t i = 0; i < bus->channel_count; i++)
        if (bus->channels[i].endpoint.port == port)
            return bus->channels[i].socket.address;
    return NULL;
}

int bus_reconnect(struct bus *bus, enum bus_port port, uint32_t index)
{
    struct channel *channel = find_channel(bus, port, index);
    if (!channel || bus_socket_is_bound(port))
        return ERR_NOT_FOUND;
    bus_socket_count(&channel->socket, &bus->counts, &bus->watch);
    bus->counts.disconnected += channel->socket.connected;
    unwatch(bus, channel->socket.socket);
    unwatch(bus, channel->socket.monitor);
    bus_socket_close(&channel->socket);
    if (channel->endpoint.other_key) {
        const char *key = channel->endpoint.server_key;
        channel->endpoint.server_key = channel->endpoint.other_key;
        channel->endpoint.other_key = key;
    }
    return open_channel(bus, (uint32_t)(channel - bus->channels));
}

static void take_event(struct bus *bus, uint64_t about)
{
    struct channel *channel = &bus->channels[(uint32_t)about];
    uint64_t count;
    switch ((enum source)(about >> 32)) {
    case SOURCE_SOCKET:
        channel->is_ready = true;
        break;
    case SOURCE_MONITOR:
        bus_socket_count(&channel->socket, &bus->counts, &bus->watch);
        break;
    case SOURCE_ZAP:
        bus_zap_serve(bus->zap, &bus->options);
        break;
    case SOURCE_WAKE:
        bus->is_woken = read(bus->wake, &count, sizeof count) == sizeof count;
        break;
    }
}

static void look(struct bus *bus, int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(bus->poll, events, EVENTS_MAX, timeout_ms);
    for (int i = 0; i < count; i++)
        take_event(bus, events[i].data.u64);
    bus->since_look = 0;
}

/* Sends and subscriptions are taken in by asking; only frames need a receive. */
static bool has_frame(struct channel *channel)
{
    int events = 0;
    size_t size = sizeof events;
    zmq_getsockopt(channel->socket.socket, ZMQ_EVENTS, &events, &size);
    return channel->endpoint.port != BUS_PUBLISHER && (events & ZMQ_POLLIN);
}

void bus_drop_peer(struct bus *bus, uint32_t handle)
{
    struct bus_peer *peer = bus_peer_find(bus->peers, handle);
    if (!peer || peer->is_dropped)
        return;
    peer->is_dropped = true;
    bus_cut_add(&bus->cuts, &peer->connection, clock_mono_ns());
}

void bus_wait(struct bus *bus, uint32_t timeout_ms)
{
    const uint64_t now_ns = clock_mono_ns();
    bus_cut_look(&bus->cuts, now_ns);
    bus_watch_look(&bus->watch, now_ns);
    for (uint32_t i = 0; i < bus->channel_count; i++) {
        struct channel *channel = &bus->channels[i];
        if (channel->is_ready && has_frame(channel))
            return;
        channel->is_ready = false;
    }
    if (!bus->is_woken)
        look(bus, (int)timeout_ms);
    bus->is_woken = false;
}

void bus_rest(struct bus *bus, uint32_t timeout_us)
{
    struct pollfd wake = {.fd = bus->wake, .events = POLLIN};
    struct timespec timeout = {.tv_sec = timeout_us / 1000000,
                               .tv_nsec = (long)(timeout_us % 1000000) * 1000};
    (void)ppoll(&wake, 1, &timeout, NULL); /* the next bus_wait sees what woke it */
}

void bus_wake(struct bus *bus)
{
    int error = errno; /* a signal handler leaves it as it was */
    uint64_t one = 1;
    ssize_t size = write(bus->wake, &one, sizeof one);
    (void)size; /* fails only when it is awake 2^64 times over */
    errno = error;
}

/* The other parts of a message that is refused. */
static void discard_rest(struct bus *bus, struct channel *channel)
{
    while (zmq_msg_more(&bus->message))
        if (zmq_msg_recv(&bus->message, channel->socket.socket, ZMQ_DONTWAIT) < 0)
            return;
}

static void learn_connection(struct bus *bus, struct bus_connection *connection)
{
    socklen_t size = sizeof connection->address;
    connection->descriptor = zmq_msg_get(&bus->message, ZMQ_SRCFD);
    if (connection->descriptor >= 0 &&
        getpeername(connection->descriptor, (struct sockaddr *)&connection->address,
                    &size) != 0)
        connection->descriptor = -1;
}

/* The sender of the message just received; NULL if it may not send. An id that the peer
 * chose itself is refused: it could be taken over by another. */
static struct bus_peer *find_sender(struct bus *bus, const struct channel *channel,
                                    const uint8_t *id, int id_size)
{
    uint8_t i = (uint8_t)(channel - bus->channels);
    const char *user = "";
    uint32_t number;
    if (id_size != ROUTING_ID_SIZE || id[0] != 0)
        return NULL;
    memcpy(&number, id + 1, sizeof number);
    /* On the frame with the data: libzmq 4.3.4 forgets it on the routing id's. */
    if (channel->socket.needs_key && !(user = zmq_msg_gets(&bus->message, "User-Id")))
        return NULL;
    struct bus_peer *peer = bus_peer_find_id(bus->peers, i, number);
    if (peer && strcmp(peer->user, user) == 0)
        return peer->is_dropped ? NULL : peer;
    if (peer)
        bus_peer_remove(bus->peers, peer);
    uint8_t key[32] = {0};
    if (channel->socket.needs_key && !bus_key_decode(key, user))
        return NULL;
    peer = bus_peer_add(bus->peers, i, number);
    memcpy(peer->key, key, sizeof key);
    strncpy(peer->user, user, sizeof peer->user - 1);
    learn_connection(bus, &peer->connection);
    return peer;
}

/* Whether the message just received, after `id`, is one frame of an allowed size from a
 * peer that may send. */
static bool is_allowed(struct bus *bus, struct channel *channel, const uint8_t *id,
                       int id_size, struct bus_frame *frame)
{
    if (zmq_msg_more(&bus->message) ||
        zmq_msg_size(&bus->message) > channel->endpoint.frame_bytes_max)
        return false;
    *frame = (struct bus_frame){.port = channel->endpoint.port,
                                .index = channel->endpoint.index,
                                .bytes = zmq_msg_data(&bus->message),
                                .size = zmq_msg_size(&bus->message)};
    if (!channel->is_router)
        return true;
    const struct bus_peer *peer = find_sender(bus, channel, id, id_size);
    if (!peer)
        return false;
    frame->peer = peer->handle;
    bus_watch_spoken(&bus->watch, peer->connection.descriptor);
    memcpy(frame->key, peer->key, sizeof frame->key);
    return true;
}

/* Takes the next good frame of a socket. False: it has none, and is not ready any more;
 * or much that is refused, and is ready still. */
static bool take_frame(struct bus *bus, struct channel *channel, struct bus_frame *frame)
{
    void *socket = channel->socket.socket;
    bool has_head = channel->is_router || channel->endpoint.port == BUS_STREAM;
    if (channel->endpoint.port == BUS_PUBLISHER)
        return channel->is_ready = has_frame(channel);
    for (uint32_t refused = 0; refused < REFUSED_MAX; refused++) {
        uint8_t head[ROUTING_ID_SIZE];
        int head_size = 0;
        if (has_head)
            head_size = zmq_recv(socket, head, sizeof head, ZMQ_DONTWAIT);
        if (head_size < 0 || zmq_msg_recv(&bus->message, socket, ZMQ_DONTWAIT) < 0)
            return channel->is_ready = false;
        if (is_allowed(bus, channel, head, head_size, frame))
            return true;
        discard_rest(bus, channel);
        bus->counts.frames_refused++;
    }
    return false;
}

/* One round over the ready sockets, after the one served last. */
static bool take_next(struct bus *bus, struct bus_frame *frame, bool *was_ready)
{
    *was_ready = false;
    for (uint32_t n = 0; n < bus->channel_count; n++) {
        struct channel *channel = &bus->channels[bus->next_channel];
        bus->next_channel = (bus->next_channel + 1) % bus->channel_count;
        *was_ready |= channel->is_ready;
        if (channel->is_ready && take_frame(bus, channel, frame))
            return true;
    }
    return false;
}

int bus_receive(struct bus *bus, struct bus_frame *frame)
{
    bool was_ready;
    if (++bus->since_look > LOOK_INTERVAL)
        look(bus, 0);
    if (take_next(bus, frame, &was_ready))
        return 1;
    if (was_ready)
        return 0;
    look(bus, 0); /* asked again without a wait in between */
    return take_next(bus, frame, &was_ready);
}

/* A send may take in what the socket's descriptor told of: look at it again. */
static int send_part(struct channel *channel, const void *bytes, size_t size, int flags)
{
    channel->is_ready = true;
    if (zmq_send(channel->socket.socket, bytes, size, flags | ZMQ_DONTWAIT) >= 0)
        return 0;
    return errno == EAGAIN ? ERR_BUSY : ERR_NOT_FOUND;
}

static int send_to_peer(struct bus *bus, enum bus_port port, uint32_t handle,
                        const void *bytes, size_t size)
{
    struct bus_peer *peer = bus_peer_find(bus->peers, handle);
    if (!peer || peer->is_dropped)
        return ERR_NOT_FOUND;
    struct channel *channel = &bus->channels[peer->channel];
    if (channel->endpoint.port != port)
        return ERR_NOT_FOUND;
    uint8_t id[ROUTING_ID_SIZE] = {0};
    memcpy(id + 1, &peer->routing_id, sizeof peer->routing_id);
    int rc = send_part(channel, id, sizeof id, ZMQ_SNDMORE);
    if (rc == ERR_NOT_FOUND)
        bus_peer_remove(bus->peers, peer);
    return rc == 0 ? send_part(channel, bytes, size, 0) : rc;
}

int bus_send(struct bus *bus, enum bus_port port, uint32_t index_or_peer,
             const void *bytes, size_t size)
{
    int rc = ERR_NOT_FOUND;
    if (port == BUS_SERVER || port == BUS_CLIENTS) {
        rc = send_to_peer(bus, port, index_or_peer, bytes, size);
    } else {
        struct channel *channel = find_channel(bus, port, index_or_peer);
        if (channel)
            rc = send_part(channel, bytes, size, 0);
    }
    bus->counts.sends_dropped += rc != 0;
    return rc;
}

int bus_publish(struct bus *bus, uint32_t stream, const void *bytes, size_t size)
{
    struct channel *channel = find_channel(bus, BUS_PUBLISHER, 0);
    uint32_t topic = htobe32(stream);
    int rc =
        channel ? send_part(channel, &topic, sizeof topic, ZMQ_SNDMORE) : ERR_NOT_FOUND;
    if (rc == 0)
        rc = send_part(channel, bytes, size, 0);
    bus->counts.sends_dropped += rc != 0;
    return rc;
}

void bus_take_counts(struct bus *bus, struct bus_counts *counts)
{
    *counts = bus->counts;
    bus->counts = (struct bus_counts){0};
}
