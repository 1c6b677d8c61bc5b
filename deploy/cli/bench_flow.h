/* bench_flow.h - the order flow of `zex bench`: what to send next, given what was
 * reported.
 *
 * Its venue is one symbol, without a self-trade rule, and accounts with more money than
 * they will need.
 *
 * The base mix: 58 % new orders (15 % of them cross), 37 % cancels, 5 % replaces,
 * around a wandering price. Orders are named 1, 2, 3 ... over all accounts.
 *
 * Owns:     which orders of each account are live, as far as its reports tell.
 * Units:    ticks, lots.
 * Errors:   none; CHECKs.
 * Threads:  one.
 * Bounds:   BENCH_FLOW_ACCOUNTS accounts, BENCH_FLOW_ORDERS_MAX orders in its life.
 */
#ifndef BENCH_FLOW_H
#define BENCH_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/random.h"
#include "proto/msg.h"

#define BENCH_FLOW_ACCOUNTS   16
#define BENCH_FLOW_ORDERS_MAX (1u << 27)

struct bench_flow_list {
    uint32_t *names;
    uint32_t count, capacity;
};

struct bench_flow {
    struct random random;
    int64_t middle;
    uint32_t named;  /* the last name given */
    bool only_rests; /* no cancels, nothing crosses: fills the book */
    uint64_t *order_ids;
    uint32_t *places; /* by name: 1 + its place in the list of its account, or 0 */
    struct bench_flow_list live[BENCH_FLOW_ACCOUNTS];
};

void bench_flow_init(struct bench_flow *, uint64_t seed);
void bench_flow_close(struct bench_flow *);

/* The i-th command of an operator that makes the venue, for accounts from `first` on.
 * False: the venue is made. */
bool bench_flow_venue(uint32_t i, uint32_t first, struct msg *);

/* The next command of an account, encoded; returns its size. */
uint32_t bench_flow_next(struct bench_flow *, uint32_t account,
                         uint8_t body[BODY_BYTES_MAX]);

/* Takes a report of the account's feed. True if it is the outcome of a command. */
bool bench_flow_report(struct bench_flow *, uint32_t account, const struct msg *);

#endif
