/* transcript.h - what happens, readably: VERBOSE=1.
 *
 * Owns:     nothing.
 * Units:    virtual ms.
 * Errors:   none.
 * Threads:  one.
 * Bounds:   none.
 */
#ifndef SIM_TRANSCRIPT_H
#define SIM_TRANSCRIPT_H

#include "tests/sim/sim.h"

/* From now on every frame that arrives is printed, with the messages in it, and every
 * fault. */
void transcript_begin(const struct sim *);

bool transcript_is_on(void);

/* What happens to a process, in a few words. */
void transcript_event(uint32_t node, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A frame that arrived. */
void transcript_frame(uint32_t from, uint32_t to, const uint8_t *bytes, size_t size);

#endif
