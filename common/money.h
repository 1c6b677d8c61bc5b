/* money.h - checked arithmetic on amounts, and the fee of a fill.
 *
 * Owns:     nothing.
 * Units:    amounts in the smallest unit of their asset, rates in ppm of the quote amount
 *           (negative: a rebate).
 * Errors:   ERR_OVERFLOW when a result leaves [-MONEY_MAX, MONEY_MAX]; the result is then
 *           left as it was.
 * Threads:  any.
 * Bounds:   MONEY_MAX; its double still fits an int64.
 */
#ifndef MONEY_H
#define MONEY_H

#include <stdbool.h>
#include <stdint.h>

#include "common/check.h"
#include "common/error.h"
#include "proto/limits.h"

#define MONEY_PPM     INT64_C(1000000) /* one, in ppm */
#define MONEY_PPM_MAX MONEY_PPM        /* no fee and no rebate exceeds its quote amount */

static inline bool money_is_valid(int64_t amount)
{
    return amount >= -MONEY_MAX && amount <= MONEY_MAX;
}

ERROR_CHECKED static inline int money_add(int64_t a, int64_t b, int64_t *sum)
{
    int64_t result;
    if (__builtin_add_overflow(a, b, &result) || !money_is_valid(result))
        return ERR_OVERFLOW;
    *sum = result;
    return 0;
}

ERROR_CHECKED static inline int money_sub(int64_t a, int64_t b, int64_t *difference)
{
    int64_t result;
    if (__builtin_sub_overflow(a, b, &result) || !money_is_valid(result))
        return ERR_OVERFLOW;
    *difference = result;
    return 0;
}

ERROR_CHECKED static inline int money_mul(int64_t a, int64_t b, int64_t *product)
{
    int64_t result;
    if (__builtin_mul_overflow(a, b, &result) || !money_is_valid(result))
        return ERR_OVERFLOW;
    *product = result;
    return 0;
}

/* price * quantity * multiplier, as the quote amount of a fill or of a whole order. */
ERROR_CHECKED static inline int money_notional(int64_t price, int64_t quantity,
                                               int64_t multiplier, int64_t *notional)
{
    int64_t product;
    if (money_mul(price, quantity, &product) != 0)
        return ERR_OVERFLOW;
    return money_mul(product, multiplier, notional);
}

/* The fee of one fill, rounded once, so that it is charged up and paid down; negative is
 * a rebate. `credit` belongs to the order and starts at 0: it keeps, in millionths of a
 * unit, what earlier fills were rounded up by, so that the fees of an order add up to its
 * exact fee rounded once, however it was cut into fills. Cannot fail: the rate is within
 * MONEY_PPM_MAX, the quote amount within [0, MONEY_MAX]. */
int64_t money_fee(int32_t rate_ppm, int64_t quote, uint32_t *credit);

/* The rates of a match, from those frozen in its two orders: a rebate comes out of the
 * other side's fee, so its rate is at most that side's. With fees rounded up and rebates
 * down, those who take part never get more out of a match than others put in. */
void money_match_rates(int32_t *maker_ppm, int32_t *taker_ppm);

#endif
