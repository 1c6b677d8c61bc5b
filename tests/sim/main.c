/* main.c - one seed, a range, those of a file, or each ablation; every seed in a process
 * of its own, so that a CHECK that fails ends only that one. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/ablate.h"
#include "common/check.h"
#include "common/error.h"
#include "tests/sim/marks.h"
#include "tests/sim/sim.h"
#include "tests/sim/transcript.h"

#ifdef ZEX_ABLATE
enum ablate_name ablate_chosen;
#endif

enum { MARKS_SEEDS = 400 }; /* fewer may miss a mark */

static struct sim sim;
static bool is_verbose, is_terse; /* terse: an ablation is expected to fail */

struct outcome {
    uint64_t trace;
    uint64_t records;
    uint32_t steps, broken;
    uint32_t marks[MARKS_COUNT];
};

/* ---- one seed ---------------------------------------------------------------------- */

static void tell_failure(const char *what, const char *more)
{
    if (is_terse)
        return;
    printf("seed=%" PRIu64 " step=%" PRIu32 " node=%" PRIu32 " broken=\"%s%s%s\"\n",
           sim.plan.seed, sim.step, sim.node, what, *more != 0 ? ": " : "", more);
    printf("repeat: make sim SEED=%" PRIu64 " VERBOSE=1\n", sim.plan.seed);
    fflush(stdout);
}

/* A CHECK of the product failed: it has printed where. */
static void on_abort(int number)
{
    (void)number;
    tell_failure("CHECK", "");
    _exit(2);
}

static void run_seed(uint64_t seed, int result)
{
    struct outcome o = {.steps = 0};
    signal(SIGABRT, on_abort);
    if (is_verbose)
        transcript_begin(&sim);
    if (is_terse)
        (void)!freopen("/dev/null", "w", stderr);
    sim_run(&sim, seed);
    if (sim.broken != NULL)
        tell_failure(sim.broken, sim.error != 0 ? error_name(sim.error) : "");
    o.trace = network_trace();
    o.records = sim.archive.count;
    o.steps = sim.step;
    memcpy(o.marks, marks, sizeof o.marks);
    o.broken = sim.broken != NULL;
    sim_close(&sim);
    if (write(result, &o, sizeof o) != (ssize_t)sizeof o)
        _exit(3);
    _exit(o.broken ? 1 : 0);
}

/* True if it held. */
static bool try_seed(uint64_t seed, struct outcome *o)
{
    int ends[2], status = 0;
    *o = (struct outcome){.broken = 1};
    fflush(NULL);
    if (pipe(ends) != 0)
        exit(3);
    pid_t child = fork();
    if (child == 0)
        run_seed(seed, ends[1]);
    close(ends[1]);
    if (read(ends[0], o, sizeof *o) != (ssize_t)sizeof *o)
        o->broken = 1;
    close(ends[0]);
    if (child < 0 || waitpid(child, &status, 0) != child)
        exit(3);
    if (WIFSIGNALED(status) && !is_terse)
        printf("seed=%" PRIu64 " ended by signal %d\n", seed, WTERMSIG(status));
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 && o->broken == 0;
}

/* ---- many seeds -------------------------------------------------------------------- */

static void add(struct outcome *total, const struct outcome *one)
{
    total->steps += one->steps;
    total->records += one->records;
    total->trace = total->trace * 31 + one->trace;
    for (uint32_t i = 0; i < MARKS_COUNT; i++)
        total->marks[i] += one->marks[i];
}

/* True if every rare event was seen, where there were seeds enough. */
static bool tell_marks(const struct outcome *total, uint64_t seeds)
{
    bool complete = true;
    if (seeds < MARKS_SEEDS)
        return true;
    printf("sim: seen:");
    for (uint32_t i = 0; i < MARKS_COUNT; i++) {
        printf(" %s=%" PRIu32, marks_text(i), total->marks[i]);
        complete = complete && total->marks[i] >= seeds / 20;
    }
    printf("\n%s", complete ? "" : "sim: something rare was seen too seldom\n");
    return complete;
}

static int run_range(uint64_t first, uint64_t last)
{
    struct outcome o, total = {.steps = 0};
    uint64_t failed = 0, seeds = last - first + 1;
    for (uint64_t seed = first; seed <= last; seed++) {
        failed += !try_seed(seed, &o);
        add(&total, &o);
    }
    bool complete = tell_marks(&total, seeds);
    printf("sim: %" PRIu64 " seeds, %" PRIu64 " failed; %" PRIu32 " steps, %" PRIu64
           " records, trace %016" PRIx64 "\n",
           seeds, failed, total.steps, total.records, total.trace);
    return failed == 0 && complete ? 0 : 1;
}

/* The same seed twice is the same world. */
static int run_twice(uint64_t seed)
{
    struct outcome a, b;
    bool held = try_seed(seed, &a) && try_seed(seed, &b);
    bool same = held && a.trace == b.trace;
    printf("sim: seed %" PRIu64 " twice: %s (%016" PRIx64 ")\n", seed,
           same ? "same trace" : "DIFFERENT", a.trace);
    return same ? 0 : 1;
}

/* One seed a line; what follows it is why. */
static int run_file(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[256];
    int failed = 0;
    struct outcome o;
    if (file == NULL)
        return 1;
    while (fgets(line, sizeof line, file) != NULL) {
        char *end;
        uint64_t seed = strtoull(line, &end, 10);
        if (end != line)
            failed += !try_seed(seed, &o);
    }
    fclose(file);
    printf("sim: seeds of %s: %d failed\n", path, failed);
    return failed == 0 ? 0 : 1;
}

#ifdef ZEX_ABLATE
static int run_ablations(uint64_t seeds)
{
    static const char *const names[] = {"",
#define NAME(name) #name,
                                        ABLATE_LIST(NAME)
#undef NAME
    };
    int missed = 0;
    is_terse = true;
    for (int i = 1; i < ABLATE_END; i++) {
        struct outcome o;
        uint64_t seed = 1;
        ablate_chosen = (enum ablate_name)i;
        while (seed <= seeds && try_seed(seed, &o))
            seed++;
        bool caught = seed <= seeds;
        missed += !caught;
        printf("ablate: %-22s %s", names[i], caught ? "caught by seed" : "NOT CAUGHT in");
        printf(" %" PRIu64 "\n", caught ? seed : seeds);
    }
    printf("ablate: %d of %d caught\n", ABLATE_END - 1 - missed, ABLATE_END - 1);
    return missed == 0 ? 0 : 1;
}

static int ablate(const char *name, uint64_t seed)
{
#define CHOOSE(item)                                                                     \
    if (strcmp(name, #item) == 0)                                                        \
        ablate_chosen = ABLATE_##item;
    ABLATE_LIST(CHOOSE)
#undef CHOOSE
    return run_range(seed, seed);
}
#endif

/* What `make test` runs: every seed that once failed, one seed twice, some fresh ones. */
static int run_tests(void)
{
    int failed = run_file("tests/sim/seeds.txt");
    failed += run_twice(7);
    failed += run_range(1, 60);
    return failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    char *rest = argv[argc - 1];
    is_verbose = getenv("VERBOSE") != NULL && *getenv("VERBOSE") != 0;
#ifdef ZEX_ABLATE
    if (argc == 3 && strcmp(argv[1], "--ablate") == 0)
        return run_ablations(strtoull(argv[2], NULL, 10));
    if (argc == 4 && strcmp(argv[1], "--ablate") == 0)
        return ablate(argv[2], strtoull(argv[3], NULL, 10));
#endif
    if (argc == 1)
        return run_tests();
    if (argc == 3 && strcmp(argv[1], "--seeds") == 0)
        return run_file(argv[2]);
    if (argc == 3 && strcmp(argv[1], "--twice") == 0)
        return run_twice(strtoull(argv[2], NULL, 10));
    uint64_t first = argc == 2 ? strtoull(argv[1], &rest, 10) : 0, last = first;
    if (argc == 2 && strncmp(rest, "..", 2) == 0)
        last = strtoull(rest + 2, &rest, 10);
    if (argc == 2 && *rest == 0 && rest != argv[1])
        return run_range(first, last);
    fprintf(stderr, "usage: sim | SEED | FIRST..LAST | --seeds FILE | --twice SEED\n"
                    "       (MODE=ablate) --ablate SEEDS | --ablate NAME SEED\n");
    return 2;
}
