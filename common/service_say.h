/* service_say.h - what the harness itself says.
 *
 * Owns:     nothing; works on the instance.
 * Units:    ns of the monotonic clock.
 * Errors:   a frame that is not sent is lost: everything here is said again. Turn: what
 *           ends the service.
 * Threads:  none.
 * Bounds:   one frame at a time, in the instance's own.
 */
#ifndef SERVICE_SAY_H
#define SERVICE_SAY_H

#include <stddef.h>
#include <stdint.h>

#include "common/bus.h"
#include "proto/msg.h"

struct service_instance;

/* Sends what stands in the instance's own frame; not 0: it did not get out. */
int service_say_frame(struct service_instance *, enum bus_port, uint32_t index_or_peer,
                      size_t size);

/* One message. */
void service_say(struct service_instance *, enum bus_port, uint32_t index_or_peer,
                 const struct msg *);

/* Submissions, FETCH, CHECKIN, POSITION, HEAD: what is due. Returns how many frames. */
int service_say_turn(struct service_instance *);

#endif
