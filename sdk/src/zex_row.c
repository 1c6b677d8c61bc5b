/* zex_row.c - rows of answers, flat. */
#include <assert.h>
#include <string.h>

#include "proto/codec.h"
#include "sdk/src/zex_event.h"

static_assert(ZEX_ROW_ASSET == MSG_asset_set && ZEX_ROW_SYMBOL == MSG_symbol_set &&
                  ZEX_ROW_BALANCE == MSG_row_balance && ZEX_ROW_ORDER == MSG_row_order &&
                  ZEX_ROW_POSITION == MSG_row_position &&
                  ZEX_ROW_LEVEL == MSG_row_level && ZEX_ROW_REPORT == MSG_row_report,
              "zex.h and schema.def");
static_assert(ZEX_QUERY_SYMBOLS == QUERY_KIND_SYMBOLS &&
                  ZEX_QUERY_ASSETS == QUERY_KIND_ASSETS &&
                  ZEX_QUERY_BALANCES == QUERY_KIND_BALANCES &&
                  ZEX_QUERY_ORDERS == QUERY_KIND_ORDERS &&
                  ZEX_QUERY_ORDER == QUERY_KIND_ORDER &&
                  ZEX_QUERY_TRADES == QUERY_KIND_TRADES &&
                  ZEX_QUERY_POSITIONS == QUERY_KIND_POSITIONS &&
                  ZEX_QUERY_TRANSACTIONS == QUERY_KIND_TRANSACTIONS &&
                  ZEX_QUERY_BOOK == QUERY_KIND_BOOK,
              "zex.h and types.def");

static void from_symbol(struct zex_row *row, const struct msg_symbol_set *m)
{
    static_assert(sizeof m->name <= sizeof row->name, "names fit");
    memcpy(row->name, m->name, sizeof m->name);
    row->symbol = m->symbol;
    row->base = m->base;
    row->quote = m->quote;
    row->price_scale = m->price_scale;
    row->quantity_scale = m->quantity_scale;
    row->tick = m->tick;
    row->lot = m->lot;
    row->multiplier = m->multiplier;
    row->reference_price = m->reference_price;
}

static void from_order(struct zex_row *row, const struct msg_row_order *m)
{
    row->gseq = m->gseq;
    row->order_id = m->order_id;
    row->cl_ord_id = m->cl_ord_id;
    row->account = m->account;
    row->symbol = m->symbol;
    row->side = m->side;
    row->status = m->status;
    row->reason = m->reason;
    row->price = m->price;
    row->quantity = m->quantity;
    row->leaves = m->leaves;
    row->cum_quantity = m->cum_quantity;
    row->cum_quote = m->cum_quote;
    row->held = m->hold;
}

static void from_position(struct zex_row *row, const struct msg_row_position *m)
{
    row->account = m->account;
    row->symbol = m->symbol;
    row->quantity = m->quantity;
    row->cost = m->cost;
    row->realised = m->realised;
    row->unrealised = m->unrealised;
    row->fees = m->fees;
    row->price = m->last_price;
}

/* The message at `*at` of the report's body; moves on, and back to 0 behind the last. */
static void from_report(struct zex_row *row, const struct msg_row_report *m, size_t *at)
{
    struct msg body;
    size_t used = 0;
    row->gseq = m->gseq;
    row->event.gseq = m->gseq;
    row->event.time_ns = m->time_ns;
    row->event.account = row->account;
    if (codec_decode(m->body + *at, m->body_size - *at, &body, &used) == 0)
        zex_event_from(&row->event, &body);
    *at = used > 0 && *at + used < m->body_size ? *at + used : 0;
}

/* `*within`: where in a report to go on; 0 once the row is done with. */
static void from_row(struct zex_row *row, const struct msg *m, size_t *within)
{
    switch (m->kind) {
    case MSG_asset_set:
        row->asset = m->asset_set.asset;
        memcpy(row->name, m->asset_set.name, sizeof m->asset_set.name);
        row->price_scale = m->asset_set.scale;
        break;
    case MSG_symbol_set:
        from_symbol(row, &m->symbol_set);
        break;
    case MSG_row_balance:
        row->account = m->row_balance.account;
        row->asset = m->row_balance.asset;
        row->free = m->row_balance.free;
        row->held = m->row_balance.held;
        break;
    case MSG_row_order:
        from_order(row, &m->row_order);
        break;
    case MSG_row_position:
        from_position(row, &m->row_position);
        break;
    case MSG_row_level:
        row->side = m->row_level.side;
        row->price = m->row_level.price;
        row->quantity = m->row_level.quantity;
        row->orders = m->row_level.orders;
        break;
    case MSG_row_report:
        from_report(row, &m->row_report, within);
        break;
    default:
        break;
    }
}

int zex_answer_next(struct zex_answer *answer, struct zex_row *row)
{
    struct msg m;
    size_t used = 0;
    if (answer->rows_size == 0 ||
        codec_decode(answer->rows, answer->rows_size, &m, &used) != 0)
        return 0;
    *row = (struct zex_row){.kind = m.kind,
                            .account = answer->account,
                            .bytes = answer->rows,
                            .bytes_size = used};
    from_row(row, &m, &answer->within);
    if (answer->within > 0)
        return 1; /* the second fill of a trade with oneself is a row of its own */
    answer->rows += used;
    answer->rows_size -= used;
    return 1;
}
