/* service_setup.c - see service_setup.h. */
#include "common/service_setup.h"

#include <assert.h>
#include <malloc.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/error.h"
#include "common/service_rights.h"

enum {
    MEGABYTE = 1 << 20,
    KEPT_BLOCK_BYTES = 32 * MEGABYTE, /* glibc's largest threshold for mmap */
    KEPT_BYTES = 512 * MEGABYTE,
    TURN_NS = 500000,
};

/* As sched_setattr(2) has it; the headers of Debian 12 cannot be had beside sched.h. */
struct turn {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};
static_assert(sizeof(struct turn) == 48, "the first size of sched_attr");

struct wiring {
    struct service_setup *setup;
    const struct config *config;
    char *message;
    int error;
};

static int complain(char *message, int error, const char *what, const char *which)
{
    snprintf(message, CONFIG_MESSAGE_MAX, "%s: %s", which, what);
    return error;
}

/* Memory given back to the system would be faulted in again by every batch. A thread
 * that preempts whoever has just woken it finds one frame, where it would have found
 * many a moment later; but where more threads are ready than there are processors, a
 * command waits for a turn of each (that turn: since Linux 6.12, ignored before). */
void service_setup_process(void)
{
    const struct turn turn = {.size = sizeof turn,
                              .policy = SCHED_BATCH,
                              .nice = getpriority(PRIO_PROCESS, 0),
                              .runtime_ns = TURN_NS};
    mallopt(M_MMAP_THRESHOLD, KEPT_BLOCK_BYTES);
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
    (void)syscall(SYS_sched_setattr, 0, &turn, 0); /* where it may not: as before */
}

int service_setup_name(char name[32], const struct service_kind *kind, uint32_t instance)
{
    bool many = kind->number == SERVICE_SHARD || kind->number == SERVICE_GATEWAY;
    int size = many ? snprintf(name, 32, "%s-%u", kind->core->name, instance)
                    : snprintf(name, 32, "%s", kind->core->name);
    return size > 0 && size < 32 ? 0 : ERR_LENGTH;
}

/* ---- keys -------------------------------------------------------------------------- */

static int read_own_key(struct service_setup *setup, const struct config *config,
                        char *message)
{
    FILE *file = fopen(config->key_file, "re");
    if (file == NULL)
        return complain(message, ERR_KEY, "cannot be read", config->key_file);
    bool ok = fscanf(file, "public %40s secret %40s", setup->public_key,
                     setup->secret_key) == 2 &&
              strlen(setup->public_key) == 40 && strlen(setup->secret_key) == 40;
    fclose(file);
    return ok ? 0 : complain(message, ERR_KEY, "is no key file", config->key_file);
}

static int read_known_keys(struct service_setup *setup, const struct config *config,
                           char *message)
{
    FILE *file = fopen(config->keys_file, "re");
    int error = 0, words;
    if (file == NULL)
        return complain(message, ERR_KEY, "cannot be read", config->keys_file);
    while (error == 0 && setup->key_count < SERVICE_SETUP_KEYS_MAX) {
        char *z85 = setup->keys[setup->key_count].z85;
        words = fscanf(file, "%31s %40s", setup->keys[setup->key_count].name, z85);
        if (words == EOF)
            break;
        if (words != 2 || strlen(z85) != 40 ||
            !bus_key_decode(setup->keys[setup->key_count].key, z85))
            error = complain(message, ERR_KEY, "wants lines of `name key`",
                             config->keys_file);
        setup->keys[setup->key_count].source =
            service_rights_source(setup->keys[setup->key_count].name);
        setup->key_count++;
    }
    fclose(file);
    return error;
}

/* Instances of one service may share a key: the first that has it will do. */
static int64_t identify(void *argument, const uint8_t key[32])
{
    const struct service_setup *setup = argument;
    for (uint32_t i = 0; i < setup->key_count; i++)
        if (memcmp(setup->keys[i].key, key, sizeof setup->keys[i].key) == 0)
            return setup->keys[i].source;
    return SERVICE_RIGHTS_STRANGER;
}

static bool admit(void *argument, enum bus_port port, const uint8_t key[32])
{
    const struct service_setup *setup = argument;
    int64_t peer = identify(argument, key);
    if (peer == SERVICE_RIGHTS_STRANGER)
        return false;
    return port != BUS_PUBLISHER || service_rights_hear(peer, setup->source);
}

/* ---- wiring ------------------------------------------------------------------------ */

static struct bus_endpoint *add(struct wiring *w, enum bus_port port, uint32_t index,
                                const char *pattern, uint32_t number)
{
    struct service_setup *setup = w->setup;
    uint32_t at = setup->options.bus.endpoint_count;
    if (w->error == 0 && at == BUS_PORTS_MAX)
        w->error = complain(w->message, ERR_LENGTH, "too many endpoints", pattern);
    if (w->error == 0 &&
        config_expand(pattern, number, setup->addresses[at], SERVICE_SETUP_TEXT) != 0)
        w->error = complain(w->message, ERR_LENGTH, "address too long", pattern);
    if (w->error != 0)
        return &setup->endpoints[0];
    setup->endpoints[at] =
        (struct bus_endpoint){.port = port,
                              .index = index,
                              .address = setup->addresses[at],
                              .frame_bytes_max = w->config->frame_bytes_max_internal};
    setup->options.bus.endpoint_count++;
    return &setup->endpoints[at];
}

static void bind_to(struct wiring *w, enum bus_port port, const char *pattern)
{
    struct bus_endpoint *endpoint = add(w, port, 0, pattern, w->config->instance);
    if (port == BUS_CLIENTS)
        endpoint->frame_bytes_max = w->config->frame_bytes_max;
}

/* `owner`: whose key the other end must prove; one of two, while it is being replaced. */
static void connect_to(struct wiring *w, enum bus_port port, uint32_t index,
                       const char *pattern, uint32_t number, const char *owner)
{
    struct bus_endpoint *endpoint = add(w, port, index, pattern, number);
    if (w->error != 0 || w->setup->options.bus.secret_key == NULL ||
        strncmp(endpoint->address, "inproc:", 7) == 0)
        return;
    for (uint32_t i = 0; i < w->setup->key_count; i++)
        if (strcmp(w->setup->keys[i].name, owner) == 0)
            *(endpoint->server_key ? &endpoint->other_key : &endpoint->server_key) =
                w->setup->keys[i].z85;
    if (endpoint->server_key == NULL)
        w->error = complain(w->message, ERR_KEY, "no public key in keys_file", owner);
}

static void connect_to_log(struct wiring *w, bool reads)
{
    const struct config *c = w->config;
    if (reads) {
        connect_to(w, BUS_STREAM, 0, c->endpoint_sequencer_pub, 0, "sequencer");
        connect_to(w, BUS_OWNER, 0, c->endpoint_sequencer, 0, "sequencer");
    }
    connect_to(w, BUS_SEQUENCER, 0, c->endpoint_sequencer, 0, "sequencer");
}

static void connect_to_services(struct wiring *w)
{
    const struct config *c = w->config;
    char name[32];
    /* Not the socket of submissions: a question never shares a frame with commands. */
    connect_to(w, BUS_SERVICE, SERVICE_SEQUENCER, c->endpoint_sequencer, 0, "sequencer");
    connect_to(w, BUS_SERVICE, SERVICE_RISK, c->endpoint_risk, 0, "risk");
    connect_to(w, BUS_SERVICE, SERVICE_SETTLEMENT, c->endpoint_settlement, 0,
               "settlement");
    connect_to(w, BUS_SERVICE, SERVICE_PORTFOLIO, c->endpoint_portfolio, 0, "portfolio");
    for (uint32_t k = 0; k < c->shards; k++) {
        snprintf(name, sizeof name, "shard-%u", k);
        connect_to(w, BUS_SERVICE, SERVICE_SHARD + k, c->endpoint_shard, k, name);
    }
}

static void wire(struct wiring *w, const struct service_kind *kind)
{
    const struct config *c = w->config;
    switch (kind->number) {
    case SERVICE_SEQUENCER:
        bind_to(w, BUS_SERVER, c->endpoint_sequencer);
        bind_to(w, BUS_PUBLISHER, c->endpoint_sequencer_pub);
        break;
    case SERVICE_RISK:
        bind_to(w, BUS_SERVER, c->endpoint_risk);
        bind_to(w, BUS_PUBLISHER, c->endpoint_risk_pub);
        connect_to_log(w, true);
        break;
    case SERVICE_SETTLEMENT:
        bind_to(w, BUS_SERVER, c->endpoint_settlement);
        connect_to_log(w, true);
        break;
    case SERVICE_PORTFOLIO:
        bind_to(w, BUS_SERVER, c->endpoint_portfolio);
        connect_to_log(w, true);
        break;
    case SERVICE_GATEWAY:
        bind_to(w, BUS_CLIENTS, c->endpoint_gateway);
        connect_to_log(w, true);
        connect_to_services(w);
        break;
    default:
        bind_to(w, BUS_SERVER, c->endpoint_shard);
        connect_to(w, BUS_STREAM, 0, c->endpoint_risk_pub, 0, "risk");
        connect_to(w, BUS_OWNER, 0, c->endpoint_risk, 0, "risk");
        connect_to_log(w, false);
        break;
    }
}

/* ---- the rest ---------------------------------------------------------------------- */

static int set_genesis(struct msg_genesis *genesis, const struct config *c, char *message)
{
    *genesis = (struct msg_genesis){.version = SERVICE_SETUP_VERSION,
                                    .shards = c->shards_max > c->shards ? c->shards_max
                                                                        : c->shards,
                                    .accounts_max = c->accounts_max,
                                    .balances_max = c->balances_max,
                                    .sessions_max = c->sessions_max,
                                    .orders_max = c->orders_max,
                                    .levels_max = c->levels_max,
                                    .references_max = c->references_max,
                                    .dedupe_window = c->dedupe_window,
                                    .digest_ticks = c->digest_ticks};
    if (*c->admin_key != 0 && !bus_key_decode(genesis->admin_key, c->admin_key))
        return complain(message, ERR_USAGE, "is no Z85 key", "admin_key");
    return 0;
}

static int set_skips(struct service_setup *setup, const struct config *c, char *message)
{
    uint32_t count = 0;
    for (const char *at = c->skip; *at != 0;) {
        char *end;
        if (count == sizeof setup->skips / sizeof *setup->skips)
            return complain(message, ERR_USAGE, "too many positions", "skip");
        setup->skips[count++] = strtoull(at, &end, 10);
        if (end == at || (*end != 0 && *end != ','))
            return complain(message, ERR_USAGE, "wants positions: seq,seq,...", "skip");
        at = *end == ',' ? end + 1 : end;
    }
    setup->options.skips = setup->skips;
    setup->options.skip_count = count;
    return 0;
}

static void set_numbers(struct service_options *o, const struct config *c)
{
    o->init = c->init;
    o->turn_frames_max = c->turn_frames_max;
    o->commit_interval_us = c->commit_interval_us;
    o->rest_us = c->rest_us;
    o->snapshot_records = c->snapshot_records;
    o->archive_path = *c->archive_dir != 0 ? c->archive_dir : NULL;
    o->archive_keep_records = c->archive_keep_records;
    o->prune_approved = c->prune_approved;
    o->archive_segment_bytes = (uint64_t)c->archive_segment_kb << 10;
    o->query_wait_ms = c->query_wait_ms;
    o->unacked_bytes_max = c->unacked_bytes_max;
    o->fetch_bytes_max = c->fetch_bytes_max;
    o->map_alarm_percent = c->map_alarm_percent;
    o->map_refuse_percent = c->map_refuse_percent;
    o->settings = (struct core_settings){.curve = c->curve,
                                         .force_open = c->force_open,
                                         .clock_jump = c->clock_jump,
                                         .window_records = c->window_records,
                                         .shard_window_records = c->shard_window_records,
                                         .order_rate = c->order_rate,
                                         .order_burst = c->order_burst,
                                         .cancel_rate = c->cancel_rate,
                                         .cancel_burst = c->cancel_burst,
                                         .query_rate = c->query_rate,
                                         .query_burst = c->query_burst,
                                         .in_flight_max = c->in_flight_max,
                                         .busy_ms = c->busy_ms,
                                         .heartbeat_ms = c->heartbeat_ms,
                                         .idle_ms = c->idle_ms,
                                         .query_timeout_ms = c->query_timeout_ms};
}

int service_setup_init(struct service_setup *setup, const struct service_kind *kind,
                       const struct config *c, char *message)
{
    char name[32];
    memset(setup, 0, sizeof *setup);
    struct service_options *o = &setup->options;
    service_options_init(o);
    o->instance = c->instance;
    int error = service_setup_name(name, kind, c->instance);
    setup->source = service_rights_source(name);
    if (error == 0 && snprintf(setup->path, sizeof setup->path, "%s/%s", c->data_dir,
                               name) >= (int)sizeof setup->path)
        error = ERR_LENGTH;
    if (error != 0)
        return complain(message, error, "path too long", c->data_dir);
    o->journal =
        (struct journal_options){.path = setup->path,
                                 .map_bytes = (uint64_t)c->map_size_mb * MEGABYTE,
                                 .new_bytes = (uint64_t)c->preallocate_mb * MEGABYTE,
                                 .durable = c->durable};
    set_numbers(o, c);
    error = set_genesis(&o->genesis, c, message);
    if (error == 0)
        error = set_skips(setup, c, message);
    if (error == 0 && *c->key_file != 0)
        error = read_own_key(setup, c, message);
    if (error == 0 && *c->keys_file != 0)
        error = read_known_keys(setup, c, message);
    if (error == 0 && c->curve && *setup->secret_key == 0)
        error = complain(message, ERR_KEY, "curve is on but there is no key", "key_file");
    if (error != 0)
        return error;
    if (c->curve) {
        o->bus.secret_key = setup->secret_key;
        o->bus.public_key = setup->public_key;
    }
    o->bus.endpoints = setup->endpoints;
    o->bus.admit = admit;
    o->bus.identify = identify;
    o->bus.argument = setup;
    struct wiring w = {.setup = setup, .config = c, .message = message};
    wire(&w, kind);
    return w.error;
}
