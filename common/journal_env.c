/* journal_env.c - see journal_env.h. */
#include "common/journal_env.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "common/check.h"
#include "common/directory.h"
#include "common/error.h"
#include "common/journal_error.h"
#include "common/journal_redo.h"
#include "common/journal_version.h"
#include "common/preallocate.h"

#define AWAIT_MS        20
#define AWAIT_TIMES     500
#define CHECKS_MAX      100  /* of a journal that is being written */
#define FREE_TABLE      0    /* LMDB's own table of free pages */
#define READERS_BYTES   8192 /* of 126 readers, which is what LMDB has room for */
#define VERSION_NAME    "version"
#define GENERATION_NAME "generation"

static MDB_val text_val(const char *text)
{
    return (MDB_val){.mv_size = strlen(text), .mv_data = (void *)text};
}

/* Before LMDB reads anything but its two heads. The transaction keeps the pages. */
static int check_pages(struct journal_env *env, const char *path)
{
    MDB_txn *txn;
    bool is_over = true;
    int file, error = 0, rc = mdb_env_get_fd(env->lmdb, &file);
    for (uint32_t i = 0; rc == 0 && is_over && i < CHECKS_MAX; i++) {
        if ((rc = mdb_txn_begin(env->lmdb, NULL, MDB_RDONLY, &txn)) != 0)
            break;
        error = journal_page_check(file, mdb_txn_id(txn), &is_over);
        mdb_txn_abort(txn);
    }
    return rc == 0 ? error : journal_error(rc, path);
}

/* The version row and the tables are made in one transaction: an environment has all of
 * them or is empty. */
static int check_version(struct journal_env *env, MDB_txn *txn, bool read_only)
{
    MDB_val key = text_val(VERSION_NAME), text = text_val(JOURNAL_VERSION_TEXT), found;
    MDB_stat stat;
    MDB_envinfo info;
    mdb_env_info(env->lmdb, &info);
    int rc = mdb_stat(txn, env->names, &stat);
    if (rc == 0)
        rc = mdb_get(txn, env->names, &key, &found);
    if (rc == 0) {
        env->map = journal_page_map(found.mv_data, info.me_mapsize, stat.ms_psize);
        env->version = journal_version_read(found.mv_data, found.mv_size);
        if (env->version < JOURNAL_VERSION_OLDEST || env->version > JOURNAL_VERSION)
            return MDB_VERSION_MISMATCH;
        const bool is_old = env->version < JOURNAL_VERSION && !read_only;
        return is_old ? mdb_put(txn, env->names, &key, &text, 0) : 0;
    }
    if (rc != MDB_NOTFOUND)
        return rc;
    if (stat.ms_entries != 0 || read_only)
        return MDB_VERSION_MISMATCH;
    return mdb_put(txn, env->names, &key, &text, 0);
}

static int get_generation(struct journal_env *env, MDB_txn *txn)
{
    MDB_val key = text_val(GENERATION_NAME), found;
    int rc = mdb_get(txn, env->names, &key, &found);
    if (rc == MDB_NOTFOUND)
        return 0;
    if (rc == 0 && found.mv_size != sizeof env->generation)
        return MDB_CORRUPTED;
    if (rc == 0)
        memcpy(&env->generation, found.mv_data, sizeof env->generation);
    return rc;
}

int journal_env_draw_generation(struct journal_env *env, MDB_txn *txn,
                                uint64_t *generation)
{
    MDB_val key = text_val(GENERATION_NAME);
    if (getrandom(generation, sizeof *generation, 0) != sizeof *generation)
        return EIO;
    return mdb_put(txn, env->names, &key, &(MDB_val){sizeof *generation, generation}, 0);
}

static int open_tables(struct journal_env *env, bool read_only)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(env->lmdb, NULL, read_only ? MDB_RDONLY : 0, &txn);
    if (rc != 0)
        return rc;
    rc = mdb_dbi_open(txn, NULL, 0, &env->names);
    if (rc == 0)
        rc = mdb_set_compare(txn, env->names, journal_page_compare);
    if (rc == 0)
        rc = check_version(env, txn, read_only);
    if (rc == 0)
        rc = get_generation(env, txn);
    for (uint32_t i = 0; rc == 0 && i < JOURNAL_TABLES; i++) {
        char name[8];
        snprintf(name, sizeof name, "t%02u", i);
        rc = mdb_dbi_open(txn, name, read_only ? 0 : MDB_CREATE, &env->tables[i]);
        if (rc == 0)
            rc = mdb_set_compare(txn, env->tables[i], journal_page_compare);
    }
    if (rc == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

/* Who began a generation had the file, and commits may be there only. An empty one in its
 * place says that they are known to be lost. */
static int check_redo(const struct journal_env *env,
                      const struct journal_options *options)
{
    const bool is_missing = env->generation != 0 && !journal_redo_exists(options->path);
    if (is_missing && options->missing != NULL)
        *options->missing = "redo";
    return is_missing ? ERR_CORRUPT : 0;
}

/* A tool may meet a head that is half written: it looks again. */
static int check_heads(const char *path, unsigned flags, bool read_only)
{
    char name[PATH_MAX + 16];
    const char *file = (flags & MDB_NOSUBDIR) != 0 ? "" : "/data.mdb";
    snprintf(name, sizeof name, "%s%s", path, file);
    int error = journal_page_check_heads(name);
    for (uint32_t i = 0; i < CHECKS_MAX && read_only && error == ERR_CORRUPT; i++)
        error = journal_page_check_heads(name);
    return error;
}

/* LMDB maps its table of readers as it made it, which is empty: the first write to it
 * would end the process where the disk is full. */
static int reserve_readers(const char *path)
{
    char name[PATH_MAX + 16];
    snprintf(name, sizeof name, "%s/lock.mdb", path);
    int file = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return error_of_file(errno);
    int number = posix_fallocate(file, 0, READERS_BYTES);
    close(file);
    return number == 0 ? 0 : error_of_file(number);
}

int journal_env_open(struct journal_env *env, const struct journal_options *options,
                     const char *path, unsigned flags)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    *env = (struct journal_env){.lmdb = NULL};
    int error = check_heads(path, flags, options->read_only);
    if (error == 0 && !options->read_only && (flags & MDB_NOLOCK) == 0)
        error = reserve_readers(path);
    if (error != 0)
        return error;
    flags |= options->read_only ? MDB_RDONLY : options->durable ? 0 : MDB_NOSYNC;
    int rc = mdb_env_create(&env->lmdb);
    if (rc == 0)
        rc = mdb_env_set_maxdbs(env->lmdb, JOURNAL_TABLES);
    if (rc == 0 && options->map_bytes != 0)
        rc =
            mdb_env_set_mapsize(env->lmdb, (options->map_bytes + page - 1) / page * page);
    if (rc == 0)
        rc = mdb_env_set_assert(env->lmdb, journal_error_assert);
    if (rc == 0) /* NOTLS: opened by one thread, used by another */
        rc = mdb_env_open(env->lmdb, path, flags | MDB_NOTLS, 0600);
    if (rc == 0)
        rc = mdb_reader_check(env->lmdb, &(int){0});
    error = journal_error(rc, options->path);
    if (error == 0 && options->read_only)
        error = check_pages(env, options->path);
    if (error == 0)
        error = journal_error(open_tables(env, options->read_only), options->path);
    return error == 0 ? check_redo(env, options) : error;
}

int journal_env_make(const struct journal_options *options)
{
    struct journal_env env;
    char name[PATH_MAX + 16], fresh[PATH_MAX + 16];
    snprintf(name, sizeof name, "%s/data.mdb", options->path);
    snprintf(fresh, sizeof fresh, "%s/fresh.mdb", options->path);
    if (options->read_only || access(name, F_OK) == 0)
        return 0;
    unlink(fresh); /* an earlier try */
    int error = journal_env_open(&env, options, fresh, MDB_NOSUBDIR | MDB_NOLOCK);
    journal_env_close(&env);
    if (error == 0)
        error = preallocate(fresh, options->new_bytes);
    if (error == 0 && rename(fresh, name) != 0)
        error = error_of_file(errno);
    return error == 0 ? directory_sync(options->path) : error;
}

static uint64_t count_free_pages(MDB_txn *txn)
{
    uint64_t pages = 0;
    MDB_cursor *cursor;
    MDB_val key, value;
    if (mdb_cursor_open(txn, FREE_TABLE, &cursor) != 0)
        return 0;
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == 0) {
        size_t count;
        memcpy(&count, value.mv_data, sizeof count);
        pages += count;
    }
    mdb_cursor_close(cursor);
    return pages;
}

uint32_t journal_env_used_percent(const struct journal_env *env, MDB_txn *txn)
{
    MDB_envinfo info;
    MDB_stat stat;
    mdb_env_info(env->lmdb, &info);
    mdb_env_stat(env->lmdb, &stat);
    uint64_t total = info.me_mapsize / stat.ms_psize;
    uint64_t used = info.me_last_pgno + 1;
    if (txn != NULL)
        used -= count_free_pages(txn);
    return (uint32_t)(used * 100 / total);
}

static int reread_generation(struct journal_env *env)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(env->lmdb, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return rc;
    rc = get_generation(env, txn);
    mdb_txn_abort(txn);
    return rc;
}

int journal_env_await(struct journal_env *env, const char *directory,
                      struct journal_lock *lock)
{
    const uint64_t generation = env->generation;
    const struct timespec pause = {.tv_nsec = AWAIT_MS * 1000000L};
    int error = ERR_LOCKED;
    for (uint32_t i = 0; error == ERR_LOCKED && i < AWAIT_TIMES; i++) {
        if (i > 0)
            nanosleep(&pause, NULL);
        int rc = reread_generation(env);
        if (rc != 0 || env->generation != generation)
            return journal_error(rc, directory);
        const int holds = journal_redo_holds(directory, generation);
        if (holds <= 0)
            return holds;
        error = journal_lock_visit(lock, directory);
        if (error != 0)
            journal_lock_release(lock);
    }
    return error;
}

void journal_env_close(struct journal_env *env)
{
    if (env->lmdb != NULL)
        mdb_env_close(env->lmdb);
    env->lmdb = NULL;
}

/* ---- rows -------------------------------------------------------------------------- */

/* The row at the cursor is to go, and LMDB frees what its pages say they are. */
static int check_row(struct journal_env *env, MDB_cursor *cursor, bool *is_large)
{
    MDB_val key, value;
    int rc = mdb_cursor_get(cursor, &key, &value, MDB_GET_CURRENT);
    if (rc == 0 && !journal_page_holds(&env->map, key.mv_data, key.mv_size, value.mv_data,
                                       value.mv_size))
        rc = MDB_CORRUPTED;
    *is_large = rc == 0 && (char *)key.mv_data + key.mv_size != value.mv_data;
    return rc;
}

int journal_env_put(struct journal_env *env, MDB_cursor *cursor, bool *ascends,
                    const MDB_val *key, const MDB_val *value)
{
    MDB_val k = *key, v = *value;
    bool is_large;
    int rc = MDB_KEYEXIST;
    if (*ascends)
        rc = mdb_cursor_put(cursor, &k, &v, MDB_APPEND);
    if (rc == MDB_KEYEXIST) { /* at or below the last key */
        *ascends = false;
        rc = mdb_cursor_put(cursor, &k, &v,
                            MDB_NOOVERWRITE); /* `v` may be what is there */
    }
    if (rc == MDB_KEYEXIST) { /* at one of them */
        v = *value;
        rc = check_row(env, cursor, &is_large);
        if (is_large) /* LMDB would put a smaller one on its pages */
            rc = mdb_cursor_del(cursor, 0);
        if (rc == 0)
            rc = mdb_cursor_put(cursor, &k, &v, 0);
    }
    return rc;
}

int journal_env_del(struct journal_env *env, MDB_cursor *cursor, const MDB_val *key)
{
    MDB_val k = *key;
    int rc = mdb_cursor_get(cursor, &k, &(MDB_val){0}, MDB_SET);
    if (rc == 0)
        rc = check_row(env, cursor, &(bool){false});
    return rc == 0 ? mdb_cursor_del(cursor, 0) : rc;
}

int journal_env_seek(MDB_cursor *cursor, bool back, MDB_val *key, MDB_val *value)
{
    const MDB_val asked = *key;
    int rc = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    if (back && rc == MDB_NOTFOUND)
        rc = mdb_cursor_get(cursor, key, value, MDB_LAST);
    else if (back && rc == 0 && journal_page_compare(key, &asked) > 0)
        rc = mdb_cursor_get(cursor, key, value, MDB_PREV);
    const int order = rc == 0 ? journal_page_compare(key, &asked) : 0;
    if (back ? order > 0 : order < 0) /* who goes on behind it would never end */
        rc = MDB_CORRUPTED;
    return rc;
}
