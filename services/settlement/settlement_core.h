/* settlement_core.h - moves money on the records that say so, and keeps every line of it.
 *
 * Owns:     its state, carved from the block handed to init; the tables of posting.h.
 * Units:    the smallest unit of each asset; positions are gseqs.
 * Errors:   none; answers carry the reasons of common/error.def.
 * Threads:  one.
 * Bounds:   the capacities of GENESIS.
 *
 * Nothing here decides: risk has refused what cannot be paid. What does not add up, was
 * posted before or leaves a client below zero is a bug in what is written in the log,
 * and CHECKed.
 */
#ifndef SETTLEMENT_CORE_H
#define SETTLEMENT_CORE_H

#include "common/core.h"
#include "common/service.h"

extern const struct core_ops settlement_core;
extern const struct service_kind settlement_kind;

#endif
