/* throttle.h - how many commands may be on their way to the log, so that none of them is
 * for long.
 *
 * A queue that is bounded by its length alone is as late as the slowest machine makes
 * it. This one is bounded by time: some of the commands are marked, and while somebody
 * is kept out, how long a mark takes to the log moves the limit, down where that is
 * longer than the target, up where it is shorter. A short queue is also read sooner:
 * those in it take the processors from whoever reads what has just come. The target is
 * to be more than the network's way to the log and back, and is not below three commits
 * of the sequencer: one that is under way, its own, and one to gather in. On a slow disk
 * anything less would only make batches small; THROTTLE_SLOW_NS is the most all the same.
 *
 * Owns:     the limit, and the marks under way.
 * Units:    ns of the monotonic clock; commands.
 * Errors:   none.
 * Threads:  none; belongs to the gateway core.
 * Bounds:   THROTTLE_MARKS marks; the limit stays in THROTTLE_MIN .. THROTTLE_MAX.
 *
 * The link keeps its order, so a mark that has landed tells of all before it: what was
 * lost, or whose client has gone, does not count for ever.
 */
#ifndef THROTTLE_H
#define THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#define THROTTLE_MARKS 8
#define THROTTLE_MIN   256u
#define THROTTLE_MAX   (1u << 20)
#define THROTTLE_SHARE 16 /* of an account, always */
#define THROTTLE_SLOW_NS                                                                 \
    UINT64_C(250000000) /* the most that commits move the target to */
#define THROTTLE_LOST_NS UINT64_C(1000000000) /* and 3 commits: a mark that never lands */

struct throttle_mark {
    uint64_t session, n;
    uint64_t sent; /* commands up to this one */
    uint64_t time_ns;
};

struct throttle {
    uint64_t target_ns; /* 0: no limit */
    uint64_t commit_ns; /* of the sequencer, as it says of late */
    uint64_t sent, landed;
    uint64_t kept_out_ns; /* somebody, last */
    bool kept_out;        /* since a mark landed */
    uint32_t limit;
    struct throttle_mark marks[THROTTLE_MARKS]; /* the oldest first */
    uint32_t mark_count;
};

void throttle_set(struct throttle *, uint32_t target_ms);

/* Is there no room for an order, or for another command? Those have a quarter more. */
bool throttle_is_full(struct throttle *, bool order, uint64_t now_ns);

/* A command was forwarded; was seen in the log or was refused; time goes on. */
void throttle_send(struct throttle *, uint64_t session, uint64_t n, uint64_t now_ns);
void throttle_land(struct throttle *, uint64_t session, uint64_t n, uint64_t now_ns);
void throttle_turn(struct throttle *, uint32_t commit_us, uint64_t now_ns);

#endif
