/* journal.c - tables in one LMDB environment. */
#include "common/journal.h"

#include <limits.h>
#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/directory.h"
#include "common/error.h"
#include "common/journal_env.h"
#include "common/journal_error.h"
#include "common/journal_lock.h"
#include "common/journal_page.h"
#include "common/journal_redo.h"

#define KEY_BYTES_MAX 255

/* Invariants: at most one of `write` and a live `read` is in use; the cursors of `write`
 * die with it, those of `read` are renewed with it. */
struct journal {
    struct journal_env env;
    MDB_txn *write;
    MDB_cursor *write_cursors[JOURNAL_TABLES];
    bool ascends[JOURNAL_TABLES]; /* no put of this transaction went below the last key */
    MDB_txn *read;
    MDB_cursor *read_cursors[JOURNAL_TABLES];
    bool read_is_live;
    bool is_dirty, read_only;
    bool is_unsettled;         /* `write` holds commits that LMDB has not */
    struct journal_redo *redo; /* NULL: each commit is one of LMDB */
    int txn_error;             /* why the write transaction can only be aborted */
    int failed;                /* why the disk is not to be trusted any more */
    struct journal_lock lock;
    uint32_t countdowns[JOURNAL_STEPS];
    int faults[JOURNAL_STEPS];
    char path[PATH_MAX];
};

static int translate(const struct journal *journal, int rc)
{
    return journal_error_in_use(rc, journal->path);
}

static void drop_read(struct journal *journal)
{
    if (!journal->read_is_live)
        return;
    mdb_txn_reset(journal->read);
    journal->read_is_live = false;
}

void journal_fail(struct journal *journal, enum journal_step step, uint32_t nth,
                  int error)
{
    CHECK(step < JOURNAL_STEPS);
    journal->countdowns[step] = nth;
    journal->faults[step] = error;
}

static int count_down(struct journal *journal, enum journal_step step)
{
    if (journal->countdowns[step] == 0 || --journal->countdowns[step] != 0)
        return 0;
    return journal->faults[step];
}

static void end_write(struct journal *journal)
{
    journal->write = NULL;
    journal->is_dirty = false;
    journal->is_unsettled = false;
    journal->txn_error = 0;
    memset(journal->write_cursors, 0, sizeof journal->write_cursors);
}

/* Why nothing can be read or written now. */
static int find_error(const struct journal *journal)
{
    return journal->failed ? journal->failed : journal->txn_error;
}

/* A transaction an error went through can only be aborted; a disk that failed once is not
 * asked again. */
static int note_error(struct journal *journal, int error)
{
    if (journal_error_lasts(error))
        journal->failed = error;
    journal->txn_error = error;
    return error;
}

static int begin_write(struct journal *journal, uint32_t table)
{
    CHECK(table < JOURNAL_TABLES && !journal->read_only);
    int rc = find_error(journal);
    if (rc != 0)
        return rc;
    if (!journal->write) {
        drop_read(journal); /* a live reader keeps freed pages from being used again */
        rc = mdb_txn_begin(journal->env.lmdb, NULL, 0, &journal->write);
        if (rc != 0)
            return note_error(journal, translate(journal, rc));
        memset(journal->ascends, true, sizeof journal->ascends);
    }
    if (!journal->write_cursors[table])
        rc = mdb_cursor_open(journal->write, journal->env.tables[table],
                             &journal->write_cursors[table]);
    return rc == 0 ? 0 : note_error(journal, translate(journal, rc));
}

static int begin_change(struct journal *journal, uint32_t table, size_t key_size)
{
    CHECK(key_size > 0 && key_size <= KEY_BYTES_MAX);
    int rc = begin_write(journal, table);
    if (rc != 0)
        return rc;
    int fault = count_down(journal, JOURNAL_PUT);
    return fault == 0 ? 0 : note_error(journal, fault);
}

static int note_change(struct journal *journal, int rc)
{
    if (rc == MDB_NOTFOUND)
        return ERR_NOT_FOUND;
    if (rc != 0)
        return note_error(journal, translate(journal, rc));
    journal->is_dirty = true;
    return 0;
}

static int put(struct journal *journal, uint32_t table, const void *key, size_t key_size,
               const void *value, size_t value_size)
{
    int error = begin_change(journal, table, key_size);
    if (error != 0)
        return error;
    return note_change(journal,
                       journal_env_put(&journal->env, journal->write_cursors[table],
                                       &journal->ascends[table],
                                       &(MDB_val){key_size, (void *)key},
                                       &(MDB_val){value_size, (void *)value}));
}

static int del(struct journal *journal, uint32_t table, const void *key, size_t key_size)
{
    int error = begin_change(journal, table, key_size);
    if (error != 0)
        return error;
    return note_change(journal,
                       journal_env_del(&journal->env, journal->write_cursors[table],
                                       &(MDB_val){key_size, (void *)key}));
}

static int apply(struct journal *journal, const struct journal_redo_change *c)
{
    return c->is_deleted
               ? del(journal, c->table, c->key, c->key_size)
               : put(journal, c->table, c->key, c->key_size, c->value, c->value_size);
}

/* Done in LMDB's transaction, which commits write to the redo file or to LMDB. */
static int change(struct journal *journal, const struct journal_redo_change *c)
{
    int error = apply(journal, c);
    if (error == 0 && journal->redo != NULL)
        journal_redo_add(journal->redo, c);
    return error;
}

int journal_put(struct journal *journal, uint32_t table, const void *key, size_t key_size,
                const void *value, size_t value_size)
{
    return change(journal, &(struct journal_redo_change){.table = table,
                                                         .key = key,
                                                         .value = value,
                                                         .key_size = key_size,
                                                         .value_size = value_size});
}

int journal_del(struct journal *journal, uint32_t table, const void *key, size_t key_size)
{
    return change(journal, &(struct journal_redo_change){.table = table,
                                                         .is_deleted = true,
                                                         .key = key,
                                                         .key_size = key_size});
}

static void abort_write(struct journal *journal)
{
    if (journal->write)
        mdb_txn_abort(journal->write);
    end_write(journal);
    if (journal->redo != NULL)
        journal_redo_drop(journal->redo);
}

static int draw_generation(struct journal *journal, uint64_t *generation)
{
    int error = begin_write(journal, JOURNAL_META);
    if (error == 0)
        error = translate(journal, journal_env_draw_generation(
                                       &journal->env, journal->write, generation));
    return error == 0 ? 0 : note_error(journal, error);
}

static int do_again(void *argument, const struct journal_redo_change *c)
{
    struct journal *journal = argument;
    if (c->table >= JOURNAL_TABLES || c->key_size == 0)
        return ERR_CORRUPT;
    return apply(journal, c);
}

static int replay(struct journal *journal)
{
    int error = journal_redo_replay(journal->redo, do_again, journal);
    journal->is_unsettled = journal->write != NULL;
    journal->is_dirty = false;
    return error == ERR_NOT_FOUND ? ERR_CORRUPT : error;
}

/* The transaction is gone; what it held that was committed is done again. */
static void start_over(struct journal *journal, bool was_unsettled)
{
    if (was_unsettled && journal->failed == 0)
        journal->failed = replay(journal);
}

/* If it fails, what was gathered is gone; what was committed is in the redo file. */
static int settle(struct journal *journal)
{
    uint64_t generation;
    int error = journal->redo != NULL ? draw_generation(journal, &generation) : 0;
    if (error == 0) {
        error = translate(journal, mdb_txn_commit(journal->write));
        journal->write = NULL; /* also after an error */
    }
    if (error != 0) {
        note_error(journal, error);
        journal_abort(journal);
        return error;
    }
    end_write(journal);
    if (journal->redo != NULL)
        journal_redo_begin(journal->redo, generation);
    return 0;
}

int journal_settle(struct journal *journal)
{
    CHECK(!journal->is_dirty);
    if (find_error(journal) != 0)
        return find_error(journal);
    return journal->is_unsettled ? settle(journal) : 0;
}

int journal_commit(struct journal *journal)
{
    int error = find_error(journal);
    if (error != 0)
        return error;
    if (!journal->is_dirty) {
        if (!journal->is_unsettled)
            journal_abort(journal);
        return 0;
    }
    error = count_down(journal, JOURNAL_COMMIT);
    if (error != 0) {
        journal_abort(journal);
        return error == ERR_MAP_FULL ? error : note_error(journal, error);
    }
    error = journal->redo != NULL ? journal_redo_commit(journal->redo) : ERR_FULL;
    if (error == ERR_FULL)
        return settle(journal);
    if (error != 0)
        return note_error(journal, error);
    journal->is_dirty = false;
    journal->is_unsettled = true;
    return 0;
}

void journal_leave(struct journal *journal)
{
    abort_write(journal);
    drop_read(journal);
}

void journal_abort(struct journal *journal)
{
    const bool was_unsettled = journal->is_unsettled;
    journal_leave(journal);
    start_over(journal, was_unsettled);
}

/* ---- opening ----------------------------------------------------------------------- */

/* What was left behind is done again, also if from now on nothing is. Each owner begins a
 * generation: no two lives, and no two copies, write records of the same. */
static int open_redo(struct journal *journal, const struct journal_options *options)
{
    if (options->read_only || (!options->redo && !journal_redo_exists(journal->path)))
        return 0;
    int error = journal_redo_open(&journal->redo, journal->path, options->new_bytes,
                                  journal->env.generation, options->durable);
    if (error == 0)
        error = replay(journal);
    if (error == 0)
        error = settle(journal);
    if (!options->redo)
        journal_redo_close(&journal->redo);
    return error;
}

static int open_locked(struct journal **, const struct journal_options *,
                       struct journal_lock);

/* A tool sees all that was committed before it came; what nobody is left to settle it
 * does, as an owner for a moment. */
static int await_settled(struct journal *journal, const struct journal_options *options)
{
    struct journal_lock lock = JOURNAL_LOCK_NONE;
    struct journal *owner = NULL;
    int error = journal_env_await(&journal->env, options->path, &lock);
    if (error != 0 || lock.writer < 0)
        return error;
    const struct journal_options settling = {.path = options->path, .durable = true};
    journal_env_close(&journal->env);
    error = open_locked(&owner, &settling, lock);
    journal_close(&owner);
    return error == 0 ? journal_env_open(&journal->env, options, options->path, 0)
                      : error;
}

/* Takes the lock. */
static int open_locked(struct journal **out, const struct journal_options *options,
                       struct journal_lock lock)
{
    struct journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL) {
        journal_lock_release(&lock);
        return ERR_MEMORY;
    }
    journal->lock = lock;
    journal->read_only = options->read_only;
    strncpy(journal->path, options->path, sizeof journal->path - 1);
    int error = journal_env_make(options);
    if (error == 0)
        error = journal_env_open(&journal->env, options, journal->path, 0);
    if (error == 0)
        error = options->read_only ? await_settled(journal, options)
                                   : directory_sync(journal->path);
    if (error == 0)
        error = open_redo(journal, options);
    if (error == ERR_VERSION && options->found_version != NULL)
        *options->found_version = journal->env.version;
    if (error == 0)
        *out = journal;
    else
        journal_close(&journal);
    return error;
}

int journal_open(struct journal **out, const struct journal_options *options)
{
    struct journal_lock lock = JOURNAL_LOCK_NONE;
    *out = NULL;
    if (strlen(options->path) >= PATH_MAX)
        return ERR_IO;
    int error = options->read_only ? 0 : journal_lock_own(&lock, options->path);
    if (error == 0)
        return open_locked(out, options, lock);
    journal_lock_release(&lock);
    return error;
}

void journal_close(struct journal **self)
{
    struct journal *journal = *self;
    if (!journal)
        return;
    *self = NULL;
    journal_leave(journal);
    for (uint32_t i = 0; i < JOURNAL_TABLES; i++)
        if (journal->read_cursors[i])
            mdb_cursor_close(journal->read_cursors[i]);
    if (journal->read)
        mdb_txn_abort(journal->read);
    journal_env_close(&journal->env);
    journal_redo_close(&journal->redo);
    journal_lock_release(&journal->lock);
    free(journal);
}

bool journal_is_unsettled(const struct journal *journal)
{
    return journal->is_unsettled;
}

bool journal_is_dirty(const struct journal *journal)
{
    return journal->is_dirty;
}

static int begin_read(struct journal *journal)
{
    if (journal->read_is_live)
        return 0;
    int rc = journal->read
                 ? mdb_txn_renew(journal->read)
                 : mdb_txn_begin(journal->env.lmdb, NULL, MDB_RDONLY, &journal->read);
    for (uint32_t i = 0; rc == 0 && i < JOURNAL_TABLES; i++)
        if (journal->read_cursors[i])
            rc = mdb_cursor_renew(journal->read, journal->read_cursors[i]);
    journal->read_is_live = rc == 0;
    return rc;
}

/* A cursor on the table as it is now, gathered writes included. */
static int find_cursor(struct journal *journal, uint32_t table, MDB_cursor **out)
{
    CHECK(table < JOURNAL_TABLES);
    int rc = find_error(journal);
    if (rc != 0)
        return rc;
    if (journal->write) {
        rc = begin_write(journal, table);
        *out = journal->write_cursors[table];
        return rc;
    }
    MDB_cursor **cursor = &journal->read_cursors[table];
    rc = begin_read(journal);
    if (rc == 0 && !*cursor)
        rc = mdb_cursor_open(journal->read, journal->env.tables[table], cursor);
    *out = *cursor;
    return translate(journal, rc);
}

int journal_get(struct journal *journal, uint32_t table, const void *key, size_t key_size,
                const void **value, size_t *value_size)
{
    MDB_cursor *cursor;
    int rc = find_cursor(journal, table, &cursor);
    if (rc != 0)
        return rc;
    MDB_val k = {.mv_size = key_size, .mv_data = (void *)key}, v;
    rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_KEY);
    if (rc != 0)
        return translate(journal, rc);
    *value = v.mv_data;
    *value_size = v.mv_size;
    return 0;
}

static int seek(struct journal *journal, uint32_t table, bool back, const void *wanted,
                size_t wanted_size, const void **found_key, size_t *found_key_size,
                const void **value, size_t *value_size)
{
    MDB_cursor *cursor;
    int rc = find_cursor(journal, table, &cursor);
    if (rc != 0)
        return rc;
    MDB_val k = {.mv_size = wanted_size, .mv_data = (void *)wanted}, v;
    rc = journal_env_seek(cursor, back, &k, &v);
    if (rc != 0)
        return translate(journal, rc);
    *found_key = k.mv_data;
    *found_key_size = k.mv_size;
    *value = v.mv_data;
    *value_size = v.mv_size;
    return 0;
}

int journal_seek(struct journal *journal, uint32_t table, const void *key,
                 size_t key_size, const void **found_key, size_t *found_key_size,
                 const void **value, size_t *value_size)
{
    return seek(journal, table, false, key, key_size, found_key, found_key_size, value,
                value_size);
}

int journal_seek_back(struct journal *journal, uint32_t table, const void *key,
                      size_t key_size, const void **found_key, size_t *found_key_size,
                      const void **value, size_t *value_size)
{
    return seek(journal, table, true, key, key_size, found_key, found_key_size, value,
                value_size);
}

uint32_t journal_used_percent(struct journal *journal)
{
    uint32_t percent = journal_env_used_percent(&journal->env, NULL);
    if (percent < 50 || begin_read(journal) != 0)
        return percent; /* below half nobody needs to know what is free */
    percent = journal_env_used_percent(&journal->env, journal->read);
    if (journal->write)
        drop_read(journal);
    return percent;
}
