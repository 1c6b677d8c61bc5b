/* plan.c - draws a world from a seed; half of the faults are off in each. */
#include "tests/sim/plan.h"

#include "common/random.h"
#include "tests/sim/venue.h"

uint32_t plan_commands = PLAN_COMMANDS;

static uint32_t between(struct random *r, uint32_t low, uint32_t high)
{
    return (uint32_t)random_between(r, low, high);
}

/* A fault that is off in half of the seeds, and seldom at its worst: a venue that is
 * hardly ever up does little that could go wrong. */
static uint32_t maybe(struct random *r, uint32_t ppm_max)
{
    if (!random_chance(r, 500000))
        return 0;
    return between(r, 1, ppm_max >> random_below(r, 5));
}

static void draw_network(struct plan *p, struct random *r)
{
    p->weather.loss_ppm = maybe(r, 400000);
    p->weather.duplication_ppm = maybe(r, 300000);
    p->weather.delay_ns_min = between(r, 0, 200000);
    uint32_t slowness_ns = random_chance(r, 500000) ? 2000000 : 20000000;
    if (random_chance(r, 150000))
        slowness_ns = 400000000;
    p->weather.delay_ns_max = p->weather.delay_ns_min + between(r, 1, slowness_ns);
    p->weather.frames_max = random_chance(r, 150000) ? between(r, 10, 200) : BUS_HWM;
    p->step_ns_max = between(r, 1000000, 8000000);
}

static void draw_faults(struct plan *p, struct random *r)
{
    p->crash_ppm = maybe(r, 10000);
    p->cut_ppm = maybe(r, 20000);
    p->reset_ppm = maybe(r, 30000);
    p->partition_ppm = maybe(r, 4000);
    p->pause_ppm = maybe(r, 10000);
    p->fill_ppm = maybe(r, 1000);
    p->step_ppm = maybe(r, 2000);
    p->wipe_ppm = maybe(r, 500000);
    p->older_ppm = maybe(r, 500000);
    p->rot_ppm = maybe(r, 1000000);
    p->down_ns_max = between(r, 1000000, 600000000u >> random_below(r, 5));
    p->dead_ppm = maybe(r, 8000);
}

/* Small windows and rates; each draw is a statement, so that its order is fixed. */
static void draw_settings(struct core_settings *o, struct random *r)
{
    o->window_records = random_chance(r, 300000) ? between(r, 16, 64) : 65536;
    o->shard_window_records = random_chance(r, 300000) ? between(r, 16, 64) : 65536;
    o->order_rate = random_chance(r, 200000) ? 50 : 100000;
    o->order_burst = random_chance(r, 200000) ? 10 : 100000;
    o->cancel_rate = o->cancel_burst = 100000;
    o->query_rate = o->query_burst = 1000;
    if (random_chance(r, 150000)) { /* few frames may come, the rest is cut */
        o->order_rate = o->cancel_rate = o->query_rate = 100;
        o->order_burst = o->cancel_burst = o->query_burst = 20;
    }
    o->in_flight_max = random_chance(r, 300000) ? between(r, 1, 8) : 32768;
    o->busy_ms = 10;
    o->heartbeat_ms = between(r, 50, 500);
    o->idle_ms = random_chance(r, 200000) ? between(r, 300, 900) : 30000;
    o->query_timeout_ms = between(r, 300, 1500);
}

static void draw_service(struct plan *p, struct random *r)
{
    p->map_bytes = VENUE_MAP_BYTES;
    if (random_chance(r, 100000))
        p->map_bytes = between(r, 80000, 400000); /* it fills, until all heals */
    p->turn_frames_max = between(r, 1, 64);
    p->snapshot_records = between(r, 15, 300);
    p->commit_interval_us = random_chance(r, 300000) ? 0 : between(r, 1, 50000);
    p->archives = random_chance(r, 300000);
    p->prunes = p->seed % 2 == 0; /* no draw: old seeds stay what they were */
    p->has_guest = p->seed % 3 == 0;
    p->archive_keep_records = random_chance(r, 500000) ? 0 : between(r, 1, 2000);
    p->archive_segment_bytes = between(r, 1, 100000u >> random_below(r, 5));
    draw_settings(&p->settings, r);
}

static void draw_genesis(struct plan *p, struct random *r)
{
    bool small = random_chance(r, 300000);
    struct msg_genesis *g = &p->genesis;
    g->version = p->seed % 3 == 0 ? 3 : 1 + (uint32_t)(p->seed % 2);
    g->shards = p->shards;
    g->accounts_max = 16;
    g->balances_max = small ? 18 : 64;
    g->sessions_max = small ? 16 : 64;
    g->orders_max = small ? between(r, 16, 40) : PLAN_ORDERS_MAX;
    g->levels_max = 256; /* never full: the naive book has no end */
    g->references_max = small ? 16 : 1024;
    g->dedupe_window = small ? 16 : 64;
    g->digest_ticks = between(r, 1, 5);
    random_bytes(r, g->log_id, sizeof g->log_id);
    g->log_id[0] |= 1; /* zeros mean: none yet */
}

/* In half of the seeds half of the points, each with a frequency of its own. */
static void draw_points(struct plan *p, struct random *r)
{
    if (!random_chance(r, 500000))
        return;
    for (uint32_t i = 0; i < FAULT_COUNT; i++)
        p->fault_ppm[i] = maybe(r, 250000);
}

/* Whoever sends far more than may come in is cut off, again and again. */
static void spare(struct plan *p)
{
    const struct core_settings *o = &p->settings;
    bool is_narrow = o->order_rate < 1000 || o->in_flight_max < 1000 ||
                     p->weather.frames_max < BUS_HWM;
    if (is_narrow && p->window > 32)
        p->window = 1 + p->window % 32;
}

void plan_draw(struct plan *p, uint64_t seed)
{
    struct random r;
    random_init(&r, seed);
    *p = (struct plan){.seed = seed};
    p->steps = between(&r, 1500, 8000) * plan_commands / PLAN_COMMANDS;
    p->traders = between(&r, 1, PLAN_TRADERS_MAX);
    p->clients = p->traders + 2;
    p->gateways = between(&r, 1, PLAN_GATEWAYS_MAX);
    p->shards = between(&r, 1, PLAN_SHARDS_MAX);
    p->symbols = between(&r, 1, PLAN_SYMBOLS_MAX);
    p->commands = between(&r, 500, 8000) * plan_commands / PLAN_COMMANDS;
    p->window = random_chance(&r, 400000) ? between(&r, 1, 32) : between(&r, 33, 256);
    p->shares_account = random_chance(&r, 200000);
    p->is_poor = random_chance(&r, 250000);
    draw_network(p, &r);
    draw_faults(p, &r);
    draw_service(p, &r);
    draw_genesis(p, &r);
    draw_points(p, &r);
    spare(p);
    if (!p->archives && random_chance(&r, 100000))
        p->restore_step = between(&r, 100, p->steps);
    if (p->restore_step == 0 && random_chance(&r, 300000))
        p->poison_ppm = between(&r, 100, 4000);
    if (p->restore_step == 0 && !p->archives && random_chance(&r, 250000))
        p->zombie_step = between(&r, 100, p->steps);
}

void plan_draw_fair(struct plan *p, uint64_t seed)
{
    struct random r;
    random_init(&r, seed);
    *p = (struct plan){.seed = seed, .steps = 4000};
    p->traders = 4;
    p->clients = p->traders + 2;
    p->gateways = 2;
    p->shards = 2;
    p->symbols = PLAN_SYMBOLS_MAX;
    p->commands = 440; /* of each of four traders, half as many of the operator */
    p->window = 12;
    p->weather = (struct network_weather){.loss_ppm = 2000,
                                          .delay_ns_min = 10000,
                                          .delay_ns_max = 2000000,
                                          .frames_max = 1000};
    p->step_ns_max = 4000000;
    p->down_ns_max = 50000000;
    p->map_bytes = VENUE_MAP_BYTES;
    p->turn_frames_max = 16;
    p->snapshot_records = 400;
    p->commit_interval_us = 5000;
    p->archives = true;
    p->archive_segment_bytes = 8000;
    p->settings = (struct core_settings){.window_records = 65536,
                                         .shard_window_records = 65536,
                                         .order_rate = 100000,
                                         .order_burst = 100000,
                                         .cancel_rate = 100000,
                                         .cancel_burst = 100000,
                                         .query_rate = 1000,
                                         .query_burst = 1000,
                                         .in_flight_max = 32768,
                                         .heartbeat_ms = 100,
                                         .idle_ms = 30000,
                                         .query_timeout_ms = 1000};
    draw_genesis(p, &r);
}
