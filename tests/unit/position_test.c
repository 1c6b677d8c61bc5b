/* position_test.c - fills open, reduce and flip; rounding loses nothing. */
#include "services/portfolio/position.h"

#include "tests/unit/unit.h"

static struct position booked(struct position position, int64_t quantity, int64_t quote,
                              int64_t fee)
{
    const struct position_fill fill = {
        .account = 5, .symbol = 1, .quantity = quantity, .quote = quote, .fee = fee};
    position_apply(&position, &fill);
    return position;
}

static void assert_position(const struct position *position, int64_t quantity,
                            int64_t cost, int64_t realised)
{
    assert_int_equal(position->quantity, quantity);
    assert_int_equal(position->cost, cost);
    assert_int_equal(position->realised, realised);
}

/* Buy 2 at 10, sell 1 at 13: half the cost is realised. Fees are kept apart. */
static void long_and_reduce(void **state)
{
    (void)state;
    struct position p = {0};
    p = booked(p, 2, 20, 1);
    assert_position(&p, 2, 20, 0);
    p = booked(p, -1, -13, 2);
    assert_position(&p, 1, 10, 3);
    p = booked(p, -1, -8, 0);
    assert_position(&p, 0, 0, 1);
    assert_int_equal(p.fees, 3);
}

/* A short position has a negative cost: what was received for it. */
static void short_and_cover(void **state)
{
    (void)state;
    struct position p = {0};
    p = booked(p, -4, -40, 0);
    assert_position(&p, -4, -40, 0);
    p = booked(p, 1, 7, 0);
    assert_position(&p, -3, -30, 3);
    p = booked(p, 3, 33, 0);
    assert_position(&p, 0, 0, 0);
}

/* Beyond zero: all is realised and the rest opens at the price of the fill. */
static void flip_both_ways(void **state)
{
    (void)state;
    struct position p = {0};
    p = booked(p, 2, 20, 0);
    p = booked(p, -5, -60, 0); /* at 12: closes 2 for 24 */
    assert_position(&p, -3, -36, 4);
    p = booked(p, 4, 40, 0); /* at 10: covers 3 for 30 */
    assert_position(&p, 1, 10, 10);
}

/* The part of a cost that rounding leaves stays with what is open, until it is flat. */
static void remainder_is_kept(void **state)
{
    (void)state;
    struct position p = {0};
    p = booked(p, 3, 10, 0);
    p = booked(p, -1, -4, 0);
    assert_position(&p, 2, 7, 1); /* 10 / 3 rounds to 3 */
    p = booked(p, -1, -4, 0);
    assert_position(&p, 1, 4, 2); /* 7 / 2 rounds to 3 */
    p = booked(p, -1, -4, 0);
    assert_position(&p, 0, 0, 2); /* 12 received, 10 paid */
}

/* Products beyond 64 bits, and a fill with its signs apart. */
static void large_and_impossible(void **state)
{
    (void)state;
    struct position p = {0};
    p = booked(p, INT64_C(1) << 52, INT64_C(1) << 61, 0);
    p = booked(p, -(INT64_C(1) << 51), -(INT64_C(1) << 60), 0);
    assert_position(&p, INT64_C(1) << 51, INT64_C(1) << 60, 0);
    assert_aborts(booked(p, 1, -1, 0));
    assert_aborts(booked(p, 0, 0, 0));
}

/* The same sums beyond 64 bits: 2^20 times the largest fill, then out of it in odd parts.
 * What was paid less what was received is there to the last unit. */
static void beyond_a_row(void **state)
{
    (void)state;
    const int64_t quantity = (INT64_C(1) << 52) - 1, quote = (INT64_C(1) << 62) - 3;
    struct position p = {0};
    __extension__ __int128 paid = 0;
    for (int i = 0; i < 1 << 20; i++) {
        p = booked(p, quantity, quote, quote);
        paid += quote;
    }
    assert_true(p.cost == paid && p.fees == paid && p.realised == 0);
    for (int i = 0; i < 1000; i++) {
        p = booked(p, -(quantity - i), -(quote - 7 * i), 0);
        paid -= quote - 7 * i;
        assert_true(p.cost - p.realised == paid);
        /* Its share, to a unit: cost / quantity is quote / quantity all along. */
        assert_true(p.cost / p.quantity == quote / quantity);
    }
    assert_true(p.quantity ==
                __extension__(__int128) quantity * ((1 << 20) - 1000) + 999 * 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(long_and_reduce),      cmocka_unit_test(short_and_cover),
        cmocka_unit_test(flip_both_ways),       cmocka_unit_test(remainder_is_kept),
        cmocka_unit_test(large_and_impossible), cmocka_unit_test(beyond_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
