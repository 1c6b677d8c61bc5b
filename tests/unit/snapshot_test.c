/* snapshot_test.c - what was written is read, however cut; the file stays small. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/error.h"
#include "common/journal.h"
#include "common/random.h"
#include "common/snapshot.h"
#include "proto/big_endian.h"
#include "tests/unit/tree.h"

enum {
    STATE_BYTES = 800000,
    ID_BYTES = 8,
    KEY_BYTES = 12,
    FORMER_BYTES = 1 << 17, /* what chunks once had */
};

struct fixture {
    char directory[64];
    struct journal *journal;
    struct random random;
    uint64_t next, oldest; /* rows of the log */
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->directory, sizeof f->directory, "/tmp/zex-snapshot-XXXXXX");
    if (!mkdtemp(f->directory))
        return -1;
    random_init(&f->random, 1);
    *state = f;
    const struct journal_options options = {.path = f->directory,
                                            .map_bytes = UINT64_C(1) << 30};
    return journal_open(&f->journal, &options);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    journal_close(&f->journal);
    tree_remove(f->directory);
    free(f);
    return 0;
}

/* ---- a service that does nothing else ---------------------------------------------- */

static void fill(uint8_t *bytes, size_t size, uint64_t id)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 7 + i / SNAPSHOT_CHUNK_BYTES + id);
}

static void begin(struct snapshot *snapshot, uint64_t id, size_t size)
{
    assert_int_equal(snapshot_reserve(snapshot, size, false), 0);
    fill(snapshot->bytes, size, id);
    snapshot_made(snapshot, size);
    snapshot_begin(snapshot, id);
}

static void step(struct snapshot *snapshot, struct journal *journal)
{
    assert_in_range(snapshot_step(snapshot, journal), 0, 1);
    assert_int_equal(journal_commit(journal), 0);
}

static void write_whole(struct fixture *f, uint64_t id, size_t size)
{
    struct snapshot snapshot = {0};
    for (begin(&snapshot, id, size); snapshot.phase != SNAPSHOT_IDLE;)
        step(&snapshot, f->journal);
}

static void assert_loads(struct fixture *f, uint64_t before, uint64_t id, size_t size)
{
    struct snapshot snapshot = {0};
    uint8_t *expected = malloc(size);
    assert_non_null(expected);
    assert_int_equal(snapshot_load(&snapshot, f->journal, before), 0);
    assert_int_equal(snapshot.id, id);
    assert_int_equal(snapshot.size, size);
    fill(expected, size, id);
    assert_memory_equal(snapshot.bytes, expected, size);
    snapshot_release(&snapshot);
    free(expected);
}

/* ---- tests ------------------------------------------------------------------------- */

static void snapshot_in_use(void **state)
{
    struct fixture *f = *state;
    struct snapshot none = {0};
    assert_int_equal(snapshot_load(&none, f->journal, UINT64_MAX), ERR_NOT_FOUND);
    for (uint64_t id = 10; id <= 50; id += 10)
        write_whole(f, id, id == 40 ? 1 : STATE_BYTES + id);
    assert_loads(f, UINT64_MAX, 50, STATE_BYTES + 50);
    assert_loads(f, 50, 40, 1);
    assert_int_equal(snapshot_load(&none, f->journal, 40),
                     ERR_NOT_FOUND); /* two are kept */
    assert_int_equal(journal_put(f->journal, JOURNAL_SNAPSHOT,
                                 "\0\0\0\0\0\0\0\x32\0\0\0\x01", KEY_BYTES, "?", 1),
                     0);
    assert_int_equal(snapshot_load(&none, f->journal, UINT64_MAX), ERR_CORRUPT);
    assert_int_equal(none.id, 50);
    snapshot_release(&none);
    assert_loads(f, 50, 40, 1);
}

/* Volumes have such from before. */
static void larger_chunks_are_read(void **state)
{
    struct fixture *f = *state;
    static uint8_t bytes[STATE_BYTES];
    uint8_t key[KEY_BYTES];
    const uint64_t id = 3;
    write_whole(f, id, STATE_BYTES);
    fill(bytes, STATE_BYTES, id);
    big_endian_put(key, id, ID_BYTES);
    for (uint32_t i = 0;
         i < (STATE_BYTES + SNAPSHOT_CHUNK_BYTES - 1) / SNAPSHOT_CHUNK_BYTES; i++) {
        big_endian_put(key + ID_BYTES, i, 4);
        assert_int_equal(journal_del(f->journal, JOURNAL_SNAPSHOT, key, KEY_BYTES), 0);
    }
    for (uint32_t i = 0; i * FORMER_BYTES < STATE_BYTES; i++) {
        const size_t at = (size_t)i * FORMER_BYTES, left = STATE_BYTES - at;
        big_endian_put(key + ID_BYTES, i, 4);
        assert_int_equal(journal_put(f->journal, JOURNAL_SNAPSHOT, key, KEY_BYTES,
                                     bytes + at,
                                     left < FORMER_BYTES ? left : FORMER_BYTES),
                         0);
    }
    assert_loads(f, UINT64_MAX, id, STATE_BYTES);
}

/* A commit of ten small rows of a log that keeps 14,000 of them. */
static void go_on(struct fixture *f)
{
    static const uint8_t row[600];
    uint8_t key[ID_BYTES];
    for (uint32_t i = 0; i < 10; i++) {
        big_endian_put(key, f->next++, ID_BYTES);
        assert_int_equal(journal_put(f->journal, JOURNAL_LOG, key, sizeof key, row,
                                     (size_t)random_between(&f->random, 100, 600)),
                         0);
    }
    for (uint32_t i = 0; i < 12 && f->oldest + 14000 < f->next; i++) {
        big_endian_put(key, f->oldest++, ID_BYTES);
        assert_int_equal(journal_del(f->journal, JOURNAL_LOG, key, sizeof key), 0);
    }
}

/* A snapshot every 300 commits finds room in what others left, in however many pieces. */
static void file_stays_small(void **state)
{
    struct fixture *f = *state;
    char path[96];
    struct stat file, later;
    snprintf(path, sizeof path, "%s/data.mdb", f->directory);
    for (uint64_t id = 1; id <= 40; id++) {
        struct snapshot snapshot = {0};
        begin(&snapshot, id,
              (size_t)random_between(&f->random, STATE_BYTES, STATE_BYTES * 6 / 5));
        for (uint32_t i = 0; i < 300; i++) {
            go_on(f);
            step(&snapshot, f->journal);
        }
        assert_int_equal(snapshot.phase, SNAPSHOT_IDLE);
        assert_int_equal(stat(path, id <= 10 ? &file : &later), 0);
    }
    print_message("%lld bytes after 10 snapshots, %lld after 40\n",
                  (long long)file.st_size, (long long)later.st_size);
    assert_true(later.st_size < file.st_size + file.st_size / 5);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(snapshot_in_use),
        TEST(larger_chunks_are_read),
        TEST(file_stays_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
