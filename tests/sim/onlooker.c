/* onlooker.c - an array of orders, and a sort. */
#include "tests/sim/onlooker.h"

#include <stdlib.h>

#include "common/check.h"

/* The order with this id; id 0: a free place. */
static struct onlooker_order *find(struct onlooker_books *books, uint64_t id)
{
    for (uint32_t i = 0; i < ONLOOKER_ORDERS; i++) {
        if (books->orders[i].id == id)
            return &books->orders[i];
    }
    return NULL;
}

static void set_leaves(struct onlooker_books *books, uint64_t id, int64_t leaves)
{
    struct onlooker_order *order = find(books, id);
    CHECK(order != NULL);
    order->leaves = leaves;
    if (leaves == 0)
        order->id = 0;
}

static void on_accepted(struct onlooker_books *books, const struct msg_order_accepted *m)
{
    struct onlooker_order *order = find(books, 0);
    CHECK(order != NULL);
    *order = (struct onlooker_order){.id = m->order_id,
                                     .symbol = m->symbol,
                                     .side = (uint8_t)m->side,
                                     .price = m->price,
                                     .leaves = m->quantity};
}

void onlooker_take(struct onlooker_books *books, const struct msg *m)
{
    switch (m->kind) {
    case MSG_order_accepted:
        on_accepted(books, &m->order_accepted);
        break;
    case MSG_trade:
        set_leaves(books, m->trade.maker_order_id, m->trade.maker_leaves);
        set_leaves(books, m->trade.taker_order_id, m->trade.taker_leaves);
        break;
    case MSG_order_cancelled:
        set_leaves(books, m->order_cancelled.order_id, 0);
        break;
    case MSG_order_replaced:
        find(books, m->order_replaced.order_id)->price = m->order_replaced.price;
        set_leaves(books, m->order_replaced.order_id, m->order_replaced.leaves);
        break;
    default:
        break;
    }
}

/* Bids before asks, the best first. */
static int compare(const void *left, const void *right)
{
    const struct msg_row_level *a = left, *b = right;
    if (a->side != b->side)
        return a->side == SIDE_BUY ? -1 : 1;
    int rising = (a->price > b->price) - (a->price < b->price);
    return a->side == SIDE_BUY ? -rising : rising;
}

uint32_t onlooker_levels(const struct onlooker_books *books, uint32_t symbol,
                         struct msg_row_level levels[ONLOOKER_LEVELS])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < ONLOOKER_ORDERS; i++) {
        const struct onlooker_order *order = &books->orders[i];
        uint32_t at = 0;
        if (order->id == 0 || order->symbol != symbol)
            continue;
        while (at < count &&
               (levels[at].side != order->side || levels[at].price != order->price))
            at++;
        if (at == count)
            levels[count++] =
                (struct msg_row_level){.side = order->side, .price = order->price};
        levels[at].quantity += order->leaves;
        levels[at].orders++;
    }
    qsort(levels, count, sizeof *levels, compare);
    return count;
}
