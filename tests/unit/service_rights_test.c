/* service_rights_test.c - who may say what: the whole matrix, and over real sockets. */
#include "common/service_rights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bus.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/error.h"
#include "common/metrics.h"
#include "common/service_setup.h"
#include "proto/codec.h"
#include "services/sequencer/sequencer_core.h"
#include "tests/unit/unit.h"

/* ---- the matrix -------------------------------------------------------------------- */

enum {
    SHARD_0 = -SERVICE_SHARD,
    SHARD_1 = -SERVICE_SHARD - 1,
};

/* What each peer may send, in letters: c, p: its own checkin and position; C: somebody
 * else's; s, S: submissions likewise; o: commands of clients; l: FETCH of the log; 0, 1:
 * of approved.0 and .1; q: queries. */
static const struct {
    int64_t peer;
    const char *may;
} matrix[] = {
    {0, "cCpPsSol01q"},
    {-SERVICE_SEQUENCER, ""},
    {-SERVICE_RISK, "cpsl"},
    {-SERVICE_SETTLEMENT, "cpsl"},
    {-SERVICE_PORTFOLIO, "cpsl"},
    {-SERVICE_GATEWAY, "cpolq"},
    {-SERVICE_CLIENT, ""},
    {SHARD_0, "cps0"},
    {SHARD_1, "cps1"},
    {-SERVICE_SHARD - SHARD_MAX - 1, ""},
    {42, ""}, /* a session */
    {SERVICE_RIGHTS_STRANGER, ""},
};

static void make(struct msg *msg, char letter, int64_t peer)
{
    int64_t other = peer == -SERVICE_RISK ? SHARD_0 : -SERVICE_RISK;
    memset(msg, 0, sizeof *msg);
    switch (letter) {
    case 'c':
    case 'C':
        msg->kind = MSG_checkin;
        msg->checkin.source = letter == 'c' ? peer : other;
        break;
    case 'p':
    case 'P':
        msg->kind = MSG_position;
        msg->position.source = letter == 'p' ? peer : other;
        break;
    case 's':
    case 'S':
        msg->kind = MSG_submission;
        msg->submission.source = letter == 's' ? peer : other;
        break;
    case 'o':
        msg->kind = MSG_submit_command;
        break;
    case 'q':
        msg->kind = MSG_query;
        break;
    default:
        msg->kind = MSG_fetch;
        msg->fetch.stream = letter == 'l' ? 0 : 1 + (uint32_t)(letter - '0');
    }
}

static void each_peer_sends_only_what_is_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof matrix / sizeof *matrix; i++)
        for (const char *letter = matrix[0].may; *letter != 0; letter++) {
            struct msg msg;
            make(&msg, *letter, matrix[i].peer);
            bool may = strchr(matrix[i].may, *letter) != NULL;
            if (service_rights_allow(matrix[i].peer, &msg) != may)
                fail_msg("peer %lld, %c", (long long)matrix[i].peer, *letter);
        }
}

/* Every other kind of message is nobody's to send to a service. */
static void other_kinds_are_refused(void **state)
{
    (void)state;
    static const uint16_t sent[] = {MSG_checkin,        MSG_position, MSG_submission,
                                    MSG_submit_command, MSG_fetch,    MSG_query,
                                    MSG_submit_open};
    for (uint32_t kind = 0; kind < 256; kind++) {
        struct msg msg = {.kind = (uint16_t)kind};
        bool is_sent = false;
        for (size_t i = 0; i < sizeof sent / sizeof *sent; i++)
            is_sent |= sent[i] == kind;
        for (size_t i = 1; !is_sent && i < sizeof matrix / sizeof *matrix; i++)
            assert_false(service_rights_allow(matrix[i].peer, &msg));
    }
}

static void streams_are_heard_by_their_readers(void **state)
{
    (void)state;
    assert_true(service_rights_hear(-SERVICE_RISK, -SERVICE_SEQUENCER));
    assert_true(service_rights_hear(-SERVICE_GATEWAY, -SERVICE_SEQUENCER));
    assert_false(service_rights_hear(SHARD_0, -SERVICE_SEQUENCER));
    assert_true(service_rights_hear(SHARD_0, -SERVICE_RISK));
    assert_false(service_rights_hear(-SERVICE_GATEWAY, -SERVICE_RISK));
    assert_false(service_rights_hear(-SERVICE_GATEWAY, -SERVICE_PORTFOLIO));
}

static void names_tell_the_source(void **state)
{
    (void)state;
    assert_int_equal(service_rights_source("risk"), -SERVICE_RISK);
    assert_int_equal(service_rights_source("shard-0"), SHARD_0);
    assert_int_equal(service_rights_source("shard-63"), -SERVICE_SHARD - 63);
    assert_int_equal(service_rights_source("gateway-7"), -SERVICE_GATEWAY);
    static const char *const strangers[] = {"",        "admin",   "shard",
                                            "shard-",  "shard-x", "shard-64",
                                            "gateway", "risk-0",  "shard--1"};
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++)
        assert_true(service_rights_source(strangers[i]) == SERVICE_RIGHTS_STRANGER);
}

/* ---- over CURVE -------------------------------------------------------------------- */

#define ADDRESS "tcp://127.0.0.1:*"

enum { PEERS = 3, FRAME_MAX = 1 << 20 };

static const char *const names[PEERS] = {"gateway-0", "shard-0", "admin"};

/* A sequencer with CURVE, and peers with keys of their own. */
struct venue {
    char directory[64], text[160];
    struct service_setup setup;
    struct service_instance *sequencer;
    char public_key[41], secret_key[41]; /* the sequencer's */
    struct {
        char public_key[41], secret_key[41];
        struct bus *bus;
    } peers[PEERS];
};

static const char *path_of(struct venue *v, const char *name)
{
    snprintf(v->text, sizeof v->text, "%s/%s", v->directory, name);
    return v->text;
}

static void write_keys(struct venue *v)
{
    bus_key_create(v->public_key, v->secret_key);
    FILE *file = fopen(path_of(v, "key"), "w");
    assert_non_null(file);
    fprintf(file, "public %s\nsecret %s\n", v->public_key, v->secret_key);
    fclose(file);
    file = fopen(path_of(v, "keys"), "w");
    assert_non_null(file);
    for (int i = 0; i < PEERS; i++) {
        bus_key_create(v->peers[i].public_key, v->peers[i].secret_key);
        fprintf(file, "%s %s\n", names[i], v->peers[i].public_key);
    }
    fclose(file);
}

static void start_sequencer(struct venue *v)
{
    char message[CONFIG_MESSAGE_MAX], key[160], keys[160];
    struct config config;
    snprintf(key, sizeof key, "%s/key", v->directory);
    snprintf(keys, sizeof keys, "%s/keys", v->directory);
    config_init(&config);
    config.init = true;
    config.durable = false;
    config.data_dir = v->directory;
    config.key_file = key;
    config.keys_file = keys;
    config.endpoint_sequencer = ADDRESS;
    config.endpoint_sequencer_pub = ADDRESS;
    config.map_size_mb = 64;
    config.sessions_max = 64;
    assert_int_equal(service_setup_init(&v->setup, &sequencer_kind, &config, message), 0);
    assert_int_equal(service_create(&v->sequencer, &sequencer_kind, &v->setup.options),
                     0);
}

static struct venue *open_venue(void)
{
    struct venue *v = calloc(1, sizeof *v);
    assert_non_null(v);
    snprintf(v->directory, sizeof v->directory, "/tmp/rights.XXXXXX");
    assert_non_null(mkdtemp(v->directory));
    write_keys(v);
    start_sequencer(v);
    for (int i = 0; i < PEERS; i++) {
        struct bus_endpoint endpoint = {
            .port = BUS_SEQUENCER,
            .address = bus_address(service_bus(v->sequencer), BUS_SERVER),
            .server_key = v->public_key,
            .frame_bytes_max = FRAME_MAX};
        struct bus_options options = {.endpoints = &endpoint,
                                      .endpoint_count = 1,
                                      .secret_key = v->peers[i].secret_key,
                                      .public_key = v->peers[i].public_key};
        assert_int_equal(bus_open(&v->peers[i].bus, &options), 0);
    }
    return v;
}

static void close_venue(struct venue *v)
{
    char command[128];
    for (int i = 0; i < PEERS; i++)
        bus_close(&v->peers[i].bus);
    service_destroy(&v->sequencer);
    snprintf(command, sizeof command, "rm -r %s", v->directory);
    assert_int_equal(system(command), 0);
    free(v);
}

static uint64_t forbidden(const struct venue *v)
{
    return metrics_get(service_metrics(v->sequencer), METRICS_messages_forbidden);
}

/* Sends it as that peer and turns the sequencer until it has answered with `kind`, or has
 * counted it as forbidden (0). */
static uint16_t ask(struct venue *v, int peer, const struct msg *msg)
{
    struct bus *bus = v->peers[peer].bus;
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    bool is_sent = false;
    uint64_t before = forbidden(v), end_ns = clock_mono_ns() + UINT64_C(5000000000);
    struct bus_frame frame;
    assert_int_equal(codec_encode(bytes, sizeof bytes, msg, &size), 0);
    while (clock_mono_ns() < end_ns) {
        is_sent = is_sent || bus_send(bus, BUS_SEQUENCER, 0, bytes, size) == 0;
        assert_true(service_turn(v->sequencer) >= 0);
        if (forbidden(v) > before)
            return 0;
        if (bus_receive(bus, &frame))
            return (uint16_t)codec_kind(frame.bytes, frame.size);
        bus_wait(bus, 1);
    }
    fail_msg("neither answered nor refused");
    return 0;
}

static struct msg checkin_of(int64_t source)
{
    struct msg msg = {.kind = MSG_checkin};
    msg.checkin.source = source;
    return msg;
}

/* A key proves who speaks, so nobody checks in, submits, asks or reads for another. */
static void a_taken_over_service_stays_in_its_place(void **state)
{
    (void)state;
    struct venue *v = open_venue();
    enum { GATEWAY, SHARD };
    struct msg own = checkin_of(SHARD_0), foreign = checkin_of(-SERVICE_RISK);
    assert_int_equal(ask(v, SHARD, &own), MSG_welcome);
    assert_int_equal(ask(v, SHARD, &foreign), 0);
    struct msg query = {.kind = MSG_query};
    query.query.id = 1;
    query.query.kind = QUERY_KIND_STATUS;
    query.query.limit = 10;
    assert_int_equal(ask(v, GATEWAY, &query), MSG_answer);
    assert_int_equal(ask(v, SHARD, &query), 0);
    struct msg open = {.kind = MSG_submit_open};
    open.submit_open.account = 10;
    open.submit_open.nonce = 1;
    assert_int_equal(ask(v, GATEWAY, &open), MSG_refused); /* nobody checked in yet */
    assert_int_equal(ask(v, SHARD, &open), 0);
    struct msg fetch = {.kind = MSG_fetch};
    fetch.fetch.next = 1;
    fetch.fetch.bytes_max = 65536;
    assert_int_equal(ask(v, GATEWAY, &fetch), MSG_fetched);
    assert_int_equal(ask(v, SHARD, &fetch), 0);
    close_venue(v);
}

/* A listed key that is no service's does not get in at all. */
static void a_key_of_no_service_stays_out(void **state)
{
    (void)state;
    struct venue *v = open_venue();
    const struct bus_options *bus = &v->setup.options.bus;
    uint8_t key[PEERS][32];
    for (int i = 0; i < PEERS; i++)
        assert_true(bus_key_decode(key[i], v->peers[i].public_key));
    assert_true(bus->admit(bus->argument, BUS_SERVER, key[0]));
    assert_true(bus->admit(bus->argument, BUS_PUBLISHER, key[0]));
    assert_true(bus->admit(bus->argument, BUS_SERVER, key[1]));
    assert_false(bus->admit(bus->argument, BUS_PUBLISHER, key[1])); /* reads no log */
    assert_false(bus->admit(bus->argument, BUS_SERVER, key[2]));
    assert_false(bus->admit(bus->argument, BUS_PUBLISHER, key[2]));
    close_venue(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_peer_sends_only_what_is_its_own),
        cmocka_unit_test(other_kinds_are_refused),
        cmocka_unit_test(streams_are_heard_by_their_readers),
        cmocka_unit_test(names_tell_the_source),
        cmocka_unit_test(a_taken_over_service_stays_in_its_place),
        cmocka_unit_test(a_key_of_no_service_stays_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
