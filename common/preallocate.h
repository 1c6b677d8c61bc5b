/* preallocate.h - room in a file before it is needed.
 *
 * A sync of a file that has grown writes the file system's own journal too, and a page
 * that was never written costs several times one that was. Zeros behind the end, written
 * once, spare both to whoever writes there later.
 *
 * Owns:     nothing.
 * Units:    bytes.
 * Errors:   ERR_IO: the file is not to be trusted. A disk that is short of room is no
 *           error: a quarter of what is free is never exceeded, nothing is done then.
 * Threads:  any, but nobody else may write to the file meanwhile.
 * Bounds:   none.
 */
#ifndef PREALLOCATE_H
#define PREALLOCATE_H

#include <stdint.h>

/* The file has at least `bytes` when this returns 0, if there is room; it is synced. */
int preallocate(const char *path, uint64_t bytes);

#endif
