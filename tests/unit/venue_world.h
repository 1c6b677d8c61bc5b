/* venue_world.h - every service of the venue in one thread, around a network in memory,
 * and three clients that send until they are accepted.
 *
 * Owns:     a temporary directory, the running instances, the clients.
 * Units:    ns of the test's own clock.
 * Errors:   a turn that fails fails the test.
 * Threads:  one.
 * Bounds:   two shards, COMMANDS commands a client.
 */
#ifndef VENUE_WORLD_H
#define VENUE_WORLD_H

#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/service.h"
#include "common/service_instance.h"
#include "common/writer.h"
#include "proto/codec.h"
#include "services/gateway/gateway_core.h"
#include "services/portfolio/portfolio_core.h"
#include "services/risk/risk_core.h"
#include "services/sequencer/sequencer_core.h"
#include "services/settlement/settlement_core.h"
#include "services/shard/shard_core.h"
#include "tests/unit/declare.h"
#include "tests/unit/service_net.h"
#include "tests/unit/unit.h"

enum { SEQUENCER, RISK, SHARD_0, SHARD_1, SETTLEMENT, PORTFOLIO, GATEWAY, SERVICES };
enum { ADMIN, ALICE, BOB, CLIENTS };
enum { MS = 1000000, ALICE_ACCOUNT = 10, COMMANDS = 400 };

/* ---- the venue --------------------------------------------------------------------- */

static const struct service_kind *const kinds[SERVICES] = {
    &sequencer_kind,  &risk_kind,      &shard_kind,  &shard_kind,
    &settlement_kind, &portfolio_kind, &gateway_kind};

#define READS_LOG                                                                        \
    {.port = BUS_STREAM, .address = "log"}, {.port = BUS_OWNER, .address = "seq"},       \
    {                                                                                    \
        .port = BUS_SEQUENCER, .address = "seq"                                          \
    }
#define READS_APPROVED                                                                   \
    {.port = BUS_STREAM, .address = "approved"}, {.port = BUS_OWNER, .address = "risk"}, \
    {                                                                                    \
        .port = BUS_SEQUENCER, .address = "seq"                                          \
    }

static const struct bus_endpoint endpoints[SERVICES][12] = {
    [SEQUENCER] = {{.port = BUS_SERVER, .address = "seq"},
                   {.port = BUS_PUBLISHER, .address = "log"}},
    [RISK] = {{.port = BUS_SERVER, .address = "risk"},
              {.port = BUS_PUBLISHER, .address = "approved"},
              READS_LOG},
    [SHARD_0] = {{.port = BUS_SERVER, .address = "shard0"}, READS_APPROVED},
    [SHARD_1] = {{.port = BUS_SERVER, .address = "shard1"}, READS_APPROVED},
    [SETTLEMENT] = {{.port = BUS_SERVER, .address = "settlement"}, READS_LOG},
    [PORTFOLIO] = {{.port = BUS_SERVER, .address = "portfolio"}, READS_LOG},
    [GATEWAY] =
        {{.port = BUS_CLIENTS, .address = "clients"},
         READS_LOG,
         {.port = BUS_SERVICE, .index = SERVICE_SEQUENCER, .address = "seq"},
         {.port = BUS_SERVICE, .index = SERVICE_RISK, .address = "risk"},
         {.port = BUS_SERVICE, .index = SERVICE_SETTLEMENT, .address = "settlement"},
         {.port = BUS_SERVICE, .index = SERVICE_PORTFOLIO, .address = "portfolio"},
         {.port = BUS_SERVICE, .index = SERVICE_SHARD, .address = "shard0"},
         {.port = BUS_SERVICE, .index = SERVICE_SHARD + 1, .address = "shard1"}},
};

static char directory[] = "/tmp/zex-venue-test-XXXXXX";
static struct service_instance *venue[SERVICES];

static bool prunes; /* risk keeps little of its streams */

static struct service_options options_of(uint32_t i, char path[80])
{
    struct service_options o;
    service_options_init(&o);
    o.instance = i == SHARD_1;
    o.journal =
        (struct journal_options){.path = path, .map_bytes = 256u << 20, .durable = false};
    o.bus.endpoints = endpoints[i];
    while (endpoints[i][o.bus.endpoint_count].address != NULL)
        o.bus.endpoint_count++;
    o.init = true;
    o.snapshot_records = 150;
    o.snapshot_child_bytes = UINT64_MAX; /* a child has a clock of its own */
    o.prune_approved = prunes;
    o.settings = (struct core_settings){.window_records = 100000,
                                        .shard_window_records = 100000,
                                        .order_rate = 100000,
                                        .order_burst = 100000,
                                        .cancel_rate = 100000,
                                        .cancel_burst = 100000,
                                        .query_rate = 1000,
                                        .query_burst = 1000,
                                        .in_flight_max = 100,
                                        .heartbeat_ms = 1000,
                                        .idle_ms = 30000,
                                        .query_timeout_ms = 2000};
    o.genesis = (struct msg_genesis){.version = 1,
                                     .shards = 2,
                                     .accounts_max = 64,
                                     .balances_max = 256,
                                     .sessions_max = 64,
                                     .orders_max = 1024,
                                     .levels_max = 1024,
                                     .references_max = 64,
                                     .dedupe_window = 64,
                                     .digest_ticks = 7};
    return o;
}

static struct service_instance *start_at(uint32_t i, const char *name)
{
    static char paths[64][80]; /* borrowed by instances that may live on */
    static uint32_t count;
    struct service_instance *instance = NULL;
    char *path = paths[count++ % 64];
    snprintf(path, sizeof paths[0], "%s/%s%u", directory, name, i);
    struct service_options options = options_of(i, path);
    assert_int_equal(service_create(&instance, kinds[i], &options), 0);
    return instance;
}

static void turn(struct service_instance *instance)
{
    assert_true(service_turn(instance) >= 0);
}

/* ---- clients: each has a list of commands, sent one by one until accepted ---------- */

static struct client {
    struct bus *bus;
    uint32_t account;
    void (*looks)(const struct client *, const uint8_t *frame, size_t size); /* or NULL */
    uint64_t session, n, sent_ns;
    uint32_t count;
    struct msg commands[COMMANDS];
} clients[CLIENTS];

static size_t put(uint8_t *at, const struct msg *m)
{
    size_t size = 0;
    assert_int_equal(codec_encode(at, MESSAGE_BYTES_MAX, m, &size), 0);
    return size;
}

static void say(struct client *c)
{
    uint8_t bytes[4 * MESSAGE_BYTES_MAX];
    struct msg m = {.kind = MSG_hello};
    m.hello.account = c->account;
    size_t size = put(bytes, &m);
    m = (struct msg){.kind = MSG_client_open};
    m.client_open.nonce = 1;
    if (c->session == 0)
        size += put(bytes + size, &m);
    m = (struct msg){.kind = MSG_command};
    m.command.session = c->session;
    m.command.n = c->n + 1;
    if (c->session != 0) {
        m.command.body_size = (uint16_t)put(m.command.body, &c->commands[c->n]);
        size += put(bytes + size, &m);
    }
    (void)bus_send(c->bus, BUS_OWNER, 0, bytes, size);
    c->sent_ns = net.now_ns;
}

static void hear(struct client *c, const struct msg *m)
{
    if (m->kind == MSG_opened)
        c->session = m->opened.session;
    if (m->kind == MSG_accepted && m->accepted.n == c->n + 1)
        c->n++;
    assert_true(m->kind != MSG_conflict && m->kind != MSG_session_gone);
    if (m->kind == MSG_opened || m->kind == MSG_accepted)
        c->sent_ns = 0; /* the next one at once */
}

static bool is_done(const struct client *c)
{
    return c->n == c->count;
}

static void client_turn(struct client *c)
{
    struct bus_frame frame;
    while (bus_receive(c->bus, &frame) == 1) {
        struct msg m;
        size_t used = 0;
        if (c->looks != NULL)
            c->looks(c, frame.bytes, frame.size);
        for (size_t at = 0; at < frame.size; at += used) {
            assert_int_equal(codec_decode(frame.bytes + at, frame.size - at, &m, &used),
                             0);
            hear(c, &m);
        }
    }
    if (!is_done(c) && (c->sent_ns == 0 || net.now_ns - c->sent_ns > 300 * MS))
        say(c);
}

/* ---- what they want ---------------------------------------------------------------- */

static void add(uint32_t i, struct msg msg)
{
    struct client *c = &clients[i];
    assert_true(c->count < COMMANDS);
    c->commands[c->count++] = msg;
}

/* Names of orders that tell whose they are, even in the midst of other bytes. */
#define NAME_HEAD(i) (UINT64_C(0x5EC2E700) + (i))
#define NAME_BITS    24

static struct msg any_order(uint64_t id)
{
    return (struct msg){
        .kind = MSG_order_new,
        .order_new = {.cl_ord_id = id,
                      .symbol = 1 + (uint32_t)random_below(&net.random, DECLARE_SYMBOLS),
                      .side = random_chance(&net.random, 500000) ? SIDE_BUY : SIDE_SELL,
                      .ord_type = ORD_TYPE_LIMIT,
                      .tif = random_chance(&net.random, 100000) ? TIF_IOC : TIF_GTC,
                      .price = random_between(&net.random, 90, 110),
                      .quantity = random_between(&net.random, 1, 50)}};
}

/* Of one of the five commands before. */
static struct msg any_cancel(uint64_t id)
{
    return (struct msg){
        .kind = MSG_order_cancel,
        .order_cancel = {.cl_ord_id = id,
                         .orig_cl_ord_id = id - 1 - random_below(&net.random, 5)}};
}

static struct msg any_replace(uint64_t id)
{
    return (struct msg){
        .kind = MSG_order_replace,
        .order_replace = {.cl_ord_id = id,
                          .orig_cl_ord_id = id - 1 - random_below(&net.random, 5),
                          .price = random_between(&net.random, 90, 110),
                          .quantity = random_between(&net.random, 1, 50)}};
}

static void add_orders(uint32_t i)
{
    const uint64_t first = NAME_HEAD(i) << NAME_BITS;
    for (uint64_t id = first + 1; id < first + COMMANDS; id++) {
        const uint64_t roll = random_below(&net.random, 10);
        add(i, roll > 2 || id <= first + 5 ? any_order(id)
               : roll == 2                 ? any_replace(id)
                                           : any_cancel(id));
    }
}

static void write_commands(void)
{
    for (uint32_t asset = 1; asset <= DECLARE_ASSETS; asset++)
        add(ADMIN, declare_asset(asset));
    for (uint32_t symbol = 1; symbol <= DECLARE_SYMBOLS; symbol++)
        add(ADMIN, declare_symbol(symbol, symbol - 1));
    for (uint32_t account = ALICE_ACCOUNT; account <= ALICE_ACCOUNT + 1; account++) {
        add(ADMIN, declare_trader(account, 200));
        for (uint32_t asset = 1; asset <= DECLARE_ASSETS; asset++)
            add(ADMIN, declare_money(account, asset, 1000000));
    }
    add_orders(ALICE);
    add_orders(BOB);
}

/* ---- running ----------------------------------------------------------------------- */

static void remove_files(void)
{
    char command[80];
    snprintf(command, sizeof command, "rm -rf %s", directory);
    assert_int_equal(system(command), 0);
}

static void begin(uint64_t seed)
{
    static const struct bus_endpoint to_gateway = {.port = BUS_OWNER,
                                                   .address = "clients"};
    struct bus_options options = {.endpoints = &to_gateway, .endpoint_count = 1};
    memset(&net, 0, sizeof net);
    memset(clients, 0, sizeof clients);
    net.now_ns = MS;
    random_init(&net.random, seed);
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(directory));
    for (uint32_t i = 0; i < SERVICES; i++)
        venue[i] = start_at(i, "");
    for (uint32_t i = 0; i < CLIENTS; i++) {
        assert_int_equal(bus_open(&clients[i].bus, &options), 0);
        clients[i].account = i == ADMIN ? ACCOUNT_ADMIN : ALICE_ACCOUNT + i - ALICE;
    }
    write_commands();
}

static void end(void)
{
    for (uint32_t i = 0; i < SERVICES; i++)
        service_destroy(&venue[i]);
    for (uint32_t i = 0; i < CLIENTS; i++)
        bus_close(&clients[i].bus);
    remove_files();
}

static void crash(uint32_t i)
{
    service_destroy(&venue[i]);
    venue[i] = start_at(i, "");
}

/* Traders begin when the operator is done. */
static bool step(uint32_t crashes)
{
    uint32_t who = (uint32_t)random_below(&net.random, SERVICES + CLIENTS);
    net.now_ns += random_below(&net.random, 2) * MS;
    if (who < SERVICES)
        turn(venue[who]);
    else if (who == SERVICES + ADMIN || is_done(&clients[ADMIN]))
        client_turn(&clients[who - SERVICES]);
    if (net_chance(crashes))
        crash((uint32_t)random_below(&net.random, SERVICES));
    return is_done(&clients[ADMIN]) && is_done(&clients[ALICE]) && is_done(&clients[BOB]);
}

static void settle(void)
{
    net.loss = net.duplication = net.reordering = 0;
    for (uint32_t at = 0; at < 3000; at++) {
        net.now_ns += MS;
        for (uint32_t i = 0; i < SERVICES; i++)
            turn(venue[i]);
    }
}

static void digest_of(struct service_instance *instance, uint8_t digest[16])
{
    struct writer writer;
    writer_init_digest(&writer);
    instance->kind->core->save(instance->state, &writer);
    writer_digest(&writer, digest);
}

/* A service that begins with an empty volume arrives at the same state. */
static inline void live_again(uint32_t i)
{
    uint8_t was[16], is[16];
    struct service_instance *live = venue[i];
    uint64_t next = service_next(live);
    digest_of(live, was);
    service_destroy(&venue[i]);
    venue[i] = start_at(i, "fresh");
    for (uint32_t at = 0; service_next(venue[i]) < next; at++) {
        net.now_ns += MS / 10; /* TICKs are few: it must stop right there */
        turn(venue[SEQUENCER]);
        turn(venue[RISK]);
        if (i != RISK)
            turn(venue[i]);
        assert_true(at < 100000);
    }
    if (service_next(venue[i]) == next) {
        digest_of(venue[i], is);
        assert_memory_equal(was, is, sizeof was);
    }
}

#endif
