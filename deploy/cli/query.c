/* query.c - the read-only commands: one query, one table. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/cli/catalog.h"
#include "deploy/cli/commands.h"
#include "deploy/cli/table.h"
#include "proto/codec.h"

struct view {
    struct args args;
    struct catalog catalog;
    zex_client *client;
    struct table *table;
    uint32_t account;
};

/* Parses, connects without a feed, loads names; --account NAME looks at another's
 * account. */
static int begin(struct view *view, int argc, char **argv, const char *const *flags,
                 const char *as)
{
    struct zex_options options;
    *view = (struct view){0};
    int code = args_parse(&view->args, argc, argv, flags);
    if (code != ARGS_OK)
        return code;
    zex_options_init(&options);
    options.follow_feed = 0;
    view->client = connect_open(&view->args, as, &options);
    if (view->client == NULL)
        return ARGS_UNAVAILABLE;
    code = catalog_load(&view->catalog, view->client, &view->args);
    const char *account = args_flag(&view->args, "account");
    if (code == ARGS_OK && account != NULL) {
        const struct msg_account_set *found =
            catalog_find_account(&view->catalog, account);
        if (found == NULL)
            return ARGS_FAILED;
        view->account = found->account;
    }
    return code;
}

static int finish(struct view *view, int code)
{
    if (view->table != NULL)
        table_end(&view->table);
    catalog_close(&view->catalog);
    zex_client_destroy(&view->client);
    return code;
}

/* The whole of a command that shows one kind of rows. */
static int show(int argc, char **argv, const char *const *flags, int kind,
                const struct table_column *columns,
                void (*visit)(void *argument, const struct msg *row))
{
    struct view view;
    uint64_t from = 0;
    int code = begin(&view, argc, argv, flags, "alice");
    if (code == ARGS_OK && !args_number(&view.args, "from", 0, &from))
        code = ARGS_USAGE;
    if (code == ARGS_OK) {
        view.table = table_begin(&view.args, columns);
        code = connect_query(
            view.client, &view.args,
            (struct zex_query){.kind = kind, .account = view.account, .cursor = from},
            NULL, visit, &view);
    }
    return finish(&view, code);
}

static const char *const account_flags[] = {"account=", "from=", NULL};

/* ---- orders
 * ----------------------------------------------------------------------------- */

static const struct table_column order_columns[] = {
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

static void add_order(void *argument, const struct msg *row)
{
    struct view *view = argument;
    const struct msg_row_order *r = &row->row_order;
    if (row->kind != MSG_row_order)
        return;
    const struct msg_symbol_set *s = &view->catalog.symbols[r->symbol];
    table_number(view->table, (int64_t)r->order_id);
    table_number(view->table, (int64_t)r->cl_ord_id);
    table_text(view->table, catalog_symbol_name(&view->catalog, r->symbol));
    table_text(view->table, r->side == SIDE_BUY ? "buy" : "sell");
    table_amount(view->table, r->price, s->price_scale);
    table_amount(view->table, r->quantity, s->quantity_scale);
    table_amount(view->table, r->cum_quantity, s->quantity_scale);
    table_amount(view->table, r->leaves, s->quantity_scale);
    table_text(view->table, catalog_value_name("ord_status", r->status));
    table_text(view->table, r->reason == 0 ? "" : zex_reason_name(r->reason));
}

int command_orders(int argc, char **argv)
{
    return show(argc, argv, account_flags, QUERY_KIND_ORDERS, order_columns, add_order);
}

int command_order_status(int argc, char **argv)
{
    static const char *const flags[] = {"account=", "name=", NULL};
    struct view view;
    struct zex_query query = {.kind = QUERY_KIND_ORDER};
    int code = begin(&view, argc, argv, flags, "alice");
    if (code != ARGS_OK)
        return finish(&view, code);
    query.account = view.account;
    query.order_id =
        view.args.word_count > 0 ? strtoull(view.args.words[0], NULL, 10) : 0;
    if (!args_number(&view.args, "name", 0, &query.cl_ord_id) ||
        (query.order_id == 0 && query.cl_ord_id == 0))
        return finish(&view, args_usage("order-status ORDER_ID, or --name CL_ORD_ID"));
    view.table = table_begin(&view.args, order_columns);
    code = connect_query(view.client, &view.args, query, NULL, add_order, &view);
    return finish(&view, code);
}

/* ---- trades, positions, balances, postings
 * ---------------------------------------------- */

static const struct table_column trade_columns[] = {
    {"gseq", TABLE_NUMBER},     {"symbol", TABLE_TEXT},
    {"trade_id", TABLE_NUMBER}, {"side", TABLE_TEXT},
    {"price", TABLE_AMOUNT},    {"quantity", TABLE_AMOUNT},
    {"fee", TABLE_AMOUNT},      {"role", TABLE_TEXT},
    {"order_id", TABLE_NUMBER}, {NULL, 0},
};

static void add_trade(void *argument, const struct msg *row)
{
    struct view *view = argument;
    struct msg body;
    size_t used = 0;
    if (row->kind != MSG_row_report ||
        codec_decode(row->row_report.body, row->row_report.body_size, &body, &used) !=
            0 ||
        body.kind != MSG_trade)
        return;
    const struct msg_trade *t = &body.trade;
    const struct msg_symbol_set *s = &view->catalog.symbols[t->symbol];
    uint32_t account =
        view->account != 0 ? view->account : zex_client_account(view->client);
    bool maker = t->taker_account != account;
    bool buy = (t->taker_side == SIDE_BUY) != maker;
    table_number(view->table, (int64_t)row->row_report.gseq);
    table_text(view->table, catalog_symbol_name(&view->catalog, t->symbol));
    table_number(view->table, (int64_t)t->trade_id);
    table_text(view->table, buy ? "buy" : "sell");
    table_amount(view->table, t->price, s->price_scale);
    table_amount(view->table, t->quantity, s->quantity_scale);
    table_amount(view->table, maker ? t->maker_fee : t->taker_fee,
                 catalog_asset_scale(&view->catalog, s->quote));
    table_text(view->table, maker ? "maker" : "taker");
    table_number(view->table, (int64_t)(maker ? t->maker_order_id : t->taker_order_id));
}

int command_trades(int argc, char **argv)
{
    return show(argc, argv, account_flags, QUERY_KIND_TRADES, trade_columns, add_trade);
}

static const struct table_column position_columns[] = {
    {"symbol", TABLE_TEXT},     {"quantity", TABLE_AMOUNT},
    {"cost", TABLE_AMOUNT},     {"last", TABLE_AMOUNT},
    {"realised", TABLE_AMOUNT}, {"unrealised", TABLE_AMOUNT},
    {"fees", TABLE_AMOUNT},     {NULL, 0},
};

static void add_position(void *argument, const struct msg *row)
{
    struct view *view = argument;
    const struct msg_row_position *r = &row->row_position;
    if (row->kind != MSG_row_position)
        return;
    const struct msg_symbol_set *s = &view->catalog.symbols[r->symbol];
    uint32_t scale = catalog_asset_scale(&view->catalog, s->quote);
    table_text(view->table, catalog_symbol_name(&view->catalog, r->symbol));
    table_amount(view->table, r->quantity, s->quantity_scale);
    table_amount(view->table, r->cost, scale);
    table_amount(view->table, r->last_price, s->price_scale);
    table_amount(view->table, r->realised, scale);
    table_amount(view->table, r->unrealised, scale);
    table_amount(view->table, r->fees, scale);
}

int command_positions(int argc, char **argv)
{
    return show(argc, argv, account_flags, QUERY_KIND_POSITIONS, position_columns,
                add_position);
}

static const struct table_column balance_columns[] = {
    {"account", TABLE_TEXT},
    {"asset", TABLE_TEXT},
    {"free", TABLE_AMOUNT},
    {"held", TABLE_AMOUNT},
    {NULL, 0},
};

static void add_balance(void *argument, const struct msg *row)
{
    struct view *view = argument;
    const struct msg_row_balance *r = &row->row_balance;
    if (row->kind != MSG_row_balance)
        return;
    uint32_t scale = catalog_asset_scale(&view->catalog, r->asset);
    table_text(view->table, catalog_account_name(&view->catalog, r->account));
    table_text(view->table, catalog_asset_name(&view->catalog, r->asset));
    table_amount(view->table, r->free, scale);
    table_amount(view->table, r->held, scale);
}

int command_balances(int argc, char **argv)
{
    return show(argc, argv, account_flags, QUERY_KIND_BALANCES, balance_columns,
                add_balance);
}

static const struct table_column posting_columns[] = {
    {"gseq", TABLE_NUMBER},
    {"line", TABLE_NUMBER},
    {"account", TABLE_TEXT},
    {"asset", TABLE_TEXT},
    {"amount", TABLE_AMOUNT},
    {"why", TABLE_TEXT},
    {NULL, 0},
};

static void add_posting(void *argument, const struct msg *row)
{
    struct view *view = argument;
    const struct msg_row_posting *r = &row->row_posting;
    if (row->kind != MSG_row_posting)
        return;
    table_number(view->table, (int64_t)r->gseq);
    table_number(view->table, r->line);
    table_text(view->table, catalog_account_name(&view->catalog, r->account));
    table_text(view->table, catalog_asset_name(&view->catalog, r->asset));
    table_amount(view->table, r->amount, catalog_asset_scale(&view->catalog, r->asset));
    table_text(view->table, catalog_value_name("posting", r->posting));
}

int command_postings(int argc, char **argv)
{
    return show(argc, argv, account_flags, QUERY_KIND_POSTINGS, posting_columns,
                add_posting);
}

/* ---- book
 * ------------------------------------------------------------------------------- */

static const struct table_column level_columns[] = {
    {"side", TABLE_TEXT},
    {"price", TABLE_AMOUNT},
    {"quantity", TABLE_AMOUNT},
    {"orders", TABLE_NUMBER},
    {NULL, 0},
};

enum { LEVELS_MAX = 1000 };

struct levels {
    struct msg_row_level rows[2 * LEVELS_MAX];
    uint32_t count;
};

static void add_level(void *argument, const struct msg *row)
{
    struct levels *levels = argument;
    if (row->kind == MSG_row_level && levels->count < 2 * LEVELS_MAX)
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

/* Asks from the far end down to the best, then bids: as a ladder reads. */
static void print_ladder(struct table *table, const struct msg_symbol_set *symbol,
                         const struct levels *levels)
{
    for (uint32_t i = levels->count; i-- > 0;)
        if (levels->rows[i].side == SIDE_SELL)
            print_level(table, symbol, &levels->rows[i]);
    for (uint32_t i = 0; i < levels->count; i++)
        if (levels->rows[i].side == SIDE_BUY)
            print_level(table, symbol, &levels->rows[i]);
}

int command_book(int argc, char **argv)
{
    static const char *const flags[] = {"levels=", "account=", NULL};
    static struct levels levels;
    struct view view;
    uint64_t count;
    int code = begin(&view, argc, argv, flags, "alice");
    if (code != ARGS_OK)
        return finish(&view, code);
    if (view.args.word_count != 1 || !args_number(&view.args, "levels", 10, &count) ||
        count < 1 || count > LEVELS_MAX)
        return finish(&view, args_usage("book SYMBOL [--levels 1..%d]", LEVELS_MAX));
    const struct msg_symbol_set *symbol =
        catalog_find_symbol(&view.catalog, view.args.words[0]);
    if (symbol == NULL)
        return finish(&view, ARGS_FAILED);
    code = connect_query(view.client, &view.args,
                         (struct zex_query){.kind = QUERY_KIND_BOOK,
                                            .symbol = symbol->symbol,
                                            .limit = (uint32_t)count},
                         NULL, add_level, &levels);
    if (code == ARGS_OK) {
        view.table = table_begin(&view.args, level_columns);
        print_ladder(view.table, symbol, &levels);
    }
    return finish(&view, code);
}

/* ---- status
 * ----------------------------------------------------------------------------- */

static const struct table_column service_columns[] = {
    {"service", TABLE_TEXT},    {"epoch", TABLE_NUMBER}, {"stream", TABLE_TEXT},
    {"position", TABLE_NUMBER}, {"lag", TABLE_NUMBER},   {"rate", TABLE_NUMBER},
    {"heard_ms", TABLE_NUMBER}, {"ready", TABLE_TEXT},   {NULL, 0},
};

static void add_service(void *argument, const struct msg *row)
{
    struct view *view = argument;
    const struct msg_row_service *r = &row->row_service;
    char name[32], stream[32];
    if (row->kind != MSG_row_service)
        return;
    if (-r->source >= SERVICE_SHARD)
        snprintf(name, sizeof name, "shard %" PRId64, -r->source - SERVICE_SHARD);
    else
        snprintf(name, sizeof name, "%s",
                 catalog_value_name("service", (uint64_t)-r->source));
    if (r->stream == 0)
        snprintf(stream, sizeof stream, "log");
    else
        snprintf(stream, sizeof stream, "approved.%" PRIu32, r->stream - 1);
    table_text(view->table, name);
    table_number(view->table, (int64_t)r->epoch);
    table_text(view->table, stream);
    table_number(view->table, (int64_t)r->next - 1);
    table_number(view->table, (int64_t)r->lag);
    table_number(view->table, (int64_t)r->rate);
    table_number(view->table, (int64_t)r->age_ms);
    table_text(view->table, r->ready ? "yes" : "no");
}

int command_status(int argc, char **argv)
{
    return show(argc, argv, account_flags, QUERY_KIND_STATUS, service_columns,
                add_service);
}
