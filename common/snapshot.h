/* snapshot.h - a service's whole state at one input position, in the journal.
 *
 * The state is serialised to memory, at once or by a child that has the memory as it was
 * then, and written SNAPSHOT_STEP_BYTES a commit, so that no transaction is huge; the
 * marker, with size and checksum, goes last. Two are kept: a damaged one falls back to
 * the one before.
 *
 * Owns:     its memory, mapped while a snapshot is being made, written or read; a child.
 * Units:    bytes; the id of a snapshot is the input position it was taken at.
 * Errors:   ERR_NOT_FOUND, ERR_CORRUPT, ERR_MEMORY, and what journal_put returns.
 * Threads:  none.
 * Bounds:   SNAPSHOT_STEP_BYTES written per step.
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/child.h"
#include "common/journal.h"

/* What LMDB keeps in one page of 4096, of which 16 are its own. What needs several pages
 * needs them side by side: where there are no such, the file grows, though half of it is
 * free. With chunks of 128 KiB it came to seven times what was in it. */
#define SNAPSHOT_CHUNK_BYTES 4080u
#define SNAPSHOT_STEP_BYTES  (1u << 20)

/* Of bytes that were made; more than there was room for if `size` is beyond. */
struct snapshot_made {
    uint64_t size;
    uint8_t digest[16];
};

struct snapshot {
    uint8_t *bytes;
    struct snapshot_made *made; /* behind the bytes */
    size_t capacity, size;
    size_t written;
    uint64_t id;
    struct child child; /* that makes the bytes */
    enum { SNAPSHOT_IDLE, SNAPSHOT_MAKING, SNAPSHOT_WRITING, SNAPSHOT_TRIMMING } phase;
};

/* Maps memory for a state of up to `capacity` bytes; untouched pages cost nothing. What a
 * child is to fill is shared with it. */
int snapshot_reserve(struct snapshot *, size_t capacity, bool is_shared);
void snapshot_release(struct snapshot *);

/* Whoever puts the state into `bytes` says so, once: it took `size` of them. */
void snapshot_made(struct snapshot *, size_t size);

/* The reserved memory holds the state at position `id`, or `child` makes it do so: write
 * it. */
void snapshot_begin(struct snapshot *, uint64_t id);

/* Adds the next chunks, or the marker, to the open transaction; afterwards removes what
 * is older than the last two. Returns 1 when this step wrote the marker, 0, or an
 * error; ERR_NOT_FOUND if the bytes never came, which is all that has happened. */
int snapshot_step(struct snapshot *, struct journal *);

/* Reads the newest complete snapshot with an id below `before` into memory it maps, and
 * sets `id`. ERR_NOT_FOUND; ERR_CORRUPT: `id` is a damaged one, try below it. */
int snapshot_load(struct snapshot *, struct journal *, uint64_t before);

#endif
