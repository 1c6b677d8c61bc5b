/* gauge.c - see gauge.h. */
#include "tests/overload/gauge.h"

#include <inttypes.h>
#include <stdio.h>

const char *const gauge_names[GAUGE_SERVICES] = {
    "sequencer", "risk", "shard", "settlement", "portfolio", "gateway", "gateway-1"};

static uint64_t measure(pid_t pid)
{
    char line[128];
    uint64_t kb = 0;
    snprintf(line, sizeof line, "/proc/%d/status", (int)pid);
    FILE *file = fopen(line, "re");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "RssAnon: %" SCNu64, &kb) == 1)
            break;
    fclose(file);
    return kb * 1024;
}

void gauge_take(struct gauge *g, const pid_t pids[GAUGE_SERVICES])
{
    for (uint32_t i = 0; i < GAUGE_SERVICES; i++) {
        g->now[i] = pids[i] > 0 ? measure(pids[i]) : 0;
        if (g->now[i] > g->most[i])
            g->most[i] = g->now[i];
    }
}
