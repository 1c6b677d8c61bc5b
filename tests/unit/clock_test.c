/* clock_test.c - time goes on. */
#include "common/clock.h"

#include "tests/unit/unit.h"

static void goes_on(void **state)
{
    (void)state;
    uint64_t before = clock_mono_ns();
    assert_true(before > 0);
    for (int i = 0; i < 1000; i++) {
        const uint64_t now = clock_mono_ns();
        assert_true(now >= before);
        before = now;
    }
    assert_true(clock_wall_ns() > UINT64_C(1700000000) * CLOCK_S_NS); /* after 2023 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(goes_on)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
