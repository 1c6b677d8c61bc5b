/* diary.h - what a client writes down, in a file that outlives it however it ends.
 *
 * Owns:     a mapping; the file is the caller's.
 * Units:    of annals.h.
 * Errors:   0, or -1.
 * Threads:  one writer; who reads waits until it is gone.
 * Bounds:   DIARY_CALLS calls, DIARY_SPARE of them for the end.
 */
#ifndef DIARY_H
#define DIARY_H

#include "tests/chaos/annals.h"

enum { DIARY_CALLS = 8192, DIARY_SPARE = 64 };

/* Maps the file, which is made if it is not there; the calls are those it has. */
int diary_open(struct annals *, const char *path);
void diary_close(struct annals *);

#endif
