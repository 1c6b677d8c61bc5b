/* files.h - the directory of the log's archive: real files, in memory, that a power cut
 * leaves as a disk would.
 *
 * What was synced stays. What was written since is cut anywhere, and a sector of it may
 * be missing; a file that was never synced may be gone.
 *
 * Owns:     the directory, one a worker, and what it knows of its files.
 * Units:    bytes.
 * Errors:   none: CHECKs.
 * Threads:  one.
 * Bounds:   FILES_MAX files.
 */
#ifndef SIM_FILES_H
#define SIM_FILES_H

#include <stdint.h>

#include "common/random.h"

enum { FILES_MAX = 4096 };

/* An empty directory. Its path is borrowed until files_close. */
const char *files_open(void);
void files_close(void);

/* The path of a file that no power cut harms: the outbox of the guest (guest.h). */
const char *files_beside(void);

/* This process is a copy: it takes copies of the files too, open ones included. */
void files_fork(void);

/* Those of a process that has ended, however it did. */
void files_sweep(int process);

/* The power went. */
void files_cut(struct random *);

#endif
