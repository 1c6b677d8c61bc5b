/* service_archive.h - moves old blocks of the log from the journal into the archive.
 *
 * In rounds, a little each turn: copy, let the disk write, sync, and only then delete, in
 * the transactions that append. A crash in between leaves blocks in both places, which is
 * harmless: reads take the journal's, and the next round goes on where the archive ends.
 * Never moved: the newest archive_keep_records, what the oldest snapshot needs, what a
 * registered consumer has not read, the last block.
 *
 * Owns:     the instance's archive.
 * Units:    records; ns of the monotonic clock.
 * Errors:   open: ERR_CORRUPT, ERR_DIVERGED where archive and journal do not fit
 *           together, what stream_archive_open returns. A round that fails is logged and
 *           was the last: the journal keeps the rest.
 * Threads:  the instance's.
 * Bounds:   a turn copies SERVICE_ARCHIVE_TURN_BYTES and one block, deletes
 *           SERVICE_ARCHIVE_TURN_BLOCKS.
 */
#ifndef SERVICE_ARCHIVE_H
#define SERVICE_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#define SERVICE_ARCHIVE_TURN_BYTES  (1u << 17)
#define SERVICE_ARCHIVE_TURN_BLOCKS 8

/* Row of JOURNAL_META: the absolute path of the archive, for tools. */
#define SERVICE_ARCHIVE_ROW "archive"

struct service_instance;

enum service_archive_phase {
    SERVICE_ARCHIVE_RESTING,
    SERVICE_ARCHIVE_COPYING,
    SERVICE_ARCHIVE_SETTLING, /* the disk writes what was flushed */
    SERVICE_ARCHIVE_DELETING,
    SERVICE_ARCHIVE_OFF,
};

struct service_archive {
    struct stream_archive *files; /* NULL: the log stays whole in the journal */
    enum service_archive_phase phase;
    uint64_t until;  /* this round moves blocks that end here at most */
    uint64_t copied; /* bytes, this round */
    uint64_t due_ns; /* next step */
};

/* Opens the archive of the log's owner, if there is to be one. */
int service_archive_open(struct service_instance *);

/* What is due, in the transaction of a turn that appends. Never waits long. */
void service_archive_turn(struct service_instance *);

#endif
