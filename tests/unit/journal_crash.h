/* journal_crash.h - a journal with a redo file, and copies of it as a crash leaves them.
 *
 * Owns:     a directory, from set_up to tear_down.
 * Units:    bytes.
 * Errors:   fail the test.
 * Threads:  one.
 * Bounds:   keys and values are text.
 */
#ifndef JOURNAL_CRASH_H
#define JOURNAL_CRASH_H

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/error.h"
#include "common/journal.h"
#include "tests/unit/tree.h"

#define MAP_BYTES (UINT64_C(1) << 30)

struct fixture {
    char directory[64], path[80], copy[80];
    struct journal *journal;
};

static inline int try_open(const char *path, bool redo, bool read_only,
                           struct journal **out)
{
    return journal_open(out, &(struct journal_options){.path = path,
                                                       .map_bytes = MAP_BYTES,
                                                       .redo = redo,
                                                       .durable = true,
                                                       .read_only = read_only});
}

static inline int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    memcpy(f->directory, "/tmp/zex-redo-XXXXXX", sizeof "/tmp/zex-redo-XXXXXX");
    if (!mkdtemp(f->directory))
        return -1;
    snprintf(f->path, sizeof f->path, "%s/one", f->directory);
    snprintf(f->copy, sizeof f->copy, "%s/copy", f->directory);
    *state = f;
    return try_open(f->path, true, false, &f->journal);
}

static inline int tear_down(void **state)
{
    struct fixture *f = *state;
    journal_close(&f->journal);
    tree_remove(f->directory);
    free(f);
    return 0;
}

static inline void put(struct journal *journal, const char *key, const char *value)
{
    assert_int_equal(
        journal_put(journal, JOURNAL_ROWS, key, strlen(key), value, strlen(value)), 0);
}

static inline void commit(struct journal *journal, const char *key, const char *value)
{
    put(journal, key, value);
    assert_int_equal(journal_commit(journal), 0);
}

static inline void assert_value(struct journal *journal, const char *key,
                                const char *expected)
{
    const void *value;
    size_t size;
    int error = journal_get(journal, JOURNAL_ROWS, key, strlen(key), &value, &size);
    assert_int_equal(error, expected == NULL ? ERR_NOT_FOUND : 0);
    if (expected == NULL)
        return;
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(value, expected, size);
}

/* ---- files as a crash leaves them -------------------------------------------------- */

static inline void copy_file(const char *from, const char *to, const char *name)
{
    static char bytes[1 << 16];
    char source[128], target[128];
    snprintf(source, sizeof source, "%s/%s", from, name);
    snprintf(target, sizeof target, "%s/%s", to, name);
    int in = open(source, O_RDONLY), out = open(target, O_WRONLY | O_CREAT, 0600);
    assert_true(in >= 0 && out >= 0);
    for (ssize_t got; (got = read(in, bytes, sizeof bytes)) > 0;)
        assert_int_equal(write(out, bytes, (size_t)got), got);
    close(in);
    close(out);
}

/* What the disk has of a journal that is open: as if its process had ended here. */
static inline void crash(struct fixture *f)
{
    tree_remove(f->copy);
    assert_int_equal(mkdir(f->copy, 0700), 0);
    copy_file(f->path, f->copy, "data.mdb");
    copy_file(f->path, f->copy, "redo");
}

static inline struct journal *reopen(const char *path)
{
    struct journal *journal;
    assert_int_equal(try_open(path, true, false, &journal), 0);
    return journal;
}

static inline struct journal *reopen_copy(const struct fixture *f)
{
    return reopen(f->copy);
}

static inline int open_redo_file(const char *path)
{
    char name[128];
    snprintf(name, sizeof name, "%s/redo", path);
    int file = open(name, O_RDWR);
    assert_true(file >= 0);
    return file;
}

/* One bit of the byte at `offset` of the file. */
static inline void flip(const char *path, off_t offset)
{
    uint8_t byte;
    int file = open_redo_file(path);
    assert_int_equal(pread(file, &byte, 1, offset), 1);
    byte ^= 4;
    assert_int_equal(pwrite(file, &byte, 1, offset), 1);
    close(file);
}

#endif
