/* snapshot.h - a service's whole state at one input position, in the journal.
 *
 * The state is serialised to memory at once and written a few chunks per commit, so that
 * no transaction is huge; the marker, with size and checksum, goes last. Two are kept: a
 * damaged one falls back to the one before.
 *
 * Owns:     its memory, mapped while a snapshot is being written or read.
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

#include "common/journal.h"

#define SNAPSHOT_CHUNK_BYTES (1u << 17)
#define SNAPSHOT_STEP_BYTES  (1u << 20)

struct snapshot {
    uint8_t *bytes;
    size_t capacity, size;
    size_t written;
    uint64_t id;
    enum { SNAPSHOT_IDLE, SNAPSHOT_WRITING, SNAPSHOT_TRIMMING } phase;
};

/* Maps memory for a state of up to `capacity` bytes; untouched pages cost nothing. */
int snapshot_reserve(struct snapshot *, size_t capacity);
void snapshot_release(struct snapshot *);

/* `size` bytes of the reserved memory hold the state at position `id`: write them. */
void snapshot_begin(struct snapshot *, uint64_t id, size_t size);

/* Adds the next chunks, or the marker, to the open transaction; afterwards removes what
 * is older than the last two. Returns 1 when this step wrote the marker, 0, or an
 * error. */
int snapshot_step(struct snapshot *, struct journal *);

/* Reads the newest complete snapshot with an id below `before` into memory it maps, and
 * sets `id`. ERR_NOT_FOUND; ERR_CORRUPT: `id` is a damaged one, try below it. */
int snapshot_load(struct snapshot *, struct journal *, uint64_t before);

#endif
