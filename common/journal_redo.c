/* journal_redo.c - see journal_redo.h. */
#include "common/journal_redo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/check.h"
#include "common/directory.h"
#include "common/error.h"
#include "common/file.h"
#include "common/preallocate.h"

#define MAGIC      UINT32_C(0x7a657872)
#define PAGE_BYTES 4096
#define FEW_BYTES  (UINT64_C(64) << 10)

/* What stands in the file, in the machine's byte order, as LMDB's pages do. */
struct header {
    uint32_t magic;
    uint32_t size; /* of header and changes */
    uint64_t generation;
    uint64_t index; /* in the generation, from 0 */
    uint64_t hash;  /* of all the rest */
};

struct change {
    uint8_t table;
    uint8_t key_size;
    uint8_t is_deleted;
    uint8_t unused;
    uint32_t value_size;
};

/* The record that is gathered is `used` bytes, its header included. */
struct journal_redo {
    uint8_t *record;
    uint64_t used;
    bool is_too_large;
    uint64_t generation, index;
    uint64_t end; /* where the next record goes */
    bool durable;
    int file;
};

static uint64_t round_up(uint64_t bytes)
{
    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

static int name_file(char path[PATH_MAX], const char *directory)
{
    return snprintf(path, PATH_MAX, "%s/redo", directory) < PATH_MAX ? 0 : ERR_LENGTH;
}

bool journal_redo_exists(const char *directory)
{
    char path[PATH_MAX];
    return name_file(path, directory) == 0 && access(path, F_OK) == 0;
}

static int open_file(struct journal_redo *redo, const char *directory, uint64_t bytes)
{
    char path[PATH_MAX];
    int error = name_file(path, directory);
    if (error != 0)
        return error;
    redo->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (redo->file < 0)
        return error_of_file(errno);
    error = preallocate(path, bytes < JOURNAL_REDO_FILE ? bytes : JOURNAL_REDO_FILE);
    return error == 0 ? directory_sync(directory) : error;
}

int journal_redo_open(struct journal_redo **opened, const char *directory, uint64_t bytes,
                      uint64_t generation, bool durable)
{
    struct journal_redo *redo = calloc(1, sizeof *redo);
    *opened = redo;
    if (redo == NULL)
        return ERR_MEMORY;
    redo->file = -1;
    redo->durable = durable;
    redo->record = malloc(JOURNAL_REDO_RECORD);
    journal_redo_begin(redo, generation);
    int error = redo->record == NULL ? ERR_MEMORY : open_file(redo, directory, bytes);
    if (error != 0)
        journal_redo_close(opened);
    return error;
}

void journal_redo_close(struct journal_redo **closed)
{
    struct journal_redo *redo = *closed;
    *closed = NULL;
    if (redo == NULL)
        return;
    if (redo->file >= 0)
        close(redo->file);
    free(redo->record);
    free(redo);
}

void journal_redo_begin(struct journal_redo *redo, uint64_t generation)
{
    redo->generation = generation;
    redo->index = 0;
    redo->end = 0;
    journal_redo_drop(redo);
}

void journal_redo_drop(struct journal_redo *redo)
{
    redo->used = sizeof(struct header);
    redo->is_too_large = false;
}

/* ---- writing ----------------------------------------------------------------------- */

static void append(struct journal_redo *redo, const void *bytes, size_t size)
{
    if (size > 0)
        memcpy(redo->record + redo->used, bytes, size);
    redo->used += size;
}

void journal_redo_add(struct journal_redo *redo, const struct journal_redo_change *c)
{
    const struct change head = {.table = (uint8_t)c->table,
                                .key_size = (uint8_t)c->key_size,
                                .is_deleted = c->is_deleted,
                                .value_size = (uint32_t)c->value_size};
    CHECK(c->table <= UINT8_MAX && c->key_size <= UINT8_MAX);
    if (redo->is_too_large ||
        c->value_size > JOURNAL_REDO_RECORD - sizeof head - c->key_size - redo->used) {
        redo->is_too_large = true;
        return;
    }
    append(redo, &head, sizeof head);
    append(redo, c->key, c->key_size);
    append(redo, c->value, c->value_size);
}

static uint64_t hash_of(const uint8_t *record, uint32_t size)
{
    struct header header;
    memcpy(&header, record, sizeof header);
    header.hash = 0;
    return XXH3_64bits_withSeed(record + sizeof header, size - sizeof header,
                                XXH3_64bits(&header, sizeof header));
}

int journal_redo_commit(struct journal_redo *redo)
{
    if (redo->is_too_large || round_up(redo->used) > JOURNAL_REDO_FILE - redo->end)
        return ERR_FULL;
    struct header header = {.magic = MAGIC,
                            .size = (uint32_t)redo->used,
                            .generation = redo->generation,
                            .index = redo->index};
    memcpy(redo->record, &header, sizeof header);
    header.hash = hash_of(redo->record, header.size);
    memcpy(redo->record, &header, sizeof header);
    int error = file_write(redo->file, redo->record, redo->used, redo->end);
    if (error == 0 && redo->durable && fdatasync(redo->file) != 0)
        error = error_of_file(errno);
    if (error != 0)
        return error;
    redo->end += round_up(redo->used);
    redo->index++;
    journal_redo_drop(redo);
    return 0;
}

/* ---- reading ----------------------------------------------------------------------- */

struct image {
    uint8_t *bytes;
    uint64_t size;
};

/* A whole record of this generation at `at`? */
static bool find_record(const struct journal_redo *redo, const struct image *image,
                        uint64_t at, struct header *header)
{
    if (image->size - at < sizeof *header)
        return false;
    memcpy(header, image->bytes + at, sizeof *header);
    return header->magic == MAGIC && header->generation == redo->generation &&
           header->size >= sizeof *header && header->size <= image->size - at &&
           header->hash == hash_of(image->bytes + at, header->size);
}

/* The hash fits, so what does not fit here was written so. */
static int apply_record(const uint8_t *at, const uint8_t *end, journal_redo_apply *apply,
                        void *argument)
{
    int error = 0;
    while (at < end && error == 0) {
        struct change head;
        if ((size_t)(end - at) < sizeof head)
            return ERR_CORRUPT;
        memcpy(&head, at, sizeof head);
        at += sizeof head;
        if ((size_t)(end - at) < (size_t)head.key_size + head.value_size)
            return ERR_CORRUPT;
        const struct journal_redo_change change = {.table = head.table,
                                                   .is_deleted = head.is_deleted != 0,
                                                   .key = at,
                                                   .key_size = head.key_size,
                                                   .value = at + head.key_size,
                                                   .value_size = head.value_size};
        error = apply(argument, &change);
        at += (size_t)head.key_size + head.value_size;
    }
    return error;
}

static int check_end(const struct journal_redo *redo, const struct image *image)
{
    struct header header;
    for (uint64_t at = redo->end; at < image->size; at += PAGE_BYTES)
        if (find_record(redo, image, at, &header) && header.index > redo->index)
            return ERR_CORRUPT;
    return 0;
}

static int replay(struct journal_redo *redo, const struct image *image,
                  journal_redo_apply *apply, void *argument)
{
    struct header header;
    int error = 0;
    while (error == 0 && redo->end < image->size &&
           find_record(redo, image, redo->end, &header) && header.index == redo->index) {
        const uint8_t *record = image->bytes + redo->end;
        error =
            apply_record(record + sizeof header, record + header.size, apply, argument);
        redo->end += round_up(header.size);
        redo->index++;
    }
    return error == 0 ? check_end(redo, image) : error;
}

static int read_file(const struct journal_redo *redo, struct image *image,
                     uint64_t bytes_max)
{
    struct stat status;
    uint64_t done = 0;
    if (fstat(redo->file, &status) != 0)
        return ERR_IO;
    image->size = (uint64_t)status.st_size;
    if (image->size > bytes_max)
        image->size = bytes_max;
    image->bytes = malloc(image->size + 1);
    if (image->bytes == NULL)
        return ERR_MEMORY;
    while (done < image->size) {
        ssize_t got =
            pread(redo->file, image->bytes + done, image->size - done, (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ERR_IO;
        done += (uint64_t)got;
    }
    return 0;
}

int journal_redo_replay(struct journal_redo *redo, journal_redo_apply *apply,
                        void *argument)
{
    struct image image = {.bytes = NULL};
    journal_redo_begin(redo, redo->generation);
    int error = read_file(redo, &image, UINT64_MAX);
    if (error == 0)
        error = replay(redo, &image, apply, argument);
    free(image.bytes);
    return error;
}

/* Is there a record in the first so many bytes? */
static int find_any(const struct journal_redo *redo, uint64_t bytes_max)
{
    struct image image = {.bytes = NULL};
    struct header header;
    bool is_found = false;
    int error = read_file(redo, &image, bytes_max);
    for (uint64_t at = 0; error == 0 && !is_found && at < image.size; at += PAGE_BYTES)
        is_found = find_record(redo, &image, at, &header);
    free(image.bytes);
    return error != 0 ? error : is_found;
}

/* Beside an owner that has not settled it is asked often, and a look at the first record
 * is enough. All of the file is read once: there is none, or it is damaged or large. */
int journal_redo_holds(const char *directory, uint64_t generation)
{
    char path[PATH_MAX];
    struct journal_redo redo = {.generation = generation};
    int holds = name_file(path, directory);
    if (holds != 0)
        return holds;
    redo.file = open(path, O_RDONLY | O_CLOEXEC);
    if (redo.file < 0)
        return errno == ENOENT ? 0 : error_of_file(errno);
    holds = find_any(&redo, FEW_BYTES);
    if (holds == 0)
        holds = find_any(&redo, UINT64_MAX);
    close(redo.file);
    return holds;
}
