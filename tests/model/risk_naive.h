/* risk_naive.h - risk as one would write it on a napkin: arrays, scans, everything
 * recomputed from what happened, nothing kept that could be derived.
 *
 * Owns:     its arrays.
 * Units:    as the messages; fees in millionths of a quote unit until they are rounded.
 * Errors:   the reason a command must be refused with, 0 if it must pass.
 * Threads:  none.
 * Bounds:   the NAIVE_ numbers.
 */
#ifndef RISK_NAIVE_H
#define RISK_NAIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/check.h"
#include "common/error.h"
#include "proto/msg.h"

enum { NAIVE_ACCOUNTS = 16, NAIVE_ASSETS = 4, NAIVE_SYMBOLS = 4, NAIVE_ORDERS = 24 };
enum { NAIVE_BALANCES = 21, NAIVE_REFERENCES = 1 << 17 };

__extension__ typedef __int128 naive_wide;

struct naive_order {
    bool is_open;
    uint64_t id, name;
    uint32_t slot, account;
    struct msg_order_new terms;    /* price: what it goes to */
    struct msg_order_replace next; /* while next_id is not 0 */
    uint64_t next_id;
    int64_t filled, maker_ppm, taker_ppm;
    naive_wide fee_millionths; /* exact */
    int64_t fee_charged;
};

struct naive {
    struct msg_symbol_set symbols[NAIVE_SYMBOLS];
    struct msg_account_set accounts[NAIVE_ACCOUNTS];
    bool killed[NAIVE_ACCOUNTS];
    uint64_t accepted[NAIVE_ACCOUNTS];
    int64_t last_price[NAIVE_SYMBOLS];
    int64_t total[NAIVE_ACCOUNTS][NAIVE_ASSETS]; /* free and held */
    int64_t leaving[NAIVE_ACCOUNTS][NAIVE_ASSETS];
    bool has_balance[NAIVE_ACCOUNTS][NAIVE_ASSETS];
    struct naive_order orders[NAIVE_ORDERS];
    struct {
        uint32_t account;
        uint64_t reference;
        bool is_deposit;
    } references[NAIVE_REFERENCES];
    uint32_t reference_count;
};

static inline int64_t naive_up(naive_wide millionths)
{
    naive_wide whole = millionths / PPM;
    return (int64_t)(whole + (whole * PPM < millionths));
}

static inline bool naive_is_buy(const struct naive_order *order)
{
    return order->terms.side == SIDE_BUY;
}

/* What the order needs if `more` fill at its price and the rest at the next one. */
static inline int64_t naive_need(const struct naive *naive,
                                 const struct naive_order *order, int64_t more)
{
    int64_t rest = order->terms.quantity - order->filled - more;
    int64_t price = order->terms.price;
    if (order->next_id != 0) {
        rest = order->next.quantity - order->filled - more;
        price = order->next.price;
    }
    rest = rest > 0 ? rest : 0;
    if (!naive_is_buy(order))
        return more + rest;
    int64_t rate =
        order->maker_ppm > order->taker_ppm ? order->maker_ppm : order->taker_ppm;
    rate = rate > 0 ? rate : 0;
    const int64_t quote = (order->terms.price * more + price * rest) *
                          naive->symbols[order->terms.symbol].multiplier;
    const naive_wide paid_ahead =
        (naive_wide)order->fee_charged * PPM - order->fee_millionths;
    const int64_t fee = naive_up((naive_wide)rate * quote - paid_ahead);
    return quote + (fee > 0 ? fee : 0);
}

static inline int64_t naive_hold(const struct naive *naive,
                                 const struct naive_order *order)
{
    int64_t worst = 0;
    for (int64_t more = 0; more <= order->terms.quantity - order->filled; more++) {
        const int64_t need = naive_need(naive, order, more);
        worst = need > worst ? need : worst;
    }
    return worst;
}

static inline uint32_t naive_paid_asset(const struct naive *naive,
                                        const struct naive_order *order)
{
    const struct msg_symbol_set *symbol = &naive->symbols[order->terms.symbol];
    return naive_is_buy(order) ? symbol->quote : symbol->base;
}

static inline int64_t naive_held(const struct naive *naive, uint32_t account,
                                 uint32_t asset)
{
    int64_t held = naive->leaving[account][asset];
    for (uint32_t i = 0; i < NAIVE_ORDERS; i++) {
        const struct naive_order *order = &naive->orders[i];
        if (order->is_open && order->account == account &&
            naive_paid_asset(naive, order) == asset)
            held += naive_hold(naive, order);
    }
    return held;
}

static inline int64_t naive_free(const struct naive *naive, uint32_t account,
                                 uint32_t asset)
{
    return naive->total[account][asset] - naive_held(naive, account, asset);
}

static inline uint32_t naive_count_open(const struct naive *naive, uint32_t account)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < NAIVE_ORDERS; i++)
        count += naive->orders[i].is_open &&
                 (account == 0 || naive->orders[i].account == account);
    return count;
}

static inline bool naive_has_room(const struct naive *naive, uint32_t account,
                                  uint32_t asset)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < NAIVE_ACCOUNTS; i++)
        for (uint32_t j = 0; j < NAIVE_ASSETS; j++)
            count += naive->has_balance[i][j];
    return naive->has_balance[account][asset] || count < NAIVE_BALANCES;
}

static inline struct naive_order *naive_by_name(struct naive *naive, uint32_t account,
                                                uint64_t name)
{
    for (uint32_t i = 0; i < NAIVE_ORDERS; i++) {
        struct naive_order *order = &naive->orders[i];
        if (order->is_open && order->account == account &&
            (order->name == name ||
             (order->next_id != 0 && order->next.cl_ord_id == name)))
            return order;
    }
    return NULL;
}

static inline struct naive_order *naive_by_id(struct naive *naive, uint64_t id)
{
    for (uint32_t i = 0; i < NAIVE_ORDERS; i++)
        if (naive->orders[i].is_open && naive->orders[i].id == id)
            return &naive->orders[i];
    return NULL;
}

/* What a cancel or a replace names. */
static inline struct naive_order *naive_named(struct naive *naive, uint32_t account,
                                              uint64_t id, uint64_t name)
{
    struct naive_order *order =
        id != 0 ? naive_by_id(naive, id) : naive_by_name(naive, account, name);
    return order != NULL && order->account == account ? order : NULL;
}

static inline int64_t naive_reference(const struct naive *naive, uint32_t symbol)
{
    return naive->last_price[symbol] != 0 ? naive->last_price[symbol]
                                          : naive->symbols[symbol].reference_price;
}

/* The tick furthest from the reference that is still within the collar. */
static inline int64_t naive_collar(const struct msg_symbol_set *symbol, int64_t reference,
                                   bool is_buy)
{
    const int64_t tick = symbol->tick, collar = symbol->collar_ppm;
    int64_t price = tick;
    if (is_buy)
        while ((price + tick) * PPM <= reference * (PPM + collar))
            price += tick;
    else
        while (price * PPM < reference * (PPM - collar))
            price += tick;
    return price;
}

static inline int naive_filter(const struct naive *naive, uint32_t symbol, bool is_market,
                               bool is_buy, int64_t *price, int64_t quantity)
{
    const struct msg_symbol_set *set = &naive->symbols[symbol];
    const int64_t reference = naive_reference(naive, symbol);
    if (*price % set->tick != 0)
        return ERR_PRICE_TICK;
    if (quantity % set->lot != 0)
        return ERR_QUANTITY_LOT;
    if (quantity > set->quantity_max)
        return ERR_QUANTITY_MAX;
    const int64_t distance = *price > reference ? *price - reference : reference - *price;
    if (is_market && reference == 0)
        return ERR_NO_REFERENCE;
    if (is_market)
        *price = naive_collar(set, reference, is_buy);
    else if (set->band_ppm != 0 && reference != 0 &&
             distance * PPM > set->band_ppm * reference)
        return ERR_PRICE_BAND;
    const int64_t notional = *price * quantity * set->multiplier;
    if (notional < set->notional_min)
        return ERR_NOTIONAL_MIN;
    return notional > set->notional_max ? ERR_NOTIONAL_MAX : 0;
}

/* `order` is filled in as it would be opened. */
static inline int naive_judge_new(struct naive *naive, uint32_t account,
                                  const struct msg_order_new *new,
                                  struct naive_order *order)
{
    if (naive->accounts[account].role != ROLE_TRADER)
        return ERR_WRONG_ROLE;
    if (naive->killed[account])
        return ERR_KILLED;
    if (new->symbol >= NAIVE_SYMBOLS)
        return ERR_UNKNOWN_SYMBOL;
    const struct msg_symbol_set *set = &naive->symbols[new->symbol];
    if (set->trading == TRADING_HALTED)
        return ERR_HALTED;
    const bool is_market = new->ord_type == ORD_TYPE_MARKET;
    if ((is_market && new->tif == TIF_GTC) || is_market != (new->price == 0) ||
        (new->post_only && (is_market || new->tif != TIF_GTC)))
        return ERR_ORDER_TYPE;
    *order = (struct naive_order){.account = account, .terms = *new};
    const int error = naive_filter(naive, new->symbol, is_market, new->side == SIDE_BUY,
                                   &order->terms.price, new->quantity);
    if (error != 0)
        return error;
    const struct msg_account_set *own = &naive->accounts[account];
    order->maker_ppm = own->own_fees ? own->maker_ppm : set->maker_ppm;
    order->taker_ppm = own->own_fees ? own->taker_ppm : set->taker_ppm;
    if (naive_count_open(naive, account) >= own->open_orders_max)
        return ERR_OPEN_ORDERS_MAX;
    if (own->orders_max != 0 && naive->accepted[account] >= own->orders_max)
        return ERR_ORDERS_MAX;
    if (naive_by_name(naive, account, new->cl_ord_id) != NULL)
        return ERR_DUPLICATE_CL_ORD_ID;
    const uint32_t gets = new->side == SIDE_BUY ? set->base : set->quote;
    if (naive_count_open(naive, 0) == NAIVE_ORDERS ||
        !naive_has_room(naive, account, gets))
        return ERR_CAPACITY;
    const uint32_t pays = naive_paid_asset(naive, order);
    return naive_hold(naive, order) > naive_free(naive, account, pays) ? ERR_FUNDS : 0;
}

static inline int naive_judge_replace(struct naive *naive, uint32_t account,
                                      const struct msg_order_replace *replace,
                                      struct naive_order *order, uint64_t gseq)
{
    if (naive->accounts[account].role != ROLE_TRADER)
        return ERR_WRONG_ROLE;
    if (order == NULL)
        return ERR_UNKNOWN_ORDER;
    if (naive->killed[account])
        return ERR_KILLED;
    if (naive->symbols[order->terms.symbol].trading == TRADING_HALTED)
        return ERR_HALTED;
    if (order->terms.ord_type == ORD_TYPE_MARKET)
        return ERR_ORDER_TYPE;
    int64_t price = replace->price;
    const int error = naive_filter(naive, order->terms.symbol, false, naive_is_buy(order),
                                   &price, replace->quantity);
    if (error != 0)
        return error;
    if (order->next_id != 0)
        return ERR_REPLACE_PENDING;
    const struct naive_order *namesake =
        naive_by_name(naive, account, replace->cl_ord_id);
    if (namesake != NULL && namesake != order)
        return ERR_DUPLICATE_CL_ORD_ID;
    const int64_t before = naive_hold(naive, order);
    order->next = *replace;
    order->next_id = gseq;
    const int64_t more = naive_hold(naive, order) - before;
    order->next_id = 0;
    const uint32_t pays = naive_paid_asset(naive, order);
    return more > naive_free(naive, account, pays) ? ERR_FUNDS : 0;
}

static inline bool naive_is_known(const struct naive *naive, uint32_t account,
                                  uint64_t reference, bool is_deposit)
{
    for (uint32_t i = 0; i < naive->reference_count; i++)
        if (naive->references[i].account == account &&
            naive->references[i].reference == reference &&
            naive->references[i].is_deposit == is_deposit)
            return true;
    return false;
}

/* A rebate is never more than the other side's fee. */
static inline int64_t naive_rate(int64_t own_ppm, int64_t other_ppm)
{
    if (own_ppm >= 0 || own_ppm + other_ppm >= 0)
        return own_ppm;
    return other_ppm > 0 ? -other_ppm : 0;
}

/* One side of a trade: fees are the exact sum, rounded up once for all fills so far. */
static inline void naive_fill(struct naive *naive, struct naive_order *order,
                              const struct msg_trade *trade, int64_t rate_ppm,
                              int64_t fee)
{
    const struct msg_symbol_set *set = &naive->symbols[trade->symbol];
    const int64_t sign = naive_is_buy(order) ? 1 : -1;
    order->fee_millionths += (naive_wide)rate_ppm * trade->quote;
    order->fee_charged += fee;
    CHECK(order->fee_charged == naive_up(order->fee_millionths));
    order->filled += trade->quantity;
    naive->total[order->account][set->base] += sign * trade->quantity;
    naive->total[order->account][set->quote] -= sign * trade->quote + fee;
    naive->total[ACCOUNT_FEES][set->quote] += fee;
    order->is_open = order->filled < order->terms.quantity;
}

#endif
