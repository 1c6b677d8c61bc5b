/* archive.h - the committed log, as an auditor copies it from the sequencer's disk.
 *
 * Owns:     copies of all records; they must never change or go away afterwards.
 * Units:    positions of the log.
 * Errors:   archive_read: what is wrong with the log (I7), or NULL.
 * Threads:  one.
 * Bounds:   ARCHIVE_SKIPS records that services pass over.
 */
#ifndef SIM_ARCHIVE_H
#define SIM_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/invariants.h"
#include "proto/msg.h"

enum { ARCHIVE_SKIPS = 64 };

struct archive_record {
    uint64_t gseq, time_ns, n;
    int64_t source;
    uint32_t size;
    uint16_t kind;
    const uint8_t *bytes;
};

struct archive_page;

struct archive {
    struct archive_record *records; /* [gseq - 1] */
    uint64_t count, capacity;
    struct archive_page *pages;    /* of copied bytes, the newest first */
    struct invariants_place place; /* behind the last block */
    uint64_t began_ns,
        began_mono_ns;      /* of the first read: how fast the log's time runs */
    uint64_t busy_count;    /* records that are neither TICK, DIGEST nor EPOCH */
    uint64_t command_count; /* ... of sessions */
    struct msg_skip skips[ARCHIVE_SKIPS];
    uint32_t skip_count;
};

void archive_init(struct archive *);
void archive_close(struct archive *);

/* Copies what was committed since; every block must follow the one before. What the
 * journal does not have any more is in the files; NULL: there are none. */
const char *archive_read(struct archive *, const char *path, const char *files);

/* What it says. */
struct msg archive_decode(const struct archive_record *);

/* By its own CLOSE or the operator's word. */
bool archive_has_ended(const struct archive *, uint64_t session);

/* Is it in the account's feed? */
bool archive_concerns(const struct archive_record *, uint32_t account);

/* The operator said that this service passes over this record of its input. */
bool archive_skips(const struct archive *, uint32_t service, uint64_t seq);

/* The files hold the log from its beginning, block after block, to where the journal
 * goes on. */
const char *archive_check_files(const struct archive *, const char *files);

#endif
