/* metrics_test.c - what is counted is shown, as Prometheus' own tool wants it. */
#include "common/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

static struct metrics shard, risk;
static const struct metrics *const both[] = {&shard, &risk};
static char text[262144];

static const char *printed(void)
{
    FILE *to = fmemopen(text, sizeof(text), "w");
    assert_non_null(to);
    metrics_print(both, 2, to);
    assert_int_equal(fclose(to), 0);
    return text;
}

static int create(void **state)
{
    (void)state;
    metrics_init(&shard, "shard.0");
    metrics_init(&risk, "risk");
    return 0;
}

/* The use. */
static void counted_and_shown(void **state)
{
    (void)state;
    metrics_add(&shard, METRICS_records_applied, 2);
    metrics_add(&shard, METRICS_records_applied, 40);
    metrics_set(&risk, METRICS_gseq, UINT64_MAX);
    printed();
    assert_non_null(strstr(text, "\n# TYPE zex_records_applied_total counter\n"
                                 "zex_records_applied_total{service=\"shard.0\"} 42\n"
                                 "zex_records_applied_total{service=\"risk\"} 0\n"));
    assert_non_null(strstr(text, "\nzex_gseq{service=\"risk\"} 18446744073709551615\n"));
}

/* A value on the edge of a bucket is within it; a bucket counts those below it too. */
static void histogram(void **state)
{
    (void)state;
    metrics_observe(&shard, METRICS_commit, 0);
    metrics_observe(&shard, METRICS_commit, 1024);
    metrics_observe(&shard, METRICS_commit, 1025);
    metrics_observe(&shard, METRICS_commit, UINT64_C(3000000000));
    metrics_observe(&shard, METRICS_commit, UINT64_C(1) << 40);
    printed();
    static const char *const lines[] = {
        "_bucket{service=\"shard.0\",le=\"0.000001024\"} 2\n",
        "_bucket{service=\"shard.0\",le=\"0.000002048\"} 3\n",
        "_bucket{service=\"shard.0\",le=\"2.147483648\"} 3\n",
        "_bucket{service=\"shard.0\",le=\"4.294967296\"} 4\n",
        "_bucket{service=\"shard.0\",le=\"17.179869184\"} 4\n",
        "_bucket{service=\"shard.0\",le=\"+Inf\"} 5\n",
        "_sum{service=\"shard.0\"} 1102.511629825\n",
        "_count{service=\"shard.0\"} 5\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char line[128];
        snprintf(line, sizeof(line), "\nzex_commit_seconds%s", lines[i]);
        if (!strstr(text, line))
            fail_msg("no line '%s'", line);
    }
}

static void health(void **state)
{
    (void)state;
    FILE *to = fmemopen(text, sizeof(text), "w");
    assert_non_null(to);
    assert_true(metrics_print_live(both, 2, 5000000000, 1000000000, to));
    assert_false(metrics_print_ready(both, 2, to));
    metrics_turn(&shard, 3000000000, true);
    metrics_turn(&risk, 4500000000, true);
    assert_true(metrics_print_ready(both, 2, to));
    assert_false(metrics_print_live(both, 2, 5000000000, 1000000000, to));
    assert_true(metrics_print_live(both, 2, 5000000000, 2000000000, to));
    assert_int_equal(fclose(to), 0);
    assert_non_null(strstr(text, "shard.0 stalled turned_ms_ago=2000\n"));
    assert_non_null(strstr(text, "risk live turned_ms_ago=500\n"));
    assert_non_null(strstr(text, "risk waiting gseq="));
}

/* promtool also refuses names against Prometheus' customs. */
static void accepted_by_promtool(void **state)
{
    (void)state;
    if (system("command -v promtool >/dev/null") != 0) {
        puts("skipped: no promtool");
        skip();
    }
    printed();
    FILE *to = popen("promtool check metrics 2>&1", "w");
    assert_non_null(to);
    assert_true(fputs(text, to) >= 0);
    assert_int_equal(pclose(to), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counted_and_shown),
        cmocka_unit_test(histogram),
        cmocka_unit_test(health),
        cmocka_unit_test(accepted_by_promtool),
    };
    return cmocka_run_group_tests(tests, create, NULL);
}
