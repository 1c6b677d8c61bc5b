/* service_input.h - feeds blocks of the input stream to the core.
 *
 * Owns:     nothing; works on the instance.
 * Units:    none.
 * Errors:   ERR_CORRUPT for a record that is no message, and what outputs return.
 * Threads:  none.
 * Bounds:   none of its own.
 */
#ifndef SERVICE_INPUT_H
#define SERVICE_INPUT_H

#include <stddef.h>
#include <stdint.h>

struct block;
struct msg_genesis;
struct service_instance;

/* Applies the records of a block that the consumer has let through. */
int service_input_apply(struct service_instance *, struct block *);

/* Applies what a frame of the input stream brings. Returns the number of blocks or an
 * error. */
int service_input_receive(struct service_instance *, const uint8_t *frame, size_t size);

/* Makes the core and everything sized by GENESIS; undoes it. */
int service_input_birth(struct service_instance *, const struct msg_genesis *);
void service_input_death(struct service_instance *);

/* The operator's settings, after init or load, before anything is applied. */
void service_input_configure(struct service_instance *);

#endif
