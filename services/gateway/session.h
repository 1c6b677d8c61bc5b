/* session.h - open sessions, and which peer their answers go to.
 *
 * Owns:     one entry per open session (a fold over the log); the peer that last sent for
 *           it, and a short memory of peers that wait for an answer on no open session.
 * Units:    the client's own n; handles of peers.
 * Errors:   load: ERR_CORRUPT.
 * Threads:  none; belongs to the gateway core.
 * Bounds:   sessions_max; SESSION_ROUTES waiting peers, the oldest is forgotten (its
 *           client resends).
 *
 * A gateway has no authority: whether a session exists and whose it is, the sequencer
 * decides. Here it is known early, for routing and for the cap on what is in flight.
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/map.h"
#include "common/pool.h"

#define SESSION_ROUTES 1024

struct reader;
struct writer;

/* In flight is (last_n, sent_n]: a copy sent again counts once, a lost one does not count
 * for ever. */
struct session {
    uint64_t id;
    uint64_t last_n; /* in the log */
    uint64_t sent_n; /* forwarded, without a gap; never below last_n */
    uint32_t account;
    uint32_t peer;
    uint32_t older, newer;
    bool
        refused; /* sent_n + 1: what is behind it is a gap, and need not be asked about */
};

/* A peer waits for word on a session that is not open here, or for one to open. Answers
 * name the account: nobody gets those of another by naming the other's session. */
struct session_route {
    uint64_t id; /* session, or nonce */
    uint32_t account;
    uint32_t peer; /* 0: has its answer */
    bool opens;    /* id is a nonce */
};

struct session_table {
    struct session *sessions;
    struct pool slots;
    struct map ids;
    uint32_t oldest, newest;
    uint32_t sessions_max, accounts_max;
    uint32_t *in_flight; /* by account */
    struct session_route routes[SESSION_ROUTES];
    uint64_t route_count; /* ever */
};

/* Takes its memory from the arena (or measures it). */
void session_init(struct session_table *, struct arena *, uint32_t sessions_max,
                  uint32_t accounts_max);

struct session *session_find(const struct session_table *, uint64_t id);

/* The fold. `open` and `accepted` return the session. */
struct session *session_open(struct session_table *, uint64_t id, uint32_t account);
struct session *session_accepted(struct session_table *, uint64_t id, uint64_t n);
void session_close(struct session_table *, uint64_t id);

/* The number that has to come before n can be taken, for it was refused; 0: none. */
uint64_t session_missing(const struct session *, uint64_t n);

/* A copy of n, which misses none: 0, it goes to the sequencer; ERR_BUSY: the account has
 * `in_flight_max` under way. */
int session_forward(struct session_table *, struct session *, uint64_t n,
                    uint32_t in_flight_max);

/* This copy of n was not taken, here or by the sequencer: what follows it will not be
 * taken either. */
void session_refused(struct session_table *, struct session *, uint64_t n);

/* What is under way is not waited for any more: its client is gone. */
void session_forget(struct session_table *, struct session *);

/* The session in this place, below sessions_max; NULL: none. */
struct session *session_at(const struct session_table *, uint32_t place);

void session_add_route(struct session_table *, const struct session_route *);

/* The peer of this account that waits; for a session to open it does so only once. 0:
 * none. */
uint32_t session_take_route(struct session_table *, uint64_t id, uint32_t account,
                            bool opens);

void session_save(const struct session_table *, struct writer *);
int session_load(struct session_table *, struct reader *);
void session_check(const struct session_table *);

#endif
