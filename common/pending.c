/* pending.c - commands in the order of the log, until risk decides them. */
#include "common/pending.h"

#include <string.h>

#include "common/check.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/codec.h"

enum { HEAD = 8 }; /* gseq */

void pending_init(struct pending *pending, struct arena *arena, uint32_t bytes)
{
    void *memory = arena_take(arena, ring_size(bytes), 8);
    if (memory)
        ring_init(&pending->commands, memory, bytes);
}

void pending_add(struct pending *pending, uint64_t gseq, const uint8_t *bytes,
                 uint32_t size)
{
    uint8_t *record = ring_reserve(&pending->commands, HEAD + size);
    CHECK(record != NULL);
    memcpy(record, &gseq, HEAD);
    memcpy(record + HEAD, bytes, size);
}

bool pending_take(struct pending *pending, uint64_t request, struct msg *msg)
{
    uint64_t gseq = 0;
    uint32_t size;
    const uint8_t *record;
    while (gseq < request && (record = ring_front(&pending->commands, &size)) != NULL) {
        memcpy(&gseq, record, HEAD);
        if (gseq == request)
            CHECK(codec_decode_whole(record + HEAD, size - HEAD, msg) == 0);
        if (gseq <= request)
            ring_drop(&pending->commands);
    }
    return gseq == request;
}

void pending_save(const struct pending *pending, struct writer *writer)
{
    writer_u32(writer, pending->commands.count);
    uint64_t cursor = pending->commands.head;
    uint32_t size;
    const void *record;
    while ((record = ring_next(&pending->commands, &cursor, &size)) != NULL) {
        writer_u32(writer, size);
        writer_bytes(writer, record, size);
    }
}

int pending_load(struct pending *pending, struct reader *reader)
{
    const uint32_t count = reader_u32(reader);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t size = reader_u32(reader);
        if (reader_failed(reader) || size < HEAD || size > HEAD + MESSAGE_BYTES_MAX)
            return ERR_CORRUPT;
        uint8_t *record = ring_reserve(&pending->commands, size);
        if (!record)
            return ERR_CORRUPT;
        reader_bytes(reader, record, size);
    }
    return reader_failed(reader) ? ERR_CORRUPT : 0;
}
