/* slope_test.c - a leak is found in a restless series, and what only moves is none. */
#include "tests/soak/slope.h"

#include <math.h>

#include "common/random.h"
#include "tests/unit/unit.h"

enum { MINUTES = 420, SEED = 7 };

static struct slope_series series;

/* Seven hours of a service of 40 MiB: `leak` an hour, in steps of `step`; a saw of 3 MiB
 * as snapshots make it, and half a MiB of noise. */
static struct slope measure(double leak, double step)
{
    struct random random;
    random_init(&random, SEED);
    series.count = 0;
    for (uint32_t i = 0; i < MINUTES; i++) {
        double hours = i / 60.0, leaked = leak * hours;
        if (step > 0)
            leaked = step * floor(leaked / step);
        slope_add(&series, hours,
                  40 + leaked + i % 10 * 0.3 +
                      (double)random_between(&random, -500, 500) / 1000);
    }
    return slope_fit(&series, 0, series.count);
}

static void what_is_restless_is_flat(void **state)
{
    (void)state;
    struct slope s = measure(0, 0);
    assert_int_equal(slope_judge(&s, 1), SLOPE_FLAT);
}

static void a_leak_grows(void **state)
{
    (void)state;
    struct slope s = measure(1.5, 0);
    assert_int_equal(slope_judge(&s, 1), SLOPE_GROWS);
    assert_true(fabs(s.rise - 1.5) < s.noise);
    s = measure(0.5, 0);
    assert_int_equal(slope_judge(&s, 1), SLOPE_FLAT); /* is less than the limit */
}

static void a_leak_in_steps_grows(void **state)
{
    (void)state;
    struct slope s = measure(4, 2);
    assert_int_equal(slope_judge(&s, 1), SLOPE_GROWS);
}

/* Filled and full: the caller leaves out the beginning. */
static void what_has_filled_is_flat(void **state)
{
    (void)state;
    series.count = 0;
    for (uint32_t i = 0; i < MINUTES; i++)
        slope_add(&series, i / 60.0, 10 + fmin(i, 60));
    struct slope all = slope_fit(&series, 0, MINUTES);
    struct slope later = slope_fit(&series, 60, MINUTES);
    assert_true(all.rise > 1);
    assert_int_equal(slope_judge(&later, 1), SLOPE_FLAT);
}

static void too_little_is_unclear(void **state)
{
    (void)state;
    measure(100, 0);
    struct slope few = slope_fit(&series, 0, 11), loud;
    assert_int_equal(slope_judge(&few, 1), SLOPE_UNCLEAR);
    series.count = 0;
    for (uint32_t i = 0; i < 40; i++) /* ten minutes that jump by 20 */
        slope_add(&series, i / 240.0, i / 4 % 2 * 20);
    loud = slope_fit(&series, 0, series.count);
    assert_int_equal(slope_judge(&loud, 1), SLOPE_UNCLEAR);
}

/* Bytes a record, of the first half and of the second. */
static void a_rise_that_rises_grows(void **state)
{
    (void)state;
    for (uint32_t bends = 0; bends < 2; bends++) {
        series.count = 0;
        for (uint32_t i = 0; i < 100; i++)
            slope_add(&series, i, i * 300.0 + i % 3 * 50 + bends * i * i);
        struct slope first = slope_fit(&series, 0, 50);
        struct slope second = slope_fit(&series, 50, 100);
        assert_int_equal(slope_compare(&first, &second, 0.1),
                         bends ? SLOPE_GROWS : SLOPE_FLAT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_restless_is_flat),
        cmocka_unit_test(a_leak_grows),
        cmocka_unit_test(a_leak_in_steps_grows),
        cmocka_unit_test(what_has_filled_is_flat),
        cmocka_unit_test(too_little_is_unclear),
        cmocka_unit_test(a_rise_that_rises_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
