/* service_archive.c - see service_archive.h. */
#include "common/service_archive.h"

#include <stdlib.h>
#include <string.h>

#include "common/ablate.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/fault.h"
#include "common/service_instance.h"
#include "common/service_log.h"
#include "common/stream_archive.h"
#include "proto/big_endian.h"
#include "proto/block.h"

#define REST_NS     (1000 * STREAM_MS) /* between rounds that found little */
#define SETTLE_NS   (250 * STREAM_MS)
#define ROUND_BYTES (4u << 20)

enum { KEY_BYTES = 8 };

/* The first block of the journal that begins at `seq` or later. */
static int find_block(const struct service_instance *s, uint64_t seq, uint64_t *first,
                      const void **bytes, size_t *size)
{
    uint8_t key[KEY_BYTES];
    const void *found;
    size_t found_size;
    big_endian_put(key, seq, sizeof key);
    int error = journal_seek(s->journal, JOURNAL_LOG, key, sizeof key, &found,
                             &found_size, bytes, size);
    if (error == 0 && found_size != KEY_BYTES)
        return ERR_CORRUPT;
    if (error == 0)
        *first = big_endian_get(found, KEY_BYTES);
    return error;
}

/* ---- opening ----------------------------------------------------------------------- */

/* Where the archive ends, the journal goes on. The last block is never moved, so there is
 * one. */
static int judge(const struct service_instance *s, uint64_t journal_first)
{
    const struct stream_archive *files = s->archive.files;
    uint64_t end = files != NULL ? stream_archive_next(files) : 1, first = 0;
    const void *bytes;
    size_t size, used;
    struct block block;
    if (end < journal_first)
        return ERR_CORRUPT; /* what lies between is lost, or its file damaged */
    int error = find_block(s, end, &first, &bytes, &size);
    if (error == ERR_NOT_FOUND || (error == 0 && first != end))
        return ERR_DIVERGED;
    if (error != 0 || files == NULL)
        return error;
    if (block_open(&block, bytes, size, &used) != 0)
        return ERR_CORRUPT;
    bool fits = memcmp(block.chain, stream_archive_chain(files), STREAM_CHAIN) == 0;
    return fits ? 0 : ERR_DIVERGED;
}

static int tell_tools(const struct service_instance *s)
{
    char *path = realpath(s->options.archive_path, NULL);
    int error = path == NULL
                    ? ERR_DATA_DIR
                    : journal_put(s->journal, JOURNAL_META, SERVICE_ARCHIVE_ROW,
                                  strlen(SERVICE_ARCHIVE_ROW), path, strlen(path));
    free(path);
    return error != 0 ? error : journal_commit(s->journal);
}

int service_archive_open(struct service_instance *s)
{
    struct stream_archive_options options = {.path = s->options.archive_path,
                                             .segment_bytes =
                                                 s->options.archive_segment_bytes};
    uint64_t first = 0;
    const void *bytes;
    size_t size;
    int error = find_block(s, 0, &first, &bytes, &size);
    if (error == 0 && options.path != NULL)
        error = stream_archive_open(&s->archive.files, &options);
    if (error == 0)
        error = judge(s, first);
    if (error == 0 && options.path != NULL)
        error = tell_tools(s);
    if (error != 0)
        service_log(s, SERVICE_LOG_ERROR, "archive",
                    "path=%s archived=%" PRIu64 " journal=%" PRIu64 " error=%s",
                    options.path != NULL ? options.path : "none",
                    s->archive.files != NULL ? stream_archive_next(s->archive.files) : 0,
                    first, error_name(error));
    return error;
}

/* ---- rounds ------------------------------------------------------------------------ */

/* Where the oldest snapshot stands; 1 without one. */
static uint64_t oldest_snapshot(const struct service_instance *s)
{
    static const uint8_t zero[1];
    const void *key, *value;
    size_t key_size, size;
    int error = journal_seek(s->journal, JOURNAL_SNAPSHOT, zero, sizeof zero, &key,
                             &key_size, &value, &size);
    return error == 0 && key_size >= KEY_BYTES ? big_endian_get(key, KEY_BYTES) : 1;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Records below this may leave the journal. */
static uint64_t find_limit(const struct service_instance *s)
{
    uint64_t next = s->publishers[0].next, keep = s->options.archive_keep_records;
    if (s->kind->core->read_by_all == NULL || next <= keep)
        return 1;
    return least(next - keep,
                 least(oldest_snapshot(s), s->kind->core->read_by_all(s->state)));
}

static void rest(struct service_instance *s, uint64_t for_ns)
{
    s->archive.phase = SERVICE_ARCHIVE_RESTING;
    s->archive.due_ns = s->now.mono_ns + for_ns;
}

static int begin(struct service_instance *s)
{
    struct service_archive *a = &s->archive;
    a->until = find_limit(s);
    a->copied = 0;
    a->phase = SERVICE_ARCHIVE_COPYING;
    return 0;
}

/* A block is archived as it was checked here, crc and chain. */
static int copy_block(struct service_instance *s, const void *bytes, size_t size)
{
    struct block block;
    size_t used;
    if (block_open(&block, bytes, size, &used) != 0 || used != size)
        return ERR_CORRUPT;
    if (block.first_seq + block.count > s->archive.until)
        return ERR_NOT_FOUND;
    s->archive.copied += size;
    return stream_archive_append(s->archive.files, &block);
}

static int copy(struct service_instance *s)
{
    struct service_archive *a = &s->archive;
    uint64_t before = a->copied, first;
    const void *bytes;
    size_t size;
    int error = 0;
    while (error == 0 && a->copied < ROUND_BYTES &&
           a->copied - before < SERVICE_ARCHIVE_TURN_BYTES &&
           (a->copied == before || !FAULT(ARCHIVE_SHORT))) {
        uint64_t next = stream_archive_next(a->files);
        error = find_block(s, next, &first, &bytes, &size);
        if (error == 0)
            error = first == next ? copy_block(s, bytes, size) : ERR_CORRUPT;
    }
    stream_archive_flush(a->files);
    if (error == ERR_NOT_FOUND || a->copied >= ROUND_BYTES) {
        a->phase = SERVICE_ARCHIVE_SETTLING;
        a->due_ns = s->now.mono_ns + SETTLE_NS;
        return 0;
    }
    return error;
}

static int settle(struct service_instance *s)
{
    int error = ABLATE(DELETE_UNSYNCED) ? 0 : stream_archive_sync(s->archive.files);
    s->archive.phase = SERVICE_ARCHIVE_DELETING;
    metrics_set(&s->metrics, METRICS_archived_gseq,
                stream_archive_next(s->archive.files) - 1);
    return error;
}

static int delete (struct service_instance *s)
{
    uint64_t below = least(s->archive.until, stream_archive_next(s->archive.files));
    int blocks =
        stream_publisher_prune(&s->publishers[0], below, SERVICE_ARCHIVE_TURN_BLOCKS);
    if (blocks >= 0 && blocks < SERVICE_ARCHIVE_TURN_BLOCKS)
        rest(s, s->archive.copied >= ROUND_BYTES ? 0 : REST_NS);
    return blocks < 0 ? blocks : 0;
}

void service_archive_turn(struct service_instance *s)
{
    static int (*const steps[])(struct service_instance *) = {
        [SERVICE_ARCHIVE_RESTING] = begin,
        [SERVICE_ARCHIVE_COPYING] = copy,
        [SERVICE_ARCHIVE_SETTLING] = settle,
        [SERVICE_ARCHIVE_DELETING] = delete,
    };
    struct service_archive *a = &s->archive;
    if (a->files == NULL || a->phase == SERVICE_ARCHIVE_OFF ||
        (s->now.mono_ns < a->due_ns && !FAULT(ARCHIVE_NOW)))
        return;
    uint64_t begin_ns = clock_mono_ns();
    int error = steps[a->phase](s);
    metrics_observe(&s->metrics, METRICS_archive, clock_mono_ns() - begin_ns);
    if (error == 0)
        return;
    a->phase = SERVICE_ARCHIVE_OFF;
    service_log(s, SERVICE_LOG_ERROR, "archive", "stopped at=%" PRIu64 " error=%s",
                stream_archive_next(a->files), error_name(error));
}
