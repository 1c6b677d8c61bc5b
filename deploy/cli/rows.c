/* rows.c - see rows.h. */
#include "deploy/cli/rows.h"

#include "proto/codec.h"

const struct table_column rows_order_columns[] = {
    {"order_id", TABLE_NUMBER},
    {"cl_ord_id", TABLE_NUMBER},
    {"symbol", TABLE_TEXT},
    {"side", TABLE_TEXT},
    {"price", TABLE_AMOUNT},
    {"quantity", TABLE_AMOUNT},
    {"filled", TABLE_AMOUNT},
    {"left", TABLE_AMOUNT},
    {"status", TABLE_TEXT},
    {"reason", TABLE_TEXT},
    {NULL, 0},
};

void rows_add_order(void *argument, const struct msg *row)
{
    const struct rows *rows = argument;
    const struct msg_row_order *r = &row->row_order;
    if (row->kind != MSG_row_order)
        return;
    const struct msg_symbol_set *s = &rows->catalog.symbols[r->symbol];
    table_number(rows->table, (int64_t)r->order_id);
    table_number(rows->table, (int64_t)r->cl_ord_id);
    table_text(rows->table, catalog_symbol_name(&rows->catalog, r->symbol));
    table_text(rows->table, r->side == SIDE_BUY ? "buy" : "sell");
    table_amount(rows->table, r->price, s->price_scale);
    table_amount(rows->table, r->quantity, s->quantity_scale);
    table_amount(rows->table, r->cum_quantity, s->quantity_scale);
    table_amount(rows->table, r->leaves, s->quantity_scale);
    table_text(rows->table, catalog_value_name("ord_status", r->status));
    table_text(rows->table, r->reason == 0 ? "" : zex_reason_name(r->reason));
}

const struct table_column rows_trade_columns[] = {
    {"gseq", TABLE_NUMBER},     {"symbol", TABLE_TEXT},
    {"trade_id", TABLE_NUMBER}, {"side", TABLE_TEXT},
    {"price", TABLE_AMOUNT},    {"quantity", TABLE_AMOUNT},
    {"fee", TABLE_AMOUNT},      {"role", TABLE_TEXT},
    {"order_id", TABLE_NUMBER}, {NULL, 0},
};

static void add_fill(const struct rows *rows, uint64_t gseq, const struct msg_fill *f)
{
    const struct msg_symbol_set *s = &rows->catalog.symbols[f->symbol];
    table_number(rows->table, (int64_t)gseq);
    table_text(rows->table, catalog_symbol_name(&rows->catalog, f->symbol));
    table_number(rows->table, (int64_t)f->trade_id);
    table_text(rows->table, f->side == SIDE_BUY ? "buy" : "sell");
    table_amount(rows->table, f->price, s->price_scale);
    table_amount(rows->table, f->quantity, s->quantity_scale);
    table_amount(rows->table, f->fee, catalog_asset_scale(&rows->catalog, s->quote));
    table_text(rows->table, f->maker ? "maker" : "taker");
    table_number(rows->table, (int64_t)f->order_id);
}

void rows_add_trade(void *argument, const struct msg *row)
{
    const struct msg_row_report *r = &row->row_report;
    if (row->kind != MSG_row_report)
        return;
    struct msg body;
    for (size_t at = 0, used = 0;
         at < r->body_size &&
         codec_decode(r->body + at, r->body_size - at, &body, &used) == 0;
         at += used)
        if (body.kind == MSG_fill)
            add_fill(argument, r->gseq, &body.fill);
}

const struct table_column rows_position_columns[] = {
    {"symbol", TABLE_TEXT},     {"quantity", TABLE_AMOUNT},
    {"cost", TABLE_AMOUNT},     {"last", TABLE_AMOUNT},
    {"realised", TABLE_AMOUNT}, {"unrealised", TABLE_AMOUNT},
    {"fees", TABLE_AMOUNT},     {NULL, 0},
};

void rows_add_position(void *argument, const struct msg *row)
{
    const struct rows *rows = argument;
    const struct msg_row_position *r = &row->row_position;
    if (row->kind != MSG_row_position)
        return;
    const struct msg_symbol_set *s = &rows->catalog.symbols[r->symbol];
    uint32_t scale = catalog_asset_scale(&rows->catalog, s->quote);
    table_text(rows->table, catalog_symbol_name(&rows->catalog, r->symbol));
    table_amount(rows->table, r->quantity, s->quantity_scale);
    table_amount(rows->table, r->cost, scale);
    table_amount(rows->table, r->last_price, s->price_scale);
    table_amount(rows->table, r->realised, scale);
    table_amount(rows->table, r->unrealised, scale);
    table_amount(rows->table, r->fees, scale);
}

const struct table_column rows_balance_columns[] = {
    {"account", TABLE_TEXT},
    {"asset", TABLE_TEXT},
    {"free", TABLE_AMOUNT},
    {"held", TABLE_AMOUNT},
    {NULL, 0},
};

void rows_add_balance(void *argument, const struct msg *row)
{
    const struct rows *rows = argument;
    const struct msg_row_balance *r = &row->row_balance;
    if (row->kind != MSG_row_balance)
        return;
    uint32_t scale = catalog_asset_scale(&rows->catalog, r->asset);
    table_text(rows->table, catalog_account_name(&rows->catalog, r->account));
    table_text(rows->table, catalog_asset_name(&rows->catalog, r->asset));
    table_amount(rows->table, r->free, scale);
    table_amount(rows->table, r->held, scale);
}

const struct table_column rows_level_columns[] = {
    {"side", TABLE_TEXT},
    {"price", TABLE_AMOUNT},
    {"quantity", TABLE_AMOUNT},
    {"orders", TABLE_NUMBER},
    {NULL, 0},
};

void rows_add_level(void *argument, const struct msg *row)
{
    struct rows_levels *levels = argument;
    if (row->kind == MSG_row_level && levels->count < 2 * ROWS_LEVELS_MAX)
        levels->rows[levels->count++] = row->row_level;
}

static void print_level(struct table *table, const struct msg_symbol_set *symbol,
                        const struct msg_row_level *r)
{
    table_text(table, r->side == SIDE_BUY ? "bid" : "ask");
    table_amount(table, r->price, symbol->price_scale);
    table_amount(table, r->quantity, symbol->quantity_scale);
    table_number(table, r->orders);
}

void rows_print_ladder(struct table *table, const struct msg_symbol_set *symbol,
                       const struct rows_levels *levels)
{
    for (uint32_t i = levels->count; i-- > 0;)
        if (levels->rows[i].side == SIDE_SELL)
            print_level(table, symbol, &levels->rows[i]);
    for (uint32_t i = 0; i < levels->count; i++)
        if (levels->rows[i].side == SIDE_BUY)
            print_level(table, symbol, &levels->rows[i]);
}
