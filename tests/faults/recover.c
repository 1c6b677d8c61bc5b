/* recover.c - see recover.h. */
#include "tests/faults/recover.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/log.h"
#include "common/service.h"
#include "common/service_instance.h"
#include "deploy/cli/commands.h"
#include "services/gateway/gateway_core.h"
#include "services/portfolio/portfolio_core.h"
#include "services/risk/risk_core.h"
#include "services/sequencer/sequencer_core.h"
#include "services/settlement/settlement_core.h"
#include "services/shard/shard_core.h"
#include "tests/unit/service_net.h"

enum {
    SEQUENCER, /* in the order of `members` */
    RISK,
    SHARD,
    SERVICES = 6,
    MS = 1000000,
    ROUNDS = 30000,
    REST_ROUNDS = 120, /* a tick */
    SNAPSHOT_RECORDS = 1000,
    ARCHIVE_KEEP = 1000,
    SEGMENT_BYTES = 64 << 10,
    MAP_BYTES = 256 << 20,
};

#define READS(stream, owner)                                                             \
    {.port = BUS_STREAM, .address = stream}, {.port = BUS_OWNER, .address = owner},      \
    {                                                                                    \
        .port = BUS_SEQUENCER, .address = "sequencer"                                    \
    }

static const struct member {
    const struct service_kind *kind;
    const char *name;
    struct bus_endpoint endpoints[10];
} members[SERVICES] = {
    {&sequencer_kind,
     "sequencer",
     {{.port = BUS_SERVER, .address = "sequencer"},
      {.port = BUS_PUBLISHER, .address = "log"}}},
    {&risk_kind,
     "risk",
     {{.port = BUS_SERVER, .address = "risk"},
      {.port = BUS_PUBLISHER, .address = "approved"},
      READS("log", "sequencer")}},
    {&shard_kind,
     "shard-0",
     {{.port = BUS_SERVER, .address = "shard-0"}, READS("approved", "risk")}},
    {&settlement_kind,
     "settlement",
     {{.port = BUS_SERVER, .address = "settlement"}, READS("log", "sequencer")}},
    {&portfolio_kind,
     "portfolio",
     {{.port = BUS_SERVER, .address = "portfolio"}, READS("log", "sequencer")}},
    {&gateway_kind,
     "gateway-0",
     {{.port = BUS_CLIENTS, .address = "clients"},
      READS("log", "sequencer"),
      {.port = BUS_SERVICE, .index = SERVICE_SEQUENCER, .address = "sequencer"},
      {.port = BUS_SERVICE, .index = SERVICE_RISK, .address = "risk"},
      {.port = BUS_SERVICE, .index = SERVICE_SETTLEMENT, .address = "settlement"},
      {.port = BUS_SERVICE, .index = SERVICE_PORTFOLIO, .address = "portfolio"},
      {.port = BUS_SERVICE, .index = SERVICE_SHARD, .address = "shard-0"}}},
};

char recover_difference[512];
static struct service_instance *venue[SERVICES];
static char paths[SERVICES + 1][256];

static int start(uint32_t i, const char *directory)
{
    struct service_options o;
    const struct member *m = &members[i];
    service_options_init(&o);
    snprintf(paths[i], sizeof paths[i], "%s/%s", directory, m->name);
    snprintf(paths[SERVICES], sizeof paths[SERVICES], "%s/archive", directory);
    o.journal = (struct journal_options){
        .path = paths[i], .map_bytes = MAP_BYTES, .durable = false};
    o.bus.endpoints = m->endpoints;
    while (m->endpoints[o.bus.endpoint_count].address != NULL)
        o.bus.endpoint_count++;
    o.snapshot_records = SNAPSHOT_RECORDS;
    o.snapshot_child_bytes = UINT64_MAX; /* its clock is not ours */
    o.archive_path = paths[SERVICES];
    o.archive_keep_records = ARCHIVE_KEEP;
    o.archive_segment_bytes = SEGMENT_BYTES;
    o.settings = (struct core_settings){.window_records = 100000,
                                        .shard_window_records = 100000,
                                        .order_rate = 1000,
                                        .order_burst = 1000,
                                        .cancel_rate = 1000,
                                        .cancel_burst = 1000,
                                        .query_rate = 1000,
                                        .query_burst = 1000,
                                        .in_flight_max = 100,
                                        .heartbeat_ms = 1000,
                                        .idle_ms = 30000,
                                        .query_timeout_ms = 2000};
    return service_create(&venue[i], m->kind, &o);
}

static int say(const char *what, uint32_t i, int error)
{
    fprintf(stderr, "%s: %s: %s\n", members[i].name, what, error_name(error));
    return error;
}

static int turn_all(void)
{
    net.now_ns += MS;
    for (uint32_t i = 0; i < SERVICES; i++) {
        int done = service_turn(venue[i]);
        if (done < 0)
            return say("stops", i, done);
    }
    return 0;
}

/* All know the end of the log; the shard what risk has for it, for without symbols it
 * hears of nothing else, not even of the time. */
static bool is_at_rest(void)
{
    const uint64_t end = service_next(venue[SEQUENCER]);
    const uint64_t approved = venue[RISK]->publishers[0].next;
    for (uint32_t i = 0; i < SERVICES; i++)
        if (!service_is_ready(venue[i]) ||
            (i == SHARD ? venue[i]->input.next < approved : venue[i]->gseq + 1 < end))
            return false;
    return true;
}

static int come_to_rest(void)
{
    uint32_t resting = 0;
    for (uint32_t round = 0; round < ROUNDS && resting < REST_ROUNDS; round++) {
        int error = turn_all();
        if (error != 0)
            return error;
        resting = resting > 0 || is_at_rest() ? resting + 1 : 0;
    }
    for (uint32_t i = 0; resting < REST_ROUNDS && i < SERVICES; i++)
        fprintf(stderr, "%s: %s at %" PRIu64 ", log at %" PRIu64 "\n", members[i].name,
                service_is_ready(venue[i]) ? "ready" : "not ready",
                service_next(venue[i]), venue[i]->gseq);
    return resting < REST_ROUNDS ? RECOVER_UNREADY : 0;
}

static int stop_all(void)
{
    int first = 0;
    for (uint32_t i = SERVICES; i-- > 0;) {
        if (venue[i] == NULL)
            continue;
        service_stop(venue[i]);
        int error = first == 0 ? service_run(venue[i]) : 0;
        if (error != 0)
            first = say("stopping", i, error);
        service_destroy(&venue[i]);
    }
    return first;
}

int recover_verify(const char *directory)
{
    char words[256], *text = recover_difference;
    snprintf(words, sizeof words, "%s", directory);
    char *argv[] = {words, NULL};
    int out = dup(STDOUT_FILENO), file = memfd_create("verify", 0);
    fflush(stdout);
    if (out < 0 || file < 0 || dup2(file, STDOUT_FILENO) < 0)
        return RECOVER_UNVERIFIED;
    int code = command_verify(1, argv);
    fflush(stdout);
    if (dup2(out, STDOUT_FILENO) < 0)
        return RECOVER_UNVERIFIED;
    if (code != 0 && pread(file, text, sizeof recover_difference - 1, 0) > 0)
        fprintf(stderr, "verify: %s", text);
    close(out);
    close(file);
    return code == 0 ? 0 : RECOVER_UNVERIFIED;
}

int recover_run(const char *directory, const struct reference *reference, uint64_t told,
                uint64_t *same)
{
    int error = 0;
    log_set_level(LOG_LEVEL_ERROR);
    net.now_ns = MS;
    random_init(&net.random, 1);
    *same = 0;
    for (uint32_t i = 0; error == 0 && i < SERVICES; i++)
        if ((error = start(i, directory)) != 0)
            (void)say("does not start", i, error);
    if (error == 0)
        error = come_to_rest();
    int stopped = stop_all();
    if (error == 0)
        error = stopped;
    if (error == 0)
        error = reference_compare(reference, directory, same);
    if (error == 0 && *same < told) {
        fprintf(stderr, "told of %" PRIu64 ", recovered %" PRIu64 "\n", told, *same);
        error = RECOVER_LOST;
    }
    return error != 0 ? error : recover_verify(directory);
}
