/* client.h - a client that follows the contract of DESIGN 6 by the book.
 *
 * Its outbox and the last report it took survive everything; the rest is gone with its
 * connection. It remembers all it was told, for the invariants.
 *
 * Owns:     its lives (one session each), the reports it took.
 * Units:    ns of virtual time.
 * Errors:   `broken`: what it was told cannot be.
 * Threads:  one.
 * Bounds:   CLIENT_LIVES sessions; CLIENT_ANSWERS answers to queries.
 */
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bus.h"
#include "common/invariants.h"
#include "common/random.h"
#include "proto/msg.h"
#include "tests/sim/life.h"
#include "tests/sim/plan.h"

enum {
    CLIENT_LIVES = 1024,
    CLIENT_ANSWERS = 200,
    CLIENT_NAMES = 100000, /* of orders: client i names its own i x this + 1 and on */
};

/* An answer it got, to be compared with the fold at its gseq. */
struct client_answer {
    struct msg_query query;
    uint64_t gseq, hash; /* of the rows */
    uint64_t cursor;
    uint16_t reason;
};

struct client {
    const struct plan *plan;
    uint32_t index, account;
    struct random random;
    struct bus *bus;
    struct bus_endpoint endpoint;
    struct life *lives;
    uint32_t life;
    uint32_t restored_life; /* the one when the log came back from an older copy */
    struct invariants_report *reports;
    uint32_t report_count, report_capacity;
    uint64_t queries;
    struct msg_query query; /* the one under way; id 0: none */
    struct client_answer *answers;
    uint32_t answer_count;
    uint64_t last_gseq; /* of the report it took last */
    uint64_t tag_gseq, tag;
    bool greeted, live, is_cut;
    uint64_t
        unanswered_ns; /* since when it waits for word on a command; 0: it does not */
    uint64_t heard_ns, asked_ns, pinged_ns, resumed_ns, hold_ns, sent_ns;
    uint32_t sent; /* n sent since the last rewind */
    /* Workload. */
    uint32_t left, made, setup;
    uint32_t moving, move_step; /* a symbol on its way to another shard */
    uint64_t names[16];         /* of the orders it placed last */
    uint32_t named;
    bool is_fair, is_joined; /* connected when nothing was lost any more; resumed since */
    uint64_t next_name, next_reference;
    bool quiet;               /* makes nothing new */
    uint64_t unknown_session; /* its own, that the venue says nobody has; 0: none */
    const char *broken;
};

void client_init(struct client *, const struct plan *, uint32_t index);
void client_close(struct client *);

/* Account of the client of this index: two may share one. */
uint32_t client_account(const struct plan *, uint32_t index);

/* The operator again, who comes when a service cannot go on. */
bool client_is_warden(const struct client *);

/* Takes what has arrived, makes new commands, sends what is due. */
void client_turn(struct client *);

/* Its process dies: the connection is gone. */
void client_crash(struct client *);

/* Nothing more to do: all is accepted and the feed is live. */
bool client_is_idle(const struct client *);

/* Highest gseq that any client was told is accepted. */
extern uint64_t client_told_gseq;

/* The session that the client of this index was last told it has; 0: none yet. */
uint64_t client_session(uint32_t index);

#endif
