/* bus_test.c - sockets between two buses: delivery, keys, refusals, limits. */
#include "common/bus.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include "common/clock.h"
#include "common/error.h"
#include "tests/unit/unit.h"

enum { FRAME_MAX = 65536, SECONDS_MAX = 5 };

#define ADDRESS "tcp://127.0.0.1:*"

struct keys {
    char public_key[41], secret_key[41];
    uint8_t key[32];
};

struct pair {
    struct keys server_keys, client_keys;
    uint8_t admitted[32]; /* who may come in */
    bool with_curve;
    struct bus *server, *client;
};

static void make_keys(struct keys *keys)
{
    bus_key_create(keys->public_key, keys->secret_key);
    assert_true(bus_key_decode(keys->key, keys->public_key));
}

static bool admit(void *argument, enum bus_port port, const uint8_t key[32])
{
    const struct pair *pair = argument;
    return port == BUS_CLIENTS && memcmp(key, pair->admitted, sizeof pair->admitted) == 0;
}

static void open_server(struct pair *pair)
{
    struct bus_endpoint endpoints[] = {
        {.port = BUS_CLIENTS, .address = ADDRESS, .frame_bytes_max = FRAME_MAX},
        {.port = BUS_PUBLISHER,
         .address = "tcp://127.0.0.1:*",
         .frame_bytes_max = FRAME_MAX}};
    struct bus_options options = {.endpoints = endpoints,
                                  .endpoint_count = pair->with_curve ? 1 : 2,
                                  .admit = admit,
                                  .argument = pair};
    if (pair->with_curve) {
        options.secret_key = pair->server_keys.secret_key;
        options.public_key = pair->server_keys.public_key;
    }
    assert_int_equal(bus_open(&pair->server, &options), 0);
}

static void open_client(struct pair *pair)
{
    struct bus_endpoint endpoints[] = {
        {.port = BUS_SEQUENCER,
         .address = bus_address(pair->server, BUS_CLIENTS),
         .server_key = pair->with_curve ? pair->server_keys.public_key : NULL,
         .frame_bytes_max = FRAME_MAX},
        {.port = BUS_STREAM,
         .address = bus_address(pair->server, BUS_PUBLISHER),
         .frame_bytes_max = FRAME_MAX}};
    struct bus_options options = {.endpoints = endpoints,
                                  .endpoint_count = pair->with_curve ? 1 : 2,
                                  .topic_stream = 7};
    if (pair->with_curve) {
        options.secret_key = pair->client_keys.secret_key;
        options.public_key = pair->client_keys.public_key;
    }
    assert_int_equal(bus_open(&pair->client, &options), 0);
}

static struct pair *open_pair(bool with_curve)
{
    struct pair *pair = calloc(1, sizeof *pair);
    assert_non_null(pair);
    pair->with_curve = with_curve;
    make_keys(&pair->server_keys);
    make_keys(&pair->client_keys);
    memcpy(pair->admitted, pair->client_keys.key, sizeof pair->admitted);
    open_server(pair);
    open_client(pair);
    return pair;
}

static void close_pair(struct pair *pair)
{
    bus_close(&pair->client);
    bus_close(&pair->server);
    free(pair);
}

static uint64_t deadline(void)
{
    return clock_mono_ns() + SECONDS_MAX * UINT64_C(1000000000);
}

/* Waits for a frame at `bus`, giving the other side turns too (ZAP is answered there). */
static bool receive(struct bus *bus, struct bus *other, struct bus_frame *frame)
{
    struct bus_frame ignored;
    for (uint64_t end = deadline(); clock_mono_ns() < end;) {
        if (bus_receive(bus, frame))
            return true;
        if (other != NULL)
            bus_receive(other, &ignored);
        bus_wait(bus, 5);
    }
    return false;
}

/* Sends until it is taken: a connection takes a moment. */
static void send_sure(struct bus *bus, struct bus *other, const char *text)
{
    struct bus_frame ignored;
    for (uint64_t end = deadline(); clock_mono_ns() < end;) {
        if (bus_send(bus, BUS_SEQUENCER, 0, text, strlen(text)) == 0)
            return;
        bus_receive(other, &ignored);
        bus_wait(bus, 5);
    }
    fail_msg("no connection");
}

static void assert_text(const struct bus_frame *frame, const char *text)
{
    assert_int_equal(frame->size, strlen(text));
    assert_memory_equal(frame->bytes, text, frame->size);
}

/* A request and its answer, with and without keys; the key proved comes along. */
static void go_and_return(bool with_curve)
{
    struct pair *pair = open_pair(with_curve);
    struct bus_frame frame;
    uint8_t none[32] = {0};
    send_sure(pair->client, pair->server, "question");
    assert_true(receive(pair->server, pair->client, &frame));
    assert_text(&frame, "question");
    assert_int_equal(frame.port, BUS_CLIENTS);
    assert_memory_equal(frame.key, with_curve ? pair->client_keys.key : none, 32);
    assert_int_equal(bus_send(pair->server, BUS_CLIENTS, frame.peer, "answer", 6), 0);
    assert_true(receive(pair->client, pair->server, &frame));
    assert_text(&frame, "answer");
    assert_int_equal(frame.port, BUS_SEQUENCER);
    close_pair(pair);
}

static void answers_reach_who_asked(void **state)
{
    (void)state;
    go_and_return(false);
}

static void a_proved_key_comes_with_each_frame(void **state)
{
    (void)state;
    go_and_return(true);
}

/* A server whose key is being replaced is reached with the old one and with the new one:
 * what one refuses, the next reconnect finds. */
static void a_key_is_replaced(void **state)
{
    (void)state;
    struct keys retired;
    struct pair *pair = open_pair(true);
    make_keys(&retired);
    bus_close(&pair->client);
    const struct bus_endpoint endpoint = {.port = BUS_SEQUENCER,
                                          .address =
                                              bus_address(pair->server, BUS_CLIENTS),
                                          .server_key = retired.public_key,
                                          .other_key = pair->server_keys.public_key,
                                          .frame_bytes_max = FRAME_MAX};
    const struct bus_options options = {.endpoints = &endpoint,
                                        .endpoint_count = 1,
                                        .secret_key = pair->client_keys.secret_key,
                                        .public_key = pair->client_keys.public_key};
    assert_int_equal(bus_open(&pair->client, &options), 0);
    for (int round = 0; round < 2; round++) {
        struct bus_frame frame;
        struct bus_counts counts;
        uint64_t failed = 0;
        for (uint64_t end = deadline(); failed == 0 && clock_mono_ns() < end;) {
            assert_int_equal(bus_receive(pair->server, &frame), 0);
            bus_wait(pair->server, 5);
            bus_take_counts(pair->server, &counts);
            failed += counts.handshakes_failed;
        }
        assert_true(failed > 0);
        assert_int_equal(bus_reconnect(pair->client, BUS_SEQUENCER, 0), 0);
        send_sure(pair->client, pair->server, "question");
        assert_true(receive(pair->server, pair->client, &frame));
        assert_text(&frame, "question");
        assert_int_equal(bus_reconnect(pair->client, BUS_SEQUENCER, 0), 0); /* back */
    }
    close_pair(pair);
}

/* A key that is not admitted never gets a frame in, and is counted. */
static void unknown_keys_stay_out(void **state)
{
    (void)state;
    struct pair *pair = open_pair(true);
    struct bus_counts counts;
    struct bus_frame frame;
    uint64_t failed = 0;
    memset(pair->admitted, 1, sizeof pair->admitted);
    for (uint64_t end = deadline(); failed == 0 && clock_mono_ns() < end;) {
        (void)!bus_send(pair->client, BUS_SEQUENCER, 0, "x", 1);
        assert_int_equal(bus_receive(pair->server, &frame), 0);
        bus_wait(pair->server, 5);
        bus_take_counts(pair->server, &counts);
        failed += counts.handshakes_failed;
    }
    assert_true(failed > 0);
    close_pair(pair);
}

/* Pushes of the stream subscribed to arrive, others do not. */
static void a_subscriber_gets_its_stream(void **state)
{
    (void)state;
    struct pair *pair = open_pair(false);
    struct bus_frame frame;
    bool arrived = false;
    for (uint64_t end = deadline(); !arrived && clock_mono_ns() < end;) {
        assert_int_equal(bus_publish(pair->server, 8, "other", 5), 0);
        assert_int_equal(bus_publish(pair->server, 7, "own", 3), 0);
        bus_wait(pair->client, 5);
        arrived = bus_receive(pair->client, &frame);
    }
    assert_true(arrived);
    assert_text(&frame, "own");
    assert_int_equal(frame.port, BUS_STREAM);
    close_pair(pair);
}

/* A raw socket that breaks the rules, then one frame that keeps them. */
static void break_rules(struct pair *pair, void (*attack)(void *socket))
{
    struct bus_frame frame;
    void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_DEALER);
    int linger = 0;
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    assert_int_equal(zmq_connect(socket, bus_address(pair->server, BUS_CLIENTS)), 0);
    attack(socket);
    zmq_send(socket, "good", 4, 0);
    send_sure(pair->client, pair->server, "honest");
    bool honest = false;
    for (uint64_t end = deadline(); !honest && clock_mono_ns() < end;) {
        if (!bus_receive(pair->server, &frame)) {
            bus_wait(pair->server, 5);
            continue;
        }
        assert_true(frame.size <= 6); /* nothing of what broke the rules */
        honest = frame.size == 6 && memcmp(frame.bytes, "honest", 6) == 0;
    }
    assert_true(honest);
    zmq_close(socket);
    zmq_ctx_term(context);
}

static void send_many_parts(void *socket)
{
    for (int i = 0; i < 9; i++)
        zmq_send(socket, "part", 4, ZMQ_SNDMORE);
    zmq_send(socket, "last", 4, 0);
}

static void send_too_much(void *socket)
{
    uint8_t *bytes = calloc(1, FRAME_MAX + 1);
    assert_non_null(bytes);
    zmq_send(socket, bytes, FRAME_MAX + 1, 0);
    free(bytes);
}

static void multipart_messages_are_refused(void **state)
{
    (void)state;
    struct pair *pair = open_pair(false);
    break_rules(pair, send_many_parts);
    close_pair(pair);
}

static void large_frames_are_refused(void **state)
{
    (void)state;
    struct pair *pair = open_pair(false);
    break_rules(pair, send_too_much);
    close_pair(pair);
}

/* However much of it waits, what is refused ends a search for a frame in good time: other
 * sockets, and cuts, have their turn. */
static void refused_messages_hold_nobody_back(void **state)
{
    (void)state;
    enum { MESSAGES = 500, LOOKS_MIN = 5 };
    void *context = bus_context_create(1), *socket = zmq_socket(context, ZMQ_DEALER);
    struct bus_endpoint endpoint = {
        .port = BUS_CLIENTS, .address = "inproc://refused", .frame_bytes_max = FRAME_MAX};
    struct bus_options options = {
        .endpoints = &endpoint, .endpoint_count = 1, .context = context};
    struct bus *bus;
    struct bus_frame frame;
    struct bus_counts counts;
    uint64_t refused = 0;
    uint32_t looks = 0;
    assert_int_equal(bus_open(&bus, &options), 0);
    assert_int_equal(zmq_connect(socket, endpoint.address), 0);
    for (int i = 0; i < MESSAGES; i++) {
        assert_int_equal(zmq_send(socket, "two", 3, ZMQ_SNDMORE | ZMQ_DONTWAIT), 3);
        assert_int_equal(zmq_send(socket, "parts", 5, ZMQ_DONTWAIT), 5);
    }
    for (uint64_t end = deadline(); refused < MESSAGES && clock_mono_ns() < end;
         looks++) {
        assert_int_equal(bus_receive(bus, &frame), 0);
        bus_wait(bus, SECONDS_MAX * 1000); /* there is more: it does not wait */
        bus_take_counts(bus, &counts);
        refused += counts.frames_refused;
    }
    assert_int_equal(refused, MESSAGES);
    assert_true(looks >= LOOKS_MIN);
    zmq_close(socket);
    bus_close(&bus);
    bus_context_destroy(&context);
}

static void visit(const char *address)
{
    const char *port = strrchr(address, ':') + 1;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int visitor = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(visitor, (struct sockaddr *)&to, sizeof to), 0);
    close(visitor);
}

/* A connection that never shook hands was not there, so it is not lost. One after the
 * other: what is said of a visitor precedes what is said of the next. */
static void visitors_are_not_lost(void **state)
{
    (void)state;
    struct pair pair = {.with_curve = false};
    struct bus_frame frame;
    struct bus_counts counts;
    open_server(&pair);
    for (int i = 0; i < 3; i++) {
        uint64_t failed = 0;
        visit(bus_address(pair.server, BUS_CLIENTS));
        for (uint64_t end = deadline(); failed == 0 && clock_mono_ns() < end;) {
            assert_int_equal(bus_receive(pair.server, &frame), 0);
            bus_wait(pair.server, 5);
            bus_take_counts(pair.server, &counts);
            failed += counts.handshakes_failed;
            assert_int_equal(counts.disconnected, 0);
        }
        assert_int_equal(failed, 1);
    }
    bus_close(&pair.server);
}

/* After a drop nothing of the peer comes in any more, and nothing goes out to it. */
static void a_dropped_peer_is_gone(void **state)
{
    (void)state;
    struct pair *pair = open_pair(true);
    struct bus_frame frame;
    send_sure(pair->client, pair->server, "hello");
    assert_true(receive(pair->server, pair->client, &frame));
    uint32_t peer = frame.peer;
    bus_drop_peer(pair->server, peer);
    assert_int_equal(bus_send(pair->server, BUS_CLIENTS, peer, "x", 1), ERR_NOT_FOUND);
    memset(pair->admitted, 1, sizeof pair->admitted); /* its key was revoked */
    struct bus_counts counts;
    uint64_t failed = 0;
    for (uint64_t end = deadline(); failed == 0 && clock_mono_ns() < end;) {
        (void)!bus_send(pair->client, BUS_SEQUENCER, 0, "again", 5);
        assert_int_equal(bus_receive(pair->server, &frame), 0);
        bus_wait(pair->server, 5);
        bus_take_counts(pair->server, &counts);
        failed += counts.handshakes_failed;
    }
    assert_true(failed > 0); /* the connection was cut and could not come back */
    close_pair(pair);
}

/* Sending to a peer that left says so. */
static void a_lost_peer_is_known(void **state)
{
    (void)state;
    struct pair *pair = open_pair(false);
    struct bus_frame frame, ignored;
    send_sure(pair->client, pair->server, "hello");
    assert_true(receive(pair->server, pair->client, &frame));
    uint32_t peer = frame.peer;
    bus_close(&pair->client);
    int error = 0;
    for (uint64_t end = deadline(); error == 0 && clock_mono_ns() < end;) {
        error = bus_send(pair->server, BUS_CLIENTS, peer, "x", 1);
        bus_receive(pair->server, &ignored);
        bus_wait(pair->server, 5);
    }
    assert_int_equal(error, ERR_NOT_FOUND);
    close_pair(pair);
}

/* One address, one owner. */
static void a_taken_address_is_an_error(void **state)
{
    (void)state;
    struct pair *pair = open_pair(false);
    struct bus *second = NULL;
    struct bus_endpoint endpoint = {.port = BUS_SERVER,
                                    .address = bus_address(pair->server, BUS_CLIENTS),
                                    .frame_bytes_max = FRAME_MAX};
    struct bus_options options = {.endpoints = &endpoint, .endpoint_count = 1};
    assert_int_equal(bus_open(&second, &options), ERR_ADDRESS_IN_USE);
    assert_null(second);
    close_pair(pair);
}

/* A wake ends a wait, also one that begins later. */
static void a_wake_is_not_lost(void **state)
{
    (void)state;
    struct pair *pair = open_pair(false);
    struct bus_frame frame;
    while (bus_receive(pair->server, &frame))
        continue;
    uint64_t begin = clock_mono_ns();
    bus_wake(pair->server);
    bus_wait(pair->server, SECONDS_MAX * 1000);
    assert_true(clock_mono_ns() - begin < SECONDS_MAX * UINT64_C(1000000000));
    close_pair(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_reach_who_asked),
        cmocka_unit_test(a_proved_key_comes_with_each_frame),
        cmocka_unit_test(unknown_keys_stay_out),
        cmocka_unit_test(a_key_is_replaced),
        cmocka_unit_test(a_subscriber_gets_its_stream),
        cmocka_unit_test(multipart_messages_are_refused),
        cmocka_unit_test(large_frames_are_refused),
        cmocka_unit_test(refused_messages_hold_nobody_back),
        cmocka_unit_test(visitors_are_not_lost),
        cmocka_unit_test(a_dropped_peer_is_gone),
        cmocka_unit_test(a_lost_peer_is_known),
        cmocka_unit_test(a_taken_address_is_an_error),
        cmocka_unit_test(a_wake_is_not_lost),
    };
    return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
