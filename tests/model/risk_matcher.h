/* risk_matcher.h - a toy shard: takes approved records, makes legal reports.
 *
 * Owns:     the orders it has, in an array without order.
 * Units:    as the messages.
 * Errors:   none.
 * Threads:  none.
 * Bounds:   MATCHER_ORDERS orders, MATCHER_REPORTS reports not yet taken.
 */
#ifndef RISK_MATCHER_H
#define RISK_MATCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/check.h"
#include "common/money.h"
#include "proto/msg.h"

enum { MATCHER_ORDERS = 64, MATCHER_REPORTS = 512 };

struct matcher_order {
    uint64_t id, age; /* age 0: none */
    struct msg_approved_new terms;
    int64_t filled, cum_quote;
    uint32_t fee_credit;
};

struct matcher {
    struct matcher_order orders[MATCHER_ORDERS];
    uint64_t age, trade_id;
    const struct msg_symbol_set *symbols;
    struct msg reports[MATCHER_REPORTS];
    uint32_t first, count;
};

static inline struct msg *matcher_report(struct matcher *matcher, uint16_t kind)
{
    CHECK(matcher->count < MATCHER_REPORTS);
    struct msg *msg =
        &matcher->reports[(matcher->first + matcher->count++) % MATCHER_REPORTS];
    *msg = (struct msg){.kind = kind};
    return msg;
}

static inline bool matcher_take(struct matcher *matcher, struct msg *report)
{
    if (matcher->count == 0)
        return false;
    *report = matcher->reports[matcher->first];
    matcher->first = (matcher->first + 1) % MATCHER_REPORTS;
    matcher->count--;
    return true;
}

static inline struct matcher_order *matcher_find(struct matcher *matcher, uint64_t id)
{
    for (uint32_t i = 0; i < MATCHER_ORDERS; i++)
        if (matcher->orders[i].age != 0 && matcher->orders[i].id == id)
            return &matcher->orders[i];
    return NULL;
}

static inline int64_t matcher_leaves(const struct matcher_order *order)
{
    return order->terms.quantity - order->filled;
}

static inline bool matcher_crosses(const struct matcher_order *a,
                                   const struct matcher_order *b)
{
    if (a->terms.symbol != b->terms.symbol || a->terms.side == b->terms.side)
        return false;
    return a->terms.side == SIDE_BUY ? a->terms.price >= b->terms.price
                                     : a->terms.price <= b->terms.price;
}

/* The oldest of the best-priced orders the taker can reach. */
static inline struct matcher_order *matcher_best(struct matcher *matcher,
                                                 const struct matcher_order *taker)
{
    struct matcher_order *best = NULL;
    for (uint32_t i = 0; i < MATCHER_ORDERS; i++) {
        struct matcher_order *order = &matcher->orders[i];
        if (order->age == 0 || order == taker || !matcher_crosses(taker, order))
            continue;
        const int64_t better = best == NULL ? 1 : best->terms.price - order->terms.price;
        const int64_t gain =
            taker->terms.side == SIDE_BUY || best == NULL ? better : -better;
        if (gain > 0 || (gain == 0 && order->age < best->age))
            best = order;
    }
    return best;
}

static inline void matcher_cancel(struct matcher *matcher, struct matcher_order *order,
                                  uint64_t request)
{
    struct msg *out = matcher_report(matcher, MSG_order_cancelled);
    out->order_cancelled = (struct msg_order_cancelled){
        .order_id = order->id,
        .slot = order->terms.slot,
        .account = order->terms.account,
        .cl_ord_id = order->terms.cl_ord_id,
        .symbol = order->terms.symbol,
        .side = order->terms.side,
        .quantity = matcher_leaves(order),
        .cum_quantity = order->filled,
        .cum_quote = order->cum_quote,
        .exec_type = request != 0 ? EXEC_TYPE_CANCELED : EXEC_TYPE_EXPIRED,
        .request = request,
    };
    order->age = 0;
}

static inline int64_t matcher_fill(struct matcher_order *order, int64_t quantity,
                                   int64_t quote, int32_t rate_ppm)
{
    order->filled += quantity;
    order->cum_quote += quote;
    if (matcher_leaves(order) == 0)
        order->age = 0;
    return money_fee(rate_ppm, quote, &order->fee_credit);
}

static inline void matcher_trade(struct matcher *matcher, struct matcher_order *maker,
                                 struct matcher_order *taker)
{
    const int64_t a = matcher_leaves(maker), b = matcher_leaves(taker);
    const int64_t quantity = a < b ? a : b;
    const int64_t quote =
        maker->terms.price * quantity * matcher->symbols[maker->terms.symbol].multiplier;
    struct msg *out = matcher_report(matcher, MSG_trade);
    int32_t maker_ppm = maker->terms.maker_ppm, taker_ppm = taker->terms.taker_ppm;
    money_match_rates(&maker_ppm, &taker_ppm);
    const int64_t maker_fee = matcher_fill(maker, quantity, quote, maker_ppm);
    const int64_t taker_fee = matcher_fill(taker, quantity, quote, taker_ppm);
    out->trade = (struct msg_trade){
        .symbol = maker->terms.symbol,
        .trade_id = ++matcher->trade_id,
        .price = maker->terms.price,
        .quantity = quantity,
        .quote = quote,
        .taker_side = taker->terms.side,
        .maker_order_id = maker->id,
        .maker_slot = maker->terms.slot,
        .maker_account = maker->terms.account,
        .maker_cl_ord_id = maker->terms.cl_ord_id,
        .maker_cum_quantity = maker->filled,
        .maker_cum_quote = maker->cum_quote,
        .maker_leaves = matcher_leaves(maker),
        .maker_fee = maker_fee,
        .taker_order_id = taker->id,
        .taker_slot = taker->terms.slot,
        .taker_account = taker->terms.account,
        .taker_cl_ord_id = taker->terms.cl_ord_id,
        .taker_cum_quantity = taker->filled,
        .taker_cum_quote = taker->cum_quote,
        .taker_leaves = matcher_leaves(taker),
        .taker_fee = taker_fee,
    };
}

/* Trades until nothing crosses; what an own order or the terms forbid to rest expires. */
static inline void matcher_match(struct matcher *matcher, struct matcher_order *taker)
{
    struct matcher_order *maker;
    while (taker->age != 0 && (maker = matcher_best(matcher, taker)) != NULL) {
        if (maker->terms.account == taker->terms.account && taker->terms.stp != STP_NONE)
            matcher_cancel(matcher, taker, 0);
        else
            matcher_trade(matcher, maker, taker);
    }
    if (taker->age != 0 && taker->terms.tif != TIF_GTC)
        matcher_cancel(matcher, taker, 0);
}

static inline void matcher_new(struct matcher *matcher, uint64_t id,
                               const struct msg_approved_new *terms)
{
    uint32_t i = 0;
    while (matcher->orders[i].age != 0)
        CHECK(++i < MATCHER_ORDERS);
    struct matcher_order *order = &matcher->orders[i];
    *order = (struct matcher_order){.id = id, .age = ++matcher->age, .terms = *terms};
    if (terms->post_only && matcher_best(matcher, order) != NULL) {
        matcher_report(matcher, MSG_order_rejected)->order_rejected =
            (struct msg_order_rejected){
                .order_id = id,
                .account = terms->account,
                .cl_ord_id = terms->cl_ord_id,
                .symbol = terms->symbol,
                .reason = (uint16_t)error_number(ERR_POST_ONLY),
                .slot = terms->slot + 1,
            };
        order->age = 0;
        return;
    }
    matcher_report(matcher, MSG_order_accepted)->order_accepted =
        (struct msg_order_accepted){
            .order_id = id,
            .slot = terms->slot,
            .account = terms->account,
            .cl_ord_id = terms->cl_ord_id,
            .symbol = terms->symbol,
            .side = terms->side,
            .ord_type = terms->ord_type,
            .tif = terms->tif,
            .price = terms->price,
            .quantity = terms->quantity,
            .hold = terms->hold,
        };
    matcher_match(matcher, order);
}

/* `refuse`: the order would cross, say, and stays as it was. */
static inline void matcher_replace(struct matcher *matcher, uint64_t request, bool refuse,
                                   const struct msg_approved_replace *replace)
{
    struct matcher_order *order = matcher_find(matcher, replace->order_id);
    if (order == NULL || refuse) {
        matcher_report(matcher, MSG_cancel_rejected)->cancel_rejected =
            (struct msg_cancel_rejected){
                .request = request,
                .account = replace->account,
                .cl_ord_id = replace->cl_ord_id,
                .order_id = replace->order_id,
                .orig_cl_ord_id = replace->orig_cl_ord_id,
                .replace = 1,
                .reason = (uint16_t)error_number(ERR_TOO_LATE),
                .slot = replace->slot + 1,
            };
        return;
    }
    order->terms.cl_ord_id = replace->cl_ord_id;
    order->terms.price = replace->price;
    order->terms.quantity = replace->quantity;
    order->age = ++matcher->age;
    const int64_t leaves = matcher_leaves(order) > 0 ? matcher_leaves(order) : 0;
    matcher_report(matcher, MSG_order_replaced)->order_replaced =
        (struct msg_order_replaced){
            .order_id = order->id,
            .slot = replace->slot,
            .account = replace->account,
            .cl_ord_id = replace->cl_ord_id,
            .orig_cl_ord_id = replace->orig_cl_ord_id,
            .symbol = replace->symbol,
            .side = order->terms.side,
            .price = replace->price,
            .quantity = replace->quantity,
            .cum_quantity = order->filled,
            .leaves = leaves,
            .request = request,
        };
    if (leaves == 0)
        order->age = 0;
    else
        matcher_match(matcher, order);
}

static inline void matcher_cancel_order(struct matcher *matcher, uint64_t request,
                                        const struct msg_approved_cancel *cancel)
{
    struct matcher_order *order = matcher_find(matcher, cancel->order_id);
    if (order != NULL) {
        matcher_cancel(matcher, order, request);
        return;
    }
    matcher_report(matcher, MSG_cancel_rejected)->cancel_rejected =
        (struct msg_cancel_rejected){
            .request = request,
            .account = cancel->account,
            .cl_ord_id = cancel->cl_ord_id,
            .order_id = cancel->order_id,
            .orig_cl_ord_id = cancel->orig_cl_ord_id,
            .reason = (uint16_t)error_number(ERR_TOO_LATE),
            .slot = cancel->slot + 1,
        };
}

/* One approved record; `cause` is the gseq of its command. */
static inline void matcher_apply(struct matcher *matcher, uint64_t cause, bool refuse,
                                 const struct msg *msg)
{
    if (msg->kind == MSG_approved_new)
        matcher_new(matcher, cause, &msg->approved_new);
    else if (msg->kind == MSG_approved_cancel)
        matcher_cancel_order(matcher, cause, &msg->approved_cancel);
    else if (msg->kind == MSG_approved_replace)
        matcher_replace(matcher, cause, refuse, &msg->approved_replace);
    else if (msg->kind == MSG_approved_kill)
        for (uint32_t i = 0; i < MATCHER_ORDERS; i++)
            if (matcher->orders[i].age != 0 &&
                matcher->orders[i].terms.account == msg->approved_kill.account)
                matcher_cancel(matcher, &matcher->orders[i], cause);
}

#endif
