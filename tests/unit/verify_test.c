/* verify_test.c - the tools over stored journals, on a venue this test makes itself: as
 * it was left everything verifies; one byte flipped is found and named; the past computed
 * again is what it was when it was the present. */
#include "tests/unit/venue_world.h"

#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>

#include "deploy/cli/commands.h"
#include "deploy/cli/refold.h"
#include "deploy/cli/refold_stream.h"
#include "deploy/cli/refold_world.h"

enum { MOMENTS = 200, OUTPUT_BYTES = 1 << 16, RECORDS_MAX = 1 << 16 };

static const char *const names[SERVICES] = {
    "sequencer", "risk", "shard-0", "shard-1", "settlement", "portfolio", "gateway-0"};

/* What the live venue was at random times. */
static struct moment {
    uint32_t service;
    uint64_t gseq;
    uint8_t digest[16];
} moments[MOMENTS];
static uint32_t moment_count;

static void remember(uint32_t i)
{
    struct service_instance *s = venue[i];
    if (moment_count == MOMENTS || i == SEQUENCER || i == GATEWAY || s->state == NULL)
        return;
    struct moment *moment = &moments[moment_count++];
    moment->service = i;
    moment->gseq = s->gseq;
    digest_of(s, moment->digest);
}

/* ---- the venue, made once ---------------------------------------------------------- */

static int make_venue(void **state)
{
    (void)state;
    char from[128], to[128];
    begin(7);
    net.loss = net.reordering = 20;
    while (!step(2)) {
        if (net_chance(10))
            remember((uint32_t)random_below(&net.random, SERVICES));
    }
    settle();
    assert_int_equal(moment_count, MOMENTS);
    for (uint32_t i = 0; i < SERVICES; i++) {
        service_destroy(&venue[i]);
        snprintf(from, sizeof from, "%s/%u", directory, i);
        snprintf(to, sizeof to, "%s/%s", directory, names[i]);
        assert_int_equal(rename(from, to), 0);
    }
    return 0;
}

static int remove_venue(void **state)
{
    (void)state;
    end();
    return 0;
}

/* ---- running a command ------------------------------------------------------------- */

static char output[OUTPUT_BYTES];

/* Runs it with its output in `output`, or in `path` if that is not NULL. */
static int run(int (*command)(int, char **), const char *path, int argc, char **argv)
{
    char made[128];
    snprintf(made, sizeof made, "%s/output", directory);
    fflush(stdout);
    int kept = dup(STDOUT_FILENO);
    int file = open(path != NULL ? path : made, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(kept >= 0 && file >= 0 && dup2(file, STDOUT_FILENO) >= 0);
    int code = command(argc, argv);
    fflush(stdout);
    assert_true(dup2(kept, STDOUT_FILENO) >= 0);
    ssize_t size = pread(file, output, sizeof output - 1, 0);
    assert_true(size >= 0);
    output[size] = 0;
    close(file);
    close(kept);
    return code;
}

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

static void put_be(uint8_t *at, uint64_t value, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

/* Somewhere in the block that holds position 300 of the stream. */
static void expect_in_stream(const char *name, uint32_t table, uint32_t stream,
                             const char *stream_name)
{
    uint8_t key[12];
    char want[96];
    struct journal *journal = NULL;
    struct refold_stream walk;
    put_be(key, stream, 4);
    put_be(key + 4, 300, 8);
    const uint8_t *at = table == JOURNAL_EMIT ? key : key + 4;
    long offset = find_value(name, table, at, table == JOURNAL_EMIT ? 12 : 8);
    assert_int_equal(refold_world_journal(&journal, directory, name), 0);
    assert_int_equal(refold_stream_open(&walk, journal, table, stream), 0);
    assert_int_equal(refold_stream_seek(&walk, 300), 0);
    snprintf(want, sizeof want, "first difference: %s %s seq %" PRIu64 " (", name,
             stream_name, walk.next);
    refold_stream_close(&walk);
    journal_close(&journal);
    expect(name, offset, want);
}

static void a_byte_of_the_log_is_found(void **state)
{
    (void)state;
    expect_in_stream("sequencer", JOURNAL_LOG, STREAM_LOG, "log");
}

static void a_byte_of_a_shards_journal_is_found(void **state)
{
    (void)state;
    expect_in_stream("shard-0", JOURNAL_INPUT, STREAM_APPROVED(0), "input");
    expect_in_stream("shard-1", JOURNAL_INPUT, STREAM_APPROVED(1), "input");
    expect_in_stream("shard-0", JOURNAL_OUTPUT, STREAM_OUTPUT, "output");
}

static void a_byte_of_approved_is_found(void **state)
{
    (void)state;
    expect_in_stream("risk", JOURNAL_EMIT, STREAM_APPROVED(0), "approved.0");
}

static void a_byte_of_any_snapshot_is_found(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SERVICES; i++) {
        struct journal *journal = NULL;
        struct snapshot snapshot = {.phase = SNAPSHOT_IDLE};
        uint8_t key[12];
        char want[96];
        assert_int_equal(refold_world_journal(&journal, directory, names[i]), 0);
        assert_int_equal(snapshot_load(&snapshot, journal, UINT64_MAX), 0);
        put_be(key, snapshot.id, 8);
        put_be(key + 8, 0, 4);
        snprintf(want, sizeof want,
                 "first difference: %s snapshot seq %" PRIu64 " (checksum)", names[i],
                 snapshot.id);
        snapshot_release(&snapshot);
        journal_close(&journal);
        expect(names[i], find_value(names[i], JOURNAL_SNAPSHOT, key, sizeof key), want);
    }
}

/* ---- the past is what it was ------------------------------------------------------- */

struct compared {
    uint32_t count;
};

static const void *state_of(const struct refold_view *view, uint32_t i)
{
    const void *const states[SERVICES] = {
        [RISK] = view->risk,           [SHARD_0] = view->shards[0],
        [SHARD_1] = view->shards[1],   [SETTLEMENT] = view->settlement,
        [PORTFOLIO] = view->portfolio,
    };
    return states[i];
}

static bool compare_moments(void *argument, const struct refold_view *view)
{
    struct compared *compared = argument;
    for (uint32_t i = 0; i < MOMENTS; i++) {
        uint8_t digest[16];
        struct writer writer;
        if (moments[i].gseq != view->gseq)
            continue;
        writer_init_digest(&writer);
        kinds[moments[i].service]->core->save(state_of(view, moments[i].service),
                                              &writer);
        writer_digest(&writer, digest);
        assert_memory_equal(digest, moments[i].digest, sizeof digest);
        compared->count++;
    }
    return true;
}

static void the_past_is_what_it_was(void **state)
{
    (void)state;
    char message[REFOLD_MESSAGE_MAX];
    struct compared compared = {0};
    const struct refold_options options = {.directory = directory,
                                           .services = REFOLD_SHARDS | REFOLD_SETTLEMENT |
                                                       REFOLD_PORTFOLIO};
    assert_int_equal(refold_run(&options, compare_moments, &compared, message), 0);
    assert_int_equal(compared.count, MOMENTS);
}

static void as_of_shows_tables_with_names_of_then(void **state)
{
    (void)state;
    char *book[] = {"book", "S1", "--dir", directory, "--gseq", "400", "--json"};
    assert_int_equal(run(command_as_of, NULL, 7, book), 0);
    assert_non_null(strstr(output, "{\"side\":\"bid\",\"price\":\""));
    char *balances[] = {"balances", "a10", "--dir", directory};
    assert_int_equal(run(command_as_of, NULL, 4, balances), 0);
    assert_non_null(strstr(output, "a10"));
    assert_null(strstr(output, "a11"));
    char *early[] = {"book", "S1", "--dir", directory, "--gseq", "3"};
    assert_int_equal(run(command_as_of, NULL, 6, early), 1); /* not declared yet */
}

/* ---- log dump ---------------------------------------------------------------------- */

/* Every field that the codec reads, msgpack-c must have read. */
static void compare_fields(const struct msg *m, json_t *body)
{
    const struct msg_info *info = msg_find(m->kind);
    assert_string_equal(json_string_value(json_object_get(body, "message")), info->name);
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct msg_field *field = &info->fields[i];
        json_t *value = json_object_get(body, field->name);
        if (msg_is_bytes(field) || (value == NULL && field->optional))
            continue;
        assert_non_null(value);
        uint64_t number = msg_integer(field, msg_const_body(m));
        if (json_is_integer(value))
            assert_int_equal((uint64_t)json_integer_value(value), number);
        else if (field->values != NULL)
            assert_string_equal(json_string_value(value),
                                msg_value_name(field->values, number));
        else
            assert_int_equal(strtoull(json_string_value(value), NULL, 10), number);
    }
}

static FILE *dumped;

static bool compare_line(void *argument, const struct refold_view *view)
{
    char line[4096];
    uint64_t *lines = argument;
    assert_non_null(fgets(line, sizeof line, dumped));
    json_t *row = json_loads(line, 0, NULL);
    assert_non_null(row);
    assert_int_equal(json_integer_value(json_object_get(row, "gseq")), view->gseq);
    assert_int_equal(json_integer_value(json_object_get(row, "source")), view->source);
    assert_int_equal(json_integer_value(json_object_get(row, "n")), view->n);
    compare_fields(view->msg, json_object_get(row, "body"));
    json_decref(row);
    ++*lines;
    return true;
}

static void msgpack_reads_the_whole_log_alike(void **state)
{
    (void)state;
    char path[128], message[REFOLD_MESSAGE_MAX];
    uint64_t lines = 0;
    snprintf(path, sizeof path, "%s/dump", directory);
    char *argv[] = {directory, "--json"};
    assert_int_equal(run(command_log_dump, path, 2, argv), 0);
    dumped = fopen(path, "re");
    assert_non_null(dumped);
    const struct refold_options options = {.directory = directory};
    assert_int_equal(refold_run(&options, compare_line, &lines, message), 0);
    assert_int_equal(fgetc(dumped), EOF);
    assert_true(lines > 1000);
    fclose(dumped);
}

static void dump_picks_streams_ranges_and_kinds(void **state)
{
    (void)state;
    char *log[] = {directory, "--from", "1", "--to", "2"};
    assert_int_equal(run(command_log_dump, NULL, 5, log), 0);
    assert_non_null(strstr(output, "\n2 "));
    assert_non_null(strstr(output, " genesis log_id="));
    char *approved[] = {directory, "--stream", "approved.1", "--kind", "symbol_set"};
    assert_int_equal(run(command_log_dump, NULL, 5, approved), 0);
    assert_non_null(strstr(output, " symbol_set symbol=2 name=S2"));
    char *made[] = {directory, "--stream", "output.0", "--kind", "trade", "--json"};
    assert_int_equal(run(command_log_dump, NULL, 6, made), 0);
    assert_non_null(strstr(output, "\"message\":\"trade\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_venue_that_crashed_and_lost_frames_verifies),
        cmocka_unit_test(a_byte_of_the_log_is_found),
        cmocka_unit_test(a_byte_of_a_shards_journal_is_found),
        cmocka_unit_test(a_byte_of_approved_is_found),
        cmocka_unit_test(a_byte_of_any_snapshot_is_found),
        cmocka_unit_test(the_past_is_what_it_was),
        cmocka_unit_test(as_of_shows_tables_with_names_of_then),
        cmocka_unit_test(msgpack_reads_the_whole_log_alike),
        cmocka_unit_test(dump_picks_streams_ranges_and_kinds),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, make_venue, remove_venue);
}
