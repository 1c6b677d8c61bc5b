/* progress.c - see progress.h. */
#include "deploy/cli/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

static const char bar[] = "########################################";

static uint64_t read_clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

void progress_begin(struct progress *p, const char *unit)
{
    *p = (struct progress){.unit = unit, .is_terminal = isatty(STDERR_FILENO)};
    p->began_ns = read_clock_ns();
    p->shown_ns = p->began_ns + SECOND_NS * 4 / 5; /* the first one after a second */
}

void progress_show(struct progress *p, uint64_t done, uint64_t all)
{
    const int width = (int)sizeof bar - 1;
    if (!p->is_terminal || all == 0)
        return;
    uint64_t now_ns = read_clock_ns();
    if (now_ns < p->shown_ns + SECOND_NS / 5)
        return;
    int filled = (int)(done * (uint64_t)width / all);
    fprintf(stderr, "\r[%.*s%*s] %3" PRIu64 "%%  %s %" PRIu64 " of %" PRIu64, filled, bar,
            width - filled, "", done * 100 / all, p->unit, done, all);
    p->shown_ns = now_ns;
    p->is_shown = true;
}

void progress_end(struct progress *p)
{
    if (p->is_shown)
        fputs("\r\033[K", stderr);
    p->is_shown = false;
}

uint64_t progress_ms(const struct progress *p)
{
    return (read_clock_ns() - p->began_ns) / 1000000;
}
