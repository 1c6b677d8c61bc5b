/* limit.c - one line a rule, in the order they are reported. */
#include "services/risk/limit.h"

#include "common/check.h"
#include "common/money.h"

struct limit_verdict limit_shape(const struct msg_order_new *order)
{
    const bool is_market = order->ord_type == ORD_TYPE_MARKET;
    if (is_market && order->tif != TIF_IOC && order->tif != TIF_FOK)
        return limit_refuse(ERR_ORDER_TYPE, order->tif, TIF_IOC);
    if (is_market != (order->price == 0))
        return limit_refuse(ERR_ORDER_TYPE, order->price, is_market ? 0 : PRICE_MAX);
    if (order->post_only && (is_market || order->tif != TIF_GTC))
        return limit_refuse(ERR_ORDER_TYPE, order->tif, TIF_GTC);
    return limit_pass();
}

/* part_ppm of a price, rounded down. */
static int64_t share(int64_t price, uint32_t part_ppm)
{
    __extension__ const __int128 share = (__int128)price * part_ppm / PPM;
    return share > PRICE_MAX ? PRICE_MAX : (int64_t)share;
}

int64_t limit_collar(const struct msg_symbol_set *symbol, int64_t reference, bool is_buy)
{
    CHECK(reference > 0 && symbol->tick > 0);
    const int64_t tick = symbol->tick, width = share(reference, symbol->collar_ppm);
    const int64_t highest = PRICE_MAX - PRICE_MAX % tick;
    const int64_t price = is_buy ? (reference + width) / tick * tick
                                 : (reference - width + tick - 1) / tick * tick;
    return price < tick ? tick : price > highest ? highest : price;
}

/* A distance is a whole number, so comparing it with the width rounded down is exact. */
static struct limit_verdict filter_band(const struct msg_symbol_set *symbol,
                                        int64_t reference, int64_t price)
{
    if (symbol->band_ppm == 0 || reference == 0)
        return limit_pass();
    const int64_t width = share(reference, symbol->band_ppm);
    if (price > reference + width)
        return limit_refuse(ERR_PRICE_BAND, price, reference + width);
    if (price < reference - width)
        return limit_refuse(ERR_PRICE_BAND, price, reference - width);
    return limit_pass();
}

static struct limit_verdict filter_notional(const struct msg_symbol_set *symbol,
                                            struct limit_order *order)
{
    if (money_notional(order->price, order->quantity, symbol->multiplier,
                       &order->notional) != 0)
        return limit_refuse(ERR_OVERFLOW, order->quantity, MONEY_MAX);
    if (order->notional < symbol->notional_min)
        return limit_refuse(ERR_NOTIONAL_MIN, order->notional, symbol->notional_min);
    if (order->notional > symbol->notional_max)
        return limit_refuse(ERR_NOTIONAL_MAX, order->notional, symbol->notional_max);
    return limit_pass();
}

struct limit_verdict limit_filter(const struct msg_symbol_set *symbol, int64_t reference,
                                  struct limit_order *order)
{
    if (order->price % symbol->tick != 0)
        return limit_refuse(ERR_PRICE_TICK, order->price, symbol->tick);
    if (order->quantity % symbol->lot != 0)
        return limit_refuse(ERR_QUANTITY_LOT, order->quantity, symbol->lot);
    if (order->quantity > symbol->quantity_max)
        return limit_refuse(ERR_QUANTITY_MAX, order->quantity, symbol->quantity_max);
    if (order->is_market && reference == 0)
        return limit_refuse(ERR_NO_REFERENCE, 0, 0);
    if (order->is_market) {
        order->price = limit_collar(symbol, reference, order->is_buy);
    } else {
        const struct limit_verdict verdict = filter_band(symbol, reference, order->price);
        if (verdict.error != 0)
            return verdict;
    }
    return filter_notional(symbol, order);
}
