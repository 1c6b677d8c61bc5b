/* sim.h - one world from one seed, from GENESIS to the last check.
 *
 * Owns:     venue, clients, guest, archive.
 * Units:    steps.
 * Errors:   sim_run says what broke.
 * Threads:  one; one world at a time.
 * Bounds:   those of its parts.
 */
#ifndef SIM_H
#define SIM_H

#include "tests/sim/archive.h"
#include "tests/sim/client.h"
#include "tests/sim/guest.h"
#include "tests/sim/plan.h"
#include "tests/sim/venue.h"

struct sim {
    struct plan plan;
    struct random random; /* faults */
    struct venue venue;
    struct client clients[PLAN_CLIENTS_MAX];
    struct guest guest;
    struct archive archive;
    uint32_t step;
    bool calm; /* the liveness phase: no more faults */
    const char *broken;
    int error; /* of a service that ended, or 0 */
    uint32_t node;
};

/* What a plan says, to its end. */
void sim_run_plan(struct sim *, const struct plan *);

/* Runs the seed to its end. Sets `broken` and `step` if an invariant was. */
void sim_run(struct sim *, uint64_t seed);
void sim_close(struct sim *);

/* Of all that was delivered, and of the log. */
uint64_t sim_trace(const struct sim *);

#endif
