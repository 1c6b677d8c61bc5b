/* outbox.c - runs of encoded outputs. */
#include "common/outbox.h"

#include <string.h>

#include "common/check.h"
#include "common/error.h"
#include "proto/codec.h"

enum { ALIGN = 64 };

/* Room for one item of at most `size` bytes at the end of a run. */
static uint8_t *reserve(struct outbox_run *run, size_t size)
{
    CHECK(run->capacity - run->size >= sizeof(uint32_t) + size);
    return run->bytes + run->size + sizeof(uint32_t);
}

static void finish(struct outbox_run *run, uint32_t size)
{
    memcpy(run->bytes + run->size, &size, sizeof size);
    run->size += sizeof size + size;
    run->count++;
}

/* Encodes `message` behind `prefix` bytes the caller has written. */
static void add_message(struct outbox_run *run, size_t prefix, const struct msg *message)
{
    uint8_t *at = reserve(run, prefix + MESSAGE_BYTES_MAX);
    size_t size = 0;
    int error = codec_encode(at + prefix, MESSAGE_BYTES_MAX, message, &size);
    CHECK(error == 0);
    finish(run, (uint32_t)(prefix + size));
}

void outbox_submit(struct outbox *outbox, const struct msg *message)
{
    add_message(&outbox->submits, 0, message);
}

void outbox_emit(struct outbox *outbox, uint32_t stream, const struct msg *message)
{
    CHECK(stream < OUTBOX_STREAMS);
    add_message(&outbox->emits[stream], 0, message);
}

/* A row but for its value, which has a place behind the key. */
static uint8_t *add_row(struct outbox *outbox, uint32_t table, const void *key,
                        size_t key_size, size_t value_size, uint32_t stated_size)
{
    CHECK(table < 256 && key_size < 256);
    uint8_t *at = reserve(&outbox->rows, 6 + key_size + value_size);
    at[0] = (uint8_t)table;
    at[1] = (uint8_t)key_size;
    memcpy(at + 2, &stated_size, sizeof stated_size);
    memcpy(at + 6, key, key_size);
    finish(&outbox->rows, (uint32_t)(6 + key_size + value_size));
    return at + 6 + key_size;
}

uint8_t *outbox_put_space(struct outbox *outbox, uint32_t table, const void *key,
                          size_t key_size, size_t value_size)
{
    CHECK(value_size < UINT32_MAX);
    return add_row(outbox, table, key, key_size, value_size, (uint32_t)value_size);
}

void outbox_put(struct outbox *outbox, uint32_t table, const void *key, size_t key_size,
                const void *value, size_t value_size)
{
    uint8_t *at = outbox_put_space(outbox, table, key, key_size, value_size);
    if (value_size > 0)
        memcpy(at, value, value_size);
}

void outbox_del(struct outbox *outbox, uint32_t table, const void *key, size_t key_size)
{
    (void)add_row(outbox, table, key, key_size, 0, UINT32_MAX);
}

void outbox_append(struct outbox *outbox, int64_t source, uint64_t n, const uint8_t *body,
                   uint32_t size)
{
    uint8_t *at = reserve(&outbox->appends, sizeof source + sizeof n + size);
    memcpy(at, &source, sizeof source);
    memcpy(at + sizeof source, &n, sizeof n);
    memcpy(at + sizeof source + sizeof n, body, size);
    finish(&outbox->appends, (uint32_t)(sizeof source + sizeof n + size));
}

static void address(uint8_t *at, uint32_t port, uint32_t index_or_peer)
{
    memcpy(at, &port, sizeof port);
    memcpy(at + sizeof port, &index_or_peer, sizeof index_or_peer);
}

void outbox_send(struct outbox *outbox, uint32_t port, uint32_t index_or_peer,
                 const struct msg *message)
{
    address(reserve(&outbox->sends, 8), port, index_or_peer);
    add_message(&outbox->sends, 8, message);
    if (message->kind != MSG_refused)
        return;
    outbox->refused++;
    outbox->busy += message->refused.reason == error_number(ERR_BUSY);
}

void outbox_send_bytes(struct outbox *outbox, uint32_t port, uint32_t index_or_peer,
                       const uint8_t *bytes, uint32_t size)
{
    uint8_t *at = reserve(&outbox->sends, 8 + (size_t)size);
    address(at, port, index_or_peer);
    memcpy(at + 8, bytes, size);
    finish(&outbox->sends, 8 + size);
}

void outbox_drop_peer(struct outbox *outbox, uint32_t peer)
{
    address(reserve(&outbox->sends, 8), OUTBOX_DROP, peer);
    finish(&outbox->sends, 8);
}

static size_t rounded(size_t size)
{
    return (size + ALIGN - 1) / ALIGN * ALIGN;
}

size_t outbox_size(const struct outbox_sizes *sizes)
{
    return rounded(sizes->submits) + rounded(sizes->emits) * sizes->streams +
           rounded(sizes->rows) + rounded(sizes->appends) + rounded(sizes->sends);
}

static uint8_t *carve(struct outbox_run *run, uint8_t *at, size_t capacity)
{
    *run = (struct outbox_run){.bytes = at, .capacity = capacity};
    return at + rounded(capacity);
}

void outbox_init(struct outbox *outbox, void *memory, const struct outbox_sizes *sizes)
{
    CHECK(sizes->streams <= OUTBOX_STREAMS);
    uint8_t *at = memory;
    memset(outbox, 0, sizeof *outbox);
    at = carve(&outbox->submits, at, sizes->submits);
    for (uint32_t i = 0; i < sizes->streams; i++)
        at = carve(&outbox->emits[i], at, sizes->emits);
    at = carve(&outbox->rows, at, sizes->rows);
    at = carve(&outbox->appends, at, sizes->appends);
    carve(&outbox->sends, at, sizes->sends);
}

static void empty(struct outbox_run *run)
{
    run->size = 0;
    run->count = 0;
}

void outbox_clear(struct outbox *outbox)
{
    empty(&outbox->submits);
    for (uint32_t i = 0; i < OUTBOX_STREAMS; i++)
        empty(&outbox->emits[i]);
    empty(&outbox->rows);
    empty(&outbox->appends);
    empty(&outbox->sends);
}

const uint8_t *outbox_next(const struct outbox_run *run, size_t *at, uint32_t *size)
{
    if (*at == run->size)
        return NULL;
    memcpy(size, run->bytes + *at, sizeof *size);
    const uint8_t *item = run->bytes + *at + sizeof *size;
    *at += sizeof *size + *size;
    return item;
}
