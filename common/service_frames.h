/* service_frames.h - what comes in on the sockets.
 *
 * Owns:     nothing; works on the instance.
 * Units:    ns of the monotonic clock.
 * Errors:   what ends the service: ERR_LOG_BEHIND, ERR_DIVERGED, ERR_OTHER_LOG and those
 *           of input and journal. A frame that is no message is counted and dropped.
 * Threads:  none.
 * Bounds:   turn_frames_max frames a turn.
 */
#ifndef SERVICE_FRAMES_H
#define SERVICE_FRAMES_H

struct service_instance;

/* Takes frames until there are none, or enough. Returns how many. */
int service_frames_drain(struct service_instance *);

#endif
