/* archive.c - block by block: crc, chain, contiguity, time. */
#include "tests/sim/archive.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/invariants.h"
#include "common/journal.h"
#include "common/stream_archive.h"
#include "proto/big_endian.h"
#include "proto/block.h"
#include "proto/codec.h"
#include "proto/feed.h"
#include "tests/sim/disk.h"
#include "tests/sim/marks.h"

enum { PAGE_BYTES = 1 << 18 };

struct archive_page {
    struct archive_page *next;
    size_t used;
    uint8_t bytes[PAGE_BYTES];
};

void archive_init(struct archive *a)
{
    *a = (struct archive){.place.next = 1};
}

void archive_close(struct archive *a)
{
    while (a->pages != NULL) {
        struct archive_page *page = a->pages;
        a->pages = page->next;
        free(page);
    }
    free(a->records);
    archive_init(a);
}

static const uint8_t *copy_bytes(struct archive *a, const uint8_t *bytes, size_t size)
{
    CHECK(size <= PAGE_BYTES);
    if (a->pages == NULL || PAGE_BYTES - a->pages->used < size) {
        struct archive_page *page = malloc(sizeof *page);
        CHECK(page != NULL);
        page->next = a->pages;
        page->used = 0;
        a->pages = page;
    }
    uint8_t *copy = a->pages->bytes + a->pages->used;
    memcpy(copy, bytes, size);
    a->pages->used += size;
    return copy;
}

static struct archive_record *add(struct archive *a)
{
    if (a->count == a->capacity) {
        a->capacity = a->capacity * 2 + 256;
        a->records = realloc(a->records, a->capacity * sizeof *a->records);
        CHECK(a->records != NULL);
    }
    return &a->records[a->count++];
}

static bool is_quiet(uint32_t kind)
{
    return kind == MSG_tick || kind == MSG_digest || kind == MSG_epoch;
}

static void add_skip(struct archive *a, const struct archive_record *record)
{
    struct msg m;
    if (record->kind != MSG_skip)
        return;
    int error = codec_decode_whole(record->bytes, record->size, &m);
    CHECK(error == 0 && a->skip_count < ARCHIVE_SKIPS);
    a->skips[a->skip_count++] = m.skip;
}

bool archive_skips(const struct archive *a, uint32_t service, uint64_t seq)
{
    for (uint32_t i = 0; i < a->skip_count; i++) {
        if (a->skips[i].service == service && a->skips[i].sequence == seq)
            return true;
    }
    return false;
}

static void copy_records(struct archive *a, struct block *block)
{
    struct block_record in;
    while (block_next(block, &in)) {
        struct archive_record *out = add(a);
        CHECK(in.seq == a->count);
        *out = (struct archive_record){.gseq = in.seq,
                                       .time_ns = in.time_ns,
                                       .n = in.n,
                                       .source = in.source,
                                       .size = in.size,
                                       .kind = (uint16_t)codec_kind(in.bytes, in.size),
                                       .bytes = copy_bytes(a, in.bytes, in.size)};
        a->busy_count += !is_quiet(out->kind);
        a->command_count += out->source > 0;
        add_skip(a, out);
        marks_record(out->kind);
    }
}

static const char *take_block(struct archive *a, const void *bytes, size_t size)
{
    struct block block;
    size_t used;
    const char *broken = invariants_follows(&a->place, bytes, size);
    if (broken != NULL)
        return broken;
    int error = block_open(&block, bytes, size, &used);
    CHECK(error == 0);
    copy_records(a, &block);
    return NULL;
}

/* Up to where the journal begins. */
static const char *read_files(struct archive *a, const char *path, uint64_t until)
{
    struct stream_archive *files;
    const struct stream_archive_options options = {.path = path, .read_only = true};
    const char *broken = NULL;
    if (path == NULL || stream_archive_open(&files, &options) != 0)
        return "I7: a part of the log is gone";
    while (broken == NULL && a->count + 1 < until) {
        const void *bytes;
        uint64_t first;
        size_t size;
        int error = stream_archive_get(files, a->count + 1, &first, &bytes, &size);
        broken = error == 0 && first == a->count + 1
                     ? take_block(a, bytes, size)
                     : "I7: a part of the log is neither in the journal nor in the files";
    }
    stream_archive_close(&files);
    return broken;
}

/* It follows the wall clock, but at 1.1 times the speed of the monotonic one at most. */
static const char *check_time(struct archive *a)
{
    uint64_t mono_ns = clock_mono_ns();
    if (a->count == 0)
        return NULL;
    if (a->began_ns == 0) {
        a->began_ns = a->place.time_ns;
        a->began_mono_ns = mono_ns;
    }
    uint64_t passed_ns = mono_ns - a->began_mono_ns,
             went_ns = a->place.time_ns - a->began_ns;
    bool runs = went_ns > passed_ns + passed_ns / 10 + (uint64_t)CLOCK_S_NS;
    return runs ? "I7: the time of the log runs ahead" : NULL;
}

const char *archive_read(struct archive *a, const char *path, const char *files)
{
    const struct disk *disk = disk_find(path);
    const void *key, *value;
    size_t key_size, value_size;
    const char *broken = NULL;
    uint8_t next[8];
    big_endian_put(next, a->count + 1, sizeof next);
    uint32_t row = disk_seek(disk, JOURNAL_LOG, next, sizeof next);
    while (broken == NULL &&
           disk_row(disk, JOURNAL_LOG, row++, &key, &key_size, &value, &value_size)) {
        uint64_t first = big_endian_get(key, 8);
        if (first > a->count + 1)
            broken = read_files(a, files, first);
        if (broken == NULL)
            broken = take_block(a, value, value_size);
    }
    /* What was read stays there: the next block is looked for behind it, and the chain
     * says whether the log was rewritten. */
    return broken != NULL ? broken : check_time(a);
}

const char *archive_check_files(const struct archive *a, const char *files)
{
    struct archive copy;
    uint8_t key[8] = {0};
    const void *found, *value;
    size_t found_size, value_size;
    if (files == NULL)
        return NULL;
    const struct disk *disk = disk_find("sequencer");
    uint32_t row = disk_seek(disk, JOURNAL_LOG, key, sizeof key);
    if (!disk_row(disk, JOURNAL_LOG, row, &found, &found_size, &value, &value_size))
        return "I7: an empty journal";
    archive_init(&copy);
    uint64_t first = big_endian_get(found, 8);
    if (first > 1)
        MARK(pruned);
    const char *broken = first > 1 ? read_files(&copy, files, first) : NULL;
    for (uint64_t i = 0; i < copy.count && broken == NULL; i++) {
        const struct archive_record *ours = &a->records[i], *theirs = &copy.records[i];
        if (ours->size != theirs->size ||
            memcmp(ours->bytes, theirs->bytes, ours->size) != 0)
            broken = "I7: the files hold another log";
    }
    archive_close(&copy);
    return broken;
}

struct msg archive_decode(const struct archive_record *record)
{
    struct msg m;
    int error = codec_decode_whole(record->bytes, record->size, &m);
    CHECK(error == 0);
    return m;
}

bool archive_has_ended(const struct archive *a, uint64_t session)
{
    for (uint64_t i = 0; i < a->count; i++) {
        const struct archive_record *r = &a->records[i];
        if ((r->kind == MSG_close && r->source == (int64_t)session) ||
            (r->kind == MSG_session_closed &&
             archive_decode(r).session_closed.session == session))
            return true;
    }
    return false;
}

bool archive_concerns(const struct archive_record *record, uint32_t account)
{
    uint32_t accounts[2];
    const struct msg m = archive_decode(record);
    uint32_t count = feed_accounts(&m, accounts);
    return (count > 0 && accounts[0] == account) || (count > 1 && accounts[1] == account);
}
