/* money.c - the fee of a fill. */
#include "common/money.h"

/* Quote amounts up to here need no 128-bit division: rate * quote - credit fits. */
#define SMALL_QUOTE_MAX (INT64_MAX / MONEY_PPM_MAX - 1)

/* Round towards +infinity: division truncates, which is up for what is not positive. */
static int64_t divide_small_up(int64_t millionths)
{
    return millionths / MONEY_PPM + (millionths % MONEY_PPM > 0);
}

static int64_t large_fee(int32_t rate_ppm, int64_t quote, uint32_t *credit)
{
    __extension__ __int128 millionths = quote;
    millionths = millionths * rate_ppm - *credit;
    const int64_t fee = (int64_t)(millionths / MONEY_PPM) + (millionths % MONEY_PPM > 0);
    __extension__ __int128 charged = fee;
    *credit = (uint32_t)(charged * MONEY_PPM - millionths);
    return fee;
}

int64_t money_fee(int32_t rate_ppm, int64_t quote, uint32_t *credit)
{
    CHECK(rate_ppm >= -MONEY_PPM_MAX && rate_ppm <= MONEY_PPM_MAX);
    CHECK(quote >= 0 && quote <= MONEY_MAX && *credit < MONEY_PPM);
    if (quote > SMALL_QUOTE_MAX)
        return large_fee(rate_ppm, quote, credit);
    const int64_t millionths = rate_ppm * quote - *credit;
    const int64_t fee = divide_small_up(millionths);
    *credit = (uint32_t)(fee * MONEY_PPM - millionths);
    CHECK(*credit < MONEY_PPM);
    return fee;
}

/* `own`, a fee as it is, a rebate no larger than the other side's fee. */
static int32_t bound_rebate(int32_t own_ppm, int32_t other_ppm)
{
    const int32_t least = other_ppm > 0 ? -other_ppm : 0;
    return own_ppm < least ? least : own_ppm;
}

void money_match_rates(int32_t *maker_ppm, int32_t *taker_ppm)
{
    const int32_t maker = *maker_ppm, taker = *taker_ppm;
    *maker_ppm = bound_rebate(maker, taker);
    *taker_ppm = bound_rebate(taker, maker);
    CHECK(*maker_ppm + *taker_ppm >= 0);
}
