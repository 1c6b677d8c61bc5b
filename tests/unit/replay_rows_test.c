/* replay_rows_test.c - which rows of a recorded book are compared, and with what. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include "deploy/cli/replay_rows.h"

enum { ROWS = 5 };

/* A book whose best ask is one at this price; the others of the file are NOBODY's. */
static struct lobster_book book_at(int64_t price)
{
    return (struct lobster_book){.ask = {.price = {price}, .quantity = {1}}};
}

/* Rows 1 to ROWS have their best ask at these prices. */
static void open_rows(struct replay_rows *rows, const int64_t price[ROWS])
{
    char path[] = "/tmp/replay_rows.XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    FILE *file = fdopen(descriptor, "we");
    assert_non_null(file);
    for (int row = 0; row < ROWS; row++) {
        fprintf(file, "%lld,1,-9999999999,0", (long long)price[row]);
        for (int level = 1; level < LOBSTER_LEVELS; level++)
            fputs(",9999999999,0,-9999999999,0", file);
        fputc('\n', file);
    }
    assert_int_equal(fclose(file), 0);
    assert_true(replay_rows_open(rows, path));
    unlink(path);
}

static void give(struct replay_rows *rows, uint64_t row, int64_t price)
{
    struct lobster_book book = book_at(price);
    replay_rows_give(rows, row, &book);
}

static void assert_rows(struct replay_rows *rows, uint64_t compared, uint64_t mismatched)
{
    assert_false(rows->failed);
    assert_int_equal(rows->compared, compared);
    assert_int_equal(rows->mismatched, mismatched);
    replay_rows_close(rows);
}

static void a_row_without_commands_shows_the_book_before_it(void **state)
{
    (void)state;
    struct replay_rows rows;
    open_rows(&rows, (int64_t[]){10, 20, 20, 40, 40});
    give(&rows, 1, 10);
    give(&rows, 2, 20);
    give(&rows, 4, 40);
    replay_rows_finish(&rows, ROWS);
    assert_rows(&rows, ROWS, 0);
}

static void another_book_is_a_mismatch(void **state)
{
    (void)state;
    struct replay_rows rows;
    open_rows(&rows, (int64_t[]){10, 20, 21, 40, 40});
    give(&rows, 0, 10);
    give(&rows, 2, 20);
    give(&rows, 4, 41);
    replay_rows_finish(&rows, ROWS);
    assert_rows(&rows, ROWS, 3);
}

static void an_empty_book_before_the_first_row_is_compared(void **state)
{
    (void)state;
    struct replay_rows rows;
    open_rows(&rows, (int64_t[]){10, 20, 30, 40, 50});
    give(&rows, 2, 20);
    assert_rows(&rows, 2, 1);
}

/* A replay that goes on behind row 2 has seen no book that row 3, without commands, could
 * show: its first is that of row 4. */
static void no_row_is_compared_with_a_book_nobody_saw(void **state)
{
    (void)state;
    struct replay_rows rows;
    open_rows(&rows, (int64_t[]){10, 20, 20, 40, 40});
    replay_rows_skip(&rows, 3);
    give(&rows, 4, 40);
    replay_rows_finish(&rows, ROWS);
    assert_rows(&rows, 2, 0);
}

static void nothing_is_compared_when_all_was_done_before(void **state)
{
    (void)state;
    struct replay_rows rows;
    open_rows(&rows, (int64_t[]){10, 20, 30, 40, 40});
    replay_rows_skip(&rows, 5);
    replay_rows_finish(&rows, ROWS);
    assert_rows(&rows, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_without_commands_shows_the_book_before_it),
        cmocka_unit_test(another_book_is_a_mismatch),
        cmocka_unit_test(an_empty_book_before_the_first_row_is_compared),
        cmocka_unit_test(no_row_is_compared_with_a_book_nobody_saw),
        cmocka_unit_test(nothing_is_compared_when_all_was_done_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
