/* risk.h - the state of the core, and the handlers it is folded with.
 *
 * Owns:     everything risk knows; the tables are carved from the block behind it.
 * Units:    as the tables.
 * Errors:   none: what is refused is submitted as a rejection.
 * Threads:  none.
 * Bounds:   the capacities of GENESIS.
 *
 * Inside services/risk only; others see risk_core.h. One handler takes one kind of
 * record: risk_entry.c orders, risk_report.c what shards report, risk_admin.c
 * configuration, risk_movement.c deposits and withdrawals, risk_query.c questions.
 */
#ifndef RISK_H
#define RISK_H

#include "common/core.h"
#include "services/risk/account.h"
#include "services/risk/funds.h"
#include "services/risk/hold.h"
#include "services/risk/instrument.h"
#include "services/risk/pair.h"

struct risk {
    struct accounts accounts;
    struct instruments instruments;
    struct funds funds;
    struct holds holds;
    struct pairs references; /* (account and direction, reference) of money movements */
    uint32_t reference_count;
    uint32_t shards;
};

/* The account a command speaks for: that of its session. */
uint32_t risk_speaker(const struct risk *, const struct core_input *);

/* May this account send such a command? Roles are the gateway's business first; here they
 * are decided. */
struct limit_verdict risk_may(const struct risk *, uint32_t account, enum role);

/* Orders of clients. */
void risk_entry_new(struct risk *, const struct core_input *, struct outbox *);
void risk_entry_cancel(struct risk *, const struct core_input *, struct outbox *);
void risk_entry_replace(struct risk *, const struct core_input *, struct outbox *);

/* Makes what an order holds equal to what it must hold now. */
void risk_entry_rehold(struct risk *, struct hold_order *);

/* Any report of a shard. */
void risk_report(struct risk *, const struct core_input *);

/* Configuration, and everything else a session may send that is not an order. */
void risk_admin(struct risk *, const struct core_input *, struct outbox *);
void risk_admin_reject(const struct core_input *, uint32_t account, struct limit_verdict,
                       struct outbox *);

/* Money in and out: the commands, and the records at which it moves. */
void risk_movement_deposit(struct risk *, const struct core_input *, struct outbox *);
void risk_movement_withdraw(struct risk *, const struct core_input *, struct outbox *);
void risk_movement_deposit_done(struct risk *, const struct msg_deposit_done *);
void risk_movement_withdraw_done(struct risk *, const struct msg_withdraw_done *);

void risk_query(const void *state, const struct msg_query *, const struct core_rows *,
                struct core_answer *);

void risk_snapshot_save(const struct risk *, struct writer *);
ERROR_CHECKED int risk_snapshot_load(struct risk *, struct reader *);

#endif
