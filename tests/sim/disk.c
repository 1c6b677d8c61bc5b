/* disk.c - tables of rows in order, and a list of what a transaction changed. */
#include "tests/sim/disk.h"

#include <stdlib.h>
#include <string.h>

#include "common/ablate.h"
#include "common/check.h"
#include "common/error.h"
#include "common/journal.h"
#include "tests/sim/marks.h"
#include "tests/sim/power.h"
#include "tests/sim/table.h"

struct change {
    uint32_t table;
    struct row *before, *after; /* NULL: there was none, there is none */
};

struct disk {
    char path[64];
    struct table tables[JOURNAL_TABLES];
    struct change
        *changes; /* not settled yet; the first `committed` are in the redo file */
    uint32_t change_count, change_capacity, committed;
    uint64_t bytes;
    uint32_t puts_left; /* 0: no limit; 1: full */
    bool is_open;
    struct row *rotten; /* as it was; NULL: all are well */
    uint32_t rotten_table;
};

struct journal {
    struct disk *disk;
    uint64_t map_bytes;
    bool redo;
    uint32_t countdown[JOURNAL_STEPS];
    int error[JOURNAL_STEPS];
};

static struct disk *disks[DISK_COUNT];

/* ---- changes ----------------------------------------------------------------------- */

static void change(struct disk *d, uint32_t table, const void *key, size_t key_size,
                   struct row *row)
{
    if (d->change_count == d->change_capacity) {
        d->change_capacity = d->change_capacity * 2 + 64;
        d->changes = realloc(d->changes, d->change_capacity * sizeof *d->changes);
        CHECK(d->changes != NULL);
    }
    struct row *before = table_set(&d->tables[table], key, key_size, row);
    d->changes[d->change_count++] =
        (struct change){.table = table, .before = before, .after = row};
    d->bytes += table_row_bytes(row) - table_row_bytes(before);
}

/* LMDB has them all. */
static void forget(struct disk *d)
{
    for (uint32_t i = 0; i < d->change_count; i++)
        free(d->changes[i].before);
    d->change_count = d->committed = 0;
}

static void undo(struct disk *d, uint32_t but)
{
    while (d->change_count > but) {
        struct change *c = &d->changes[--d->change_count];
        const struct row *at = c->after != NULL ? c->after : c->before;
        if (at != NULL)
            (void)table_set(&d->tables[c->table], at->bytes, at->key_size, c->before);
        d->bytes += table_row_bytes(c->before) - table_row_bytes(c->after);
        free(c->after);
    }
}

/* ---- disks ------------------------------------------------------------------------- */

void disk_wipe(struct disk *d)
{
    CHECK(!d->is_open);
    forget(d);
    free(d->rotten);
    d->rotten = NULL;
    for (uint32_t i = 0; i < JOURNAL_TABLES; i++) {
        for (uint32_t k = 0; k < d->tables[i].count; k++)
            free(d->tables[i].rows[k]);
        free(d->tables[i].rows);
        d->tables[i] = (struct table){.rows = NULL};
    }
    d->bytes = 0;
}

void disk_reset(void)
{
    for (uint32_t i = 0; i < DISK_COUNT && disks[i] != NULL; i++) {
        disk_wipe(disks[i]);
        free(disks[i]->changes);
        free(disks[i]);
        disks[i] = NULL;
    }
}

struct disk *disk_find(const char *path)
{
    uint32_t i = 0;
    for (; i < DISK_COUNT && disks[i] != NULL; i++) {
        if (strcmp(disks[i]->path, path) == 0)
            return disks[i];
    }
    CHECK(i < DISK_COUNT && strlen(path) < sizeof disks[i]->path);
    disks[i] = calloc(1, sizeof *disks[i]);
    CHECK(disks[i] != NULL);
    memcpy(disks[i]->path, path, strlen(path) + 1);
    return disks[i];
}

void disk_fork(struct disk *d, const char *name)
{
    char path[sizeof d->path];
    memcpy(path, d->path, sizeof path);
    CHECK(strlen(name) < sizeof d->path);
    memcpy(d->path, name, strlen(name) + 1);
    struct disk *copy = disk_find(path);
    for (uint32_t i = 0; i < JOURNAL_TABLES; i++) {
        for (uint32_t k = 0; k < d->tables[i].count; k++)
            table_insert(&copy->tables[i], k, table_copy_row(d->tables[i].rows[k]));
    }
    for (uint32_t i = d->change_count; i-- > d->committed;) {
        const struct change *c = &d->changes[i];
        const struct row *at = c->after != NULL ? c->after : c->before;
        if (at == NULL)
            continue;
        struct row *before = c->before != NULL ? table_copy_row(c->before) : NULL;
        free(table_set(&copy->tables[c->table], at->bytes, at->key_size, before));
    }
    for (uint32_t i = 0; i < JOURNAL_TABLES; i++) {
        for (uint32_t k = 0; k < copy->tables[i].count; k++)
            copy->bytes += table_row_bytes(copy->tables[i].rows[k]);
    }
}

void disk_fill_up(struct disk *d, uint32_t puts)
{
    d->puts_left = puts + 1;
}

uint32_t disk_seek(const struct disk *d, uint32_t table, const void *key, size_t key_size)
{
    return table_find(&d->tables[table], key, key_size);
}

bool disk_row(const struct disk *d, uint32_t table, uint32_t index, const void **key,
              size_t *key_size, const void **value, size_t *value_size)
{
    const struct table *t = &d->tables[table];
    if (index >= t->count)
        return false;
    *key = t->rows[index]->bytes;
    *key_size = t->rows[index]->key_size;
    *value = t->rows[index]->bytes + t->rows[index]->key_size;
    *value_size = t->rows[index]->value_size;
    return true;
}

/* The marker of a snapshot is the last of its rows, and ends in 4 bytes of ones. */
static bool is_marker(const struct row *row)
{
    static const uint8_t last[4] = {0xff, 0xff, 0xff, 0xff};
    return row->key_size == 12 && memcmp(row->bytes + 8, last, 4) == 0;
}

uint64_t disk_bytes(const struct disk *d)
{
    return d->bytes;
}

uint32_t disk_snapshots(const struct disk *d)
{
    const struct table *t = &d->tables[JOURNAL_SNAPSHOT];
    uint32_t count = 0;
    for (uint32_t i = 0; i < t->count; i++)
        count += is_marker(t->rows[i]);
    return count;
}

bool disk_drop_snapshot(struct disk *d)
{
    struct table *t = &d->tables[JOURNAL_SNAPSHOT];
    uint32_t newest = t->count;
    CHECK(!d->is_open);
    forget(d);
    if (disk_snapshots(d) < 2)
        return false;
    do
        newest--;
    while (!is_marker(t->rows[newest]));
    free(t->rows[newest]);
    table_take_out(t, newest);
    return true;
}

/* ---- rot --------------------------------------------------------------------------- */

bool disk_rot(struct disk *d, struct random *random)
{
    static const uint32_t tables[] = {JOURNAL_INPUT, JOURNAL_OUTPUT, JOURNAL_LOG,
                                      JOURNAL_SNAPSHOT, JOURNAL_EMIT};
    uint32_t at = (uint32_t)random_below(random, 5), tries = 0;
    while (tries < 5 && d->tables[tables[at]].count == 0) {
        at = (at + 1) % 5;
        tries++;
    }
    uint32_t table = tables[at];
    const struct table *t = &d->tables[table];
    CHECK(!d->is_open);
    forget(d);
    if (t->count == 0 || d->rotten != NULL)
        return false;
    struct row *row = t->rows[random_below(random, t->count)];
    uint32_t bit = (uint32_t)random_below(random, row->value_size * UINT64_C(8));
    d->rotten = table_copy_row(row);
    d->rotten_table = table;
    row->bytes[row->key_size + bit / 8] ^= (uint8_t)(1u << bit % 8);
    return true;
}

void disk_restore(struct disk *d)
{
    if (d->rotten == NULL)
        return;
    struct table *t = &d->tables[d->rotten_table];
    const struct row *good = d->rotten;
    uint32_t at = table_find(t, good->bytes, good->key_size);
    if (table_is_at(t, at, good->bytes, good->key_size) &&
        t->rows[at]->value_size == good->value_size)
        memcpy(t->rows[at]->bytes, good->bytes, good->key_size + good->value_size);
    free(d->rotten);
    d->rotten = NULL;
}

bool disk_roll_back(struct disk *d, uint32_t blocks)
{
    struct table *log = &d->tables[JOURNAL_LOG], *t = &d->tables[JOURNAL_SNAPSHOT];
    uint8_t first[8];
    CHECK(!d->is_open);
    forget(d);
    if (log->count <= blocks)
        return false;
    memcpy(first, log->rows[log->count - blocks]->bytes, sizeof first);
    for (; blocks > 0; blocks--)
        free(log->rows[--log->count]);
    while (t->count > 0 && memcmp(t->rows[t->count - 1]->bytes, first, sizeof first) > 0)
        free(t->rows[--t->count]);
    return true;
}

/* ---- common/journal.h -------------------------------------------------------------- */

/* What the last life committed and did not settle is done again: its rows are there. */
static void open_redo(struct disk *d)
{
    if (d->committed > 0)
        MARK(redone);
    if (ABLATE(NO_REDO))
        undo(d, 0);
    forget(d);
}

int journal_open(struct journal **opened, const struct journal_options *options)
{
    struct journal *j = calloc(1, sizeof *j);
    CHECK(j != NULL && !options->read_only);
    j->disk = disk_find(options->path);
    j->map_bytes = options->map_bytes;
    j->redo = options->redo;
    CHECK(!j->disk->is_open);
    open_redo(j->disk);
    j->disk->is_open = true;
    j->disk->puts_left = 0;
    *opened = j;
    return 0;
}

void journal_close(struct journal **closed)
{
    struct journal *j = *closed;
    if (j == NULL)
        return;
    undo(j->disk, j->disk->committed);
    j->disk->is_open = false;
    free(j);
    *closed = NULL;
}

static int fail(struct journal *j, enum journal_step step)
{
    if (j->countdown[step] == 0 || --j->countdown[step] > 0)
        return 0;
    return j->error[step];
}

int journal_put(struct journal *j, uint32_t table, const void *key, size_t key_size,
                const void *value, size_t value_size)
{
    struct disk *d = j->disk;
    int error = fail(j, JOURNAL_PUT);
    CHECK(table < JOURNAL_TABLES && key_size < 256);
    if (error != 0)
        return error;
    if (!power_write())
        return ERR_IO;
    if (d->puts_left > 1)
        d->puts_left--;
    if (d->puts_left == 1 || d->bytes + key_size + value_size > j->map_bytes)
        return ERR_MAP_FULL;
    struct row *row = malloc(sizeof *row + key_size + value_size);
    CHECK(row != NULL);
    row->key_size = (uint32_t)key_size;
    row->value_size = (uint32_t)value_size;
    memcpy(row->bytes, key, key_size);
    if (value_size > 0)
        memcpy(row->bytes + key_size, value, value_size);
    change(d, table, key, key_size, row);
    return 0;
}

int journal_del(struct journal *j, uint32_t table, const void *key, size_t key_size)
{
    const struct table *t = &j->disk->tables[table];
    int error = fail(j, JOURNAL_PUT);
    if (error != 0)
        return error;
    if (!power_write())
        return ERR_IO;
    if (!table_is_at(t, table_find(t, key, key_size), key, key_size))
        return ERR_NOT_FOUND;
    change(j->disk, table, key, key_size, NULL);
    return 0;
}

int journal_commit(struct journal *j)
{
    int error = fail(j, JOURNAL_COMMIT);
    if (error != 0)
        return error;
    if (!power_write())
        return ERR_IO;
    if (j->redo)
        j->disk->committed = j->disk->change_count;
    else
        forget(j->disk);
    return 0;
}

void journal_abort(struct journal *j)
{
    undo(j->disk, j->disk->committed);
}

void journal_leave(struct journal *j)
{
    journal_abort(j);
}

int journal_settle(struct journal *j)
{
    CHECK(!journal_is_dirty(j));
    if (!journal_is_unsettled(j))
        return 0;
    if (!power_write())
        return ERR_IO;
    forget(j->disk);
    return 0;
}

bool journal_is_unsettled(const struct journal *j)
{
    return j->disk->committed > 0;
}

bool journal_is_dirty(const struct journal *j)
{
    return j->disk->change_count > j->disk->committed;
}

static int give(const struct table *t, uint32_t at, const void **key, size_t *key_size,
                const void **value, size_t *value_size)
{
    if (at >= t->count)
        return ERR_NOT_FOUND;
    const struct row *row = t->rows[at];
    if (key != NULL) {
        *key = row->bytes;
        *key_size = row->key_size;
    }
    *value = row->bytes + row->key_size;
    *value_size = row->value_size;
    return 0;
}

int journal_get(struct journal *j, uint32_t table, const void *key, size_t key_size,
                const void **value, size_t *value_size)
{
    const struct table *t = &j->disk->tables[table];
    uint32_t at = table_find(t, key, key_size);
    if (!table_is_at(t, at, key, key_size))
        return ERR_NOT_FOUND;
    return give(t, at, NULL, NULL, value, value_size);
}

int journal_seek(struct journal *j, uint32_t table, const void *key, size_t key_size,
                 const void **found_key, size_t *found_key_size, const void **value,
                 size_t *value_size)
{
    const struct table *t = &j->disk->tables[table];
    uint32_t at = table_find(t, key, key_size);
    return give(t, at, found_key, found_key_size, value, value_size);
}

int journal_seek_back(struct journal *j, uint32_t table, const void *key, size_t key_size,
                      const void **found_key, size_t *found_key_size, const void **value,
                      size_t *value_size)
{
    const struct table *t = &j->disk->tables[table];
    uint32_t at = table_find(t, key, key_size);
    if (!table_is_at(t, at, key, key_size)) {
        if (at == 0)
            return ERR_NOT_FOUND;
        at--;
    }
    return give(t, at, found_key, found_key_size, value, value_size);
}

uint32_t journal_used_percent(struct journal *j)
{
    return (uint32_t)(j->disk->bytes * 100 / j->map_bytes);
}

void journal_fail(struct journal *j, enum journal_step step, uint32_t nth, int error)
{
    j->countdown[step] = nth;
    j->error[step] = error;
}
