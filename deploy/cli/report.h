/* report.h - one line for one event of the feed.
 *
 * Owns:     nothing.
 * Units:    decimals by the symbol's and asset's scales.
 * Errors:   none.
 * Threads:  one.
 * Bounds:   none.
 */
#ifndef REPORT_H
#define REPORT_H

#include "deploy/cli/catalog.h"
#include "deploy/cli/outcome.h"

/* Prints events that say something to a person; with --json a line of
 * JSON, of the record if there is one. */
void report_print(const struct args *, const struct catalog *, const struct zex_event *);

/* Prints what came of a command. ARGS_FAILED: it was refused. */
int report_outcome(const struct args *, const struct catalog *, const struct outcome *);

#endif
