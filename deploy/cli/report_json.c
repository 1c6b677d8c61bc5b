/* report_json.c - the protocol's own JSON, its numbers scaled and named by field. */
#include "deploy/cli/report_json.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "deploy/cli/decimal.h"
#include "proto/json.h"

/* What the number of a field means. */
enum unit {
    UNIT_PRICE,
    UNIT_QUANTITY,
    UNIT_QUOTE,
    UNIT_FEE,    /* of fee_asset */
    UNIT_HOLD,   /* a buy's quote, a sell's base */
    UNIT_AMOUNT, /* of asset */
    UNIT_SYMBOL,
    UNIT_ASSET,
    UNIT_ACCOUNT,
    UNIT_REASON,
};

static const struct {
    const char *field;
    enum unit unit;
} units[] = {
    {"price", UNIT_PRICE},
    {"reference_price", UNIT_PRICE},
    {"tick", UNIT_PRICE},
    {"quantity", UNIT_QUANTITY},
    {"cum_quantity", UNIT_QUANTITY},
    {"leaves", UNIT_QUANTITY},
    {"quantity_max", UNIT_QUANTITY},
    {"lot", UNIT_QUANTITY},
    {"quote", UNIT_QUOTE},
    {"cum_quote", UNIT_QUOTE},
    {"notional_min", UNIT_QUOTE},
    {"notional_max", UNIT_QUOTE},
    {"fee", UNIT_FEE},
    {"hold", UNIT_HOLD},
    {"amount", UNIT_AMOUNT},
    {"symbol", UNIT_SYMBOL},
    {"asset", UNIT_ASSET},
    {"fee_asset", UNIT_ASSET},
    {"base", UNIT_ASSET},
    {"account", UNIT_ACCOUNT},
    {"by", UNIT_ACCOUNT},
    {"reason", UNIT_REASON},
};

/* The message that holds the field: whose scales count. */
struct context {
    const struct catalog *catalog;
    const struct msg_symbol_set *symbol; /* NULL: none, or unknown */
    uint32_t asset, fee_asset;
    bool is_buy;
};

/* proto/json.h writes integers beyond 2^53 as strings. */
static int64_t read_number(const json_t *value)
{
    return json_is_string(value) ? strtoll(json_string_value(value), NULL, 10)
                                 : json_integer_value(value);
}

static const struct msg_symbol_set *find_symbol(const struct catalog *catalog,
                                                int64_t symbol)
{
    return symbol >= 1 && symbol <= SYMBOL_MAX && catalog->symbols[symbol].symbol != 0
               ? &catalog->symbols[symbol]
               : NULL;
}

static struct context make_context(const struct catalog *catalog, const json_t *row)
{
    const char *side = json_string_value(json_object_get(row, "side"));
    struct context context = {
        .catalog = catalog,
        .symbol = find_symbol(catalog, read_number(json_object_get(row, "symbol"))),
        .asset = (uint32_t)read_number(json_object_get(row, "asset")),
        .fee_asset = (uint32_t)read_number(json_object_get(row, "fee_asset")),
        .is_buy = side != NULL && strcmp(side, "BUY") == 0,
    };
    if (context.fee_asset == 0 && context.symbol != NULL)
        context.fee_asset = context.symbol->quote;
    return context;
}

static json_t *make_name(const char *name)
{
    const bool is_known = strcmp(name, "?") != 0 && strcmp(name, "-") != 0;
    return is_known ? json_string(name) : NULL;
}

static json_t *make_amount(const struct catalog *catalog, int64_t number, uint32_t asset)
{
    char text[DECIMAL_TEXT];
    if (strcmp(catalog_asset_name(catalog, asset), "?") == 0)
        return NULL;
    return json_string(decimal_format(text, number, catalog_asset_scale(catalog, asset)));
}

static json_t *make_decimal(const struct context *context, enum unit unit, int64_t number)
{
    char text[DECIMAL_TEXT];
    const struct msg_symbol_set *symbol = context->symbol;
    if (unit == UNIT_AMOUNT)
        return make_amount(context->catalog, number, context->asset);
    if (symbol == NULL)
        return NULL;
    if (unit == UNIT_PRICE)
        return json_string(decimal_format(text, number, symbol->price_scale));
    if (unit == UNIT_QUANTITY || (unit == UNIT_HOLD && !context->is_buy))
        return json_string(decimal_format(text, number, symbol->quantity_scale));
    return make_amount(context->catalog, number,
                       unit == UNIT_FEE ? context->fee_asset : symbol->quote);
}

/* The value in words or decimals; NULL: stays as it is. */
static json_t *make_value(const struct context *context, enum unit unit, int64_t number)
{
    switch (unit) {
    case UNIT_SYMBOL:
        return make_name(catalog_symbol_name(context->catalog, (uint32_t)number));
    case UNIT_ASSET:
        return make_name(catalog_asset_name(context->catalog, (uint32_t)number));
    case UNIT_ACCOUNT:
        return make_name(catalog_account_name(context->catalog, (uint32_t)number));
    case UNIT_REASON:
        return number != 0 ? json_string(zex_reason_name((int)number)) : NULL;
    default:
        return make_decimal(context, unit, number);
    }
}

static void translate(const struct catalog *catalog, json_t *row);

static void translate_nested(const struct catalog *catalog, json_t *row)
{
    const char *key;
    json_t *value;
    json_object_foreach(row, key, value)
    {
        size_t i;
        json_t *part;
        if (json_is_object(value))
            translate(catalog, value);
        json_array_foreach(value, i, part) translate(catalog, part);
    }
}

/* In place. A symbol or an asset that is being declared has its own fields "quote" and
 * "price_scale": ids and counts, not money. */
static void translate(const struct catalog *catalog, json_t *row)
{
    const struct context context = make_context(catalog, row);
    const bool declares = json_object_get(row, "price_scale") != NULL;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        const json_t *value = json_object_get(row, units[i].field);
        if (value == NULL)
            continue;
        int64_t number = read_number(value);
        enum unit unit = units[i].unit;
        if (declares && strcmp(units[i].field, "quote") == 0)
            unit = UNIT_ASSET;
        if (strcmp(units[i].field, "fee_asset") == 0)
            number = context.fee_asset;
        json_t *made = make_value(&context, unit, number);
        if (made != NULL)
            json_object_set_new(row, units[i].field, made);
    }
    if (json_object_get(row, "side") != NULL)
        json_object_set_new(row, "side", json_string(context.is_buy ? "buy" : "sell"));
    translate_nested(catalog, row);
}

json_t *report_json(const struct catalog *catalog, const struct msg *m)
{
    char text[JSON_BYTES_MAX];
    size_t size = 0;
    if (json_print(text, sizeof text, m, &size) != 0)
        return NULL;
    json_t *row = json_loadb(text, size, 0, NULL);
    if (row != NULL)
        translate(catalog, row);
    return row;
}

json_t *report_json_event(const struct zex_event *event)
{
    if (event->type == ZEX_EVENT_LOST)
        return json_pack("{s:s}", "event", "lost");
    if (event->type != ZEX_EVENT_ALARM)
        return NULL;
    return json_pack("{s:s, s:I, s:s, s:s, s:I, s:I, s:I}", "event", "alarm", "gseq",
                     (json_int_t)event->gseq, "reason", zex_reason_name(event->reason),
                     "text", zex_reason_text(event->reason), "cl_ord_id",
                     (json_int_t)event->cl_ord_id, "value", (json_int_t)event->value,
                     "limit", (json_int_t)event->limit);
}
