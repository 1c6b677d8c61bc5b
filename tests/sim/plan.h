/* plan.h - everything a seed decides before the run begins.
 *
 * 1 to 6 traders and an operator with windows of 1 to 256, 1 to 3 gateways, 1 to 4
 * shards; loss to 40 %, duplication to 30 %, delay (FIFO within a link, any order across
 * links), resets, partitions one way and both, pauses, wall clock steps of an hour,
 * after which it may stand still, or go at half or at twice its rate;
 * crashes between turns, at any single write, commit or send, and in a start; restarts
 * from the newest snapshot, an older one, or an empty volume (never the sequencer's); an
 * archive that keeps nothing longer than it must, whose unsynced end is torn; approved
 * streams that are pruned; bits that rot in journals and snapshots; in one seed of ten a
 * log that comes back from an older copy, which somebody must notice (a service nearly
 * always); full maps, small windows, rates and capacities; little money; words in
 * another's name; the operator ends sessions of clients that are well; a record stops a
 * core again and again until the operator, who comes with a new session, says `skip`.
 * Each is off in half of the seeds, and mild more often than not. In every third seed one
 * trader more has the client library.
 *
 * Owns:     nothing.
 * Units:    ppm per step for what may happen at each step; ns, steps.
 * Errors:   none.
 * Threads:  none.
 * Bounds:   the enum below.
 */
#ifndef SIM_PLAN_H
#define SIM_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core.h"
#include "common/fault.h"
#include "tests/sim/network.h"

enum {
    PLAN_SHARDS_MAX = 4,
    PLAN_GATEWAYS_MAX = 3,
    PLAN_TRADERS_MAX = 6,
    PLAN_CLIENTS_MAX = PLAN_TRADERS_MAX + 2,
    PLAN_SYMBOLS_MAX = 4,
    PLAN_ORDERS_MAX = 128, /* what the naive book can hold */
    PLAN_COMMANDS = 2200,
};

struct plan {
    uint64_t seed;
    uint32_t steps; /* of the safety phase */
    uint32_t traders, gateways, shards, symbols;
    uint32_t
        clients; /* the operator, the traders, the operator again, when he is needed */
    uint32_t commands; /* each trader's */
    uint32_t window;   /* commands a client sends ahead */
    struct network_weather weather;
    uint64_t step_ns_max;
    uint32_t crash_ppm, cut_ppm, reset_ppm, partition_ppm, pause_ppm, fill_ppm, step_ppm,
        dead_ppm;
    uint32_t poison_ppm;
    uint32_t wipe_ppm, older_ppm, rot_ppm; /* of restarts */
    uint64_t down_ns_max;
    uint32_t turn_frames_max, snapshot_records, commit_interval_us;
    uint64_t map_bytes;
    bool archives; /* the log is pruned into files */
    bool prunes;   /* risk drops what its shards have */
    uint64_t archive_keep_records, archive_segment_bytes;
    uint32_t zombie_step;  /* the sequencer is replaced, and goes on; 0: never */
    uint32_t restore_step; /* the log comes back from an older copy; 0: never */
    bool is_poor;          /* traders reach the end of their money */
    bool shares_account;   /* two traders of one account */
    bool has_guest;        /* one more trader, who uses the client library */
    uint32_t fault_ppm[FAULT_COUNT];
    struct core_settings settings;
    struct msg_genesis genesis;
};

void plan_draw(struct plan *, uint64_t seed);

/* How many commands a seed has, about, on average; other numbers make other worlds. */
extern uint32_t plan_commands;

/* A fair day: nothing fails, and what there is is used. */
void plan_draw_fair(struct plan *, uint64_t seed);

#endif
