/* risk_core.h - the pre-trade gate: folds the log, approves or refuses every command.
 *
 * Owns:     accounts, keys, sessions, assets, symbols, balances, holds, references.
 * Units:    amounts in the asset's smallest unit; positions are gseq.
 * Errors:   none; a refusal is a record.
 * Threads:  none.
 * Bounds:   the capacities of GENESIS; every record is O(1), but a TICK and a kill touch
 *           each of the K streams.
 */
#ifndef RISK_CORE_H
#define RISK_CORE_H

#include "common/core.h"
#include "common/service.h"

extern const struct core_ops risk_core;
extern const struct service_kind risk_kind;

/* Invariants: per asset all balances sum to 0, EXTERNAL and FEES included; nothing else
 * is below zero; held = holds of open orders + withdrawals under way. */
void risk_core_check(const void *state);

#endif
