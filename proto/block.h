/* block.h - the unit of journal, of network and of group commit.
 *
 *     block   = [version, stream, first_seq, count, ts_ns, prev_chain, crc32c, records]
 *     log     : record i is [source, n, bin(message)] at time ts_ns + i
 *     derived : record i is [cause_gseq, cause_ts_ns, bin(message)]
 *
 * prev_chain is a bin: 32 bytes in the log (BLAKE2b-256 over prev_chain and the block
 * without its crc), 16 in any other stream (running xxh3-128 of all records before, so
 * that it does not depend on where blocks were cut). crc32c is over the block without
 * the crc itself.
 *
 * Owns:     nothing; an open block and its records point into the caller's bytes.
 * Units:    bytes, sequences from 1, log time in ns: strictly increasing, so the next
 *           block's ts_ns is at least ts_ns + count.
 * Errors:   negative PACK_*: PACK_CORRUPT for a wrong crc, PACK_VERSION for another
 *           format, the rest as in pack.h.
 * Threads:  any.
 * Bounds:   BLOCK_COUNT_MAX records of at most MESSAGE_BYTES_MAX message bytes.
 */
#ifndef BLOCK_H
#define BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/digest.h"
#include "proto/limits.h"

#define BLOCK_VERSION    1
#define BLOCK_STREAM_LOG 0
#define BLOCK_STREAM_MAX                                                                 \
    0xffff /* 1 + k: approved.k; 0x100 + x: a service's own journals */
#define BLOCK_COUNT_MAX       (1 << 24)
#define BLOCK_HEAD_MAX        80 /* everything before the first record */
#define BLOCK_RECORD_HEAD_MAX 22 /* what a record adds to its message */

struct block {
    uint32_t stream;
    uint32_t count;
    uint64_t first_seq;
    uint64_t time_ns; /* of the first record (log), of the cut (derived) */
    uint8_t
        chain[DIGEST_CHAIN_BYTES]; /* before the block; a digest is followed by zeros */

    const uint8_t *bytes; /* the whole block */
    size_t size;

    /* Private. */
    const uint8_t *crc, *crc_end; /* the crc, which no checksum covers */
    const uint8_t *at;            /* next record to give */
    const uint8_t *chain_at;      /* record that `chain` stands before */
    uint64_t next_seq;
};

struct block_record {
    uint64_t seq;         /* position in its stream */
    uint64_t gseq;        /* in the log: seq itself, or that of the cause */
    uint64_t time_ns;     /* of that log record */
    int64_t source;       /* log only */
    uint64_t n;           /* log only */
    const uint8_t *bytes; /* the message */
    uint32_t size;
};

/* Writes one record into BLOCK_RECORD_HEAD_MAX + size of room. Returns its size. */
size_t block_put_log_record(uint8_t *out, int64_t source, uint64_t n,
                            const uint8_t *message, size_t size);
size_t block_put_derived_record(uint8_t *out, uint64_t cause_gseq, uint64_t cause_time_ns,
                                const uint8_t *message, size_t size);

/* Makes a block of `count` records that stand back to back: the caller has set stream,
 * count, first_seq, time_ns and chain. `out` has BLOCK_HEAD_MAX + records_size of room
 * and does not overlap the records. The block is then open at its first record. */
void block_make(struct block *, uint8_t *out, const uint8_t *records,
                size_t records_size);

/* Opens the block at the front of some bytes: its shape, the shape of every record and
 * the crc are right, or it is refused. `used` is where the next block starts. */
int block_open(struct block *, const uint8_t *bytes, size_t size, size_t *used);

/* The next record; false at the end. */
bool block_next(struct block *, struct block_record *);

/* Goes to record `seq` of a block none of whose records was taken; `chain` of a derived
 * block goes with it. PACK_RANGE if it is not first_seq .. first_seq + count. */
int block_skip(struct block *, uint64_t seq);

/* The chain after the block. `chain` may be the block's own. */
void block_chain(const struct block *, uint8_t chain[DIGEST_CHAIN_BYTES]);

#endif
