/* storm_state.h - what the files of the storm share.
 *
 * Owns:     see storm.h.
 * Units:    ns of the monotonic clock.
 * Errors:   `code`: ARGS_*, of the first thing that went wrong.
 * Threads:  one.
 * Bounds:   see storm.h.
 */
#ifndef STORM_STATE_H
#define STORM_STATE_H

#include <stdint.h>

#include "common/bus.h"
#include "deploy/cli/bench_flow.h"
#include "proto/msg.h"
#include "tests/overload/lane.h"
#include "tests/overload/storm.h"

enum {
    STORM_ACCOUNTS = BENCH_FLOW_ACCOUNTS,
    STORM_ADMIN = STORM_ACCOUNTS, /* index of the operator's connection */
    STORM_PEERS,
    STORM_LANES = 64, /* sessions of an account */
    STORM_FIRST_ACCOUNT = 16,
    STORM_FRAME_BYTES = 60000,
};

/* Commands that were refused: later arrivals are of these. */
struct storm_stock {
    struct lane_order *orders;
    uint32_t count;
};

struct storm {
    struct bus *bus;
    struct lane lanes[STORM_ACCOUNTS][STORM_LANES];
    struct lane operator_lane;
    struct storm_stock stocks[STORM_ACCOUNTS];
    uint32_t turns[STORM_ACCOUNTS];     /* the lane to look at first */
    uint32_t frames;                    /* sent */
    uint32_t under_way[STORM_ACCOUNTS]; /* commands without an outcome */
    struct bench_flow flow;
    uint64_t *sent_of; /* ns, by name of a command: 0: nothing is under way */
    uint32_t opened;   /* sessions */
    uint64_t done;     /* commands of the operator */
    uint64_t lags[2], answers;
    uint64_t rate, offered_ns, offered; /* since then so many arrivals */
    uint64_t began_ns, now_ns;
    struct storm_slice *slices;
    struct storm_totals totals;
    int code;
    uint8_t frame[STORM_FRAME_BYTES];
};

/* Takes what is there; waits if that is nothing. */
void storm_receive(struct storm *, uint32_t wait_ms);

/* An answer for this session, or its end: how long was it silent? */
void storm_heard(struct storm *, const struct lane *);

struct storm_slice *storm_slice_of(struct storm *, uint64_t time_ns);

/* Adds a message to the frame; a command of a session. */
void storm_put(struct storm *, size_t *size, const struct msg *);
void storm_put_command(struct storm *, size_t *size, const struct lane *, uint64_t n,
                       const uint8_t *body, uint32_t body_size);

/* A frame that cannot be sent is lost: what was in it is sent again. */
void storm_send(struct storm *, uint32_t connection, size_t size);

#endif
