/* outbox.h - what a core produces, kept as encoded bytes until the harness takes it.
 *
 * Owns:     its buffers, handed to it at init.
 * Units:    bytes.
 * Errors:   none: capacities are sized so that one input's outputs always fit; CHECKed.
 * Threads:  one.
 * Bounds:   OUTBOX_STREAMS streams; buffers as given to outbox_init.
 */
#ifndef OUTBOX_H
#define OUTBOX_H

#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"
#include "proto/msg.h"

#define OUTBOX_STREAMS (SHARD_MAX + 1)

/* A growing run of items, each [u32 size][bytes]. */
struct outbox_run {
    uint8_t *bytes;
    size_t size, capacity;
    uint32_t count;
};

struct outbox {
    struct outbox_run submits;               /* messages for the log */
    struct outbox_run emits[OUTBOX_STREAMS]; /* messages for derived stream k */
    struct outbox_run rows;                  /* table operations, see outbox_put */
    uint32_t emitted;                        /* highest stream used plus 1 */
};

/* To the log, idempotently, under this service's own source. */
void outbox_submit(struct outbox *, const struct msg *);

/* To derived stream `stream` (risk: approved.k is stream k). */
void outbox_emit(struct outbox *, uint32_t stream, const struct msg *);

/* Rows of the service's tables; written in the transaction that moves the cursor. A row item is
 * [u8 table][u8 key_size][u32 value_size or UINT32_MAX for del][key][value]. Keys sort as
 * bytes: numbers big-endian. */
void outbox_put(struct outbox *, uint32_t table, const void *key, size_t key_size,
                const void *value, size_t value_size);
void outbox_del(struct outbox *, uint32_t table, const void *key, size_t key_size);

/* Bytes to carve for an outbox whose runs have these capacities, and the carving. */
void outbox_init(struct outbox *, uint8_t *submits, size_t submits_capacity, uint8_t *emits,
                 size_t emits_capacity, uint32_t streams, uint8_t *rows, size_t rows_capacity);

/* Forgets everything taken. */
void outbox_clear(struct outbox *);

/* Walks a run: returns the next item, or NULL at the end. Start with *at = 0. */
const uint8_t *outbox_next(const struct outbox_run *, size_t *at, uint32_t *size);

#endif
