/* net_test.c - services on three hosts, made of network namespaces by net.sh, trade on
 * while their network fails in one way after the other.
 *
 *     net_test DIRECTORY PROGRAMS NET SEED HELPER      (hosts.sh)
 *
 * NETa has the sequencer, NETb risk, a shard, settlement and portfolio, NETc the gateway
 * and the other shard; the clients are here. Each fault must be over HEAL_MS after its
 * end: then clients get acknowledgements and reports again; at last verdict.h must hold.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "tests/chaos/verdict.h"

enum {
    HOLD_MS = 2000,  /* a fault lasts */
    HEAL_MS = 10000, /* from its end to acknowledgements */
    HEAL_TOLD = 32,  /* ... this many, and what both shards do */
    BEFORE_TOLD = 100,
    SEQUENCER = 0,
    GATEWAY = 5,
    TEXT = 512,
    NOBODY = -1,
};

/* Commands of a shell in which $a, $b and $c are namespaces, $hub that of the clients,
 * and `lose X Y` makes what X sends to Y vanish, `find X Y` undoes it. */
struct fault {
    const char *name, *begin, *end;
    int restarts; /* a service that is killed within and started at its end */
};

static const struct fault faults[] = {
    {"sequencer to gateway is lost", "lose a c", "find a c", NOBODY},
    {"gateway to sequencer is lost", "lose c a", "find c a", NOBODY},
    {"sequencer to risk is lost", "lose a b", "find a b", NOBODY},
    {"risk and sequencer are parted", "lose a b; lose b a", "find a b; find b a", NOBODY},
    {"risk and a shard are parted", "lose b c; lose c b", "find b c; find c b", NOBODY},
    {"every connection is reset", "reset", "true", NOBODY},
    {"sequencer at 400 kbit/s",
     "tc -n $a qdisc add dev e root tbf rate 400kbit burst 16k latency 400ms",
     "tc -n $a qdisc del dev e root", NOBODY},
    {"the sequencer's cable is pulled", "ip -n $hub link set dev a down",
     "ip -n $hub link set dev a up", NOBODY},
    {"half-open: it restarts without a cable", "ip -n $hub link set dev a down",
     "ip -n $hub link set dev a up", SEQUENCER},
    {"half-open: the gateway does", "ip -n $hub link set dev c down",
     "ip -n $hub link set dev c up", GATEWAY},
    {"the sequencer moves to another address", "ip -n $hub link set dev a down",
     "move a 10.99.0.11; ip -n $hub link set dev a up", SEQUENCER},
};

enum { FAULTS = sizeof faults / sizeof *faults };

struct test {
    struct cluster cluster;
    struct crowd crowd;
    const char *helper;
    bool has_failed;
};

static void fail(struct test *t, const char *fault, const char *what)
{
    printf("%s: %s\n", fault, what);
    t->has_failed = true;
}

static void run(struct test *t, const char *name, const char *command)
{
    char line[TEXT];
    snprintf(line, sizeof line, ". %s; %s", t->helper, command);
    if (system(line) != 0)
        fail(t, name, "its commands fail");
}

static void meet(struct test *t, const struct fault *fault)
{
    if (!crowd_await(&t->crowd, BEFORE_TOLD, HEAL_MS))
        fail(t, fault->name, "no trade before it");
    run(t, fault->name, fault->begin);
    crowd_await(&t->crowd, UINT32_MAX, HOLD_MS / 2);
    if (fault->restarts != NOBODY) {
        pid_t *process = &t->cluster.pids[fault->restarts];
        kill(*process, SIGKILL);
        waitpid(*process, NULL, 0);
        *process = 0;
        if (strstr(fault->end, "move") == NULL &&
            cluster_start(&t->cluster, (uint32_t)fault->restarts, NULL, NULL) != 0)
            fail(t, fault->name, "no start");
    }
    crowd_await(&t->crowd, UINT32_MAX, HOLD_MS / 2);
    run(t, fault->name, fault->end);
    uint64_t ended_ns = clock_mono_ns();
    if (fault->restarts != NOBODY && t->cluster.pids[fault->restarts] == 0 &&
        cluster_start(&t->cluster, (uint32_t)fault->restarts, NULL, NULL) != 0)
        fail(t, fault->name, "no start");
    if (!crowd_await(&t->crowd, HEAL_TOLD, HEAL_MS))
        fail(t, fault->name, "not over 10 s after its end");
    printf("%-40s over %5u ms after its end\n", fault->name,
           (unsigned)((clock_mono_ns() - ended_ns) / 1000000));
}

static int begin(struct test *t, struct annals *h, char **argv)
{
    static char names[CLUSTER_SERVICES_MAX][TEXT];
    static const char *hosts[CLUSTER_SERVICES_MAX];
    static const char places[] = "abbbbcc"; /* of cluster_names */
    int error = cluster_begin(&t->cluster, argv[1], argv[2]);
    if (error == 0)
        error = verdict_adopt(h, argv[1]);
    for (uint32_t i = 0; i < CLUSTER_SERVICES_MAX; i++) {
        snprintf(names[i], TEXT, "%s%c", argv[3], places[i]);
        hosts[i] = names[i];
    }
    t->cluster.hosts = hosts;
    for (uint32_t i = 0; error == 0 && i < t->cluster.count; i++)
        error = cluster_start(&t->cluster, i, NULL, NULL);
    return error != 0 ? error
                      : crowd_begin(&t->crowd, argv[1], strtoull(argv[4], NULL, 10), 0);
}

int main(int argc, char **argv)
{
    static struct test t;
    struct annals h = {.count = 0};
    if (argc != 6) {
        fprintf(stderr, "usage: net_test DIRECTORY PROGRAMS NET SEED HELPER\n");
        return 2;
    }
    t.helper = argv[5];
    setvbuf(stdout, NULL, _IOLBF, 0);
    int error = begin(&t, &h, argv);
    if (error != 0)
        fail(&t, "begin", zex_reason_text(error));
    for (uint32_t i = 0; i < FAULTS && !t.has_failed; i++)
        meet(&t, &faults[i]);
    if (error == 0 && !verdict_holds(&t.crowd, &t.cluster, &h, NULL))
        fail(&t, "the venue", "does not keep its promises");
    cluster_end(&t.cluster);
    annals_close(&h);
    return t.has_failed;
}
