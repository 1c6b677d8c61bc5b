/* risk_entry.c - orders, cancels and replaces: check everything, then change everything.
 * */
#include "common/ablate.h"
#include "common/check.h"
#include "common/money.h"
#include "services/risk/risk.h"

/* An order on its way in: what the checks found out, for the effect to use. */
struct draft {
    struct account *account;
    const struct instrument_symbol *symbol;
    struct limit_order order;
    struct hold_order hold;
};

static void reject_order(const struct core_input *input, uint32_t account,
                         struct limit_verdict verdict, struct outbox *outbox)
{
    const struct msg_order_new *order = &input->msg->order_new;
    const struct msg out = {
        .kind = MSG_order_rejected,
        .order_rejected =
            {
                .order_id = input->gseq,
                .account = account,
                .cl_ord_id = order->cl_ord_id,
                .symbol = order->symbol,
                .reason = (uint16_t)error_number(verdict.error),
                .value = verdict.value,
                .limit = verdict.limit,
            },
    };
    outbox_submit(outbox, &out);
}

static struct limit_verdict check_account(const struct risk *risk, uint32_t id,
                                          struct account **account)
{
    const struct limit_verdict verdict = risk_may(risk, id, ROLE_TRADER);
    if (verdict.error != 0)
        return verdict;
    *account = account_find(&risk->accounts, id);
    if ((*account)->killed)
        return limit_refuse(ERR_KILLED, 1, 0);
    return limit_pass();
}

static struct limit_verdict
check_counts(const struct risk *risk, const struct account *account, uint64_t cl_ord_id)
{
    const struct msg_account_set *set = &account->set;
    if (account->open_orders >= set->open_orders_max)
        return limit_refuse(ERR_OPEN_ORDERS_MAX, account->open_orders,
                            set->open_orders_max);
    if (set->orders_max != 0 && account->orders >= set->orders_max)
        return limit_refuse(ERR_ORDERS_MAX, (int64_t)account->orders,
                            (int64_t)set->orders_max);
    const uint32_t slot = hold_find_name(&risk->holds, set->account, cl_ord_id);
    if (slot != HOLD_NONE)
        return limit_refuse(ERR_DUPLICATE_CL_ORD_ID, (int64_t)cl_ord_id,
                            (int64_t)risk->holds.orders[slot].order_id);
    if (hold_is_full(&risk->holds))
        return limit_refuse(ERR_CAPACITY, risk->holds.slots.count,
                            risk->holds.slots.capacity);
    return limit_pass();
}

/* Whether the order's hold is there, and a balance for what it will receive. Nothing may
 * run out later, when the shard reports fills. */
static struct limit_verdict check_funds(const struct risk *risk, struct hold_order *order,
                                        const struct msg_symbol_set *symbol)
{
    order->base = funds_find(&risk->funds, order->account, symbol->base);
    order->quote = funds_find(&risk->funds, order->account, symbol->quote);
    const bool is_buy = order->side == SIDE_BUY;
    const uint32_t pays = is_buy ? order->quote : order->base;
    const uint32_t gets = is_buy ? order->base : order->quote;
    if (gets == FUNDS_NONE && funds_room(&risk->funds, 1) != 0)
        return limit_refuse(ERR_CAPACITY, risk->funds.count, risk->funds.capacity);
    if (hold_amount(order, symbol->multiplier, &order->held) != 0)
        return limit_refuse(ERR_OVERFLOW, order->quantity, MONEY_MAX);
    const int64_t free = funds_free(&risk->funds, pays);
    if (order->held > free)
        return limit_refuse(ERR_FUNDS, order->held, free);
    return limit_pass();
}

/* The order as risk keeps it, its fee rates frozen. */
static void fill_hold(struct draft *draft, const struct core_input *input)
{
    const struct msg_order_new *order = &input->msg->order_new;
    const struct msg_account_set *own = &draft->account->set;
    const struct msg_symbol_set *symbol = &draft->symbol->set;
    draft->hold = (struct hold_order){
        .order_id = input->gseq,
        .cl_ord_id = order->cl_ord_id,
        .changed_gseq = input->gseq,
        .price = draft->order.price,
        .quantity = order->quantity,
        .account = own->account,
        .maker_ppm = own->own_fees ? own->maker_ppm : symbol->maker_ppm,
        .taker_ppm = own->own_fees ? own->taker_ppm : symbol->taker_ppm,
        .symbol = (uint16_t)order->symbol,
        .side = (uint8_t)order->side,
        .ord_type = (uint8_t)order->ord_type,
        .tif = (uint8_t)order->tif,
        .status = ORD_STATUS_PENDING_NEW,
    };
}

static struct limit_verdict check_new(const struct risk *risk, uint32_t account,
                                      const struct core_input *input, struct draft *draft)
{
    const struct msg_order_new *order = &input->msg->order_new;
    struct limit_verdict verdict = check_account(risk, account, &draft->account);
    if (verdict.error != 0)
        return verdict;
    draft->symbol = instrument_find(&risk->instruments, order->symbol);
    if (draft->symbol == NULL)
        return limit_refuse(ERR_UNKNOWN_SYMBOL, order->symbol, 0);
    if (draft->symbol->set.trading != TRADING_OPEN)
        return limit_refuse(ERR_HALTED, draft->symbol->set.trading, TRADING_OPEN);
    verdict = limit_shape(order);
    if (verdict.error != 0)
        return verdict;
    draft->order = (struct limit_order){
        .is_buy = order->side == SIDE_BUY,
        .is_market = order->ord_type == ORD_TYPE_MARKET,
        .price = order->price,
        .quantity = order->quantity,
    };
    verdict = limit_filter(&draft->symbol->set, instrument_reference(draft->symbol),
                           &draft->order);
    if (verdict.error != 0)
        return verdict;
    verdict = check_counts(risk, draft->account, order->cl_ord_id);
    if (verdict.error != 0)
        return verdict;
    fill_hold(draft, input);
    return check_funds(risk, &draft->hold, &draft->symbol->set);
}

static void approve_new(const struct draft *draft, uint32_t slot,
                        const struct msg_order_new *order, struct outbox *outbox)
{
    const struct msg_symbol_set *symbol = &draft->symbol->set;
    const struct hold_order *hold = &draft->hold;
    const struct msg out = {
        .kind = MSG_approved_new,
        .approved_new =
            {
                .slot = slot,
                .account = hold->account,
                .cl_ord_id = hold->cl_ord_id,
                .symbol = order->symbol,
                .side = order->side,
                .ord_type = order->ord_type,
                .tif = order->tif,
                .price = hold->price,
                .quantity = hold->quantity,
                .post_only = order->post_only,
                .stp = order->stp == STP_DEFAULT ? symbol->stp : order->stp,
                .maker_ppm = hold->maker_ppm,
                .taker_ppm = hold->taker_ppm,
                .hold = hold->held,
            },
    };
    outbox_emit(outbox, symbol->shard, &out);
}

void risk_entry_new(struct risk *risk, const struct core_input *input,
                    struct outbox *outbox)
{
    const uint32_t account = risk_speaker(risk, input);
    struct draft draft;
    const struct limit_verdict verdict = check_new(risk, account, input, &draft);
    if (verdict.error != 0) {
        reject_order(input, account, verdict, outbox);
        return;
    }
    const struct msg_symbol_set *symbol = &draft.symbol->set;
    if (draft.hold.base == FUNDS_NONE)
        draft.hold.base = funds_open(&risk->funds, account, symbol->base);
    if (draft.hold.quote == FUNDS_NONE)
        draft.hold.quote = funds_open(&risk->funds, account, symbol->quote);
    funds_hold(&risk->funds, draft.order.is_buy ? draft.hold.quote : draft.hold.base,
               draft.hold.held);
    draft.account->open_orders++;
    draft.account->orders++;
    const uint32_t slot = hold_open(&risk->holds, &draft.hold);
    approve_new(&draft, slot, &input->msg->order_new, outbox);
}

static uint32_t shard_of(const struct risk *risk, const struct hold_order *order)
{
    return risk->instruments.symbols[order->symbol].set.shard;
}

/* The order a request names: the account's own, by id or else by name. Another account's
 * order is answered like one that does not exist. */
static uint32_t resolve(const struct risk *risk, uint32_t account, uint64_t order_id,
                        uint64_t cl_ord_id)
{
    if (order_id == 0)
        return hold_find_name(&risk->holds, account, cl_ord_id);
    const uint32_t slot = hold_find(&risk->holds, order_id);
    const bool is_own = slot != HOLD_NONE && risk->holds.orders[slot].account == account;
    return is_own ? slot : HOLD_NONE;
}

/* A cancel or a replace that names an order: what the two have in common. */
struct request {
    uint64_t cl_ord_id, order_id, orig_cl_ord_id; /* as the client said */
    uint32_t account;
    uint32_t slot; /* of the order it means, or HOLD_NONE */
    uint8_t replace;
};

/* Names the order as it is, or as the client did if there is none. */
static void reject_request(const struct risk *risk, const struct request *request,
                           uint64_t gseq, struct limit_verdict verdict,
                           struct outbox *outbox)
{
    const bool is_known = request->slot != HOLD_NONE;
    const struct hold_order *order = is_known ? &risk->holds.orders[request->slot] : NULL;
    const struct msg out = {
        .kind = MSG_cancel_rejected,
        .cancel_rejected =
            {
                .request = gseq,
                .account = request->account,
                .cl_ord_id = request->cl_ord_id,
                .order_id = is_known ? order->order_id : request->order_id,
                .orig_cl_ord_id = is_known ? order->cl_ord_id : request->orig_cl_ord_id,
                .replace = request->replace,
                .reason = (uint16_t)error_number(verdict.error),
                .value = verdict.value,
                .limit = verdict.limit,
            },
    };
    outbox_submit(outbox, &out);
}

void risk_entry_cancel(struct risk *risk, const struct core_input *input,
                       struct outbox *outbox)
{
    const struct msg_order_cancel *cancel = &input->msg->order_cancel;
    const uint32_t account = risk_speaker(risk, input);
    const struct request request = {
        .cl_ord_id = cancel->cl_ord_id,
        .order_id = cancel->order_id,
        .orig_cl_ord_id = cancel->orig_cl_ord_id,
        .account = account,
        .slot = resolve(risk, account, cancel->order_id, cancel->orig_cl_ord_id),
    };
    struct limit_verdict verdict = risk_may(risk, account, ROLE_TRADER);
    if (verdict.error == 0 && request.slot == HOLD_NONE)
        verdict = limit_refuse(ERR_UNKNOWN_ORDER, 0, 0);
    if (verdict.error != 0) {
        reject_request(risk, &request, input->gseq, verdict, outbox);
        return;
    }
    struct hold_order *order = &risk->holds.orders[request.slot];
    if (ABLATE(HOLD_UNTIL_CANCEL)) {
        funds_hold(&risk->funds, order->side == SIDE_BUY ? order->quote : order->base,
                   -order->held);
        order->held = 0;
    }
    const struct msg out = {
        .kind = MSG_approved_cancel,
        .approved_cancel =
            {
                .slot = request.slot,
                .account = account,
                .symbol = order->symbol,
                .order_id = order->order_id,
                .cl_ord_id = cancel->cl_ord_id,
                .orig_cl_ord_id = order->cl_ord_id,
            },
    };
    outbox_emit(outbox, shard_of(risk, order), &out);
}

/* What the order holds while this replace is in flight. */
static struct limit_verdict check_replace_funds(const struct risk *risk,
                                                const struct hold_order *order,
                                                const struct core_input *input)
{
    const struct msg_symbol_set *symbol = &risk->instruments.symbols[order->symbol].set;
    struct hold_order worst = *order;
    worst.replace = input->gseq;
    worst.replace_price = input->msg->order_replace.price;
    worst.replace_quantity = input->msg->order_replace.quantity;
    int64_t amount;
    if (hold_amount(&worst, symbol->multiplier, &amount) != 0)
        return limit_refuse(ERR_OVERFLOW, worst.replace_quantity, MONEY_MAX);
    const uint32_t pays = order->side == SIDE_BUY ? order->quote : order->base;
    const int64_t free = funds_free(&risk->funds, pays);
    if (amount - order->held > free)
        return limit_refuse(ERR_FUNDS, amount - order->held, free);
    return limit_pass();
}

static struct limit_verdict check_replace(const struct risk *risk, uint32_t id,
                                          const struct core_input *input, uint32_t slot)
{
    const struct msg_order_replace *replace = &input->msg->order_replace;
    struct limit_verdict verdict = risk_may(risk, id, ROLE_TRADER);
    if (verdict.error != 0)
        return verdict;
    if (slot == HOLD_NONE)
        return limit_refuse(ERR_UNKNOWN_ORDER, 0, 0);
    struct account *account;
    verdict = check_account(risk, id, &account);
    if (verdict.error != 0)
        return verdict;
    const struct hold_order *order = &risk->holds.orders[slot];
    const struct instrument_symbol *symbol = &risk->instruments.symbols[order->symbol];
    if (symbol->set.trading != TRADING_OPEN)
        return limit_refuse(ERR_HALTED, symbol->set.trading, TRADING_OPEN);
    if (order->ord_type == ORD_TYPE_MARKET)
        return limit_refuse(ERR_ORDER_TYPE, order->ord_type, ORD_TYPE_LIMIT);
    struct limit_order filtered = {
        .is_buy = order->side == SIDE_BUY,
        .price = replace->price,
        .quantity = replace->quantity,
    };
    verdict = limit_filter(&symbol->set, instrument_reference(symbol), &filtered);
    if (verdict.error != 0)
        return verdict;
    if (order->replace != 0)
        return limit_refuse(ERR_REPLACE_PENDING, (int64_t)order->replace, 0);
    const uint32_t namesake = hold_find_name(&risk->holds, id, replace->cl_ord_id);
    if (namesake != HOLD_NONE && namesake != slot)
        return limit_refuse(ERR_DUPLICATE_CL_ORD_ID, (int64_t)replace->cl_ord_id,
                            (int64_t)risk->holds.orders[namesake].order_id);
    return check_replace_funds(risk, order, input);
}

void risk_entry_replace(struct risk *risk, const struct core_input *input,
                        struct outbox *outbox)
{
    const struct msg_order_replace *replace = &input->msg->order_replace;
    const uint32_t account = risk_speaker(risk, input);
    const struct request request = {
        .cl_ord_id = replace->cl_ord_id,
        .order_id = replace->order_id,
        .orig_cl_ord_id = replace->orig_cl_ord_id,
        .account = account,
        .slot = resolve(risk, account, replace->order_id, replace->orig_cl_ord_id),
        .replace = 1,
    };
    const struct limit_verdict verdict =
        check_replace(risk, account, input, request.slot);
    if (verdict.error != 0) {
        reject_request(risk, &request, input->gseq, verdict, outbox);
        return;
    }
    struct hold_order *order = &risk->holds.orders[request.slot];
    hold_replace_begin(&risk->holds, request.slot, input->gseq, replace->cl_ord_id,
                       replace->price, replace->quantity);
    order->changed_gseq = input->gseq;
    risk_entry_rehold(risk, order);
    const struct msg out = {
        .kind = MSG_approved_replace,
        .approved_replace =
            {
                .slot = request.slot,
                .account = account,
                .symbol = order->symbol,
                .order_id = order->order_id,
                .cl_ord_id = replace->cl_ord_id,
                .orig_cl_ord_id = order->cl_ord_id,
                .price = replace->price,
                .quantity = replace->quantity,
            },
    };
    outbox_emit(outbox, shard_of(risk, order), &out);
}

void risk_entry_rehold(struct risk *risk, struct hold_order *order)
{
    const struct msg_symbol_set *symbol = &risk->instruments.symbols[order->symbol].set;
    int64_t amount = 0;
    const int error = hold_amount(order, symbol->multiplier, &amount);
    CHECK(error == 0); /* it only shrinks after it was first taken */
    funds_hold(&risk->funds, order->side == SIDE_BUY ? order->quote : order->base,
               amount - order->held);
    order->held = amount;
}
