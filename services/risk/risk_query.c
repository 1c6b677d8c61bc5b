/* risk_query.c - questions: each kind walks one table from the cursor on.
 *
 * The gateway has decided what the asker may see and has named the account; 0 is
 * everyone.
 */
#include "services/risk/risk.h"

/* Entries looked at for one page, so that a rare match in a large table does not hold up
 * the fold; an empty page with a cursor says: go on. */
#define SCAN_MAX 65536

static uint32_t count_entries(const struct risk *risk, const struct msg_query *query)
{
    switch (query->kind) {
    case QUERY_KIND_SYMBOLS:
        return SYMBOL_MAX + 1;
    case QUERY_KIND_ASSETS:
        return ASSET_MAX + 1;
    case QUERY_KIND_ACCOUNTS:
        return risk->accounts.accounts_max;
    case QUERY_KIND_KEYS:
        return risk->accounts.key_count;
    case QUERY_KIND_BALANCES:
        return query->account != 0 ? ASSET_MAX + 1 : risk->funds.count;
    case QUERY_KIND_HOLDS:
        return risk->holds.slots.fresh;
    default:
        return 0;
    }
}

static bool is_asked(const struct msg_query *query, uint32_t account, uint32_t symbol)
{
    return (query->account == 0 || account == 0 || query->account == account) &&
           (query->symbol == 0 || symbol == 0 || query->symbol == symbol);
}

static bool fill_symbol(const struct risk *risk, const struct msg_query *query,
                        uint32_t at, struct msg *row)
{
    const struct instrument_symbol *symbol = instrument_find(&risk->instruments, at);
    if (symbol == NULL || !is_asked(query, 0, at))
        return false;
    row->kind = MSG_symbol_set;
    row->symbol_set = symbol->set;
    return true;
}

static bool fill_asset(const struct risk *risk, uint32_t at, struct msg *row)
{
    const struct instrument_asset *asset = instrument_find_asset(&risk->instruments, at);
    if (asset == NULL)
        return false;
    row->kind = MSG_asset_set;
    row->asset_set = asset->set;
    return true;
}

static bool fill_account(const struct risk *risk, const struct msg_query *query,
                         uint32_t at, struct msg *row)
{
    const struct account *account = account_find(&risk->accounts, at);
    if (account == NULL || !is_asked(query, at, 0))
        return false;
    row->kind = MSG_account_set;
    row->account_set = account->set;
    return true;
}

static bool fill_key(const struct risk *risk, const struct msg_query *query, uint32_t at,
                     struct msg *row)
{
    const struct msg_key_set *key = &risk->accounts.keys[at];
    if (!is_asked(query, key->account, 0))
        return false;
    row->kind = MSG_key_set;
    row->key_set = *key;
    return true;
}

/* For one account the entries are the assets, else the balances themselves. */
static bool fill_balance(const struct risk *risk, const struct msg_query *query,
                         uint32_t at, struct msg *row)
{
    const uint32_t place =
        query->account != 0 ? funds_find(&risk->funds, query->account, at) : at;
    if (place == FUNDS_NONE)
        return false;
    const struct funds_balance *balance = &risk->funds.balances[place];
    row->kind = MSG_row_balance;
    row->row_balance = (struct msg_row_balance){
        .account = balance->account,
        .asset = balance->asset,
        .free = balance->free,
        .held = balance->held,
    };
    return true;
}

static bool fill_order(const struct risk *risk, const struct msg_query *query,
                       uint32_t at, struct msg *row)
{
    const struct hold_order *order = &risk->holds.orders[at];
    if (!pool_is_taken(&risk->holds.slots, at) ||
        !is_asked(query, order->account, order->symbol))
        return false;
    row->kind = MSG_row_order;
    row->row_order = (struct msg_row_order){
        .order_id = order->order_id,
        .account = order->account,
        .cl_ord_id = order->cl_ord_id,
        .symbol = order->symbol,
        .side = order->side,
        .ord_type = order->ord_type,
        .tif = order->tif,
        .price = order->price,
        .quantity = order->quantity,
        .cum_quantity = order->cum_quantity,
        .cum_quote = order->cum_quote,
        .leaves = hold_leaves(order),
        .status = order->status,
        .hold = order->held,
        .gseq = order->changed_gseq,
    };
    return true;
}

static bool fill(const struct risk *risk, const struct msg_query *query, uint32_t at,
                 struct msg *row)
{
    switch (query->kind) {
    case QUERY_KIND_SYMBOLS:
        return fill_symbol(risk, query, at, row);
    case QUERY_KIND_ASSETS:
        return fill_asset(risk, at, row);
    case QUERY_KIND_ACCOUNTS:
        return fill_account(risk, query, at, row);
    case QUERY_KIND_KEYS:
        return fill_key(risk, query, at, row);
    case QUERY_KIND_BALANCES:
        return fill_balance(risk, query, at, row);
    default:
        return fill_order(risk, query, at, row);
    }
}

void risk_query(const void *state, const struct msg_query *query,
                const struct core_rows *rows, struct core_answer *answer)
{
    (void)rows;
    const struct risk *risk = state;
    const uint64_t count = count_entries(risk, query);
    uint32_t given = 0;
    struct msg row;
    for (uint64_t at = query->cursor; at < count; at++) {
        answer->head.cursor = at;
        if (given == query->limit || at - query->cursor == SCAN_MAX)
            return;
        if (!fill(risk, query, (uint32_t)at, &row))
            continue;
        if (!core_answer_add(answer, &row))
            return;
        given++;
    }
    answer->head.cursor = 0;
}
