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
#define OUTBOX_DROP    UINT32_MAX /* port of a send item that cuts the peer */

/* A growing run of items, each [u32 size][bytes] in native byte order. */
struct outbox_run {
    uint8_t *bytes;
    size_t size, capacity;
    uint32_t count;
};

struct outbox {
    struct outbox_run submits;               /* messages for the log */
    struct outbox_run emits[OUTBOX_STREAMS]; /* messages for derived stream k */
    struct outbox_run rows;                  /* table operations, see outbox_put */
    struct outbox_run appends;               /* sequencer: [i64 source][u64 n][bytes] */
    struct outbox_run sends;                 /* [u32 port][u32 index or peer][bytes] */
    uint64_t append_time_ns;                 /* sequencer: log time of the first append */
    uint64_t refused, busy;                  /* MSG_refused ever sent; with BUSY */
    uint32_t forbidden; /* messages passed over: their sender has no right to them */
    int stop;           /* negative ERR_*: the service must end */
};

/* Which runs an outbox has, and how large. 0: none of that kind. */
struct outbox_sizes {
    size_t submits, emits, rows, appends, sends; /* bytes; emits: of each stream */
    uint32_t streams;
};

/* To the log, idempotently, under this service's own source. */
void outbox_submit(struct outbox *, const struct msg *);

/* To derived stream `stream` (risk: approved.k is stream k). */
void outbox_emit(struct outbox *, uint32_t stream, const struct msg *);

/* Rows of the service's tables; written in the transaction that moves the cursor. A row
 * item is [u8 table][u8 key_size][u32 value_size or UINT32_MAX for del][key][value]. Keys
 * sort as bytes: numbers big-endian. */
void outbox_put(struct outbox *, uint32_t table, const void *key, size_t key_size,
                const void *value, size_t value_size);
/* The same, for a value the caller writes: its place, good until the next call. */
uint8_t *outbox_put_space(struct outbox *, uint32_t table, const void *key,
                          size_t key_size, size_t value_size);
void outbox_del(struct outbox *, uint32_t table, const void *key, size_t key_size);

/* Sequencer: a record for the log, in this order. */
void outbox_append(struct outbox *, int64_t source, uint64_t n, const uint8_t *body,
                   uint32_t size);

/* A frame for a peer. Messages to one destination may be gathered: the harness joins what
 * goes to the same (port, index or peer) in one drain into one frame. */
void outbox_send(struct outbox *, uint32_t port, uint32_t index_or_peer,
                 const struct msg *);
void outbox_send_bytes(struct outbox *, uint32_t port, uint32_t index_or_peer,
                       const uint8_t *bytes, uint32_t size);

/* Cuts a client's connection, after what was sent to it before. */
void outbox_drop_peer(struct outbox *, uint32_t peer);

/* Bytes for these runs, and the carving of that many bytes at `memory`. */
size_t outbox_size(const struct outbox_sizes *);
void outbox_init(struct outbox *, void *memory, const struct outbox_sizes *);

/* Forgets everything taken. */
void outbox_clear(struct outbox *);

/* Walks a run: returns the next item, or NULL at the end. Start with *at = 0. */
const uint8_t *outbox_next(const struct outbox_run *, size_t *at, uint32_t *size);

#endif
