/* service_prune_test.c - risk drops what its shard has in two snapshots, and nothing that
 * anybody will ask for. */
#include "proto/big_endian.h"
#include "tests/unit/service_world.h"

static int begin_pruned(void **state)
{
    prunes = true;
    return begin(state);
}

static int end_pruned(void **state)
{
    prunes = false;
    return end(state);
}

/* Of the first block of approved.0 that risk still has. */
static uint64_t first_stored(void)
{
    const uint8_t key[4] = {0, 0, 0, 1}; /* stream 1 + shard */
    const void *found, *block;
    size_t key_size, size;
    assert_int_equal(journal_seek(venue[RISK]->journal, JOURNAL_EMIT, key, sizeof key,
                                  &found, &key_size, &block, &size),
                     0);
    assert_int_equal(key_size, 12);
    return big_endian_get((const uint8_t *)found + 4, 8);
}

static void all_are_ready(void)
{
    for (uint32_t i = 0; i < SERVICES; i++)
        assert_true(service_is_ready(venue[i]));
    assert_int_equal(toy_of(RISK)->ticks, toy_of(SHARD)->ticks);
}

/* As far as the older snapshot of the shard, not further: it may go on from that. */
static void what_the_shard_has_goes(void **state)
{
    (void)state;
    run_for(12000); /* 120 ticks, a snapshot every 50 */
    assert_true(venue[SHARD]->snapshots_stored[1] >= 50);
    run_for(2000);
    const uint64_t first = first_stored();
    assert_true(first > 1);
    assert_true(first <= venue[SHARD]->snapshots_stored[1]);
    assert_true(metrics_get(&venue[RISK]->metrics, METRICS_blocks_pruned) >= first - 1);
    all_are_ready();
}

static void nothing_goes_unasked(void **state)
{
    (void)state;
    run_for(14000);
    assert_true(venue[SHARD]->snapshots_stored[1] >= 50);
    assert_int_equal(first_stored(), 1);
}

/* Crashes at any point, and a risk that begins with an empty volume: the shard finds all
 * it needs. */
static void crashes_find_all_they_need(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 8; seed++) {
        random_init(&net.random, seed);
        net.loss = 100;
        net.duplication = net.reordering = 50;
        for (uint32_t step = 0; step < 3000; step++) {
            net.now_ns += random_below(&net.random, 8) * UINT64_C(1000000);
            turn((uint32_t)random_below(&net.random, SERVICES));
            if (!net_chance(5))
                continue;
            const uint32_t i = (uint32_t)random_below(&net.random, SERVICES);
            kill_it(i);
            if (i == RISK && net_chance(200))
                shell("rm -rf %s%s", paths[i], "");
            start(i);
        }
        net.loss = net.duplication = net.reordering = 0;
        run_for(3000);
        all_are_ready();
    }
    assert_true(first_stored() > 100);
}

/* A shard whose volume is lost finds its stream's beginning gone, and says so; risk makes
 * it again from the log, from an empty volume of its own. */
static void a_lost_shard_takes_risk_along(void **state)
{
    (void)state;
    run_for(14000);
    assert_true(first_stored() > 1);
    kill_it(SHARD);
    shell("rm -rf %s%s", paths[SHARD], "");
    start(SHARD);
    assert_int_equal(run_until_end(SHARD, 3000), ERR_GAP);
    assert_int_equal(error_exit_code(ERR_GAP), 25); /* its own: what to do is another */
    kill_it(SHARD);
    kill_it(RISK);
    shell("rm -rf %s %s", paths[SHARD], paths[RISK]);
    start(RISK);
    run_for(1000);
    start(SHARD);
    run_for(3000);
    all_are_ready();
}

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_the_shard_has_goes, begin_pruned,
                                        end_pruned),
        cmocka_unit_test_setup_teardown(nothing_goes_unasked, begin, end),
        cmocka_unit_test_setup_teardown(crashes_find_all_they_need, begin_pruned,
                                        end_pruned),
        cmocka_unit_test_setup_teardown(a_lost_shard_takes_risk_along, begin_pruned,
                                        end_pruned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
