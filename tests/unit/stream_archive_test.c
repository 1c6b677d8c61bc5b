/* stream_archive_test.c - blocks in files: written, found again, torn, damaged. */
#include "common/stream_archive.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/service_archive.h"
#include "common/stream_publisher.h"
#include "deploy/cli/refold_stream.h"
#include "proto/big_endian.h"
#include "proto/block.h"
#include "proto/codec.h"
#include "tests/unit/unit.h"

enum { FRAMES = 4 << 20, BLOCKS = 40, RECORDS = 3, SEGMENT = 700 };

static char directory[] = "/tmp/zex-archive-test-XXXXXX";
static char archive_path[80];
static struct journal *journal;
static struct stream_publisher publisher;
static struct stream_archive *archive;
static uint8_t *memory;
static uint8_t frame[STREAM_FRAME_BYTES];

static void shell(const char *format, const char *path)
{
    char command[200];
    snprintf(command, sizeof command, format, path);
    assert_int_equal(system(command), 0);
}

static int open_archive(bool read_only)
{
    struct stream_archive_options options = {
        .path = archive_path, .segment_bytes = SEGMENT, .read_only = read_only};
    return stream_archive_open(&archive, &options);
}

static void reopen(void)
{
    stream_archive_close(&archive);
    assert_int_equal(open_archive(false), 0);
}

/* A log of BLOCKS blocks in a journal, and an empty archive. */
static int begin(void **state)
{
    (void)state;
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(directory));
    snprintf(archive_path, sizeof archive_path, "%s/archive", directory);
    struct journal_options options = {.path = directory, .map_bytes = 64u << 20};
    assert_int_equal(journal_open(&journal, &options), 0);
    memory = malloc(stream_publisher_size(FRAMES));
    assert_non_null(memory);
    stream_publisher_init(&publisher, STREAM_LOG, journal, memory,
                          stream_publisher_size(FRAMES));
    for (uint64_t i = 0; i < BLOCKS; i++) {
        for (uint8_t r = 1; r <= RECORDS; r++)
            stream_publisher_add_log(&publisher, 7, publisher.next, (uint8_t[]){0x91, r},
                                     2);
        assert_int_equal(stream_publisher_cut(&publisher, 1 + 100 * i), 0);
    }
    assert_int_equal(journal_commit(journal), 0);
    assert_int_equal(open_archive(false), 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    stream_archive_close(&archive);
    journal_close(&journal);
    free(memory);
    shell("rm -rf %s", directory);
    return 0;
}

static void get_block(uint64_t first, struct block *block)
{
    uint8_t key[8];
    const void *bytes;
    size_t size, used;
    big_endian_put(key, first, sizeof key);
    assert_int_equal(journal_get(journal, JOURNAL_LOG, key, 8, &bytes, &size), 0);
    assert_int_equal(block_open(block, bytes, size, &used), 0);
}

/* The next `count` blocks. */
static void copy(uint32_t count, bool synced)
{
    for (uint32_t i = 0; i < count; i++) {
        struct block block;
        get_block(stream_archive_next(archive), &block);
        assert_int_equal(stream_archive_append(archive, &block), 0);
        if (synced)
            assert_int_equal(stream_archive_sync(archive), 0);
    }
}

static void delete_below(uint64_t seq)
{
    uint8_t key[8];
    for (uint64_t first = 1; first < seq; first += RECORDS) {
        big_endian_put(key, first, sizeof key);
        assert_int_equal(journal_del(journal, JOURNAL_LOG, key, 8), 0);
    }
    assert_int_equal(journal_commit(journal), 0);
}

/* Every record below `next` is found, in the bytes of the journal. */
static void assert_whole(uint64_t next)
{
    assert_int_equal(stream_archive_next(archive), next);
    for (uint64_t seq = 1; seq < next; seq++) {
        uint64_t first = 0;
        const void *bytes;
        size_t size;
        struct block block;
        assert_int_equal(stream_archive_get(archive, seq, &first, &bytes, &size), 0);
        assert_int_equal(first, seq - (seq - 1) % RECORDS);
        get_block(first, &block);
        assert_int_equal(size, block.size);
        assert_memory_equal(bytes, block.bytes, size);
    }
}

/* The use: append, sync, and find again, also after a restart, over several segments. */
static void written_and_found(void **state)
{
    (void)state;
    uint64_t first;
    const void *bytes;
    size_t size;
    assert_int_equal(stream_archive_next(archive), 1);
    assert_int_equal(stream_archive_get(archive, 1, &first, &bytes, &size),
                     ERR_NOT_FOUND);
    copy(30, true);
    assert_whole(91);
    assert_int_equal(stream_archive_get(archive, 91, &first, &bytes, &size),
                     ERR_NOT_FOUND);
    reopen();
    assert_whole(91);
    copy(5, true);
    shell("test $(ls %s/archive/*.log | wc -l) -gt 3", directory);
    shell("rm %s/archive/*.index", directory); /* they only save time */
    reopen();
    assert_whole(106);
    shell("test $(ls %s/archive/*.index | wc -l) -gt 2", directory);
    stream_archive_close(&archive);
    assert_int_equal(open_archive(true), 0);
    assert_whole(106);
}

/* Another log's block, one too many, one too few: not the next one. */
static void only_the_next_block(void **state)
{
    (void)state;
    struct block block;
    copy(2, true);
    get_block(4, &block);
    assert_int_equal(stream_archive_append(archive, &block), ERR_DIVERGED);
    get_block(10, &block);
    assert_int_equal(stream_archive_append(archive, &block), ERR_DIVERGED);
    get_block(7, &block);
    block.chain[5] ^= 1;
    assert_int_equal(stream_archive_append(archive, &block), ERR_DIVERGED);
    assert_whole(7);
}

static const char *last_segment(void)
{
    static char path[200];
    char command[120];
    snprintf(command, sizeof command, "ls %s/*.log | tail -1", archive_path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    assert_non_null(fgets(path, sizeof path, pipe));
    pclose(pipe);
    path[strcspn(path, "\n")] = 0;
    return path;
}

/* A crash in the middle of a write, at each byte of the last block: half a block is not
 * there, and the next append cuts it off. */
static void a_torn_tail_is_cut(void **state)
{
    (void)state;
    struct block block;
    copy(16, true);
    get_block(stream_archive_next(archive) - RECORDS, &block);
    for (size_t cut = 1; cut <= block.size; cut++) {
        char command[200];
        stream_archive_close(&archive);
        snprintf(command, sizeof command, "truncate -s -%zu %%s", cut);
        shell(command, last_segment());
        assert_int_equal(open_archive(false), 0);
        assert_whole(46);
        copy(1, false);
        assert_whole(49);
        reopen();
        assert_whole(49);
    }
    stream_archive_close(&archive);
    shell("truncate -s 0 %s", last_segment()); /* a name, and nothing behind it */
    assert_int_equal(open_archive(false), 0);
    uint64_t next = stream_archive_next(archive);
    assert_whole(next);
    copy(3, true);
    assert_whole(next + 9);
}

static int fetch(uint64_t next, const uint8_t *chain, size_t *size)
{
    struct msg_fetch m = {.next = next, .bytes_max = STREAM_FRAME_BYTES};
    memcpy(m.chain, chain, STREAM_CHAIN);
    return stream_publisher_fetch(&publisher, &m, frame, sizeof frame, size);
}

/* One answer goes on from the archive into the journal; a consumer is judged by a block
 * that is archived as by any other. */
static void a_fetch_crosses_the_border(void **state)
{
    (void)state;
    struct msg msg;
    struct block block;
    size_t size = 0, at = 0, used;
    uint64_t next = 1;
    uint8_t chain[STREAM_CHAIN] = {0};
    copy(25, true);
    delete_below(61); /* some are in both */
    publisher.archive = archive;
    assert_int_equal(fetch(1, chain, &size), 0);
    assert_int_equal(codec_decode(frame, size, &msg, &at), 0);
    for (; at < size; at += used) {
        assert_int_equal(block_open(&block, frame + at, size - at, &used), 0);
        assert_int_equal(block.first_seq, next);
        assert_memory_equal(block.chain, chain, STREAM_CHAIN);
        next += block.count;
        block_chain(&block, chain);
    }
    assert_int_equal(next, publisher.next);
    assert_int_equal(stream_publisher_chain(&publisher, 31, chain), 0);
    assert_int_equal(stream_publisher_judge(&publisher, 31, chain), 0);
    assert_int_equal(stream_publisher_judge(&publisher, 34, chain), ERR_DIVERGED);
    assert_int_equal(stream_publisher_judge(&publisher, 32, chain), ERR_DIVERGED);
    publisher.archive = NULL;
    assert_int_equal(fetch(1, chain, &size), ERR_DIVERGED); /* nothing is known of 1 */
}

static void flip(const char *path, long at)
{
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, at, SEEK_SET), 0);
    int byte = fgetc(file);
    assert_true(byte != EOF);
    fseek(file, at, SEEK_SET);
    fputc(byte ^ 0x20, file);
    fclose(file);
}

/* As the tools do: archive and journal, one record after the other. */
static int walk(uint64_t *where)
{
    struct refold_stream log;
    struct block_record record;
    int more = refold_stream_open(&log, journal, JOURNAL_LOG, STREAM_LOG);
    while (more >= 0 && (more = refold_stream_next(&log, &record)) == 1)
        continue;
    *where = log.next;
    refold_stream_close(&log);
    return more;
}

static void a_flipped_byte_is_found(void **state)
{
    (void)state;
    char path[120];
    uint64_t where = 0;
    size_t size = 0;
    uint8_t chain[STREAM_CHAIN] = {0};
    copy(25, true);
    delete_below(76);
    assert_int_equal(journal_put(journal, JOURNAL_META, SERVICE_ARCHIVE_ROW,
                                 strlen(SERVICE_ARCHIVE_ROW), archive_path,
                                 strlen(archive_path)),
                     0);
    assert_int_equal(journal_commit(journal), 0);
    assert_int_equal(walk(&where), 0);
    assert_int_equal(where, publisher.next);
    snprintf(path, sizeof path, "%s/%020d.log", archive_path, 1);
    publisher.archive = archive;
    for (long at = 0; at < SEGMENT; at += 13) {
        flip(path, at);
        assert_int_equal(walk(&where), ERR_CORRUPT);
        assert_true(where < 40);
        assert_int_equal(fetch(1, chain, &size), ERR_CORRUPT);
        flip(path, at);
    }
    assert_int_equal(walk(&where), 0);
    flip(last_segment(), 50); /* the owner would not start; tools say what it is */
    stream_archive_close(&archive);
    assert_int_equal(walk(&where), ERR_CORRUPT);
    assert_true(where > 40 && where < 76);
    flip(last_segment(), 50);
    assert_int_equal(open_archive(false), 0);
    for (long at = 0; at < 24; at++) { /* an index that is wrong is no harm, or is seen */
        char index[120];
        snprintf(index, sizeof index, "%s/%020d.index", archive_path, 1);
        flip(index, at);
        reopen();
        publisher.archive = archive;
        int error = walk(&where);
        assert_true(error == 0 || error == ERR_CORRUPT);
        error = fetch(1, chain, &size);
        assert_true(error == 0 || error == ERR_CORRUPT || error == ERR_DIVERGED);
        shell("rm -f %s/archive/*.index", directory);
        reopen();
        publisher.archive = archive;
        assert_int_equal(walk(&where), 0);
        assert_int_equal(fetch(1, chain, &size), 0); /* the owner makes it again */
    }
}

/* An index is not synced: a power cut may leave any part of it. */
static void a_shortened_index_is_no_harm(void **state)
{
    (void)state;
    char index[120];
    copy(30, true);
    snprintf(index, sizeof index, "%s/%020d.index", archive_path, 1);
    for (int bytes = 0; bytes < 3 * 16; bytes += 8) {
        assert_int_equal(truncate(index, bytes), 0);
        reopen();
        assert_whole(91);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(written_and_found, begin, end),
        cmocka_unit_test_setup_teardown(only_the_next_block, begin, end),
        cmocka_unit_test_setup_teardown(a_torn_tail_is_cut, begin, end),
        cmocka_unit_test_setup_teardown(a_fetch_crosses_the_border, begin, end),
        cmocka_unit_test_setup_teardown(a_flipped_byte_is_found, begin, end),
        cmocka_unit_test_setup_teardown(a_shortened_index_is_no_harm, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
