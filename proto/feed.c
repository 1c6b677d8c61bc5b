/* feed.c - the one rule for who sees what. */
#include "proto/feed.h"

static uint32_t one(uint32_t accounts[2], uint32_t account)
{
    accounts[0] = account;
    return 1;
}

static uint32_t with_operator(uint32_t accounts[2], uint32_t account, uint32_t by)
{
    accounts[0] = account;
    accounts[1] = by;
    return by == 0 || by == account ? 1 : 2;
}

uint32_t feed_accounts(const struct msg *m, uint32_t accounts[2])
{
    switch (m->kind) {
    case MSG_order_rejected:
        return one(accounts, m->order_rejected.account);
    case MSG_cancel_rejected:
        return one(accounts, m->cancel_rejected.account);
    case MSG_admin_done:
        return one(accounts, m->admin_done.account);
    case MSG_admin_rejected:
        return one(accounts, m->admin_rejected.account);
    case MSG_deposit_done:
        return with_operator(accounts, m->deposit_done.account, m->deposit_done.by);
    case MSG_withdraw_done:
        return with_operator(accounts, m->withdraw_done.account, m->withdraw_done.by);
    case MSG_order_accepted:
        return one(accounts, m->order_accepted.account);
    case MSG_order_cancelled:
        return one(accounts, m->order_cancelled.account);
    case MSG_order_replaced:
        return one(accounts, m->order_replaced.account);
    case MSG_trade_prevented:
        return one(accounts, m->trade_prevented.account);
    case MSG_trade:
        accounts[0] = m->trade.maker_account;
        accounts[1] = m->trade.taker_account;
        return accounts[0] == accounts[1] ? 1 : 2;
    default:
        return 0;
    }
}
