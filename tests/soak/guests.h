/* guests.h - clients that come and go: processes (client.c) that live some seconds, end
 * in all the ways of ways.h, and leave a diary behind.
 *
 * Every other one has its outbox on disk; who ends without a farewell is followed by one
 * that goes on with it. Those in memory that are killed leave their sessions open, until
 * their account has as many as it may and the operator closes the oldest.
 *
 * Owns:     the processes, their files in DIRECTORY/run, the history of those that ended.
 * Units:    ns of the monotonic clock.
 * Errors:   false and `failures`, said on stdout.
 * Threads:  one.
 * Bounds:   GUESTS at a time; memory for the history.
 */
#ifndef GUESTS_H
#define GUESTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/random.h"
#include "tests/chaos/annals.h"
#include "tests/soak/ways.h"

enum { GUESTS = 16 };

struct guest {
    pid_t pid;       /* 0: none now */
    uint32_t life;   /* one for each outbox */
    uint64_t due_ns; /* when the next one comes; of one that is stopped: when it ends */
    bool is_stopped, has_outbox;
    enum way way;
};

struct guests {
    const char *directory, *programs;
    struct random random;
    uint32_t period_ms; /* between commands of one */
    struct guest guests[GUESTS];
    struct annals *annals;
    uint64_t ended[WAYS], crowded, failures;
    bool is_over; /* those who come only bring to an end what others began */
};

int guests_begin(struct guests *, const char *directory, const char *programs,
                 uint32_t rate, uint64_t seed, struct annals *);

/* Sees who ended, and lets come and go who is due. */
void guests_turn(struct guests *);

/* Nobody comes any more; false if not all had ended well in time. */
bool guests_end(struct guests *, int timeout_ms);

/* Commands of all, so far. */
uint64_t guests_commands(const struct guests *);

/* Until a child has changed, or so long. */
void guests_wait(int timeout_ms);

#endif
