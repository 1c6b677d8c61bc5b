/* power_test.c - cuts the power of a recorded venue at every boundary between two changes
 * of its disks, and starts it again each time.
 *
 *     power_test VENUE TAPE [STATES [SEED]]    that many states, evenly spread; 0: all
 *     power_test VENUE TAPE --at ENTRY CUT SEED    one of them again; keeps its files
 *
 * VENUE is the directory as the run left it: its log is what every other must begin with.
 * A state is good if every service starts and comes to rest, every record a client was
 * told of before the cut is in the log, and all that is stored verifies.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "tests/faults/power.h"
#include "tests/faults/recover.h"

enum {
    WORKERS = 2,
    SHOWN = 5, /* failures told in full */
};

static const char *const cut_names[POWER_CUTS] = {"none", "all", "some"};

struct state {
    uint64_t at, seed;
    enum power_cut cut;
};

struct run {
    const char *venue, *tape;
    struct power power;
    struct reference reference;
    uint64_t seed, states, failed;
};

static void remove_all(const char *directory)
{
    char command[512];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    if (system(command) != 0)
        fprintf(stderr, "%s stays\n", directory);
}

/* Nobody was told of anything yet: then a venue that never was is as good. */
static bool is_forgiven(const struct power *power, int error)
{
    return error == ERR_NO_GENESIS && power->told == 0;
}

/* In a child of its own: it may end by a CHECK. */
static int recover(const struct run *run, const char *directory)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        uint64_t same;
        int error = recover_run(directory, &run->reference, run->power.told, &same);
        _exit(error == 0 || is_forgiven(&run->power, error) ? 0 : 1);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1;
    if (WIFSIGNALED(status))
        fprintf(stderr, "signal %d\n", WTERMSIG(status));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool is_good(struct run *run, const struct state *state, const char *directory)
{
    struct random random;
    random_init(&random, state->seed);
    power_advance(&run->power, state->at);
    if (mkdir(directory, 0700) != 0 ||
        power_cut(&run->power, directory, state->cut, &random) != 0) {
        perror(directory);
        return false;
    }
    return recover(run, directory) == 0;
}

static void report(const struct run *run, const struct state *state)
{
    const struct tape_entry *entry = run->power.entries[state->at];
    fprintf(stderr,
            "FAILED before entry %" PRIu64 " (kind %u of '%s'), told %" PRIu64
            "\nagain: power_test %s %s --at %" PRIu64 " %s %" PRIu64 "\n",
            state->at, entry->kind, entry->path, run->power.told, run->venue, run->tape,
            state->at, cut_names[state->cut], state->seed);
}

/* ---- one of them ------------------------------------------------------------------- */

static int run_one(struct run *run, char **words)
{
    char directory[512];
    struct state state = {.at = strtoull(words[0], NULL, 10),
                          .seed = strtoull(words[2], NULL, 10)};
    while (state.cut < POWER_CUTS && strcmp(words[1], cut_names[state.cut]) != 0)
        state.cut++;
    if (state.at >= run->power.count || state.cut == POWER_CUTS)
        return 2;
    snprintf(directory, sizeof directory, "%s.cut", run->venue);
    remove_all(directory);
    bool good = is_good(run, &state, directory);
    printf("%s: files in %s\n", good ? "good" : "FAILED", directory);
    return !good;
}

/* ---- all of them ------------------------------------------------------------------- */

/* Every `stride`th boundary with each kind of cut in turn, beginning where `seed` says;
 * this worker's share of them. */
static void run_share(struct run *run, uint32_t worker, uint64_t stride)
{
    char directory[512];
    uint64_t boundary = 0;
    snprintf(directory, sizeof directory, "%s.cut%u", run->venue, worker);
    for (uint64_t at = 0; at < run->power.count; at++) {
        if (!power_is_boundary(&run->power, at))
            continue;
        for (uint32_t cut = 0; cut < POWER_CUTS; cut++) {
            uint64_t number = boundary++;
            if ((number + run->seed) % stride != 0 || number / stride % WORKERS != worker)
                continue;
            struct state state = {at, run->seed * 1000003 + number, (enum power_cut)cut};
            remove_all(directory);
            run->states++;
            if (is_good(run, &state, directory) || run->failed++ >= SHOWN)
                continue;
            report(run, &state);
        }
    }
    remove_all(directory);
}

static uint64_t count_boundaries(const struct power *power)
{
    uint64_t count = 0;
    for (uint64_t at = 0; at < power->count; at++)
        count += power_is_boundary(power, at) ? POWER_CUTS : 0;
    return count;
}

static int run_all(struct run *run, uint64_t wanted)
{
    uint64_t all = count_boundaries(&run->power), counts[2];
    uint64_t stride = wanted == 0 || wanted >= all ? 1 : all / wanted;
    int pipes[2];
    if (pipe(pipes) != 0)
        return 2;
    for (uint32_t worker = 0; worker < WORKERS; worker++)
        if (fork() == 0) {
            run_share(run, worker, stride);
            counts[0] = run->states;
            counts[1] = run->failed;
            _exit(write(pipes[1], counts, sizeof counts) != sizeof counts);
        }
    close(pipes[1]);
    uint32_t ended = 0;
    while (read(pipes[0], counts, sizeof counts) == sizeof counts) {
        run->states += counts[0];
        run->failed += counts[1];
        ended++;
    }
    while (wait(NULL) > 0)
        ;
    printf("power cut: seed %" PRIu64 ", %" PRIu64 " of %" PRIu64 " states, %" PRIu64
           " failed\n",
           run->seed, run->states, all, run->failed);
    return run->failed != 0 || ended != WORKERS || run->states == 0;
}

/* What a client was told of its own command is true. */
static int check_told(const struct run *run)
{
    for (uint64_t i = 0; i < run->power.count; i++) {
        const struct tape_entry *entry = run->power.entries[i];
        uint64_t gseq = entry->offset;
        if (entry->kind != TAPE_TOLD)
            continue;
        if (gseq > run->reference.count ||
            (entry->number != 0 && run->reference.names[gseq - 1] != entry->number)) {
            fprintf(stderr, "told of %" PRIu64 ", which is not in the log\n", gseq);
            return 1;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct run run = {.seed = 1};
    bool is_one = argc == 7 && strcmp(argv[3], "--at") == 0;
    if (argc < 3 || (argc > 5 && !is_one)) {
        fprintf(stderr, "usage: power_test VENUE TAPE [STATES [SEED] | --at ...]\n");
        return 2;
    }
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0); /* each start maps much and touches little */
    run.venue = argv[1];
    run.tape = argv[2];
    int error = reference_load(&run.reference, run.venue);
    if (error == 0)
        error = power_open(&run.power, run.tape);
    if (error != 0) {
        fprintf(stderr, "%s, %s: %s\n", run.venue, run.tape, error_text(error));
        return 2;
    }
    if (argc == 5)
        run.seed = strtoull(argv[4], NULL, 10);
    int code = check_told(&run);
    if (code == 0 && is_one)
        code = run_one(&run, &argv[4]);
    else if (code == 0)
        code = run_all(&run, argc > 3 ? strtoull(argv[3], NULL, 10) : 0);
    reference_release(&run.reference);
    power_close(&run.power);
    return code;
}
