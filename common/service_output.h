/* service_output.h - carries out what a core put into its outbox.
 *
 * Owns:     nothing; works on the instance.
 * Units:    none.
 * Errors:   what journal and streams return; ERR_DIVERGED.
 * Threads:  none.
 * Bounds:   none of its own.
 */
#ifndef SERVICE_OUTPUT_H
#define SERVICE_OUTPUT_H

#include <stdbool.h>

struct service_instance;

/* After each record: what it emitted and submitted, with it as the cause. */
int service_output_take(struct service_instance *);

/* At the end of each input block: cuts the streams' blocks and pushes them; writes
 * rows. */
int service_output_cut(struct service_instance *);

/* Lets the core put the rows it has held back, and writes them. */
int service_output_flush(struct service_instance *);

/* Log owner: numbers what was appended, makes it durable, pushes it. */
int service_output_append(struct service_instance *);

/* Sends what the core has for its peers. */
void service_output_send(struct service_instance *);

/* No room for another frame's outputs: finish the turn first. */
bool service_output_is_crowded(const struct service_instance *);

#endif
