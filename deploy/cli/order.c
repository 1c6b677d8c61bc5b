/* order.c - order, cancel, replace, withdraw: one command, its outcome, its exit code. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "deploy/cli/catalog.h"
#include "deploy/cli/commands.h"
#include "deploy/cli/report.h"

static zex_client *begin(struct args *args, struct catalog *catalog, int *code)
{
    zex_client *client = NULL;
    *code = connect_open(&client, args, "alice", NULL);
    if (*code == ARGS_OK)
        *code = catalog_load(catalog, client, args);
    return client;
}

static int finish(zex_client *client, struct catalog *catalog, int code)
{
    catalog_close(catalog);
    zex_client_destroy(&client);
    return code;
}

enum { GLANCE_MS = 1000 };

/* Fills that came with an order that may rest: the shard says them in one go with it, so
 * they are here before its answer to a question asked now, whatever that is. */
static void glance(zex_client *client, const struct args *args,
                   const struct catalog *catalog, const struct zex_event *resting)
{
    const struct zex_query query = {
        .kind = QUERY_KIND_BOOK, .symbol = resting->symbol, .limit = 1};
    const uint64_t cl_ord_id = resting->cl_ord_id;
    struct zex_answer answer;
    struct zex_event event;
    (void)zex_query(client, &query, &answer, GLANCE_MS);
    while (zex_client_wait(client, &event, 0) == ZEX_OK)
        if (event.cl_ord_id == cl_ord_id)
            report_print(args, catalog, &event);
}

/* An order or a replace under way: its refusal tells no side, and perhaps no symbol. */
struct sent {
    uint64_t cl_ord_id;
    uint32_t symbol;
    int side;
};

/* Prints events of the command until it can change no more at once. */
static int follow(zex_client *client, const struct args *args,
                  const struct catalog *catalog, const struct sent *sent, bool is_taker)
{
    struct zex_event event;
    int status;
    while ((status = zex_client_wait(client, &event, args->timeout_ms)) == ZEX_OK) {
        if (event.cl_ord_id != sent->cl_ord_id && event.type != ZEX_EVENT_ALARM)
            continue;
        if (event.type == ZEX_EVENT_REJECTED || event.type == ZEX_EVENT_CANCEL_REJECTED) {
            event.symbol = sent->symbol;
            event.side = sent->side;
        }
        report_print(args, catalog, &event);
        switch (event.type) {
        case ZEX_EVENT_REJECTED:
        case ZEX_EVENT_CANCEL_REJECTED:
        case ZEX_EVENT_ALARM:
            return ARGS_FAILED;
        case ZEX_EVENT_TRADE:
            if (event.leaves == 0)
                return ARGS_OK;
            break;
        case ZEX_EVENT_ORDER:
        case ZEX_EVENT_REPLACED:
            if (is_taker)
                break;
            glance(client, args, catalog, &event);
            return ARGS_OK;
        case ZEX_EVENT_CANCELLED:
            return ARGS_OK;
        default:
            break;
        }
    }
    if (status != ZEX_ERR_TIMEOUT)
        return args_fail("%s", zex_client_error(client));
    args_fail("no answer in time; ask: zex order-status --name %" PRIu64,
              sent->cl_ord_id);
    return ARGS_UNAVAILABLE;
}

static bool parse_quantity(const char *word, const struct msg_symbol_set *symbol,
                           int64_t *quantity)
{
    return args_decimal(word, "quantity", symbol->name, symbol->quantity_scale,
                        QUANTITY_MAX, quantity);
}

static bool parse_price(const char *word, const struct msg_symbol_set *symbol,
                        int64_t *price)
{
    return args_decimal(word, "price", symbol->name, symbol->price_scale, PRICE_MAX,
                        price);
}

static int place(zex_client *client, struct args *args, const struct catalog *catalog)
{
    const struct msg_symbol_set *symbol = catalog_find_symbol(catalog, args->words[1]);
    if (symbol == NULL)
        return ARGS_FAILED;
    bool market = args->word_count == 3, fok = args_flag(args, "fok") != NULL;
    bool ioc = args_flag(args, "ioc") != NULL;
    struct zex_order order = {.symbol = symbol->symbol,
                              .side = strcmp(args->words[0], "buy") == 0 ? ZEX_SIDE_BUY
                                                                         : ZEX_SIDE_SELL,
                              .type = market ? ZEX_MARKET : ZEX_LIMIT,
                              .time_in_force = fok             ? ZEX_FOK
                                               : ioc || market ? ZEX_IOC
                                                               : ZEX_GTC,
                              .post_only = args_flag(args, "post-only") != NULL};
    if (!parse_quantity(args->words[2], symbol, &order.quantity) ||
        (!market && !parse_price(args->words[3], symbol, &order.price)))
        return ARGS_USAGE;
    struct sent sent = {.symbol = order.symbol, .side = order.side};
    if (zex_order_place(client, &order, &sent.cl_ord_id) != ZEX_OK)
        return args_usage("%s", zex_client_error(client));
    return follow(client, args, catalog, &sent, order.time_in_force != ZEX_GTC);
}

static const char order_usage[] =
    "order buy|sell SYMBOL QUANTITY [PRICE] [--ioc|--fok] [--post-only]";

int command_order(int argc, char **argv)
{
    static const char *const flags[] = {"ioc", "fok", "post-only", "account=", NULL};
    struct args args;
    struct catalog catalog = {0};
    int code = args_parse(&args, argc, argv, flags);
    if (code != ARGS_OK)
        return code;
    if (!args_words(&args, 3, 4, order_usage))
        return ARGS_USAGE;
    if (strcmp(args.words[0], "buy") != 0 && strcmp(args.words[0], "sell") != 0)
        return args_usage("'%s' is neither buy nor sell", args.words[0]);
    if (args_flag(&args, "ioc") != NULL && args_flag(&args, "fok") != NULL)
        return args_usage("--ioc or --fok, not both");
    zex_client *client = begin(&args, &catalog, &code);
    if (code == ARGS_OK)
        code = place(client, &args, &catalog);
    return finish(client, &catalog, code);
}

/* The order as the command line named it, and the name of the request. */
struct cancelled {
    uint64_t order_id, orig_cl_ord_id, request;
};

static int follow_cancel(zex_client *client, const struct args *args,
                         const struct catalog *catalog, const struct cancelled *c)
{
    struct zex_event event;
    int status;
    while ((status = zex_client_wait(client, &event, args->timeout_ms)) == ZEX_OK) {
        const bool is_gone =
            event.type == ZEX_EVENT_CANCELLED &&
            (event.order_id == c->order_id || event.cl_ord_id == c->orig_cl_ord_id);
        const bool is_refused =
            (event.type == ZEX_EVENT_CANCEL_REJECTED && event.cl_ord_id == c->request) ||
            event.type == ZEX_EVENT_ALARM;
        if (!is_gone && !is_refused)
            continue;
        report_print(args, catalog, &event);
        return is_refused ? ARGS_FAILED : ARGS_OK;
    }
    if (status != ZEX_ERR_TIMEOUT)
        return args_fail("%s", zex_client_error(client));
    args_fail("no answer in time; the outcome is unknown");
    return ARGS_UNAVAILABLE;
}

int command_cancel(int argc, char **argv)
{
    static const char *const flags[] = {"name=", "account=", NULL};
    struct args args;
    struct catalog catalog = {0};
    uint64_t order_id, orig_cl_ord_id, cl_ord_id;
    int code = args_parse(&args, argc, argv, flags);
    if (code != ARGS_OK)
        return code;
    if (!args_order(&args, "cancel ORDER_ID | --name CL_ORD_ID", &order_id,
                    &orig_cl_ord_id))
        return ARGS_USAGE;
    zex_client *client = begin(&args, &catalog, &code);
    if (code == ARGS_OK &&
        zex_order_cancel(client, order_id, orig_cl_ord_id, &cl_ord_id) != 0)
        code = args_usage("%s", zex_client_error(client));
    if (code == ARGS_OK)
        code = follow_cancel(client, &args, &catalog,
                             &(struct cancelled){order_id, orig_cl_ord_id, cl_ord_id});
    return finish(client, &catalog, code);
}

static void take_order(void *argument, const struct msg *row)
{
    struct sent *sent = argument;
    if (row->kind != MSG_row_order)
        return;
    sent->symbol = row->row_order.symbol;
    sent->side = row->row_order.side;
}

static int replace(zex_client *client, struct args *args, const struct catalog *catalog,
                   uint64_t order_id)
{
    struct sent sent = {0};
    int code = connect_query(
        client, args, (struct zex_query){.kind = QUERY_KIND_ORDER, .order_id = order_id},
        NULL, take_order, &sent);
    if (code != ARGS_OK)
        return args_fail("what to replace is not known; nothing was sent");
    const struct msg_symbol_set *symbol = &catalog->symbols[sent.symbol];
    int64_t quantity, price;
    if (!parse_quantity(args->words[1], symbol, &quantity) ||
        !parse_price(args->words[2], symbol, &price))
        return ARGS_USAGE;
    if (zex_order_replace(client, order_id, 0, price, quantity, &sent.cl_ord_id) !=
        ZEX_OK)
        return args_usage("%s", zex_client_error(client));
    return follow(client, args, catalog, &sent, false);
}

int command_replace(int argc, char **argv)
{
    static const char *const flags[] = {"account=", NULL};
    struct args args;
    struct catalog catalog = {0};
    uint64_t order_id;
    int code = args_parse(&args, argc, argv, flags);
    if (code != ARGS_OK)
        return code;
    if (!args_words(&args, 3, 3, "replace ORDER_ID QUANTITY PRICE") ||
        !args_id(args.words[0], "order id", &order_id))
        return ARGS_USAGE;
    zex_client *client = begin(&args, &catalog, &code);
    if (code == ARGS_OK)
        code = replace(client, &args, &catalog, order_id);
    return finish(client, &catalog, code);
}

int command_withdraw(int argc, char **argv)
{
    static const char *const flags[] = {"account=", NULL};
    struct args args;
    struct catalog catalog = {0};
    struct outcome outcome;
    uint64_t reference;
    int code = args_parse(&args, argc, argv, flags);
    if (code != ARGS_OK)
        return code;
    if (!args_words(&args, 3, 3, "withdraw ASSET AMOUNT REFERENCE") ||
        !args_id(args.words[2], "reference", &reference))
        return ARGS_USAGE;
    zex_client *client = begin(&args, &catalog, &code);
    const struct msg_asset_set *asset = NULL;
    if (code == ARGS_OK && (asset = catalog_find_asset(&catalog, args.words[0])) == NULL)
        code = ARGS_FAILED;
    struct msg command = {.kind = MSG_withdraw, .withdraw = {.reference = reference}};
    if (code == ARGS_OK &&
        !args_decimal(args.words[1], "amount", asset->name, asset->scale, MONEY_MAX,
                      &command.withdraw.amount))
        code = ARGS_USAGE;
    if (code == ARGS_OK) {
        command.withdraw.account = zex_client_account(client);
        command.withdraw.asset = asset->asset;
        code = connect_command(client, &args, &command, &outcome);
    }
    if (code == ARGS_OK) {
        if (outcome.event.type == ZEX_EVENT_REFUSED)
            outcome.event.asset = asset->asset;
        code = report_outcome(&args, &catalog, &outcome);
    }
    return finish(client, &catalog, code);
}
