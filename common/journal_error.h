/* journal_error.h - what LMDB returns, as an ERR_*.
 *
 * Owns:     nothing.
 * Units:    none.
 * Errors:   it returns them.
 * Threads:  any.
 * Bounds:   none.
 */
#ifndef JOURNAL_ERROR_H
#define JOURNAL_ERROR_H

#include <stdbool.h>

/* `path` is where the environment is: EIO means a full disk if there is no room left. */
int journal_error(int rc, const char *path);

/* ... of an environment that is open. LMDB asks for as much memory as a page says it
 * needs: where there is some, the page is damaged, not the memory short (or it was, and
 * came back meanwhile). */
int journal_error_in_use(int rc, const char *path);

/* After such an error the disk is not asked again: nobody knows what it kept. */
bool journal_error_lasts(int error);

/* What LMDB does when it does not trust its own pages: a failed CHECK. */
struct MDB_env;
void journal_error_assert(struct MDB_env *, const char *text);

#endif
