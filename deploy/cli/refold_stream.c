/* refold_stream.c - see refold_stream.h. */
#include "deploy/cli/refold_stream.h"

#include <stdlib.h>
#include <string.h>

#include "common/service_archive.h"
#include "proto/big_endian.h"
#include "proto/pack.h"

enum {
    KEY_BYTES_MAX = 12,
};

static size_t make_key(const struct refold_stream *s, uint64_t seq,
                       uint8_t key[KEY_BYTES_MAX])
{
    size_t size = s->table == JOURNAL_EMIT ? sizeof s->stream : 0;
    big_endian_put(key, s->stream, (uint32_t)size);
    big_endian_put(key + size, seq, sizeof seq);
    return size + sizeof seq;
}

/* Does the found key belong to this stream, and which position does it name? */
static bool read_key(const struct refold_stream *s, const uint8_t *found, size_t size,
                     uint64_t *seq)
{
    uint8_t key[KEY_BYTES_MAX];
    size_t key_size = make_key(s, 0, key);
    if (size != key_size || memcmp(found, key, key_size - sizeof *seq) != 0)
        return false;
    *seq = big_endian_get(found + key_size - sizeof *seq, sizeof *seq);
    return true;
}

static int fail(struct refold_stream *s, const char *fault)
{
    s->fault = fault;
    return ERR_CORRUPT;
}

/* The stored block at or before `seq`. ERR_NOT_FOUND. */
static int find_before(struct refold_stream *s, uint64_t seq, uint64_t *first,
                       const void **bytes, size_t *size)
{
    uint8_t key[KEY_BYTES_MAX];
    const void *found;
    size_t found_size, key_size = make_key(s, seq, key);
    int error = journal_seek_back(s->journal, s->table, key, key_size, &found,
                                  &found_size, bytes, size);
    if (error == ERR_NOT_FOUND && s->archive != NULL)
        return stream_archive_get(s->archive, seq, first, bytes, size);
    if (error == 0 && !read_key(s, found, found_size, first))
        error = ERR_NOT_FOUND;
    return error;
}

/* Where the stream ends, as its last block says. A damaged one counts as a record: the
 * walk will find what is wrong with it. */
static int find_end(struct refold_stream *s)
{
    const void *bytes;
    size_t size, used;
    uint64_t first;
    struct block block;
    int error = find_before(s, UINT64_MAX, &first, &bytes, &size);
    if (error != 0)
        return error;
    bool fits = block_open(&block, bytes, size, &used) == 0 && block.first_seq == first;
    s->end = first + (fits ? block.count : 1);
    return 0;
}

/* The log's owner has noted where its old blocks are, if it moves them. Opened after the
 * journal was read: what is not in the one is in the other. */
static int open_archive(struct refold_stream *s)
{
    const void *found;
    size_t size;
    char path[4096];
    if (s->table != JOURNAL_LOG)
        return 0;
    int error = journal_get(s->journal, JOURNAL_META, SERVICE_ARCHIVE_ROW,
                            strlen(SERVICE_ARCHIVE_ROW), &found, &size);
    if (error != 0 || size >= sizeof path)
        return error == ERR_NOT_FOUND ? 0 : error != 0 ? error : ERR_CORRUPT;
    memcpy(path, found, size);
    path[size] = 0;
    error = stream_archive_open(
        &s->archive, &(struct stream_archive_options){.path = path, .read_only = true});
    if (error == ERR_NOT_FOUND)
        return 0; /* never needed, or the walk will miss it */
    if (error != 0)
        s->fault = "archive";
    return error;
}

/* What the reader of a derived stream has may be pruned: it begins at the first block
 * there is, and with its chain. */
static int find_start(struct refold_stream *s)
{
    uint8_t key[KEY_BYTES_MAX];
    const void *found, *bytes;
    size_t found_size, size, key_size = make_key(s, 0, key);
    if (s->table != JOURNAL_EMIT)
        return 0;
    int error = journal_seek(s->journal, s->table, key, key_size, &found, &found_size,
                             &bytes, &size);
    if (error == 0 && !read_key(s, found, found_size, &s->next))
        error = ERR_NOT_FOUND;
    s->takes_chain = s->next > 1;
    return error;
}

int refold_stream_open(struct refold_stream *s, struct journal *journal, uint32_t table,
                       uint32_t stream)
{
    *s = (struct refold_stream){
        .journal = journal, .table = table, .stream = stream, .next = 1, .end = 1};
    int error = find_end(s);
    if (error == 0)
        error = find_start(s);
    if (error == 0)
        error = open_archive(s);
    if (error != 0)
        return error;
    s->block_bytes = malloc(REFOLD_STREAM_BLOCK_MAX);
    return s->block_bytes == NULL ? ERR_MEMORY : 0;
}

void refold_stream_close(struct refold_stream *s)
{
    free(s->block_bytes);
    s->block_bytes = NULL;
    stream_archive_close(&s->archive);
}

static int open_bytes(struct refold_stream *s, const void *bytes, size_t size)
{
    size_t used;
    if (size > REFOLD_STREAM_BLOCK_MAX)
        return fail(s, "size");
    memcpy(s->block_bytes, bytes, size);
    int error = block_open(&s->block, s->block_bytes, size, &used);
    if (error == PACK_CORRUPT)
        return fail(s, "crc");
    if (error == PACK_VERSION)
        return fail(s, "version");
    if (error != 0 || used != size || s->block.count == 0)
        return fail(s, "block");
    return s->block.stream == s->stream ? 0 : fail(s, "stream");
}

/* A derived stream's chain is 16 bytes; the rest is zeros. */
static int open_next(struct refold_stream *s)
{
    uint8_t key[KEY_BYTES_MAX];
    const void *bytes;
    size_t size, key_size = make_key(s, s->next, key);
    int error = journal_get(s->journal, s->table, key, key_size, &bytes, &size);
    if (error == ERR_NOT_FOUND && s->archive != NULL)
        error = stream_archive_get(s->archive, s->next, &(uint64_t){0}, &bytes, &size);
    if (error != 0)
        return error == ERR_NOT_FOUND ? fail(s, "gap") : error;
    error = open_bytes(s, bytes, size);
    if (error != 0)
        return error;
    if (s->block.first_seq != s->next)
        return fail(s, "position");
    if (s->takes_chain)
        memcpy(s->chain, s->block.chain, sizeof s->chain);
    s->takes_chain = false;
    if (memcmp(s->block.chain, s->chain, sizeof s->chain) != 0)
        return fail(s, "chain");
    if (s->stream == STREAM_LOG && s->block.time_ns <= s->time_ns)
        return fail(s, "time");
    s->is_in_block = true;
    s->blocks++;
    s->bytes += size;
    return 0;
}

int refold_stream_next(struct refold_stream *s, struct block_record *record)
{
    if (s->next == s->end)
        return 0;
    if (!s->is_in_block) {
        int error = open_next(s);
        if (error != 0)
            return error;
    }
    if (!block_next(&s->block, record) || record->seq != s->next)
        return fail(s, "records");
    s->next++;
    if (s->stream == STREAM_LOG)
        s->time_ns = record->time_ns;
    if (s->next == s->block.first_seq + s->block.count) {
        block_chain(&s->block, s->chain);
        s->is_in_block = false;
    }
    return 1;
}

int refold_stream_seek(struct refold_stream *s, uint64_t seq)
{
    const void *bytes;
    size_t size;
    uint64_t first;
    int error = find_before(s, seq, &first, &bytes, &size);
    if (error != 0)
        return error;
    s->next = first;
    error = open_bytes(s, bytes, size);
    if (error != 0)
        return error;
    s->takes_chain = true;
    s->time_ns = 0;
    return 0;
}
