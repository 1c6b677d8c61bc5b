/* portfolio_core.h - what every account has: orders, reports, positions, profit and loss.
 *
 * Owns:     its state, carved from the block handed to init; two tables of history.
 * Units:    see proto/README.md; positions are gseqs.
 * Errors:   none; answers carry the reasons of common/error.def.
 * Threads:  one.
 * Bounds:   the capacities of GENESIS; PORTFOLIO_POSITIONS positions for each balance.
 *           With no room for more, POSITIONS answers CAPACITY and everything else goes
 *           on.
 */
#ifndef PORTFOLIO_CORE_H
#define PORTFOLIO_CORE_H

#include "common/core.h"
#include "common/service.h"

enum {
    PORTFOLIO_REPORTS = 1, /* table: account, gseq -> reports */
    PORTFOLIO_CLOSED = 2,  /* table: account and span, gseq -> ended orders */
    PORTFOLIO_POSITIONS = 2,
};

extern const struct core_ops portfolio_core;
extern const struct service_kind portfolio_kind;

#endif
