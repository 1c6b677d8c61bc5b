/* plan.h - the commands that make a venue what a file says; all are made, and checked,
 * before the first is sent.
 *
 * Owns:     the commands, freed by plan_close.
 * Units:    none.
 * Errors:   false, after a line on `complaints` for every value that is wrong.
 * Threads:  one.
 * Bounds:   proto/limits.h.
 */
#ifndef PLAN_H
#define PLAN_H

#include <stdio.h>

#include "deploy/cli/catalog.h"
#include "deploy/cli/venue.h"

#define PLAN_LABEL 128

struct plan_command {
    struct msg msg;
    char label[PLAN_LABEL]; /* "symbol BTC-USD" */
};

struct plan_input {
    const struct venue *venue;
    struct catalog *catalog; /* the venue as it is; then as it will be */
    const struct msg_key_set *keys;
    uint32_t key_count;
    const char *directory; /* of key files; those that are missing are made */
    FILE *complaints;
};

struct plan {
    const struct plan_input *input;
    const char *what; /* the row that is looked at: "symbol", "BTC-USD" */
    char name[PLAN_LABEL - 32];
    struct plan_command *commands; /* in the order they depend on each other */
    uint32_t count, capacity;
    uint32_t bad; /* values that were complained about */
};

/* Only what the log alone knows is not checked: capacities, the number of shards, the sum
 * of all deposits. No key file is made if anything is wrong. */
bool plan_make(struct plan *, const struct plan_input *);
void plan_close(struct plan *);

#endif
