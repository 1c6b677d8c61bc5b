/* crew.c - one pipe a worker; a pipe that ends too early tells of a death. */
#include "tests/sim/crew.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/check.h"
#include "tests/sim/files.h"

enum { SEED_S_MAX = 300 }; /* no seed runs for so long, on any machine */

struct worker {
    uint64_t next; /* seed it is at */
    pid_t pid;
    int pipe; /* -1: all done */
};

static void labour(const struct crew_work *work, uint64_t seed, uint32_t stride, int pipe)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* Small states in large reservations: huge pages would be zeroed for nothing. */
    (void)prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
    for (; seed <= work->last; seed += stride) {
        struct crew_outcome o = {.seed = seed};
        alarm(SEED_S_MAX);
        work->run(seed, &o);
        fflush(NULL);
        if (write(pipe, &o, sizeof o) != (ssize_t)sizeof o)
            _exit(3);
    }
    _exit(0);
}

static void hire(struct worker *w, const struct crew_work *work, uint32_t stride)
{
    int ends[2];
    fflush(NULL);
    int error = pipe(ends);
    CHECK(error == 0);
    w->pid = fork();
    CHECK(w->pid >= 0);
    if (w->pid == 0) {
        close(ends[0]);
        labour(work, w->next, stride, ends[1]);
    }
    close(ends[1]);
    w->pipe = ends[0];
}

/* Its pipe ended. It goes on behind a seed that killed it. */
static bool bury(struct worker *w, const struct crew_work *work, uint32_t stride)
{
    int status = 0;
    close(w->pipe);
    w->pipe = -1;
    pid_t pid = waitpid(w->pid, &status, 0);
    CHECK(pid == w->pid);
    files_sweep(w->pid);
    if (w->next > work->last)
        return true;
    if (WIFSIGNALED(status)) {
        printf("seed=%" PRIu64 " ended by signal %d\n", w->next, WTERMSIG(status));
        if (work->repeat != NULL)
            work->repeat(w->next);
    }
    const struct crew_outcome o = {.seed = w->next};
    w->next += stride;
    bool wanted = work->hear(work->context, &o);
    if (wanted && w->next <= work->last)
        hire(w, work, stride);
    return wanted;
}

/* What a worker said, or that it is no more. False: that is enough. */
static bool listen(struct worker *w, const struct crew_work *work, uint32_t stride)
{
    struct crew_outcome o;
    if (read(w->pipe, &o, sizeof o) != (ssize_t)sizeof o)
        return bury(w, work, stride);
    w->next = o.seed + stride;
    return work->hear(work->context, &o);
}

static void dismiss(struct worker *w)
{
    if (w->pipe < 0)
        return;
    close(w->pipe);
    kill(w->pid, SIGKILL);
    (void)waitpid(w->pid, NULL, 0);
    files_sweep(w->pid);
}

static uint32_t count_workers(const struct crew_work *work)
{
    uint64_t seeds = work->last - work->first + 1;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t count = work->workers != 0 ? work->workers : (uint32_t)processors;
    if (count > CREW_MAX)
        count = CREW_MAX;
    return count > seeds ? (uint32_t)seeds : count;
}

bool crew_run(const struct crew_work *work)
{
    struct worker workers[CREW_MAX];
    struct pollfd polls[CREW_MAX];
    uint32_t count = count_workers(work);
    bool wanted = true;
    for (uint32_t i = 0; i < count; i++) {
        workers[i] = (struct worker){.next = work->first + i};
        hire(&workers[i], work, count);
    }
    for (int heard = 1; wanted && heard > 0;) {
        for (uint32_t i = 0; i < count; i++)
            polls[i] = (struct pollfd){.fd = workers[i].pipe, .events = POLLIN};
        uint32_t open = 0;
        for (uint32_t i = 0; i < count; i++)
            open += workers[i].pipe >= 0;
        heard = open > 0 ? poll(polls, count, -1) : 0;
        for (uint32_t i = 0; i < count && heard > 0 && wanted; i++) {
            if (polls[i].revents != 0)
                wanted = listen(&workers[i], work, count);
        }
    }
    for (uint32_t i = 0; i < count; i++)
        dismiss(&workers[i]);
    return wanted;
}
