/* faults.h - which of the points of common/fault.h happen, and how often they did.
 *
 * Owns:     the draws and the counts of the world that runs.
 * Units:    none.
 * Errors:   none.
 * Threads:  one.
 * Bounds:   none.
 */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include <stdint.h>

#include "common/fault.h"

extern uint32_t faults[FAULT_COUNT];

/* Begins anew; `ppm` is borrowed. NULL: from now on none happens. */
void faults_begin(uint64_t seed, const uint32_t ppm[FAULT_COUNT]);
void faults_end(void);

const char *faults_text(uint32_t fault);

#endif
