/* feed.c - the one rule for who sees what. */
#include "proto/feed.h"

#include "proto/codec.h"

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

static struct msg_fill maker_fill(const struct msg_trade *t)
{
    return (struct msg_fill){.order_id = t->maker_order_id,
                             .account = t->maker_account,
                             .cl_ord_id = t->maker_cl_ord_id,
                             .symbol = t->symbol,
                             .side = t->taker_side == SIDE_BUY ? SIDE_SELL : SIDE_BUY,
                             .trade_id = t->trade_id,
                             .price = t->price,
                             .quantity = t->quantity,
                             .quote = t->quote,
                             .maker = 1,
                             .cum_quantity = t->maker_cum_quantity,
                             .cum_quote = t->maker_cum_quote,
                             .leaves = t->maker_leaves,
                             .fee = t->maker_fee,
                             .fee_asset = t->fee_asset};
}

static struct msg_fill taker_fill(const struct msg_trade *t)
{
    return (struct msg_fill){.order_id = t->taker_order_id,
                             .account = t->taker_account,
                             .cl_ord_id = t->taker_cl_ord_id,
                             .symbol = t->symbol,
                             .side = t->taker_side,
                             .trade_id = t->trade_id,
                             .price = t->price,
                             .quantity = t->quantity,
                             .quote = t->quote,
                             .cum_quantity = t->taker_cum_quantity,
                             .cum_quote = t->taker_cum_quote,
                             .leaves = t->taker_leaves,
                             .fee = t->taker_fee,
                             .fee_asset = t->fee_asset};
}

static void add_fill(struct feed_view *view, const struct msg_fill *fill)
{
    size_t size = 0;
    if (codec_encode_body(view->scratch + view->size, sizeof view->scratch - view->size,
                          MSG_fill, fill, &size) == 0)
        view->size += (uint32_t)size;
}

static void view_trade(struct feed_view *view, const struct msg_trade *trade,
                       uint32_t account)
{
    view->kind = MSG_fill;
    view->size = 0;
    view->bytes = view->scratch;
    if (trade->maker_account == account) {
        const struct msg_fill fill = maker_fill(trade);
        add_fill(view, &fill);
    }
    if (trade->taker_account == account) {
        const struct msg_fill fill = taker_fill(trade);
        add_fill(view, &fill);
    }
}

void feed_view(struct feed_view *view, const struct msg *m, const uint8_t *bytes,
               uint32_t bytes_size, uint32_t account)
{
    if (m->kind == MSG_trade) {
        view_trade(view, &m->trade, account);
        return;
    }
    view->kind = m->kind;
    view->size = bytes_size;
    view->bytes = bytes;
}
