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
 * Bounds:   CROWD_CLIENTS, CROWD_WINDOW commands, and one more, each under way.
 */
#ifndef CROWD_H
#define CROWD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/chaos/crowd_client.h"

enum { CROWD_CLIENTS = 16, CROWD_LIVES = 1 };

struct crowd {
    const char *directory;
    int pace_ms;
    struct crowd_client clients[CROWD_CLIENTS];
    pthread_t threads[CROWD_CLIENTS];
    atomic_bool is_over;
    pthread_mutex_t mutex;
    pthread_cond_t more;
    uint64_t told[CROWD_KINDS]; /* of all */
    uint64_t busy, unavailable; /* answers to copies of commands */
    uint64_t rest_gseq;         /* by here everything that was sent has had its effect */
};

/* Each does something every `pace_ms`; 0: whenever its window has room. */
int crowd_begin(struct crowd *, const char *directory, uint64_t seed, int pace_ms);

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
