/* outcome_test.c - what came of a command is found, whichever way it was told first. */
#include "tests/unit/unit.h"

#include <string.h>

#include "deploy/cli/outcome.h"

enum { REQUEST = 103 };

static struct zex_event done(uint64_t request, const char *bytes)
{
    return (struct zex_event){.type = ZEX_EVENT_DONE,
                              .gseq = request + 1,
                              .request = request,
                              .bytes = (const uint8_t *)bytes,
                              .bytes_size = strlen(bytes)};
}

static struct zex_event durable(uint64_t gseq)
{
    return (struct zex_event){.type = ZEX_EVENT_DURABLE, .gseq = gseq};
}

static bool take(struct outcome *o, struct zex_event event)
{
    return outcome_take(o, &event);
}

static void test_after_durable(void **unused)
{
    (void)unused;
    struct outcome o;
    outcome_init(&o);
    assert_false(take(&o, durable(REQUEST)));
    assert_false(take(&o, done(REQUEST - 1, "another's")));
    assert_false(take(&o, (struct zex_event){.type = ZEX_EVENT_LIVE, .gseq = REQUEST}));
    assert_true(take(&o, done(REQUEST, "ours")));
    assert_int_equal(o.event.gseq, REQUEST + 1);
}

/* Its bytes are no longer those that the SDK lent. */
static void test_before_durable(void **unused)
{
    (void)unused;
    struct outcome o;
    char bytes[] = "ours";
    outcome_init(&o);
    assert_false(take(&o, done(REQUEST - 1, "another's")));
    assert_false(take(&o, done(REQUEST, bytes)));
    memset(bytes, 'x', sizeof bytes - 1);
    assert_false(take(&o, done(REQUEST + 2, "another's")));
    assert_true(take(&o, durable(REQUEST)));
    assert_int_equal(o.event.request, REQUEST);
    assert_memory_equal(o.event.bytes, "ours", o.event.bytes_size);
}

/* Its place is not told when only what comes after it is acknowledged. */
static void test_durable_without_a_place(void **unused)
{
    (void)unused;
    struct outcome o;
    outcome_init(&o);
    assert_false(take(&o, durable(0)));
    assert_false(take(&o, done(REQUEST, "")));
    assert_true(take(&o, durable(REQUEST)));
}

static void test_many_before_durable(void **unused)
{
    (void)unused;
    struct outcome o;
    outcome_init(&o);
    for (uint64_t i = 1; i <= 3 * OUTCOME_EARLY_MAX; i++)
        assert_false(take(&o, done(i, "")));
    assert_false(take(&o, durable(2 * OUTCOME_EARLY_MAX)));
    assert_true(take(&o, durable(2 * OUTCOME_EARLY_MAX + 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_after_durable),
        cmocka_unit_test(test_before_durable),
        cmocka_unit_test(test_durable_without_a_place),
        cmocka_unit_test(test_many_before_durable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
