/* journal_env.h - an LMDB environment with the tables of a journal.
 *
 * Owns:     the environment; the caller closes it, also after an error, if there is one.
 * Units:    bytes.
 * Errors:   journal_error's of what LMDB returns; ERR_CORRUPT: a page is not what it is
 *           said to be (read_only looks at all of them), or the redo file is missing;
 *           ERR_LOCKED of await.
 * Threads:  one.
 * Bounds:   JOURNAL_TABLES tables.
 */
#ifndef JOURNAL_ENV_H
#define JOURNAL_ENV_H

#include <lmdb.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/journal.h"
#include "common/journal_lock.h"
#include "common/journal_page.h"

struct journal_env {
    MDB_env *lmdb;
    MDB_dbi names; /* LMDB's own table, with the version and the generation */
    MDB_dbi tables[JOURNAL_TABLES];
    struct journal_page_map map;
    uint32_t version;    /* that was found; 0: none of zex */
    uint64_t generation; /* of journal_redo.h; 0: none yet */
};

/* `path`: a directory, or with MDB_NOSUBDIR in `flags` a file. The version row and the
 * tables are made if the environment is empty and may be written. */
int journal_env_open(struct journal_env *, const struct journal_options *,
                     const char *path, unsigned flags);
void journal_env_close(struct journal_env *);

/* Makes the one of a directory if there is none and it may. It gets its name when it is
 * whole: a power cut leaves all or nothing. */
int journal_env_make(const struct journal_options *);

/* For tools: returns when all that its owner committed before the call is settled, by it
 * or by another tool. If there is neither and something is left to do, `lock` is held.
 * ERR_LOCKED: there is one, and it does not settle. */
int journal_env_await(struct journal_env *, const char *directory, struct journal_lock *);

/* The transaction, when it is committed, begins a generation: a number that never
 * returns, so that an older copy of the environment meets no file that another life of it
 * wrote. Returns what LMDB does. */
int journal_env_draw_generation(struct journal_env *, MDB_txn *, uint64_t *generation);

/* Through a cursor of the write transaction. `ascends`: no put of the transaction went
 * below the last key of the table. Returns what LMDB does. */
int journal_env_put(struct journal_env *, MDB_cursor *, bool *ascends, const MDB_val *key,
                    const MDB_val *value);
int journal_env_del(struct journal_env *, MDB_cursor *, const MDB_val *key);

/* The first row with a key >= `key`, or the last one with a key <= it. */
int journal_env_seek(MDB_cursor *, bool back, MDB_val *key, MDB_val *value);

/* Percent of the map in use by the last commit; `txn`: without what that sees as free. */
uint32_t journal_env_used_percent(const struct journal_env *, MDB_txn *txn);

#endif
