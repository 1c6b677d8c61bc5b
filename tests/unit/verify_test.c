/* verify_test.c - what a venue has stored verifies; one byte flipped, a record forged, a
 * block lost is found and named.
 */
#include "tests/unit/verify_venue.h"

#include "deploy/cli/refold_stream.h"
#include "deploy/cli/refold_world.h"
#include "proto/big_endian.h"

static int verify(void)
{
    char *argv[] = {directory, "--every", "100"};
    return run(command_verify, NULL, 3, argv);
}

/* ---- what is right verifies -------------------------------------------------------- */

static void a_venue_that_crashed_and_lost_frames_verifies(void **state)
{
    (void)state;
    uint32_t services = 0;
    assert_int_equal(verify(), 0);
    for (uint32_t i = 0; i < SERVICES; i++)
        services += strstr(output, names[i]) != NULL;
    assert_int_equal(services, SERVICES);
    assert_non_null(strstr(output, "crc, chain, gseq, n and time hold"));
    assert_non_null(strstr(output, "risk = settlement"));
    char *argv[] = {directory, "--json"};
    assert_int_equal(run(command_verify, NULL, 2, argv), 0);
    assert_non_null(strstr(output, "{\"verified\":true,"));
}

/* ---- one byte is found ------------------------------------------------------------- */

/* Where in DIR/name/data.mdb the byte at `address`, which LMDB has mapped, is. */
static long find_offset(const void *address, const char *name)
{
    char line[512], want[160];
    unsigned long first, last, offset, at = (unsigned long)(uintptr_t)address;
    long found = -1;
    FILE *maps = fopen("/proc/self/maps", "re");
    assert_non_null(maps);
    snprintf(want, sizeof want, "%s/%s/data.mdb", directory, name);
    while (found < 0 && fgets(line, sizeof line, maps) != NULL)
        if (strstr(line, want) != NULL &&
            sscanf(line, "%lx-%lx %*s %lx", &first, &last, &offset) == 3 && at >= first &&
            at < last)
            found = (long)(at - first + offset);
    fclose(maps);
    assert_true(found >= 0);
    return found;
}

/* The offset of a byte in the middle of the value at or before `key`. */
static long find_value(const char *name, uint32_t table, const void *key, size_t key_size)
{
    struct journal *journal = NULL;
    const void *found, *value;
    size_t found_size, value_size;
    assert_int_equal(refold_world_journal(&journal, directory, name), 0);
    assert_int_equal(journal_seek_back(journal, table, key, key_size, &found, &found_size,
                                       &value, &value_size),
                     0);
    long offset = find_offset((const uint8_t *)value + value_size / 2, name);
    journal_close(&journal);
    return offset;
}

static void flip(const char *name, long offset)
{
    char path[128], byte = 0;
    snprintf(path, sizeof path, "%s/%s/data.mdb", directory, name);
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0 && pread(file, &byte, 1, offset) == 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(file, &byte, 1, offset), 1);
    close(file);
}

/* Flips, verifies, flips back; `want` begins the line that names the place. */
static void expect(const char *name, long offset, const char *want)
{
    flip(name, offset);
    assert_int_equal(verify(), 1);
    flip(name, offset);
    if (strncmp(output, want, strlen(want)) != 0)
        fail_msg("wanted %s, got %s", want, output);
}

/* Somewhere in the block that holds this position of the stream. */
static void expect_in_stream(const char *name, uint32_t table, uint32_t stream,
                             const char *stream_name, uint64_t seq)
{
    uint8_t key[12];
    char want[96];
    struct journal *journal = NULL;
    struct refold_stream walk;
    big_endian_put(key, stream, 4);
    big_endian_put(key + 4, seq, 8);
    const uint8_t *at = table == JOURNAL_EMIT ? key : key + 4;
    long offset = find_value(name, table, at, table == JOURNAL_EMIT ? 12 : 8);
    assert_int_equal(refold_world_journal(&journal, directory, name), 0);
    assert_int_equal(refold_stream_open(&walk, journal, table, stream), 0);
    assert_int_equal(refold_stream_seek(&walk, seq), 0);
    snprintf(want, sizeof want, "first difference: %s %s seq %" PRIu64 " (", name,
             stream_name, walk.next);
    refold_stream_close(&walk);
    journal_close(&journal);
    expect(name, offset, want);
}

static void a_byte_of_the_log_is_found(void **state)
{
    (void)state;
    expect_in_stream("sequencer", JOURNAL_LOG, STREAM_LOG, "log", 300);
}

static void a_byte_of_a_shards_journal_is_found(void **state)
{
    (void)state;
    expect_in_stream("shard-0", JOURNAL_INPUT, STREAM_APPROVED(0), "input", 300);
    expect_in_stream("shard-1", JOURNAL_INPUT, STREAM_APPROVED(1), "input", 300);
    expect_in_stream("shard-0", JOURNAL_OUTPUT, STREAM_OUTPUT, "output", 300);
}

/* What is left of it: its beginning is pruned. */
static void a_byte_of_approved_is_found(void **state)
{
    (void)state;
    struct journal *journal = NULL;
    struct refold_stream walk;
    assert_int_equal(refold_world_journal(&journal, directory, "risk"), 0);
    assert_int_equal(refold_stream_open(&walk, journal, JOURNAL_EMIT, STREAM_APPROVED(0)),
                     0);
    const uint64_t first = walk.next, last = walk.end - 1;
    refold_stream_close(&walk);
    journal_close(&journal);
    assert_true(first > 1 && first + 50 < last);
    expect_in_stream("risk", JOURNAL_EMIT, STREAM_APPROVED(0), "approved.0", first);
    expect_in_stream("risk", JOURNAL_EMIT, STREAM_APPROVED(0), "approved.0", last);
}

/* Somewhere in the newest snapshot, whose position is `id`. */
static long find_snapshot(const char *name, uint64_t *id)
{
    struct journal *journal = NULL;
    struct snapshot snapshot = {.phase = SNAPSHOT_IDLE};
    uint8_t key[12];
    assert_int_equal(refold_world_journal(&journal, directory, name), 0);
    assert_int_equal(snapshot_load(&snapshot, journal, UINT64_MAX), 0);
    *id = snapshot.id;
    big_endian_put(key, snapshot.id, 8);
    big_endian_put(key + 8, 0, 4);
    snapshot_release(&snapshot);
    journal_close(&journal);
    return find_value(name, JOURNAL_SNAPSHOT, key, sizeof key);
}

static void a_byte_of_any_snapshot_is_found(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SERVICES; i++) {
        uint64_t id = 0;
        char want[96];
        long offset = find_snapshot(names[i], &id);
        snprintf(want, sizeof want,
                 "first difference: %s snapshot seq %" PRIu64 " (checksum)", names[i],
                 id);
        expect(names[i], offset, want);
    }
}

/* The past is computed from an older one then, or from zero: the answer is the same. */
static void as_of_passes_by_a_damaged_snapshot(void **state)
{
    (void)state;
    char *argv[] = {"positions", "--dir", directory}, whole[sizeof output];
    uint64_t id = 0;
    assert_int_equal(run(command_as_of, NULL, 3, argv), 0);
    memcpy(whole, output, sizeof whole);
    for (uint32_t i = 0; i < 2; i++) {
        const char *name = names[i == 0 ? RISK : PORTFOLIO];
        long offset = find_snapshot(name, &id);
        flip(name, offset);
        assert_int_equal(run(command_as_of, NULL, 3, argv), 0);
        flip(name, offset);
        assert_string_equal(output, whole);
    }
}

static void a_byte_of_the_history_is_found(void **state)
{
    (void)state;
    uint8_t key[16];
    memset(key, 0xff, sizeof key); /* the last row */
    expect("settlement", find_value("settlement", JOURNAL_ROWS + 1, key, sizeof key),
           "first difference: settlement table 1 seq ");
    expect("portfolio", find_value("portfolio", JOURNAL_ROWS + 1, key, sizeof key),
           "first difference: portfolio table 1 seq ");
}

/* ---- what somebody else wrote ------------------------------------------------------ */

static struct journal *open_to_write(const char *name)
{
    char path[128];
    struct journal *journal = NULL;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    const struct journal_options options = {.path = path, .map_bytes = 256u << 20};
    assert_int_equal(journal_open(&journal, &options), 0);
    return journal;
}

static void write_log(uint64_t seq, const void *bytes, size_t size)
{
    uint8_t key[8];
    struct journal *journal = open_to_write("sequencer");
    big_endian_put(key, seq, 8);
    assert_int_equal(bytes != NULL
                         ? journal_put(journal, JOURNAL_LOG, key, 8, bytes, size)
                         : journal_del(journal, JOURNAL_LOG, key, 8),
                     0);
    assert_int_equal(journal_commit(journal), 0);
    journal_close(&journal);
}

/* A copy of the first block of the log with a record of this kind, which is at `seq`. */
static struct block copy_block(uint32_t kind, uint8_t *bytes, uint64_t *seq)
{
    struct journal *journal = NULL;
    struct refold_stream walk;
    struct block_record record;
    assert_int_equal(refold_world_journal(&journal, directory, "sequencer"), 0);
    assert_int_equal(refold_stream_open(&walk, journal, JOURNAL_LOG, STREAM_LOG), 0);
    do
        assert_int_equal(refold_stream_next(&walk, &record), 1);
    while (codec_kind(record.bytes, record.size) != kind);
    *seq = record.seq;
    memcpy(bytes, walk.block.bytes, walk.block.size);
    struct block block;
    size_t used;
    assert_int_equal(block_open(&block, bytes, walk.block.size, &used), 0);
    refold_stream_close(&walk);
    journal_close(&journal);
    return block;
}

/* Writes the block again with the message at `seq` replaced and a right crc. */
static void forge(struct block block, uint64_t seq, const struct msg *m)
{
    static uint8_t records[1 << 19], forged[1 << 19];
    uint8_t body[MESSAGE_BYTES_MAX];
    size_t size = 0, body_size = put(body, m);
    struct block_record record;
    for (struct block walk = block; block_next(&walk, &record);) {
        bool is_it = record.seq == seq;
        size += block_put_log_record(records + size, record.source, record.n,
                                     is_it ? body : record.bytes,
                                     is_it ? (uint32_t)body_size : record.size);
    }
    struct block made = block;
    block_make(&made, forged, records, size);
    write_log(block.first_seq, made.bytes, made.size);
}

static void expect_forged(uint32_t kind, const char *service, const char *what)
{
    static uint8_t bytes[1 << 19];
    struct block_record record;
    struct msg m;
    char want[96];
    uint64_t seq;
    struct block block = copy_block(kind, bytes, &seq), walk = block;
    do
        assert_true(block_next(&walk, &record));
    while (record.seq != seq);
    assert_int_equal(codec_decode_whole(record.bytes, record.size, &m), 0);
    if (kind == MSG_trade)
        m.trade.price++;
    else
        m.deposit.amount++;
    forge(block, seq, &m);
    assert_int_equal(verify(), 1);
    write_log(block.first_seq, block.bytes, block.size);
    snprintf(want, sizeof want, "first difference: %s", service);
    if (strncmp(output, want, strlen(want)) != 0 || strstr(output, what) == NULL)
        fail_msg("wanted %s %s, got %s", want, what, output);
}

/* With a right crc: a command breaks the chain, a report is not what the core makes. */
static void a_forged_record_is_found(void **state)
{
    (void)state;
    expect_forged(MSG_trade, "shard-", "(content)");
    expect_forged(MSG_deposit, "sequencer log", "(chain)");
    assert_int_equal(verify(), 0);
}

static void a_lost_block_is_a_gap(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 19];
    char want[96];
    uint64_t seq;
    struct block block = copy_block(MSG_trade, bytes, &seq);
    write_log(block.first_seq, NULL, 0);
    assert_int_equal(verify(), 1);
    write_log(block.first_seq, block.bytes, block.size);
    snprintf(want, sizeof want, "first difference: sequencer log seq %" PRIu64 " (gap)\n",
             block.first_seq);
    assert_string_equal(output, want);
}

/* It costs time, never data. */
static void a_lost_volume_is_no_difference(void **state)
{
    (void)state;
    char from[128], to[128];
    snprintf(from, sizeof from, "%s/shard-0", directory);
    snprintf(to, sizeof to, "%s/lost", directory);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(verify(), 0);
    assert_int_equal(rename(to, from), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_venue_that_crashed_and_lost_frames_verifies),
        cmocka_unit_test(a_byte_of_the_log_is_found),
        cmocka_unit_test(a_byte_of_a_shards_journal_is_found),
        cmocka_unit_test(a_byte_of_approved_is_found),
        cmocka_unit_test(a_byte_of_any_snapshot_is_found),
        cmocka_unit_test(as_of_passes_by_a_damaged_snapshot),
        cmocka_unit_test(a_byte_of_the_history_is_found),
        cmocka_unit_test(a_forged_record_is_found),
        cmocka_unit_test(a_lost_block_is_a_gap),
        cmocka_unit_test(a_lost_volume_is_no_difference),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, make_venue, remove_venue);
}
