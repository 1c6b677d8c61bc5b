/* lookup.h - questions under way to other services.
 *
 * Owns:     one entry per question, with the client's own id for it.
 * Units:    ns of the monotonic clock.
 * Errors:   none; what is not answered in time is answered UNAVAILABLE, also by a shard
 *           that a symbol is still on its way to.
 * Threads:  none; belongs to the gateway core.
 * Bounds:   LOOKUP_MAX questions; of one peer PEER_QUERIES_MAX, of one account
 *           LOOKUP_OF_ACCOUNT_MAX, of all clients LOOKUP_OF_CLIENTS_MAX: else BUSY.
 */
#ifndef LOOKUP_H
#define LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/outbox.h"
#include "proto/msg.h"

#define LOOKUP_MAX            1024 /* a power of two */
#define LOOKUP_OF_ACCOUNT_MAX 64
#define LOOKUP_OF_CLIENTS_MAX (LOOKUP_MAX / 4 * 3) /* the rest is for resumes */

struct gateway;
struct peer;

enum lookup_purpose {
    LOOKUP_CLIENT,  /* a client's query */
    LOOKUP_CHAIN,   /* resume: does the client's tag fit? */
    LOOKUP_REPORTS, /* resume: a page of reports */
};

struct lookup {
    uint64_t id; /* ours: serial * LOOKUP_MAX + place; 0: free */
    uint64_t client_id;
    uint64_t deadline_ns;
    uint32_t peer;
    uint32_t service; /* that was asked; 0: none, it is to be asked again */
    enum lookup_purpose purpose;
    struct msg_query query; /* as it was asked */
};

struct lookup_table {
    struct lookup entries[LOOKUP_MAX];
    uint64_t serial;
    uint32_t count;
    uint64_t looked_ns; /* for late ones */
};

/* A client asks: scope, role and rate are checked, then it goes to the service. */
void lookup_query(struct gateway *, struct outbox *, struct peer *,
                  const struct msg_query *);

/* The gateway asks for a peer. The id of the question, 0: no entry is free. */
uint64_t lookup_ask(struct gateway *, struct outbox *, const struct peer *,
                    enum lookup_purpose, const struct msg_query *);

/* An answer of a service and what follows it in the frame; *at moves behind its rows. A
 * decoding error if they are not whole. */
int lookup_answer(struct gateway *, struct outbox *, uint32_t service,
                  const struct msg_answer *, const uint8_t **at, const uint8_t *end);

/* What was last sent to this service has not left: there is no connection, or it is full.
 * All that the service has not answered is asked again, every 50 ms. */
void lookup_unsent(struct lookup_table *, uint32_t service);

/* Answers what has waited too long, asks again what has to be. */
void lookup_turn(struct gateway *, struct outbox *);

/* The peer is gone; one that comes back under its handle has asked nothing. */
void lookup_forget(struct lookup_table *, uint32_t peer);

#endif
