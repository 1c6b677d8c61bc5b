/* agree.c - lists of (account, asset, amount), summed up and compared. */
#include "deploy/cli/agree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "services/portfolio/portfolio_core.h"
#include "services/risk/risk_core.h"
#include "services/settlement/settlement_core.h"

/* What one comparison gathers. */
struct gathered {
    struct msg_symbol_set *symbols; /* by id */
    struct agree_list risk, held, holds, ledger, clients, sums, portfolio;
};

static void add(struct agree_list *list, uint32_t account, uint32_t asset, int64_t amount)
{
    if (list->count == list->capacity) {
        list->capacity = 2 * list->capacity + 64;
        list->all = realloc(list->all, list->capacity * sizeof *list->all);
        CHECK(list->all != NULL);
    }
    list->all[list->count++] = (struct agree_money){account, asset, amount};
}

static int order(const void *left, const void *right)
{
    const struct agree_money *a = left, *b = right;
    if (a->account != b->account)
        return a->account < b->account ? -1 : 1;
    return a->asset == b->asset ? 0 : a->asset < b->asset ? -1 : 1;
}

/* One entry for each account and asset that has money, in their order. */
static void sum_up(struct agree_list *list)
{
    uint32_t kept = 0;
    if (list->count > 0)
        qsort(list->all, list->count, sizeof *list->all, order);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct agree_money m = list->all[i];
        if (kept > 0 && order(&list->all[kept - 1], &m) == 0)
            list->all[kept - 1].amount += m.amount;
        else
            list->all[kept++] = m;
    }
    list->count = 0;
    for (uint32_t i = 0; i < kept; i++)
        if (list->all[i].amount != 0)
            list->all[list->count++] = list->all[i];
}

static bool compare(uint64_t gseq, const char *what, struct agree_list *a,
                    struct agree_list *b)
{
    static const struct agree_money none;
    sum_up(a);
    sum_up(b);
    uint32_t i = 0;
    while (i < a->count && i < b->count && order(&a->all[i], &b->all[i]) == 0 &&
           a->all[i].amount == b->all[i].amount)
        i++;
    if (i == a->count && i == b->count)
        return true;
    const struct agree_money *x = i < a->count ? &a->all[i] : &none;
    const struct agree_money *y = i < b->count ? &b->all[i] : &none;
    fprintf(stderr,
            "gseq %" PRIu64 ", %s: %" PRId64 " of account %" PRIu32 " asset %" PRIu32
            ", but %" PRId64 " of account %" PRIu32 " asset %" PRIu32 "\n",
            gseq, what, x->amount, x->account, x->asset, y->amount, y->account, y->asset);
    return false;
}

/* ---- gathering --------------------------------------------------------------------- */

static void take_symbol(void *argument, const struct msg *row)
{
    struct gathered *g = argument;
    g->symbols[row->symbol_set.symbol] = row->symbol_set;
}

static void take_balance(void *argument, const struct msg *row)
{
    struct gathered *g = argument;
    const struct msg_row_balance *r = &row->row_balance;
    add(&g->risk, r->account, r->asset, r->free + r->held);
    add(&g->held, r->account, r->asset, r->held);
}

static void take_hold(void *argument, const struct msg *row)
{
    struct gathered *g = argument;
    const struct msg_row_order *r = &row->row_order;
    const struct msg_symbol_set *s = &g->symbols[r->symbol];
    add(&g->holds, r->account, r->side == SIDE_BUY ? s->quote : s->base, r->hold);
}

static void take_ledger(void *argument, const struct msg *row)
{
    struct gathered *g = argument;
    const struct msg_row_balance *r = &row->row_balance;
    add(&g->ledger, r->account, r->asset, r->free);
    if (r->account != ACCOUNT_EXTERNAL && r->account != ACCOUNT_FEES)
        add(&g->clients, r->account, r->asset, r->free);
    add(&g->sums, 0, r->asset, r->free);
}

static void take_position(void *argument, const struct msg *row)
{
    struct gathered *g = argument;
    const struct msg_row_position *r = &row->row_position;
    const struct msg_symbol_set *s = &g->symbols[r->symbol];
    add(&g->portfolio, r->account, s->base, r->quantity);
    add(&g->portfolio, r->account, s->quote, r->realised - r->cost - r->fees);
}

static int gather(struct gathered *g, const struct agree *self,
                  const struct refold_view *view)
{
    int error =
        refold_query(&risk_core, view->risk,
                     &(struct msg_query){.kind = QUERY_KIND_SYMBOLS}, take_symbol, g);
    if (error == 0)
        error = refold_query(&risk_core, view->risk,
                             &(struct msg_query){.kind = QUERY_KIND_BALANCES},
                             take_balance, g);
    if (error == 0)
        error = refold_query(&risk_core, view->risk,
                             &(struct msg_query){.kind = QUERY_KIND_HOLDS}, take_hold, g);
    if (error == 0)
        error =
            refold_query(&settlement_core, view->settlement,
                         &(struct msg_query){.kind = QUERY_KIND_LEDGER}, take_ledger, g);
    for (uint32_t i = 0; i < self->paid.count; i++)
        add(&g->portfolio, self->paid.all[i].account, self->paid.all[i].asset,
            self->paid.all[i].amount);
    sum_up(&g->risk);
    uint32_t last = 0;
    for (uint32_t i = 0; i < g->risk.count && error == 0; i++) {
        uint32_t account = g->risk.all[i].account;
        if (account != last)
            error = refold_query(
                &portfolio_core, view->portfolio,
                &(struct msg_query){.kind = QUERY_KIND_POSITIONS, .account = account},
                take_position, g);
        last = account;
    }
    return error;
}

/* ---- the interface ----------------------------------------------------------------- */

void agree_close(struct agree *self)
{
    free(self->paid.all);
    *self = (struct agree){0};
}

void agree_follow(struct agree *self, const struct refold_view *view)
{
    const struct msg_deposit_done *in = &view->msg->deposit_done;
    const struct msg_withdraw_done *out = &view->msg->withdraw_done;
    if (view->msg->kind == MSG_deposit_done)
        add(&self->paid, in->account, in->asset, in->amount);
    else if (view->msg->kind == MSG_withdraw_done)
        add(&self->paid, out->account, out->asset, -out->amount);
    else
        return;
    sum_up(&self->paid);
}

void agree_compare(struct agree *self, const struct refold_view *view)
{
    struct agree_list none = {0};
    struct gathered g = {.symbols = calloc(SYMBOL_MAX + 1, sizeof *g.symbols)};
    CHECK(g.symbols != NULL);
    bool ok = gather(&g, self, view) == 0 &&
              compare(view->gseq, "risk and settlement", &g.risk, &g.ledger) &&
              compare(view->gseq, "held and holds", &g.held, &g.holds) &&
              compare(view->gseq, "all postings", &g.sums, &none) &&
              compare(view->gseq, "portfolio and settlement", &g.portfolio, &g.clients);
    self->agreed += ok;
    self->disagreed += !ok;
    free(g.symbols);
    free(g.risk.all);
    free(g.held.all);
    free(g.holds.all);
    free(g.ledger.all);
    free(g.clients.all);
    free(g.sums.all);
    free(g.portfolio.all);
}
