/* service_restart.h - how a service comes back: snapshot, replay, compare.
 *
 * Owns:     nothing; works on the instance.
 * Units:    none.
 * Errors:   ERR_DIVERGED when what is regenerated is not what was stored; ERR_CORRUPT;
 *           ERR_NO_GENESIS; what the journal returns.
 * Threads:  none.
 * Bounds:   a bounded number of blocks per call.
 *
 *     snapshot at P          stored cursor C
 *         |--- replay: no rows, no sends, outputs compared ---|--- live
 */
#ifndef SERVICE_RESTART_H
#define SERVICE_RESTART_H

struct service_instance;

/* Reads cursor and snapshot; the replay follows in the turns. */
int service_restart_open(struct service_instance *);

/* The core exists now: its streams compare until the cursor is reached. */
int service_restart_arm(struct service_instance *);

/* Replays from the service's own journal, if that holds its input. Returns how many
 * blocks. */
int service_restart_replay(struct service_instance *);

/* After a block: ends the replay when it is over. */
int service_restart_advance(struct service_instance *);

#endif
