/* service_archive_test.c - a venue whose log moves into files, and everybody who needs
 * what is there. */
#include "common/service_archive.h"

#include "common/stream_archive.h"
#include "proto/big_endian.h"
#include "tests/unit/service_world.h"

static int begin_archiving(void **state)
{
    archives = true;
    return begin(state);
}

/* The one registered service that is not in this small venue. */
static void let_settlement_have_read(uint64_t next)
{
    struct sequencer *s = venue[SEQUENCER]->state;
    s->roster.services[SERVICE_SETTLEMENT].next = next;
}

static uint64_t archived(void)
{
    return stream_archive_next(venue[SEQUENCER]->archive.files);
}

/* Of the log in the journal. */
static uint64_t first_in_journal(void)
{
    const void *key, *bytes;
    size_t key_size, size;
    assert_int_equal(journal_seek(venue[SEQUENCER]->journal, JOURNAL_LOG, "", 1, &key,
                                  &key_size, &bytes, &size),
                     0);
    return big_endian_get(key, 8);
}

static void run_until_pruned(void)
{
    run_for(100);
    let_settlement_have_read(UINT64_MAX);
    for (uint32_t i = 0; i < 100 && first_in_journal() < 200; i++)
        run_for(500);
    assert_true(first_in_journal() >= 200);
    assert_true(first_in_journal() <= archived());
}

static void restart(uint32_t i)
{
    service_destroy(&venue[i]);
    start(i);
}

/* What the oldest snapshot needs, and what a consumer has not read, stays. */
static void what_is_needed_stays(void **state)
{
    (void)state;
    run_for(15000);
    assert_int_equal(archived(), 1); /* settlement was never heard */
    let_settlement_have_read(100);
    run_for(5000);
    assert_true(archived() > 1 && archived() <= 100);
    let_settlement_have_read(UINT64_MAX);
    run_for(20000);
    assert_true(archived() > 100);
    assert_true(archived() <= venue[SEQUENCER]->snapshot_next);
    assert_true(archived() + 20 <= service_next(venue[SEQUENCER]));
    assert_true(first_in_journal() <= archived());
}

/* A reader with an empty volume gets all of it from archive and journal, and ends as one
 * that was there all the time. */
static void an_empty_volume_catches_up(void **state)
{
    (void)state;
    uint8_t before[16];
    run_until_pruned();
    uint64_t next = service_next(venue[READER]);
    memcpy(before, toy_of(READER)->digest, sizeof before);
    service_destroy(&venue[READER]);
    shell("rm -rf %s%s", paths[READER], "");
    start(READER);
    for (uint32_t i = 0; service_next(venue[READER]) < next && i < 100000; i++) {
        net.now_ns += 2 * UINT64_C(1000000);
        turn(SEQUENCER);
        turn(READER);
    }
    run_for(1000);
    assert_true(service_is_ready(venue[READER]));
    assert_int_equal(toy_of(READER)->skipped, 0);
    assert_true(service_next(venue[READER]) > next);
    restart(READER); /* its own replay agrees */
    run_for(1000);
    assert_true(service_is_ready(venue[READER]));
}

/* The sequencer restarts from its snapshot, and from zero when it has none. */
static void the_owner_replays_through_the_archive(void **state)
{
    (void)state;
    run_until_pruned();
    restart(SEQUENCER);
    run_for(1000);
    assert_true(service_is_ready(venue[SEQUENCER]));
    uint64_t next = service_next(venue[SEQUENCER]);
    struct journal *journal = venue[SEQUENCER]->journal;
    const void *key, *value;
    size_t key_size, size;
    while (journal_seek(journal, JOURNAL_SNAPSHOT, "", 1, &key, &key_size, &value,
                        &size) == 0) {
        uint8_t copy[16];
        memcpy(copy, key, key_size);
        assert_int_equal(journal_del(journal, JOURNAL_SNAPSHOT, copy, key_size), 0);
    }
    assert_int_equal(journal_commit(journal), 0);
    restart(SEQUENCER);
    assert_int_equal(venue[SEQUENCER]->snapshot_next, 0);
    run_for(5000);
    assert_true(service_is_ready(venue[SEQUENCER]));
    assert_true(service_next(venue[SEQUENCER]) > next);
}

/* A crash at any turn of a round loses and repeats nothing. */
static void crashes_between_copy_and_delete(void **state)
{
    (void)state;
    run_for(8000);
    uint32_t phases = 0;
    for (uint32_t i = 0; i < 200; i++) {
        let_settlement_have_read(UINT64_MAX);
        run_for(2 * (1 + i % 150));
        phases |= 1u << venue[SEQUENCER]->archive.phase;
        if (i % 16 == 15)
            restart(SEQUENCER);
    }
    assert_int_equal(phases & 1u << SERVICE_ARCHIVE_OFF, 0);
    assert_int_equal(phases & 0xe, 0xe); /* it was seen in each phase of a round */
    assert_true(first_in_journal() > 100);
    restart(READER);
    run_for(2000);
    assert_int_equal(toy_of(READER)->skipped, 0);
    assert_true(service_is_ready(venue[READER]));
}

static int try_start(void)
{
    struct service_options options = options_of(SEQUENCER);
    return service_create(&venue[SEQUENCER], &kinds[SEQUENCER], &options);
}

/* Without the archive, or with less than was moved there, the owner does not start. */
static void a_lost_archive_is_noticed(void **state)
{
    (void)state;
    run_until_pruned();
    service_destroy(&venue[SEQUENCER]);
    archives = false;
    assert_int_equal(try_start(), ERR_CORRUPT);
    archives = true;
    shell("rm -r %s%s", archive_path, "");
    assert_int_equal(try_start(), ERR_CORRUPT);
}

int main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_needed_stays, begin_archiving, end),
        cmocka_unit_test_setup_teardown(an_empty_volume_catches_up, begin_archiving, end),
        cmocka_unit_test_setup_teardown(the_owner_replays_through_the_archive,
                                        begin_archiving, end),
        cmocka_unit_test_setup_teardown(crashes_between_copy_and_delete, begin_archiving,
                                        end),
        cmocka_unit_test_setup_teardown(a_lost_archive_is_noticed, begin_archiving, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
