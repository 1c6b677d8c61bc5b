/* sdk_outbox_test.c - what the outbox file keeps, and what it refuses. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sdk/src/zex_outbox.h"

enum { IN_FLIGHT = 8 };

struct world {
    char directory[64], path[96];
    struct zex_options options;
    struct zex_outbox outbox;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    snprintf(w->directory, sizeof w->directory, "/tmp/zex-outbox-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    snprintf(w->path, sizeof w->path, "%s/outbox", w->directory);
    zex_options_init(&w->options);
    w->options.outbox_path = w->path;
    w->options.in_flight_max = IN_FLIGHT;
    *state = w;
    return zex_outbox_open(&w->outbox, &w->options);
}

static int tear_down(void **state)
{
    struct world *w = *state;
    zex_outbox_close(&w->outbox);
    unlink(w->path);
    rmdir(w->directory);
    free(w);
    return 0;
}

static int reopen(struct world *w)
{
    zex_outbox_close(&w->outbox);
    return zex_outbox_open(&w->outbox, &w->options);
}

static void add(struct world *w, uint32_t lane, uint8_t byte)
{
    const uint8_t body[4] = {byte, 2, 3, byte};
    assert_int_equal(zex_outbox_add(&w->outbox, lane, body, sizeof body, 100u + byte), 0);
}

static off_t measure(const struct world *w)
{
    struct stat status;
    assert_int_equal(stat(w->path, &status), 0);
    return status.st_size;
}

static void change(const struct world *w, off_t at, uint8_t mask)
{
    uint8_t byte;
    const int file = open(w->path, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(file, &byte, 1, at), 1);
    byte ^= mask;
    assert_int_equal(pwrite(file, &byte, 1, at), 1);
    close(file);
}

/* What is added, answered and learnt is there again after a restart. */
static void test_replays(void **state)
{
    struct world *w = *state;
    const uint64_t nonce = w->outbox.lanes[0].nonce;
    assert_true(nonce != 0 && nonce != w->outbox.lanes[1].nonce);
    zex_outbox_session(&w->outbox, 0, 77);
    for (uint8_t i = 1; i <= 3; i++)
        add(w, 0, i);
    add(w, 1, 9);
    zex_outbox_durable(&w->outbox, 0, 1);
    zex_outbox_repair(&w->outbox, 0, 3, (const uint8_t *)"xy", 2);
    zex_outbox_feed(&w->outbox, 50, 40, 0xfeed);
    assert_int_equal(reopen(w), ZEX_OK);

    struct zex_outbox_lane *lane = &w->outbox.lanes[0];
    assert_int_equal(lane->nonce, nonce);
    assert_int_equal(lane->session, 77);
    assert_int_equal(lane->first, 2);
    assert_int_equal(lane->next, 4);
    const struct zex_outbox_command *second = zex_outbox_get(lane, 2);
    assert_int_equal(second->cl_ord_id, 102);
    assert_int_equal(second->size, 4);
    assert_int_equal(second->body[0], 2);
    assert_int_equal(zex_outbox_get(lane, 3)->size, 2);
    assert_int_equal(zex_outbox_get(lane, 3)->cl_ord_id, 103);
    assert_int_equal(w->outbox.lanes[1].next, 2);
    assert_true(w->outbox.feed_known);
    assert_int_equal(w->outbox.feed_gseq, 50);
    assert_int_equal(w->outbox.tag, 0xfeed);
}

/* A lane takes in_flight_max commands and no more, until one is durable. */
static void test_is_full(void **state)
{
    struct world *w = *state;
    for (uint8_t i = 1; i <= IN_FLIGHT; i++)
        add(w, 0, i);
    const uint8_t body = 1;
    assert_int_equal(zex_outbox_add(&w->outbox, 0, &body, 1, 1), ZEX_ERR_FULL);
    zex_outbox_durable(&w->outbox, 0, 1);
    assert_int_equal(zex_outbox_add(&w->outbox, 0, &body, 1, 1), ZEX_OK);
    assert_int_equal(zex_outbox_get(&w->outbox.lanes[0], 2)->body[0], 2);
}

/* A run with a smaller in_flight_max still finds all that an earlier one left. */
static void test_keeps_more_than_it_would_take(void **state)
{
    struct world *w = *state;
    for (uint8_t i = 1; i <= IN_FLIGHT; i++)
        add(w, 0, i);
    w->options.in_flight_max = 1;
    assert_int_equal(reopen(w), ZEX_OK);
    struct zex_outbox_lane *lane = &w->outbox.lanes[0];
    assert_int_equal(lane->next - lane->first, IN_FLIGHT);
    for (uint64_t n = 1; n <= IN_FLIGHT; n++)
        assert_int_equal(zex_outbox_get(lane, n)->body[0], n);
}

/* Cut at any byte, the file opens with the entries before the cut. */
static void test_cuts_a_torn_tail(void **state)
{
    struct world *w = *state;
    add(w, 0, 1);
    assert_int_equal(zex_outbox_write(&w->outbox), ZEX_OK);
    const off_t before = measure(w);
    add(w, 0, 2);
    assert_int_equal(zex_outbox_write(&w->outbox), ZEX_OK);
    zex_outbox_close(&w->outbox);
    for (off_t size = measure(w) - 1; size >= before; size--) {
        assert_int_equal(truncate(w->path, size), 0);
        assert_int_equal(zex_outbox_open(&w->outbox, &w->options), ZEX_OK);
        assert_int_equal(w->outbox.lanes[0].next, 2);
        zex_outbox_close(&w->outbox);
        assert_int_equal(measure(w), before);
        assert_int_equal(truncate(w->path, size), 0); /* the rest as zeros */
        assert_int_equal(truncate(w->path, size + 40), 0);
        assert_int_equal(zex_outbox_open(&w->outbox, &w->options), ZEX_OK);
        assert_int_equal(w->outbox.lanes[0].next, 2);
        zex_outbox_close(&w->outbox);
    }
    assert_int_equal(zex_outbox_open(&w->outbox, &w->options), ZEX_OK);
}

/* Any flipped bit, size and hash included, is a damaged outbox, never another command. */
static void test_refuses_a_flipped_bit(void **state)
{
    struct world *w = *state;
    for (uint8_t i = 1; i <= 3; i++)
        add(w, 0, i);
    zex_outbox_close(&w->outbox);
    const off_t size = measure(w);
    for (off_t at = 0; at < size; at++)
        for (int bit = 0; bit < 8; bit++) {
            change(w, at, (uint8_t)(1 << bit));
            assert_int_equal(zex_outbox_open(&w->outbox, &w->options), ZEX_ERR_OUTBOX);
            zex_outbox_close(&w->outbox);
            assert_int_equal(measure(w), size);
            change(w, at, (uint8_t)(1 << bit));
        }
    assert_int_equal(zex_outbox_open(&w->outbox, &w->options), ZEX_OK);
    assert_int_equal(w->outbox.lanes[0].next, 4);
}

/* The file stays small however long the history: what is finished goes. */
static void test_compacts(void **state)
{
    struct world *w = *state;
    off_t largest = 0;
    for (uint64_t i = 1; i <= 300000; i++) {
        add(w, 0, (uint8_t)i);
        if (i > 3)
            zex_outbox_durable(&w->outbox, 0, i - 3);
        if (i % 64 != 0)
            continue;
        assert_int_equal(zex_outbox_write(&w->outbox), ZEX_OK);
        largest = measure(w) > largest ? measure(w) : largest;
    }
    assert_true(largest < (9 << 20));
    assert_int_equal(reopen(w), ZEX_OK);
    const struct zex_outbox_lane *lane = &w->outbox.lanes[0];
    assert_int_equal(lane->first, 299998);
    assert_int_equal(lane->next, 300001);
}

/* What the last write before the end compacts is all there, too. */
static void test_compacts_at_the_end(void **state)
{
    struct world *w = *state;
    for (uint64_t n = 1; n <= IN_FLIGHT / 2; n++) { /* the ring has come round */
        add(w, 0, 0);
        zex_outbox_durable(&w->outbox, 0, n);
    }
    for (uint8_t i = 0; i < IN_FLIGHT; i++)
        add(w, 0, i);
    w->outbox.compact_bytes = 1;
    assert_int_equal(reopen(w), ZEX_OK);
    struct zex_outbox_lane *lane = &w->outbox.lanes[0];
    assert_int_equal(lane->next - lane->first, IN_FLIGHT);
    for (uint8_t i = 0; i < IN_FLIGHT; i++) {
        const struct zex_outbox_command *c = zex_outbox_get(lane, lane->first + i);
        assert_int_equal(c->cl_ord_id, 100u + i);
        assert_int_equal(c->size, 4);
        assert_int_equal(c->body[0], i);
    }
}

/* Whoever opens an outbox that is in use, even right after a compaction, is told. */
static void test_is_locked(void **state)
{
    struct world *w = *state;
    const pid_t child = fork();
    if (child == 0) {
        struct zex_outbox other;
        _exit(zex_outbox_open(&other, &w->options) == ZEX_ERR_LOCKED ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* A lane that is renewed has another nonce and nothing of the old session. */
static void test_renews(void **state)
{
    struct world *w = *state;
    const uint64_t nonce = w->outbox.lanes[0].nonce;
    zex_outbox_session(&w->outbox, 0, 77);
    add(w, 0, 1);
    assert_int_equal(zex_outbox_renew(&w->outbox, 0), ZEX_OK);
    assert_int_equal(reopen(w), ZEX_OK);
    assert_int_equal(w->outbox.lanes[0].session, 0);
    assert_int_equal(w->outbox.lanes[0].next, 1);
    assert_int_not_equal(w->outbox.lanes[0].nonce, nonce);
}

/* Where nothing can be written and there is no more room, it has failed for good. */
static void test_disk_stays_full(void **state)
{
    struct world *w = *state;
    const int good = w->outbox.file;
    w->outbox.file = open("/dev/full", O_RDWR | O_CLOEXEC);
    for (uint64_t i = 1; i <= 100000; i++)
        zex_outbox_feed(&w->outbox, i, i, i);
    assert_int_equal(zex_outbox_write(&w->outbox), ZEX_ERR_OUTBOX);
    close(w->outbox.file);
    w->outbox.file = good;
    assert_int_equal(zex_outbox_write(&w->outbox), ZEX_ERR_OUTBOX);
}

/* A write that fails loses nothing: the next one writes the same bytes at the same
 * place. */
static void test_write_fails(void **state)
{
    struct world *w = *state;
    assert_int_equal(zex_outbox_write(&w->outbox), ZEX_OK);
    const int good = w->outbox.file;
    w->outbox.file = open("/dev/full", O_RDWR | O_CLOEXEC);
    add(w, 0, 1);
    assert_int_equal(zex_outbox_write(&w->outbox), ZEX_ERR_OUTBOX);
    close(w->outbox.file);
    w->outbox.file = good;
    assert_int_equal(zex_outbox_write(&w->outbox), ZEX_OK);
    assert_int_equal(reopen(w), ZEX_OK);
    assert_int_equal(w->outbox.lanes[0].next, 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_replays),
        TEST(test_is_full),
        TEST(test_keeps_more_than_it_would_take),
        TEST(test_cuts_a_torn_tail),
        TEST(test_refuses_a_flipped_bit),
        TEST(test_compacts),
        TEST(test_compacts_at_the_end),
        TEST(test_is_locked),
        TEST(test_renews),
        TEST(test_write_fails),
        TEST(test_disk_stays_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
