/* bench_restart.c - see bench_restart.h. */
#include "deploy/cli/bench_restart.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/bus.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/service_instance.h"
#include "common/service_setup.h"
#include "deploy/cli/args.h"
#include "proto/codec.h"
#include "services/shard/shard_core.h"

enum { ASK_MS = 10, GIVE_UP_S = 60, FRAME_BYTES_MAX_IN = 1 << 20 };

/* ---- a shard alone ----------------------------------------------------------------- */

/* It finds nobody at its addresses, so it does nothing but replay. */
static int configure(struct service_setup *setup, const char *directory)
{
    struct config config;
    char address[512], message[CONFIG_MESSAGE_MAX] = "";
    config_init(&config);
    config.curve = false;
    int error = config_set(&config, "data_dir", directory, message);
    static const char *const endpoints[] = {"endpoint_sequencer", "endpoint_risk",
                                            "endpoint_risk_pub", "endpoint_shard"};
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints && error == 0; i++) {
        snprintf(address, sizeof address, "ipc://%.200s/alone-%zu", directory, i);
        error = config_set(&config, endpoints[i], address, message);
    }
    if (error == 0)
        error = service_setup_init(setup, &shard_kind, &config, message);
    return error == 0 ? ARGS_OK : args_fail("bench: %s", message);
}

/* As the sequencer says when a shard checks in: all that it has reported is in the log.
 * Unasked it would keep what it makes, and stop when that is too much. */
static int welcome(struct service_instance *shard)
{
    const struct msg_welcome all = {.last_n = ID_MAX};
    return stream_submitter_welcome(&shard->submitter, &all, 0);
}

static int replay(struct service_instance *shard, struct bench_restart *result)
{
    uint64_t first = service_next(shard), began_ns = clock_mono_ns(), next = first;
    int done;
    do {
        next = service_next(shard);
        done = welcome(shard);
        if (done == 0)
            done = service_turn(shard);
    } while (done >= 0 && service_next(shard) != next);
    result->elapsed_ns = clock_mono_ns() - began_ns;
    result->records = next - first;
    return done;
}

int bench_restart_shard(const char *directory, struct bench_restart *result)
{
    struct service_setup *setup = calloc(1, sizeof *setup);
    struct service_instance *shard = NULL;
    CHECK(setup != NULL);
    *result = (struct bench_restart){0};
    int code = configure(setup, directory), error = 0;
    if (code == ARGS_OK)
        error = service_create(&shard, &shard_kind, &setup->options);
    if (code == ARGS_OK && error == 0)
        error = replay(shard, result);
    service_destroy(&shard);
    free(setup);
    return error >= 0 ? code
                      : args_fail("bench: the shard's restart: %s", error_name(error));
}

/* ---- a venue ----------------------------------------------------------------------- */

/* A status as the operator; before the gateway is up nobody takes it. */
static void ask(struct bus *bus)
{
    static const struct msg hello = {.kind = MSG_hello,
                                     .hello = {.account = ACCOUNT_ADMIN}};
    static const struct msg status = {
        .kind = MSG_query, .query = {.id = 1, .kind = QUERY_KIND_STATUS, .limit = 1000}};
    uint8_t frame[256];
    size_t size = 0, added = 0;
    int error = codec_encode(frame, sizeof frame, &hello, &size);
    if (error == 0)
        error = codec_encode(frame + size, sizeof frame - size, &status, &added);
    CHECK(error == 0);
    (void)bus_send(bus, BUS_SERVICE, 0, frame, size + added);
}

/* How many services the frame tells to be ready and without anything to read. */
static uint32_t count_ready(const struct bus_frame *frame)
{
    uint32_t ready = 0;
    size_t used = 0;
    for (size_t at = 0; at < frame->size; at += used) {
        struct msg m MSG_UNSET;
        if (codec_decode(frame->bytes + at, frame->size - at, &m, &used) != 0)
            return 0;
        ready +=
            m.kind == MSG_row_service && m.row_service.ready && m.row_service.lag == 0;
    }
    return ready;
}

static bool is_up(struct bus *bus, uint32_t services)
{
    struct bus_frame frame;
    while (bus_receive(bus, &frame) == 1)
        if (count_ready(&frame) >= services)
            return true;
    bus_wait(bus, ASK_MS);
    return false;
}

int bench_restart_await(const char *address, uint32_t services, uint64_t *elapsed_ns)
{
    struct bus_endpoint endpoint = {
        .port = BUS_SERVICE, .address = address, .frame_bytes_max = FRAME_BYTES_MAX_IN};
    struct bus_options options = {.endpoints = &endpoint, .endpoint_count = 1};
    struct bus *bus = NULL;
    uint64_t began_ns = clock_mono_ns(), asked_ns = 0;
    int error = bus_open(&bus, &options);
    while (error == 0 && !is_up(bus, services)) {
        uint64_t now_ns = clock_mono_ns();
        if (now_ns - asked_ns >= ASK_MS * (uint64_t)CLOCK_MS_NS) {
            ask(bus);
            asked_ns = now_ns;
        }
        if (now_ns - began_ns > GIVE_UP_S * (uint64_t)CLOCK_S_NS)
            error = ERR_STOPPED;
    }
    *elapsed_ns = clock_mono_ns() - began_ns;
    bus_close(&bus);
    return error == 0 ? ARGS_OK : args_fail("bench: the venue does not come up again");
}
