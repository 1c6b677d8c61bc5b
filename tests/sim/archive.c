/* archive.c - block by block: crc, chain, contiguity, time. */
#include "tests/sim/archive.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/journal.h"
#include "proto/block.h"
#include "proto/codec.h"
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
    *a = (struct archive){.records = NULL};
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

static const char *copy_records(struct archive *a, struct block *block)
{
    struct block_record in;
    while (block_next(block, &in)) {
        struct archive_record *out = add(a);
        if (in.seq != a->count)
            return "I7: a gap in the log";
        if (in.time_ns <= a->time_ns)
            return "I7: the log's time stands still";
        *out = (struct archive_record){.gseq = in.seq,
                                       .time_ns = in.time_ns,
                                       .n = in.n,
                                       .source = in.source,
                                       .size = in.size,
                                       .kind = (uint16_t)codec_kind(in.bytes, in.size),
                                       .bytes = copy_bytes(a, in.bytes, in.size)};
        a->time_ns = in.time_ns;
        a->busy_count += !is_quiet(out->kind);
        a->command_count += out->source > 0;
        marks_record(out->kind);
    }
    return NULL;
}

const char *archive_read(struct archive *a, const char *path)
{
    const struct disk *disk = disk_find(path);
    const void *key, *value;
    size_t key_size, value_size, used;
    const char *broken = NULL;
    while (broken == NULL &&
           disk_row(disk, JOURNAL_LOG, a->blocks, &key, &key_size, &value, &value_size)) {
        struct block block;
        if (block_open(&block, value, value_size, &used) != 0 || used != value_size)
            return "I7: a block that cannot be read";
        if (block.first_seq != a->count + 1 ||
            memcmp(block.chain, a->chain, STREAM_CHAIN) != 0)
            return "I7: a block that does not follow the one before";
        block_chain(&block, a->chain);
        broken = copy_records(a, &block);
        a->blocks++;
    }
    /* What was read stays there: the next block is looked for behind it, and the chain
     * says whether the log was rewritten. */
    return broken;
}
