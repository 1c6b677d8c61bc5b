/* verify_rows.h - a service's history tables (postings, reports, closed orders), compared
 * item by item with what its core makes again.
 *
 * Rows are cut where the live service happened to commit; what a key's rows hold one
 * after the other is the same for ever. So each key has a place, and bytes are compared
 * there.
 *
 * Owns:     a place for each (table, key) met.
 * Units:    bytes.
 * Errors:   ERR_DIVERGED with the difference; ERR_MEMORY; what the journal returns.
 * Threads:  one.
 * Bounds:   32 bytes a key.
 */
#ifndef VERIFY_ROWS_H
#define VERIFY_ROWS_H

#include "common/core.h"
#include "common/journal.h"
#include "deploy/cli/verify_difference.h"

struct verify_rows_place {
    uint64_t key, last; /* the row it is in ends at position `last` */
    size_t offset;      /* in that row */
    uint32_t table;     /* plus 1; 0: free */
    bool is_in_row;
};

struct verify_rows {
    struct verify_rows_place *places; /* open addressing, at most half full */
    uint64_t capacity, count;
    uint64_t compared; /* bytes */
};

void verify_rows_close(struct verify_rows *);

/* What the core has put for one record must be what `journal` holds next. */
ERROR_CHECKED int verify_rows_take(struct verify_rows *, struct journal *,
                                   const struct outbox_run *rows, const char *service,
                                   uint64_t seq, struct verify_difference *);

#endif
