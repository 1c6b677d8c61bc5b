/* annals.h - what clients asked for and were told, and what the log says of it.
 *
 * Owns:     the arrays, freed by annals_close and annals_log_close.
 * Units:    ns of one monotonic clock; gseq.
 * Errors:   negative ERR_*.
 * Threads:  none: one history a client, joined afterwards.
 * Bounds:   memory.
 */
#ifndef ANNALS_H
#define ANNALS_H

#include <stdint.h>
#include <stdio.h>

enum annals_outcome {
    ANNALS_UNKNOWN, /* never heard of: it may have happened */
    ANNALS_OK,      /* acknowledged: it will be executed exactly once */
    ANNALS_FAIL,    /* the venue has said that it never will */
};

/* One command of a client. */
struct annals_call {
    uint32_t client, life, lane; /* a life has one session for each lane */
    uint32_t kind, account;      /* MSG_*; the account whose name space `name` is in */
    uint64_t name;               /* cl_ord_id, or reference */
    uint32_t asset;              /* of money */
    int64_t amount;              /* of money: out is negative */
    int64_t began_ns, ended_ns;
    uint64_t gseq; /* as acknowledged; 0: "accepted", without a number */
    enum annals_outcome outcome;
};

struct annals {
    struct annals_call *calls;
    uint32_t count, capacity;
};

int annals_add(struct annals *, const struct annals_call *);
int annals_join(struct annals *, const struct annals *other);
void annals_print(const struct annals *, FILE *);
void annals_close(struct annals *);

/* A command in the log, or money that moved (deposit_done, withdraw_done). */
struct annals_record {
    uint64_t gseq, session, n; /* n and session 0: not of a client */
    uint32_t kind, account;
    uint64_t name, request;
    uint32_t asset;
    int64_t amount;
};

struct annals_log {
    struct annals_record *records;
    uint32_t count, capacity;
};

int annals_log_add(struct annals_log *, const struct annals_record *);
/* The log of a venue that is down. */
int annals_log_read(struct annals_log *, const char *directory);
void annals_log_close(struct annals_log *);
/* Takes the commands of a log as calls that somebody made, long ago. */
int annals_adopt(struct annals *, const struct annals_log *);

/* What an account has of an asset, at the end. */
struct annals_balance {
    uint32_t account, asset;
    int64_t amount;
};

#endif
