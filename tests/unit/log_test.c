/* log_test.c - what a line looks like, and that a storm of them does not last. */
#include "common/log.h"

#include <inttypes.h>
#include <string.h>

#include "common/check.h"
#include "common/clock.h"
#include "tests/unit/unit.h"

static int ends[2];

static int open_pipe(void **state)
{
    (void)state;
    log_set_output(pipe(ends) == 0 ? ends[1] : -1);
    return 0;
}

/* What was logged since the last call. */
static const char *logged(void)
{
    static char text[65536];
    log_line(LOG_LEVEL_ERROR, "mark", " "); /* so that read never waits */
    const ssize_t size = read(ends[0], text, sizeof(text) - 1);
    assert_true(size > 0);
    text[size] = '\0';
    char *mark = strstr(text, " mark\n");
    assert_non_null(mark);
    *mark = '\0';
    char *before = strrchr(text, '\n');
    *(before ? before + 1 : text) = '\0';
    return text;
}

/* The use, and the shape of a line. */
static void shape(void **state)
{
    (void)state;
    check_sequence = 42;
    log_set_service("shard.0");
    log_info("ready", "lag=%" PRIu64 " epoch=%d", (uint64_t)7, 1);
    const char *line = logged();
    assert_int_equal(strcspn(line, " "), strlen("2026-11-21T04:22:24.123456Z"));
    assert_string_equal(strchr(line, ' '), " info shard.0 42 ready lag=7 epoch=1\n");
    log_warn("alone", "");
    assert_string_equal(strchr(logged(), ' '), " warn shard.0 42 alone\n");
    check_sequence = 0;
}

static void levels(void **state)
{
    (void)state;
    enum log_level level;
    log_debug("hidden", "");
    assert_string_equal(logged(), "");
    assert_true(log_find_level("debug", &level));
    assert_false(log_find_level("loud", &level));
    log_set_level(level);
    log_debug("shown", "");
    assert_non_null(strstr(logged(), " shown\n"));
    log_set_level(LOG_LEVEL_INFO);
}

/* A long line is cut and still ends; a value cannot begin a line of its own. */
static void one_line(void **state)
{
    (void)state;
    static char value[2 * LOG_LINE_MAX];
    memset(value, 'a', sizeof(value) - 1);
    log_info("long", "value=%s", value);
    const char *line = logged();
    assert_int_equal(strlen(line), LOG_LINE_MAX);
    assert_int_equal(line[LOG_LINE_MAX - 1], '\n');
    log_info("feed", "value=%s", "a\nb\033[1m");
    assert_non_null(strstr(logged(), " feed value=a?b?[1m\n"));
}

static int count_lines(const char *text)
{
    int count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

/* Of a storm ten lines a second remain; the first one later says how many did not. */
static void repeats(void **state)
{
    (void)state;
    enum { STORM = 1000 };
    const uint64_t start_ns = clock_mono_ns();
    for (int i = 0; i < STORM; i++)
        log_warn("storm", "i=%d", i);
    const int lines = count_lines(logged());
    const uint64_t seconds = (clock_mono_ns() - start_ns) / (uint64_t)CLOCK_S_NS + 2;
    assert_in_range(lines, LOG_REPEATS_MAX, seconds * LOG_REPEATS_MAX);
    const char *line = "";
    for (uint64_t now_ns = start_ns; !line[0]; now_ns = clock_mono_ns()) {
        assert_true(now_ns < start_ns + 60 * (uint64_t)CLOCK_S_NS);
        log_warn("storm", "later=1");
        if (now_ns > start_ns + (uint64_t)CLOCK_S_NS)
            line = logged();
    }
    assert_non_null(strstr(line, " left_out="));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shape),
        cmocka_unit_test(levels),
        cmocka_unit_test(one_line),
        cmocka_unit_test(repeats),
    };
    return cmocka_run_group_tests(tests, open_pipe, NULL);
}
