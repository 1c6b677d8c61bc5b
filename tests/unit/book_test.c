/* book_test.c - what each call of the book does, and what it refuses. */
#include "services/shard/book.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

enum {
    ORDERS_MAX = 32,
    LEVELS_MAX = 8,
    SYMBOL = 7,
};

struct fixture {
    struct book_pool pool;
    struct book book;
    void *memory;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    size_t size = (book_pool_size(ORDERS_MAX, LEVELS_MAX) + 63) / 64 * 64;
    fixture->memory = aligned_alloc(64, size);
    memset(fixture->memory, 0, size);
    book_pool_init(&fixture->pool, fixture->memory, ORDERS_MAX, LEVELS_MAX);
    book_init(&fixture->book, &fixture->pool, SYMBOL);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    book_pool_check(&fixture->pool, &fixture->book, 1, false);
    free(fixture->memory);
    free(fixture);
    return 0;
}

static int add(struct fixture *fixture, enum book_side side, int64_t price, uint32_t slot,
               int64_t quantity)
{
    struct book_order order = {
        .order_id = 100 + slot,
        .account = slot,
        .leaves = quantity,
        .quantity = quantity,
    };
    return book_add(&fixture->book, side, price, slot, &order);
}

/* The use: rest two orders, look at the best level, trade with the older one. */
static void rest_and_trade(void **state)
{
    struct fixture *fixture = *state;
    struct book *book = &fixture->book;
    assert_int_equal(add(fixture, BOOK_ASK, 105, 0, 10), 0);
    assert_int_equal(add(fixture, BOOK_ASK, 105, 1, 5), 0);
    assert_false(book_crosses(book, BOOK_ASK, 104));
    assert_true(book_crosses(book, BOOK_ASK, 105));

    uint32_t best = book_best(book, BOOK_ASK);
    assert_int_equal(book_level(book->pool, best)->price, 105);
    assert_int_equal(book_level(book->pool, best)->quantity, 15);
    assert_int_equal(book_level(book->pool, best)->order_count, 2);
    assert_int_equal(book_front(book->pool, best), 0);

    book_fill(book, 0, 4, 4 * 105);
    assert_int_equal(book_order(book->pool, 0)->leaves, 6);
    assert_int_equal(book_order(book->pool, 0)->cum_quote, 420);
    book_fill(book, 0, 6, 6 * 105);
    assert_null(book_find(book->pool, 0, 100));
    assert_int_equal(book_order(book->pool, 0)->cum_quote, 1050); /* still readable */
    assert_int_equal(book_front(book->pool, best), 1);
    assert_int_equal(book_level(book->pool, best)->quantity, 5);
    book_fill(book, 1, 5, 5 * 105);
    assert_int_equal(book_best(book, BOOK_ASK), BOOK_NONE);
    assert_false(book_crosses(book, BOOK_ASK, PRICE_MAX));
}

/* Bids are best at the highest price, asks at the lowest, over the whole range. */
static void levels_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct book *book = &fixture->book;
    const int64_t prices[] = {700, 1, 65, 64, 641};
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(add(fixture, BOOK_BID, prices[i], i, 1), 0);
    assert_int_equal(add(fixture, BOOK_ASK, PRICE_MAX, 5, 1), 0);
    assert_int_equal(add(fixture, BOOK_ASK, 701, 6, 1), 0);

    const int64_t bids[] = {700, 641, 65, 64, 1};
    uint32_t level = book_best(book, BOOK_BID);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(book_level(book->pool, level)->price, bids[i]);
        assert_int_equal(book_find_level(book, BOOK_BID, bids[i]), level);
        level = book_level_behind(book, level);
    }
    assert_int_equal(level, BOOK_NONE);
    level = book_best(book, BOOK_ASK);
    assert_int_equal(book_level(book->pool, level)->price, 701);
    level = book_level_behind(book, level);
    assert_int_equal(book_level(book->pool, level)->price, PRICE_MAX);
    assert_int_equal(book_level_behind(book, level), BOOK_NONE);
    assert_int_equal(book_find_level(book, BOOK_BID, 2), BOOK_NONE);
    assert_int_equal(book_find_level(book, BOOK_BID, 701), BOOK_NONE);
}

/* Time is the order of arrival; less quantity keeps it, coming back does not. */
static void queue_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct book *book = &fixture->book;
    for (uint32_t slot = 0; slot < 4; slot++)
        assert_int_equal(add(fixture, BOOK_BID, 50, slot, 10), 0);
    book_reduce(book, 1, 3);
    book_remove(book, 2);
    book_remove(book, 0);
    assert_int_equal(add(fixture, BOOK_BID, 50, 0, 10), 0);

    const uint32_t queue[] = {1, 3, 0, BOOK_NONE};
    uint32_t slot = book_front(book->pool, book_best(book, BOOK_BID));
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(slot, queue[i]);
        if (slot != BOOK_NONE)
            slot = book_behind(book->pool, slot);
    }
    assert_int_equal(book_order(book->pool, 1)->quantity, 3);
    assert_int_equal(book_level_of(book->pool, 1)->quantity, 23);
    assert_int_equal(book_level_of(book->pool, 1)->symbol, SYMBOL);
}

/* A slot answers only for the order that is in it now. */
static void find_by_slot_and_id(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(add(fixture, BOOK_BID, 50, 3, 10), 0);
    assert_ptr_equal(book_find(&fixture->pool, 3, 103), book_order(&fixture->pool, 3));
    assert_null(book_find(&fixture->pool, 3, 104));
    assert_null(book_find(&fixture->pool, 4, 0));
    assert_null(book_find(&fixture->pool, ORDERS_MAX, 103));
    assert_null(book_find(&fixture->pool, BOOK_NONE, 103));
}

/* Full is an answer, for new levels only, and ends when a level goes. */
static void full(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < LEVELS_MAX; i++)
        assert_int_equal(add(fixture, BOOK_BID, 1 + (INT64_C(1) << 5 * i), i, 1), 0);
    assert_int_equal(add(fixture, BOOK_ASK, PRICE_MAX, 20, 1), ERR_FULL);
    assert_null(book_find(&fixture->pool, 20, 120));
    assert_int_equal(add(fixture, BOOK_BID, 2, 20, 1), 0);
    book_remove(&fixture->book, 5);
    assert_int_equal(add(fixture, BOOK_ASK, PRICE_MAX, 21, 1), 0);
}

/* Two books share the pool and nothing else. */
static void books_are_apart(void **state)
{
    struct fixture *fixture = *state;
    struct book books[2];
    book_init(&books[0], &fixture->pool, 1);
    book_init(&books[1], &fixture->pool, 2);
    struct book_order order = {.order_id = 1, .leaves = 1, .quantity = 1};
    assert_int_equal(book_add(&books[0], BOOK_BID, 10, 0, &order), 0);
    assert_int_equal(book_add(&books[1], BOOK_ASK, 10, 1, &order), 0);
    book_pool_check(&fixture->pool, books, 2, false);
    assert_int_equal(book_best(&books[0], BOOK_ASK), BOOK_NONE);
    assert_aborts(book_remove(&books[0], 1));
    book_remove(&books[0], 0);
    book_remove(&books[1], 1);
}

/* A shard's worth of symbols in one pool: what one frees, another uses. */
static void a_thousand_books(void **state)
{
    (void)state;
    enum { BOOKS = 1000, ORDERS = 4 * BOOKS };
    size_t size = (book_pool_size(ORDERS, ORDERS) + 63) / 64 * 64;
    void *memory = aligned_alloc(64, size);
    struct book *books = calloc(BOOKS, sizeof(*books));
    struct book_pool pool;
    memset(memory, 0, size);
    book_pool_init(&pool, memory, ORDERS, ORDERS);
    for (uint32_t i = 0; i < BOOKS; i++)
        book_init(&books[i], &pool, i + 1);
    struct book_order order = {.order_id = 1, .leaves = 1, .quantity = 1};
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t slot = 0; slot < ORDERS; slot++) {
            struct book *book = &books[(slot * 7 + round) % BOOKS];
            enum book_side side = slot / BOOKS % 2 ? BOOK_ASK : BOOK_BID;
            int64_t price = side == BOOK_ASK ? 5000 + slot : 1 + slot;
            assert_int_equal(book_add(book, side, price, slot, &order), 0);
        }
        assert_int_equal(pool.level_count, ORDERS);
        book_pool_check(&pool, books, BOOKS, false);
        for (uint32_t slot = 0; slot < ORDERS; slot++)
            book_remove(&books[(slot * 7 + round) % BOOKS], slot);
        assert_int_equal(pool.level_count + pool.node_count, 0);
        book_pool_check(&pool, books, BOOKS, false);
    }
    assert_int_equal(pool.level_fresh, 2 * ORDERS); /* no level was lost on the way */
    free(memory);
    free(books);
}

/* What only a bug can ask for stops the service. */
static void refuses_the_impossible(void **state)
{
    struct fixture *fixture = *state;
    struct book *book = &fixture->book;
    assert_int_equal(add(fixture, BOOK_BID, 50, 0, 10), 0);
    assert_aborts((void)!add(fixture, BOOK_BID, 51, 0, 10));
    assert_aborts((void)!add(fixture, BOOK_BID, 0, 1, 10));
    assert_aborts((void)!add(fixture, BOOK_BID, PRICE_MAX + 1, 1, 10));
    assert_aborts((void)!add(fixture, BOOK_BID, 50, 1, 0));
    assert_aborts((void)!add(fixture, BOOK_BID, 50, ORDERS_MAX, 1));
    assert_aborts(book_fill(book, 0, 11, 1));
    assert_aborts(book_fill(book, 0, 0, 1));
    assert_aborts(book_reduce(book, 0, 11));
    assert_aborts(book_reduce(book, 0, 0));
    assert_aborts(book_remove(book, 1));
}

/* book_check sees a crossed book, unless it is told that it may be, and broken sums. */
static void check_finds_damage(void **state)
{
    struct fixture *fixture = *state;
    struct book *book = &fixture->book;
    assert_int_equal(add(fixture, BOOK_BID, 50, 0, 10), 0);
    assert_int_equal(add(fixture, BOOK_ASK, 50, 1, 10), 0);
    book_check(book, true);
    assert_aborts(book_check(book, false));
    book_remove(book, 1);
    book_check(book, false);
    book_order(book->pool, 0)->leaves--;
    assert_aborts(book_check(book, false));
    book_order(book->pool, 0)->leaves++;
}

static void terms_survive_packing(void **state)
{
    (void)state;
    const int32_t rates[] = {-FEE_PPM_MAX, -1, 0, 1, FEE_PPM_MAX};
    for (size_t i = 0; i < 5; i++) {
        for (size_t j = 0; j < 5; j++) {
            struct book_terms terms = {rates[i], rates[j], BOOK_FEE_CREDIT_MAX, 0xa5};
            struct book_terms back = book_unpack(book_pack(terms));
            assert_int_equal(back.maker_ppm, terms.maker_ppm);
            assert_int_equal(back.taker_ppm, terms.taker_ppm);
            assert_int_equal(back.fee_credit, terms.fee_credit);
            assert_int_equal(back.flags, terms.flags);
        }
    }
    struct book_terms wrong = {.fee_credit = BOOK_FEE_CREDIT_MAX + 1};
    assert_aborts((void)book_pack(wrong));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rest_and_trade, set_up, tear_down),
        cmocka_unit_test_setup_teardown(levels_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queue_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(find_by_slot_and_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(books_are_apart, set_up, tear_down),
        cmocka_unit_test(a_thousand_books),
        cmocka_unit_test_setup_teardown(refuses_the_impossible, set_up, tear_down),
        cmocka_unit_test_setup_teardown(check_finds_damage, set_up, tear_down),
        cmocka_unit_test(terms_survive_packing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
