/* stream_submitter.h - carries a service's outputs into the log, exactly once.
 *
 * Records are numbered n = 1, 2, ... and kept until the sequencer says that they are
 * committed. What is kept is part of the service's snapshot. Nothing is sent before the
 * sequencer has said (WELCOME) what it has: records it has already are compared by digest
 * and not kept, so a service may regenerate its whole life without filling its memory.
 *
 *      acked_n                sent_n              made_n
 *         |  kept, in flight    |   kept, not sent  |
 *
 * Owns:     copies of the kept records, in memory handed in.
 * Units:    ns of the monotonic clock, bytes.
 * Errors:   ERR_DIVERGED: the sequencer has other records under our numbers.
 *           ERR_LOG_BEHIND: it has lost records it had acknowledged.
 * Threads:  none.
 * Bounds:   the capacity handed in; the service stops applying input long before it is
 *           full.
 */
#ifndef STREAM_SUBMITTER_H
#define STREAM_SUBMITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/stream.h"
#include "proto/msg.h"

struct reader;
struct writer;

struct stream_submitter {
    int64_t source;
    uint64_t made_n;   /* last record made */
    uint64_t acked_n;  /* last record known to be committed: the kept ones follow it */
    uint64_t sent_n;   /* last record sent since the last rewind */
    uint64_t theirs_n; /* last record the sequencer had when it welcomed us */
    uint8_t digest[STREAM_DIGEST];        /* of the records up to made_n */
    uint8_t theirs_digest[STREAM_DIGEST]; /* of the records up to theirs_n */
    bool welcomed;
    uint64_t waiting_ns; /* since when nothing was acknowledged */
    uint64_t rewound_ns; /* when sending last began again */
    uint64_t
        gap_since_ns; /* since when the sequencer asks for what was acknowledged; 0 */
    uint64_t sent_count, resent_count; /* records, since init */
    uint8_t *bytes;                    /* items [u32 size][digest before it][record] */
    size_t capacity, head, sent, tail;
};

void stream_submitter_init(struct stream_submitter *, int64_t source, void *memory,
                           size_t capacity);

/* A record was made. */
int stream_submitter_add(struct stream_submitter *, const uint8_t *record, uint32_t size);

/* The sequencer's answer to a CHECKIN, and to a SUBMISSION. Late ones do no harm. */
int stream_submitter_welcome(struct stream_submitter *, const struct msg_welcome *,
                             uint64_t now_ns);
int stream_submitter_ack(struct stream_submitter *, const struct msg_ack *,
                         uint64_t now_ns);

/* Writes the next frame to send. Returns its size, or 0: nothing to send now. */
size_t stream_submitter_frame(struct stream_submitter *, uint8_t *frame, size_t capacity,
                              uint64_t now_ns);

/* Bytes kept because they are not acknowledged. */
size_t stream_submitter_unacked_bytes(const struct stream_submitter *);

void stream_submitter_save(const struct stream_submitter *, struct writer *);
int stream_submitter_load(struct stream_submitter *, struct reader *);

#endif
