/* bus_socket.c - options, CURVE and the monitor of a socket. */
#include "common/bus_socket.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zmq.h>

#include "common/bus_zap.h"
#include "common/error.h"

/* A CURVE frame is 33 bytes longer than what is in it, and the longest frame of a
 * handshake must pass too. The bus itself holds frames to the exact limit. */
#define WIRE_EXTRA_BYTES 64
#define WIRE_BYTES_MIN   1024

#define EVENTS                                                                           \
    (ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |       \
     ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |        \
     ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

struct option {
    int name, value;
};

/* No heartbeats of ZMTP: libzmq 4.3.4 aborts or loses messages with them. */
static const struct option common_options[] = {
    {ZMQ_LINGER, 0},
    {ZMQ_SNDHWM, BUS_HWM},
    {ZMQ_RCVHWM, BUS_HWM},
    {ZMQ_HANDSHAKE_IVL, 5000},
    {ZMQ_TCP_KEEPALIVE, 1},
    {ZMQ_TCP_KEEPALIVE_IDLE, 10},
    {ZMQ_TCP_KEEPALIVE_INTVL, 5},
    {ZMQ_TCP_KEEPALIVE_CNT, 3},
    {ZMQ_TCP_MAXRT, 10000},
};
static const struct option bound_options[] = {
    {ZMQ_BACKLOG, 1024},
};
static const struct option connected_options[] = {
    {ZMQ_IMMEDIATE, 1},
    {ZMQ_CONNECT_TIMEOUT, 1000}, /* to an address that nobody has any more */
    {ZMQ_RECONNECT_IVL, 100},
    {ZMQ_RECONNECT_IVL_MAX, 1000}, /* a restarted peer is found again within a second */
};
/* A reader that stands still is told no more after so many blocks: it fetches them when
 * it goes on. What waits for it is this process's memory. */
static const struct option publisher_options[] = {
    {ZMQ_SNDHWM, BUS_PUBLISHER_HWM},
};
static const struct option router_options[] = {
    {ZMQ_ROUTER_MANDATORY, 1},
};

static const int types[] = {
    [BUS_SERVER] = ZMQ_ROUTER, [BUS_PUBLISHER] = ZMQ_PUB, [BUS_CLIENTS] = ZMQ_ROUTER,
    [BUS_STREAM] = ZMQ_SUB,    [BUS_OWNER] = ZMQ_DEALER,  [BUS_SEQUENCER] = ZMQ_DEALER,
    [BUS_SERVICE] = ZMQ_DEALER};

bool bus_socket_is_bound(enum bus_port port)
{
    return port <= BUS_CLIENTS;
}

static bool is_inproc(const char *address)
{
    return strncmp(address, "inproc:", 7) == 0;
}

bool bus_socket_needs_key(const struct bus_options *options,
                          const struct bus_endpoint *endpoint)
{
    return bus_socket_is_bound(endpoint->port) && options->secret_key &&
           !is_inproc(endpoint->address);
}

static int set_options(void *socket, const struct option *options, size_t count)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++)
        rc = zmq_setsockopt(socket, options[i].name, &options[i].value, sizeof(int));
    return rc == 0 ? 0 : ERR_IO;
}

#define SET_OPTIONS(socket, options)                                                     \
    set_options(socket, options, sizeof(options) / sizeof *(options))

static int set_size_limit(void *socket, uint32_t frame_bytes_max)
{
    int64_t size = (int64_t)frame_bytes_max + WIRE_EXTRA_BYTES;
    if (size < WIRE_BYTES_MIN)
        size = WIRE_BYTES_MIN;
    return zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &size, sizeof size) == 0 ? 0 : ERR_IO;
}

static int set_key(void *socket, int name, const char *z85)
{
    uint8_t key[32];
    if (!z85 || !bus_key_decode(key, z85))
        return ERR_KEY;
    return zmq_setsockopt(socket, name, key, sizeof key) == 0 ? 0 : ERR_KEY;
}

static int set_server_curve(void *socket, const struct bus_options *options,
                            enum bus_port port)
{
    static const struct option server_options[] = {
        {ZMQ_CURVE_SERVER, 1},
    };
    const char *domain = bus_zap_domain(port);
    int rc = SET_OPTIONS(socket, server_options);
    if (rc == 0)
        rc = set_key(socket, ZMQ_CURVE_SECRETKEY, options->secret_key);
    if (rc == 0 && zmq_setsockopt(socket, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) != 0)
        rc = ERR_IO;
    return rc;
}

static int set_client_curve(void *socket, const struct bus_options *options,
                            const char *server_key)
{
    int rc = set_key(socket, ZMQ_CURVE_SERVERKEY, server_key);
    if (rc == 0)
        rc = set_key(socket, ZMQ_CURVE_PUBLICKEY, options->public_key);
    if (rc == 0)
        rc = set_key(socket, ZMQ_CURVE_SECRETKEY, options->secret_key);
    return rc;
}

static int configure(void *socket, const struct bus_options *options,
                     const struct bus_endpoint *endpoint)
{
    int rc = SET_OPTIONS(socket, common_options);
    if (rc == 0)
        rc = set_size_limit(socket, endpoint->frame_bytes_max);
    if (rc == 0 && bus_socket_is_bound(endpoint->port))
        rc = SET_OPTIONS(socket, bound_options);
    if (rc == 0 && !bus_socket_is_bound(endpoint->port))
        rc = SET_OPTIONS(socket, connected_options);
    if (rc == 0 && types[endpoint->port] == ZMQ_ROUTER)
        rc = SET_OPTIONS(socket, router_options);
    if (rc == 0 && endpoint->port == BUS_PUBLISHER)
        rc = SET_OPTIONS(socket, publisher_options);
    if (rc == 0 && bus_socket_needs_key(options, endpoint))
        rc = set_server_curve(socket, options, endpoint->port);
    if (rc == 0 && endpoint->server_key && !is_inproc(endpoint->address))
        rc = set_client_curve(socket, options, endpoint->server_key);
    if (rc != 0 || endpoint->port != BUS_STREAM)
        return rc;
    uint32_t topic = htobe32(options->topic_stream);
    return zmq_setsockopt(socket, ZMQ_SUBSCRIBE, &topic, sizeof topic) == 0 ? 0 : ERR_IO;
}

/* The monitor's address must be unique in the context: the socket's own is. */
static int open_monitor(struct bus_socket *self, void *context)
{
    char address[64];
    snprintf(address, sizeof address, "inproc://bus.monitor.%p", self->socket);
    if (zmq_socket_monitor(self->socket, address, EVENTS) != 0)
        return ERR_IO;
    self->monitor = zmq_socket(context, ZMQ_PAIR);
    if (!self->monitor || SET_OPTIONS(self->monitor, common_options) != 0 ||
        zmq_connect(self->monitor, address) != 0)
        return ERR_IO;
    return 0;
}

static int attach(struct bus_socket *self, const struct bus_endpoint *endpoint)
{
    size_t size = sizeof self->address;
    int rc = bus_socket_is_bound(endpoint->port)
                 ? zmq_bind(self->socket, endpoint->address)
                 : zmq_connect(self->socket, endpoint->address);
    if (rc != 0)
        return errno == EADDRINUSE ? ERR_ADDRESS_IN_USE : ERR_IO;
    rc = zmq_getsockopt(self->socket, ZMQ_LAST_ENDPOINT, self->address, &size);
    return rc == 0 ? 0 : ERR_IO;
}

int bus_socket_open(struct bus_socket *self, void *context,
                    const struct bus_options *options,
                    const struct bus_endpoint *endpoint)
{
    *self = (struct bus_socket){.needs_key = bus_socket_needs_key(options, endpoint)};
    self->socket = zmq_socket(context, types[endpoint->port]);
    if (!self->socket)
        return ERR_IO;
    int rc = configure(self->socket, options, endpoint);
    if (rc == 0 && !is_inproc(endpoint->address))
        rc = open_monitor(self, context);
    if (rc == 0)
        rc = attach(self, endpoint);
    if (rc != 0)
        bus_socket_close(self);
    return rc;
}

void bus_socket_close(struct bus_socket *self)
{
    if (self->monitor) {
        zmq_socket_monitor(self->socket, NULL, 0);
        zmq_close(self->monitor);
    }
    if (self->socket)
        zmq_close(self->socket);
    self->monitor = self->socket = NULL;
}

/* The end of a connection. libzmq tells it of those whose handshake failed, too. */
static void count_end(struct bus_socket *self, struct bus_counts *counts)
{
    if (self->failed > 0) {
        self->failed--;
    } else if (self->connected > 0) {
        self->connected--;
        counts->disconnected++;
    }
}

static void count(struct bus_socket *self, uint16_t kind, struct bus_counts *counts)
{
    if (kind == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
        self->connected++;
        counts->connected++;
    } else if (kind == ZMQ_EVENT_DISCONNECTED) {
        count_end(self, counts);
    } else {
        self->failed++;
        counts->handshakes_failed++;
    }
}

void bus_socket_count(struct bus_socket *self, struct bus_counts *counts,
                      struct bus_watch *watch)
{
    uint8_t event[6], address[BUS_SOCKET_ADDRESS_MAX];
    while (self->monitor &&
           zmq_recv(self->monitor, event, sizeof event, ZMQ_DONTWAIT) == sizeof event) {
        uint16_t kind;
        int32_t value;
        memcpy(&kind, event, sizeof kind);
        memcpy(&value, event + sizeof kind, sizeof value);
        zmq_recv(self->monitor, address, sizeof address, ZMQ_DONTWAIT);
        if (kind == ZMQ_EVENT_ACCEPTED)
            bus_watch_add(watch, value);
        else
            count(self, kind, counts);
    }
}

int bus_socket_descriptor(void *socket)
{
    int descriptor = -1;
    size_t size = sizeof descriptor;
    zmq_getsockopt(socket, ZMQ_FD, &descriptor, &size);
    return descriptor;
}
