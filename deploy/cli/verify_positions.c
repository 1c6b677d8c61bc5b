/* verify_positions.c - see verify_positions.h. */
#include "deploy/cli/verify_positions.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/core.h"
#include "services/portfolio/portfolio_core.h"
#include "services/risk/risk_core.h"
#include "services/settlement/settlement_core.h"

/* What one comparison adds up. Sums wrap and still must come out even. A row at its limit
 * says "at least that much": what it is part of is left out. */
struct account_sums {
    uint8_t base[SYMBOL_MAX + 1], quote[SYMBOL_MAX + 1];
    uint64_t unexplained[ASSET_MAX + 1]; /* of the account looked at */
    uint64_t fees[ASSET_MAX + 1];        /* of all of them */
    uint64_t quantity[SYMBOL_MAX + 1];   /* likewise: what one has, another owes */
    bool is_vague[ASSET_MAX + 1];        /* of the account looked at */
    bool are_fees_vague[ASSET_MAX + 1], is_quantity_vague[SYMBOL_MAX + 1];
};

void verify_positions_close(struct verify_positions *self)
{
    free(self->transfers);
    *self = (struct verify_positions){.count = 0};
}

static int compare(const struct verify_positions_transfer *a, uint32_t account,
                   uint32_t asset)
{
    if (a->account != account)
        return a->account < account ? -1 : 1;
    return a->asset < asset ? -1 : a->asset > asset;
}

static int add(struct verify_positions *self, uint32_t account, uint32_t asset,
               int64_t amount)
{
    size_t at = self->count;
    while (at > 0 && compare(&self->transfers[at - 1], account, asset) >= 0)
        at--;
    if (at < self->count && compare(&self->transfers[at], account, asset) == 0) {
        self->transfers[at].amount += amount;
        return 0;
    }
    if (self->count == self->capacity) {
        size_t capacity = 2 * self->capacity + 256;
        void *grown = realloc(self->transfers, capacity * sizeof *self->transfers);
        if (grown == NULL)
            return ERR_MEMORY;
        self->transfers = grown;
        self->capacity = capacity;
    }
    memmove(&self->transfers[at + 1], &self->transfers[at],
            (self->count - at) * sizeof *self->transfers);
    self->transfers[at] = (struct verify_positions_transfer){account, asset, amount};
    self->count++;
    return 0;
}

int verify_positions_note(struct verify_positions *self, const struct msg *msg)
{
    if (msg->kind == MSG_deposit_done)
        return add(self, msg->deposit_done.account, msg->deposit_done.asset,
                   msg->deposit_done.amount);
    if (msg->kind == MSG_withdraw_done)
        return add(self, msg->withdraw_done.account, msg->withdraw_done.asset,
                   -msg->withdraw_done.amount);
    return 0;
}

/* ---- rows -------------------------------------------------------------------------- */

static void take_symbol(void *argument, const struct msg *row)
{
    struct account_sums *sums = argument;
    if (row->kind != MSG_symbol_set)
        return;
    sums->base[row->symbol_set.symbol] = (uint8_t)row->symbol_set.base;
    sums->quote[row->symbol_set.symbol] = (uint8_t)row->symbol_set.quote;
}

static bool is_at(int64_t limit, int64_t value)
{
    return value >= limit || value <= -limit;
}

static void note_vague(struct account_sums *sums, const struct msg_row_position *r)
{
    const uint8_t base = sums->base[r->symbol], quote = sums->quote[r->symbol];
    const bool is_quantity = is_at(QUANTITY_MAX, r->quantity);
    const bool is_fee = is_at(MONEY_MAX, r->fees);
    sums->is_vague[base] |= is_quantity;
    sums->is_vague[quote] |=
        is_fee || is_at(MONEY_MAX, r->cost) || is_at(MONEY_MAX, r->realised);
    sums->are_fees_vague[quote] |= is_fee;
    sums->is_quantity_vague[r->symbol] |= is_quantity;
}

static void take_position(void *argument, const struct msg *row)
{
    struct account_sums *sums = argument;
    const struct msg_row_position *r = &row->row_position;
    if (row->kind != MSG_row_position)
        return;
    note_vague(sums, r);
    uint64_t paid = (uint64_t)r->cost - (uint64_t)r->realised;
    sums->unexplained[sums->base[r->symbol]] += (uint64_t)r->quantity;
    sums->unexplained[sums->quote[r->symbol]] -= paid + (uint64_t)r->fees;
    sums->fees[sums->quote[r->symbol]] += (uint64_t)r->fees;
    sums->quantity[r->symbol] += (uint64_t)r->quantity;
}

static void take_balance(void *argument, const struct msg *row)
{
    struct account_sums *sums = argument;
    if (row->kind == MSG_row_balance)
        sums->unexplained[row->row_balance.asset] -= (uint64_t)row->row_balance.free;
}

/* ---- accounts ---------------------------------------------------------------------- */

static int judge(const struct account_sums *sums, uint32_t account, uint64_t gseq,
                 struct verify_difference *difference)
{
    for (uint32_t asset = 1; asset <= ASSET_MAX; asset++) {
        char what[64];
        if (sums->unexplained[asset] == 0 || sums->is_vague[asset])
            continue;
        snprintf(what, sizeof what,
                 "account %" PRIu32 " asset %" PRIu32 " is not explained", account,
                 asset);
        return verify_differs(difference, "portfolio", "positions", gseq, what);
    }
    return 0;
}

static int ask(const struct refold_view *view, uint32_t account,
               struct account_sums *sums)
{
    const struct msg_query positions = {.kind = QUERY_KIND_POSITIONS, .account = account};
    const struct msg_query balances = {.kind = QUERY_KIND_LEDGER, .account = account};
    int error =
        refold_query(&portfolio_core, view->portfolio, &positions, take_position, sums);
    return error != 0 ? error
                      : refold_query(&settlement_core, view->settlement, &balances,
                                     take_balance, sums);
}

/* All accounts but the venue's own two. */
static int compare_accounts(const struct verify_positions *self,
                            const struct refold_view *view, struct account_sums *sums,
                            struct verify_difference *difference)
{
    int error = 0;
    for (size_t i = 0; error == 0 && i < self->count;) {
        uint32_t account = self->transfers[i].account;
        memset(sums->unexplained, 0, sizeof sums->unexplained);
        memset(sums->is_vague, 0, sizeof sums->is_vague);
        for (; i < self->count && self->transfers[i].account == account; i++)
            sums->unexplained[self->transfers[i].asset] +=
                (uint64_t)self->transfers[i].amount;
        if (account == ACCOUNT_EXTERNAL || account == ACCOUNT_FEES)
            continue;
        error = ask(view, account, sums);
        if (error == 0)
            error = judge(sums, account, view->gseq, difference);
    }
    return error;
}

/* The fee account has what all others have paid, and what was moved to or from it. */
static int compare_fees(const struct verify_positions *self,
                        const struct refold_view *view, struct account_sums *sums,
                        struct verify_difference *difference)
{
    memcpy(sums->unexplained, sums->fees, sizeof sums->unexplained);
    memcpy(sums->is_vague, sums->are_fees_vague, sizeof sums->is_vague);
    for (size_t i = 0; i < self->count; i++)
        if (self->transfers[i].account == ACCOUNT_FEES)
            sums->unexplained[self->transfers[i].asset] +=
                (uint64_t)self->transfers[i].amount;
    int error = ask(view, ACCOUNT_FEES, sums);
    return error != 0 ? error : judge(sums, ACCOUNT_FEES, view->gseq, difference);
}

static int compare_quantities(const struct account_sums *sums, uint64_t gseq,
                              struct verify_difference *difference)
{
    for (uint32_t symbol = 1; symbol <= SYMBOL_MAX; symbol++) {
        char what[64];
        if (sums->quantity[symbol] == 0 || sums->is_quantity_vague[symbol])
            continue;
        snprintf(what, sizeof what, "positions in symbol %" PRIu32 " do not sum to 0",
                 symbol);
        return verify_differs(difference, "portfolio", "positions", gseq, what);
    }
    return 0;
}

int verify_positions_compare(struct verify_positions *self,
                             const struct refold_view *view,
                             struct verify_difference *difference)
{
    struct account_sums *sums = calloc(1, sizeof *sums);
    if (sums == NULL)
        return ERR_MEMORY;
    int error =
        refold_query(&risk_core, view->risk,
                     &(struct msg_query){.kind = QUERY_KIND_SYMBOLS}, take_symbol, sums);
    if (error == 0)
        error = compare_accounts(self, view, sums, difference);
    if (error == 0)
        error = compare_quantities(sums, view->gseq, difference);
    if (error == 0)
        error = compare_fees(self, view, sums, difference);
    free(sums);
    self->comparisons++;
    return error;
}
