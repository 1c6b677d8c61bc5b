/* money_test.c - amounts never wrap, and a fee does not depend on how an order filled. */
#include "common/money.h"

#include "common/random.h"
#include "tests/unit/unit.h"

/* Results inside the bound come back, those outside leave the result alone. */
static void checked_arithmetic(void **state)
{
    (void)state;
    int64_t x = 7;
    assert_int_equal(money_add(2, 3, &x), 0);
    assert_int_equal(x, 5);
    assert_int_equal(money_sub(2, 3, &x), 0);
    assert_int_equal(x, -1);
    assert_int_equal(money_mul(-4, 3, &x), 0);
    assert_int_equal(x, -12);
    assert_int_equal(money_add(MONEY_MAX, 0, &x), 0);
    assert_true(x == MONEY_MAX);
    x = 7;
    assert_int_equal(money_add(MONEY_MAX, 1, &x), ERR_OVERFLOW);
    assert_int_equal(money_sub(-MONEY_MAX, 1, &x), ERR_OVERFLOW);
    assert_int_equal(money_add(INT64_MAX, INT64_MAX, &x), ERR_OVERFLOW);
    assert_int_equal(money_sub(INT64_MIN, 1, &x), ERR_OVERFLOW);
    assert_int_equal(money_mul(INT64_MIN, -1, &x), ERR_OVERFLOW);
    assert_int_equal(money_mul(INT64_C(1) << 31, (INT64_C(1) << 31) + 1, &x),
                     ERR_OVERFLOW);
    assert_int_equal(x, 7);
}

static void notional(void **state)
{
    (void)state;
    int64_t x = 7;
    assert_int_equal(money_notional(585330, 100, 1, &x), 0);
    assert_int_equal(x, 58533000);
    assert_int_equal(money_notional(INT64_C(1) << 40, INT64_C(1) << 22, 1, &x), 0);
    assert_true(x == MONEY_MAX);
    assert_int_equal(money_notional(INT64_C(1) << 40, INT64_C(1) << 22, 2, &x),
                     ERR_OVERFLOW);
    assert_int_equal(money_notional(INT64_MAX, INT64_MAX, INT64_MAX, &x), ERR_OVERFLOW);
    assert_true(x == MONEY_MAX);
}

/* Charged up, paid down; the remainder waits in the credit of the order. */
static void fee_rounds_against_the_payer(void **state)
{
    (void)state;
    uint32_t credit = 0;
    assert_int_equal(money_fee(1000, 1001, &credit), 2); /* 1.001 */
    assert_int_equal(credit, 999000);
    assert_int_equal(money_fee(1000, 999, &credit), 0); /* total 2.000, paid already */
    assert_int_equal(credit, 0);
    assert_int_equal(money_fee(-1000, 1999, &credit), -1); /* -1.999 */
    assert_int_equal(credit, 999000);
    assert_int_equal(money_fee(-1000, 1, &credit), -1); /* total -2.000 */
    assert_int_equal(credit, 0);
    assert_int_equal(money_fee(0, MONEY_MAX, &credit), 0);
    assert_int_equal(money_fee(MONEY_PPM_MAX, MONEY_MAX, &credit), MONEY_MAX);
    assert_int_equal(money_fee(-MONEY_PPM_MAX, MONEY_MAX, &credit), -MONEY_MAX);
    assert_int_equal(credit, 0);
}

static void fee_refuses_the_impossible(void **state)
{
    (void)state;
    uint32_t credit = 0, too_much = 1000000;
    assert_aborts(money_fee(1000001, 1, &credit));
    assert_aborts(money_fee(1, -1, &credit));
    assert_aborts(money_fee(1, MONEY_MAX + 1, &credit));
    assert_aborts(money_fee(1, 1, &too_much));
}

/* The rounded fee of the whole, in 128 bits and by another formula than the code's. */
static int64_t fee_of_total(int32_t rate_ppm, int64_t quote)
{
    __extension__ __int128 millionths = quote;
    millionths *= rate_ppm;
    __extension__ __int128 fee = millionths / MONEY_PPM;
    while (fee * MONEY_PPM < millionths)
        fee++;
    return (int64_t)fee;
}

/* However an order is cut into fills, and whether small or huge, its fees add up to the
 * fee of the whole, and none is more than that of its own part. */
static void fee_does_not_depend_on_the_cut(void **state)
{
    (void)state;
    struct random random;
    random_init(&random, 1);
    for (int run = 0; run < 20000; run++) {
        const int32_t rate_ppm = (int32_t)random_between(&random, -MONEY_PPM, MONEY_PPM);
        const int64_t part_max = INT64_C(1) << random_between(&random, 0, 57);
        int64_t quote = 0, fees = 0;
        uint32_t credit = 0;
        const int fills = (int)random_between(&random, 1, 30);
        for (int i = 0; i < fills; i++) {
            const int64_t part = random_between(&random, 0, part_max);
            quote += part;
            const int64_t fee = money_fee(rate_ppm, part, &credit);
            fees += fee;
            assert_true(fee <= fee_of_total(rate_ppm > 0 ? rate_ppm : 0, part));
        }
        assert_true(fees == fee_of_total(rate_ppm, quote));
    }
}

/* An order that takes first and makes later pays both rates, and less than it held: all
 * at the higher one. */
static void fee_of_two_rates(void **state)
{
    (void)state;
    uint32_t credit = 0;
    const int64_t held = fee_of_total(1000, 10001 + 10001);
    const int64_t paid =
        money_fee(1000, 10001, &credit) + money_fee(200, 10001, &credit); /* 12.0012 */
    assert_int_equal(paid, 13);
    assert_int_equal(held, 21);
}

static void assert_rates(int32_t maker, int32_t taker, int32_t maker_paid,
                         int32_t taker_paid)
{
    money_match_rates(&maker, &taker);
    assert_int_equal(maker, maker_paid);
    assert_int_equal(taker, taker_paid);
}

/* A rebate is at most the other side's fee; a fee is what it is. */
static void rebate_comes_out_of_a_fee(void **state)
{
    (void)state;
    assert_rates(100, 200, 100, 200);
    assert_rates(-100, 200, -100, 200);
    assert_rates(-300, 200, -200, 200);
    assert_rates(300, -200, 300, -200);
    assert_rates(100, -200, 100, -100);
    assert_rates(-100, -200, 0, 0);
    assert_rates(-100, 0, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checked_arithmetic),
        cmocka_unit_test(notional),
        cmocka_unit_test(fee_rounds_against_the_payer),
        cmocka_unit_test(fee_refuses_the_impossible),
        cmocka_unit_test(fee_does_not_depend_on_the_cut),
        cmocka_unit_test(fee_of_two_rates),
        cmocka_unit_test(rebate_comes_out_of_a_fee),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
