/* journal.h - the only durable store: one LMDB environment per service.
 *
 * A journal holds named tables of byte keys in order. Streams are tables of blocks keyed
 * by first_seq (8 bytes, big-endian); snapshots and service rows are tables too. Writes
 * gather in one transaction that the owner commits; LMDB flags are 0, so a commit that
 * returned is on the disk (durable = false, for benchmarks only, leaves the sync out).
 * Who commits every turn has a redo file before it: a commit is on the disk then, and
 * seen by tools once it is settled. A map too small to settle loses nothing of that:
 * settle, and then open, return ERR_MAP_FULL until the journal is opened with a larger
 * one.
 *
 * Owns:     the environment, its directory's lock, at most one write transaction.
 * Units:    bytes.
 * Errors:   open: ERR_LOCKED, ERR_VERSION, ERR_MAP_FULL, ERR_MEMORY, and those below;
 *           put, commit: ERR_MAP_FULL and ERR_MEMORY, of one transaction; ERR_DISK_FULL,
 *           ERR_DATA_DIR, ERR_IO, ERR_CORRUPT, after which each call says so again: the
 *           process must stop and acknowledge nothing.
 * Threads:  one at a time, and what one gathered or committed and did not settle another
 *           must not go on with: the thread ends with journal_leave (LMDB's lock is the
 *           thread's); journals of different directories are independent. A
 *           process opens a directory once, tools too: LMDB's locks are the process's.
 * Bounds:   JOURNAL_TABLES tables; keys up to 255 bytes; map size fixed at open.
 *
 * The simulator links another implementation of this header (tests/sim/disk.c).
 */
#ifndef JOURNAL_H
#define JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_TABLES 32

/* Tables every service has; a service's own rows start at JOURNAL_ROWS + its table
 * number. */
enum journal_table {
    JOURNAL_META,      /* cursor and friends, keys are names */
    JOURNAL_INPUT,     /* blocks read: a shard's copy of approved.k */
    JOURNAL_OUTPUT,    /* blocks of what was submitted */
    JOURNAL_LOG,       /* the sequencer's log */
    JOURNAL_SNAPSHOT,  /* chunks, key: snapshot id (8 BE) + chunk (4 BE) */
    JOURNAL_ROWS = 8,  /* + table: a core's rows */
    JOURNAL_EMIT = 24, /* derived streams: key: stream (4 BE) + first_seq (8 BE) */
};

struct journal;

struct journal_options {
    const char *path;   /* directory; created if missing */
    uint64_t map_bytes; /* fixed, sparse */
    uint64_t new_bytes; /* length of the file of a new journal (preallocate.h) */
    bool redo;          /* commits of one flush (journal_redo.h): for who makes many */
    bool durable;       /* false: benchmarks only */
    /* Tools beside a running service: reads see the one commit that was the last when the
     * first of them was made, until journal_abort. What the owner committed before is
     * settled when the journal is open: by it, or, if it is gone, by the tool, which then
     * has to be allowed to write and has the lock meanwhile (journal_lock.h); else it has
     * none. ERR_LOCKED: the owner, or another tool, did not settle for 10 s. */
    bool read_only;
    uint32_t *found_version; /* NULL, or told with ERR_VERSION; 0: it is not of zex */
    const char **missing;    /* NULL, or told with ERR_CORRUPT: a file that is gone */
};

int journal_open(struct journal **, const struct journal_options *);
void journal_close(struct journal **); /* aborts what was not committed */

/* Gathered in the write transaction (begun when first needed); visible to reads at once.
 */
int journal_put(struct journal *, uint32_t table, const void *key, size_t key_size,
                const void *value, size_t value_size);
int journal_del(struct journal *, uint32_t table, const void *key, size_t key_size);
int journal_commit(struct journal *);
/* With redo: what was committed goes where tools see it. Nothing may be gathered. */
int journal_settle(struct journal *);
bool journal_is_unsettled(const struct journal *);
void journal_abort(struct journal *);
/* For a thread that ends before what it did is settled: nothing is left but to close it,
 * which any thread may. What was gathered is lost. */
void journal_leave(struct journal *);
bool journal_is_dirty(const struct journal *); /* something is gathered */

/* Reads see the gathered writes. Found key and value are borrowed until the next write,
 * commit or read call on the journal. ERR_NOT_FOUND. */
int journal_get(struct journal *, uint32_t table, const void *key, size_t key_size,
                const void **value, size_t *value_size);
/* First row with key >= / last row with key <= the given one. */
int journal_seek(struct journal *, uint32_t table, const void *key, size_t key_size,
                 const void **found_key, size_t *found_key_size, const void **value,
                 size_t *value_size);
int journal_seek_back(struct journal *, uint32_t table, const void *key, size_t key_size,
                      const void **found_key, size_t *found_key_size, const void **value,
                      size_t *value_size);

/* Percent of the map in use by what is committed. */
uint32_t journal_used_percent(struct journal *);

/* Fault countdown for tests: the nth put (or del), or the nth commit, from now on fails
 * with `error`, just as if LMDB had; 1 is the next, 0 disarms. */
enum journal_step {
    JOURNAL_PUT,
    JOURNAL_COMMIT,
    JOURNAL_STEPS,
};
void journal_fail(struct journal *, enum journal_step, uint32_t nth, int error);

#endif
