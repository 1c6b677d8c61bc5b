/* history_test.c - items gathered by key come back by position. */
#include "common/history.h"

#include "common/random.h"
#include "proto/big_endian.h"
#include "tests/unit/rig.h"

enum { TABLE = 3, BYTES = 64 << 10, KEYS = 8 };

/* A core that is nothing but a history, so that the rig can keep its rows. */
static size_t size(const struct msg_genesis *genesis, uint32_t instance)
{
    (void)genesis;
    (void)instance;
    struct history history;
    struct arena arena;
    arena_init(&arena, NULL, 0);
    arena_take(&arena, sizeof history, 64);
    history_init(&history, &arena, TABLE, BYTES, KEYS);
    return arena_used(&arena);
}

static void init(void *state, const struct msg_genesis *genesis, uint32_t instance)
{
    struct arena arena;
    arena_init(&arena, state, size(genesis, instance));
    struct history *history = arena_take(&arena, sizeof *history, 64);
    history_init(history, &arena, TABLE, BYTES, KEYS);
}

static void flush(void *state, struct outbox *outbox)
{
    history_write(state, outbox);
}

static const struct core_ops core = {
    .name = "history", .size = size, .init = init, .flush = flush};

static struct rig *create(void)
{
    const struct msg_genesis genesis = {0};
    return rig_create(&core, &genesis);
}

static void add(struct rig *rig, uint64_t key, uint64_t last)
{
    uint8_t item[8];
    big_endian_put(item, last, 8);
    history_add(rig->state, &rig->outbox, key, last, item, sizeof item);
}

/* The items of a key from a position on, as a reader walks them. */
static uint32_t count_from(struct rig *rig, uint64_t key, uint64_t position)
{
    const struct core_rows rows = {.context = rig, .seek = rig_seek};
    struct history_row row;
    uint32_t count = 0;
    for (; history_seek(&rows, TABLE, key, position, &row); position = row.last + 1)
        for (size_t at = 0; at < row.size; at += 8)
            count += big_endian_get(row.items + at, 8) >= position;
    return count;
}

/* The use: one row a key and write; the row of a position is the first at or after it. */
static void one_row_a_key(void **state)
{
    (void)state;
    struct rig *rig = create();
    add(rig, 1, 10);
    add(rig, 2, 11);
    add(rig, 1, 12);
    rig_flush(rig);
    assert_int_equal(rig->count, 2);
    add(rig, 1, 15);
    rig_flush(rig);
    rig_flush(rig);
    assert_int_equal(rig->count, 3);

    const struct core_rows rows = {.context = rig, .seek = rig_seek};
    struct history_row row;
    assert_true(history_seek(&rows, TABLE, 1, 0, &row));
    assert_int_equal(row.last, 12);
    assert_int_equal(row.size, 16);
    assert_int_equal(big_endian_get(row.items, 8), 10);
    assert_int_equal(big_endian_get(row.items + 8, 8), 12);
    assert_true(history_seek(&rows, TABLE, 1, 13, &row));
    assert_int_equal(row.last, 15);
    assert_false(history_seek(&rows, TABLE, 1, 16, &row)); /* not the row of key 2 */
    assert_false(history_seek(&rows, TABLE, 3, 0, &row));
    rig_destroy(rig);
}

/* Full scratch, in bytes or in keys, is written at once and nothing is lost. */
static void full_is_written(void **state)
{
    (void)state;
    struct rig *rig = create();
    struct random random;
    uint32_t counts[2 * KEYS] = {0};
    random_init(&random, 1);
    for (uint64_t last = 1; last <= 20000; last++) {
        const uint64_t key = random_below(&random, 2 * KEYS);
        counts[key]++;
        add(rig, key, last);
        if (random_chance(&random, 10000))
            rig_flush(rig);
    }
    rig_flush(rig);
    for (uint64_t key = 0; key < 2 * KEYS; key++) {
        assert_int_equal(count_from(rig, key, 0), counts[key]);
        assert_int_equal(count_from(rig, key, 20001), 0);
    }
    rig_destroy(rig);
}

/* A page in the midst of much begins at a row that is short. */
static void a_long_row_is_cut(void **state)
{
    (void)state;
    enum { ITEMS = 5000, SAME = 3000 };
    const struct core_rows rows = {.context = create(), .seek = rig_seek};
    struct rig *rig = rows.context;
    struct history_row row;
    for (uint64_t last = 1; last <= ITEMS; last++)
        add(rig, 1, last);
    rig_flush(rig);
    for (uint64_t at = 1; at <= ITEMS; at += 100) {
        assert_true(history_seek(&rows, TABLE, 1, at, &row));
        assert_true(row.size <= HISTORY_ROW_BYTES && row.last >= at);
        assert_int_equal(count_from(rig, 1, at), ITEMS + 1 - at);
    }
    assert_true(rig->count >= ITEMS * 8 / HISTORY_ROW_BYTES);
    for (uint32_t i = 0; i < SAME; i++) /* of one position: they stay together */
        add(rig, 2, 7);
    rig_flush(rig);
    assert_int_equal(count_from(rig, 2, 7), SAME);
    rig_destroy(rig);
}

/* Two pieces are one item; going back, or an item that never fits, is a bug. */
static void pieces_and_bugs(void **state)
{
    (void)state;
    struct rig *rig = create();
    const char large[BYTES] = {0};
    history_add_two(rig->state, &rig->outbox, 1, 5, "abc", 3, "de", 2);
    rig_flush(rig);
    assert_int_equal(rig->rows[0]->size, 5);
    assert_memory_equal(rig->rows[0]->value, "abcde", 5);
    add(rig, 1, 7);
    assert_aborts(add(rig, 1, 6));
    assert_aborts(history_add(rig->state, &rig->outbox, 1, 8, large, BYTES));
    rig_destroy(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_row_a_key),
        cmocka_unit_test(full_is_written),
        cmocka_unit_test(a_long_row_is_cut),
        cmocka_unit_test(pieces_and_bugs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
