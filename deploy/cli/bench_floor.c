/* bench_floor.c - see bench_floor.h. */
#include "deploy/cli/bench_floor.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bus.h"
#include "common/clock.h"

enum { SYNCS = 400, TRIPS = 5000, PATH_SIZE = 4096, REDIS_PORT = 16379, TRIES = 200 };

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t median(uint64_t *samples, size_t count)
{
    qsort(samples, count, sizeof *samples, compare);
    return samples[count / 2];
}

uint64_t bench_floor_sync_ns(const char *directory)
{
    char path[PATH_SIZE];
    static uint8_t page[4096];
    static uint64_t samples[SYNCS];
    snprintf(path, sizeof path, "%s/floor", directory);
    int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (file < 0)
        return 0;
    bool ok = true;
    for (int i = 0; i < SYNCS && ok; i++) {
        uint64_t begin = clock_mono_ns();
        page[0] = (uint8_t)i;
        ok = pwrite(file, page, sizeof page, i % 16 * 4096) == sizeof page &&
             fdatasync(file) == 0;
        samples[i] = clock_mono_ns() - begin;
    }
    close(file);
    unlink(path);
    return ok ? median(samples, SYNCS) : 0;
}

static void *echo(void *argument)
{
    struct bus *server = argument;
    struct bus_frame frame;
    for (int served = 0; served < TRIPS;) {
        if (!bus_receive(server, &frame)) {
            bus_wait(server, 100);
            continue;
        }
        (void)!bus_send(server, BUS_SERVER, frame.peer, frame.bytes, frame.size);
        served++;
    }
    return NULL;
}

static uint64_t measure_trips(struct bus *client)
{
    static uint64_t samples[TRIPS];
    struct bus_frame frame;
    for (int i = 0; i < TRIPS; i++) {
        uint64_t begin = clock_mono_ns();
        while (bus_send(client, BUS_SEQUENCER, 0, "0123456789abcdef", 16) != 0)
            bus_wait(client, 1);
        while (!bus_receive(client, &frame))
            bus_wait(client, 100);
        samples[i] = clock_mono_ns() - begin;
    }
    return median(samples, TRIPS);
}

uint64_t bench_floor_ipc_ns(const char *directory)
{
    char address[PATH_SIZE];
    struct bus *server = NULL, *client = NULL;
    pthread_t thread;
    uint64_t result = 0;
    snprintf(address, sizeof address, "ipc://%s/floor.sock", directory);
    struct bus_endpoint bound = {
        .port = BUS_SERVER, .address = address, .frame_bytes_max = 4096};
    struct bus_endpoint connected = {
        .port = BUS_SEQUENCER, .address = address, .frame_bytes_max = 4096};
    if (bus_open(&server,
                 &(struct bus_options){.endpoints = &bound, .endpoint_count = 1}) == 0 &&
        bus_open(&client, &(struct bus_options){.endpoints = &connected,
                                                .endpoint_count = 1}) == 0 &&
        pthread_create(&thread, NULL, echo, server) == 0) {
        result = measure_trips(client);
        pthread_join(thread, NULL);
    }
    bus_close(&client);
    bus_close(&server);
    return result;
}

/* ---- redis ------------------------------------------------------------------------- */

static pid_t start_redis(const char *directory, const char *port)
{
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(127);
        execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1",
               "--dir", directory, "--appendonly", "yes", "--appendfsync", "always",
               "--save", "", (char *)NULL);
        _exit(127);
    }
    return child;
}

/* `rps` of the last line redis-benchmark prints: "SET: 812345.12 requests per second". */
static uint64_t run_benchmark(const char *port, const char *count)
{
    char command[256], line[512];
    double rate = 0, found;
    snprintf(command, sizeof command,
             "redis-benchmark -p %s -t set -d 100 -c 16 -P 64 -n %s -r 100000 -q "
             "2>/dev/null | tr '\\r' '\\n'",
             port, count);
    FILE *pipe = popen(command, "re");
    while (pipe != NULL && fgets(line, sizeof line, pipe) != NULL)
        if (sscanf(line, "SET: %lf requests per second", &found) == 1)
            rate = found;
    if (pipe != NULL)
        pclose(pipe);
    return (uint64_t)rate;
}

static bool is_listening(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool ok = connect(client, (const struct sockaddr *)&address, sizeof address) == 0;
    close(client);
    return ok;
}

uint64_t bench_floor_redis(const char *directory)
{
    char text[16];
    int port = REDIS_PORT + (int)(getpid() % 1000);
    bool ready = false;
    snprintf(text, sizeof text, "%d", port);
    pid_t child = start_redis(directory, text);
    for (int i = 0; i < TRIES && child > 0 && !ready; i++) {
        if (waitpid(child, NULL, WNOHANG) == child)
            return 0; /* not installed */
        usleep(10000);
        ready = is_listening(port);
    }
    uint64_t rate = ready ? run_benchmark(text, "1000000") : 0;
    if (child > 0) {
        kill(child, SIGTERM);
        waitpid(child, NULL, 0);
    }
    return rate;
}
