/* rot_test.c - one page of what a venue has stored is no longer what was written: a bit,
 * or all of it, is another; it has changed places with another page, or is an older one.
 *
 *     rot_test VENUE OLDER [STATES [SEED]]
 *     rot_test VENUE OLDER --state NUMBER SEED    one of them again; keeps its files
 *
 * OLDER is a copy of VENUE from an earlier time. The sequencer of VENUE was killed, the
 * rest came to rest: its redo file holds records. Each state is started, comes to rest,
 * stops and is verified. Good are: nothing is different; a service ends; or verify names
 * what is damaged, and whoever reads it finds it out by a checksum. Bad is a log that
 * lost records without a word, rows of a table that are wrong and look right, or a
 * verify that does not end.
 *
 * LMDB believes its pages: on one that is another, a search of a service may never end.
 * That answers nothing; /livez tells. So it is counted, and verify must find it then.
 *
 * One gap is known and counted: an older page of a table, or one that changed places, can
 * make rows of history be missing; verify finds that, a query does not.
 */
#include <execinfo.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/invariants.h"
#include "common/journal.h"
#include "common/random.h"
#include "common/row.h"
#include "deploy/cli/refold_world.h"
#include "tests/faults/recover.h"

enum {
    WORKERS = 2,
    PAGE = 4096,
    CPU_SECONDS_MAX = 5, /* a state takes a fiftieth of one */
    FILES = 64,
    SHOWN = 5,
    FRAMES = 32,
};

enum outcome {
    HARMLESS,
    ENDED,    /* a service says what is wrong, and ends with a code that says so */
    CRASHED,  /* a CHECK, or LMDB on a damaged page */
    VERIFIED, /* verify finds it, and whoever reads it will */
    MISSING,  /* rows of history, of which verify only knows */
    HANGS,    /* a service does, or never gets up, and verify knows why */
    WRONG,
    UNENDED, /* so far: inside try only */
    OUTCOMES = UNENDED,
};

enum damage { FLIP, ZERO, SWAP, STALE };

static const char *const damages[] = {"flip", "zero", "swap", "stale"};

struct state {
    char file[64];
    enum damage damage;
    uint64_t page, other, bit;
};

struct run {
    const char *venue, *older;
    struct reference reference;
    char files[FILES][64];
    uint32_t file_count;
    uint64_t seed, outcomes[OUTCOMES];
};

/* ---- what there is ----------------------------------------------------------------- */

static int list_files(struct run *run)
{
    char command[PATH_MAX], line[64];
    snprintf(command, sizeof command,
             "cd '%s' && find */data.mdb */redo archive -type f | sort", run->venue);
    FILE *list = popen(command, "re");
    while (list != NULL && run->file_count < FILES &&
           fgets(line, sizeof line, list) != NULL) {
        line[strcspn(line, "\n")] = 0;
        memcpy(run->files[run->file_count++], line, sizeof line);
    }
    if (list != NULL)
        pclose(list);
    return run->file_count > 0 ? 0 : ERR_NOT_FOUND;
}

static void remove_all(const char *directory)
{
    char command[PATH_MAX];
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    if (system(command) != 0)
        fprintf(stderr, "%s stays\n", directory);
}

static int copy_all(const struct run *run, const char *directory)
{
    char command[PATH_MAX];
    snprintf(command, sizeof command, "cp -r '%s' '%s'", run->venue, directory);
    return system(command) == 0 ? 0 : ERR_IO;
}

/* ---- damage ------------------------------------------------------------------------ */

static void draw(const struct run *run, uint64_t number, struct state *state)
{
    struct random random;
    struct stat status;
    char path[PATH_MAX];
    random_init(&random, run->seed * 1000003 + number);
    memcpy(state->file, run->files[random_below(&random, run->file_count)],
           sizeof state->file);
    snprintf(path, sizeof path, "%s/%s", run->venue, state->file);
    uint64_t size = stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
    uint64_t pages = (size + PAGE - 1) / PAGE;
    state->damage =
        random_below(&random, 2) ? FLIP : (enum damage)random_below(&random, 4);
    state->page = random_below(&random, pages + (pages == 0));
    state->other = random_below(&random, pages + (pages == 0));
    state->bit = random_below(&random, PAGE * 8);
}

static void read_page(const char *directory, const char *name, uint64_t page,
                      uint8_t bytes[PAGE], ssize_t *size)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    *size = file >= 0 ? pread(file, bytes, PAGE, (off_t)(page * PAGE)) : 0;
    if (file >= 0)
        close(file);
}

static void write_page(const char *directory, const char *name, uint64_t page,
                       const uint8_t *bytes, ssize_t size)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int file = open(path, O_WRONLY | O_CLOEXEC);
    if (file < 0 || pwrite(file, bytes, (size_t)size, (off_t)(page * PAGE)) != size)
        abort();
    close(file);
}

static void damage(const struct run *run, const struct state *s, const char *directory)
{
    uint8_t page[PAGE], other[PAGE];
    ssize_t size, other_size;
    read_page(directory, s->file, s->page, page, &size);
    if (size <= 0)
        return;
    switch (s->damage) {
    case FLIP:
        page[s->bit / 8 % (uint64_t)size] ^= (uint8_t)(1 << s->bit % 8);
        break;
    case ZERO:
        memset(page, 0, PAGE);
        break;
    case SWAP:
        read_page(directory, s->file, s->other, other, &other_size);
        if (other_size != PAGE || size != PAGE)
            return;
        write_page(directory, s->file, s->other, page, PAGE);
        memcpy(page, other, PAGE);
        break;
    default:
        read_page(run->older, s->file, s->page, other, &other_size);
        if (other_size < size)
            return;
        memcpy(page, other, PAGE);
        break;
    }
    write_page(directory, s->file, s->page, page, size);
}

/* ---- judging ----------------------------------------------------------------------- */

/* Would whoever reads the rows of these tables see that something is wrong? */
static bool has_bad_row(const char *directory, const char *name)
{
    struct journal *journal = NULL;
    bool is_bad = refold_world_journal(&journal, directory, name) != 0;
    for (uint32_t table = JOURNAL_ROWS; !is_bad && table < JOURNAL_EMIT; table++) {
        uint8_t wanted[256] = {0};
        const void *key, *value;
        size_t wanted_size = 1, key_size, size;
        int error;
        while (!is_bad && (error = journal_seek(journal, table, wanted, wanted_size, &key,
                                                &key_size, &value, &size)) == 0) {
            is_bad = row_open(key, key_size, value, &size) != 0 ||
                     memcmp(key, wanted, key_size) < 0;
            memcpy(wanted, key, key_size); /* the next one is behind this and a zero */
            wanted[key_size] = 0;
            wanted_size = key_size + 1;
        }
        is_bad = is_bad || error != ERR_NOT_FOUND;
    }
    journal_close(&journal);
    return is_bad;
}

/* A tool that reads the log settles it, and the redo file would be void. */
static int load_reference(struct run *run)
{
    char directory[PATH_MAX];
    snprintf(directory, sizeof directory, "%s.read", run->venue);
    remove_all(directory);
    int error = copy_all(run, directory);
    if (error == 0)
        error = reference_load(&run->reference, directory);
    if (error == 0 &&
        (has_bad_row(directory, "portfolio") || has_bad_row(directory, "settlement")))
        error = ERR_CORRUPT; /* then the test could not fail */
    remove_all(directory);
    return error;
}

/* Verify says that rows differ. */
static enum outcome judge_rows(const struct state *state, const char *directory)
{
    if (has_bad_row(directory, "portfolio") || has_bad_row(directory, "settlement"))
        return VERIFIED;
    return state->damage == SWAP || state->damage == STALE ? MISSING : WRONG;
}

/* In the child. All that was told is in the log, since the venue had stopped. */
static enum outcome judge(const struct run *run, const struct state *state,
                          const char *directory)
{
    uint64_t same;
    int error = recover_run(directory, &run->reference, run->reference.count, &same);
    if (error == RECOVER_UNVERIFIED)
        return strstr(recover_difference, " table ") == NULL
                   ? VERIFIED
                   : judge_rows(state, directory);
    if (error == RECOVER_UNREADY)
        return UNENDED;
    if (error == 0)
        return HARMLESS;
    return error != RECOVER_LOST && invariants_stop(error) == NULL ? ENDED : WRONG;
}

/* In the child, whose stderr keeps where it was. */
static void on_limit(int number)
{
    void *frames[FRAMES];
    (void)number;
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES), STDERR_FILENO);
    _exit(UNENDED);
}

static void limit_time(void)
{
    void *frame;
    struct itimerval limit = {.it_value = {.tv_sec = CPU_SECONDS_MAX}};
    (void)backtrace(&frame, 1); /* loads what it needs */
    signal(SIGPROF, on_limit);
    setitimer(ITIMER_PROF, &limit, NULL);
}

/* Both see the directory as it is then: damaged, and perhaps served since. */
static enum outcome run_child(const struct run *run, const struct state *state,
                              const char *directory, bool only_verifies)
{
    char name[PATH_MAX];
    int status = 0;
    snprintf(name, sizeof name, "%s/stderr", directory);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        if (freopen(name, only_verifies ? "a" : "w", stderr) == NULL)
            _exit(WRONG);
        limit_time();
        if (!only_verifies)
            _exit((int)judge(run, state, directory));
        _exit(recover_verify(directory) != 0 ? VERIFIED : HARMLESS);
    }
    if (child < 0 || waitpid(child, &status, 0) != child)
        return WRONG;
    if (WIFSIGNALED(status))
        return CRASHED;
    return WEXITSTATUS(status) <= UNENDED ? (enum outcome)WEXITSTATUS(status) : WRONG;
}

/* Whatever became of the services, verify comes to an end. */
static enum outcome try(const struct run *run, const struct state *state,
                        const char *directory)
{
    if (copy_all(run, directory) != 0)
        return WRONG;
    damage(run, state, directory);
    enum outcome outcome = run_child(run, state, directory, false);
    if (outcome != ENDED && outcome != CRASHED && outcome != UNENDED)
        return outcome;
    enum outcome verified = run_child(run, state, directory, true);
    if (verified == ENDED) /* 1: on a page that could not be read, which it named */
        verified = VERIFIED;
    if (verified != VERIFIED && (verified != HARMLESS || outcome == UNENDED))
        return WRONG;
    return outcome == UNENDED ? HANGS : outcome;
}

/* What the last child had to say. */
static void show_stderr(const char *directory)
{
    char name[PATH_MAX], line[512];
    snprintf(name, sizeof name, "%s/stderr", directory);
    FILE *file = fopen(name, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        fputs(line, stderr);
    if (file != NULL)
        fclose(file);
}

static void run_share(struct run *run, uint32_t worker, uint64_t states)
{
    char directory[PATH_MAX];
    snprintf(directory, sizeof directory, "%s.rot%u", run->venue, worker);
    for (uint64_t number = worker; number < states; number += WORKERS) {
        struct state state;
        draw(run, number, &state);
        remove_all(directory);
        enum outcome outcome = try(run, &state, directory);
        run->outcomes[outcome]++;
        if ((outcome != WRONG && outcome != HANGS) || run->outcomes[outcome] > SHOWN)
            continue;
        fprintf(stderr,
                "%s: %s of page %" PRIu64 " (%" PRIu64 ", bit %" PRIu64 ") of %s\n"
                "again: rot_test %s %s --state %" PRIu64 " %" PRIu64 "\n",
                outcome == WRONG ? "FAILED" : "hangs", damages[state.damage], state.page,
                state.other, state.bit, state.file, run->venue, run->older, number,
                run->seed);
        show_stderr(directory);
    }
    remove_all(directory);
}

static uint64_t count_flips(const struct run *run, uint64_t states)
{
    uint64_t flips = 0;
    struct state state;
    for (uint64_t number = 0; number < states; number++) {
        draw(run, number, &state);
        flips += state.damage == FLIP;
    }
    return flips;
}

static int run_all(struct run *run, uint64_t states)
{
    uint64_t counts[OUTCOMES];
    uint32_t ended = 0;
    int pipes[2];
    if (pipe(pipes) != 0)
        return 2;
    for (uint32_t worker = 0; worker < WORKERS; worker++)
        if (fork() == 0) {
            run_share(run, worker, states);
            _exit(write(pipes[1], run->outcomes, sizeof counts) != sizeof counts);
        }
    close(pipes[1]);
    for (; read(pipes[0], counts, sizeof counts) == sizeof counts; ended++)
        for (uint32_t i = 0; i < OUTCOMES; i++)
            run->outcomes[i] += counts[i];
    while (wait(NULL) > 0)
        ;
    const uint64_t *n = run->outcomes;
    printf("bit rot: seed %" PRIu64 ", %" PRIu64 " states, %" PRIu64
           " of one bit: %" PRIu64 " harmless, %" PRIu64 " ended a service, %" PRIu64
           " crashed it, %" PRIu64 " hung it, %" PRIu64 " found by verify, %" PRIu64
           " missing history, %" PRIu64 " wrong\n",
           run->seed, states, count_flips(run, states), n[HARMLESS], n[ENDED], n[CRASHED],
           n[HANGS], n[VERIFIED], n[MISSING], n[WRONG]);
    return n[WRONG] != 0 || ended != WORKERS;
}

static int run_one(struct run *run, uint64_t number)
{
    char directory[PATH_MAX];
    struct state state;
    snprintf(directory, sizeof directory, "%s.rot", run->venue);
    draw(run, number, &state);
    remove_all(directory);
    enum outcome outcome = try(run, &state, directory);
    show_stderr(directory);
    printf("outcome %d: files in %s\n", outcome, directory);
    return outcome == WRONG;
}

int main(int argc, char **argv)
{
    struct run run = {.seed = 1};
    bool is_one = argc == 6 && strcmp(argv[3], "--state") == 0;
    if (argc < 3 || (argc > 5 && !is_one)) {
        fprintf(stderr, "usage: rot_test VENUE OLDER [STATES [SEED]]\n");
        return 2;
    }
    prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    run.venue = argv[1];
    run.older = argv[2];
    if (argc >= 5)
        run.seed = strtoull(argv[argc - 1], NULL, 10);
    int error = load_reference(&run);
    if (error == 0)
        error = list_files(&run);
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", run.venue, error_text(error));
        return 2;
    }
    int code = is_one ? run_one(&run, strtoull(argv[4], NULL, 10))
                      : run_all(&run, argc > 3 ? strtoull(argv[3], NULL, 10) : 1000);
    reference_release(&run.reference);
    return code;
}
