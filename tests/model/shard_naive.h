/* shard_naive.h - a shard as one would write it on a page: an array, scanned.
 *
 * Owns:     its orders, by slot; `reports` belongs to the test.
 * Units:    as the messages.
 * Errors:   none.
 * Threads:  none.
 * Bounds:   NAIVE_ORDERS orders, NAIVE_SYMBOLS symbols.
 */
#ifndef SHARD_NAIVE_H
#define SHARD_NAIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/check.h"
#include "common/error.h"
#include "common/money.h"
#include "common/outbox.h"
#include "proto/msg.h"

enum { NAIVE_ORDERS = 128, NAIVE_SYMBOLS = 4 };

struct naive_order {
    uint64_t id, age; /* age 0: none; rises each time an order joins a queue */
    struct msg_approved_new terms; /* cl_ord_id, price and quantity as they are now */
    int64_t leaves, cum_quote;
    uint32_t credit;
};

struct naive {
    struct naive_order orders[NAIVE_ORDERS];
    struct msg_symbol_set symbols[NAIVE_SYMBOLS + 1];
    uint8_t trading[NAIVE_SYMBOLS + 1];
    uint64_t trade_id[NAIVE_SYMBOLS + 1];
    uint64_t age;
    uint32_t instance;
    uint32_t version;       /* of the cores: from 2 on trades name the fees' asset */
    struct outbox *reports; /* NULL: a trial run */
};

static inline void naive_report(struct naive *naive, const struct msg *report)
{
    if (naive->reports)
        outbox_submit(naive->reports, report);
}

static inline bool naive_reaches(uint8_t side, int64_t limit, int64_t price)
{
    return side == SIDE_BUY ? price <= limit : price >= limit;
}

/* The resting order that a taker on `side` with this limit meets first, or NULL. */
static inline struct naive_order *naive_meets(struct naive *naive, uint32_t symbol,
                                              uint8_t side, int64_t limit)
{
    struct naive_order *best = NULL;
    for (uint32_t slot = 0; slot < NAIVE_ORDERS; slot++) {
        struct naive_order *order = &naive->orders[slot];
        int64_t price = order->terms.price;
        if (!order->age || order->terms.symbol != symbol || order->terms.side == side ||
            !naive_reaches(side, limit, price))
            continue;
        if (!best ||
            (price == best->terms.price ? order->age < best->age
                                        : naive_reaches(side, best->terms.price, price)))
            best = order;
    }
    return best;
}

static inline int naive_refusal(struct naive *naive, const struct msg_approved_new *m)
{
    if (naive->trading[m->symbol] != TRADING_OPEN)
        return ERR_HALTED;
    if (!naive_meets(naive, m->symbol, m->side, m->price))
        return 0;
    if (m->post_only)
        return ERR_POST_ONLY;
    return naive->symbols[m->symbol].refuse_crossing ? ERR_WOULD_CROSS : 0;
}

/* The order leaves, with a report of why. */
static inline void naive_close(struct naive *naive, struct naive_order *order,
                               uint8_t exec_type, int reason, uint64_t request,
                               uint64_t request_cl_ord_id)
{
    struct msg report = {.kind = MSG_order_cancelled};
    report.order_cancelled = (struct msg_order_cancelled){
        .order_id = order->id,
        .slot = order->terms.slot,
        .account = order->terms.account,
        .cl_ord_id = order->terms.cl_ord_id,
        .symbol = order->terms.symbol,
        .side = order->terms.side,
        .quantity = order->leaves,
        .cum_quantity = order->terms.quantity - order->leaves,
        .cum_quote = order->cum_quote,
        .exec_type = exec_type,
        .reason = (uint16_t)-reason,
        .request = request,
        .request_cl_ord_id = request_cl_ord_id,
    };
    order->age = 0;
    naive_report(naive, &report);
}

/* A rebate is at most the other side's fee. */
static inline int32_t naive_rate(int32_t own_ppm, int32_t other_ppm)
{
    const int32_t least = other_ppm > 0 ? -other_ppm : 0;
    return own_ppm > least ? own_ppm : least;
}

static inline void naive_fill(struct naive *naive, struct naive_order *taker,
                              struct naive_order *maker)
{
    uint32_t symbol = taker->terms.symbol;
    int64_t quantity = taker->leaves < maker->leaves ? taker->leaves : maker->leaves;
    int64_t quote = quantity * maker->terms.price * naive->symbols[symbol].multiplier;
    taker->leaves -= quantity;
    maker->leaves -= quantity;
    taker->cum_quote += quote;
    maker->cum_quote += quote;
    if (!maker->leaves)
        maker->age = 0;
    const int32_t maker_ppm = maker->terms.maker_ppm, taker_ppm = taker->terms.taker_ppm;
    struct msg report = {.kind = MSG_trade};
    report.trade = (struct msg_trade){
        .symbol = symbol,
        .trade_id = ++naive->trade_id[symbol],
        .price = maker->terms.price,
        .quantity = quantity,
        .quote = quote,
        .taker_side = taker->terms.side,
        .maker_order_id = maker->id,
        .maker_slot = maker->terms.slot,
        .maker_account = maker->terms.account,
        .maker_cl_ord_id = maker->terms.cl_ord_id,
        .maker_cum_quantity = maker->terms.quantity - maker->leaves,
        .maker_cum_quote = maker->cum_quote,
        .maker_leaves = maker->leaves,
        .maker_fee = money_fee(naive_rate(maker_ppm, taker_ppm), quote, &maker->credit),
        .taker_order_id = taker->id,
        .taker_slot = taker->terms.slot,
        .taker_account = taker->terms.account,
        .taker_cl_ord_id = taker->terms.cl_ord_id,
        .taker_cum_quantity = taker->terms.quantity - taker->leaves,
        .taker_cum_quote = taker->cum_quote,
        .taker_leaves = taker->leaves,
        .taker_fee = money_fee(naive_rate(taker_ppm, maker_ppm), quote, &taker->credit),
        .fee_asset = naive->version >= 2 ? naive->symbols[symbol].quote : 0,
    };
    naive_report(naive, &report);
}

/* Matches; 0, or ERR_STP if self-trade prevention ends the taker. */
static inline int naive_take(struct naive *naive, struct naive_order *taker)
{
    struct naive_order *maker;
    const struct msg_approved_new *m = &taker->terms;
    while (taker->leaves &&
           (maker = naive_meets(naive, m->symbol, m->side, m->price)) != NULL) {
        if (m->stp == STP_NONE || maker->terms.account != m->account) {
            naive_fill(naive, taker, maker);
            continue;
        }
        struct msg report = {.kind = MSG_trade_prevented};
        report.trade_prevented = (struct msg_trade_prevented){
            .symbol = m->symbol,
            .account = m->account,
            .price = maker->terms.price,
            .quantity = taker->leaves < maker->leaves ? taker->leaves : maker->leaves,
            .maker_order_id = maker->id,
            .taker_order_id = taker->id,
            .stp = m->stp,
        };
        naive_report(naive, &report);
        if (m->stp == STP_EXPIRE_MAKER || m->stp == STP_EXPIRE_BOTH)
            naive_close(naive, maker, EXEC_TYPE_EXPIRED, ERR_STP, 0, 0);
        if (m->stp == STP_EXPIRE_TAKER || m->stp == STP_EXPIRE_BOTH)
            return ERR_STP;
    }
    return 0;
}

/* FOK by trial: what would happen to a copy? */
static inline bool naive_can_fill(const struct naive *naive, struct naive_order taker)
{
    static struct naive trial;
    trial = *naive;
    trial.reports = NULL;
    naive_take(&trial, &taker);
    return taker.leaves == 0;
}

static inline void naive_rest(struct naive *naive, const struct naive_order *order)
{
    CHECK(!naive->orders[order->terms.slot].age);
    naive->orders[order->terms.slot] = *order;
    naive->orders[order->terms.slot].age = ++naive->age;
}

static inline void naive_new(struct naive *naive, uint64_t id,
                             const struct msg_approved_new *m)
{
    struct msg report = {.kind = MSG_order_rejected};
    int reason = naive_refusal(naive, m);
    if (reason) {
        report.order_rejected = (struct msg_order_rejected){
            .order_id = id,
            .account = m->account,
            .cl_ord_id = m->cl_ord_id,
            .symbol = m->symbol,
            .reason = (uint16_t)-reason,
            .value = m->price,
            .limit = reason == ERR_HALTED
                         ? 0
                         : naive_meets(naive, m->symbol, m->side, m->price)->terms.price,
            .slot = m->slot + 1,
        };
        naive_report(naive, &report);
        return;
    }
    struct naive_order order = {.id = id, .terms = *m, .leaves = m->quantity};
    report.kind = MSG_order_accepted;
    report.order_accepted = (struct msg_order_accepted){
        .order_id = id,
        .slot = m->slot,
        .account = m->account,
        .cl_ord_id = m->cl_ord_id,
        .symbol = m->symbol,
        .side = m->side,
        .ord_type = m->ord_type,
        .tif = m->tif,
        .price = m->price,
        .quantity = m->quantity,
        .hold = m->hold,
    };
    naive_report(naive, &report);
    if (m->tif == TIF_FOK && !naive_can_fill(naive, order))
        reason = ERR_FOK;
    else if ((reason = naive_take(naive, &order)) == 0 && m->tif != TIF_GTC)
        reason = m->ord_type == ORD_TYPE_MARKET ? ERR_COLLAR : ERR_IOC;
    if (order.leaves && reason)
        naive_close(naive, &order, EXEC_TYPE_EXPIRED, reason, 0, 0);
    else if (order.leaves)
        naive_rest(naive, &order);
}

static inline struct naive_order *naive_find(struct naive *naive, uint32_t slot,
                                             uint64_t id)
{
    struct naive_order *order = &naive->orders[slot];
    return order->age && order->id == id ? order : NULL;
}

static inline void naive_cancel(struct naive *naive, uint64_t request,
                                const struct msg_approved_cancel *m)
{
    struct naive_order *order = naive_find(naive, m->slot, m->order_id);
    if (order) {
        naive_close(naive, order, EXEC_TYPE_CANCELED, 0, request, m->cl_ord_id);
        return;
    }
    struct msg report = {.kind = MSG_cancel_rejected};
    report.cancel_rejected = (struct msg_cancel_rejected){
        .request = request,
        .account = m->account,
        .cl_ord_id = m->cl_ord_id,
        .order_id = m->order_id,
        .orig_cl_ord_id = m->orig_cl_ord_id,
        .reason = (uint16_t)-ERR_TOO_LATE,
        .slot = m->slot + 1,
    };
    naive_report(naive, &report);
}

static inline void naive_replace(struct naive *naive, uint64_t request,
                                 const struct msg_approved_replace *m)
{
    struct naive_order *old = naive_find(naive, m->slot, m->order_id);
    struct naive_order order = old ? *old : (struct naive_order){.age = 0};
    int64_t filled = order.terms.quantity - order.leaves;
    order.terms.cl_ord_id = m->cl_ord_id;
    order.terms.price = m->price;
    order.terms.quantity = m->quantity > filled ? m->quantity : filled;
    order.leaves = order.terms.quantity - filled;
    int reason = !old           ? ERR_TOO_LATE
                 : order.leaves ? naive_refusal(naive, &order.terms)
                                : 0;
    struct msg report = {.kind = MSG_cancel_rejected};
    if (reason) {
        report.cancel_rejected = (struct msg_cancel_rejected){
            .request = request,
            .account = m->account,
            .cl_ord_id = m->cl_ord_id,
            .order_id = m->order_id,
            .orig_cl_ord_id = m->orig_cl_ord_id,
            .replace = 1,
            .reason = (uint16_t)-reason,
            .slot = m->slot + 1,
        };
        naive_report(naive, &report);
        return;
    }
    bool keeps =
        order.leaves && m->price == old->terms.price && order.leaves <= old->leaves;
    report.kind = MSG_order_replaced;
    report.order_replaced = (struct msg_order_replaced){
        .order_id = order.id,
        .slot = m->slot,
        .account = order.terms.account,
        .cl_ord_id = m->cl_ord_id,
        .orig_cl_ord_id = old->terms.cl_ord_id,
        .symbol = order.terms.symbol,
        .side = order.terms.side,
        .price = m->price,
        .quantity = order.terms.quantity,
        .cum_quantity = filled,
        .leaves = order.leaves,
        .kept_priority = keeps,
        .request = request,
    };
    naive_report(naive, &report);
    if (keeps) {
        *old = order;
        return;
    }
    old->age = 0;
    reason = naive_take(naive, &order);
    if (order.leaves && reason)
        naive_close(naive, &order, EXEC_TYPE_EXPIRED, reason, 0, 0);
    else if (order.leaves)
        naive_rest(naive, &order);
}

/* Oldest order first; of an account or of a symbol, 0: any. */
static inline void naive_cancel_all(struct naive *naive, uint64_t request,
                                    uint32_t account, uint32_t symbol, int reason)
{
    for (;;) {
        struct naive_order *oldest = NULL;
        for (uint32_t slot = 0; slot < NAIVE_ORDERS; slot++) {
            struct naive_order *order = &naive->orders[slot];
            if (order->age && (!account || order->terms.account == account) &&
                (!symbol || order->terms.symbol == symbol) &&
                (!oldest || order->id < oldest->id))
                oldest = order;
        }
        if (!oldest)
            return;
        naive_close(naive, oldest, EXEC_TYPE_CANCELED, reason, request, 0);
    }
}

/* A symbol that goes to another shard is known no more; one that comes has traded. */
static inline void naive_set(struct naive *naive, const struct msg_symbol_set *m)
{
    const bool is_known = naive->symbols[m->symbol].symbol != 0;
    naive->symbols[m->symbol] = *m;
    if (m->shard != naive->instance) {
        naive->symbols[m->symbol].symbol = 0;
    } else if (!is_known) {
        naive->trading[m->symbol] = m->trading;
        naive->trade_id[m->symbol] = m->trade_id;
    }
}

/* An approved record; what is none of a book says nothing to it. */
static inline void naive_apply(struct naive *naive, uint64_t gseq, const struct msg *m)
{
    switch (m->kind) {
    case MSG_approved_new:
        naive_new(naive, gseq, &m->approved_new);
        break;
    case MSG_approved_cancel:
        naive_cancel(naive, gseq, &m->approved_cancel);
        break;
    case MSG_approved_replace:
        naive_replace(naive, gseq, &m->approved_replace);
        break;
    case MSG_approved_kill:
        naive_cancel_all(naive, gseq, m->approved_kill.account, 0, ERR_KILLED);
        break;
    case MSG_symbol_set:
        naive_set(naive, &m->symbol_set);
        break;
    case MSG_symbol_status:
        naive->trading[m->symbol_status.symbol] = m->symbol_status.trading;
        if (m->symbol_status.trading == TRADING_CLOSED)
            naive_cancel_all(naive, gseq, 0, m->symbol_status.symbol, ERR_HALTED);
        break;
    default:
        break;
    }
}

#endif
