/* journal_page_test.c - damaged pages are found before LMDB believes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/journal.h"
#include "common/random.h"
#include "tests/unit/tree.h"
#include "tests/unit/unit.h"

enum {
    PAGE = 4096,
    PAGES_MAX = 4096,
    TABLES = 4,
    KEYS = 300,
    VALUE_MAX = 20000,
    COMMITS = 60,
    CHANGES = 40,
    SWAPS = 2000,
    CHECKS = 2000,
};

struct fixture {
    char directory[64], file[80];
    struct journal *journal;
    uint8_t pages[PAGES_MAX][PAGE];
    uint32_t page_count;
};

static int open_journal(struct fixture *f, bool read_only)
{
    return journal_open(&f->journal,
                        &(struct journal_options){.path = f->directory,
                                                  .map_bytes = UINT64_C(1) << 26,
                                                  .read_only = read_only});
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL)
        return -1;
    memcpy(f->directory, "/tmp/zex-pages-XXXXXX", sizeof "/tmp/zex-pages-XXXXXX");
    if (mkdtemp(f->directory) == NULL)
        return -1;
    snprintf(f->file, sizeof f->file, "%s/data.mdb", f->directory);
    *state = f;
    return open_journal(f, false);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    journal_close(&f->journal);
    tree_remove(f->directory);
    free(f);
    return 0;
}

/* Small and large values come, change and go: there are free pages of all ages. */
static void change_at_random(struct fixture *f, uint64_t seed)
{
    static uint8_t value[VALUE_MAX];
    struct random random;
    random_init(&random, seed);
    for (uint32_t i = 0; i < COMMITS * CHANGES; i++) {
        uint32_t table = JOURNAL_ROWS + (uint32_t)random_below(&random, TABLES);
        uint32_t key = (uint32_t)random_below(&random, KEYS);
        size_t size = random_below(&random, random_below(&random, 4) ? 200 : VALUE_MAX);
        memset(value, (int)key, size);
        int error = random_below(&random, 3) == 0
                        ? journal_del(f->journal, table, &key, sizeof key)
                        : journal_put(f->journal, table, &key, sizeof key, value, size);
        assert_true(error == 0 || error == ERR_NOT_FOUND);
        if (i % CHANGES == 0)
            assert_int_equal(journal_commit(f->journal), 0);
    }
    assert_int_equal(journal_commit(f->journal), 0);
}

static void read_pages(struct fixture *f)
{
    int file = open(f->file, O_RDONLY);
    assert_true(file >= 0);
    ssize_t size = read(file, f->pages, sizeof f->pages);
    close(file);
    assert_true(size > 0 && size < (ssize_t)sizeof f->pages);
    f->page_count = (uint32_t)(size / PAGE);
}

static void write_page(const struct fixture *f, uint32_t at, const uint8_t page[PAGE])
{
    int file = open(f->file, O_WRONLY);
    assert_true(file >= 0);
    assert_int_equal(pwrite(file, page, PAGE, (off_t)at * PAGE), PAGE);
    close(file);
}

/* The page as it was read, but for one bit of a number in it. */
static void write_flipped(const struct fixture *f, uint32_t at, uint32_t number_at,
                          uint32_t bit)
{
    uint8_t page[PAGE];
    memcpy(page, f->pages[at], PAGE);
    page[number_at + bit / 8] ^= (uint8_t)(1 << bit % 8);
    write_page(f, at, page);
}

static int check(struct fixture *f)
{
    int error = open_journal(f, true);
    journal_close(&f->journal);
    return error;
}

/* A journal is good at every commit, however it came to be. */
static void what_lmdb_writes_is_good(void **state)
{
    struct fixture *f = *state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        change_at_random(f, seed);
        journal_close(&f->journal);
        int error = check(f);
        if (error != 0)
            fail_msg("seed %" PRIu64 ": %s", seed, error_name(error));
        assert_int_equal(open_journal(f, false), 0);
    }
}

static void write_on(const char *path)
{
    struct journal *journal = NULL;
    int error = journal_open(&journal, &(struct journal_options){
                                           .path = path, .map_bytes = UINT64_C(1) << 26});
    for (uint64_t i = 0; error == 0; i++) {
        uint64_t key = i % KEYS;
        error = journal_put(journal, JOURNAL_ROWS, &key, sizeof key, &i, sizeof i);
        if (error == 0)
            error = journal_commit(journal);
    }
    _exit(1);
}

/* The writer's commits soon take the place of the one that is looked at. */
static void a_journal_that_is_written_is_good(void **state)
{
    struct fixture *f = *state;
    journal_close(&f->journal);
    pid_t writer = fork();
    if (writer == 0)
        write_on(f->directory);
    assert_true(writer > 0);
    for (uint32_t i = 0; i < CHECKS; i++) {
        int error = check(f);
        if (error != 0)
            kill(writer, SIGKILL);
        assert_int_equal(error, 0);
    }
    assert_int_equal(waitpid(writer, NULL, WNOHANG), 0); /* it was there to the end */
    kill(writer, SIGKILL);
    assert_int_equal(waitpid(writer, NULL, 0), writer);
}

/* Which pages hold something is found by zeroing each; a journal of which one of them is
 * another is never taken. All of this would end in LMDB, or not at all, otherwise. */
static void a_page_in_the_place_of_another_is_found(void **state)
{
    struct fixture *f = *state;
    bool is_used[PAGES_MAX] = {false};
    const uint8_t zeros[PAGE] = {0};
    struct random random;
    uint32_t used = 0;
    change_at_random(f, 1);
    journal_close(&f->journal);
    read_pages(f);
    for (uint32_t i = 0; i < f->page_count; i++) {
        write_page(f, i, zeros);
        is_used[i] = check(f) != 0;
        used += is_used[i];
        write_page(f, i, f->pages[i]);
    }
    assert_true(used > 20);
    assert_int_equal(check(f), 0);
    random_init(&random, 1);
    for (uint32_t i = 0; i < SWAPS; i++) {
        uint32_t a = (uint32_t)random_below(&random, f->page_count);
        uint32_t b = (uint32_t)random_below(&random, f->page_count);
        write_page(f, a, f->pages[b]);
        write_page(f, b, f->pages[a]);
        int error = check(f);
        bool is_other = memcmp(f->pages[a], f->pages[b], PAGE) != 0;
        if (is_other && (is_used[a] || is_used[b]) && error == 0)
            fail_msg("pages %" PRIu32 " and %" PRIu32, a, b);
        write_page(f, a, f->pages[a]);
        write_page(f, b, f->pages[b]);
    }
    assert_int_equal(check(f), 0);
}

/* The page a large value begins on: it alone is filled with that byte. */
static uint32_t find_value(const struct fixture *f, uint8_t fill)
{
    uint32_t found = 0;
    for (uint32_t i = 2; i < f->page_count && found == 0; i++)
        if (f->pages[i][16] == fill &&
            memcmp(f->pages[i] + 16, f->pages[i] + 17, PAGE - 17) == 0)
            found = i;
    assert_true(found > 0);
    return found;
}

/* LMDB would free as many pages as the damaged header of the value's first page says,
 * from the page on that it names: billions of them, or some that are in use. */
static void a_large_value_with_another_head_cannot_be_changed(void **state)
{
    static uint8_t value[3 * PAGE];
    struct fixture *f = *state;
    for (uint32_t fill = 1; fill <= 2; fill++) {
        memset(value, (int)fill, sizeof value);
        assert_int_equal(journal_put(f->journal, JOURNAL_ROWS, &fill, sizeof fill, value,
                                     sizeof value),
                         0);
    }
    assert_int_equal(journal_commit(f->journal), 0);
    journal_close(&f->journal);
    read_pages(f);
    uint32_t first = find_value(f, 1), second = find_value(f, 2), key = 1;
    for (uint32_t damage = 0; damage < 3; damage++) {
        uint8_t page[PAGE];
        memcpy(page, f->pages[damage == 0 ? second : first], PAGE);
        page[10] ^= damage == 1; /* flags */
        page[15] ^= damage == 2; /* count */
        write_page(f, first, page);
        for (uint32_t puts = 0; puts < 2; puts++) {
            assert_int_equal(open_journal(f, false), 0);
            int error =
                puts ? journal_put(f->journal, JOURNAL_ROWS, &key, sizeof key, "", 1)
                     : journal_del(f->journal, JOURNAL_ROWS, &key, sizeof key);
            assert_int_equal(error, ERR_CORRUPT);
            journal_close(&f->journal);
        }
    }
    write_page(f, first, f->pages[first]);
    assert_int_equal(open_journal(f, false), 0);
    assert_int_equal(journal_del(f->journal, JOURNAL_ROWS, &key, sizeof key), 0);
    assert_int_equal(journal_commit(f->journal), 0);
}

/* The page in which the only row of its table is. */
static uint32_t find_leaf(const struct fixture *f, const char *value)
{
    uint32_t found = 0;
    for (uint32_t i = 2; i < f->page_count; i++)
        if (memmem(f->pages[i], PAGE, value, strlen(value)) != NULL)
            found = i;
    assert_true(found > 0);
    return found;
}

/* As a page of a large value has it that was taken for one of a tree: keys of a fixed
 * size, which is 0, and 2^31 of them. LMDB's search of such a page has no end. */
static void a_search_ends_on_a_page_that_is_none(void **state)
{
    static const char value[] = "the only row";
    struct fixture *f = *state;
    const uint32_t key = 1;
    const void *found;
    size_t size;
    assert_int_equal(
        journal_put(f->journal, JOURNAL_ROWS, &key, sizeof key, value, sizeof value), 0);
    assert_int_equal(journal_commit(f->journal), 0);
    journal_close(&f->journal);
    read_pages(f);
    const uint32_t leaf = find_leaf(f, value);
    f->pages[leaf][10] |= 0x20; /* flags */
    memset(f->pages[leaf] + 12, 0, 2);
    write_page(f, leaf, f->pages[leaf]);
    assert_int_equal(open_journal(f, false), 0);
    assert_aborts({
        alarm(10);
        (void)journal_get(f->journal, JOURNAL_ROWS, &key, sizeof key, &found, &size);
    });
}

/* The first and the last of three leaves have changed places: what comes behind the one
 * in the middle lies before it, and who goes on from there walks in a circle. */
static void a_walk_ends_where_keys_do_not_ascend(void **state)
{
    static const uint8_t value[1500];
    struct fixture *f = *state;
    const void *found_key, *found;
    size_t found_size, size;
    for (uint8_t key = 10; key <= 60; key += 10) /* two on a page */
        assert_int_equal(
            journal_put(f->journal, JOURNAL_ROWS, &key, 1, value, sizeof value), 0);
    assert_int_equal(journal_commit(f->journal), 0);
    journal_close(&f->journal);
    read_pages(f);
    uint32_t leaves[3] = {0}, count = 0;
    for (uint32_t i = 2; i < f->page_count && count < 3; i++)
        if (f->pages[i][10] == 2 && memmem(f->pages[i], PAGE, value, 1000) != NULL &&
            f->pages[i][12] == 16 + 2 * 2)
            leaves[count++] = i;
    assert_int_equal(count, 3);
    write_page(f, leaves[0], f->pages[leaves[2]]);
    write_page(f, leaves[2], f->pages[leaves[0]]);
    assert_int_equal(open_journal(f, false), 0);
    const uint8_t last = 40, behind = 41;
    assert_int_equal(journal_seek(f->journal, JOURNAL_ROWS, &last, 1, &found_key,
                                  &found_size, &found, &size),
                     0);
    assert_int_equal(journal_seek(f->journal, JOURNAL_ROWS, &behind, 1, &found_key,
                                  &found_size, &found, &size),
                     ERR_CORRUPT);
}

/* A service must say so, not end by a signal: LMDB divides by it. */
static void a_head_without_a_page_size_is_found(void **state)
{
    enum { PAGE_SIZE_AT = 16 + 24 };
    struct fixture *f = *state;
    change_at_random(f, 1);
    journal_close(&f->journal);
    read_pages(f);
    for (uint32_t head = 0; head < 2; head++)
        for (uint32_t bit = 0; bit < 32; bit++) {
            write_flipped(f, head, PAGE_SIZE_AT, bit);
            assert_int_equal(open_journal(f, false), ERR_CORRUPT);
            assert_int_equal(open_journal(f, true), ERR_CORRUPT);
            write_page(f, head, f->pages[head]);
        }
    assert_int_equal(open_journal(f, false), 0);
}

/* LMDB would write over pages in use, or so far behind the end that the map is full. */
static void a_last_page_outside_is_found(void **state)
{
    enum { LAST_PAGE_AT = 16 + 120, TXN_AT = 16 + 128 };
    struct fixture *f = *state;
    uint32_t found = 0;
    change_at_random(f, 1);
    journal_close(&f->journal);
    read_pages(f);
    uint64_t txns[2];
    for (uint32_t head = 0; head < 2; head++)
        memcpy(&txns[head], f->pages[head] + TXN_AT, sizeof txns[head]);
    const uint32_t newer = txns[1] > txns[0];
    for (uint32_t bit = 0; bit < 64; bit++) {
        const bool is_set = f->pages[newer][LAST_PAGE_AT + bit / 8] >> bit % 8 & 1;
        write_flipped(f, newer, LAST_PAGE_AT, bit);
        const int error = open_journal(f, false);
        journal_close(&f->journal);
        if (bit >= 14) /* 2^26 bytes of map are 2^14 pages */
            assert_int_equal(error, ERR_CORRUPT);
        found += error == ERR_CORRUPT && is_set;
        write_page(f, newer, f->pages[newer]);
    }
    assert_true(found > 0);
    assert_int_equal(open_journal(f, false), 0);
}

/* A tool maps as much as the heads say. */
static void a_map_beyond_all_memory_is_found(void **state)
{
    enum { MAP_BYTES_AT = 16 + 16 };
    struct fixture *f = *state;
    change_at_random(f, 1);
    journal_close(&f->journal);
    read_pages(f);
    for (uint32_t bit = 47; bit < 64; bit++) {
        for (uint32_t head = 0; head < 2; head++)
            write_flipped(f, head, MAP_BYTES_AT, bit);
        assert_int_equal(open_journal(f, false), ERR_CORRUPT);
        assert_int_equal(open_journal(f, true), ERR_CORRUPT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_lmdb_writes_is_good, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_journal_that_is_written_is_good, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_page_in_the_place_of_another_is_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_large_value_with_another_head_cannot_be_changed,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_search_ends_on_a_page_that_is_none, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_walk_ends_where_keys_do_not_ascend, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_head_without_a_page_size_is_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_last_page_outside_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_map_beyond_all_memory_is_found, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
