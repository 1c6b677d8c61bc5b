/* peer.h - the connections of clients.
 *
 * Owns:     one entry per connection heard of; the list of each account's peers.
 * Units:    handles of the bus; ns of the monotonic clock.
 * Errors:   peer_add: NULL when the table or the account's share is full.
 * Threads:  none; belongs to the gateway core.
 * Bounds:   PEER_MAX peers, PEER_OF_ACCOUNT_MAX of one account; from each no more frames
 *           than its account may send orders, cancels and queries.
 */
#ifndef PEER_H
#define PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/map.h"
#include "common/pool.h"

#define PEER_MAX            4096
#define PEER_OF_ACCOUNT_MAX 16
#define PEER_QUERIES_MAX    16
#define PEER_KEY            32

/* How a peer gets its account's reports.
 *
 *   DETACHED --open--> LIVE
 *   any --resume--> CHECKING (its chain tag) --> REPLAYING (reports wait) --> LIVE
 */
enum peer_feed { PEER_DETACHED, PEER_CHECKING, PEER_REPLAYING, PEER_LIVE };

struct peer {
    uint32_t handle;
    uint32_t account; /* 0: has not said hello yet (without CURVE) */
    uint8_t key[PEER_KEY];
    uint32_t after, before; /* in the list of its account */
    enum peer_feed feed;
    uint32_t resume;     /* place of its replay, POOL_NONE: none */
    uint32_t queries;    /* waiting for answers */
    uint64_t taken_gseq; /* reports up to here it has: none of them is sent again */
    uint64_t heard_ns;
    uint64_t frames_ns; /* bucket of frames, as in limiter.h */
};

struct peer_table {
    struct peer *peers;
    struct pool slots;
    struct map handles;
    uint32_t *first_of; /* by account */
    uint32_t *count_of;
    uint32_t accounts_max;
    uint64_t frame_interval_ns, frame_burst_ns;
};

/* Takes its memory from the arena (or measures it). */
void peer_init(struct peer_table *, struct arena *, uint32_t accounts_max);

/* Frames a second, and at once, that each may send. */
void peer_set_rate(struct peer_table *, uint64_t rate, uint64_t burst);

struct peer *peer_find(const struct peer_table *, uint32_t handle);

struct peer *peer_add(struct peer_table *, uint32_t handle, uint32_t account,
                      const uint8_t key[PEER_KEY], uint64_t now_ns);

/* Gives a peer without an account one. False if the account has too many. */
bool peer_name(struct peer_table *, struct peer *, uint32_t account);

void peer_remove(struct peer_table *, struct peer *);

/* Walks the peers of an account; take the next before removing one. NULL at the end. */
struct peer *peer_first(const struct peer_table *, uint32_t account);
struct peer *peer_next(const struct peer_table *, const struct peer *);

/* Walks all: the peer in the first used place from *place on, which moves behind it. */
struct peer *peer_walk(const struct peer_table *, uint32_t *place);

/* One more frame at this time: false if it sends too many. */
bool peer_may_send(const struct peer_table *, struct peer *, uint64_t now_ns);

void peer_check(const struct peer_table *);

#endif
