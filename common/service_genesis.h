/* service_genesis.h - how a log begins: one record, durable before anything else.
 *
 * Owns:     nothing; works on the instance.
 * Units:    none.
 * Errors:   ERR_NO_GENESIS: the journal is empty and nobody asked for a new log.
 * Threads:  none.
 * Bounds:   none.
 */
#ifndef SERVICE_GENESIS_H
#define SERVICE_GENESIS_H

struct service_instance;

/* Owner of the log, before the restart: makes sure that there is a log. */
int service_genesis_ensure(struct service_instance *);

#endif
