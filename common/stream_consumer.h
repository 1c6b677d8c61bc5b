/* stream_consumer.h - reads a stream in order and without a gap, whatever the network
 * does.
 *
 * Push is an optimisation, pull is the truth: what does not fit at `next` is dropped and
 * asked for again with FETCH.
 *
 *     seq < next      drop
 *     seq == next     consume if the chain fits; a push that does not fit: FETCH, so that
 *                     its owner judges; an answer that does not fit: ERR_DIVERGED
 *     seq > next, a HEAD beyond, start-up, 250 ms without news: FETCH
 *     push or HEAD of a lower epoch (log only): drop
 *
 * The owner has computed the chain, and a push tells it: a reader takes its word, which
 * the next block, a HEAD or the answer to a FETCH would contradict if it were wrong. What
 * comes by FETCH or out of a journal is computed.
 *
 * Owns:     nothing; a frame is borrowed until it is used up.
 * Units:    ns of the monotonic clock.
 * Errors:   ERR_DIVERGED, ERR_CORRUPT (what the owner holds is damaged), ERR_GAP (the
 *           owner has pruned what is needed): the service must stop. ERR_BAD: drop the
 *           frame.
 * Threads:  none.
 * Bounds:   one FETCH in flight.
 */
#ifndef STREAM_CONSUMER_H
#define STREAM_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/stream.h"
#include "proto/block.h"

struct stream_consumer {
    uint32_t stream;
    uint64_t next;               /* the record wanted */
    uint8_t chain[STREAM_CHAIN]; /* before it */
    uint64_t epoch;              /* highest heard of */
    uint32_t fetch_bytes_max;    /* one answer */
    uint64_t head;               /* furthest the owner has said to be */
    uint64_t heard_ns;           /* last news */
    uint64_t ask_at_ns;          /* no FETCH before */
    bool is_behind;              /* FETCH at the next chance */
    bool is_paused;              /* takes nothing now; what comes is dropped */
    bool is_pushed;              /* the frame under way is a push */
    bool is_told;                /* it tells the chain behind its block: */
    uint8_t told[STREAM_CHAIN];
    const uint8_t *at; /* rest of that frame */
    size_t left;
    uint64_t duplicates, gaps, fetches, stale; /* counted since init */
};

void stream_consumer_init(struct stream_consumer *, uint32_t stream);

/* Takes a frame that begins with PUSH, HEAD or FETCHED; its blocks come from
 * stream_consumer_next. ERR_BAD, ERR_GAP. */
int stream_consumer_receive(struct stream_consumer *, const uint8_t *frame, size_t size,
                            uint64_t now_ns);

/* The next block to apply, at its first record that is new. 1; 0 when the frame is used
 * up; or an error. `next` has moved behind the block. */
int stream_consumer_next(struct stream_consumer *, struct block *);

/* Likewise for one block of the service's own journal. */
int stream_consumer_replay(struct stream_consumer *, const uint8_t *bytes, size_t size,
                           struct block *);

/* Writes a FETCH if one is due. Returns its size, or 0. */
size_t stream_consumer_fetch(struct stream_consumer *, uint8_t *frame, size_t capacity,
                             uint64_t now_ns);

/* Flow control: while paused nothing is taken; afterwards FETCH brings what was
 * dropped. */
void stream_consumer_pause(struct stream_consumer *, bool paused);

#endif
