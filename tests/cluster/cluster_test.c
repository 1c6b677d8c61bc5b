/* cluster_test.c - a venue of containers trades on while everything happens to each of
 * them that can happen to a container.
 *
 *     cluster_test DIRECTORY PROGRAMS SEED HELPER      (containers.sh)
 *
 * The clients are here, outside. After each fault they must be told again that commands
 * are accepted and what both shards do, within HEAL_MS, of one that was killed within
 * KILLED_MS; in the end verdict.h must hold: nothing acknowledged is lost, nothing
 * happened twice, all sums to 0.
 */
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tests/chaos/verdict.h"

enum {
    BEFORE_TOLD = 100,
    HEAL_TOLD = 32,
    PACE_MS = 40, /* in a hurry there is other work for the machine */
    BEFORE_MS = 15000,
    TEXT = 512,
    LINES = 64,
    HEAL_MS = 10000,  /* from the end of a fault to clients that go on */
    KILLED_MS = 5000, /* ... from the start of one that was killed */
};

/* Who: the names of containers.sh, a bit each. */
enum {
    SEQUENCER = 1 << 0,
    RISK = 1 << 1,
    SHARD_0 = 1 << 2,
    SHARD_1 = 1 << 3,
    SETTLEMENT = 1 << 4,
    PORTFOLIO = 1 << 5,
    GATEWAY_0 = 1 << 6,
    GATEWAY_1 = 1 << 7,
    ALL = (1 << 8) - 1,
    CORES = SEQUENCER | RISK | SHARD_0 | SETTLEMENT,
    GATEWAYS = GATEWAY_0 | GATEWAY_1,
};

static const char *const pods[] = {"sequencer-0", "risk-0",       "shard-0",
                                   "shard-1",     "settlement-0", "portfolio-0",
                                   "gateway-0",   "gateway-1"};
enum { PODS = sizeof pods / sizeof *pods };

/* Functions of containers.sh: what begins the fault; what ends it, `hold_ms` later. To
 * nobody in particular: what operators do to all of them. */
struct fault {
    const char *name, *begin, *end;
    int hold_ms;
    uint32_t whom;
    bool is_repeated; /* by a later fault: not for those in a hurry */
};

static const struct fault faults[] = {
    {"is killed", "strike", "start", 0, ALL, false},
    {"pauses 10 s", "freeze", "thaw", 10000, CORES | GATEWAY_0, false},
    {"gets another address", "unplug", "plug", 1000, ALL & ~GATEWAYS, false},
    {"is not heard", "mute", "rejoin", 3000, CORES, false},
    {"hears nothing", "deafen", "rejoin", 3000, CORES, false},
    {"is parted", "part", "rejoin", 3000, CORES | GATEWAY_0, false},
    {"runs out of memory", "exhaust", "start", 0, RISK | SHARD_1, false},
    {"has a full volume", "fill", "empty", 0, SEQUENCER | PORTFOLIO, false},
    {"is rolled", "stop", "renew", 0, ALL & ~GATEWAYS, true},
    {"is rolled", "stop", "start", 0, GATEWAYS, true},
    {"expels a client", "expel", "true", 0, 0, false},
    {"is rolled, all of it", "roll_all", "true", 0, 0, false},
    {"loses its volume", "lose", "start", 0, RISK | SHARD_1 | SETTLEMENT | PORTFOLIO,
     false},
    {"is backed up", "backup", "true", 0, 0, false},
    {"replaces its keys", "rekey", "true", 0, 0, false},
    {"is upgraded", "upgrade", "true", 0, 0, false},
    {"is downgraded", "go_back", "true", 0, 0, false},
    {"gets a third shard", "grow", "true", 0, 0, false},
    {"moves a symbol to it", "move_there", "true", 0, 0, false},
    {"moves it back", "move_back", "true", 0, 0, false},
};

enum { FAULTS = sizeof faults / sizeof *faults };

/* A counter of a service, which begins again at 0 when the service does. */
struct counter {
    char name[TEXT];
    uint64_t last, sum;
};

/* A fault that was met, and the time from the one before it to its end. */
struct met {
    const char *pod, *fault;
};

struct test {
    struct cluster cluster;
    struct crowd crowd;
    const char *helper;
    struct counter counters[LINES];
    uint64_t gaps, fetches, busy, unavailable; /* at the end of the fault before */
    uint64_t slowest_ns;
    uint32_t count;
    struct met met[FAULTS * PODS];
    struct checks_span spans[FAULTS * PODS];
    bool has_failed;
};

static void fail(struct test *t, const char *pod, const char *fault, const char *what)
{
    printf("%s %s: %s\n", pod, fault, what);
    t->has_failed = true;
}

static void command_of(const struct test *t, char *line, const char *verb,
                       const char *pod)
{
    snprintf(line, TEXT, "bash -c '. %s; %s %s'", t->helper, verb, pod);
}

static void run(struct test *t, const struct fault *fault, const char *verb,
                const char *pod)
{
    char line[TEXT];
    command_of(t, line, verb, pod);
    if (system(line) != 0)
        fail(t, pod, fault->name, verb);
}

/* ---- what it costs ----------------------------------------------------------------- */

static struct counter *find(struct test *t, const char *name)
{
    struct counter *found = t->counters;
    while (found->name[0] != 0 && strcmp(found->name, name) != 0)
        found++;
    snprintf(found->name, sizeof found->name, "%s", name);
    return found;
}

static void read_counters(struct test *t)
{
    char line[TEXT], pod[24], kind[24];
    uint64_t value;
    command_of(t, line, "counts", "");
    FILE *file = popen(line, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "%23s %23s %" SCNu64, pod, kind, &value) != 3)
            continue;
        snprintf(line, sizeof line, "%s %s", pod, kind);
        struct counter *counter = find(t, line);
        counter->sum += value >= counter->last ? value - counter->last : value;
        counter->last = value;
    }
    if (file == NULL || pclose(file) != 0)
        fail(t, "counters", "are read", "not");
}

static uint64_t total(const struct test *t, const char *kind)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < LINES; i++)
        if (strstr(t->counters[i].name, kind) != NULL)
            sum += t->counters[i].sum;
    return sum;
}

static void tell(struct test *t, const struct fault *fault, const char *pod, uint64_t ns)
{
    uint64_t busy, unavailable;
    read_counters(t);
    uint64_t gaps = total(t, "gaps_found"), fetches = total(t, "fetches_sent");
    crowd_refusals(&t->crowd, &busy, &unavailable);
    if (ns > t->slowest_ns)
        t->slowest_ns = ns;
    printf("%-12s %-22s %5" PRIu64 " ms  %5" PRIu64 " BUSY %5" PRIu64
           " UNAVAILABLE %4" PRIu64 " gaps %4" PRIu64 " fetches\n",
           pod, fault->name, ns / 1000000, busy - t->busy, unavailable - t->unavailable,
           gaps - t->gaps, fetches - t->fetches);
    t->gaps = gaps;
    t->fetches = fetches;
    t->busy = busy;
    t->unavailable = unavailable;
}

static void note(struct test *t, const struct fault *fault, const char *pod)
{
    struct checks_span *span = &t->spans[t->count];
    span->from_ns = t->count == 0 ? 1 : span[-1].to_ns;
    span->to_ns = (int64_t)clock_mono_ns();
    t->met[t->count++] = (struct met){pod, fault->name};
}

/* What clients were told while each fault was there is in the log, once. */
static void tell_spans(struct test *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        const struct checks_span *span = &t->spans[i];
        printf("%-12s %-22s %7u acknowledged, %u lost or twice\n", t->met[i].pod,
               t->met[i].fault, span->acknowledged, span->wrong);
        if (span->wrong != 0)
            fail(t, t->met[i].pod, t->met[i].fault, "not all of it is in the log once");
    }
}

/* ---- faults ------------------------------------------------------------------------ */

static uint64_t limit_ms(const struct fault *fault)
{
    return strcmp(fault->name, "is killed") == 0 ? KILLED_MS : HEAL_MS;
}

static void meet(struct test *t, const struct fault *fault, const char *pod)
{
    if (!crowd_await(&t->crowd, BEFORE_TOLD, BEFORE_MS))
        fail(t, pod, fault->name, "no trade before it");
    run(t, fault, fault->begin, pod);
    if (fault->hold_ms > 0)
        crowd_await(&t->crowd, UINT32_MAX, fault->hold_ms);
    run(t, fault, fault->end, pod);
    uint64_t ended_ns = clock_mono_ns();
    bool is_over = crowd_await(&t->crowd, HEAL_TOLD, HEAL_MS);
    uint64_t took_ns = clock_mono_ns() - ended_ns;
    tell(t, fault, pod, took_ns);
    if (!is_over || took_ns / 1000000 > limit_ms(fault))
        fail(t, pod, fault->name, "not over in time");
    note(t, fault, pod);
}

/* `only`: NULL, or an extended regular expression. */
static bool is_asked_for(const struct fault *fault, const char *only)
{
    regex_t wanted;
    if (only == NULL)
        return true;
    if (regcomp(&wanted, only, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    const bool is_match = regexec(&wanted, fault->name, 0, NULL, 0) == 0;
    regfree(&wanted);
    return is_match;
}

/* Of `whom` those that a fault which lasts a while meets in a hurry. */
static uint32_t few(uint32_t whom, uint64_t seed)
{
    static const uint32_t others[] = {RISK, SHARD_0, SETTLEMENT, GATEWAY_0};
    const uint32_t count = sizeof others / sizeof *others;
    uint32_t other = 0;
    for (uint32_t i = 0; i < count && other == 0; i++)
        other = whom & others[(seed + i) % count];
    return other == 0 ? whom : whom & (SEQUENCER | other);
}

/* Those whose name matches `only`, if it is given. */
static void meet_all(struct test *t, const char *only, bool hurries, uint64_t seed)
{
    for (uint32_t i = 0; i < FAULTS; i++) {
        uint32_t whom = faults[i].whom;
        if (!is_asked_for(&faults[i], only) || (hurries && faults[i].is_repeated))
            continue;
        if (hurries && faults[i].hold_ms > 0)
            whom = few(whom, seed + i);
        for (uint32_t pod = 0; pod < PODS && !t->has_failed; pod++)
            if ((whom >> pod & 1) != 0)
                meet(t, &faults[i], pods[pod]);
        if (whom == 0 && !t->has_failed)
            meet(t, &faults[i], "the venue");
    }
}

/* What was in the log before the crowd came, read while nobody writes it. */
static int adopt(struct test *t, struct annals *h)
{
    char line[TEXT];
    if (cluster_stop_all(&t->cluster) != 0)
        fail(t, "services", "stop", "not");
    int error = verdict_adopt(h, t->cluster.directory);
    command_of(t, line, "start_all", "");
    if (system(line) != 0)
        fail(t, "services", "start", "not");
    return error;
}

int main(int argc, char **argv)
{
    static struct test t;
    static char stopper[TEXT];
    struct annals h = {.count = 0};
    if (argc != 5) {
        fprintf(stderr, "usage: cluster_test DIRECTORY PROGRAMS SEED HELPER\n");
        return 2;
    }
    t.helper = argv[4];
    t.cluster =
        (struct cluster){.directory = argv[1], .programs = argv[2], .stopper = stopper};
    command_of(&t, stopper, "stop_all", "");
    setvbuf(stdout, NULL, _IOLBF, 0);
    const uint64_t seed = strtoull(argv[3], NULL, 10);
    const bool hurries = getenv("QUICK") != NULL;
    int error = adopt(&t, &h);
    if (error == 0)
        error = crowd_begin(&t.crowd, argv[1], seed, hurries ? PACE_MS : 0);
    if (error != 0)
        fail(&t, "clients", "begin", zex_reason_text(error));
    read_counters(&t);
    meet_all(&t, getenv("ONLY"), hurries, seed);
    const struct verdict_spans spans = {t.spans, t.count};
    if (error == 0 && !verdict_holds(&t.crowd, &t.cluster, &h, &spans))
        fail(&t, "the venue", "keeps its promises", "not");
    tell_spans(&t);
    printf("%" PRIu32 " faults, each over at most %" PRIu64 " ms after its end\n",
           t.count, t.slowest_ns / 1000000);
    annals_close(&h);
    return t.has_failed;
}
