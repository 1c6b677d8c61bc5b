/* report.c - see report.h. */
#include "deploy/cli/report.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/error.h"
#include "deploy/cli/decimal.h"
#include "deploy/cli/report_json.h"
#include "proto/codec.h"

static const char *side_name(int side)
{
    return side == ZEX_SIDE_BUY ? "buy" : "sell";
}

/* The record, or what the event says without one. */
static json_t *make_json(const struct catalog *catalog, const struct zex_event *event)
{
    struct msg m;
    size_t used = 0;
    json_t *line = report_json_event(event);
    if (line != NULL || event->bytes_size == 0 ||
        codec_decode(event->bytes, event->bytes_size, &m, &used) != 0)
        return line;
    json_t *report = report_json(catalog, &m);
    return report == NULL ? NULL
                          : json_pack("{s:I, s:o}", "gseq", (json_int_t)event->gseq,
                                      "report", report);
}

static void print_json(const struct catalog *catalog, const struct zex_event *event)
{
    json_t *line = make_json(catalog, event);
    if (line == NULL)
        return;
    json_dumpf(line, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
    putchar('\n');
    json_decref(line);
}

/* What a rule counts: prices or quantities of the symbol, money of an asset; else plain
 * numbers. */
static uint32_t unit_of(const struct catalog *catalog, const struct zex_event *event,
                        const char **name)
{
    const struct msg_symbol_set *s = &catalog->symbols[event->symbol];
    uint32_t asset = 0;
    *name = "";
    switch (-event->reason) {
    case ERR_PRICE_TICK:
    case ERR_PRICE_BAND:
    case ERR_POST_ONLY:
    case ERR_WOULD_CROSS:
        return s->price_scale;
    case ERR_QUANTITY_LOT:
    case ERR_QUANTITY_MAX:
        return s->quantity_scale;
    case ERR_NOTIONAL_MIN:
    case ERR_NOTIONAL_MAX:
        asset = s->quote;
        break;
    case ERR_FUNDS:
        asset = event->asset != 0              ? event->asset
                : event->side == ZEX_SIDE_BUY  ? s->quote
                : event->side == ZEX_SIDE_SELL ? s->base
                                               : 0;
        break;
    default:
        break;
    }
    if (asset == 0)
        return 0;
    *name = catalog_asset_name(catalog, asset);
    return catalog_asset_scale(catalog, asset);
}

static void print_reason(const struct catalog *catalog, const struct zex_event *event)
{
    printf("%s (%s", zex_reason_name(event->reason), zex_reason_text(event->reason));
    if (event->value != 0 || event->limit != 0) {
        const char *name;
        const uint32_t scale = unit_of(catalog, event, &name);
        char value[DECIMAL_TEXT], limit[DECIMAL_TEXT];
        printf("; value %s, limit %s%s%s", decimal_format(value, event->value, scale),
               decimal_format(limit, event->limit, scale), *name != 0 ? " " : "", name);
    }
    puts(")");
}

static void print_order_event(const struct catalog *catalog,
                              const struct zex_event *event)
{
    const struct msg_symbol_set *s = &catalog->symbols[event->symbol];
    char price[DECIMAL_TEXT], quantity[DECIMAL_TEXT], leaves[DECIMAL_TEXT],
        fee[DECIMAL_TEXT];
    decimal_format(price, event->price, s->price_scale);
    decimal_format(quantity, event->quantity, s->quantity_scale);
    decimal_format(leaves, event->leaves, s->quantity_scale);
    decimal_format(fee, event->fee, catalog_asset_scale(catalog, s->quote));
    printf("%" PRIu64 "  ", event->gseq);
    if (event->type == ZEX_EVENT_ORDER)
        printf("accepted   order %" PRIu64 " %s %s %s at %s\n", event->order_id,
               side_name(event->side), quantity, s->name, price);
    else if (event->type == ZEX_EVENT_TRADE)
        printf("trade      order %" PRIu64 " %s %s %s at %s, fee %s %s, %s, %s left\n",
               event->order_id, side_name(event->side), quantity, s->name, price, fee,
               catalog_asset_name(catalog, s->quote), event->is_maker ? "maker" : "taker",
               leaves);
    else if (event->type == ZEX_EVENT_REPLACED)
        printf("replaced   order %" PRIu64 " now %s at %s, %s left\n", event->order_id,
               quantity, price, leaves);
    else
        printf("%s order %" PRIu64 ", %s %s unfilled%s%s\n",
               event->reason == 0 ? "cancelled " : "expired   ", event->order_id,
               quantity, s->name, event->reason == 0 ? "" : ": ",
               event->reason == 0 ? "" : zex_reason_text(event->reason));
}

static void print_money(const struct catalog *catalog, const struct zex_event *event)
{
    char amount[DECIMAL_TEXT];
    decimal_format(amount, event->amount, catalog_asset_scale(catalog, event->asset));
    printf("%" PRIu64 "  %s %s %s, reference %" PRIu64 "\n", event->gseq,
           event->amount > 0 ? "deposit   " : "withdrawal", amount,
           catalog_asset_name(catalog, event->asset), event->reference);
}

void report_print(const struct args *args, const struct catalog *catalog,
                  const struct zex_event *event)
{
    if (args->json) {
        print_json(catalog, event);
        return;
    }
    switch (event->type) {
    case ZEX_EVENT_ORDER:
    case ZEX_EVENT_TRADE:
    case ZEX_EVENT_REPLACED:
    case ZEX_EVENT_CANCELLED:
        print_order_event(catalog, event);
        break;
    case ZEX_EVENT_REJECTED:
        printf("%" PRIu64 "  rejected   order %" PRIu64 ": ", event->gseq,
               event->order_id);
        print_reason(catalog, event);
        break;
    case ZEX_EVENT_CANCEL_REJECTED:
    case ZEX_EVENT_REFUSED:
        printf("%" PRIu64 "  refused    request %" PRIu64 ": ", event->gseq,
               event->request);
        print_reason(catalog, event);
        break;
    case ZEX_EVENT_MONEY:
        print_money(catalog, event);
        break;
    case ZEX_EVENT_DONE:
        printf("%" PRIu64 "  done       request %" PRIu64 "\n", event->gseq,
               event->request);
        break;
    case ZEX_EVENT_LOST:
        puts("connection lost; trying the next gateway");
        break;
    case ZEX_EVENT_ALARM:
        fputs("ALARM: ", stdout);
        print_reason(catalog, event);
        break;
    default:
        break;
    }
}

int report_outcome(const struct args *args, const struct catalog *catalog,
                   const struct outcome *outcome)
{
    report_print(args, catalog, &outcome->event);
    return outcome->event.type == ZEX_EVENT_REFUSED ? ARGS_FAILED : ARGS_OK;
}
