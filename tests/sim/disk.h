/* disk.h - virtual disks, behind common/journal.h.
 *
 * A disk outlives the process that has it open. What was not committed when the journal
 * is closed, or when the power was cut, never was. What was committed with `redo` and not
 * settled is done again by who opens it next.
 *
 * Owns:     every disk, found by its path.
 * Units:    bytes.
 * Errors:   as common/journal.h.
 * Threads:  one.
 * Bounds:   DISK_COUNT disks, JOURNAL_TABLES tables each.
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/random.h"

enum { DISK_COUNT = 32 };

struct disk;

/* Forgets all disks. */
void disk_reset(void);

/* Whoever has the disk open goes on with it, under another name; what is committed of it
 * is on a disk of the old name. */
void disk_fork(struct disk *, const char *name);

/* The disk of a journal path; made if there is none. */
struct disk *disk_find(const char *path);

/* As if the volume was new. Nobody has it open. */
void disk_wipe(struct disk *);

/* Removes the newest complete snapshot, if there are two. Nobody has it open. */
bool disk_drop_snapshot(struct disk *);

/* From now on the next `puts` puts fit, and then none until the journal is closed. */
void disk_fill_up(struct disk *, uint32_t puts);

/* Flips a bit of a journaled block or of a snapshot, anywhere; false if there is none.
 * Nobody has it open. disk_restore gives the row back as it was, if it is still there. */
bool disk_rot(struct disk *, struct random *);
void disk_restore(struct disk *);

/* An older copy: without the log's last blocks, and what came after them. False if there
 * are not so many. Nobody has it open. */
bool disk_roll_back(struct disk *, uint32_t blocks);

/* What its rows take, and how many complete snapshots are among them. */
uint64_t disk_bytes(const struct disk *);
uint32_t disk_snapshots(const struct disk *);

/* The index of the first row with a key >= the given one. */
uint32_t disk_seek(const struct disk *, uint32_t table, const void *key, size_t key_size);

/* Reads what is committed, in key order: the row at `index`; false at the end. */
bool disk_row(const struct disk *, uint32_t table, uint32_t index, const void **key,
              size_t *key_size, const void **value, size_t *value_size);

#endif
