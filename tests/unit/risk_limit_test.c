/* The filters of a symbol at their edges: one unit inside passes, one outside does not.
 * */
#include "common/error.h"
#include "services/risk/limit.h"
#include "tests/unit/unit.h"

static const struct msg_symbol_set plain = {
    .multiplier = 1,
    .tick = 1,
    .lot = 1,
    .quantity_max = QUANTITY_MAX,
    .notional_max = MONEY_MAX,
    .collar_ppm = PPM,
};

static int filter(const struct msg_symbol_set *symbol, int64_t reference, int64_t price,
                  int64_t quantity)
{
    struct limit_order order = {.price = price, .quantity = quantity};
    return limit_filter(symbol, reference, &order).error;
}

/* The band is exact: reference x (1 +- band) itself passes. */
static void test_band(void **unused)
{
    (void)unused;
    struct msg_symbol_set symbol = plain;
    symbol.band_ppm = 100000;
    assert_int_equal(filter(&symbol, 1000, 1100, 1), 0);
    assert_int_equal(filter(&symbol, 1000, 1101, 1), ERR_PRICE_BAND);
    assert_int_equal(filter(&symbol, 1000, 900, 1), 0);
    assert_int_equal(filter(&symbol, 1000, 899, 1), ERR_PRICE_BAND);
    assert_int_equal(filter(&symbol, 1005, 1106, 1), ERR_PRICE_BAND);
    assert_int_equal(filter(&symbol, 0, 5000, 1), 0);
    symbol.band_ppm = UINT32_MAX;
    assert_int_equal(filter(&symbol, PRICE_MAX, 1, 1), 0);
}

/* The product of price, quantity and multiplier is refused where it leaves the range. */
static void test_notional(void **unused)
{
    (void)unused;
    struct msg_symbol_set symbol = plain;
    assert_int_equal(filter(&symbol, 0, PRICE_MAX, QUANTITY_MAX), ERR_OVERFLOW);
    assert_int_equal(filter(&symbol, 0, INT64_C(1) << 40, INT64_C(1) << 22), 0);
    assert_int_equal(filter(&symbol, 0, INT64_C(1) << 40, (INT64_C(1) << 22) + 1),
                     ERR_OVERFLOW);
    symbol.multiplier = INT64_C(1000000000000);
    assert_int_equal(filter(&symbol, 0, 4611686, 1), 0);
    assert_int_equal(filter(&symbol, 0, 4611687, 1), ERR_OVERFLOW);
    symbol = plain;
    symbol.notional_min = 100;
    symbol.notional_max = 200;
    assert_int_equal(filter(&symbol, 0, 33, 3), ERR_NOTIONAL_MIN);
    assert_int_equal(filter(&symbol, 0, 50, 2), 0);
    assert_int_equal(filter(&symbol, 0, 50, 4), 0);
    assert_int_equal(filter(&symbol, 0, 67, 3), ERR_NOTIONAL_MAX);
}

/* A collar never reaches further than it says, and never leaves the prices there are. */
static void test_collar(void **unused)
{
    (void)unused;
    struct msg_symbol_set symbol = plain;
    symbol.tick = 5;
    symbol.collar_ppm = 33000;
    assert_int_equal(limit_collar(&symbol, 1000, true), 1030);
    assert_int_equal(limit_collar(&symbol, 1000, false), 970);
    assert_int_equal(limit_collar(&symbol, 3, true), 5);
    assert_int_equal(limit_collar(&symbol, 3, false), 5);
    symbol.collar_ppm = PPM;
    assert_int_equal(limit_collar(&symbol, 1000, false), 5);
    assert_int_equal(limit_collar(&symbol, PRICE_MAX, true),
                     PRICE_MAX - PRICE_MAX % symbol.tick);
}

/* A market order needs something to measure its collar from. */
static void test_market(void **unused)
{
    (void)unused;
    struct limit_order order = {.is_market = true, .is_buy = true, .quantity = 3};
    assert_int_equal(limit_filter(&plain, 0, &order).error, ERR_NO_REFERENCE);
    assert_int_equal(limit_filter(&plain, 100, &order).error, 0);
    assert_int_equal(order.price, 200);
    assert_int_equal(order.notional, 600);
}

/* Every combination of type, time in force, price and post-only; six may pass. */
static void test_shape(void **unused)
{
    (void)unused;
    const uint8_t tifs[] = {TIF_GTC, TIF_IOC, TIF_FOK};
    int passed = 0;
    for (uint32_t i = 0; i < 24; i++) {
        const struct msg_order_new order = {
            .ord_type = i & 1 ? ORD_TYPE_LIMIT : ORD_TYPE_MARKET,
            .price = i & 2 ? 100 : 0,
            .post_only = i & 4 ? 1 : 0,
            .tif = tifs[i / 8],
        };
        passed += limit_shape(&order).error == 0;
    }
    assert_int_equal(passed, 2 + 3 + 1); /* market; limit; post-only */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_band),   cmocka_unit_test(test_notional),
        cmocka_unit_test(test_collar), cmocka_unit_test(test_market),
        cmocka_unit_test(test_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
