/* query.c - the read-only commands: one query, one table. */
#include <inttypes.h>
#include <stdio.h>

#include "deploy/cli/commands.h"
#include "deploy/cli/rows.h"

struct view {
    struct args args;
    struct rows rows;
    zex_client *client;
    uint32_t account; /* 0: the client's own */
    uint64_t gseq;    /* where the answer is true; 0: none yet */
};

static int parse(struct view *view, int argc, char **argv, const char *const *flags)
{
    *view = (struct view){0};
    return args_parse(&view->args, argc, argv, flags);
}

/* Connects, loads names; --account NAME looks at another's account. */
static int begin(struct view *view)
{
    int code = connect_open_unfed(&view->client, &view->args, "alice");
    if (code == ARGS_OK)
        code = catalog_load(&view->rows.catalog, view->client, &view->args);
    const char *account = args_flag(&view->args, "account");
    if (code == ARGS_OK && account != NULL) {
        const struct msg_account_set *found =
            catalog_find_account(&view->rows.catalog, account);
        if (found == NULL)
            return ARGS_FAILED;
        view->account = found->account;
    }
    return code;
}

/* With --show-gseq it says where the answer is true, for `as-of` to show it again. */
static int finish(struct view *view, int code)
{
    if (view->gseq != 0 && args_flag(&view->args, "show-gseq") != NULL)
        fprintf(stderr, "gseq %" PRIu64 "\n", view->gseq);
    if (view->rows.table != NULL)
        table_end(&view->rows.table);
    catalog_close(&view->rows.catalog);
    zex_client_destroy(&view->client);
    return code;
}

static const char *const list_flags[] = {"account=", "from=", "show-gseq", NULL};

/* The whole of a command that shows one kind of rows and takes no words. */
static int show(int argc, char **argv, const char *usage, int kind,
                const struct table_column *columns,
                void (*visit)(void *argument, const struct msg *row))
{
    struct view view;
    uint64_t from = 0;
    int code = parse(&view, argc, argv, list_flags);
    if (code == ARGS_OK && (!args_words(&view.args, 0, 0, usage) ||
                            !args_number(&view.args, "from", 0, &from)))
        code = ARGS_USAGE;
    if (code == ARGS_OK)
        code = begin(&view);
    if (code == ARGS_OK) {
        view.rows.table = table_begin(&view.args, columns);
        code = connect_query(
            view.client, &view.args,
            (struct zex_query){.kind = kind, .account = view.account, .cursor = from},
            &view.gseq, visit, &view.rows);
    }
    return finish(&view, code);
}

/* ---- orders ------------------------------------------------------------------------ */

int command_orders(int argc, char **argv)
{
    return show(argc, argv, "orders", QUERY_KIND_ORDERS, rows_order_columns,
                rows_add_order);
}

int command_order_status(int argc, char **argv)
{
    static const char *const flags[] = {"account=", "name=", NULL};
    struct view view;
    struct zex_query query = {.kind = QUERY_KIND_ORDER};
    int code = parse(&view, argc, argv, flags);
    if (code == ARGS_OK &&
        !args_order(&view.args, "order-status ORDER_ID | --name CL_ORD_ID",
                    &query.order_id, &query.cl_ord_id))
        code = ARGS_USAGE;
    if (code == ARGS_OK)
        code = begin(&view);
    if (code != ARGS_OK)
        return finish(&view, code);
    query.account = view.account;
    view.rows.table = table_begin(&view.args, rows_order_columns);
    code =
        connect_query(view.client, &view.args, query, NULL, rows_add_order, &view.rows);
    return finish(&view, code);
}

/* ---- trades, positions, balances, postings ----------------------------------------- */

int command_trades(int argc, char **argv)
{
    return show(argc, argv, "trades", QUERY_KIND_TRADES, rows_trade_columns,
                rows_add_trade);
}

int command_positions(int argc, char **argv)
{
    return show(argc, argv, "positions", QUERY_KIND_POSITIONS, rows_position_columns,
                rows_add_position);
}

int command_balances(int argc, char **argv)
{
    return show(argc, argv, "balances", QUERY_KIND_BALANCES, rows_balance_columns,
                rows_add_balance);
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
    const struct rows *rows = argument;
    const struct msg_row_posting *r = &row->row_posting;
    if (row->kind != MSG_row_posting)
        return;
    table_number(rows->table, (int64_t)r->gseq);
    table_number(rows->table, r->line);
    table_text(rows->table, catalog_account_name(&rows->catalog, r->account));
    table_text(rows->table, catalog_asset_name(&rows->catalog, r->asset));
    table_amount(rows->table, r->amount, catalog_asset_scale(&rows->catalog, r->asset));
    table_text(rows->table, catalog_value_name("posting", r->posting));
}

int command_postings(int argc, char **argv)
{
    return show(argc, argv, "postings", QUERY_KIND_POSTINGS, posting_columns,
                add_posting);
}

/* ---- book -------------------------------------------------------------------------- */

int command_book(int argc, char **argv)
{
    static const char *const flags[] = {"levels=", "account=", "show-gseq", NULL};
    static struct rows_levels levels;
    struct view view;
    uint64_t count;
    int code = parse(&view, argc, argv, flags);
    if (code == ARGS_OK &&
        (!args_words(&view.args, 1, 1, "book SYMBOL [--levels N]") ||
         !args_number_in(&view.args, "levels", 10, 1, ROWS_LEVELS_MAX, &count)))
        code = ARGS_USAGE;
    if (code == ARGS_OK)
        code = begin(&view);
    if (code != ARGS_OK)
        return finish(&view, code);
    const struct msg_symbol_set *symbol =
        catalog_find_symbol(&view.rows.catalog, view.args.words[0]);
    if (symbol == NULL)
        return finish(&view, ARGS_FAILED);
    code = connect_query(view.client, &view.args,
                         (struct zex_query){.kind = QUERY_KIND_BOOK,
                                            .symbol = symbol->symbol,
                                            .limit = (uint32_t)count},
                         &view.gseq, rows_add_level, &levels);
    if (code == ARGS_OK) {
        view.rows.table = table_begin(&view.args, rows_level_columns);
        rows_print_ladder(view.rows.table, symbol, &levels);
    }
    return finish(&view, code);
}

/* ---- status ------------------------------------------------------------------------ */

static const struct table_column service_columns[] = {
    {"service", TABLE_TEXT},    {"epoch", TABLE_NUMBER}, {"stream", TABLE_TEXT},
    {"position", TABLE_NUMBER}, {"lag", TABLE_NUMBER},   {"rate", TABLE_NUMBER},
    {"heard_ms", TABLE_NUMBER}, {"ready", TABLE_FLAG},   {NULL, 0},
};

static void add_service(void *argument, const struct msg *row)
{
    const struct rows *rows = argument;
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
    table_text(rows->table, name);
    table_number(rows->table, (int64_t)r->epoch);
    table_text(rows->table, stream);
    table_number(rows->table, (int64_t)r->next - 1);
    table_number(rows->table, (int64_t)r->lag);
    table_number(rows->table, (int64_t)r->rate);
    table_number(rows->table, (int64_t)r->age_ms);
    table_flag(rows->table, r->ready);
}

/* The sequencer's own: no service's absence may keep it from being seen, so no names. */
int command_status(int argc, char **argv)
{
    static const char *const flags[] = {"account=", NULL};
    struct view view;
    int code = parse(&view, argc, argv, flags);
    if (code == ARGS_OK && !args_words(&view.args, 0, 0, "status"))
        code = ARGS_USAGE;
    if (code == ARGS_OK)
        code = connect_open_unfed(&view.client, &view.args, "alice");
    if (code == ARGS_OK) {
        view.rows.table = table_begin(&view.args, service_columns);
        code = connect_query(view.client, &view.args,
                             (struct zex_query){.kind = QUERY_KIND_STATUS}, NULL,
                             add_service, &view.rows);
    }
    return finish(&view, code);
}
