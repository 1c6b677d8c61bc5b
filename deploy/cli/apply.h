/* apply.h - makes the venue what a file says, by commands, changing only what differs.
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   ARGS_*, after saying which item was refused and why.
 * Threads:  one.
 * Bounds:   proto/limits.h.
 */
#ifndef APPLY_H
#define APPLY_H

#include "deploy/cli/catalog.h"
#include "deploy/cli/venue.h"

/* Prints one line per change, then how many there were. `client` is an operator's. */
int apply_venue(zex_client *, const struct args *, const struct venue *);

#endif
