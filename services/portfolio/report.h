/* report.h - each account's feed: its view of what concerns it, chained by `prev`.
 *
 * Owns:     the last report of each account and the scratch of its history.
 * Units:    positions are gseqs.
 * Errors:   none.
 * Threads:  none.
 * Bounds:   REPORT_SCRATCH_BYTES wait to be written; a query looks at REPORT_SCAN_MAX
 *           reports and then says where to go on.
 */
#ifndef REPORT_H
#define REPORT_H

#include <stdint.h>

#include "common/arena.h"
#include "common/core.h"
#include "common/history.h"

enum {
    REPORT_SCRATCH_BYTES = 256 << 10,
    REPORT_KEYS = 4096,
    REPORT_SCAN_MAX = 65536,
};

struct reports {
    struct history history; /* key: the account */
    uint64_t *last_gseq;    /* of each account's feed; 0: nothing yet */
    uint32_t accounts_max;
};

void report_init(struct reports *, struct arena *, uint32_t accounts_max, uint32_t table);

/* Appends the account's view of the record to its feed. */
void report_add(struct reports *, struct outbox *, uint32_t account,
                const struct core_input *);

/* Answers REPORTS, TRADES and TRANSACTIONS: row_report after `cursor`, oldest first. */
void report_query(const struct reports *, const struct msg_query *,
                  const struct core_rows *, struct core_answer *);

void report_save(const struct reports *, struct writer *);
int report_load(struct reports *, struct reader *);

#endif
