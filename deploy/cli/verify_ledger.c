/* verify_ledger.c - see verify_ledger.h. */
#include "deploy/cli/verify_ledger.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/core.h"
#include "deploy/cli/refold.h"
#include "services/risk/risk_core.h"
#include "services/settlement/settlement_core.h"

void verify_ledger_close(struct verify_ledger *ledger)
{
    free(ledger->risk.balances);
    free(ledger->settlement.balances);
    *ledger = (struct verify_ledger){.comparisons = 0};
}

/* A balance of zero is as good as none. */
static void add(void *argument, const struct msg *row)
{
    struct verify_ledger_list *list = argument;
    const struct msg_row_balance *r = &row->row_balance;
    if (row->kind != MSG_row_balance || r->free + r->held == 0)
        return;
    if (list->count == list->capacity) {
        size_t capacity = 2 * list->capacity + 1024;
        void *grown = realloc(list->balances, capacity * sizeof *list->balances);
        list->failed = grown == NULL;
        if (list->failed)
            return;
        list->balances = grown;
        list->capacity = capacity;
    }
    list->balances[list->count++] = (struct verify_ledger_balance){
        .account = r->account, .asset = r->asset, .amount = r->free + r->held};
}

static int compare(const void *left, const void *right)
{
    const struct verify_ledger_balance *a = left, *b = right;
    if (a->account != b->account)
        return a->account < b->account ? -1 : 1;
    return a->asset < b->asset ? -1 : a->asset > b->asset;
}

static int load(struct verify_ledger_list *list, const struct core_ops *core,
                const void *state, uint32_t kind)
{
    list->count = 0;
    int error =
        refold_query(core, state, &(struct msg_query){.kind = (uint8_t)kind}, add, list);
    if (list->count > 0)
        qsort(list->balances, list->count, sizeof *list->balances, compare);
    return list->failed ? ERR_MEMORY : error;
}

static int check_sums(const struct verify_ledger_list *list, uint64_t gseq,
                      struct verify_difference *difference)
{
    __extension__ __int128 sums[ASSET_MAX + 1] = {0};
    for (size_t i = 0; i < list->count; i++)
        sums[list->balances[i].asset] += list->balances[i].amount;
    for (uint32_t asset = 0; asset <= ASSET_MAX; asset++) {
        char what[64];
        if (sums[asset] == 0)
            continue;
        snprintf(what, sizeof what, "balances of asset %" PRIu32 " sum to %" PRId64,
                 asset, (int64_t)sums[asset]);
        return verify_differs(difference, "settlement", "ledger", gseq, what);
    }
    return 0;
}

static int report(uint64_t gseq, const struct verify_ledger_balance *balance,
                  struct verify_difference *difference)
{
    char what[64];
    snprintf(what, sizeof what, "account %" PRIu32 " asset %" PRIu32 " unlike risk",
             balance->account, balance->asset);
    return verify_differs(difference, "settlement", "ledger", gseq, what);
}

int verify_ledger_compare(struct verify_ledger *ledger, const void *risk,
                          const void *settlement, uint64_t gseq,
                          struct verify_difference *difference)
{
    const struct verify_ledger_list *a = &ledger->risk, *b = &ledger->settlement;
    int error = load(&ledger->risk, &risk_core, risk, QUERY_KIND_BALANCES);
    if (error == 0)
        error =
            load(&ledger->settlement, &settlement_core, settlement, QUERY_KIND_LEDGER);
    if (error == 0)
        error = check_sums(b, gseq, difference);
    for (size_t i = 0; error == 0 && (i < a->count || i < b->count); i++) {
        if (i == a->count)
            error = report(gseq, &b->balances[i], difference);
        else if (i == b->count || compare(&a->balances[i], &b->balances[i]) != 0 ||
                 a->balances[i].amount != b->balances[i].amount)
            error = report(gseq, &a->balances[i], difference);
    }
    ledger->comparisons++;
    ledger->balances = b->count;
    return error;
}
