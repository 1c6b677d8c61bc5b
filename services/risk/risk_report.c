/* risk_report.c - what shards report: money moves, holds follow, orders end. */
#include "common/ablate.h"
#include "common/check.h"
#include "common/money.h"
#include "services/risk/risk.h"

/* The order leaves: what it still holds is free again, its names may be used. */
static void finish(struct risk *risk, uint32_t slot)
{
    struct hold_order *order = &risk->holds.orders[slot];
    struct account *account = account_find(&risk->accounts, order->account);
    CHECK(account != NULL && account->open_orders > 0);
    if (!ABLATE(NO_HOLD_RELEASE))
        funds_hold(&risk->funds, order->side == SIDE_BUY ? order->quote : order->base,
                   -order->held);
    order->held = 0;
    account->open_orders--;
    hold_close(&risk->holds, slot);
}

/* One side of a trade, in absolute numbers after it. */
struct fill {
    uint64_t order_id;
    int64_t cum_quantity, cum_quote, leaves, fee;
    int32_t rate_ppm;
};

static void apply_fill(struct risk *risk, uint64_t gseq, const struct msg_trade *trade,
                       uint32_t slot, const struct fill *fill)
{
    struct hold_order *order = hold_get(&risk->holds, slot, fill->order_id);
    CHECK(order->symbol == trade->symbol);
    CHECK(order->cum_quantity + trade->quantity == fill->cum_quantity);
    CHECK(order->quantity - fill->cum_quantity == fill->leaves);
    CHECK(money_fee(fill->rate_ppm, trade->quote, &order->fee_credit) == fill->fee);
    order->cum_quantity = fill->cum_quantity;
    order->cum_quote = fill->cum_quote;
    order->changed_gseq = gseq;
    order->status = ORD_STATUS_PARTIALLY_FILLED;
    risk_entry_rehold(risk, order);
    if (order->side == SIDE_BUY) {
        funds_add(&risk->funds, order->quote, -trade->quote - fill->fee);
        funds_add(&risk->funds, order->base, trade->quantity);
    } else {
        funds_add(&risk->funds, order->base, -trade->quantity);
        funds_add(&risk->funds, order->quote, trade->quote - fill->fee);
    }
    if (fill->leaves == 0)
        finish(risk, slot);
}

static void on_trade(struct risk *risk, uint64_t gseq, const struct msg_trade *trade)
{
    struct instrument_symbol *symbol = instrument_find(&risk->instruments, trade->symbol);
    CHECK(symbol != NULL);
    const struct hold_order *maker =
        hold_get(&risk->holds, trade->maker_slot, trade->maker_order_id);
    const struct hold_order *taker =
        hold_get(&risk->holds, trade->taker_slot, trade->taker_order_id);
    CHECK(taker->side == trade->taker_side && maker->side != taker->side);
    int32_t maker_ppm = maker->maker_ppm, taker_ppm = taker->taker_ppm;
    money_match_rates(&maker_ppm, &taker_ppm);
    const struct fill fills[] = {
        {trade->maker_order_id, trade->maker_cum_quantity, trade->maker_cum_quote,
         trade->maker_leaves, trade->maker_fee, maker_ppm},
        {trade->taker_order_id, trade->taker_cum_quantity, trade->taker_cum_quote,
         trade->taker_leaves, trade->taker_fee, taker_ppm},
    };
    const uint32_t fees = risk->instruments.assets[symbol->set.quote].fees;
    apply_fill(risk, gseq, trade, trade->maker_slot, &fills[0]);
    apply_fill(risk, gseq, trade, trade->taker_slot, &fills[1]);
    funds_add(&risk->funds, fees, trade->maker_fee + trade->taker_fee);
    symbol->last_price = trade->price;
    symbol->trade_id = trade->trade_id;
}

static void on_accepted(struct risk *risk, uint64_t gseq,
                        const struct msg_order_accepted *accepted)
{
    struct hold_order *order = hold_get(&risk->holds, accepted->slot, accepted->order_id);
    CHECK(order->status == ORD_STATUS_PENDING_NEW);
    order->status = ORD_STATUS_NEW;
    order->changed_gseq = gseq;
}

static void on_replaced(struct risk *risk, uint64_t gseq,
                        const struct msg_order_replaced *replaced)
{
    const uint32_t slot = replaced->slot;
    struct hold_order *order = hold_get(&risk->holds, slot, replaced->order_id);
    CHECK(order->replace == replaced->request);
    CHECK(order->cum_quantity == replaced->cum_quantity);
    hold_replace_commit(&risk->holds, slot);
    order->changed_gseq = gseq;
    if (replaced->leaves == 0) {
        CHECK(hold_leaves(order) <= 0);
        finish(risk, slot);
        return;
    }
    CHECK(hold_leaves(order) == replaced->leaves);
    risk_entry_rehold(risk, order);
}

/* A refused replace gives back what it held on top. If its order has ended meanwhile, the
 * slot may already belong to another one: there is nothing left to give back. */
static void on_cancel_rejected(struct risk *risk, uint64_t gseq,
                               const struct msg_cancel_rejected *rejected)
{
    const uint32_t slot = hold_find(&risk->holds, rejected->order_id);
    if (!rejected->replace || slot == HOLD_NONE)
        return;
    CHECK(slot + 1 == rejected->slot);
    CHECK(risk->holds.orders[slot].replace == rejected->request);
    hold_replace_abort(&risk->holds, slot);
    risk->holds.orders[slot].changed_gseq = gseq;
    risk_entry_rehold(risk, &risk->holds.orders[slot]);
}

void risk_report(struct risk *risk, const struct core_input *input)
{
    const struct msg *msg = input->msg;
    switch (msg->kind) {
    case MSG_order_accepted:
        on_accepted(risk, input->gseq, &msg->order_accepted);
        break;
    case MSG_order_rejected:
        CHECK(msg->order_rejected.slot > 0);
        (void)hold_get(&risk->holds, msg->order_rejected.slot - 1,
                       msg->order_rejected.order_id);
        finish(risk, msg->order_rejected.slot - 1);
        break;
    case MSG_trade:
        on_trade(risk, input->gseq, &msg->trade);
        break;
    case MSG_order_cancelled:
        (void)hold_get(&risk->holds, msg->order_cancelled.slot,
                       msg->order_cancelled.order_id);
        finish(risk, msg->order_cancelled.slot);
        break;
    case MSG_order_replaced:
        on_replaced(risk, input->gseq, &msg->order_replaced);
        break;
    case MSG_cancel_rejected:
        on_cancel_rejected(risk, input->gseq, &msg->cancel_rejected);
        break;
    default: /* trade_prevented moves nothing; digests are compared elsewhere */
        break;
    }
}
