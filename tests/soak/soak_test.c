/* soak_test.c - a venue under modest load for hours, its clients coming and going:
 * nothing of it may grow that is not promised to.
 * DIRECTORY PROGRAMS SECONDS RATE SEED
 *
 * What fails: a service that ends or falls behind, a client that is not answered, memory,
 * descriptors or journals that grow, disk a record that grows, histories that do not fit
 * the log, a venue that does not verify (README.md).
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "tests/chaos/crowd_client.h"
#include "tests/chaos/verdict.h"
#include "tests/soak/guests.h"
#include "tests/soak/meter.h"
#include "tests/soak/slope.h"

enum {
    TURN_MS = 100,
    END_MS = 60000,
    SAMPLE_S = 60,
    SAMPLES_MIN = 60, /* a short run takes them more often */
    WARM_S = 3600,
    TELLING_S = 4 * 3600, /* from here on, too noisy to tell is a failure */
    LIMIT_PERCENT = 120,
    BEHIND_MAX = 10000, /* records, twice in a row */
    TOLD_MS = 20000,
    BALANCES = 4096,
    ACCOUNT_LAST = 32,
    SERVICES = CLUSTER_SERVICES_MAX,
};

#define MIB      1048576.0
#define DISK_MAX 0.1 /* of the bytes a record of the first half, in the second */

/* What may grow each hour, or in all that was judged if that is more: a huge page or two
 * that are touched for the first time, a journal's next pages, clients that come. */
struct allowance {
    const char *what;
    double hourly, once;
};

static const struct allowance memory_allowed = {"MiB of memory an hour", 1, 4};
static const struct allowance fds_allowed = {"descriptors an hour", 0, 4};
static const struct allowance journal_allowed = {"MiB of journal an hour", 1, 4};

struct test {
    struct cluster cluster;
    struct guests guests;
    struct annals annals;
    uint64_t begin_ns, map_bytes;
    uint32_t time_s, warm_s, sample_s;
    uint32_t samples, warm; /* so many before it was warm */
    struct slope_series memory[SERVICES], fds[SERVICES], journal[SERVICES], disk;
    bool was_behind[SERVICES];
    uint32_t failures;
};

static void fail(struct test *t, const char *whose, const char *what)
{
    printf("FAILED   %s: %s\n", whose, what);
    t->failures++;
}

static uint32_t age_s(const struct test *t)
{
    return (uint32_t)((clock_mono_ns() - t->begin_ns) / (1000 * CLOCK_MS_NS));
}

/* ---- the samples ------------------------------------------------------------------- */

static void print_sample(const struct test *t, const struct meter *m)
{
    const uint32_t count = t->cluster.count;
    printf("%7.1f min  commands %" PRIu64 "  log %" PRIu64 "  archive %.1f disk %.1f",
           age_s(t) / 60.0, guests_commands(&t->guests), m->services[0].gseq,
           (double)m->archive / MIB, (double)m->disk / MIB);
    for (uint32_t i = 0; i < count; i++)
        printf("  %s %.2f %" PRIu64 " %.1f %" PRIu64, cluster_names[i],
               (double)m->services[i].memory / MIB, m->services[i].fds,
               (double)m->services[i].disk / MIB, m->services[i].lag);
    printf("\n");
    fflush(stdout);
}

static void check_lag(struct test *t, uint32_t service, uint64_t lag)
{
    const bool is_behind = lag > BEHIND_MAX;
    if (is_behind && t->was_behind[service])
        fail(t, cluster_names[service], "does not keep up");
    t->was_behind[service] = is_behind;
}

static void take_sample(struct test *t)
{
    struct meter m;
    const double hours = (double)(clock_mono_ns() - t->begin_ns) / 3.6e12;
    meter_read(&m, &t->cluster);
    for (uint32_t i = 0; i < t->cluster.count; i++) {
        slope_add(&t->memory[i], hours, (double)m.services[i].memory / MIB);
        slope_add(&t->fds[i], hours, (double)m.services[i].fds);
        slope_add(&t->journal[i], hours, (double)m.services[i].disk / MIB);
        check_lag(t, i, m.services[i].lag);
    }
    slope_add(&t->disk, (double)m.services[0].gseq, (double)m.disk);
    t->samples++;
    print_sample(t, &m);
}

/* From now on it may not take a fifth more than it has had. */
static void limit_memory(struct test *t)
{
    t->warm = t->samples;
    for (uint32_t i = 0; i < t->cluster.count; i++)
        if (meter_limit(&t->cluster, i, t->map_bytes, LIMIT_PERCENT) != 0)
            fail(t, cluster_names[i], "its memory cannot be limited");
}

/* ---- what is said of them ---------------------------------------------------------- */

static void say(struct test *t, enum slope_verdict verdict, const char *whose,
                const char *what, const struct slope *s, double limit)
{
    static const char *const words[] = {"holds", "FAILED", "unclear"};
    printf("%-8s %s: %s %+.3f (+- %.3f), at most %.3f\n", words[verdict], whose, what,
           s->rise, s->noise, limit);
    t->failures +=
        verdict == SLOPE_GROWS || (verdict == SLOPE_UNCLEAR && t->time_s >= TELLING_S);
}

static void judge(struct test *t, const struct slope_series *series, const char *whose,
                  const struct allowance *allowed)
{
    const double once = allowed->once / ((t->time_s - t->warm_s) / 3600.0);
    const double limit = once > allowed->hourly ? once : allowed->hourly;
    const struct slope s = slope_fit(series, t->warm, series->count);
    say(t, slope_judge(&s, limit), whose, allowed->what, &s, limit);
}

static void judge_disk(struct test *t)
{
    const uint32_t middle = t->warm + (t->disk.count - t->warm) / 2;
    const struct slope first = slope_fit(&t->disk, t->warm, middle);
    const struct slope second = slope_fit(&t->disk, middle, t->disk.count);
    printf("disk: %.1f bytes a record in the first half, %.1f in the second\n",
           first.rise, second.rise);
    const struct slope more = {second.rise - first.rise, first.noise + second.noise};
    say(t, slope_compare(&first, &second, DISK_MAX), "disk", "bytes a record, the more",
        &more, DISK_MAX * first.rise);
}

static void judge_all(struct test *t)
{
    /* Whose journals are bounded: old blocks are archived, approved.k is pruned. */
    static const bool is_bounded[SERVICES] = {[0] = true, [1] = true, [5] = true};
    for (uint32_t i = 0; i < t->cluster.count; i++) {
        const char *whose = cluster_names[i];
        judge(t, &t->memory[i], whose, &memory_allowed);
        judge(t, &t->fds[i], whose, &fds_allowed);
        if (is_bounded[i])
            judge(t, &t->journal[i], whose, &journal_allowed);
    }
    judge_disk(t);
}

/* ---- the run ----------------------------------------------------------------------- */

static bool are_alive(struct test *t)
{
    char what[64];
    for (uint32_t i = 0; i < t->cluster.count; i++) {
        const int code = cluster_poll(&t->cluster, i);
        if (code == CLUSTER_RUNNING)
            continue;
        snprintf(what, sizeof what, "ended by itself with %d", code);
        fail(t, cluster_names[i], what);
        return false;
    }
    return true;
}

static void run(struct test *t)
{
    uint32_t next_s = t->sample_s;
    while (age_s(t) < t->time_s && t->guests.failures == 0 && are_alive(t)) {
        guests_wait(TURN_MS);
        guests_turn(&t->guests);
        if (t->warm == 0 && age_s(t) >= t->warm_s)
            limit_memory(t);
        if (age_s(t) < next_s)
            continue;
        take_sample(t);
        next_s += t->sample_s;
    }
}

static int connect_as(struct test *t, struct crowd_client *c, const char *name)
{
    int status = zex_client_new_in(&c->connection, t->cluster.directory, name, NULL);
    c->index = GUESTS;
    c->is_at_rest = true;
    if (status == ZEX_OK)
        status = zex_client_open(c->connection, TOLD_MS);
    if (status == ZEX_OK)
        status = crowd_client_load(c);
    c->account = status == ZEX_OK ? zex_client_account(c->connection) : 0;
    return status;
}

/* Behind the effect of all that was sent. */
static bool take_balances(struct test *t, struct annals_balance *rows, uint32_t *count)
{
    struct crowd_client manager = {.index = 0}, trader = {.index = 0};
    const int64_t end_ms = clock_mono_ms() + TOLD_MS;
    uint64_t gseq = 0;
    const bool is_there = connect_as(t, &manager, "admin") == ZEX_OK &&
                          connect_as(t, &trader, "bot1") == ZEX_OK &&
                          crowd_client_rest(&trader, end_ms, &gseq) &&
                          crowd_client_balances(&manager, ACCOUNT_LAST, gseq, rows,
                                                BALANCES, count) == ZEX_OK &&
                          annals_join(&t->annals, &trader.annals) == 0;
    zex_client_destroy(&manager.connection);
    zex_client_destroy(&trader.connection);
    annals_close(&trader.annals);
    return is_there;
}

static int begin(struct test *t, char **argv)
{
    const char *map = getenv("ZEX_MAP_SIZE_MB");
    t->time_s = (uint32_t)strtoul(argv[3], NULL, 10);
    t->warm_s = t->time_s / 3 < WARM_S ? t->time_s / 3 : WARM_S;
    t->sample_s = t->time_s / SAMPLES_MIN < SAMPLE_S ? t->time_s / SAMPLES_MIN : SAMPLE_S;
    t->map_bytes = map != NULL ? strtoull(map, NULL, 10) << 20 : 0;
    int error = cluster_begin(&t->cluster, argv[1], argv[2]);
    if (error == 0)
        error = verdict_adopt(&t->annals, argv[1]);
    t->cluster.serves_http = true;
    for (uint32_t i = 0; error == 0 && i < t->cluster.count; i++)
        error = cluster_start(&t->cluster, i, NULL, NULL);
    if (error != 0)
        return error;
    t->begin_ns = clock_mono_ns();
    return guests_begin(&t->guests, argv[1], argv[2],
                        (uint32_t)strtoul(argv[4], NULL, 10), strtoull(argv[5], NULL, 10),
                        &t->annals);
}

static void end(struct test *t)
{
    static struct annals_balance rows[BALANCES];
    uint32_t count = 0;
    if (!guests_end(&t->guests, END_MS))
        fail(t, "clients", "not all ended as they should");
    printf("clients: %" PRIu64 " ended cleanly, %" PRIu64 " left, %" PRIu64
           " were killed, %" PRIu64 " stopped; %" PRIu64 " found their account full\n",
           t->guests.ended[WAY_CLEAN], t->guests.ended[WAY_LEAVE],
           t->guests.ended[WAY_KILLED], t->guests.ended[WAY_STOPS], t->guests.crowded);
    if (!take_balances(t, rows, &count))
        fail(t, "balances", "no answer");
    if (cluster_stop_all(&t->cluster) != 0)
        fail(t, "services", "one did not stop cleanly");
    if (!verdict_fits(t->cluster.directory, &t->annals, rows, count, NULL))
        fail(t, "histories", "do not fit the log");
    if (cluster_run(&t->cluster, "zex", "verify", t->cluster.directory) != 0)
        fail(t, "zex verify", "the venue does not verify");
    judge_all(t);
}

int main(int argc, char **argv)
{
    static struct test test;
    struct test *t = &test;
    if (argc != 6) {
        fprintf(stderr, "usage: soak_test DIRECTORY PROGRAMS SECONDS RATE SEED\n");
        return 2;
    }
    if (begin(t, argv) != 0) {
        fail(t, "services", "do not start");
    } else {
        printf("of each service: MiB of memory, descriptors, MiB of journal, lag\n");
        run(t);
        end(t);
    }
    cluster_end(&t->cluster);
    annals_close(&t->annals);
    printf("%u failures\n", t->failures);
    return t->failures > 0;
}
