/* dump.c - `log dump`: a stored stream as lines for people or JSON for programs.
 *
 * Bodies are read with msgpack-c's own objects, not with our codec: a second reader that
 * shares no code with the first. Names come from the tables of schema.def.
 */
#include <inttypes.h>
#include <jansson.h>
#include <msgpack.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/error.h"
#include "deploy/cli/args.h"
#include "deploy/cli/commands.h"
#include "deploy/cli/refold_world.h"
#include "proto/codec.h"

enum {
    HEX_BYTES = 2 * MESSAGE_BYTES_MAX + 1,
    JSON_SAFE_BITS = 53,
    JSON_FLAGS = JSON_COMPACT | JSON_PRESERVE_ORDER,
};

struct dump {
    struct args args;
    uint64_t from, to;
    uint32_t kind; /* 0: all */
    struct journal *journal;
    struct refold_stream stream;
};

/* ---- one value --------------------------------------------------------------------- */

/* Numbers that a double cannot hold are strings. */
static json_t *make_integer(int64_t value)
{
    char text[24];
    const int64_t safe = INT64_C(1) << JSON_SAFE_BITS;
    if (value < safe && value > -safe)
        return json_integer(value);
    snprintf(text, sizeof text, "%" PRId64, value);
    return json_string(text);
}

static json_t *make_unsigned(const struct msg_field *field, uint64_t value)
{
    char text[24];
    const char *name = field != NULL && field->values != NULL
                           ? msg_value_name(field->values, value)
                           : NULL;
    if (name != NULL)
        return json_string(name);
    if (value <= INT64_MAX)
        return make_integer((int64_t)value);
    snprintf(text, sizeof text, "%" PRIu64, value);
    return json_string(text);
}

static json_t *make_hex(const msgpack_object_bin *bin)
{
    char text[HEX_BYTES];
    size_t size = bin->size < MESSAGE_BYTES_MAX ? bin->size : MESSAGE_BYTES_MAX;
    for (size_t i = 0; i < size; i++)
        snprintf(text + 2 * i, 3, "%02x", (unsigned)(uint8_t)bin->ptr[i]);
    text[2 * size] = 0;
    return json_string(text);
}

static json_t *make_message(const uint8_t *bytes, size_t size);

static json_t *make_value(const struct msg_field *field, const msgpack_object *object)
{
    switch (object->type) {
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        return make_unsigned(field, object->via.u64);
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return make_integer(object->via.i64);
    case MSGPACK_OBJECT_STR:
        return json_stringn(object->via.str.ptr, object->via.str.size);
    case MSGPACK_OBJECT_BIN:
        if (field != NULL && field->type == MSG_BLOB)
            return make_message((const uint8_t *)object->via.bin.ptr,
                                object->via.bin.size);
        return make_hex(&object->via.bin);
    default: /* no message has such a field: as msgpack-c shows it */
        return NULL;
    }
}

/* ---- one message ------------------------------------------------------------------- */

static void add_fields(json_t *row, const msgpack_object_array *array)
{
    uint64_t kind = array->size > 0 ? array->ptr[0].via.u64 : 0;
    const struct msg_info *info = kind <= UINT32_MAX ? msg_find((uint32_t)kind) : NULL;
    json_object_set_new(row, "message", json_string(msg_name((uint32_t)kind)));
    for (uint32_t i = 1; i < array->size; i++) {
        char number[24];
        const struct msg_field *field =
            info != NULL && i <= info->field_count ? &info->fields[i - 1] : NULL;
        snprintf(number, sizeof number, "field_%u", i);
        json_t *value = make_value(field, &array->ptr[i]);
        json_object_set_new(row, field != NULL ? field->name : number,
                            value != NULL ? value : json_null());
    }
}

static void add_body(json_t *row, const uint8_t *bytes, size_t size)
{
    msgpack_unpacked unpacked;
    struct msg msg;
    size_t used = 0;
    int error = codec_decode_whole(bytes, size, &msg);
    if (error != 0) /* what the venue itself makes of these bytes */
        json_object_set_new(row, "error", json_string(error_name(error)));
    msgpack_unpacked_init(&unpacked);
    msgpack_unpack_return read =
        msgpack_unpack_next(&unpacked, (const char *)bytes, size, &used);
    if (read == MSGPACK_UNPACK_SUCCESS && unpacked.data.type == MSGPACK_OBJECT_ARRAY)
        add_fields(row, &unpacked.data.via.array);
    else
        json_object_set_new(row, "msgpack", json_integer(read));
    msgpack_unpacked_destroy(&unpacked);
}

static json_t *make_message(const uint8_t *bytes, size_t size)
{
    json_t *row = json_object();
    add_body(row, bytes, size);
    return row;
}

/* ---- one line ---------------------------------------------------------------------- */

static const char *name_source(char text[32], int64_t source)
{
    if (source == 0)
        return "-";
    if (source > 0)
        snprintf(text, 32, "%" PRId64, source);
    else if (-source >= SERVICE_SHARD)
        snprintf(text, 32, "shard-%" PRId64, -source - SERVICE_SHARD);
    else if (source == -SERVICE_RISK)
        return "risk";
    else if (source == -SERVICE_SETTLEMENT)
        return "settlement";
    else if (source == -SERVICE_PORTFOLIO)
        return "portfolio";
    else
        snprintf(text, 32, "service%" PRId64, source);
    return text;
}

static void print_time(uint64_t time_ns)
{
    char text[32];
    struct tm tm;
    const uint64_t second_ns = UINT64_C(1000000000);
    time_t seconds = (time_t)(time_ns / second_ns);
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%FT%T", &tm);
    printf("%s.%09" PRIu64 "Z", text, time_ns % second_ns);
}

static void print_pairs(json_t *row)
{
    const char *key;
    json_t *value;
    json_object_foreach(row, key, value)
    {
        if (json_is_string(value))
            printf(" %s=%s", key, json_string_value(value));
        else if (json_is_integer(value))
            printf(" %s=%" JSON_INTEGER_FORMAT, key, json_integer_value(value));
        else if (json_is_object(value)) {
            printf(" %s={", key);
            print_pairs(value);
            printf(" }");
        }
    }
}

static void print_text(const struct dump *dump, const struct block_record *record,
                       json_t *body)
{
    char source[32];
    printf("%" PRIu64 " ", record->seq);
    print_time(record->time_ns);
    if (dump->stream.stream == STREAM_LOG)
        printf(" %s %" PRIu64, name_source(source, record->source), record->n);
    else
        printf(" gseq=%" PRIu64, record->gseq);
    json_t *name = json_object_get(body, "message");
    printf(" %s", name != NULL ? json_string_value(name) : "?");
    json_object_del(body, "message");
    print_pairs(body);
    putchar('\n');
}

static void print_json(const struct dump *dump, const struct block_record *record,
                       json_t *body)
{
    char time[24];
    snprintf(time, sizeof time, "%" PRIu64, record->time_ns);
    json_t *row = json_object();
    if (dump->stream.stream != STREAM_LOG)
        json_object_set_new(row, "seq", make_integer((int64_t)record->seq));
    json_object_set_new(row, "gseq", make_integer((int64_t)record->gseq));
    json_object_set_new(row, "time_ns", json_string(time));
    if (dump->stream.stream == STREAM_LOG) {
        json_object_set_new(row, "source", make_integer(record->source));
        json_object_set_new(row, "n", make_unsigned(NULL, record->n));
    }
    json_object_set(row, "body", body);
    json_dumpf(row, stdout, JSON_FLAGS);
    putchar('\n');
    json_decref(row);
}

static void print_record(const struct dump *dump, const struct block_record *record)
{
    if (dump->kind != 0 && codec_kind(record->bytes, record->size) != dump->kind)
        return;
    json_t *body = make_message(record->bytes, record->size);
    (dump->args.json ? print_json : print_text)(dump, record, body);
    json_decref(body);
}

/* ---- the command ------------------------------------------------------------------- */

/* Where a stream is stored. */
struct place {
    char service[32];
    uint32_t table, stream;
};

/* "log", "approved.K", and what shard K stored: "input.K", "output.K". */
static bool find_place(struct place *place, const char *name)
{
    char end;
    unsigned k = 0;
    *place = (struct place){"sequencer", JOURNAL_LOG, STREAM_LOG};
    if (strcmp(name, "log") == 0)
        return true;
    if (sscanf(name, "approved.%u%c", &k, &end) == 1)
        *place = (struct place){"risk", JOURNAL_EMIT, STREAM_APPROVED(k)};
    else if (sscanf(name, "input.%u%c", &k, &end) == 1)
        *place = (struct place){"shard", JOURNAL_INPUT, STREAM_APPROVED(k)};
    else if (sscanf(name, "output.%u%c", &k, &end) == 1)
        *place = (struct place){"shard", JOURNAL_OUTPUT, STREAM_OUTPUT};
    else
        return false;
    if (place->table != JOURNAL_EMIT)
        snprintf(place->service, sizeof place->service, "shard-%u", k);
    return k <= SHARD_MAX;
}

static int open_stream(struct dump *dump, const char *directory, const char *name)
{
    struct place place;
    if (!find_place(&place, name))
        return args_usage("unknown stream '%s': log, approved.K, input.K, output.K",
                          name);
    int error = refold_world_journal(&dump->journal, directory, place.service);
    if (error == 0)
        error =
            refold_stream_open(&dump->stream, dump->journal, place.table, place.stream);
    if (error == 0 && dump->from < dump->stream.next)
        fprintf(stderr, "zex: %s begins at %" PRIu64 "; what was before is pruned\n",
                name, dump->stream.next);
    if (error == 0 && dump->from > dump->stream.next && dump->from < dump->stream.end)
        error = refold_stream_seek(&dump->stream, dump->from);
    if (error == ERR_NOT_FOUND && dump->journal != NULL)
        return ARGS_OK; /* nothing is stored yet: no lines */
    return error == 0 ? ARGS_OK
                      : args_fail("%s/%s: %s", directory, place.service,
                                  dump->stream.fault != NULL ? dump->stream.fault
                                                             : error_text(error));
}

static int run(struct dump *dump)
{
    struct block_record record;
    int more = 1;
    while (dump->stream.next <= dump->to &&
           (more = refold_stream_next(&dump->stream, &record)) == 1)
        if (record.seq >= dump->from)
            print_record(dump, &record);
    if (more >= 0)
        return ARGS_OK;
    return args_fail("seq %" PRIu64 ": %s", dump->stream.next,
                     dump->stream.fault != NULL ? dump->stream.fault : error_text(more));
}

int command_log_dump(int argc, char **argv)
{
    static const char *const flags[] = {"from=", "to=", "kind=", "stream=", NULL};
    struct dump dump = {.to = UINT64_MAX};
    int code = args_parse(&dump.args, argc, argv, flags);
    if (code != ARGS_OK)
        return code;
    if (!args_words(&dump.args, 0, 1, "log dump [DIR]"))
        return ARGS_USAGE;
    const char *stream = args_flag(&dump.args, "stream");
    const char *kind = args_flag(&dump.args, "kind");
    const struct msg_info *info = kind != NULL ? msg_find_name(kind) : NULL;
    if (!args_number(&dump.args, "from", 1, &dump.from) ||
        !args_number(&dump.args, "to", UINT64_MAX, &dump.to))
        return ARGS_USAGE;
    if (kind != NULL && info == NULL)
        return args_usage("no message is named '%s'; see proto/messages.md", kind);
    dump.kind = info != NULL ? info->kind : 0;
    const char *directory =
        dump.args.word_count > 0 ? dump.args.words[0] : dump.args.directory;
    code = open_stream(&dump, directory, stream != NULL ? stream : "log");
    if (code == ARGS_OK)
        code = run(&dump);
    refold_stream_close(&dump.stream);
    journal_close(&dump.journal);
    return code;
}
