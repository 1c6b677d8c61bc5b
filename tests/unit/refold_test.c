/* refold_test.c - the past computed again is what it was when it was the present; the log
 * read by msgpack-c says what our codec reads in it.
 */
#include "tests/unit/verify_venue.h"

#include <jansson.h>

#include "deploy/cli/refold.h"

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

enum { LAST = 400, EACH = 13 };

struct digests {
    uint64_t only; /* 0: all */
    uint64_t visits, end;
    uint8_t of[LAST][SERVICES][16]; /* of the last records */
};

static bool take_digests(void *argument, const struct refold_view *view)
{
    struct digests *digests = argument;
    digests->visits++;
    digests->end = view->end;
    if (view->gseq + LAST <= view->end ||
        (digests->only != 0 && digests->only != view->gseq))
        return true;
    for (uint32_t i = 0; i < SERVICES; i++) {
        struct writer writer;
        if (i == SEQUENCER || i == GATEWAY)
            continue;
        writer_init_digest(&writer);
        kinds[i]->core->save(state_of(view, i), &writer);
        writer_digest(&writer, digests->of[view->end - view->gseq][i]);
    }
    return true;
}

static void take_past(struct digests *digests, bool jumps)
{
    char message[REFOLD_MESSAGE_MAX];
    const struct refold_options options = {.directory = directory,
                                           .until = digests->only,
                                           .services = REFOLD_SHARDS | REFOLD_SETTLEMENT |
                                                       REFOLD_PORTFOLIO,
                                           .jumps = jumps};
    assert_int_equal(refold_run(&options, take_digests, digests, message), 0);
}

/* Begun at the services' snapshots every state is the same, and less work where one is
 * old enough. */
static void the_past_from_snapshots_is_the_same(void **state)
{
    (void)state;
    static struct digests folded, jumped;
    uint32_t short_cuts = 0, pasts = 0;
    take_past(&folded, false);
    for (uint32_t back = 0; back < LAST; back += EACH) {
        jumped = (struct digests){.only = folded.end - back};
        take_past(&jumped, true);
        assert_memory_equal(jumped.of[back], folded.of[back], sizeof folded.of[back]);
        short_cuts += jumped.visits < LAST;
        pasts++;
    }
    assert_in_range(short_cuts, 1, pasts - 1);
}

/* Every command that can begin there answers alike without the snapshots. */
static void as_of_needs_no_snapshot(void **state)
{
    (void)state;
    static const char *const others[] = {"risk", "shard-0", "shard-1", "portfolio"};
    char *asked[][2] = {{"book", "S1"},
                        {"book", "S2"},
                        {"balances", "a10"},
                        {"positions", "a10"},
                        {"orders", "a10"}};
    char with[5][sizeof output], from[128], to[132];
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < 5; i++) {
            char *argv[] = {asked[i][0], asked[i][1], "--dir", directory};
            assert_int_equal(run(command_as_of, NULL, 4, argv), 0);
            if (pass == 0)
                memcpy(with[i], output, sizeof output);
            assert_string_equal(output, with[i]);
        }
        for (uint32_t i = 0; i < sizeof others / sizeof *others; i++) {
            snprintf(from, sizeof from, "%s/%s", directory, others[i]);
            snprintf(to, sizeof to, "%s.off", from);
            assert_int_equal(pass == 0 ? rename(from, to) : rename(to, from), 0);
        }
    }
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
    char *late[] = {"balances", "--dir", directory, "--gseq", "999999"};
    assert_int_equal(run(command_as_of, NULL, 5, late), 1);
    assert_string_equal(output, "");
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
    char *input[] = {directory, "--stream", "input.1", "--kind", "symbol_set"};
    assert_int_equal(run(command_log_dump, NULL, 5, input), 0);
    assert_non_null(strstr(output, " symbol_set symbol=2 name=S2"));
    char *approved[] = {directory, "--stream", "approved.1", "--kind", "tick"};
    assert_int_equal(run(command_log_dump, NULL, 5, approved), 0);
    assert_non_null(strstr(output, " tick number=")); /* what is left of it */
    char *made[] = {directory, "--stream", "output.0", "--kind", "trade", "--json"};
    assert_int_equal(run(command_log_dump, NULL, 6, made), 0);
    assert_non_null(strstr(output, "\"message\":\"trade\""));
}

/* What a stream has lost is said beside what is left of it. */
static void dump_says_where_a_pruned_stream_begins(void **state)
{
    (void)state;
    char *argv[] = {directory, "--stream", "approved.1", "--to", "1"};
    char path[128], said[256] = "";
    snprintf(path, sizeof path, "%s/said", directory);
    int kept = dup(STDERR_FILENO), file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(kept >= 0 && file >= 0 && dup2(file, STDERR_FILENO) >= 0);
    int code = run(command_log_dump, NULL, 5, argv);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    assert_true(pread(file, said, sizeof said - 1, 0) > 0);
    close(file);
    close(kept);
    assert_int_equal(code, 0);
    assert_string_equal(output, "");
    assert_non_null(strstr(said, "approved.1 begins at "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_past_is_what_it_was),
        cmocka_unit_test(the_past_from_snapshots_is_the_same),
        cmocka_unit_test(as_of_needs_no_snapshot),
        cmocka_unit_test(as_of_shows_tables_with_names_of_then),
        cmocka_unit_test(msgpack_reads_the_whole_log_alike),
        cmocka_unit_test(dump_picks_streams_ranges_and_kinds),
        cmocka_unit_test(dump_says_where_a_pruned_stream_begins),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, make_venue, remove_venue);
}
