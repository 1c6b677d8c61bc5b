/* journal_redo.h - commits of one flush.
 *
 * A commit of LMDB rewrites pages of several trees and flushes twice. Who commits every
 * turn writes what changed to the end of a file instead, flushes once, and commits LMDB
 * now and then ("settles"); what is in the file and not in LMDB is done again at the next
 * start. Each settling begins a generation, a number that LMDB keeps: what an earlier one
 * left in the file is void.
 *
 * A record is one commit. It begins on a page of its own: nothing that was flushed
 * is written again before it is settled. The file ends, for this generation, where no
 * whole record of the expected index stands: that one was being written. If one of the
 * generation stands further on, what is missing was flushed once: ERR_CORRUPT. Damage to
 * the last record cannot be told from that; who has read further than the log then is
 * what tells.
 *
 * Owns:     the file, and memory for one record.
 * Units:    bytes.
 * Errors:   of error_of_file(): nothing more must be acknowledged; ERR_FULL: settle;
 *           ERR_CORRUPT, ERR_MEMORY, ERR_LENGTH of a path.
 * Threads:  one.
 * Bounds:   JOURNAL_REDO_FILE bytes of file, JOURNAL_REDO_RECORD a record; larger commits
 *           settle.
 */
#ifndef JOURNAL_REDO_H
#define JOURNAL_REDO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_REDO_FILE   (UINT64_C(32) << 20)
#define JOURNAL_REDO_RECORD (UINT64_C(4) << 20)

struct journal_redo;

/* One change of a table. */
struct journal_redo_change {
    uint32_t table;
    bool is_deleted; /* there is no value then */
    const void *key, *value;
    size_t key_size, value_size;
};

/* Does a change again while the file is read; an error ends it. */
typedef int journal_redo_apply(void *argument, const struct journal_redo_change *);

/* Is there such a file in the directory? */
bool journal_redo_exists(const char *directory);

/* Is there a record of the generation in its file, whole or not the first? 0, 1, or an
 * error. */
int journal_redo_holds(const char *directory, uint64_t generation);

/* Opens the file, made with `bytes` of room if it is missing (preallocate.h). The first
 * record will be of `generation`; nothing that was written is replaced before it is. */
int journal_redo_open(struct journal_redo **, const char *directory, uint64_t bytes,
                      uint64_t generation, bool durable);
void journal_redo_close(struct journal_redo **);

/* Gathers a change for the next record. */
void journal_redo_add(struct journal_redo *, const struct journal_redo_change *);

/* The gathered changes are on the disk when this returns 0. ERR_FULL: they do not fit,
 * and are gathered still. */
int journal_redo_commit(struct journal_redo *);

/* Forgets what was gathered. */
void journal_redo_drop(struct journal_redo *);

/* Everything is settled: from here on records are of `generation`. */
void journal_redo_begin(struct journal_redo *, uint64_t generation);

/* Applies the changes of all records of the file's generation, oldest first, and goes on
 * behind them. */
int journal_redo_replay(struct journal_redo *, journal_redo_apply *, void *argument);

#endif
