/* trace_test.c - runs tests/trace/<name>.trace: scripts of inputs and the exact outputs
 * expected.
 *
 *     core shard                          which core; a file has one
 *     genesis orders_max=16 ...           fields that differ from the defaults below
 *     let buy approved_new side=BUY ...   a word for a message with these fields
 *     7: buy price=10 quantity=5          an input, at gseq 7 (without: the next one)
 *     7@3.1: order_new ...                ... from source 3 with n = 1 (readers of the
 *     log)
 *       submit order_accepted ...         its outputs: to the log
 *       emit 0 approved_new ...           ... to derived stream 0
 *
 * Fields that are zero are not written. TRACE_UPDATE=1 writes what came instead of
 * comparing. Each file is run twice more: with a save and a load between any two inputs,
 * and the digests of both runs are compared at the end.
 */
#include <glob.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/core.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/codec.h"
#include "services/portfolio/portfolio_core.h"
#include "services/risk/risk_core.h"
#include "services/settlement/settlement_core.h"
#include "services/shard/shard_core.h"
#include "tests/unit/unit.h"

enum { TEXT_MAX = 1 << 20, WORDS_MAX = 64, LETS_MAX = 64, RUN_BYTES = 4 << 20 };

struct trace {
    const struct core_ops *core;
    struct msg_genesis genesis;
    void *state;
    size_t state_size;
    struct outbox outbox;
    void *outbox_memory;
    uint64_t seq, gseq;
    bool reload; /* save and load before every input */
    struct {
        char word[32], definition[480];
    } lets[LETS_MAX];
    int let_count;
    char *out;
    size_t out_size;
    const char *path;
    int line;
};

static const struct core_ops *const cores[] = {&shard_core, &risk_core, &settlement_core,
                                               &portfolio_core};

static void say(struct trace *trace, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct trace *trace, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int size =
        vsnprintf(trace->out + trace->out_size, TEXT_MAX - trace->out_size, format, list);
    va_end(list);
    assert_true(size >= 0 && trace->out_size + (size_t)size < TEXT_MAX);
    trace->out_size += (size_t)size;
}

/* ---- messages as text -------------------------------------------------------------- */

static void set_field(struct trace *trace, struct msg *m, const struct msg_info *info,
                      const char *name, const char *value)
{
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct msg_field *field = &info->fields[i];
        if (strcmp(field->name, name) != 0)
            continue;
        void *body = (char *)m + offsetof(struct msg, order_new);
        if (field->type == MSG_TEXT || field->type == MSG_BYTES) {
            msg_set_bytes(field, body, value, strlen(value));
            return;
        }
        for (const struct msg_value *v = field->type == MSG_ENUM ? field->values->values
                                                                 : NULL;
             v != NULL && v->name != NULL; v++)
            if (strcmp(v->name, value) == 0) {
                msg_set_integer(field, body, v->number);
                return;
            }
        char *end;
        uint64_t number = *value == '-' ? (uint64_t)strtoll(value, &end, 10)
                                        : strtoull(value, &end, 10);
        if (*end != 0)
            fail_msg("%s:%d: %s=%s is no number", trace->path, trace->line, name, value);
        msg_set_integer(field, body, number);
        return;
    }
    fail_msg("%s:%d: %s has no field %s", trace->path, trace->line, info->name, name);
}

/* Words of a message, first the kind or a let, into `m`. */
static void parse_words(struct trace *trace, struct msg *m, char *text)
{
    char *save = NULL;
    char *word = strtok_r(text, " ", &save);
    if (word == NULL)
        fail_msg("%s:%d: a message is missing", trace->path, trace->line);
    const struct msg_info *info = NULL;
    for (int i = 0; i < trace->let_count && info == NULL; i++) {
        if (strcmp(trace->lets[i].word, word) != 0)
            continue;
        char definition[480];
        memcpy(definition, trace->lets[i].definition, sizeof definition);
        parse_words(trace, m, definition);
        info = msg_find(m->kind);
    }
    if (info == NULL) {
        info = msg_find_name(word);
        if (info == NULL)
            fail_msg("%s:%d: unknown message %s", trace->path, trace->line, word);
        memset(m, 0, sizeof *m);
        m->kind = info->kind;
    }
    while ((word = strtok_r(NULL, " ", &save)) != NULL) {
        char *equals = strchr(word, '=');
        if (equals == NULL)
            fail_msg("%s:%d: '%s' is no field=value", trace->path, trace->line, word);
        *equals = 0;
        set_field(trace, m, info, word, equals + 1);
    }
}

static void print_output(struct trace *trace, const uint8_t *bytes, size_t size)
{
    struct msg m;
    assert_int_equal(codec_decode_whole(bytes, size, &m), 0);
    const struct msg_info *info = msg_find(m.kind);
    const void *body = (const char *)&m + offsetof(struct msg, order_new);
    say(trace, "%s", info->name);
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct msg_field *field = &info->fields[i];
        if (field->type == MSG_TEXT) {
            say(trace, " %s=%s", field->name, (const char *)msg_bytes(field, body));
        } else if (field->type != MSG_BYTES && field->type != MSG_BLOB) {
            uint64_t value = msg_integer(field, body);
            if (value == 0)
                continue;
            const char *name =
                field->type == MSG_ENUM ? msg_value_name(field->values, value) : NULL;
            if (name != NULL)
                say(trace, " %s=%s", field->name, name);
            else if (strcmp(field->name, "reason") == 0)
                say(trace, " reason=%s", error_name(-(int)value));
            else if (field->type == MSG_I32 || field->type == MSG_I64)
                say(trace, " %s=%" PRId64, field->name, (int64_t)value);
            else
                say(trace, " %s=%" PRIu64, field->name, value);
        }
    }
    say(trace, "\n");
}

/* ---- the core under test ----------------------------------------------------------- */

static void create_state(struct trace *trace)
{
    free(trace->state);
    trace->state_size = (trace->core->size(&trace->genesis, 0) + 63) / 64 * 64;
    trace->state = aligned_alloc(64, trace->state_size);
    memset(trace->state, 0, trace->state_size);
    trace->core->init(trace->state, &trace->genesis, 0);
}

static void digest(struct trace *trace, uint8_t digest[16])
{
    struct writer writer;
    writer_init_digest(&writer);
    trace->core->save(trace->state, &writer);
    writer_digest(&writer, digest);
}

/* A state that was saved and loaded is the same state. */
static void reload(struct trace *trace)
{
    static uint8_t bytes[TEXT_MAX];
    uint8_t before[16], after[16];
    struct writer writer;
    struct reader reader;
    digest(trace, before);
    writer_init(&writer, bytes, sizeof bytes);
    trace->core->save(trace->state, &writer);
    assert_false(writer_failed(&writer));
    size_t size = writer.size;
    create_state(trace);
    reader_init(&reader, bytes, size);
    assert_int_equal(trace->core->load(trace->state, &reader), 0);
    assert_int_equal(reader_left(&reader), 0);
    digest(trace, after);
    assert_memory_equal(before, after, sizeof before);
}

static void apply(struct trace *trace, const struct msg *m, int64_t source, uint64_t n)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    if (codec_encode(bytes, sizeof bytes, m, &size) != 0)
        fail_msg("%s:%d: a field of %s is out of range", trace->path, trace->line,
                 msg_name(m->kind));
    if (trace->reload && trace->seq > 0)
        reload(trace);
    trace->core->apply(trace->state,
                       &(struct core_input){.seq = ++trace->seq,
                                            .gseq = trace->gseq,
                                            .time_ns = trace->gseq * 1000,
                                            .source = source,
                                            .n = n,
                                            .msg = m,
                                            .bytes = bytes,
                                            .bytes_size = (uint32_t)size},
                       &trace->outbox);
    trace->core->check(trace->state);
    size_t at = 0;
    uint32_t item_size;
    const uint8_t *item;
    while ((item = outbox_next(&trace->outbox.submits, &at, &item_size)) != NULL) {
        say(trace, "  submit ");
        print_output(trace, item, item_size);
    }
    for (uint32_t stream = 0; stream < 2; stream++)
        for (at = 0; (item = outbox_next(&trace->outbox.emits[stream], &at,
                                         &item_size)) != NULL;) {
            say(trace, "  emit %" PRIu32 " ", stream);
            print_output(trace, item, item_size);
        }
    outbox_clear(&trace->outbox);
}

/* ---- the script -------------------------------------------------------------------- */

static void start(struct trace *trace)
{
    static const struct outbox_sizes sizes = {
        .submits = RUN_BYTES, .emits = RUN_BYTES, .streams = 2, .rows = RUN_BYTES};
    trace->outbox_memory = malloc(outbox_size(&sizes));
    outbox_init(&trace->outbox, trace->outbox_memory, &sizes);
    create_state(trace);
    trace->gseq = 1;
    apply(trace, &(struct msg){.kind = MSG_genesis, .genesis = trace->genesis}, 0, 0);
}

static void run_input(struct trace *trace, char *text)
{
    struct msg m;
    int64_t source = 0;
    uint64_t n = 0;
    char *colon = strchr(text, ':');
    trace->gseq++;
    if (colon != NULL && strspn(text, "0123456789@.-") == (size_t)(colon - text)) {
        const char *at = strchr(text, '@');
        if (*text != '@')
            trace->gseq = strtoull(text, NULL, 10);
        if (at != NULL && at < colon) {
            char *end;
            source = strtoll(at + 1, &end, 10);
            n = *end == '.' ? strtoull(end + 1, NULL, 10) : 0;
        }
        text = colon + 1;
    }
    parse_words(trace, &m, text);
    apply(trace, &m, source, n);
}

static void run_line(struct trace *trace, char *line)
{
    struct msg m = {.kind = MSG_genesis, .genesis = trace->genesis};
    char *rest = strchr(line, ' ');
    if (line[0] == ' ')
        return; /* an expected output */
    if (trace->state == NULL && trace->core != NULL && *line != 0 && *line != '#' &&
        strncmp(line, "genesis ", 8) != 0 && strncmp(line, "let ", 4) != 0)
        start(trace);
    say(trace, "%s\n", line);
    if (line[0] == 0 || line[0] == '#')
        return;
    if (strncmp(line, "core ", 5) == 0) {
        for (size_t i = 0; i < sizeof cores / sizeof *cores; i++)
            if (strcmp(cores[i]->name, rest + 1) == 0)
                trace->core = cores[i];
        assert_non_null(trace->core);
    } else if (strncmp(line, "genesis ", 8) == 0) {
        const struct msg_info *info = msg_find(MSG_genesis);
        char *save = NULL;
        for (char *word = strtok_r(rest, " ", &save); word != NULL;
             word = strtok_r(NULL, " ", &save)) {
            char *equals = strchr(word, '=');
            assert_non_null(equals);
            *equals = 0;
            set_field(trace, &m, info, word, equals + 1);
        }
        trace->genesis = m.genesis;
    } else if (strncmp(line, "let ", 4) == 0) {
        assert_true(trace->let_count < LETS_MAX);
        char *definition = strchr(rest + 1, ' ');
        assert_non_null(definition);
        *definition = 0;
        snprintf(trace->lets[trace->let_count].word, 32, "%s", rest + 1);
        snprintf(trace->lets[trace->let_count++].definition, 480, "%s", definition + 1);
    } else {
        run_input(trace, line);
    }
}

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = calloc(1, TEXT_MAX);
    assert_true(fread(text, 1, TEXT_MAX - 1, file) > 0);
    fclose(file);
    return text;
}

static void run_file(const char *path, bool with_reload, uint8_t final[16])
{
    struct trace trace = {.path = path,
                          .reload = with_reload,
                          .genesis = {.version = 1,
                                      .shards = 2,
                                      .accounts_max = 64,
                                      .balances_max = 64,
                                      .sessions_max = 16,
                                      .orders_max = 16,
                                      .levels_max = 16,
                                      .references_max = 16,
                                      .dedupe_window = 16,
                                      .digest_ticks = 100}};
    char *expected = read_file(path), *script = strdup(expected);
    trace.out = calloc(1, TEXT_MAX);
    for (char *line = script, *next; line != NULL && *line != 0; line = next) {
        next = strchr(line, '\n');
        if (next != NULL)
            *next++ = 0;
        trace.line++;
        run_line(&trace, line);
    }
    if (getenv("TRACE_UPDATE") != NULL) {
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        fwrite(trace.out, 1, trace.out_size, file);
        fclose(file);
    } else {
        assert_string_equal(trace.out, expected);
    }
    digest(&trace, final);
    free(trace.state);
    free(trace.outbox_memory);
    free(trace.out);
    free(script);
    free(expected);
}

static void run_trace(void **state)
{
    uint8_t live[16], reloaded[16];
    run_file(*state, false, live);
    run_file(*state, true, reloaded);
    assert_memory_equal(live, reloaded, sizeof live);
}

int main(void)
{
    glob_t found;
    if (glob("tests/trace/*.trace", 0, NULL, &found) != 0)
        return 1;
    struct CMUnitTest *tests = calloc(found.gl_pathc, sizeof *tests);
    for (size_t i = 0; i < found.gl_pathc; i++)
        tests[i] = (struct CMUnitTest){.name = found.gl_pathv[i],
                                       .test_func = run_trace,
                                       .initial_state = found.gl_pathv[i]};
    int failed = _cmocka_run_group_tests("trace", tests, found.gl_pathc, NULL, NULL);
    free(tests);
    globfree(&found);
    return failed;
}
