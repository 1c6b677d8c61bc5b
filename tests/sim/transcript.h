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

/* From now on every frame that arrives is printed, with the messages in it. */
void transcript_begin(const struct sim *);

bool transcript_is_on(void);

/* A frame that arrived. */
void transcript_frame(uint32_t from, uint32_t to, const uint8_t *bytes, size_t size);

#endif
