/* crowd.h - sixteen clients of a venue that place, cancel, replace and move money, one
 * thread each, and write down what they asked for and what they were told.
 *
 * One of them is the operator, who pays in and out; the rest trade. They close and open
 * again with the outbox they had, and some forget theirs: then what was under way stays
 * unknown for ever.
 *
 * Owns:     threads, connections, outboxes in `directory`, the histories.
 * Units:    ms; ns of the monotonic clock.
 * Errors:   ZEX_ERR_*.
 * Threads:  crowd_* from one thread.
 * Bounds:   CROWD_CLIENTS, CROWD_WINDOW commands each under way.
 */
#ifndef CROWD_H
#define CROWD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/random.h"
#include "sdk/include/zex.h"
#include "tests/chaos/annals.h"

enum { CROWD_CLIENTS = 16, CROWD_WINDOW = 4, CROWD_OWN = 32, CROWD_LIVES = 1 };

/* What clients are told: that a command is accepted, and what a shard did with it. */
enum crowd_kind { CROWD_ACCEPTED, CROWD_SHARD_0, CROWD_SHARD_1, CROWD_KINDS };

struct crowd;

struct crowd_client {
    struct crowd *crowd;
    uint32_t index, life, lives_left, account;
    pthread_t thread;
    zex_client *connection;
    struct random random;
    struct zex_row symbols[2];
    struct annals annals;
    uint32_t open_from;      /* calls before this one have an outcome */
    uint64_t own[CROWD_OWN]; /* names of orders */
    uint64_t placed, moved;  /* orders; movements of money */
    uint32_t money;          /* call + 1 of the movement under way */
    uint64_t alarms, gone;
    uint64_t last_name, last_gseq; /* an order of the end; the report that it is gone */
    bool is_at_rest;
};

struct crowd {
    const char *directory;
    struct crowd_client clients[CROWD_CLIENTS];
    atomic_bool is_over;
    pthread_mutex_t mutex;
    pthread_cond_t more;
    uint64_t told[CROWD_KINDS]; /* of all */
    uint64_t busy, unavailable; /* answers to copies of commands */
    uint64_t rest_gseq;         /* by here everything that was sent has had its effect */
};

int crowd_begin(struct crowd *, const char *directory, uint64_t seed);

/* Waits until they were told of each kind so many times more; false: not in time. */
bool crowd_await(struct crowd *, uint64_t more, int timeout_ms);

/* How often they have been told to come again, and that nobody is there. */
void crowd_refusals(struct crowd *, uint64_t *busy, uint64_t *unavailable);

/* No more commands; waits until those under way are known. False if some are not, within
 * this time; all histories are then joined into one. */
bool crowd_end(struct crowd *, int timeout_ms, struct annals *);

/* Balances of all accounts, behind the effect of everything sent, as the venue tells the
 * operator. */
int crowd_balances(struct crowd *, struct annals_balance *, uint32_t max,
                   uint32_t *count);

void crowd_close(struct crowd *);

#endif
