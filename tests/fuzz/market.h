/* market.h - the cores of a small venue around a log in memory: a command goes in, and
 * everything that follows from it is folded through all of them.
 *
 * Owns:     the cores; once in a process.
 * Units:    gseq; ns of the log.
 * Errors:   what is wrong aborts.
 * Threads:  one.
 * Bounds:   one shard, MARKET_SESSIONS sessions.
 */
#ifndef MARKET_H
#define MARKET_H

#include "deploy/cli/refold_fold.h"
#include "proto/msg.h"

enum market_core {
    MARKET_SEQUENCER,
    MARKET_RISK,
    MARKET_SHARD,
    MARKET_SETTLEMENT,
    MARKET_PORTFOLIO,
    MARKET_GATEWAY,
    MARKET_CORES,
};

enum { MARKET_SESSIONS = 3, MARKET_TRADER = 10 }; /* the operator and two traders */

/* A venue with two symbols and some money, as it was right after it was made. */
void market_reset(void);

/* A command of this session, and all that comes of it. False if it does not encode. */
bool market_command(uint32_t session, const struct msg *);
void market_tick(void);

/* Each core's invariants; money and open orders are the same everywhere. */
void market_check(void);

struct refold_fold *market_core(enum market_core);
const struct msg_genesis *market_genesis(void);

#endif
