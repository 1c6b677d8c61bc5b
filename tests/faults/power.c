/* power.c - see power.h. */
#include "tests/faults/power.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/check.h"
#include "common/error.h"

/* ---- the tape ---------------------------------------------------------------------- */

static const struct tape_entry *entry_at(const struct power *p, size_t offset)
{
    const struct tape_entry *entry = (const void *)(p->tape + offset);
    CHECK(offset + sizeof *entry <= p->size && entry->magic == TAPE_MAGIC);
    return entry;
}

/* Told entries have no bytes behind them; their `size` is 0. */
static int list_entries(struct power *p)
{
    uint64_t capacity = 1 << 12;
    p->entries = malloc(capacity * sizeof(void *));
    for (size_t at = 0; p->entries != NULL && at < p->size;) {
        const struct tape_entry *entry = entry_at(p, at);
        if (p->count == capacity) {
            capacity *= 2;
            p->entries = realloc(p->entries, capacity * sizeof(void *));
        }
        if (p->entries != NULL)
            p->entries[p->count++] = entry;
        at += sizeof *entry + entry->size;
    }
    return p->entries == NULL ? ERR_MEMORY : 0;
}

int power_open(struct power *p, const char *tape)
{
    struct stat status;
    *p = (struct power){.count = 0};
    int file = open(tape, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0)
        return ERR_NOT_FOUND;
    p->size = (size_t)status.st_size;
    p->tape = mmap(NULL, p->size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    p->files = calloc(POWER_FILES, sizeof *p->files);
    if (p->tape == MAP_FAILED || p->files == NULL)
        return ERR_MEMORY;
    return list_entries(p);
}

void power_close(struct power *p)
{
    for (uint32_t i = 0; i < p->file_count; i++)
        free(p->files[i].bytes);
    free(p->files);
    free(p->entries);
    munmap((void *)p->tape, p->size);
}

/* ---- images ------------------------------------------------------------------------ */

/* The locks of LMDB and of the journal are made anew by whoever comes first. */
static bool is_lock(const char *path)
{
    const char *name = strrchr(path, '/');
    name = name != NULL ? name + 1 : path;
    return strcmp(name, "lock.mdb") == 0 || strcmp(name, "LOCK") == 0 ||
           strcmp(name, "OWNER") == 0 || strcmp(name, "fresh.mdb-lock") == 0;
}

static struct power_file *find_file(const struct power *p, const char *path)
{
    for (uint32_t i = 0; i < p->file_count; i++)
        if (strcmp(p->files[i].path, path) == 0)
            return &p->files[i];
    return NULL;
}

static struct power_file *get_file(struct power *p, const char *path)
{
    struct power_file *file = find_file(p, path);
    if (file != NULL)
        return file;
    CHECK(p->file_count < POWER_FILES);
    file = &p->files[p->file_count++];
    strncpy(file->path, path, sizeof file->path - 1);
    return file;
}

static void resize(struct power_file *file, size_t size)
{
    if (size > file->capacity) {
        file->capacity = size * 2;
        file->bytes = realloc(file->bytes, file->capacity);
        CHECK(file->bytes != NULL);
    }
    if (size > file->size)
        memset(file->bytes + file->size, 0, size - file->size);
    file->size = size;
}

static void write_part(struct power_file *file, const struct tape_entry *entry,
                       size_t from, size_t size)
{
    const uint8_t *bytes = (const uint8_t *)(entry + 1) + from;
    size_t end = entry->offset + from + size;
    if (end > file->size)
        resize(file, end);
    memcpy(file->bytes + entry->offset + from, bytes, size);
}

static void apply(struct power_file *file, const struct tape_entry *entry)
{
    if (entry->kind == TAPE_TRUNCATE)
        resize(file, entry->offset);
    else
        write_part(file, entry, 0, entry->size);
}

static bool is_in(const char *path, const char *directory)
{
    size_t size = strlen(directory);
    if (strncmp(path, directory, size) != 0)
        return false;
    path += size;
    if (size > 0 && *path++ != '/')
        return false;
    return strchr(path, '/') == NULL;
}

/* Of a file: its bytes. Of a directory: the names in it. The venue's own is "". */
static void sync_path(struct power *p, const char *path)
{
    struct power_file *file = find_file(p, path);
    if (file != NULL && !file->is_directory) {
        for (uint32_t i = 0; i < file->pending_count; i++)
            apply(file, file->pending[i]);
        file->pending_count = 0;
        return;
    }
    for (uint32_t i = 0; i < p->file_count; i++)
        if (is_in(p->files[i].path, path)) {
            p->files[i].is_safe = true;
            p->files[i].old_path[0] = 0;
        }
}

/* Its descriptors are closed by now, or the entries would go on under the old name. */
static void rename_path(struct power *p, const struct tape_entry *entry)
{
    struct power_file *file = get_file(p, entry->path);
    CHECK(find_file(p, (const char *)(entry + 1)) == NULL && file->old_path[0] == 0);
    memcpy(file->old_path, file->path, sizeof file->path);
    snprintf(file->path, sizeof file->path, "%s", (const char *)(entry + 1));
}

static void advance(struct power *p, const struct tape_entry *entry)
{
    if (is_lock(entry->path))
        return;
    switch (entry->kind) {
    case TAPE_TOLD:
        p->told = entry->offset > p->told ? entry->offset : p->told;
        return;
    case TAPE_SYNC:
        sync_path(p, entry->path);
        return;
    case TAPE_MKDIR:
        get_file(p, entry->path)->is_directory = true;
        return;
    case TAPE_CREATE:
        (void)get_file(p, entry->path);
        return;
    case TAPE_RENAME:
        rename_path(p, entry);
        return;
    case TAPE_REMOVE: /* of what may as well be there */
        return;
    default:
        break;
    }
    struct power_file *file = get_file(p, entry->path);
    CHECK(file->pending_count < POWER_PENDING);
    file->pending[file->pending_count++] = entry;
}

void power_advance(struct power *p, uint64_t at)
{
    while (p->at < at && p->at < p->count)
        advance(p, p->entries[p->at++]);
}

bool power_is_boundary(const struct power *p, uint64_t at)
{
    return p->entries[at]->kind != TAPE_TOLD && !is_lock(p->entries[at]->path);
}

/* ---- the cut ----------------------------------------------------------------------- */

static bool toss(enum power_cut cut, struct random *random)
{
    return cut == POWER_ALL || (cut == POWER_SOME && random_chance(random, 500000));
}

static void apply_some(struct power_file *file, const struct tape_entry *entry,
                       enum power_cut cut, struct random *random)
{
    if (entry->kind == TAPE_TRUNCATE) {
        if (toss(cut, random))
            resize(file, entry->offset);
        return;
    }
    for (size_t at = 0; at < entry->size;) { /* sectors begin where the disk's do */
        size_t size = POWER_SECTOR - (entry->offset + at) % POWER_SECTOR;
        if (size > entry->size - at)
            size = entry->size - at;
        if (toss(cut, random))
            write_part(file, entry, at, size);
        at += size;
    }
}

/* What is safe, and what luck adds to it. What went through O_DSYNC and has returned is
 * safe, wherever it stands among the others. */
static void copy_image(const struct power *p, const struct power_file *file,
                       struct power_file *image, enum power_cut cut,
                       struct random *random)
{
    const struct tape_entry *under_way = p->at < p->count ? p->entries[p->at] : NULL;
    resize(image, file->size);
    if (file->size > 0)
        memcpy(image->bytes, file->bytes, file->size);
    for (uint32_t i = 0; i < file->pending_count; i++)
        if (file->pending[i]->is_synced)
            apply(image, file->pending[i]);
        else
            apply_some(image, file->pending[i], cut, random);
    if (under_way != NULL && strcmp(under_way->path, file->path) == 0 &&
        (under_way->kind == TAPE_WRITE || under_way->kind == TAPE_TRUNCATE))
        apply_some(image, under_way, cut, random);
}

static int store(const char *path, const struct power_file *image)
{
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool is_written =
        file >= 0 && (image->size == 0 ||
                      pwrite(file, image->bytes, image->size, 0) == (ssize_t)image->size);
    if (file >= 0)
        close(file);
    return is_written ? 0 : ERR_IO;
}

/* A file without its directory is gone too; directories come before what is in them. */
static bool has_parent(const char *path)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    *strrchr(parent, '/') = 0;
    return access(parent, F_OK) == 0;
}

int power_cut(const struct power *p, const char *directory, enum power_cut cut,
              struct random *random)
{
    struct power_file image = {.size = 0};
    int error = 0;
    for (uint32_t i = 0; error == 0 && i < p->file_count; i++) {
        const struct power_file *file = &p->files[i];
        char path[PATH_MAX];
        bool is_renamed = file->old_path[0] == 0 || toss(cut, random);
        snprintf(path, sizeof path, "%s/%s", directory,
                 is_renamed ? file->path : file->old_path);
        if ((!file->is_safe && !toss(cut, random)) || !has_parent(path))
            continue;
        image.size = 0;
        if (file->is_directory) {
            error = mkdir(path, 0700) == 0 ? 0 : ERR_IO;
            continue;
        }
        copy_image(p, file, &image, cut, random);
        error = store(path, &image);
    }
    free(image.bytes);
    return error;
}
