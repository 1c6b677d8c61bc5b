/* points.h - where a service of MODE=kill is to end itself: a file its test maps too.
 *
 * Owns:     nothing; a layout.
 * Units:    passages.
 * Errors:   none.
 * Threads:  written by the test, read by every thread of the service.
 * Bounds:   POINTS_NAME.
 */
#ifndef POINTS_H
#define POINTS_H

#include <stdatomic.h>
#include <stdint.h>

enum { POINTS_NAME = 64 };

/* The rest is valid once the serial has risen. */
struct points {
    _Atomic uint32_t serial;
    _Atomic uint32_t unknown; /* serial of a name that the service does not have */
    uint32_t nth;             /* passage from now on at which it ends; 0: none */
    char name[POINTS_NAME]; /* "journal_commit": entered; "journal_commit.": left; or one
                               of fault.h */
};

#endif
