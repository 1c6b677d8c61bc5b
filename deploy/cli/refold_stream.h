/* refold_stream.h - walks a stream as a service stored it, record by record, and trusts
 * nothing: each block's shape, crc, chain, place and time are checked.
 *
 * Owns:     one block's bytes, the archive of the log.
 * Units:    positions from 1, ns of the log.
 * Errors:   ERR_CORRUPT, with the word for it in `fault` and the position in `next`; what
 *           the journal returns.
 * Threads:  one.
 * Bounds:   blocks of REFOLD_STREAM_BLOCK_MAX bytes.
 */
#ifndef REFOLD_STREAM_H
#define REFOLD_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/journal.h"
#include "common/stream.h"
#include "common/stream_archive.h"
#include "proto/block.h"

#define REFOLD_STREAM_BLOCK_MAX STREAM_FRAME_BYTES

struct refold_stream {
    struct journal *journal;
    struct stream_archive *archive; /* of the log, where it is not in the journal */
    uint32_t table, stream;
    uint64_t next;               /* the position that comes next */
    uint64_t end;                /* behind the last stored record */
    uint64_t blocks, bytes;      /* walked, for people */
    uint64_t time_ns;            /* of the last record (log) */
    uint8_t chain[STREAM_CHAIN]; /* before the current block, then behind it */
    bool takes_chain;            /* of the next block, as it is */
    bool is_in_block;
    struct block block;
    uint8_t *block_bytes;
    const char *fault; /* "crc", "chain", "gap", ... after ERR_CORRUPT */
};

/* `table` is one of enum journal_table that holds blocks; the log and a service's outputs
 * are STREAM_LOG and STREAM_OUTPUT. ERR_NOT_FOUND: nothing is stored. */
ERROR_CHECKED int refold_stream_open(struct refold_stream *, struct journal *,
                                     uint32_t table, uint32_t stream);
void refold_stream_close(struct refold_stream *);

/* 1 with the next record (its bytes borrowed until the next call), 0 at the end. */
ERROR_CHECKED int refold_stream_next(struct refold_stream *, struct block_record *);

/* Goes to the start of the block that holds `seq`, without checking what comes before. */
ERROR_CHECKED int refold_stream_seek(struct refold_stream *, uint64_t seq);

/* True between two blocks, where `chain` is that of all records so far. */
static inline bool refold_stream_is_at_cut(const struct refold_stream *stream)
{
    return !stream->is_in_block;
}

#endif
