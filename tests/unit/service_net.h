/* service_net.h - a bus and a clock in memory, with loss, duplication and reordering,
 * that service_test links instead of the real ones.
 *
 * Owns:     frames under way and the registry of buses; a test resets them.
 * Units:    ns of the test's own clock; rates in 1/1000 of the frames.
 * Errors:   as common/bus.h.
 * Threads:  one.
 * Bounds:   NET_BUSES buses, NET_FRAMES frames to one bus; more are dropped.
 */
#ifndef SERVICE_NET_H
#define SERVICE_NET_H

#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/random.h"

enum {
    NET_BUSES = 16,
    NET_FRAMES = 4096,
};

struct net_frame {
    enum bus_port port;
    uint32_t index, peer;
    size_t size;
    uint8_t *bytes;
};

struct bus {
    uint32_t id; /* never used again: peers of an earlier life are gone */
    struct bus_endpoint endpoints[16];
    uint32_t endpoint_count, topic;
    struct net_frame frames[NET_FRAMES];
    uint32_t count;
    uint8_t *taken;
};

static struct {
    struct bus *buses[NET_BUSES];
    uint32_t next_id;
    uint32_t loss, duplication, reordering;
    struct random random;
    uint64_t now_ns, reconnects;
} net;

uint64_t clock_mono_ns(void)
{
    return net.now_ns;
}

uint64_t clock_wall_ns(void)
{
    return UINT64_C(1700000000000000000) + net.now_ns;
}

static bool net_chance(uint32_t rate)
{
    return random_below(&net.random, 1000) < rate;
}

static void net_enqueue(struct bus *to, struct net_frame frame, const void *bytes)
{
    if (to->count == NET_FRAMES)
        return;
    frame.bytes = malloc(frame.size);
    CHECK(frame.bytes != NULL);
    memcpy(frame.bytes, bytes, frame.size);
    uint32_t at = to->count++;
    if (at > 0 && net_chance(net.reordering))
        at = (uint32_t)random_below(&net.random, at);
    memmove(&to->frames[at + 1], &to->frames[at],
            (to->count - 1 - at) * sizeof to->frames[0]);
    to->frames[at] = frame;
}

static void net_deliver(struct bus *to, struct net_frame frame, const void *bytes)
{
    if (net_chance(net.loss))
        return;
    net_enqueue(to, frame, bytes);
    if (net_chance(net.duplication))
        net_enqueue(to, frame, bytes);
}

/* NULL if the bus has no such port. */
static const struct bus_endpoint *net_endpoint(const struct bus *bus, enum bus_port port,
                                               uint32_t index)
{
    for (uint32_t i = 0; i < bus->endpoint_count; i++) {
        if (bus->endpoints[i].port == port && bus->endpoints[i].index == index)
            return &bus->endpoints[i];
    }
    return NULL;
}

static bool net_is_at(const struct bus *bus, enum bus_port port, const char *address)
{
    const struct bus_endpoint *endpoint = net_endpoint(bus, port, 0);
    return endpoint != NULL && strcmp(endpoint->address, address) == 0;
}

int bus_open(struct bus **opened, const struct bus_options *options)
{
    struct bus *bus = calloc(1, sizeof *bus);
    CHECK(bus != NULL && options->endpoint_count <= 16);
    bus->id = ++net.next_id;
    bus->endpoint_count = options->endpoint_count;
    memcpy(bus->endpoints, options->endpoints,
           options->endpoint_count * sizeof bus->endpoints[0]);
    bus->topic = options->topic_stream;
    uint32_t slot = 0;
    while (net.buses[slot] != NULL)
        slot++;
    CHECK(slot < NET_BUSES);
    net.buses[slot] = bus;
    *opened = bus;
    return 0;
}

/* Frames get lost here, connections do not go stale. */
int bus_reconnect(struct bus *bus, enum bus_port port, uint32_t index)
{
    CHECK(net_endpoint(bus, port, index) != NULL);
    net.reconnects++;
    return 0;
}

void bus_close(struct bus **closed)
{
    struct bus *bus = *closed;
    if (bus == NULL)
        return;
    for (uint32_t i = 0; i < bus->count; i++)
        free(bus->frames[i].bytes);
    for (uint32_t i = 0; i < NET_BUSES; i++) {
        if (net.buses[i] == bus)
            net.buses[i] = NULL;
    }
    free(bus->taken);
    free(bus);
    *closed = NULL;
}

int bus_receive(struct bus *bus, struct bus_frame *frame)
{
    if (bus->count == 0)
        return 0;
    free(bus->taken);
    struct net_frame first = bus->frames[0];
    memmove(&bus->frames[0], &bus->frames[1], --bus->count * sizeof bus->frames[0]);
    bus->taken = first.bytes;
    *frame = (struct bus_frame){.port = first.port,
                                .index = first.index,
                                .peer = first.peer,
                                .bytes = first.bytes,
                                .size = first.size};
    return 1;
}

/* A peer's handle says which bus it is, and through which of its endpoints it spoke. */
static int net_answer(uint32_t peer, const void *bytes, size_t size)
{
    for (uint32_t i = 0; i < NET_BUSES; i++) {
        struct bus *to = net.buses[i];
        if (to == NULL || to->id != peer / 16)
            continue;
        const struct bus_endpoint *endpoint = &to->endpoints[peer % 16];
        struct net_frame frame = {endpoint->port, endpoint->index, 0, size, NULL};
        net_deliver(to, frame, bytes);
        return 0;
    }
    return ERR_NOT_FOUND;
}

/* Services and clients have each their door. */
int bus_send(struct bus *bus, enum bus_port port, uint32_t index_or_peer,
             const void *bytes, size_t size)
{
    if (port == BUS_SERVER || port == BUS_CLIENTS)
        return net_answer(index_or_peer, bytes, size);
    const struct bus_endpoint *from = net_endpoint(bus, port, index_or_peer);
    CHECK(from != NULL);
    uint32_t peer = bus->id * 16 + (uint32_t)(from - bus->endpoints);
    for (uint32_t i = 0; i < NET_BUSES; i++) {
        struct bus *to = net.buses[i];
        if (to == NULL)
            continue;
        struct net_frame frame = {BUS_SERVER, 0, peer, size, NULL};
        if (net_is_at(to, BUS_CLIENTS, from->address))
            frame.port = BUS_CLIENTS;
        else if (!net_is_at(to, BUS_SERVER, from->address))
            continue;
        net_deliver(to, frame, bytes);
        return 0;
    }
    return ERR_NOT_FOUND;
}

int bus_publish(struct bus *bus, uint32_t stream, const void *bytes, size_t size)
{
    const struct bus_endpoint *from = net_endpoint(bus, BUS_PUBLISHER, 0);
    CHECK(from != NULL);
    for (uint32_t i = 0; i < NET_BUSES; i++) {
        struct bus *to = net.buses[i];
        struct net_frame frame = {BUS_STREAM, 0, 0, size, NULL};
        if (to != NULL && to->topic == stream && net_is_at(to, BUS_STREAM, from->address))
            net_deliver(to, frame, bytes);
    }
    return 0;
}

void bus_rest(struct bus *bus, uint32_t timeout_us)
{
    (void)bus;
    net.now_ns += timeout_us * UINT64_C(1000);
}

void bus_wait(struct bus *bus, uint32_t timeout_ms)
{
    (void)bus;
    net.now_ns += timeout_ms * UINT64_C(1000000);
}

void bus_take_counts(struct bus *bus, struct bus_counts *counts)
{
    (void)bus;
    *counts = (struct bus_counts){.connected = 0};
}

void bus_wake(struct bus *bus)
{
    (void)bus;
}

void bus_drop_peer(struct bus *bus, uint32_t peer)
{
    (void)bus;
    (void)peer;
}

#endif
