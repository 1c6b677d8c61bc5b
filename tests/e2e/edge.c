/* edge.c - what comes over TCP before and below messages, against a venue of processes.
 *
 *     edge DIRECTORY
 *
 * Run by edge_test.sh. Whatever is thrown at the gateway's port, and at the sequencer's,
 * alice goes on trading: an order that is not accepted within PEER_MS fails. After each
 * attack a new client is served as fast, the gateway's memory is bounded, and it has its
 * descriptors back. All processes must be those that were there before.
 */
#include "proto/big_endian.h"
#include "tests/e2e/edge_curve.h"

#include <sys/resource.h>

enum {
    BTC_USD = 1,
    IDLE = 5000,
    SOME = 200,
    GROWTH_KB = 192 << 10,
    CORE_GROWTH_KB = 64 << 10
};

static const char *const names[] = {"gateway-0", "sequencer",  "risk",
                                    "shard-0",   "settlement", "portfolio"};
enum { GATEWAY, SEQUENCER, SERVICES = sizeof names / sizeof *names };

static const char *directory;
static uint16_t gateway_port, sequencer_port;
static struct process {
    pid_t pid;
    long memory_kb, descriptors;
} services[SERVICES];
static struct peer alice, bob; /* bob: his keys */

/* ---- the well-behaved client ------------------------------------------------------ */

static void trade(void)
{
    const struct msg order = {.kind = MSG_order_new,
                              .order_new = {.cl_ord_id = ++alice.name,
                                            .symbol = BTC_USD,
                                            .side = SIDE_BUY,
                                            .ord_type = ORD_TYPE_LIMIT,
                                            .tif = TIF_IOC,
                                            .price = 5000000,
                                            .quantity = 100}};
    peer_do(&alice, &order);
}

/* A client that comes now is answered. */
static void serve_a_new_one(void)
{
    struct peer p;
    peer_open(&p, directory, "bob");
    peer_send(&p, &(struct msg){.kind = MSG_ping});
    peer_expect(&p, MSG_feed_heartbeat);
    peer_close(&p);
}

static bool is_past(uint64_t end_ns)
{
    return clock_mono_ns() > end_ns;
}

static uint64_t deadline(void)
{
    return clock_mono_ns() + EDGE_MS * UINT64_C(1000000);
}

/* ---- before and after ------------------------------------------------------------- */

static int set_up(void **state)
{
    struct rlimit files;
    (void)state;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    peer_open(&alice, directory, "alice");
    peer_begin(&alice);
    peer_open(&bob, directory, "bob");
    trade();
    serve_a_new_one();
    gateway_port = edge_port(alice.address);
    char address[256];
    peer_read(directory, "sequencer_address", " %255s", address, NULL);
    sequencer_port = edge_port(address);
    for (int i = 0; i < SERVICES; i++) {
        services[i].pid = edge_pid(directory, names[i]);
        services[i].memory_kb = edge_memory_kb(services[i].pid, "VmHWM:");
        services[i].descriptors = edge_descriptors(services[i].pid);
        assert_true(services[i].memory_kb > 0);
    }
    return 0;
}

static void check_memory(void)
{
    for (int i = 0; i < SERVICES; i++) {
        const long grown_kb =
            edge_memory_kb(services[i].pid, "VmHWM:") - services[i].memory_kb;
        if (grown_kb > (i == GATEWAY ? GROWTH_KB : CORE_GROWTH_KB) || grown_kb < 0)
            fail_msg("%s has grown by %ld KiB", names[i], grown_kb);
    }
}

/* After each attack. Closed connections take a moment to be noticed. */
static int recover(void **state)
{
    (void)state;
    const uint64_t end_ns = deadline();
    serve_a_new_one();
    for (int i = 0; i < SERVICES; i++)
        while (edge_descriptors(services[i].pid) > services[i].descriptors + 2) {
            if (is_past(end_ns))
                fail_msg("%s has %ld descriptors open, %ld before", names[i],
                         edge_descriptors(services[i].pid), services[i].descriptors);
            trade();
        }
    check_memory();
    print_message("gateway: %ld KiB\n", edge_memory_kb(services[GATEWAY].pid, "VmRSS:"));
    return 0;
}

/* ---- handshakes that never end ---------------------------------------------------- */

enum {
    CROWD = IDLE + 4 * SOME,
    SAID = EDGE_GREETING + 32 /* perhaps an ERROR command */
};

static struct connection {
    int fd;
    size_t came;
    bool drips; /* says a byte now and then */
} crowd[CROWD];
static uint32_t crowd_count;

/* One more, every other one of `some` at the sequencer. */
static int join(bool some)
{
    const uint16_t port = some && crowd_count % 2 == 1 ? sequencer_port : gateway_port;
    assert_true(crowd_count < CROWD);
    crowd[crowd_count] = (struct connection){.fd = edge_connect(port)};
    if (crowd_count % 50 == 0)
        trade();
    return crowd[crowd_count++].fd;
}

/* Until all of them were ended, with nothing said to them but a greeting. */
static void outwait(void)
{
    const uint64_t end_ns = deadline();
    uint32_t open;
    do {
        open = 0;
        trade();
        for (uint32_t i = 0; i < crowd_count; i++)
            if (edge_is_open(crowd[i].fd, &crowd[i].came)) {
                open++;
                if (crowd[i].drips)
                    edge_write(crowd[i].fd, "\xff", 1);
            }
        if (open > 0 && is_past(end_ns))
            fail_msg("%u of %u connections are still open", open, crowd_count);
    } while (open > 0);
    for (uint32_t i = 0; i < crowd_count; i++) {
        close(crowd[i].fd);
        assert_true(crowd[i].came <= SAID);
    }
    crowd_count = 0;
}

/* Cut anywhere, or a byte at a time. */
static void half_greetings(void)
{
    uint8_t greeting[EDGE_GREETING];
    edge_greeting(greeting, "CURVE");
    for (uint32_t i = 0; i < SOME; i++) {
        edge_write(join(true), greeting, i % EDGE_GREETING);
        (void)join(true);
        crowd[crowd_count - 1].drips = true;
    }
}

/* Other mechanisms, older protocols, no protocol of ours at all. */
static void other_mechanisms(void)
{
    static const char *const mechanisms[] = {"NULL", "PLAIN", "GSSAPI", "CURVEX", ""};
    static const char ready[] = "\4\x19\5READY\xbSocket-Type\0\0\0\6DEALER\0\1x";
    static const struct {
        const char *bytes;
        size_t size;
    } others[] = {
        {"\1\0\4ping", 7},                                /* ZMTP 1 */
        {"\xff\0\0\0\0\0\0\0\1\x7f\1\5\0\0\0\4ping", 20}, /* ZMTP 2 */
        {"GET / HTTP/1.1\r\n\r\n", 18},
        {"\x16\3\1\2\0\1\0\1\xfc\3\3", 11}, /* TLS */
    };
    for (uint32_t i = 0; i < SOME; i++) {
        uint8_t greeting[EDGE_GREETING];
        const int fd = join(true);
        if (i % 9 < 5) {
            edge_greeting(greeting, mechanisms[i % 9]);
            edge_write(fd, greeting, sizeof greeting);
            edge_write(fd, ready, sizeof ready - 1);
        } else {
            edge_write(fd, others[i % 9 - 5].bytes, others[i % 9 - 5].size);
        }
    }
}

/* Lengths of frames up to 2^64 in the midst of a handshake. */
static void giant_lengths(void)
{
    uint8_t greeting[EDGE_GREETING], frame[9];
    edge_greeting(greeting, "CURVE");
    for (uint32_t i = 0; i < SOME; i++) {
        const uint64_t size = UINT64_MAX >> i % 50;
        const int fd = join(true);
        frame[0] = i % 4 < 2 ? 6 : 2; /* a command, or a message, with a long size */
        big_endian_put(frame + 1, size, 8);
        edge_write(fd, greeting, sizeof greeting);
        edge_write(fd, frame, sizeof frame);
        edge_write(fd, greeting, sizeof greeting);
    }
}

static void handshakes_that_never_end(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < IDLE; i++)
        (void)join(false);
    half_greetings();
    other_mechanisms();
    giant_lengths();
    outwait();
}

/* ---- keys ------------------------------------------------------------------------- */

/* Strangers knock again and again: libzmq itself comes back after each refusal. */
static void unknown_keys(void **state)
{
    (void)state;
    static struct peer strangers[SOME];
    for (int i = 0; i < SOME; i++) {
        peer_open(&strangers[i], directory, NULL);
        peer_send(&strangers[i], &(struct msg){.kind = MSG_ping});
        trade();
    }
    for (int i = 0; i < SOME; i++)
        assert_false(peer_receive(&strangers[i], 0));
    for (int i = 0; i < SOME; i++)
        peer_close(&strangers[i]);
}

/* ---- with a good key -------------------------------------------------------------- */

/* Ids that clients choose give them no other's place: they are not served at all. */
static void same_routing_ids(void **state)
{
    (void)state;
    static const uint8_t ping[] = {0x91, MSG_ping};
    struct edge_curve twins[8];
    for (int i = 0; i < 8; i++) {
        size_t came = 0;
        edge_curve_open(&twins[i], i % 2 == 0 ? &alice : &bob, "same", 4);
        edge_curve_ready(&twins[i]);
        edge_curve_send(&twins[i], 0, ping, sizeof ping);
        trade();
        (void)edge_is_open(twins[i].fd, &came);
        assert_true(came < 200); /* the rest of READY, and no heartbeat */
    }
    for (int i = 0; i < 8; i++)
        edge_curve_close(&twins[i]);
}

/* One message without end: the gateway never sees a part of it, libzmq keeps them all. It
 * notices that the connection brings much and no message, and cuts it. */
static void endless_multipart(void **state)
{
    (void)state;
    static const uint8_t part[EDGE_CURVE_MAX];
    struct edge_curve c;
    edge_curve_open(&c, &bob, "", 0);
    edge_curve_ready(&c);
    uint32_t parts = 0;
    while (parts < 20000 && edge_curve_send(&c, EDGE_CURVE_MORE, part, sizeof part))
        if (++parts % 100 == 0)
            trade();
    edge_curve_close(&c);
    print_message("cut after %u parts\n", parts);
    assert_true(parts < 20000);
}

/* A length that is not true, once there is trust. */
static void giant_length_after_handshake(void **state)
{
    (void)state;
    static const uint8_t head[] = {2, 0, 0, 1, 0, 0, 0, 0, 0, 7, 'M', 'E'};
    const uint64_t end_ns = deadline();
    struct edge_curve c;
    size_t came = 0;
    edge_curve_open(&c, &bob, "", 0);
    edge_curve_ready(&c);
    assert_true(edge_curve_write(&c, head, sizeof head));
    while (edge_is_open(c.fd, &came))
        assert_false(is_past(end_ns));
    edge_curve_close(&c);
}

int main(int argc, char **argv)
{
    directory = argc > 1 ? argv[1] : "data";
#define TEST(name) cmocka_unit_test_teardown(name, recover)
    const struct CMUnitTest tests[] = {
        TEST(handshakes_that_never_end),
        TEST(unknown_keys),
        TEST(same_routing_ids),
        TEST(endless_multipart),
        TEST(giant_length_after_handshake),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
