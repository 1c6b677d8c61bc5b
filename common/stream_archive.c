/* stream_archive.c - segments: found by name, searched by index, appended to. */
#include "common/stream_archive.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/ablate.h"
#include "common/check.h"
#include "common/directory.h"
#include "common/error.h"
#include "common/file.h"
#include "common/stream.h"
#include "proto/block.h"

enum { NAME_BYTES = 40, DIGITS = 20 };

struct entry {
    uint64_t first_seq, offset;
};

/* Invariant: entries ascend in both numbers; the first one is (first, 0). */
struct segment {
    int file; /* -1: none */
    uint64_t first;
    uint64_t size; /* of what is good */
    struct entry *entries;
    uint32_t count, capacity;
};

struct stream_archive {
    int directory;
    uint64_t segment_bytes;
    bool read_only;
    uint64_t *firsts; /* of all segments, ascending */
    uint32_t count, capacity;
    struct segment last;    /* the one that is written */
    struct segment reading; /* one of the others */
    uint64_t next;
    uint8_t chain[STREAM_CHAIN];
    bool is_trimmed;  /* the last segment has no torn tail any more */
    bool is_unsynced; /* something was appended, perhaps in a new file */
    uint8_t *bytes;   /* STREAM_FRAME_BYTES */
};

static void name_of(char name[NAME_BYTES], uint64_t first, const char *ending)
{
    snprintf(name, NAME_BYTES, "%020" PRIu64 "%s", first, ending);
}

/* ---- a segment --------------------------------------------------------------------- */

static void close_segment(struct segment *s)
{
    if (s->file >= 0)
        close(s->file);
    free(s->entries);
    *s = (struct segment){.file = -1};
}

static int add_entry(struct segment *s, uint64_t first_seq, uint64_t offset)
{
    if (s->count == s->capacity) {
        uint32_t capacity = s->capacity == 0 ? 1024 : 2 * s->capacity;
        struct entry *entries = realloc(s->entries, capacity * sizeof *entries);
        if (entries == NULL)
            return ERR_MEMORY;
        s->entries = entries;
        s->capacity = capacity;
    }
    s->entries[s->count++] = (struct entry){first_seq, offset};
    return 0;
}

/* Takes the whole blocks at the front of the bytes, as long as they follow each other. */
static int take_blocks(struct segment *s, uint64_t *next, uint8_t chain[STREAM_CHAIN],
                       const uint8_t *bytes, size_t size)
{
    struct block block;
    size_t used;
    for (size_t at = 0; block_open(&block, bytes + at, size - at, &used) == 0;
         at += used) {
        bool follows = s->count == 0 ? block.first_seq == s->first
                                     : block.first_seq == *next &&
                                           memcmp(block.chain, chain, STREAM_CHAIN) == 0;
        if (!follows || block.stream != STREAM_LOG || block.count == 0)
            break;
        int error = add_entry(s, block.first_seq, s->size);
        if (error != 0)
            return error;
        *next = block.first_seq + block.count;
        block_chain(&block, chain);
        s->size += used;
    }
    return 0;
}

/* Reads a segment from its front as far as it is good. */
static int walk(struct stream_archive *a, struct segment *s, uint64_t *next,
                uint8_t chain[STREAM_CHAIN])
{
    for (;;) {
        uint64_t before = s->size;
        ssize_t size = pread(s->file, a->bytes, STREAM_FRAME_BYTES, (off_t)s->size);
        if (size < 0)
            return error_of_file(errno);
        int error = take_blocks(s, next, chain, a->bytes, (size_t)size);
        if (error != 0 || s->size == before)
            return error;
    }
}

static int open_segment(struct stream_archive *a, struct segment *s, uint64_t first,
                        int flags)
{
    char name[NAME_BYTES];
    name_of(name, first, ".log");
    *s = (struct segment){.first = first};
    s->file = openat(a->directory, name, flags | O_CLOEXEC, 0600);
    return s->file < 0 ? error_of_file(errno) : 0;
}

/* ---- indexes ----------------------------------------------------------------------- */

/* Not synced: one that a crash damaged is not taken. */
static void save_index(const struct stream_archive *a, const struct segment *s)
{
    char name[NAME_BYTES];
    name_of(name, s->first, ".index");
    int file = openat(a->directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *out = file < 0 ? NULL : fdopen(file, "w");
    for (uint32_t i = 0; out != NULL && i < s->count; i++) {
        const struct entry *e = &s->entries[i];
        fwrite((uint64_t[2]){htobe64(e->first_seq), htobe64(e->offset)}, 16, 1, out);
    }
    if (out != NULL)
        fclose(out);
}

/* In order, and whole: one that a power cut shortened is in order too, but then its last
 * block is not the one that ends the file. */
static bool makes_sense(const struct stream_archive *a, const struct segment *s)
{
    struct block block;
    size_t used;
    if (s->count == 0 || s->entries[0].first_seq != s->first || s->entries[0].offset != 0)
        return false;
    for (uint32_t i = 1; i < s->count; i++)
        if (s->entries[i].first_seq <= s->entries[i - 1].first_seq ||
            s->entries[i].offset <= s->entries[i - 1].offset)
            return false;
    uint64_t last = s->entries[s->count - 1].offset;
    ssize_t size = pread(s->file, a->bytes, STREAM_FRAME_BYTES, (off_t)last);
    return size > 0 && block_open(&block, a->bytes, (size_t)size, &used) == 0 &&
           last + used == s->size;
}

/* False if there is none that makes sense. */
static bool load_index(const struct stream_archive *a, struct segment *s)
{
    char name[NAME_BYTES];
    struct stat status;
    uint64_t pair[2];
    name_of(name, s->first, ".index");
    int file = openat(a->directory, name, O_RDONLY | O_CLOEXEC);
    FILE *in = file < 0 ? NULL : fdopen(file, "r");
    if (in == NULL)
        return false;
    while (fread(pair, sizeof pair, 1, in) == 1)
        if (add_entry(s, be64toh(pair[0]), be64toh(pair[1])) != 0)
            break;
    fclose(in);
    s->size = fstat(s->file, &status) == 0 ? (uint64_t)status.st_size : 0;
    if (makes_sense(a, s) || ABLATE(INDEX_BELIEVED))
        return true;
    s->size = s->count = 0;
    return false;
}

/* Makes `reading` the full segment that begins at `first`. */
static int read_segment(struct stream_archive *a, uint64_t first)
{
    uint64_t next = first;
    uint8_t chain[STREAM_CHAIN];
    struct segment *s = &a->reading;
    if (s->file >= 0 && s->first == first)
        return 0;
    close_segment(s);
    int error = open_segment(a, s, first, O_RDONLY);
    if (error == 0 && !load_index(a, s)) {
        error = walk(a, s, &next, chain);
        if (error == 0 && s->count > 0 && !a->read_only)
            save_index(a, s);
    }
    if (error == 0 && s->count == 0)
        error = ERR_CORRUPT;
    if (error != 0)
        close_segment(s);
    return error;
}

/* ---- opening ----------------------------------------------------------------------- */

static int add_first(struct stream_archive *a, uint64_t first)
{
    if (a->count == STREAM_ARCHIVE_SEGMENTS)
        return ERR_FULL;
    if (a->count == a->capacity) {
        uint32_t capacity = a->capacity == 0 ? 64 : 2 * a->capacity;
        uint64_t *firsts = realloc(a->firsts, capacity * sizeof *firsts);
        if (firsts == NULL)
            return ERR_MEMORY;
        a->firsts = firsts;
        a->capacity = capacity;
    }
    a->firsts[a->count++] = first;
    return 0;
}

static int compare_firsts(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static int list_segments(struct stream_archive *a)
{
    int again = openat(a->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *listing = again < 0 ? NULL : fdopendir(again);
    int error = listing == NULL ? error_of_file(errno) : 0;
    for (struct dirent *file; error == 0 && (file = readdir(listing)) != NULL;) {
        char *end;
        uint64_t first = strtoull(file->d_name, &end, 10);
        if (end == file->d_name + DIGITS && strcmp(end, ".log") == 0 && first > 0)
            error = add_first(a, first);
    }
    if (listing != NULL)
        closedir(listing);
    if (a->count > 0)
        qsort(a->firsts, a->count, sizeof *a->firsts, compare_firsts);
    return error;
}

/* The last segment is read whole, which tells where a crash has left it. What was not
 * synced then may be in memory only, and reads as if it were on the disk until memory
 * lets go of it. */
static int open_last(struct stream_archive *a)
{
    if (a->count == 0)
        return 0;
    a->next = a->firsts[a->count - 1];
    int error = open_segment(a, &a->last, a->next, a->read_only ? O_RDONLY : O_RDWR);
    if (error == 0 && !a->read_only && fdatasync(a->last.file) != 0)
        error = error_of_file(errno);
    a->is_unsynced = true; /* its name, for one */
    if (error == 0)
        (void)posix_fadvise(a->last.file, 0, 0, POSIX_FADV_DONTNEED);
    if (error == 0)
        error = walk(a, &a->last, &a->next, a->chain);
    return error;
}

/* The block before a last segment that has none yet says what its chain must be. */
static int find_chain(struct stream_archive *a)
{
    const void *bytes;
    uint64_t first;
    size_t size, used;
    struct block block;
    if (a->last.count > 0 || a->count < 2)
        return 0;
    int error = stream_archive_get(a, a->next - 1, &first, &bytes, &size);
    if (error != 0)
        return error;
    if (block_open(&block, bytes, size, &used) != 0 || used != size ||
        block.first_seq + block.count != a->next)
        return ERR_CORRUPT;
    block_chain(&block, a->chain);
    return 0;
}

static int open_directory(struct stream_archive *a,
                          const struct stream_archive_options *options)
{
    int error = options->read_only ? 0 : directory_make(options->path);
    if (error != 0)
        return error;
    a->directory = open(options->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (a->directory >= 0)
        return list_segments(a);
    return errno == ENOENT ? ERR_NOT_FOUND : ERR_DATA_DIR;
}

int stream_archive_open(struct stream_archive **out,
                        const struct stream_archive_options *options)
{
    struct stream_archive *a = calloc(1, sizeof *a);
    *out = NULL;
    if (a == NULL)
        return ERR_MEMORY;
    bool is_given = options->segment_bytes != 0;
    size_t full = is_given ? options->segment_bytes : STREAM_ARCHIVE_SEGMENT_BYTES;
    *a = (struct stream_archive){.directory = -1,
                                 .segment_bytes = full,
                                 .read_only = options->read_only,
                                 .last.file = -1,
                                 .reading.file = -1,
                                 .next = 1,
                                 .bytes = malloc(STREAM_FRAME_BYTES)};
    int error = a->bytes == NULL ? ERR_MEMORY : open_directory(a, options);
    if (error == 0)
        error = open_last(a);
    if (error == 0)
        error = find_chain(a);
    if (error != 0)
        stream_archive_close(&a);
    *out = a;
    return error;
}

void stream_archive_close(struct stream_archive **closed)
{
    struct stream_archive *a = *closed;
    if (a == NULL)
        return;
    *closed = NULL;
    close_segment(&a->last);
    close_segment(&a->reading);
    if (a->directory >= 0)
        close(a->directory);
    free(a->firsts);
    free(a->bytes);
    free(a);
}

uint64_t stream_archive_next(const struct stream_archive *a)
{
    return a->next;
}

const uint8_t *stream_archive_chain(const struct stream_archive *a)
{
    return a->chain;
}

/* ---- writing ----------------------------------------------------------------------- */

static int begin_segment(struct stream_archive *a)
{
    int error = add_first(a, a->next);
    if (error == 0)
        error = open_segment(a, &a->last, a->next, O_RDWR | O_CREAT | O_EXCL);
    a->is_trimmed = true;
    return error;
}

static int trim(struct stream_archive *a)
{
    a->is_trimmed = ftruncate(a->last.file, (off_t)a->last.size) == 0;
    return a->is_trimmed ? 0 : error_of_file(errno);
}

int stream_archive_append(struct stream_archive *a, const struct block *block)
{
    int error = 0;
    CHECK(!a->read_only && block->size <= STREAM_FRAME_BYTES);
    if (block->first_seq != a->next || block->stream != STREAM_LOG ||
        memcmp(block->chain, a->chain, STREAM_CHAIN) != 0)
        return ERR_DIVERGED;
    if (a->last.file < 0)
        error = begin_segment(a);
    else if (!a->is_trimmed)
        error = trim(a);
    if (error == 0)
        error = file_write(a->last.file, block->bytes, block->size, a->last.size);
    if (error == 0)
        error = add_entry(&a->last, block->first_seq, a->last.size);
    if (error != 0)
        return error;
    a->last.size += block->size;
    a->next = block->first_seq + block->count;
    block_chain(block, a->chain);
    a->is_unsynced = true;
    return 0;
}

void stream_archive_flush(struct stream_archive *a)
{
    if (a->is_unsynced)
        (void)sync_file_range(a->last.file, 0, 0, SYNC_FILE_RANGE_WRITE);
}

int stream_archive_sync(struct stream_archive *a)
{
    if (!a->is_unsynced)
        return 0;
    if (fdatasync(a->last.file) != 0 || fsync(a->directory) != 0)
        return error_of_file(errno);
    a->is_unsynced = false;
    if (a->last.size >= a->segment_bytes) {
        save_index(a, &a->last);
        close_segment(&a->last);
    }
    return 0;
}

/* ---- reading ----------------------------------------------------------------------- */

/* The last of the ascending numbers, each `stride` behind the one before, that is at most
 * `seq`; the first one is. */
static uint32_t find_last(const uint64_t *numbers, size_t stride, uint32_t count,
                          uint64_t seq)
{
    uint32_t low = 0, high = count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (numbers[middle * stride] <= seq)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* What stands where the good part of the last segment ends: a tool that needs it, for the
 * journal has it no more, shall see what is wrong with it. */
static int get_bad(struct stream_archive *a, uint64_t *first, const void **bytes,
                   size_t *size)
{
    if (!a->read_only || a->last.file < 0)
        return ERR_NOT_FOUND;
    ssize_t got = pread(a->last.file, a->bytes, STREAM_FRAME_BYTES, (off_t)a->last.size);
    if (got <= 0)
        return got < 0 ? error_of_file(errno) : ERR_NOT_FOUND;
    *first = a->next;
    *bytes = a->bytes;
    *size = (size_t)got;
    return 0;
}

int stream_archive_get(struct stream_archive *a, uint64_t seq, uint64_t *first,
                       const void **bytes, size_t *size)
{
    if (seq == a->next)
        return get_bad(a, first, bytes, size);
    if (a->count == 0 || seq < a->firsts[0] || seq > a->next)
        return ERR_NOT_FOUND;
    uint32_t at = find_last(a->firsts, 1, a->count, seq);
    struct segment *s = &a->last;
    if (s->file < 0 || s->first != a->firsts[at]) {
        int error = read_segment(a, a->firsts[at]);
        if (error != 0)
            return error;
        s = &a->reading;
    }
    uint32_t i = find_last((const uint64_t *)s->entries, 2, s->count, seq);
    uint64_t end = i + 1 < s->count ? s->entries[i + 1].offset : s->size;
    uint64_t length = end - s->entries[i].offset;
    if (length > STREAM_FRAME_BYTES)
        return ERR_CORRUPT;
    ssize_t got = pread(s->file, a->bytes, length, (off_t)s->entries[i].offset);
    if (got < 0 || (uint64_t)got != length)
        return got < 0 ? error_of_file(errno) : ERR_CORRUPT;
    *first = s->entries[i].first_seq;
    *bytes = a->bytes;
    *size = length;
    return 0;
}
