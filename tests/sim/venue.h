/* venue.h - the processes of the venue: started, given their turn, crashed, started
 * again.
 *
 * Owns:     the instances, and when those that are down come back.
 * Units:    ns of virtual time.
 * Errors:   venue_turn: what ended a service and should not have.
 * Threads:  one.
 * Bounds:   VENUE_NODES processes.
 */
#ifndef SIM_VENUE_H
#define SIM_VENUE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/service.h"
#include "tests/sim/plan.h"

/* Processes; also the nodes of the network. Clients come behind them. */
#define VENUE_MAP_BYTES (UINT64_C(64) << 20)

enum {
    VENUE_SEQUENCER,
    VENUE_RISK,
    VENUE_SETTLEMENT,
    VENUE_PORTFOLIO,
    VENUE_SHARD,
    VENUE_GATEWAY = VENUE_SHARD + PLAN_SHARDS_MAX,
    VENUE_NODES = VENUE_GATEWAY + PLAN_GATEWAYS_MAX,
};

struct venue_process {
    bool exists;                              /* in this plan */
    const struct service_kind *kind, *mortal; /* as it is, and as it may be poisoned */
    uint32_t instance;
    char name[16], path[16];
    struct bus_endpoint endpoints[12];
    uint32_t endpoint_count;
    struct service_instance *service; /* NULL: down */
    uint64_t up_ns, paused_ns;        /* when it comes back, when it goes on */
    bool is_rotten;                   /* its disk is damaged */
};

struct venue {
    const struct plan *plan;
    struct venue_process processes[VENUE_NODES];
    uint64_t map_bytes;              /* of journals opened from now on */
    const char *archive;             /* directory of the log's; NULL: none */
    struct service_instance *zombie; /* a sequencer that was replaced; NULL: none */
    bool is_awake;                   /* it was stopped, and goes on */
    bool is_restored; /* its log, from an older copy: who knows better must say so */
};

void venue_init(struct venue *, const struct plan *);
void venue_close(struct venue *);

/* Starts what is due to come back; the power goes at that operation of each start (0:
 * never). 0 or the error that start-up ended with. */
int venue_start_due(struct venue *, uint32_t power_operation);

/* Turns of a process until it is idle, or so many; its power goes at the operation (0:
 * never). 0, or the error that ended it for no fault of ours. */
int venue_turn(struct venue *, uint32_t node, uint32_t turns, uint32_t power_operation);

void venue_crash(struct venue *, uint32_t node, uint64_t up_ns);

/* The sequencer stands still and is replaced, on a copy of its disk. When all who read it
 * have heard of the new epoch it goes on: it hears nobody, but writes TICKs and publishes
 * to those who have not connected anew. */
void venue_replace_sequencer(struct venue *);
void venue_turn_zombie(struct venue *);

/* Its disk is lost, and it with it if it still runs. */
void venue_lose(struct venue *, uint32_t node);

/* Asks it to stop, which commits and takes a snapshot. 0 or what went wrong. */
int venue_stop(struct venue *, uint32_t node, uint64_t up_ns);

/* Its number in the log. */
uint32_t venue_service(uint32_t node);

/* The address of gateway g, for clients. */
const char *venue_gateway_address(uint32_t g);

#endif
