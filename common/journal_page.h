/* journal_page.h - the pages of an LMDB file, looked at before LMDB believes them.
 *
 * LMDB carries no checksums and trusts each page's header: on a page that is another one,
 * or none, a search need not end, and a removal frees pages that are in use.
 *
 * Owns:     nothing.
 * Units:    bytes; page numbers.
 * Errors:   ERR_CORRUPT, ERR_IO, ERR_MEMORY; of the heads those of error_of_file().
 * Threads:  any.
 * Bounds:   depth of a tree JOURNAL_PAGE_DEPTH, as LMDB's.
 */
#ifndef JOURNAL_PAGE_H
#define JOURNAL_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_PAGE_DEPTH 32

/* Where a process has the file in memory. Pages that were changed are elsewhere. */
struct journal_page_map {
    uintptr_t base;
    uint64_t size;
    uint32_t page_bytes;
};

struct MDB_val; /* of <lmdb.h> */

/* The order of keys, LMDB's own; `b` is on a page. A search takes the flags of a page for
 * true: on one that is none, keys can have no size, and LMDB would look for its middle
 * for ever, with this as its only step. So an empty key is a failed CHECK. */
int journal_page_compare(const struct MDB_val *a, const struct MDB_val *b);

/* From a key that lies in a page which was not changed. */
struct journal_page_map journal_page_map(const void *key, uint64_t size,
                                         uint32_t page_bytes);

/* Is the value of a row that was found where it must be: behind its key, or, if it is
 * large, on pages of its own whose header says so? */
bool journal_page_holds(const struct journal_page_map *, const void *key, size_t key_size,
                        const void *value, size_t value_size);

/* Before LMDB opens the file: it divides by the page size that its heads tell, and writes
 * behind the last page that the newer one does. That is within the map, and not before
 * the older one's. 0 also if there is no such file, or none of LMDB. */
int journal_page_check_heads(const char *path);

/* Walks everything that belongs to transaction `txn`, which a reader holds: each page is
 * what and where it is said to be and belongs to one tree, keys ascend, values fit, free
 * pages are free. ERR_CORRUPT means nothing if `is_over`: a writer has taken the place of
 * the transaction's roots; try a newer one. */
int journal_page_check(int file, uint64_t txn, bool *is_over);

#endif
