/* verify_orders.c - see verify_orders.h. */
#include "deploy/cli/verify_orders.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/core.h"
#include "services/portfolio/portfolio_core.h"
#include "services/risk/risk_core.h"
#include "services/shard/shard_core.h"

void verify_orders_close(struct verify_orders *self)
{
    free(self->risk.orders);
    free(self->portfolio.orders);
    *self = (struct verify_orders){.comparisons = 0};
}

static void take_order(void *argument, const struct msg *row)
{
    struct verify_orders_list *list = argument;
    if (row->kind != MSG_row_order || list->failed)
        return;
    if (list->count == list->capacity) {
        size_t capacity = 2 * list->capacity + 1024;
        void *grown = realloc(list->orders, capacity * sizeof *list->orders);
        list->failed = grown == NULL;
        if (list->failed)
            return;
        list->orders = grown;
        list->capacity = capacity;
    }
    list->orders[list->count++] = row->row_order;
}

static int load(struct verify_orders_list *list, const struct core_ops *core,
                const void *state, uint32_t kind,
                int (*compare)(const void *, const void *))
{
    list->count = 0;
    list->failed = false;
    int error = refold_query(core, state, &(struct msg_query){.kind = (uint8_t)kind},
                             take_order, list);
    if (list->count > 0)
        qsort(list->orders, list->count, sizeof *list->orders, compare);
    return list->failed ? ERR_MEMORY : error;
}

/* ---- portfolio and risk ------------------------------------------------------------ */

static int by_id(const void *left, const void *right)
{
    const struct msg_row_order *a = left, *b = right;
    return a->order_id < b->order_id ? -1 : a->order_id > b->order_id;
}

static bool is_same(const struct msg_row_order *a, const struct msg_row_order *b)
{
    return a->order_id == b->order_id && a->account == b->account &&
           a->cl_ord_id == b->cl_ord_id && a->symbol == b->symbol && a->side == b->side &&
           a->price == b->price && a->quantity == b->quantity &&
           a->cum_quantity == b->cum_quantity && a->cum_quote == b->cum_quote &&
           a->leaves == b->leaves;
}

static int report(const char *service, uint64_t order_id, uint64_t gseq, const char *what,
                  struct verify_difference *difference)
{
    char text[64];
    snprintf(text, sizeof text, "order %" PRIu64 " %s", order_id, what);
    return verify_differs(difference, service, "orders", gseq, text);
}

/* Risk has more: those whose first report is still to come. */
static int compare_lists(const struct verify_orders *self, uint64_t gseq,
                         struct verify_difference *difference)
{
    const struct verify_orders_list *risk = &self->risk, *portfolio = &self->portfolio;
    size_t at = 0;
    for (size_t i = 0; i < portfolio->count; i++) {
        uint64_t id = portfolio->orders[i].order_id;
        while (at < risk->count && risk->orders[at].order_id < id)
            at++;
        if (at == risk->count || !is_same(&risk->orders[at], &portfolio->orders[i]))
            return report("portfolio", id, gseq, "unlike risk", difference);
    }
    return 0;
}

/* ---- the books --------------------------------------------------------------------- */

/* As shard_book_levels has them: by symbol, bids from the best, asks from the best. */
static int by_level(const void *left, const void *right)
{
    const struct msg_row_order *a = left, *b = right;
    if (a->symbol != b->symbol)
        return a->symbol < b->symbol ? -1 : 1;
    if (a->side != b->side)
        return a->side == SIDE_BUY ? -1 : 1;
    int order = a->price < b->price ? -1 : a->price > b->price;
    return a->side == SIDE_BUY ? -order : order;
}

struct levels {
    const struct verify_orders_list *orders; /* by level */
    size_t at;
    uint32_t symbol;
    bool differs;
};

static void take_level(void *argument, const struct msg *row)
{
    struct levels *levels = argument;
    const struct msg_row_level *level = &row->row_level;
    int64_t quantity = 0;
    uint32_t count = 0;
    for (; levels->at < levels->orders->count; levels->at++, count++) {
        const struct msg_row_order *order = &levels->orders->orders[levels->at];
        if (order->symbol != levels->symbol || order->side != level->side ||
            order->price != level->price)
            break;
        quantity += order->leaves;
    }
    if (quantity != level->quantity || count != level->orders)
        levels->differs = true;
}

static void take_symbol(void *argument, const struct msg *row)
{
    uint8_t *shards = argument; /* plus 1 */
    if (row->kind == MSG_symbol_set)
        shards[row->symbol_set.symbol] = (uint8_t)(row->symbol_set.shard + 1);
}

static int compare_books(struct verify_orders *self, const struct refold_view *view,
                         struct verify_difference *difference)
{
    uint8_t shards[SYMBOL_MAX + 1] = {0};
    struct levels levels = {.orders = &self->portfolio};
    int error = refold_query(&risk_core, view->risk,
                             &(struct msg_query){.kind = QUERY_KIND_SYMBOLS}, take_symbol,
                             shards);
    for (uint32_t symbol = 1; error == 0 && symbol <= SYMBOL_MAX; symbol++) {
        char name[32], what[64];
        if (shards[symbol] == 0)
            continue;
        levels.symbol = symbol;
        shard_book_levels(view->shards[shards[symbol] - 1], symbol, UINT32_MAX,
                          take_level, &levels);
        bool is_left = levels.at < levels.orders->count &&
                       levels.orders->orders[levels.at].symbol == symbol;
        if (!levels.differs && !is_left)
            continue;
        snprintf(name, sizeof name, "shard-%d", shards[symbol] - 1);
        snprintf(what, sizeof what, "symbol %" PRIu32 " unlike the open orders", symbol);
        error = verify_differs(difference, name, "book", view->gseq, what);
    }
    return error;
}

int verify_orders_compare(struct verify_orders *self, const struct refold_view *view,
                          struct verify_difference *difference)
{
    int error = load(&self->risk, &risk_core, view->risk, QUERY_KIND_HOLDS, by_id);
    if (error == 0)
        error = load(&self->portfolio, &portfolio_core, view->portfolio,
                     QUERY_KIND_ORDERS, by_id);
    if (error == 0)
        error = compare_lists(self, view->gseq, difference);
    if (error != 0)
        return error;
    if (self->portfolio.count > 0)
        qsort(self->portfolio.orders, self->portfolio.count,
              sizeof *self->portfolio.orders, by_level);
    self->comparisons++;
    return compare_books(self, view, difference);
}
