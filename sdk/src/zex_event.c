/* zex_event.c - one function per report, one switch. */
#include "sdk/src/zex_event.h"

#define ERROR(NAME, number, text) [number] = {#NAME, text},
static const struct {
    const char *name, *text;
} reasons[] = {
#include "common/error.def"
};
#undef ERROR

static const struct {
    int number;
    const char *name, *text;
} own[] = {
    {ZEX_OK, "OK", "done"},
    {ZEX_ERR_TIMEOUT, "TIMEOUT", "nothing yet: unknown, not failed"},
    {ZEX_ERR_USAGE, "USAGE", "a call or an option makes no sense"},
    {ZEX_ERR_OUTBOX, "OUTBOX", "the outbox file cannot be written or is damaged"},
    {ZEX_ERR_FULL, "FULL", "too many commands in flight"},
    {ZEX_ERR_SOCKET, "SOCKET", "no socket could be made for this address and these keys"},
    {ZEX_ERR_CLOSED, "CLOSED", "the session is gone for good"},
    {ZEX_ERR_MEMORY, "MEMORY", "out of memory"},
    {ZEX_ERR_DIRECTORY, "DIRECTORY", "no gateways or no such key in this directory"},
    {ZEX_ERR_LOCKED, "LOCKED", "another process has this outbox open"},
};

static const char *find(int reason, bool text)
{
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i].number == reason)
            return text ? own[i].text : own[i].name;
    if (reason < 0)
        reason = -reason;
    if ((size_t)reason >= sizeof reasons / sizeof *reasons ||
        reasons[reason].name == NULL)
        return text ? "unknown reason" : "UNKNOWN";
    return text ? reasons[reason].text : reasons[reason].name;
}

const char *zex_reason_name(int reason)
{
    return find(reason, false);
}

const char *zex_reason_text(int reason)
{
    return find(reason, true);
}

static void from_accepted(struct zex_event *e, const struct msg_order_accepted *m)
{
    e->type = ZEX_EVENT_ORDER;
    e->order_id = m->order_id;
    e->cl_ord_id = m->cl_ord_id;
    e->symbol = m->symbol;
    e->side = m->side;
    e->price = m->price;
    e->quantity = m->quantity;
    e->leaves = m->quantity;
    e->amount = m->hold;
}

static void from_fill(struct zex_event *e, const struct msg_fill *m)
{
    e->type = ZEX_EVENT_TRADE;
    e->symbol = m->symbol;
    e->trade_id = m->trade_id;
    e->side = m->side;
    e->is_maker = m->maker;
    e->order_id = m->order_id;
    e->cl_ord_id = m->cl_ord_id;
    e->price = m->price;
    e->quantity = m->quantity;
    e->amount = m->quote;
    e->cum_quantity = m->cum_quantity;
    e->cum_quote = m->cum_quote;
    e->leaves = m->leaves;
    e->fee = m->fee;
    e->asset = m->fee_asset;
}

static void from_cancelled(struct zex_event *e, const struct msg_order_cancelled *m)
{
    e->type = ZEX_EVENT_CANCELLED;
    e->order_id = m->order_id;
    e->cl_ord_id = m->cl_ord_id;
    e->symbol = m->symbol;
    e->side = m->side;
    e->quantity = m->quantity;
    e->cum_quantity = m->cum_quantity;
    e->cum_quote = m->cum_quote;
    e->reason = m->reason;
    e->request = m->request;
}

static void from_replaced(struct zex_event *e, const struct msg_order_replaced *m)
{
    e->type = ZEX_EVENT_REPLACED;
    e->order_id = m->order_id;
    e->cl_ord_id = m->cl_ord_id;
    e->orig_cl_ord_id = m->orig_cl_ord_id;
    e->symbol = m->symbol;
    e->side = m->side;
    e->price = m->price;
    e->quantity = m->quantity;
    e->cum_quantity = m->cum_quantity;
    e->leaves = m->leaves;
    e->request = m->request;
}

static void from_rejected(struct zex_event *e, const struct msg_order_rejected *m)
{
    e->type = ZEX_EVENT_REJECTED;
    e->order_id = m->order_id;
    e->cl_ord_id = m->cl_ord_id;
    e->symbol = m->symbol;
    e->reason = m->reason;
    e->value = m->value;
    e->limit = m->limit;
}

static void from_cancel_rejected(struct zex_event *e, const struct msg_cancel_rejected *m)
{
    e->type = ZEX_EVENT_CANCEL_REJECTED;
    e->request = m->request;
    e->order_id = m->order_id;
    e->cl_ord_id = m->cl_ord_id;
    e->orig_cl_ord_id = m->orig_cl_ord_id;
    e->reason = m->reason;
    e->value = m->value;
    e->limit = m->limit;
}

static void from_prevented(struct zex_event *e, const struct msg_trade_prevented *m)
{
    e->type = ZEX_EVENT_PREVENTED;
    e->symbol = m->symbol;
    e->price = m->price;
    e->quantity = m->quantity;
    e->order_id = m->taker_order_id;
    e->request = m->maker_order_id;
}

static void from_money(struct zex_event *e, uint64_t request, uint32_t asset,
                       int64_t amount, uint64_t reference)
{
    e->type = ZEX_EVENT_MONEY;
    e->request = request;
    e->asset = asset;
    e->amount = amount;
    e->reference = reference;
}

bool zex_event_from(struct zex_event *e, const struct msg *m)
{
    switch (m->kind) {
    case MSG_order_accepted:
        from_accepted(e, &m->order_accepted);
        return true;
    case MSG_fill:
        from_fill(e, &m->fill);
        return true;
    case MSG_order_cancelled:
        from_cancelled(e, &m->order_cancelled);
        return true;
    case MSG_order_replaced:
        from_replaced(e, &m->order_replaced);
        return true;
    case MSG_order_rejected:
        from_rejected(e, &m->order_rejected);
        return true;
    case MSG_cancel_rejected:
        from_cancel_rejected(e, &m->cancel_rejected);
        return true;
    case MSG_trade_prevented:
        from_prevented(e, &m->trade_prevented);
        return true;
    case MSG_deposit_done:
        from_money(e, m->deposit_done.request, m->deposit_done.asset,
                   m->deposit_done.amount, m->deposit_done.reference);
        return true;
    case MSG_withdraw_done:
        from_money(e, m->withdraw_done.request, m->withdraw_done.asset,
                   -m->withdraw_done.amount, m->withdraw_done.reference);
        return true;
    case MSG_admin_done:
        e->type = ZEX_EVENT_DONE;
        e->request = m->admin_done.request;
        return true;
    case MSG_admin_rejected:
        e->type = ZEX_EVENT_REFUSED;
        e->request = m->admin_rejected.request;
        e->reason = m->admin_rejected.reason;
        e->value = m->admin_rejected.value;
        e->limit = m->admin_rejected.limit;
        return true;
    default:
        return false;
    }
}
