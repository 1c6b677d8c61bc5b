/* service_restart_test.c - what a service does when its past is damaged, lost, or
 * another's. */
#include "tests/unit/service_world.h"

static struct journal *open_journal(uint32_t i)
{
    struct journal *journal = NULL;
    struct service_options options = options_of(i);
    assert_int_equal(journal_open(&journal, &options.journal), 0);
    return journal;
}

/* Changes one byte of the row that `seek_back` from the end of the table finds. */
static void flip_last_row(uint32_t i, uint32_t table, uint32_t back)
{
    struct journal *journal = open_journal(i);
    uint8_t key[16], value[1 << 16];
    const void *found, *bytes;
    size_t key_size = sizeof key, size = 0;
    memset(key, 0xff, sizeof key);
    for (uint32_t step = 0; step <= back; step++) {
        size_t found_size;
        assert_int_equal(journal_seek_back(journal, table, key, key_size, &found,
                                           &found_size, &bytes, &size),
                         0);
        memcpy(key, found, found_size);
        key_size = found_size;
        memcpy(value, bytes, size);
        if (step < back)
            key[key_size - 1]--; /* keys end in a count that is not 0 here */
    }
    value[size / 2] ^= 0x10;
    assert_int_equal(journal_put(journal, table, key, key_size, value, size), 0);
    assert_int_equal(journal_commit(journal), 0);
    journal_close(&journal);
}

/* The newest snapshot is damaged: the one before it and a longer replay end the same. */
static void damaged_snapshot(void **state)
{
    (void)state;
    run_for(12000);
    for (uint32_t i = 0; i < SERVICES; i++) {
        uint64_t newest = venue[i]->snapshot_next, next = service_next(venue[i]);
        const struct metrics *metrics = &venue[i]->metrics;
        assert_true(metrics_get(metrics, METRICS_snapshots) > 0);
        assert_true(metrics_get(metrics, METRICS_snapshot_gseq) > 0);
        assert_int_equal(metrics_get(metrics, METRICS_snapshot_records),
                         venue[i]->options.snapshot_records);
        assert_in_range(metrics_get(metrics, METRICS_replay_records), 0,
                        2 * venue[i]->options.snapshot_records);
        assert_true(metrics->histograms[METRICS_snapshot].buckets[0] > 0);
        kill_it(i);
        flip_last_row(i, JOURNAL_SNAPSHOT, 1); /* the chunk before the marker */
        start(i);
        assert_true(venue[i]->snapshot_next < newest);
        assert_true(venue[i]->snapshot_next > 0);
        run_for(2000);
        assert_true(service_next(venue[i]) > next);
        assert_true(service_is_ready(venue[i]));
    }
}

/* A flipped bit in what was stored stops the service, whoever finds it. */
static void damaged_input(void **state)
{
    (void)state;
    run_for(1000);
    kill_it(SHARD);
    flip_last_row(SHARD, JOURNAL_INPUT, 0);
    start(SHARD);
    assert_int_equal(run_until_end(SHARD, 1000), ERR_CORRUPT);
}

static void damaged_log(void **state)
{
    (void)state;
    run_for(1000);
    kill_it(SEQUENCER);
    flip_last_row(SEQUENCER, JOURNAL_LOG, 0);
    start(SEQUENCER);
    assert_int_equal(run_until_end(SEQUENCER, 1000), ERR_CORRUPT);
}

/* A log with a block missing must not be taken for a shorter one and written on. */
static void holed_log(void **state)
{
    (void)state;
    run_for(1000);
    kill_it(SEQUENCER);
    struct journal *journal = open_journal(SEQUENCER);
    uint8_t key[8];
    const void *found, *bytes;
    size_t found_size, size;
    memset(key, 0xff, sizeof key);
    for (uint32_t step = 0; step < 3; step++) {
        assert_int_equal(journal_seek_back(journal, JOURNAL_LOG, key, sizeof key, &found,
                                           &found_size, &bytes, &size),
                         0);
        memcpy(key, found, sizeof key);
        if (step < 2)
            key[7]--;
    }
    assert_int_equal(journal_del(journal, JOURNAL_LOG, key, sizeof key), 0);
    assert_int_equal(journal_commit(journal), 0);
    journal_close(&journal);
    start(SEQUENCER);
    assert_int_equal(run_until_end(SEQUENCER, 1000), ERR_CORRUPT);
}

/* Losing any volume but the sequencer's costs time, never data. */
static void lost_volumes(void **state)
{
    (void)state;
    run_for(3000);
    for (uint32_t i = RISK; i < SERVICES; i++) {
        uint8_t before[16];
        uint64_t next = service_next(venue[i]);
        memcpy(before, toy_of(i)->digest, sizeof before);
        kill_it(i);
        shell("rm -rf %s%s", paths[i], "");
        start(i);
        while (service_next(venue[i]) < next) {
            net.now_ns += 2 * UINT64_C(1000000);
            turn(SEQUENCER);
            turn(RISK);
            if (i != RISK)
                turn(i);
        }
        if (service_next(venue[i]) == next)
            assert_memory_equal(toy_of(i)->digest, before, sizeof before);
        run_for(1500);
        assert_true(service_is_ready(venue[i]));
    }
    assert_int_equal(toy_of(RISK)->ticks, toy_of(SHARD)->ticks);
}

/* Puts the sequencer's volume back to what it was a second ago. */
static void restore_older_copy(void)
{
    kill_it(SEQUENCER);
    shell("cp -r %s %s.old", paths[SEQUENCER], paths[SEQUENCER]);
    start(SEQUENCER);
    run_for(1000);
    kill_it(SEQUENCER);
    shell("rm -rf %s%s", paths[SEQUENCER], "");
    shell("mv %s.old %s", paths[SEQUENCER], paths[SEQUENCER]);
}

/* A sequencer from an older copy of its volume must not go on: consumers know more. */
static void older_copy_of_the_log(void **state)
{
    (void)state;
    run_for(1000);
    restore_older_copy();
    start(SEQUENCER);
    int error = run_until_end(SEQUENCER, 3000);
    assert_true(error == ERR_LOG_BEHIND || error == ERR_DIVERGED);
}

/* ... nor be believed when it did, while they were down, and is longer than they know. */
static void older_copy_that_went_on(void **state)
{
    (void)state;
    run_for(1000);
    restore_older_copy();
    const uint64_t known = service_next(venue[READER]);
    for (uint32_t i = RISK; i < SERVICES; i++)
        kill_it(i);
    start(SEQUENCER);
    while (venue[SEQUENCER]->publishers[0].next < 2 * known)
        run_for(100);
    start(READER);
    assert_int_equal(run_until_end(SEQUENCER, 3000), ERR_DIVERGED);
}

/* The journal of a service belongs to one log. */
static void another_log(void **state)
{
    (void)state;
    run_for(500);
    kill_it(SEQUENCER);
    shell("rm -rf %s%s", paths[SEQUENCER], "");
    start(SEQUENCER); /* draws another log_id */
    kill_it(RISK);
    kill_it(SHARD);
    assert_int_equal(run_until_end(READER, 3000), ERR_OTHER_LOG);
}

static void no_log_without_init(void **state)
{
    (void)state;
    kill_it(SEQUENCER);
    shell("rm -rf %s%s", paths[SEQUENCER], "");
    struct service_options options = options_of(SEQUENCER);
    options.init = false;
    assert_int_equal(service_create(&venue[SEQUENCER], &kinds[SEQUENCER], &options),
                     ERR_NO_GENESIS);
    assert_null(venue[SEQUENCER]);
}

/* A core that says something else than it said before is stopped: by its own
 * journal... */
static void a_core_that_lies_in_a_replay(void **state)
{
    (void)state;
    run_for(1990);
    risk_lies_at = toy_of(RISK)->ticks;
    kill_it(RISK);
    start(RISK);
    assert_true(venue[RISK]->is_replaying);
    assert_int_equal(run_until_end(RISK, 3000), ERR_DIVERGED);
}

/* ... or, when that is lost, by the digest of its submissions. */
static void a_core_that_lies_to_the_log(void **state)
{
    (void)state;
    run_for(2000);
    risk_lies_at = 3;
    kill_it(RISK);
    shell("rm -rf %s%s", paths[RISK], "");
    start(RISK);
    assert_int_equal(run_until_end(RISK, 3000), ERR_DIVERGED);
}

/* A commit that fails ends the service, and nothing it said was a lie. */
static void a_disk_that_fails(void **state)
{
    (void)state;
    run_for(500);
    journal_fail(venue[SEQUENCER]->journal, JOURNAL_COMMIT, 1, ERR_IO);
    assert_int_equal(run_until_end(SEQUENCER, 1000), ERR_IO);
    kill_it(SEQUENCER);
    start(SEQUENCER);
    run_for(2000);
    for (uint32_t i = 0; i < SERVICES; i++)
        assert_true(service_is_ready(venue[i]));
}

/* While the sequencer is away nobody's memory grows, and nothing is forgotten. */
static void a_sequencer_that_is_away(void **state)
{
    (void)state;
    run_for(1000);
    uint64_t ticks = toy_of(SHARD)->ticks;
    kill_it(SEQUENCER);
    run_for(3000);
    assert_false(service_is_ready(venue[RISK]));
    assert_false(service_is_ready(venue[READER]));
    start(SEQUENCER);
    run_for(3000);
    assert_true(toy_of(SHARD)->ticks > ticks + 20);
    assert_int_equal(toy_of(RISK)->ticks, toy_of(SHARD)->ticks);
}

/* A snapshot that a child writes is that of the moment it was started at, whatever has
 * come since. If the child is lost, the service takes the next one itself. */
static void start_from_a_child(uint32_t i, bool is_lost)
{
    bool was_making = false, was_lost = false;
    begin(NULL);
    saves_in = is_lost ? getpid() : 0;
    venue[i]->options.snapshot_child_bytes = 0;
    while (metrics_get(&venue[i]->metrics, METRICS_snapshots) == 0) {
        run_for(2);
        was_making |= venue[i]->snapshot.phase == SNAPSHOT_MAKING;
        was_lost |= venue[i]->snapshot_lost;
    }
    assert_true(was_making);
    assert_int_equal(was_lost, is_lost);
    uint64_t next = service_next(venue[i]);
    kill_it(i);
    start(i);
    assert_in_range(venue[i]->snapshot_next, 1, next);
    run_for(2000);
    assert_true(service_next(venue[i]) > next);
    assert_true(service_is_ready(venue[i]));
    end(NULL);
}

static void a_snapshot_by_a_child(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SERVICES; i++)
        start_from_a_child(i, false);
}

static void a_child_is_lost(void **state)
{
    (void)state;
    for (uint32_t i = RISK; i < SERVICES; i++) /* those that save as our toys do */
        start_from_a_child(i, true);
}

/* A clean stop leaves nothing to replay. */
static void a_clean_stop(void **state)
{
    (void)state;
    run_for(1000);
    for (uint32_t i = 0; i < SERVICES; i++) {
        uint64_t next = service_next(venue[i]);
        service_stop(venue[i]);
        assert_int_equal(service_run(venue[i]), 0);
        kill_it(i);
        start(i);
        assert_int_equal(service_next(venue[i]), next);
        assert_int_equal(venue[i]->snapshot_next, next);
    }
    run_for(1000);
    for (uint32_t i = 0; i < SERVICES; i++)
        assert_true(service_is_ready(venue[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_snapshot_by_a_child),
        cmocka_unit_test(a_child_is_lost),
        cmocka_unit_test_setup_teardown(damaged_snapshot, begin, end),
        cmocka_unit_test_setup_teardown(damaged_input, begin, end),
        cmocka_unit_test_setup_teardown(damaged_log, begin, end),
        cmocka_unit_test_setup_teardown(holed_log, begin, end),
        cmocka_unit_test_setup_teardown(lost_volumes, begin, end),
        cmocka_unit_test_setup_teardown(older_copy_of_the_log, begin, end),
        cmocka_unit_test_setup_teardown(older_copy_that_went_on, begin, end),
        cmocka_unit_test_setup_teardown(another_log, begin, end),
        cmocka_unit_test_setup_teardown(no_log_without_init, begin, end),
        cmocka_unit_test_setup_teardown(a_core_that_lies_in_a_replay, begin, end),
        cmocka_unit_test_setup_teardown(a_core_that_lies_to_the_log, begin, end),
        cmocka_unit_test_setup_teardown(a_disk_that_fails, begin, end),
        cmocka_unit_test_setup_teardown(a_sequencer_that_is_away, begin, end),
        cmocka_unit_test_setup_teardown(a_clean_stop, begin, end),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
