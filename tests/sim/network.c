/* network.c - links, and a heap of frames under way to each bus. */
#include "tests/sim/network.h"

#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/error.h"
#include "proto/digest.h"
#include "tests/sim/marks.h"
#include "tests/sim/power.h"
#include "tests/sim/transcript.h"

enum {
    BUSES = 48,
    ENDPOINTS = 12,
    LINKS = 512,
    RECONNECT_MS_MAX = 120,
    DEAD_DOWN = 1,
    DEAD_UP = 2,
};

struct frame {
    uint64_t at_ns, order; /* due; of two at once the first sent */
    uint32_t handle;       /* of the connection it was sent on */
    uint32_t link, from;
    bool is_flushed; /* its sender died, and its kernel sent it all the same */
    enum bus_port port;
    uint32_t index, peer;
    uint32_t size;
    uint8_t *bytes;
};

struct bus {
    uint32_t id, node;
    struct bus_endpoint endpoints[ENDPOINTS];
    uint32_t endpoint_count, topic;
    bool is_orphan;
    struct frame *heap;
    uint32_t count, capacity;
    uint8_t *taken;
};

struct link {
    struct bus *client, *server; /* server NULL: not connected */
    const struct bus_endpoint *endpoint;
    enum bus_port server_port;
    uint32_t handle; /* new at each connection, 0: none */
    uint64_t retry_ns;
    uint32_t dead; /* DEAD_*: what is sent that way vanishes, until it connects anew */
    uint64_t last_ns[2]; /* when the last frame of each direction is due */
};

static struct {
    struct bus *buses[BUSES];
    struct link links[LINKS];
    uint32_t link_count, next_id, next_handle, node;
    uint64_t next_order, trace;
    uint64_t cut_until_ns[NETWORK_NODES][NETWORK_NODES];
    struct network_weather weather;
    struct random random;
} net;

/* ---- control ----------------------------------------------------------------------- */

void network_init(uint64_t seed, const struct network_weather *weather)
{
    memset(&net, 0, sizeof net);
    random_init(&net.random, seed);
    net.weather = *weather;
}

void network_set_weather(const struct network_weather *weather)
{
    net.weather = *weather;
}

void network_set_node(uint32_t node)
{
    CHECK(node < NETWORK_NODES);
    net.node = node;
}

void network_cut(uint32_t from, uint32_t to, uint64_t until_ns)
{
    net.cut_until_ns[from][to] = until_ns;
}

void network_heal(void)
{
    memset(net.cut_until_ns, 0, sizeof net.cut_until_ns);
}

uint64_t network_trace(void)
{
    return net.trace;
}

void network_note(uint64_t what)
{
    uint64_t both[] = {net.trace, what};
    net.trace = digest_hash(both, sizeof both);
}

static void disconnect(struct link *link)
{
    link->server = NULL;
    link->handle = 0;
    link->dead = 0;
    link->retry_ns =
        clock_mono_ns() + random_below(&net.random, RECONNECT_MS_MAX) * CLOCK_MS_NS;
}

void network_orphan(uint32_t node, uint32_t as)
{
    for (uint32_t i = 0; i < BUSES; i++) {
        if (net.buses[i] == NULL || net.buses[i]->node != node)
            continue;
        net.buses[i]->is_orphan = true;
        net.buses[i]->node = as;
    }
    for (uint32_t i = 0; i < net.link_count; i++) {
        struct link *link = &net.links[i];
        if (link->server != NULL && link->server->is_orphan &&
            link->server_port != BUS_PUBLISHER)
            disconnect(link);
    }
}

/* Any connected one of the process; NULL: it has none. */
static struct link *any_link(uint32_t node)
{
    uint32_t first = (uint32_t)random_below(&net.random, net.link_count + 1u);
    for (uint32_t i = 0; i < net.link_count; i++) {
        struct link *link = &net.links[(first + i) % net.link_count];
        if (link->client != NULL && link->server != NULL &&
            (link->client->node == node || link->server->node == node))
            return link;
    }
    return NULL;
}

void network_reset_link(uint32_t node)
{
    struct link *link = any_link(node);
    if (link == NULL)
        return;
    transcript_event(link->client->node, "its link to node %u is reset",
                     link->server->node);
    disconnect(link);
    MARK(link_reset);
}

void network_kill_link(uint32_t node)
{
    static const char *const ways[] = {"", "down", "up", "both ways"};
    struct link *link = any_link(node);
    if (link == NULL)
        return;
    link->dead = 1 + (uint32_t)random_below(&net.random, DEAD_UP + DEAD_DOWN);
    MARK(link_dead);
    transcript_event(link->client->node, "its link to node %u is dead: %s",
                     link->server->node, ways[link->dead]);
}

/* ---- connections ------------------------------------------------------------------- */

static bool is_bound(enum bus_port port)
{
    return port == BUS_SERVER || port == BUS_PUBLISHER || port == BUS_CLIENTS;
}

static const struct bus_endpoint *find_bound(const struct bus *bus, const char *address)
{
    for (uint32_t i = 0; i < bus->endpoint_count; i++) {
        const struct bus_endpoint *e = &bus->endpoints[i];
        if (is_bound(e->port) && strcmp(e->address, address) == 0)
            return e;
    }
    return NULL;
}

static void connect_link(struct link *link)
{
    if (link->server != NULL || clock_mono_ns() < link->retry_ns)
        return;
    for (uint32_t i = 0; i < BUSES; i++) {
        struct bus *bus = net.buses[i];
        const struct bus_endpoint *bound = bus != NULL && !bus->is_orphan
                                               ? find_bound(bus, link->endpoint->address)
                                               : NULL;
        if (bound == NULL)
            continue;
        link->server = bus;
        link->server_port = bound->port;
        link->handle = ++net.next_handle;
        link->last_ns[0] = link->last_ns[1] = 0;
        return;
    }
}

static void add_link(struct bus *bus, const struct bus_endpoint *endpoint)
{
    uint32_t place = 0;
    while (place < net.link_count && net.links[place].client != NULL)
        place++;
    CHECK(place < LINKS);
    if (place == net.link_count)
        net.link_count++;
    net.links[place] = (struct link){.client = bus, .endpoint = endpoint};
    connect_link(&net.links[place]);
}

int bus_open(struct bus **opened, const struct bus_options *options)
{
    struct bus *bus = calloc(1, sizeof *bus);
    CHECK(bus != NULL && options->endpoint_count <= ENDPOINTS);
    bus->id = ++net.next_id;
    bus->node = net.node;
    bus->endpoint_count = options->endpoint_count;
    memcpy(bus->endpoints, options->endpoints,
           options->endpoint_count * sizeof bus->endpoints[0]);
    bus->topic = options->topic_stream;
    uint32_t slot = 0;
    while (slot < BUSES && net.buses[slot] != NULL)
        slot++;
    CHECK(slot < BUSES);
    net.buses[slot] = bus;
    for (uint32_t i = 0; i < bus->endpoint_count; i++) {
        if (!is_bound(bus->endpoints[i].port))
            add_link(bus, &bus->endpoints[i]);
    }
    *opened = bus;
    return 0;
}

/* What a process had sent before it died may still arrive. */
static void flush_link(uint32_t place, struct bus *to)
{
    for (uint32_t i = 0; i < to->count; i++) {
        struct frame *frame = &to->heap[i];
        if (frame->link == place && frame->handle == net.links[place].handle)
            frame->is_flushed = true;
    }
}

int bus_reconnect(struct bus *bus, enum bus_port port, uint32_t index)
{
    for (uint32_t i = 0; i < net.link_count; i++) {
        struct link *link = &net.links[i];
        if (link->client != bus || link->endpoint->port != port ||
            link->endpoint->index != index)
            continue;
        marks[MARKS_reconnected] += link->dead != 0;
        disconnect(link);
    }
    return 0;
}

void bus_close(struct bus **closed)
{
    struct bus *bus = *closed;
    if (bus == NULL)
        return;
    for (uint32_t i = 0; i < net.link_count; i++) {
        struct link *link = &net.links[i];
        if (link->server == NULL || random_below(&net.random, 2) == 0)
            continue;
        if (link->client == bus)
            flush_link(i, link->server);
        else if (link->server == bus)
            flush_link(i, link->client);
    }
    for (uint32_t i = 0; i < net.link_count; i++) {
        struct link *link = &net.links[i];
        if (link->client == bus)
            *link = (struct link){.client = NULL};
        else if (link->server == bus)
            disconnect(link);
    }
    for (uint32_t i = 0; i < BUSES; i++) {
        if (net.buses[i] == bus)
            net.buses[i] = NULL;
    }
    for (uint32_t i = 0; i < bus->count; i++)
        free(bus->heap[i].bytes);
    free(bus->heap);
    free(bus->taken);
    free(bus);
    *closed = NULL;
}

/* ---- frames under way -------------------------------------------------------------- */

static bool is_before(const struct frame *a, const struct frame *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void push_frame(struct bus *bus, struct frame frame)
{
    if (bus->count == bus->capacity) {
        bus->capacity = bus->capacity * 2 + 64;
        bus->heap = realloc(bus->heap, bus->capacity * sizeof *bus->heap);
        CHECK(bus->heap != NULL);
    }
    uint32_t at = bus->count++;
    for (; at > 0 && is_before(&frame, &bus->heap[(at - 1) / 2]); at = (at - 1) / 2)
        bus->heap[at] = bus->heap[(at - 1) / 2];
    bus->heap[at] = frame;
}

static struct frame pop_frame(struct bus *bus)
{
    struct frame first = bus->heap[0], last = bus->heap[--bus->count];
    uint32_t at = 0;
    for (uint32_t child; (child = 2 * at + 1) < bus->count; at = child) {
        if (child + 1 < bus->count && is_before(&bus->heap[child + 1], &bus->heap[child]))
            child++;
        if (!is_before(&bus->heap[child], &last))
            break;
        bus->heap[at] = bus->heap[child];
    }
    bus->heap[at] = last;
    return first;
}

static bool happens(uint32_t ppm)
{
    return random_chance(&net.random, ppm);
}

/* One copy; FIFO in its direction of its link. */
static void send_copy(struct link *link, bool upward, const void *bytes, size_t size)
{
    struct bus *from = upward ? link->client : link->server;
    struct bus *to = upward ? link->server : link->client;
    uint64_t at_ns = clock_mono_ns() + (uint64_t)random_between(
                                           &net.random, (int64_t)net.weather.delay_ns_min,
                                           (int64_t)net.weather.delay_ns_max);
    if (at_ns < link->last_ns[upward])
        at_ns = link->last_ns[upward];
    link->last_ns[upward] = at_ns;
    struct frame frame = {.at_ns = at_ns,
                          .order = ++net.next_order,
                          .handle = link->handle,
                          .link = (uint32_t)(link - net.links),
                          .from = from->node,
                          .port = upward ? link->server_port : link->endpoint->port,
                          .index = upward ? 0 : link->endpoint->index,
                          .peer = upward ? link->handle : 0,
                          .size = (uint32_t)size,
                          .bytes = malloc(size + 1)};
    CHECK(frame.bytes != NULL);
    memcpy(frame.bytes, bytes, size);
    push_frame(to, frame);
}

static int send_on(struct link *link, bool upward, const void *bytes, size_t size)
{
    connect_link(link);
    if (link->server == NULL)
        return ERR_NOT_FOUND;
    const struct bus *from = upward ? link->client : link->server;
    const struct bus *to = upward ? link->server : link->client;
    if (to->count >= net.weather.frames_max) {
        MARK(queue_full);
        return ERR_BUSY;
    }
    if (net.cut_until_ns[from->node][to->node] > clock_mono_ns() ||
        (link->dead & (upward ? DEAD_UP : DEAD_DOWN)) != 0 ||
        happens(net.weather.loss_ppm))
        return 0;
    send_copy(link, upward, bytes, size);
    if (happens(net.weather.duplication_ppm))
        send_copy(link, upward, bytes, size);
    return 0;
}

int bus_send(struct bus *bus, enum bus_port port, uint32_t index_or_peer,
             const void *bytes, size_t size)
{
    if (!power_operate())
        return 0;
    for (uint32_t i = 0; i < net.link_count; i++) {
        struct link *link = &net.links[i];
        bool upward = link->client == bus && link->endpoint->port == port &&
                      link->endpoint->index == index_or_peer;
        bool downward = link->server == bus && link->server_port == port &&
                        link->handle == index_or_peer;
        if (is_bound(port) ? downward : upward)
            return send_on(link, !is_bound(port), bytes, size);
    }
    return ERR_NOT_FOUND;
}

int bus_publish(struct bus *bus, uint32_t stream, const void *bytes, size_t size)
{
    if (!power_operate())
        return 0;
    for (uint32_t i = 0; i < net.link_count; i++) {
        struct link *link = &net.links[i];
        if (link->client != NULL && link->endpoint->port == BUS_STREAM)
            connect_link(link);
        if (link->server == bus && link->server_port == BUS_PUBLISHER &&
            link->client->topic == stream)
            (void)send_on(link, false, bytes, size);
    }
    return 0;
}

/* What arrives on a connection that is no more is lost with it. */
static bool is_alive(const struct frame *frame)
{
    const struct link *link = &net.links[frame->link];
    return frame->is_flushed || (link->handle == frame->handle && link->server != NULL);
}

int bus_receive(struct bus *bus, struct bus_frame *given)
{
    while (bus->count > 0 && bus->heap[0].at_ns <= clock_mono_ns()) {
        struct frame frame = pop_frame(bus);
        if (!is_alive(&frame)) {
            free(frame.bytes);
            continue;
        }
        free(bus->taken);
        bus->taken = frame.bytes;
        *given = (struct bus_frame){.port = frame.port,
                                    .index = frame.index,
                                    .peer = frame.peer,
                                    .bytes = frame.bytes,
                                    .size = frame.size};
        network_note(clock_mono_ns() * 31 + frame.from * 1000 + bus->node);
        network_note(digest_hash(frame.bytes, frame.size));
        marks_frame(frame.from, bus->node, frame.bytes, frame.size);
        if (transcript_is_on())
            transcript_frame(frame.from, bus->node, frame.bytes, frame.size);
        return 1;
    }
    return 0;
}

/* ---- the rest of common/bus.h ------------------------------------------------------ */

void bus_drop_peer(struct bus *bus, uint32_t peer)
{
    for (uint32_t i = 0; i < net.link_count; i++) {
        if (net.links[i].server != bus || net.links[i].handle != peer)
            continue;
        flush_link(i, net.links[i].client); /* the goodbye, for one */
        disconnect(&net.links[i]);
    }
}

void bus_rest(struct bus *bus, uint32_t timeout_us)
{
    (void)bus;
    (void)timeout_us;
}

void bus_wait(struct bus *bus, uint32_t timeout_ms)
{
    (void)bus;
    (void)timeout_ms;
}

void bus_wake(struct bus *bus)
{
    (void)bus;
}

void bus_take_counts(struct bus *bus, struct bus_counts *counts)
{
    (void)bus;
    *counts = (struct bus_counts){.connected = 0};
}
