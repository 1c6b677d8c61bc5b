/* memory_test.c - first it is counted how often each service allocates at its start.
 * Then it is started with its nth allocation failing, n = 1, 1 + STRIDE .. that number:
 * it ends with a code of exit.def, or did without. Where a library asked for the memory
 * it may be a signal: libzmq aborts, libc, libstdc++ and AddressSanitizer too. Nothing
 * else: no CHECK of ours, no signal where zex asked, no venue that is damaged by it.
 *
 *     memory_test DIRECTORY PROGRAMS [STRIDE [SEED]]
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/error.h"
#include "tests/faults/cluster.h"
#include "tests/faults/now.h"

/* For what it allocates at start, and for what comes of it. */
#ifdef __SANITIZE_ADDRESS__
enum { START_MS = 1000 };
#else
enum { START_MS = 250 };
#endif

struct test {
    struct cluster cluster;
    char hit[256];
    uint64_t cases, met, ended, aborted;
};

static bool is_documented(int code)
{
    static const int codes[] = {
#define EXIT(name, code) code,
#include "common/exit.def"
    };
    for (uint32_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i] == code)
            return true;
    return code == 0;
}

/* Who asked for the memory that was not there: a file name; empty if nobody did. */
static void read_asker(const struct test *t, char *asker, size_t size)
{
    *asker = 0;
    FILE *file = fopen(t->hit, "re");
    if (file == NULL)
        return;
    if (fgets(asker, (int)size, file) == NULL)
        *asker = 0;
    fclose(file);
}

/* A CHECK of ours, not of the sanitizer, which cannot do without memory either; or what
 * the sanitizers found. */
static bool is_failure(const char *line)
{
    const bool is_check = strstr(line, "CHECK failed") != NULL;
    return (is_check && strncmp(line, "AddressSanitizer", 16) != 0) ||
           strstr(line, "ERROR: AddressSanitizer") != NULL ||
           strstr(line, "runtime error:") != NULL;
}

/* How long the log is, and whether something in it since `from` is a failure. */
static long read_log(const struct test *t, uint32_t service, long from, bool *has_failed)
{
    char path[512], line[1024];
    *has_failed = false;
    snprintf(path, sizeof path, "%s/log/%s", t->cluster.directory,
             cluster_names[service]);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    fseek(file, from, SEEK_SET);
    while (fgets(line, sizeof line, file) != NULL)
        *has_failed = *has_failed || is_failure(line);
    long size = ftell(file);
    fclose(file);
    return size;
}

/* Its code, once it has met the fault and had time to end, or had time enough to. */
static int await(struct test *t, uint32_t service)
{
    int64_t end_ms = now_ms() + START_MS;
    const struct timespec pause = {.tv_nsec = 2000000};
    while (now_ms() < end_ms) {
        int code = cluster_poll(&t->cluster, service);
        if (code != CLUSTER_RUNNING)
            return code;
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
    int code = cluster_stop(&t->cluster, service);
    return code == -SIGTERM ? 0 : code; /* it was not up yet */
}

/* How often does it ask for memory before all is quiet? */
static uint32_t count(struct test *t, uint32_t service)
{
    uint32_t allocations = 0;
    unlink(t->hit);
    if (cluster_start(&t->cluster, service, "none:any:0:count", t->hit) != 0 ||
        await(t, service) != 0)
        return 0;
    FILE *file = fopen(t->hit, "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%*u %*u %u", &allocations) != 1)
        allocations = 0;
    fclose(file);
    printf("%s: %u allocations\n", cluster_names[service], allocations);
    fflush(stdout);
    return allocations;
}

static int run_case(struct test *t, uint32_t service, uint32_t nth)
{
    char plan[16], asker[256];
    bool has_failed;
    long from = read_log(t, service, 0, &has_failed);
    snprintf(plan, sizeof plan, "%u", nth);
    unlink(t->hit);
    int error = cluster_start(&t->cluster, service, plan, t->hit);
    if (error != 0)
        return error;
    int code = await(t, service);
    read_asker(t, asker, sizeof asker);
    read_log(t, service, from, &has_failed);
    t->cases++;
    t->met += *asker != 0;
    t->ended += code > 0;
    if (is_documented(code))
        return 0;
    if (strstr(asker, ".so") != NULL && !has_failed) {
        t->aborted++;
        return 0;
    }
    fprintf(stderr, "FAILED: %s ends with %d when allocation %u fails, asked for by %s\n",
            cluster_names[service], code, nth, asker);
    return ERR_STOPPED;
}

int main(int argc, char **argv)
{
    static struct test t;
    uint32_t failed = 0;
    if (argc < 3 || argc > 5) {
        fprintf(stderr, "usage: memory_test DIRECTORY PROGRAMS [STRIDE [SEED]]\n");
        return 2;
    }
    uint32_t stride = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 1;
    uint32_t seed = argc > 4 ? (uint32_t)strtoul(argv[4], NULL, 10) : 1;
    snprintf(t.hit, sizeof t.hit, "%s.hit", argv[1]);
    if (stride == 0 || cluster_begin(&t.cluster, argv[1], argv[2]) != 0)
        return 2;
    for (uint32_t service = 0; service < CLUSTER_SERVICES; service++) {
        const uint32_t last = count(&t, service);
        failed += last == 0;
        for (uint32_t nth = 1 + seed % stride; nth <= last; nth += stride)
            failed += run_case(&t, service, nth) != 0;
    }
    int code = cluster_run(&t.cluster, "zex", "verify", argv[1]);
    printf("memory: seed %u, %" PRIu64 " cases, %" PRIu64 " met, %" PRIu64
           " ended with a code, %" PRIu64 " by a library, %u failed\n",
           seed, t.cases, t.met, t.ended, t.aborted, failed);
    cluster_end(&t.cluster);
    unlink(t.hit);
    return failed != 0 || code != 0 || t.met == 0;
}
