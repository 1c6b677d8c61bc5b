/* reference.h - the log of a venue that ran undisturbed, to compare others with.
 *
 * Owns:     a digest of each record.
 * Units:    gseq.
 * Errors:   negative ERR_*.
 * Threads:  one; read by many.
 * Bounds:   none.
 */
#ifndef REFERENCE_H
#define REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

struct reference {
    uint64_t count; /* records 1 .. count */
    uint64_t *digests;
    uint64_t *names; /* cl_ord_id of the command that each of them is, or 0 */
};

struct block_record;

/* Calls `visit` with each record of a venue's log until it says false. */
int reference_walk(const char *directory,
                   bool (*visit)(void *, const struct block_record *), void *argument);

int reference_load(struct reference *, const char *directory);
void reference_release(struct reference *);

/* How many records at the front of this log are the reference's. */
int reference_compare(const struct reference *, const char *directory, uint64_t *same);

#endif
