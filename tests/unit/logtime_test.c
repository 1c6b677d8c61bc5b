/* logtime_test.c - whatever the wall clock does, the log has time, and it follows. */
#include "services/sequencer/logtime.h"

#include "common/random.h"
#include "tests/unit/unit.h"

#define S      UINT64_C(1000000000)
#define MINUTE (60 * S)

static const uint64_t epoch_ns = UINT64_C(1700000000) * S;

/* A wall clock that steps, stands, goes backwards and at any rate up to three times its
 * own. */
static void time_never_stands_nor_jumps(void **state)
{
    (void)state;
    struct random random;
    struct logtime t;
    uint64_t mono_ns = 1, wall_ns = epoch_ns;
    int64_t rate = 2; /* halves */
    random_init(&random, 1);
    logtime_start(&t, epoch_ns, mono_ns);
    for (uint32_t i = 0; i < 1000000; i++) {
        const uint64_t passed = 1 + random_below(&random, S / 100), before = t.now_ns;
        if (random_chance(&random, 1000))
            rate = random_between(&random, -2, 6);
        if (random_chance(&random, 1000))
            wall_ns += (uint64_t)random_between(&random, -3600, 3600) * S;
        mono_ns += passed;
        wall_ns += (uint64_t)((int64_t)passed * rate / 2);
        logtime_advance(&t, mono_ns, wall_ns);
        assert_in_range(t.now_ns - before, passed - passed / 10, passed + passed / 10);
        logtime_advance(&t, mono_ns, wall_ns); /* no time has passed */
        assert_int_equal(t.mono_ns, mono_ns);
    }
}

/* Six minutes an hour, either way, and no further. */
static void a_difference_is_made_good(void **state)
{
    (void)state;
    for (int way = -1; way <= 1; way += 2) {
        struct logtime t;
        uint64_t mono_ns = 1, wall_ns = epoch_ns + (uint64_t)way * 6 * MINUTE;
        logtime_start(&t, epoch_ns, mono_ns);
        for (uint64_t turn = 0; turn < 59 * 60 * 100; turn++)
            logtime_advance(&t, mono_ns += S / 100, wall_ns += S / 100);
        assert_true(way < 0 ? t.now_ns > wall_ns : t.now_ns < wall_ns);
        for (uint64_t turn = 0; turn < 60 * 100; turn++)
            logtime_advance(&t, mono_ns += S / 100, wall_ns += S / 100);
        assert_int_equal(t.now_ns, wall_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time_never_stands_nor_jumps),
        cmocka_unit_test(a_difference_is_made_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
