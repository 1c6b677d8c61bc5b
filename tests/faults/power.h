/* power.h - what is on the disks at any moment of a recorded run, if the power goes then.
 *
 * A byte is safe once its file was synced after it was written, or if it was written
 * through O_DSYNC; a name is safe once its directory was synced. All else may be there or
 * not, by sectors of 512 bytes; so may be what the write that was under way has written.
 *
 * Owns:     the tape, mapped; an image of each file.
 * Units:    entries of the tape; bytes.
 * Errors:   0 or a negative ERR_*.
 * Threads:  one.
 * Bounds:   POWER_FILES files; POWER_PENDING writes to one of them that are not synced.
 */
#ifndef POWER_H
#define POWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/random.h"
#include "tests/faults/tape.h"

enum {
    POWER_FILES = 128,
    POWER_PENDING = 8192,
    POWER_SECTOR = 512,
};

/* What becomes of what is not safe. */
enum power_cut {
    POWER_NONE, /* all of it is lost */
    POWER_ALL,  /* all of it was written in time */
    POWER_SOME, /* each sector and each name by the toss of a coin */
    POWER_CUTS,
};

struct power_file {
    char path[TAPE_PATH], old_path[TAPE_PATH]; /* until the new name is safe */
    bool is_directory, is_safe;                /* its name is, the old one if any */
    uint8_t *bytes;                            /* what is safe */
    size_t size, capacity;
    const struct tape_entry *pending[POWER_PENDING];
    uint32_t pending_count;
};

struct power {
    const uint8_t *tape;
    size_t size;
    const struct tape_entry **entries;
    uint64_t count, at; /* entries before `at` are done */
    uint64_t told;      /* the largest gseq anybody was told of */
    struct power_file *files;
    uint32_t file_count;
};

int power_open(struct power *, const char *tape);
void power_close(struct power *);

/* Goes forward to just before entry `at` is done. */
void power_advance(struct power *, uint64_t at);

/* Does something change the disks at `at`? */
bool power_is_boundary(const struct power *, uint64_t at);

/* Writes the files that are left after a cut now into an empty directory. */
int power_cut(const struct power *, const char *directory, enum power_cut,
              struct random *);

#endif
