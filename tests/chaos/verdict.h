/* verdict.h - the end of a test: clients come to rest, services stop, all is compared.
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   false, after saying what is wrong.
 * Threads:  one.
 * Bounds:   none.
 */
#ifndef VERDICT_H
#define VERDICT_H

#include <stdbool.h>

#include "tests/chaos/annals.h"
#include "tests/chaos/checks.h"
#include "tests/chaos/crowd.h"
#include "tests/faults/cluster.h"

/* What is in the log of a venue before the crowd comes. 0, or a negative ERR_*. */
int verdict_adopt(struct annals *, const char *directory);

/* What clients were told in some spans of time is counted when the log is read. */
struct verdict_spans {
    struct checks_span *all;
    uint32_t count;
};

/* All that clients saw fits the log of the venue, which is down, and its balances. No
 * spans: NULL. */
bool verdict_fits(const char *directory, const struct annals *,
                  const struct annals_balance *, uint32_t count,
                  const struct verdict_spans *);

/* Everything sent is known, every service stops, the checks hold, and `zex verify`
 * finds nothing. The crowd is closed and the services are down after it. */
bool verdict_holds(struct crowd *, struct cluster *, struct annals *,
                   const struct verdict_spans *);

#endif
