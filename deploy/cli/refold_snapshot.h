/* refold_snapshot.h - a fold's beginning that is not zero: what a service has stored.
 *
 * Owns:     nothing beyond a call.
 * Units:    gseq.
 * Errors:   what the log's journal returns. A snapshot that is missing, damaged, of
 *           another log, or beyond what is asked for is none; zero is always there.
 * Threads:  one.
 * Bounds:   one snapshot in memory.
 */
#ifndef REFOLD_SNAPSHOT_H
#define REFOLD_SNAPSHOT_H

#include "common/reader.h"
#include "common/service_instance.h" /* struct service_cursor */
#include "deploy/cli/refold_world.h"

/* What precedes the core's own bytes in a snapshot. */
ERROR_CHECKED int refold_snapshot_read_head(struct reader *, struct msg *genesis,
                                            struct service_cursor *);

/* Of a world just opened: each core takes its newest stored state that is not beyond
 * record `until`, and the log goes on where the oldest of them ends. */
ERROR_CHECKED int refold_snapshot_jump(struct refold_world *, const char *directory,
                                       uint64_t until);

#endif
