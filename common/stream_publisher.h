/* stream_publisher.h - makes a stream: cuts blocks, journals them, pushes, answers FETCH.
 *
 * The owner of the log journals and commits a block before it pushes it, and stops when a
 * consumer shows that this log is an older copy. The owner of a derived stream never
 * refuses: after a restart it regenerates the stream from its input, compares what it had
 * stored, and lets its consumers wait (PENDING).
 *
 * Owns:     the records gathered and the frames to push, in memory handed in.
 * Units:    bytes.
 * Errors:   ERR_LOG_BEHIND: a consumer is ahead of the log. ERR_DIVERGED: another chain;
 *           or regenerated records differ from the stored ones. Else what the journal
 *           returns.
 * Threads:  none.
 * Bounds:   blocks of STREAM_BLOCK_BYTES and one record.
 */
#ifndef STREAM_PUBLISHER_H
#define STREAM_PUBLISHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/journal.h"
#include "common/stream.h"
#include "proto/msg.h"

struct stream_publisher {
    struct journal *journal;
    struct stream_archive
        *archive; /* log only: blocks the journal has no more; or NULL */
    uint32_t stream;
    uint64_t next;               /* the record that will be gathered */
    uint8_t chain[STREAM_CHAIN]; /* before the first gathered one */
    uint64_t epoch;              /* log only */
    uint64_t kept;               /* its reader needs nothing before this; 0: unknown */
    bool is_replaying;
    uint64_t stored_next; /* while replaying: where the stored stream ends */
    uint8_t stored_chain[STREAM_CHAIN];
    uint8_t *records; /* gathered */
    size_t records_capacity, records_size;
    uint32_t count;
    uint8_t *frames; /* to be pushed: items [u32 size][push, block] */
    size_t frames_capacity, frames_size, frames_taken;
};

/* Bytes of memory for a publisher that queues frames of `frames_bytes` between pushes. */
size_t stream_publisher_size(size_t frames_bytes);
void stream_publisher_init(struct stream_publisher *, uint32_t stream, struct journal *,
                           void *memory, size_t size);

/* Gathers a record. The caller cuts when stream_publisher_is_full. */
void stream_publisher_add_log(struct stream_publisher *, int64_t source, uint64_t n,
                              const uint8_t *body, uint32_t size);
void stream_publisher_add_derived(struct stream_publisher *, uint64_t cause_gseq,
                                  uint64_t cause_time_ns, const uint8_t *body,
                                  uint32_t size);
bool stream_publisher_is_full(const struct stream_publisher *);

/* Makes a block of what was gathered, if anything: into the journal's transaction and the
 * queue of frames; while replaying it is only compared with the stored one. */
int stream_publisher_cut(struct stream_publisher *, uint64_t time_ns);

/* The next frame to push; NULL when there is none. Borrowed until the next cut. */
const uint8_t *stream_publisher_take(struct stream_publisher *, size_t *size);

/* A HEAD. Returns its size. */
size_t stream_publisher_head(const struct stream_publisher *, uint8_t *frame,
                             size_t capacity);

/* Answers a FETCH, which is also a consumer's proof of where it is. */
int stream_publisher_fetch(struct stream_publisher *, const struct msg_fetch *,
                           uint8_t *frame, size_t capacity, size_t *size);

/* Removes the oldest stored blocks that end at `below` or before, into the journal's
 * transaction. Returns how many; fewer than `blocks_max`: there are no more. */
int stream_publisher_prune(struct stream_publisher *, uint64_t below,
                           uint32_t blocks_max);

/* The chain before record `next`, where a block begins: else ERR_NOT_FOUND, or
 * ERR_CORRUPT. */
int stream_publisher_chain(const struct stream_publisher *, uint64_t next,
                           uint8_t chain[STREAM_CHAIN]);

/* Log: is a consumer that stands at (next, chain) one of this log? 0, ERR_LOG_BEHIND,
 * ERR_DIVERGED. */
int stream_publisher_judge(const struct stream_publisher *, uint64_t next,
                           const uint8_t chain[STREAM_CHAIN]);

/* After a restart: up to `next` the stream exists already, with this chain. */
void stream_publisher_begin_replay(struct stream_publisher *, uint64_t next,
                                   const uint8_t chain[STREAM_CHAIN]);
int stream_publisher_end_replay(struct stream_publisher *);

#endif
