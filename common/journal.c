/* journal.c - tables in one LMDB environment. */
#include "common/journal.h"

#include <errno.h>
#include <limits.h>
#include <lmdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/directory.h"
#include "common/error.h"
#include "common/journal_error.h"
#include "common/journal_page.h"
#include "common/journal_version.h"
#include "common/preallocate.h"

#define KEY_BYTES_MAX 255
#define CHECKS_MAX    100 /* of a journal that is being written */
#define FREE_TABLE    0   /* LMDB's own table of free pages */
#define VERSION_NAME  "version"

/* Invariants: at most one of `write` and a live `read` is in use; the cursors of `write`
 * die with it, those of `read` are renewed with it. */
struct journal {
    MDB_env *env;
    MDB_dbi tables[JOURNAL_TABLES];
    MDB_txn *write;
    MDB_cursor *write_cursors[JOURNAL_TABLES];
    bool ascends[JOURNAL_TABLES]; /* no put of this transaction went below the last key */
    MDB_txn *read;
    MDB_cursor *read_cursors[JOURNAL_TABLES];
    bool read_is_live;
    bool is_dirty, read_only;
    struct journal_page_map map;
    int txn_error; /* why the write transaction can only be aborted */
    int failed;    /* why the disk is not to be trusted any more */
    int lock;
    uint32_t version;
    uint32_t countdowns[JOURNAL_STEPS];
    int faults[JOURNAL_STEPS];
    char path[PATH_MAX];
};

static int translate(const struct journal *journal, int rc)
{
    return journal_error(rc, journal->path);
}

/* Before LMDB reads anything but its two heads. The transaction keeps the pages. */
static int check_pages(struct journal *journal)
{
    MDB_txn *txn;
    bool is_over = true;
    int file, error = 0, rc = mdb_env_get_fd(journal->env, &file);
    for (uint32_t i = 0; rc == 0 && is_over && i < CHECKS_MAX; i++) {
        if ((rc = mdb_txn_begin(journal->env, NULL, MDB_RDONLY, &txn)) != 0)
            break;
        error = journal_page_check(file, mdb_txn_id(txn), &is_over);
        mdb_txn_abort(txn);
    }
    return rc == 0 ? error : translate(journal, rc);
}

/* The version row and the tables are made in one transaction: an environment has all of
 * them or is empty. */
static int check_version(struct journal *journal, MDB_txn *txn, MDB_dbi names)
{
    MDB_val key = {.mv_size = strlen(VERSION_NAME), .mv_data = VERSION_NAME};
    MDB_val text = {strlen(JOURNAL_VERSION_TEXT), JOURNAL_VERSION_TEXT};
    MDB_val found;
    MDB_stat stat;
    MDB_envinfo info;
    mdb_env_info(journal->env, &info);
    int rc = mdb_stat(txn, names, &stat);
    if (rc == 0)
        rc = mdb_get(txn, names, &key, &found);
    if (rc == 0) {
        journal->map = journal_page_map(found.mv_data, info.me_mapsize, stat.ms_psize);
        journal->version = journal_version_read(found.mv_data, found.mv_size);
        return journal->version == JOURNAL_VERSION ? 0 : MDB_VERSION_MISMATCH;
    }
    if (rc != MDB_NOTFOUND)
        return rc;
    if (stat.ms_entries != 0 || journal->read_only)
        return MDB_VERSION_MISMATCH;
    return mdb_put(txn, names, &key, &text, 0);
}

static int open_tables(struct journal *journal)
{
    MDB_txn *txn;
    MDB_dbi names;
    unsigned flags = journal->read_only ? MDB_RDONLY : 0;
    int rc = mdb_txn_begin(journal->env, NULL, flags, &txn);
    if (rc != 0)
        return rc;
    rc = mdb_dbi_open(txn, NULL, 0, &names);
    if (rc == 0)
        rc = mdb_set_compare(txn, names, journal_page_compare);
    if (rc == 0)
        rc = check_version(journal, txn, names);
    for (uint32_t i = 0; rc == 0 && i < JOURNAL_TABLES; i++) {
        char name[8];
        snprintf(name, sizeof name, "t%02u", i);
        rc = mdb_dbi_open(txn, name, journal->read_only ? 0 : MDB_CREATE,
                          &journal->tables[i]);
        if (rc == 0)
            rc = mdb_set_compare(txn, journal->tables[i], journal_page_compare);
    }
    if (rc == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static int open_environment(struct journal *journal,
                            const struct journal_options *options, const char *path,
                            unsigned flags)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    flags |= options->read_only ? MDB_RDONLY : options->durable ? 0 : MDB_NOSYNC;
    int rc = mdb_env_create(&journal->env);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(journal->env, JOURNAL_TABLES);
    if (rc == 0 && options->map_bytes != 0)
        rc = mdb_env_set_mapsize(journal->env,
                                 (options->map_bytes + page - 1) / page * page);
    if (rc == 0)
        rc = mdb_env_set_assert(journal->env, journal_error_assert);
    if (rc == 0) /* NOTLS: opened by one thread, used by another */
        rc = mdb_env_open(journal->env, path, flags | MDB_NOTLS, 0600);
    if (rc == 0)
        rc = mdb_reader_check(journal->env, &(int){0});
    int error = translate(journal, rc);
    if (error == 0 && options->read_only)
        error = check_pages(journal);
    return error != 0 ? error : translate(journal, open_tables(journal));
}

/* A new environment gets its name when it is whole: a power cut leaves all or nothing. */
static int make_environment(struct journal *journal,
                            const struct journal_options *options)
{
    char name[PATH_MAX + 16], fresh[PATH_MAX + 16];
    snprintf(name, sizeof name, "%s/data.mdb", journal->path);
    snprintf(fresh, sizeof fresh, "%s/fresh.mdb", journal->path);
    if (options->read_only || access(name, F_OK) == 0)
        return 0;
    unlink(fresh); /* an earlier try */
    int rc = open_environment(journal, options, fresh, MDB_NOSUBDIR | MDB_NOLOCK);
    if (journal->env)
        mdb_env_close(journal->env);
    journal->env = NULL;
    if (rc == 0)
        rc = preallocate(fresh, options->new_bytes);
    if (rc == 0 && rename(fresh, name) != 0)
        rc = errno == ENOSPC ? ERR_DISK_FULL : ERR_IO;
    return rc == 0 ? directory_sync(journal->path) : rc;
}

int journal_open(struct journal **out, const struct journal_options *options)
{
    *out = NULL;
    if (strlen(options->path) >= PATH_MAX)
        return ERR_IO;
    struct journal *journal = calloc(1, sizeof *journal);
    if (!journal)
        return ERR_MEMORY;
    journal->lock = -1;
    journal->read_only = options->read_only;
    strncpy(journal->path, options->path, sizeof journal->path - 1);
    int rc = options->read_only ? 0 : directory_lock(journal->path, &journal->lock);
    if (rc == 0)
        rc = make_environment(journal, options);
    if (rc == 0)
        rc = open_environment(journal, options, journal->path, 0);
    if (rc == 0 && !options->read_only)
        rc = directory_sync(journal->path);
    if (rc == ERR_VERSION && options->found_version != NULL)
        *options->found_version = journal->version;
    if (rc == 0)
        *out = journal;
    else
        journal_close(&journal);
    return rc;
}

static void drop_read(struct journal *journal)
{
    if (!journal->read_is_live)
        return;
    mdb_txn_reset(journal->read);
    journal->read_is_live = false;
}

void journal_close(struct journal **self)
{
    struct journal *journal = *self;
    if (!journal)
        return;
    *self = NULL;
    journal_abort(journal);
    for (uint32_t i = 0; i < JOURNAL_TABLES; i++)
        if (journal->read_cursors[i])
            mdb_cursor_close(journal->read_cursors[i]);
    if (journal->read)
        mdb_txn_abort(journal->read);
    if (journal->env)
        mdb_env_close(journal->env);
    directory_unlock(journal->lock);
    free(journal);
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
    if (error == ERR_IO || error == ERR_DISK_FULL || error == ERR_CORRUPT)
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
        rc = mdb_txn_begin(journal->env, NULL, 0, &journal->write);
        if (rc != 0)
            return note_error(journal, translate(journal, rc));
        memset(journal->ascends, true, sizeof journal->ascends);
    }
    if (!journal->write_cursors[table])
        rc = mdb_cursor_open(journal->write, journal->tables[table],
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

/* The row at the cursor is to go, and LMDB frees what its pages say they are. */
static int check_row(struct journal *journal, MDB_cursor *cursor, bool *is_large)
{
    MDB_val key, value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_GET_CURRENT);
    if (rc == 0 && !journal_page_holds(&journal->map, key.mv_data, key.mv_size,
                                       value.mv_data, value.mv_size))
        rc = MDB_CORRUPTED;
    *is_large = rc == 0 && (char *)key.mv_data + key.mv_size != value.mv_data;
    return rc;
}

int journal_put(struct journal *journal, uint32_t table, const void *key, size_t key_size,
                const void *value, size_t value_size)
{
    bool is_large;
    int rc = begin_change(journal, table, key_size);
    if (rc != 0)
        return rc;
    MDB_cursor *cursor = journal->write_cursors[table];
    MDB_val k = {.mv_size = key_size, .mv_data = (void *)key};
    MDB_val v = {.mv_size = value_size, .mv_data = (void *)value};
    rc = journal->ascends[table] ? mdb_cursor_put(cursor, &k, &v, MDB_APPEND)
                                 : MDB_KEYEXIST;
    if (rc == MDB_KEYEXIST) { /* at or below the last key */
        journal->ascends[table] = false;
        rc = mdb_cursor_put(cursor, &k, &(MDB_val){value_size, (void *)value},
                            MDB_NOOVERWRITE);
    }
    if (rc == MDB_KEYEXIST) { /* at one of them */
        rc = check_row(journal, cursor, &is_large);
        if (is_large) /* LMDB would put a smaller one on its pages */
            rc = mdb_cursor_del(cursor, 0);
        if (rc == 0)
            rc = mdb_cursor_put(cursor, &k, &v, 0);
    }
    if (rc != 0)
        return note_error(journal, translate(journal, rc));
    journal->is_dirty = true;
    return 0;
}

int journal_del(struct journal *journal, uint32_t table, const void *key, size_t key_size)
{
    int rc = begin_change(journal, table, key_size);
    if (rc != 0)
        return rc;
    MDB_cursor *cursor = journal->write_cursors[table];
    MDB_val k = {.mv_size = key_size, .mv_data = (void *)key};
    rc = mdb_cursor_get(cursor, &k, &(MDB_val){0}, MDB_SET);
    if (rc == MDB_NOTFOUND)
        return ERR_NOT_FOUND;
    if (rc == 0)
        rc = check_row(journal, cursor, &(bool){false});
    if (rc == 0)
        rc = mdb_cursor_del(cursor, 0);
    if (rc != 0)
        return note_error(journal, translate(journal, rc));
    journal->is_dirty = true;
    return 0;
}

int journal_commit(struct journal *journal)
{
    if (find_error(journal) != 0)
        return find_error(journal);
    if (!journal->is_dirty) {
        journal_abort(journal);
        return 0;
    }
    int error = count_down(journal, JOURNAL_COMMIT);
    if (error != 0)
        mdb_txn_abort(journal->write);
    else
        error = translate(journal, mdb_txn_commit(journal->write));
    end_write(journal);
    return error == 0 || error == ERR_MAP_FULL ? error : note_error(journal, error);
}

void journal_abort(struct journal *journal)
{
    if (journal->write)
        mdb_txn_abort(journal->write);
    end_write(journal);
    drop_read(journal);
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
                 : mdb_txn_begin(journal->env, NULL, MDB_RDONLY, &journal->read);
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
        rc = mdb_cursor_open(journal->read, journal->tables[table], cursor);
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
    const MDB_val asked = {.mv_size = wanted_size, .mv_data = (void *)wanted};
    MDB_val k = asked, v;
    rc = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    if (back && rc == MDB_NOTFOUND)
        rc = mdb_cursor_get(cursor, &k, &v, MDB_LAST);
    else if (back && rc == 0 && journal_page_compare(&k, &asked) > 0)
        rc = mdb_cursor_get(cursor, &k, &v, MDB_PREV);
    const int order = rc == 0 ? journal_page_compare(&k, &asked) : 0;
    if (back ? order > 0 : order < 0) /* who goes on behind it would never end */
        rc = MDB_CORRUPTED;
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

static uint64_t count_free_pages(struct journal *journal)
{
    uint64_t pages = 0;
    MDB_cursor *cursor;
    MDB_val key, value;
    if (begin_read(journal) != 0 ||
        mdb_cursor_open(journal->read, FREE_TABLE, &cursor) != 0)
        return 0;
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        size_t count;
        memcpy(&count, value.mv_data, sizeof count);
        pages += count;
    }
    mdb_cursor_close(cursor);
    if (journal->write)
        drop_read(journal);
    return pages;
}

uint32_t journal_used_percent(struct journal *journal)
{
    MDB_envinfo info;
    MDB_stat stat;
    mdb_env_info(journal->env, &info);
    mdb_env_stat(journal->env, &stat);
    uint64_t total = info.me_mapsize / stat.ms_psize;
    uint64_t used = info.me_last_pgno + 1;
    if (used * 2 > total) /* below half nobody needs to know what is free */
        used -= count_free_pages(journal);
    return (uint32_t)(used * 100 / total);
}
