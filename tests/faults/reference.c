/* reference.c - see reference.h. */
#include "tests/faults/reference.h"

#include <stdlib.h>
#include <xxhash.h>

#include "deploy/cli/refold_stream.h"
#include "deploy/cli/refold_world.h"
#include "proto/codec.h"

static uint64_t digest_of(const struct block_record *record)
{
    uint64_t head[3] = {(uint64_t)record->source, record->n, record->time_ns};
    return XXH3_64bits_withSeed(record->bytes, record->size,
                                XXH3_64bits(head, sizeof head));
}

static uint64_t name_of(const struct block_record *record)
{
    struct msg msg;
    if (record->source <= 0 || codec_decode_whole(record->bytes, record->size, &msg) != 0)
        return 0;
    switch (msg.kind) {
    case MSG_order_new:
        return msg.order_new.cl_ord_id;
    case MSG_order_cancel:
        return msg.order_cancel.cl_ord_id;
    default:
        return 0;
    }
}

int reference_walk(const char *directory,
                   bool (*visit)(void *, const struct block_record *), void *argument)
{
    struct journal *journal = NULL;
    struct refold_stream stream = {.block_bytes = NULL};
    struct block_record record;
    int more = 0, error = refold_world_journal(&journal, directory, "sequencer");
    if (error == 0)
        error = refold_stream_open(&stream, journal, JOURNAL_LOG, STREAM_LOG);
    while (error == 0 && (more = refold_stream_next(&stream, &record)) == 1)
        if (!visit(argument, &record))
            break;
    refold_stream_close(&stream);
    journal_close(&journal);
    return error != 0 ? error : more < 0 ? more : 0;
}

static bool add(void *argument, const struct block_record *record)
{
    struct reference *r = argument;
    if ((r->count & (r->count - 1)) == 0) {
        size_t capacity = r->count == 0 ? 1 : 2 * r->count;
        r->digests = realloc(r->digests, capacity * sizeof *r->digests);
        r->names = realloc(r->names, capacity * sizeof *r->names);
    }
    if (r->digests == NULL || r->names == NULL)
        return false;
    r->digests[r->count] = digest_of(record);
    r->names[r->count++] = name_of(record);
    return true;
}

int reference_load(struct reference *r, const char *directory)
{
    *r = (struct reference){.count = 0};
    return reference_walk(directory, add, r);
}

void reference_release(struct reference *r)
{
    free(r->digests);
    free(r->names);
}

struct comparison {
    const struct reference *reference;
    uint64_t same;
};

static bool compare(void *argument, const struct block_record *record)
{
    struct comparison *c = argument;
    if (c->same == c->reference->count ||
        c->reference->digests[c->same] != digest_of(record))
        return false;
    c->same++;
    return true;
}

int reference_compare(const struct reference *r, const char *directory, uint64_t *same)
{
    struct comparison c = {r, 0};
    int error = reference_walk(directory, compare, &c);
    *same = c.same;
    return error;
}
