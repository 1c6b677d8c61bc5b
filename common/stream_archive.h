/* stream_archive.h - old blocks of the log in plain files, byte for byte.
 *
 * A directory of segments, each named after its first record (20 digits and ".log"):
 * the blocks back to back and nothing else. Beside a full segment lies its index
 * (".index": first_seq and offset of each block, 8 bytes each, big-endian); it only saves
 * time and is computed again where it is missing.
 *
 * After a crash the last segment may end in half a block. What is good ends before it;
 * the rest is cut when the next block is written, for the journal still has it: nothing
 * is deleted there before stream_archive_sync.
 *
 * Owns:     its files, the index of two segments, one block.
 * Units:    records of the log, bytes.
 * Errors:   ERR_CORRUPT: what is there is not what was written; ERR_DIVERGED: the block
 *           is not the next one; ERR_NOT_FOUND; ERR_FULL; of error_of_file().
 * Threads:  one. Tools may read beside the owner: what they see ends where it ended when
 *           they opened it.
 * Bounds:   STREAM_ARCHIVE_SEGMENTS files.
 */
#ifndef STREAM_ARCHIVE_H
#define STREAM_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_ARCHIVE_SEGMENTS      (1u << 20)
#define STREAM_ARCHIVE_SEGMENT_BYTES (64u << 20)

struct block;
struct stream_archive;

struct stream_archive_options {
    const char *path;       /* directory; its parent exists */
    uint64_t segment_bytes; /* a segment that has reached this is full; 0: the default */
    bool read_only;
};

int stream_archive_open(struct stream_archive **, const struct stream_archive_options *);
void stream_archive_close(struct stream_archive **);

/* The record behind its last; 1 if it is empty. */
uint64_t stream_archive_next(const struct stream_archive *);

/* The chain behind its last block. */
const uint8_t *stream_archive_chain(const struct stream_archive *);

/* Copies the block that comes next, which the caller has opened. Not durable yet. */
int stream_archive_append(struct stream_archive *, const struct block *);

/* Lets the disk begin to write what was appended, without waiting. */
void stream_archive_flush(struct stream_archive *);

/* All that was appended is on the disk when this returns 0. */
int stream_archive_sync(struct stream_archive *);

/* The block that holds `seq` by the index; `first` is its first record. Its bytes are as
 * they are on the disk: whoever opens the block finds out if they are good. Borrowed
 * until the next call. */
int stream_archive_get(struct stream_archive *, uint64_t seq, uint64_t *first,
                       const void **bytes, size_t *size);

#endif
