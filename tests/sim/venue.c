/* venue.c - eleven kinds of trouble for up to eleven processes. */
#include "tests/sim/venue.h"

#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/invariants.h"
#include "common/metrics.h"
#include "common/service_instance.h"
#include "services/gateway/gateway_core.h"
#include "services/portfolio/portfolio_core.h"
#include "services/risk/risk_core.h"
#include "services/sequencer/sequencer_core.h"
#include "services/settlement/settlement_core.h"
#include "services/shard/shard_core.h"
#include "tests/sim/disk.h"
#include "tests/sim/marks.h"
#include "tests/sim/network.h"
#include "tests/sim/poison.h"
#include "tests/sim/power.h"
#include "tests/sim/transcript.h"

#define ZOMBIE      (NETWORK_NODES - 1)
#define RESTART_NS  UINT64_C(1000000)
#define POISONED_NS UINT64_C(40000000)

/* ---- addresses --------------------------------------------------------------------- */

static const char *const server_addresses[VENUE_NODES] = {
    "sequencer", "risk",    "settlement", "portfolio", "shard-0",  "shard-1",
    "shard-2",   "shard-3", "gateway-0",  "gateway-1", "gateway-2"};

static const char *const client_addresses[PLAN_GATEWAYS_MAX] = {"clients-0", "clients-1",
                                                                "clients-2"};

const char *venue_gateway_address(uint32_t g)
{
    return client_addresses[g];
}

static void add(struct venue_process *p, enum bus_port port, uint32_t index,
                const char *address)
{
    CHECK(p->endpoint_count < sizeof p->endpoints / sizeof p->endpoints[0]);
    p->endpoints[p->endpoint_count++] = (struct bus_endpoint){
        .port = port, .index = index, .address = address, .frame_bytes_max = 4u << 20};
}

static void add_endpoints(struct venue_process *p, uint32_t node, const struct plan *plan)
{
    bool is_gateway = node >= VENUE_GATEWAY;
    bool is_shard = !is_gateway && node >= VENUE_SHARD;
    if (!is_gateway)
        add(p, BUS_SERVER, 0, server_addresses[node]);
    if (node == VENUE_SEQUENCER || node == VENUE_RISK)
        add(p, BUS_PUBLISHER, 0, node == VENUE_RISK ? "approved" : "log");
    if (node == VENUE_SEQUENCER)
        return;
    add(p, BUS_STREAM, 0, is_shard ? "approved" : "log");
    add(p, BUS_OWNER, 0, is_shard ? "risk" : "sequencer");
    add(p, BUS_SEQUENCER, 0, "sequencer");
    if (!is_gateway)
        return;
    add(p, BUS_CLIENTS, 0, client_addresses[node - VENUE_GATEWAY]);
    add(p, BUS_SERVICE, SERVICE_SEQUENCER, "sequencer");
    add(p, BUS_SERVICE, SERVICE_RISK, "risk");
    add(p, BUS_SERVICE, SERVICE_SETTLEMENT, "settlement");
    add(p, BUS_SERVICE, SERVICE_PORTFOLIO, "portfolio");
    for (uint32_t k = 0; k < plan->shards; k++)
        add(p, BUS_SERVICE, SERVICE_SHARD + k, server_addresses[VENUE_SHARD + k]);
}

/* ---- life -------------------------------------------------------------------------- */

static const struct service_kind *kind_of(uint32_t node)
{
    static const struct service_kind *const kinds[] = {&sequencer_kind, &risk_kind,
                                                       &settlement_kind, &portfolio_kind};
    if (node >= VENUE_GATEWAY)
        return &gateway_kind;
    return node >= VENUE_SHARD ? &shard_kind : kinds[node];
}

uint32_t venue_service(uint32_t node)
{
    const uint32_t number = kind_of(node)->number;
    return number == SERVICE_SHARD ? number + node - VENUE_SHARD : number;
}

void venue_init(struct venue *v, const struct plan *plan)
{
    *v = (struct venue){.plan = plan, .map_bytes = plan->map_bytes};
    for (uint32_t node = 0; node < VENUE_NODES; node++) {
        struct venue_process *p = &v->processes[node];
        p->kind = kind_of(node);
        p->mortal = poison_kind(node, p->kind);
        p->exists = true;
        if (node >= VENUE_GATEWAY)
            p->instance = node - VENUE_GATEWAY;
        else if (node >= VENUE_SHARD)
            p->instance = node - VENUE_SHARD;
        if (node >= VENUE_GATEWAY)
            p->exists = p->instance < plan->gateways;
        else if (node >= VENUE_SHARD)
            p->exists = p->instance < plan->shards;
        snprintf(p->name, sizeof p->name, "%s", server_addresses[node]);
        snprintf(p->path, sizeof p->path, "%s", server_addresses[node]);
        add_endpoints(p, node, plan);
    }
}

void venue_close(struct venue *v)
{
    for (uint32_t node = 0; node < VENUE_NODES; node++)
        service_destroy(&v->processes[node].service);
    service_destroy(&v->zombie);
}

static int start(struct venue *v, uint32_t node)
{
    struct venue_process *p = &v->processes[node];
    const struct plan *plan = v->plan;
    struct service_options o;
    service_options_init(&o);
    o.instance = p->instance;
    o.journal = (struct journal_options){
        .path = p->path, .map_bytes = v->map_bytes, .durable = true};
    o.bus.endpoints = p->endpoints;
    o.bus.endpoint_count = p->endpoint_count;
    o.init = true;
    o.genesis = plan->genesis;
    o.settings = plan->settings;
    o.turn_frames_max = plan->turn_frames_max;
    o.snapshot_records = plan->snapshot_records;
    o.snapshot_child_bytes = 0;
    o.commit_interval_us = plan->commit_interval_us;
    o.prune_approved = plan->prunes;
    if (node == VENUE_SEQUENCER) {
        o.archive_path = v->archive;
        o.archive_keep_records = plan->archive_keep_records;
        o.archive_segment_bytes = plan->archive_segment_bytes;
    }
    network_set_node(node);
    return service_create(&p->service, p->mortal, &o);
}

static bool is_shard(const struct venue_process *p)
{
    return p->kind->input == SERVICE_STREAM_APPROVED;
}

/* Where risk has dropped what a shard has lost, it begins anew as well, as the log does
 * not end. */
void venue_lose(struct venue *v, uint32_t node)
{
    struct venue_process *p = &v->processes[node];
    if (p->service != NULL)
        venue_crash(v, node, clock_mono_ns());
    disk_wipe(disk_find(p->path));
    p->is_rotten = false;
    if (v->plan->prunes && is_shard(p))
        venue_lose(v, VENUE_RISK);
}

/* Somebody knows more than the log: rot may be why, but not where it came from a copy. */
static bool is_behind(const struct venue *v, int error)
{
    return v->is_restored && (error == ERR_LOG_BEHIND || error == ERR_DIVERGED);
}

/* The operator: what is rotten and said so gets its disk back, or an empty one; but for
 * the log all can be made again. False if that is not why it ended. */
static bool repair(struct venue *v, uint32_t node, int error)
{
    struct venue_process *p = &v->processes[node];
    if (!p->is_rotten || is_behind(v, error) || invariants_stop(error) != NULL)
        return false;
    MARK(rot_found);
    transcript_event(node, "has said that it is rotten: %s", error_name(error));
    service_destroy(&p->service);
    if (node == VENUE_SEQUENCER) {
        disk_restore(disk_find(p->path));
        p->is_rotten = false;
    } else {
        venue_lose(v, node);
    }
    return true;
}

/* A start that ends with the power, or for want of room, is tried again. */
int venue_start_due(struct venue *v, uint32_t power_operation)
{
    for (uint32_t node = 0; node < VENUE_NODES; node++) {
        struct venue_process *p = &v->processes[node];
        if (!p->exists || p->service != NULL || p->up_ns > clock_mono_ns())
            continue;
        power_begin(node, power_operation);
        int error = start(v, node);
        bool is_cut = power_is_cut(), is_over = error != 0 || is_cut;
        power_end();
        marks[MARKS_start_cut] += is_cut;
        if (is_cut)
            transcript_event(node, "the power is cut while it starts");
        if (is_over && !is_cut && error != ERR_MAP_FULL && !repair(v, node, error))
            return error;
        if (is_over) {
            service_destroy(&p->service);
            p->up_ns = clock_mono_ns() + RESTART_NS;
        }
    }
    return 0;
}

void venue_replace_sequencer(struct venue *v)
{
    struct venue_process *p = &v->processes[VENUE_SEQUENCER];
    if (p->service == NULL || v->zombie != NULL || p->is_rotten)
        return;
    disk_fork(disk_find(p->path), "zombie");
    network_orphan(VENUE_SEQUENCER, ZOMBIE);
    transcript_event(VENUE_SEQUENCER, "is replaced, and goes on");
    v->zombie = p->service;
    p->service = NULL;
    p->up_ns = clock_mono_ns() + RESTART_NS;
}

/* Those that are down connect to the new one when they come back. */
static bool is_known_dead(const struct venue *v)
{
    for (uint32_t node = 0; node < VENUE_NODES; node++) {
        const struct venue_process *p = &v->processes[node];
        if (p->service != NULL && p->kind->input == SERVICE_STREAM_LOG &&
            p->service->input.epoch <= v->zombie->publishers[0].epoch)
            return false;
    }
    return true;
}

void venue_turn_zombie(struct venue *v)
{
    if (v->zombie == NULL || (!v->is_awake && !is_known_dead(v)))
        return;
    marks[MARKS_zombie] += !v->is_awake;
    v->is_awake = true;
    power_begin(VENUE_SEQUENCER, 0);
    int done = service_turn(v->zombie);
    power_end();
    if (done < 0)
        service_destroy(&v->zombie);
}

static void count_metrics(const struct venue_process *p)
{
    if (p->service == NULL)
        return;
    const struct metrics *m = service_metrics(p->service);
    marks[MARKS_gap_found] += (uint32_t)metrics_get(m, METRICS_gaps_found);
    marks[MARKS_push_dropped] += (uint32_t)p->service->input.duplicates;
    marks[MARKS_stale_epoch] += (uint32_t)p->service->input.stale;
    marks[MARKS_approved_pruned] += (uint32_t)metrics_get(m, METRICS_blocks_pruned);
    marks[MARKS_resubmitted] += (uint32_t)metrics_get(m, METRICS_submissions_resent);
}

void venue_crash(struct venue *v, uint32_t node, uint64_t up_ns)
{
    struct venue_process *p = &v->processes[node];
    if (p->service != NULL)
        count_metrics(p);
    service_destroy(&p->service);
    p->up_ns = up_ns;
}

int venue_stop(struct venue *v, uint32_t node, uint64_t up_ns)
{
    struct venue_process *p = &v->processes[node];
    power_begin(node, 0);
    service_stop(p->service);
    int error = service_run(p->service);
    if (power_is_cut())
        error = 0; /* poison, on the way out */
    power_end();
    venue_crash(v, node, up_ns);
    return error == ERR_MAP_FULL || repair(v, node, error) ? 0 : error;
}

/* Ends that are as they should be: the power went, or the disk was full. */
static bool is_legal(int error)
{
    return power_is_cut() || error == ERR_MAP_FULL;
}

int venue_turn(struct venue *v, uint32_t node, uint32_t turns, uint32_t power_operation)
{
    struct venue_process *p = &v->processes[node];
    int done = 1;
    if (p->service == NULL || p->paused_ns > clock_mono_ns())
        return 0;
    power_begin(node, power_operation);
    while (turns-- > 0 && done > 0 && !power_is_cut())
        done = service_turn(p->service);
    bool legal = is_legal(done), is_over = done < 0 || power_is_cut();
    marks[MARKS_power_cut] += power_is_cut();
    if (power_is_cut())
        transcript_event(node, "the power is cut");
    marks[MARKS_map_full] += done == ERR_MAP_FULL;
    power_end();
    if (is_over && legal)
        venue_crash(v, node, clock_mono_ns() + RESTART_NS);
    if (p->service == NULL && poison_is_in(node, 0))
        p->up_ns = clock_mono_ns() + POISONED_NS;
    if (!is_over || legal)
        return 0;
    bool is_repaired = repair(v, node, done);
    if (is_repaired)
        p->up_ns = clock_mono_ns() + RESTART_NS;
    return is_repaired ? 0 : done;
}
