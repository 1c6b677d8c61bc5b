/* hold.c - open orders by slot. */
#include "services/risk/hold.h"

#include <assert.h>
#include <stddef.h>

#include "common/ablate.h"
#include "common/check.h"
#include "common/money.h"
#include "common/prefetch.h"
#include "proto/msg.h"

enum { ANY = 1 }; /* order ids are unique without their account */

static_assert(PAIR_NONE == HOLD_NONE, "a slot is found as it is");

void hold_init(struct holds *holds, struct arena *arena, uint32_t orders_max)
{
    holds->orders = arena_take(arena, orders_max * sizeof *holds->orders, 64);
    void *slots = arena_take(arena, pool_size(orders_max), 64);
    pair_init(&holds->ids, arena, orders_max);
    pair_init(&holds->names, arena, 2 * orders_max);
    if (slots != NULL)
        pool_init(&holds->slots, slots, orders_max);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* max(N(0), N(L)) of hold.h. */
static int worst_quote(const struct hold_order *order, int64_t multiplier, int64_t *quote)
{
    int64_t filled, more, first, last;
    if (money_notional(order->price, hold_leaves(order), multiplier, &filled) != 0)
        return ERR_OVERFLOW;
    if (order->replace == 0) {
        *quote = filled;
        return 0;
    }
    const int64_t grown = larger(0, order->replace_quantity - order->quantity);
    const int64_t fresh = larger(0, order->replace_quantity - order->cum_quantity);
    if (money_notional(order->replace_price, grown, multiplier, &more) != 0 ||
        money_notional(order->replace_price, fresh, multiplier, &first) != 0 ||
        money_add(filled, more, &last) != 0)
        return ERR_OVERFLOW;
    *quote = larger(first, ABLATE(REPLACE_HOLD_MAX) ? 0 : last);
    return 0;
}

int hold_amount(const struct hold_order *order, int64_t multiplier, int64_t *amount)
{
    if (order->side == SIDE_SELL) {
        const int64_t fresh = order->replace_quantity - order->cum_quantity;
        *amount =
            order->replace == 0 ? hold_leaves(order) : larger(hold_leaves(order), fresh);
        return 0;
    }
    int64_t quote;
    if (worst_quote(order, multiplier, &quote) != 0)
        return ERR_OVERFLOW;
    int32_t rate_ppm =
        order->maker_ppm > order->taker_ppm ? order->maker_ppm : order->taker_ppm;
    uint32_t credit = order->fee_credit;
    rate_ppm = rate_ppm > 0 ? rate_ppm : 0;
    return money_add(quote, money_fee(rate_ppm, quote, &credit), amount);
}

static void prefetch_order(const struct holds *holds, uint32_t slot)
{
    const char *order = (const char *)&holds->orders[slot];
    prefetch_read(order);
    prefetch_read(order + 64);
}

void hold_prefetch_search(const struct holds *holds, uint32_t account, uint64_t order_id,
                          uint64_t cl_ord_id, bool again)
{
    const uint32_t found = order_id != 0
                               ? pair_prefetch(&holds->ids, ANY, order_id, again)
                               : pair_prefetch(&holds->names, account, cl_ord_id, again);
    if (found != PAIR_NONE)
        prefetch_order(holds, order_id != 0 ? found : found / 2);
}

void hold_prefetch(const struct holds *holds, uint32_t slot, bool again)
{
    if (slot >= holds->slots.capacity)
        return;
    const struct hold_order *order = &holds->orders[slot];
    if (again) {
        (void)pair_prefetch(&holds->ids, ANY, order->order_id, false);
        (void)pair_prefetch(&holds->names, order->account, order->cl_ord_id, false);
        return;
    }
    prefetch_order(holds, slot);
    prefetch_read(&holds->slots.next[slot]);
    pair_prefetch_entry(&holds->ids, slot);
    pair_prefetch_entry(&holds->names, 2 * slot);
}

uint32_t hold_find(const struct holds *holds, uint64_t order_id)
{
    return pair_find(&holds->ids, ANY, order_id); /* PAIR_NONE is HOLD_NONE */
}

uint32_t hold_find_name(const struct holds *holds, uint32_t account, uint64_t cl_ord_id)
{
    const uint32_t entry = pair_find(&holds->names, account, cl_ord_id);
    return entry == PAIR_NONE ? HOLD_NONE : entry / 2;
}

uint32_t hold_open(struct holds *holds, const struct hold_order *order)
{
    const uint32_t slot = pool_take(&holds->slots);
    CHECK(slot != POOL_NONE);
    hold_restore(holds, slot, order);
    return slot;
}

void hold_restore(struct holds *holds, uint32_t slot, const struct hold_order *order)
{
    CHECK(pool_is_taken(&holds->slots, slot) && order->order_id != 0);
    holds->orders[slot] = *order;
    pair_add(&holds->names, 2 * slot, order->account, order->cl_ord_id);
    if (order->replace != 0 && order->replace_cl_ord_id != order->cl_ord_id)
        pair_add(&holds->names, 2 * slot + 1, order->account, order->replace_cl_ord_id);
    pair_add(&holds->ids, slot, ANY, order->order_id);
}

void hold_close(struct holds *holds, uint32_t slot)
{
    CHECK(pool_is_taken(&holds->slots, slot) && holds->orders[slot].held == 0);
    pair_remove(&holds->names, 2 * slot);
    pair_remove(&holds->names, 2 * slot + 1);
    pair_remove(&holds->ids, slot);
    pool_give(&holds->slots, slot);
}

struct hold_order *hold_get(struct holds *holds, uint32_t slot, uint64_t order_id)
{
    CHECK(slot < holds->slots.capacity && pool_is_taken(&holds->slots, slot));
    CHECK(holds->orders[slot].order_id == order_id);
    return &holds->orders[slot];
}

void hold_replace_begin(struct holds *holds, uint32_t slot, uint64_t request,
                        uint64_t cl_ord_id, int64_t price, int64_t quantity)
{
    struct hold_order *order = &holds->orders[slot];
    CHECK(order->replace == 0 && request != 0);
    order->replace = request;
    order->replace_cl_ord_id = cl_ord_id;
    order->replace_price = price;
    order->replace_quantity = quantity;
    if (cl_ord_id != order->cl_ord_id)
        pair_add(&holds->names, 2 * slot + 1, order->account, cl_ord_id);
}

void hold_replace_abort(struct holds *holds, uint32_t slot)
{
    struct hold_order *order = &holds->orders[slot];
    CHECK(order->replace != 0);
    pair_remove(&holds->names, 2 * slot + 1);
    order->replace = 0;
    order->replace_cl_ord_id = 0;
    order->replace_price = 0;
    order->replace_quantity = 0;
}

void hold_replace_commit(struct holds *holds, uint32_t slot)
{
    struct hold_order *order = &holds->orders[slot];
    const uint64_t cl_ord_id = order->replace_cl_ord_id;
    order->price = order->replace_price;
    order->quantity = order->replace_quantity;
    hold_replace_abort(holds, slot);
    pair_remove(&holds->names, 2 * slot);
    pair_add(&holds->names, 2 * slot, order->account, cl_ord_id);
    order->cl_ord_id = cl_ord_id;
}

uint32_t hold_count(const struct holds *holds, uint32_t symbol)
{
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < holds->slots.fresh; slot++)
        if (pool_is_taken(&holds->slots, slot) && holds->orders[slot].symbol == symbol)
            count++;
    return count;
}

void hold_check(const struct holds *holds)
{
    pool_check(&holds->slots);
    for (uint32_t slot = 0; slot < holds->slots.fresh; slot++) {
        const struct hold_order *order = &holds->orders[slot];
        if (!pool_is_taken(&holds->slots, slot))
            continue;
        CHECK(hold_find(holds, order->order_id) == slot);
        CHECK(hold_find_name(holds, order->account, order->cl_ord_id) == slot);
        CHECK(order->replace == 0 ||
              hold_find_name(holds, order->account, order->replace_cl_ord_id) == slot);
        CHECK(hold_leaves(order) > 0 && order->cum_quantity >= 0);
    }
}
