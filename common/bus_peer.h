/* bus_peer.h - handles for the connections of a bus' ROUTER sockets.
 *
 * A handle is a slot and, above it, the count of peers that had the slot before: a handle
 * kept after its peer has gone finds nobody, not somebody else.
 *
 * Owns:     the table, made by bus_peer_create.
 * Units:    none.
 * Errors:   NULL for an unknown peer; ERR_MEMORY at create.
 * Threads:  none; belongs to one bus.
 * Bounds:   BUS_PEER_MAX peers; past that the one longest silent is forgotten, and gets a
 * new handle if it speaks again.
 */
#ifndef BUS_PEER_H
#define BUS_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define BUS_PEER_MAX (1u << 14)

struct bus_connection {
    int descriptor;                  /* -1 if unknown */
    struct sockaddr_storage address; /* of its other end, to know the descriptor again */
};

struct bus_peer {
    uint32_t routing_id; /* the number in the id the ROUTER made up */
    uint32_t handle;     /* 0: the slot is free */
    uint32_t generation;
    uint8_t channel; /* index of its socket */
    bool is_dropped; /* frames from it are refused */
    bool is_recent;  /* spoke since the clock hand passed */
    char user[41];   /* its key in Z85, "" without CURVE */
    uint8_t key[32];
    struct bus_connection connection;
};

struct bus_peers;

struct bus_peers *bus_peer_create(void);
void bus_peer_destroy(struct bus_peers **);

/* Borrowed until a peer is added or removed. */
struct bus_peer *bus_peer_find(struct bus_peers *, uint32_t handle);
struct bus_peer *bus_peer_find_id(struct bus_peers *, uint8_t channel,
                                  uint32_t routing_id);

/* A new one, without user, key and descriptor; the id must not be present. */
struct bus_peer *bus_peer_add(struct bus_peers *, uint8_t channel, uint32_t routing_id);
void bus_peer_remove(struct bus_peers *, struct bus_peer *);

#endif
