/* gauge.c - see gauge.h. */
#include "tests/overload/gauge.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PATH_SERVICES = 3 };

const char *const gauge_names[GAUGE_SERVICES] = {
    "sequencer", "risk", "shard", "settlement", "portfolio", "gateway", "gateway-1"};

uint64_t gauge_status(pid_t pid, const char *what)
{
    char line[128];
    uint64_t kb = 0;
    const size_t size = strlen(what);
    snprintf(line, sizeof line, "/proc/%d/status", (int)pid);
    FILE *file = fopen(line, "re");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, what, size) == 0 && sscanf(line + size, ": %" SCNu64, &kb) == 1)
            break;
    fclose(file);
    return kb * 1024;
}

void gauge_take(struct gauge *g, const pid_t pids[GAUGE_SERVICES])
{
    for (uint32_t i = 0; i < GAUGE_SERVICES; i++) {
        g->now[i] = pids[i] > 0 ? gauge_status(pids[i], "RssAnon") : 0;
        if (g->now[i] > g->most[i])
            g->most[i] = g->now[i];
    }
}

uint64_t gauge_path_ns(const pid_t pids[GAUGE_SERVICES])
{
    uint64_t sum_ns = 0;
    for (uint32_t i = 0; i < PATH_SERVICES; i++) {
        clockid_t clock;
        struct timespec used = {.tv_sec = 0};
        if (pids[i] > 0 && clock_getcpuclockid(pids[i], &clock) == 0 &&
            clock_gettime(clock, &used) == 0)
            sum_ns += (uint64_t)used.tv_sec * 1000000000 + (uint64_t)used.tv_nsec;
    }
    return sum_ns;
}
