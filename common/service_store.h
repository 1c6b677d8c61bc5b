/* service_store.h - what a service keeps in its journal: identity, cursor, snapshots.
 *
 * Owns:     nothing; works on the instance.
 * Units:    ns of the monotonic clock.
 * Errors:   what the journal returns; ERR_CORRUPT; ERR_OTHER_LOG; ERR_VERSION.
 * Threads:  none.
 * Bounds:   SNAPSHOT_STEP_BYTES and one cursor added to a transaction.
 */
#ifndef SERVICE_STORE_H
#define SERVICE_STORE_H

#include <stdbool.h>
#include <stdint.h>

struct block;
struct reader;
struct service_cursor;
struct service_instance;

/* Reads the cursor, if there is one, and the operator's skips. */
int service_store_open(struct service_instance *);

/* Where the service stands now, and its form in cursor row and snapshot. */
void service_store_get_cursor(const struct service_instance *, struct service_cursor *);
int service_store_read_cursor(struct reader *, struct service_cursor *);
bool service_store_same_cursor(const struct service_cursor *,
                               const struct service_cursor *);

/* The log's identity, known once GENESIS is: a journal belongs to one log for ever. */
int service_store_identify(struct service_instance *);
int service_store_check_log(const struct service_instance *, const uint8_t log_id[16]);

/* A block of the input stream was applied: journal it if the service does that. */
int service_store_applied(struct service_instance *, const struct block *);

/* Flow control: outputs the sequencer has not acknowledged are too many. */
bool service_store_must_wait(const struct service_instance *);

/* One transaction: effects, cursor, a step of the snapshot. */
int service_store_commit(struct service_instance *);

/* What was committed goes where tools see it. ERR_MAP_FULL: nothing of it is lost. */
int service_store_settle(struct service_instance *);

/* Takes the state as it is now; the commits that follow write it. A large one is
 * serialised by a child meanwhile, unless there is time to do it here. */
int service_store_snapshot(struct service_instance *, bool may_wait);

/* The operator's SKIP: this record must not be applied. Remembered for every later
 * replay. */
int service_store_skip(struct service_instance *, uint64_t seq);
bool service_store_is_skipped(const struct service_instance *, uint64_t seq);

/* Its place in `skips`; skip_count if it is not there. */
uint32_t service_store_find_skip(const struct service_instance *, uint64_t seq);

#endif
