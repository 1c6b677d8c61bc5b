/* guests.c - see guests.h. */
#include "tests/soak/guests.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/soak/diary.h"

enum {
    TEXT = 512,
    OPERATOR = 0,
    MONEY_MS = 10000, /* between movements: their references are kept for ever */
    LIFE_MS_MIN = 5000,
    LIFE_MS_MAX = 90000,
    AWAY_MS_MAX = 5000,
    STOP_MS_MAX = 30000, /* a gateway cuts who is silent for 10 s */
    TURN_MS = 100,
};

static const char *const names[] = {"admin", "alice", "bob", "bot1",
                                    "bot2",  "bot3",  "bot4"};
enum { NAMES = sizeof names / sizeof *names };

static const char *name_of(uint32_t index)
{
    return index == OPERATOR ? names[0] : names[1 + (index - 1) % (NAMES - 1)];
}

static uint64_t draw_ns(struct guests *g, int64_t from_ms, int64_t to_ms)
{
    return (uint64_t)random_between(&g->random, from_ms, to_ms) * CLOCK_MS_NS;
}

static void complain(struct guests *g, uint32_t index, const char *what, int number)
{
    printf("client %u of %s, life %u: %s %d\n", index, name_of(index),
           g->guests[index].life, what, number);
    g->failures++;
}

void guests_wait(int timeout_ms)
{
    const struct timespec wait = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    (void)sigtimedwait(&children, NULL, &wait);
}

/* ---- one process ------------------------------------------------------------------- */

static pid_t spawn(const struct guests *g, const char *program, const char *const *words)
{
    char path[TEXT], output[TEXT];
    snprintf(path, sizeof path, "%s/%s", g->programs, program);
    snprintf(output, sizeof output, "%s/log/clients", g->directory);
    pid_t child = fork();
    if (child != 0)
        return child;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (freopen(output, "ae", stderr) != NULL && dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
        execv(path, (char *const *)words);
    _exit(127);
}

static void name_diary(const struct guests *g, uint32_t index, char path[TEXT])
{
    snprintf(path, TEXT, "%s/run/diary-%u", g->directory, index);
}

static void name_outbox(const struct guests *g, uint32_t index, char path[TEXT])
{
    snprintf(path, TEXT, "%s/run/outbox-%u-%u", g->directory, index,
             g->guests[index].life);
}

static void draw_way(struct guests *g, uint32_t index, bool is_new)
{
    struct guest *guest = &g->guests[index];
    guest->way = (enum way)random_below(&g->random, WAYS);
    if (is_new)
        guest->has_outbox = random_chance(&g->random, 500000);
    if (index != OPERATOR)
        return;
    /* An acknowledgement does not name a movement of money: it waits for it. */
    guest->has_outbox = false;
    if (guest->way != WAY_STOPS)
        guest->way = WAY_CLEAN;
}

static void come(struct guests *g, uint32_t index)
{
    struct guest *guest = &g->guests[index];
    char diary[TEXT], outbox[TEXT] = "-", numbers[6][24];
    const int64_t time_ms =
        g->is_over ? 0 : random_between(&g->random, LIFE_MS_MIN, LIFE_MS_MAX);
    name_diary(g, index, diary);
    draw_way(g, index, access(diary, F_OK) != 0);
    if (g->is_over)
        guest->way = WAY_CLEAN;
    if (guest->has_outbox)
        name_outbox(g, index, outbox);
    snprintf(numbers[0], sizeof *numbers, "%u", index);
    snprintf(numbers[1], sizeof *numbers, "%u", guest->life);
    snprintf(numbers[2], sizeof *numbers, "%llu",
             (unsigned long long)random_next(&g->random));
    snprintf(numbers[3], sizeof *numbers, "%u",
             index == OPERATOR ? MONEY_MS : g->period_ms);
    snprintf(numbers[4], sizeof *numbers, "%lld", (long long)time_ms);
    snprintf(numbers[5], sizeof *numbers, "%d", guest->way);
    const char *const words[] = {"client",   g->directory, name_of(index), numbers[0],
                                 numbers[1], numbers[2],   outbox,         diary,
                                 numbers[3], numbers[4],   numbers[5],     NULL};
    guest->pid = spawn(g, "soak/client", words);
    if (guest->pid < 0) {
        complain(g, index, "cannot be started", 0);
        guest->pid = 0;
    }
}

/* Its outbox will never be used again: what it knows is all that will be known. */
static void bury(struct guests *g, uint32_t index)
{
    char path[TEXT];
    struct annals diary;
    name_diary(g, index, path);
    if (access(path, F_OK) == 0) {
        if (diary_open(&diary, path) != 0 || annals_join(g->annals, &diary) != 0)
            complain(g, index, "its diary is lost", 0);
        diary_close(&diary);
        unlink(path);
    }
    name_outbox(g, index, path);
    unlink(path);
    g->guests[index].life++;
}

/* The oldest session of its account, and of those that were killed it is. */
static void make_room(struct guests *g, uint32_t index)
{
    const char *const words[] = {
        "zex", "admin", "close-session", name_of(index), "--dir", g->directory, NULL};
    int status = 0;
    for (uint32_t i = 0; i < 2; i++) {
        pid_t child = spawn(g, "bin/zex", words);
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
            complain(g, index, "zex admin close-session ended with", status);
    }
    g->crowded++;
}

/* ---- who ended, who comes ---------------------------------------------------------- */

/* By itself, by end_stop, or by guests_end before it could listen. */
static bool is_ours(const struct guests *g, const struct guest *guest, int status)
{
    if (!WIFSIGNALED(status))
        return false;
    return (WTERMSIG(status) == SIGTERM && g->is_over) ||
           (WTERMSIG(status) == SIGKILL &&
            (guest->way == WAY_KILLED || guest->way == WAY_STOPS));
}

static void on_end(struct guests *g, uint32_t index, int status)
{
    struct guest *guest = &g->guests[index];
    const bool was_killed = is_ours(g, guest, status);
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : WAYS_FAILED;
    guest->pid = 0;
    guest->is_stopped = false;
    guest->due_ns = clock_mono_ns() + draw_ns(g, 0, AWAY_MS_MAX);
    g->ended[guest->way]++;
    if (was_killed ? guest->has_outbox : code == WAYS_AWAY)
        return;
    if (code == WAYS_CROWDED && !was_killed)
        make_room(g, index);
    else if (code != WAYS_GONE && !was_killed)
        complain(g, index, "see log/clients; it ended with", status);
    bury(g, index);
}

static void on_change(struct guests *g, uint32_t index, int status)
{
    struct guest *guest = &g->guests[index];
    if (!WIFSTOPPED(status)) {
        on_end(g, index, status);
        return;
    }
    guest->is_stopped = true;
    guest->due_ns = clock_mono_ns() + draw_ns(g, 0, STOP_MS_MAX);
}

/* It goes on, or it never does. */
static void end_stop(struct guests *g, uint32_t index)
{
    struct guest *guest = &g->guests[index];
    const bool dies = index != OPERATOR && random_chance(&g->random, 500000);
    guest->is_stopped = false;
    kill(guest->pid, dies && !g->is_over ? SIGKILL : SIGCONT);
}

void guests_turn(struct guests *g)
{
    const uint64_t now_ns = clock_mono_ns();
    for (uint32_t i = 0; i < GUESTS; i++) {
        struct guest *guest = &g->guests[i];
        int status;
        if (guest->pid != 0 && waitpid(guest->pid, &status, WNOHANG | WUNTRACED) > 0)
            on_change(g, i, status);
        if (guest->pid != 0 && guest->is_stopped && now_ns >= guest->due_ns)
            end_stop(g, i);
        if (guest->pid == 0 && !g->is_over && now_ns >= guest->due_ns)
            come(g, i);
    }
}

int guests_begin(struct guests *g, const char *directory, const char *programs,
                 uint32_t rate, uint64_t seed, struct annals *annals)
{
    *g = (struct guests){.directory = directory,
                         .programs = programs,
                         .period_ms = (GUESTS - 1) * 1000 / rate,
                         .annals = annals};
    sigset_t children;
    random_init(&g->random, seed);
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD); /* a wait ends when a child does */
    for (uint32_t i = 0; i < GUESTS; i++)
        g->guests[i].due_ns = clock_mono_ns() + draw_ns(g, 0, AWAY_MS_MAX);
    return sigprocmask(SIG_BLOCK, &children, NULL);
}

/* ---- the end of all ---------------------------------------------------------------- */

static bool has_begun(const struct guests *g, uint32_t index)
{
    char path[TEXT];
    name_diary(g, index, path);
    return access(path, F_OK) == 0;
}

bool guests_end(struct guests *g, int timeout_ms)
{
    const uint64_t end_ns = clock_mono_ns() + (uint64_t)timeout_ms * CLOCK_MS_NS;
    uint32_t left = GUESTS;
    g->is_over = true;
    for (uint32_t i = 0; i < GUESTS; i++) {
        if (g->guests[i].pid == 0)
            continue;
        kill(g->guests[i].pid, SIGTERM);
        kill(g->guests[i].pid, SIGCONT);
        g->guests[i].is_stopped = false;
    }
    while (left > 0 && clock_mono_ns() < end_ns) {
        guests_wait(TURN_MS);
        guests_turn(g);
        left = 0;
        for (uint32_t i = 0; i < GUESTS; i++) {
            if (g->guests[i].pid == 0 && has_begun(g, i))
                come(g, i);
            left += g->guests[i].pid != 0;
        }
    }
    for (uint32_t i = 0; i < GUESTS; i++)
        if (g->guests[i].pid != 0) {
            complain(g, i, "does not end", 0);
            kill(g->guests[i].pid, SIGKILL);
            waitpid(g->guests[i].pid, NULL, 0);
            bury(g, i);
        }
    return g->failures == 0;
}

uint64_t guests_commands(const struct guests *g)
{
    uint64_t count = g->annals->count;
    for (uint32_t i = 0; i < GUESTS; i++) {
        char path[TEXT];
        struct annals diary = {.count = 0};
        name_diary(g, i, path);
        if (access(path, F_OK) == 0 && diary_open(&diary, path) == 0)
            count += diary.count;
        diary_close(&diary);
    }
    return count;
}
