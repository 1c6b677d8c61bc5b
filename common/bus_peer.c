/* bus_peer.c - a slab of peers, found by handle or by routing id. */
#include "common/bus_peer.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/map.h"

#define SLOT_BITS       14
#define SLOT_MASK       (BUS_PEER_MAX - 1)
#define GENERATION_MASK ((1u << (32 - SLOT_BITS)) - 1)

struct bus_peers {
    struct map slots; /* channel and routing id -> slot */
    void *memory;
    uint32_t free[BUS_PEER_MAX]; /* a queue: the slot free for longest is taken first */
    uint32_t free_head, free_count;
    uint32_t hand;
    struct bus_peer peers[BUS_PEER_MAX];
};

static uint64_t make_key(uint8_t channel, uint32_t routing_id)
{
    return (uint64_t)channel << 32 | routing_id;
}

struct bus_peers *bus_peer_create(void)
{
    struct bus_peers *peers = calloc(1, sizeof *peers);
    void *memory = malloc(map_size(BUS_PEER_MAX));
    if (!peers || !memory) {
        free(peers);
        free(memory);
        return NULL;
    }
    peers->memory = memory;
    map_init(&peers->slots, memory, BUS_PEER_MAX);
    for (uint32_t i = 0; i < BUS_PEER_MAX; i++)
        peers->free[i] = i;
    peers->free_count = BUS_PEER_MAX;
    return peers;
}

void bus_peer_destroy(struct bus_peers **self)
{
    if (!*self)
        return;
    free((*self)->memory);
    free(*self);
    *self = NULL;
}

struct bus_peer *bus_peer_find(struct bus_peers *peers, uint32_t handle)
{
    struct bus_peer *peer = &peers->peers[handle & SLOT_MASK];
    return handle != 0 && peer->handle == handle ? peer : NULL;
}

struct bus_peer *bus_peer_find_id(struct bus_peers *peers, uint8_t channel,
                                  uint32_t routing_id)
{
    uint64_t slot = map_find(&peers->slots, make_key(channel, routing_id));
    if (slot == MAP_NONE)
        return NULL;
    peers->peers[slot].is_recent = true;
    return &peers->peers[slot];
}

/* Second chance: the first peer under the hand that was silent for a whole round. */
static void evict_one(struct bus_peers *peers)
{
    for (;;) {
        struct bus_peer *peer = &peers->peers[peers->hand];
        peers->hand = (peers->hand + 1) & SLOT_MASK;
        if (!peer->is_recent) {
            bus_peer_remove(peers, peer);
            return;
        }
        peer->is_recent = false;
    }
}

struct bus_peer *bus_peer_add(struct bus_peers *peers, uint8_t channel,
                              uint32_t routing_id)
{
    if (peers->free_count == 0)
        evict_one(peers);
    uint32_t slot = peers->free[peers->free_head];
    peers->free_head = (peers->free_head + 1) & SLOT_MASK;
    peers->free_count--;
    CHECK(map_add(&peers->slots, make_key(channel, routing_id), slot) == 0);
    struct bus_peer *peer = &peers->peers[slot];
    uint32_t generation = (peer->generation + 1) & GENERATION_MASK;
    generation += generation == 0;
    *peer = (struct bus_peer){.routing_id = routing_id,
                              .handle = generation << SLOT_BITS | slot,
                              .generation = generation,
                              .channel = channel,
                              .is_recent = true,
                              .connection.descriptor = -1};
    return peer;
}

void bus_peer_remove(struct bus_peers *peers, struct bus_peer *peer)
{
    uint32_t slot = (uint32_t)(peer - peers->peers);
    CHECK(peer->handle != 0 && peers->free_count < BUS_PEER_MAX);
    CHECK(map_remove(&peers->slots, make_key(peer->channel, peer->routing_id)) == 0);
    peer->handle = 0;
    peers->free[(peers->free_head + peers->free_count) & SLOT_MASK] = slot;
    peers->free_count++;
}
