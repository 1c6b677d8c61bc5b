/* verdict.c - see verdict.h. */
#include "tests/chaos/verdict.h"

#include <stdio.h>

#include "proto/limits.h"

enum { DRAIN_MS = 20000, BALANCES = 4096 };

int verdict_adopt(struct annals *h, const char *directory)
{
    struct annals_log log;
    int error = annals_log_read(&log, directory);
    if (error == 0)
        error = annals_adopt(h, &log);
    annals_log_close(&log);
    return error;
}

static bool complain(const char *what)
{
    printf("%s\n", what);
    return false;
}

bool verdict_fits(const char *directory, const struct annals *h,
                  const struct annals_balance *rows, uint32_t count,
                  const struct verdict_spans *spans)
{
    struct annals_log log;
    uint32_t outcomes[3] = {0};
    if (annals_log_read(&log, directory) != 0)
        return complain("the log cannot be read");
    uint32_t bad = checks_set(h, &log, stdout) + checks_order(h, &log, stdout) +
                   checks_time(h, &log, stdout) +
                   checks_bank(h, &log, rows, count, ACCOUNT_EXTERNAL, stdout);
    if (spans != NULL)
        bad += checks_spans(h, &log, spans->all, spans->count);
    for (uint32_t i = 0; i < h->count; i++)
        outcomes[h->calls[i].outcome]++;
    printf("%u calls: %u ok, %u refused for good, %u unknown; %u violations\n", h->count,
           outcomes[ANNALS_OK], outcomes[ANNALS_FAIL], outcomes[ANNALS_UNKNOWN], bad);
    annals_log_close(&log);
    return bad == 0;
}

bool verdict_holds(struct crowd *crowd, struct cluster *cluster, struct annals *h,
                   const struct verdict_spans *spans)
{
    static struct annals_balance rows[BALANCES];
    uint32_t count = 0;
    bool holds = true;
    if (!crowd_end(crowd, DRAIN_MS, h))
        holds = complain("not all that clients sent is known");
    if (crowd_balances(crowd, rows, BALANCES, &count) != 0)
        holds = complain("no answer to a query of balances");
    crowd_close(crowd);
    if (cluster_stop_all(cluster) != 0)
        holds = complain("a service did not stop cleanly");
    holds = verdict_fits(cluster->directory, h, rows, count, spans) && holds;
    if (cluster_run(cluster, "zex", "verify", cluster->directory) != 0)
        holds = complain("the venue does not verify");
    return holds;
}
