/* storm_setup.c - the venue to trade in, and the life of the crowd. */
#include <stdbool.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/pages.h"
#include "deploy/cli/args.h"
#include "proto/codec.h"
#include "tests/overload/storm_state.h"

enum {
    OPEN_MS = 30000,
    SILENCE_MS = 20000,
    RETRY_MS = 100,
    FRAME_BYTES_MAX_IN = 8 << 20,
    PRELOAD_MS = 500,
    PRELOAD_WINDOW = 1024,
};

#define STOCK (STORM_LANES * LANE_WINDOW)

static void *map(size_t size)
{
    void *memory = pages_map(size, 0);
    CHECK(memory != NULL);
    return memory;
}

/* ---- sessions ---------------------------------------------------------------------- */

static void say_hello(struct storm *s, uint32_t i)
{
    struct msg m = {.kind = MSG_hello};
    m.hello.account = i == STORM_ADMIN ? ACCOUNT_ADMIN : STORM_FIRST_ACCOUNT + i;
    size_t size = 0;
    storm_put(s, &size, &m);
    for (uint32_t k = 0; k < (i == STORM_ADMIN ? 1 : STORM_LANES); k++) {
        const bool open = i == STORM_ADMIN ? s->operator_lane.id : s->lanes[i][k].id;
        m = (struct msg){.kind = MSG_client_open, .client_open = {.nonce = k + 1}};
        if (!open)
            storm_put(s, &size, &m);
    }
    storm_send(s, i, size);
}

static int open_sessions(struct storm *s, uint32_t first, uint32_t peers, uint32_t wanted)
{
    const uint64_t end_ns = clock_mono_ns() + OPEN_MS * (uint64_t)CLOCK_MS_NS;
    uint64_t again_ns = 0;
    s->now_ns = clock_mono_ns();
    while (s->opened < wanted && s->code == ARGS_OK) {
        if (s->now_ns > end_ns)
            return args_fail("the venue does not open sessions");
        for (uint32_t i = first; i < first + peers && s->now_ns >= again_ns; i++)
            say_hello(s, i);
        if (s->now_ns >= again_ns)
            again_ns = s->now_ns + RETRY_MS * (uint64_t)CLOCK_MS_NS;
        storm_receive(s, RETRY_MS / 10);
    }
    return s->code;
}

/* ---- the operator ------------------------------------------------------------------ */

static int await(struct storm *s, const uint64_t *count, uint64_t wanted)
{
    const uint64_t end_ns = clock_mono_ns() + SILENCE_MS * (uint64_t)CLOCK_MS_NS;
    while (*count < wanted && s->code == ARGS_OK) {
        storm_receive(s, RETRY_MS);
        if (s->now_ns > end_ns)
            return args_fail("the operator is not answered");
    }
    return s->code;
}

static int operate(struct storm *s, const struct msg *command)
{
    struct lane_order order = {.sent_ns = 0};
    uint8_t body[BODY_BYTES_MAX];
    size_t size = 0, body_size = 0;
    const uint64_t wanted = s->done + 1;
    CHECK(codec_encode(body, sizeof body, command, &body_size) == 0);
    const uint64_t n = lane_send(&s->operator_lane, &order, clock_mono_ns());
    storm_put_command(s, &size, &s->operator_lane, n, body, (uint32_t)body_size);
    storm_send(s, STORM_ADMIN, size);
    return await(s, &s->done, wanted);
}

static int declare(struct storm *s)
{
    struct msg m MSG_UNSET;
    int code = ARGS_OK;
    for (uint32_t i = 0; code == ARGS_OK && bench_flow_venue(i, STORM_FIRST_ACCOUNT, &m);
         i++)
        code = operate(s, &m);
    return code;
}

int storm_lags(struct storm *s, uint64_t *settlement, uint64_t *portfolio)
{
    const uint64_t wanted = s->answers + 1;
    struct msg m = {.kind = MSG_query,
                    .query = {.id = wanted, .kind = QUERY_KIND_STATUS, .limit = 1000}};
    size_t size = 0;
    storm_put(s, &size, &m);
    storm_send(s, STORM_ADMIN, size);
    const int code = await(s, &s->answers, wanted);
    *settlement = s->lags[0];
    *portfolio = s->lags[1];
    return code;
}

/* ---- life -------------------------------------------------------------------------- */

static int connect_all(struct storm *s, const char *address)
{
    struct bus_endpoint endpoints[STORM_PEERS];
    for (uint32_t i = 0; i < STORM_PEERS; i++)
        endpoints[i] = (struct bus_endpoint){.port = BUS_SERVICE,
                                             .index = i,
                                             .address = address,
                                             .frame_bytes_max = FRAME_BYTES_MAX_IN};
    const struct bus_options options = {.endpoints = endpoints,
                                        .endpoint_count = STORM_PEERS};
    return bus_open(&s->bus, &options) == 0 ? ARGS_OK
                                            : args_fail("cannot connect to %s", address);
}

int storm_create(struct storm **created, const char *address, uint64_t seed)
{
    struct storm *s = map(sizeof *s);
    *created = s;
    s->slices = map(STORM_SLICES * sizeof *s->slices);
    s->sent_of = map(BENCH_FLOW_ORDERS_MAX * sizeof *s->sent_of);
    for (uint32_t i = 0; i < STORM_ACCOUNTS; i++)
        s->stocks[i].orders = map(STOCK * sizeof(struct lane_order));
    s->began_ns = clock_mono_ns();
    bench_flow_init(&s->flow, seed);
    int code = connect_all(s, address);
    if (code == ARGS_OK)
        code = open_sessions(s, STORM_ADMIN, 1, 1);
    if (code == ARGS_OK)
        code = declare(s);
    if (code == ARGS_OK)
        code = open_sessions(s, 0, STORM_ACCOUNTS, 1 + STORM_ACCOUNTS * STORM_LANES);
    s->flow.only_rests = true;
    if (code == ARGS_OK)
        code = storm_fill(s, PRELOAD_WINDOW, PRELOAD_MS);
    s->flow.only_rests = false;
    return code;
}

void storm_destroy(struct storm **destroyed)
{
    struct storm *s = *destroyed;
    if (s == NULL)
        return;
    if (s->bus != NULL)
        bus_close(&s->bus);
    bench_flow_close(&s->flow);
    for (uint32_t i = 0; i < STORM_ACCOUNTS; i++)
        pages_unmap(s->stocks[i].orders, STOCK * sizeof(struct lane_order));
    pages_unmap(s->sent_of, BENCH_FLOW_ORDERS_MAX * sizeof *s->sent_of);
    pages_unmap(s->slices, STORM_SLICES * sizeof *s->slices);
    pages_unmap(s, sizeof *s);
    *destroyed = NULL;
}
