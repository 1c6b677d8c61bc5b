/* report.c - writing the feeds, and reading them back by page. */
#include "services/portfolio/report.h"

#include <string.h>

#include "common/check.h"
#include "common/error.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/codec.h"
#include "proto/feed.h"

/* An item: [8 gseq][8 prev][8 time][2 kind][2 size][body], so that a scan for trades
 * does not look into other bodies. */
enum { HEAD = 28 };

struct item {
    uint64_t gseq, prev, time_ns;
    uint32_t kind, size;
    const uint8_t *body;
};

void report_init(struct reports *reports, struct arena *arena, uint32_t accounts_max,
                 uint32_t table)
{
    reports->last_gseq = arena_take(arena, accounts_max * sizeof *reports->last_gseq, 64);
    reports->accounts_max = accounts_max;
    history_init(&reports->history, arena, table, REPORT_SCRATCH_BYTES, REPORT_KEYS);
}

static void put_u16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static uint32_t get_u16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

void report_add(struct reports *reports, struct outbox *outbox, uint32_t account,
                const struct core_input *input)
{
    struct feed_view view;
    feed_view(&view, input->msg, input->bytes, input->bytes_size, account);
    CHECK(account < reports->accounts_max && view.size > 0 &&
          view.size <= BODY_BYTES_MAX);
    uint64_t *last = &reports->last_gseq[account];
    CHECK(*last < input->gseq);
    uint8_t head[HEAD];
    history_put_u64(head, input->gseq);
    history_put_u64(head + 8, *last);
    history_put_u64(head + 16, input->time_ns);
    put_u16(head + 24, view.kind);
    put_u16(head + 26, view.size);
    history_add_two(&reports->history, outbox, account, input->gseq, head, HEAD,
                    view.bytes, view.size);
    *last = input->gseq;
}

static struct item read_item(const uint8_t *at, size_t left)
{
    CHECK(left >= HEAD);
    const struct item item = {
        .gseq = history_get_u64(at),
        .prev = history_get_u64(at + 8),
        .time_ns = history_get_u64(at + 16),
        .kind = get_u16(at + 24),
        .size = get_u16(at + 26),
        .body = at + HEAD,
    };
    CHECK(item.size <= left - HEAD && item.size <= BODY_BYTES_MAX);
    return item;
}

static bool is_of_symbol(const struct item *item, uint32_t symbol)
{
    struct msg msg;
    size_t used = 0;
    CHECK(codec_decode(item->body, item->size, &msg, &used) == 0);
    return msg.fill.symbol == symbol;
}

static bool is_wanted(const struct item *item, const struct msg_query *query)
{
    const bool is_fill = item->kind == MSG_fill;
    switch (query->kind) {
    case QUERY_KIND_TRADES:
        return is_fill && (query->symbol == 0 || is_of_symbol(item, query->symbol));
    case QUERY_KIND_TRANSACTIONS:
        return is_fill || item->kind == MSG_deposit_done ||
               item->kind == MSG_withdraw_done;
    default:
        return true;
    }
}

static bool add_row(struct core_answer *answer, const struct item *item)
{
    struct msg row = {.kind = MSG_row_report};
    row.row_report.gseq = item->gseq;
    row.row_report.prev = item->prev;
    row.row_report.time_ns = item->time_ns;
    row.row_report.body_size = (uint16_t)item->size;
    memcpy(row.row_report.body, item->body, item->size);
    return core_answer_add(answer, &row);
}

/* Where a scan stands: answered up to `after`; `budget` more reports may be seen. */
struct scan {
    uint64_t after;
    uint32_t budget;
};

/* The wanted reports of one row. False when the answer or the budget is full. */
static bool scan_row(const struct history_row *row, const struct msg_query *query,
                     struct scan *scan, struct core_answer *answer)
{
    for (size_t at = 0; at < row->size;) {
        const struct item item = read_item(row->items + at, row->size - at);
        at += HEAD + item.size;
        if (item.gseq <= scan->after)
            continue;
        if (scan->budget-- == 0)
            return false;
        if (is_wanted(&item, query) &&
            (answer->count == query->limit || !add_row(answer, &item)))
            return false;
        scan->after = item.gseq;
    }
    return true;
}

void report_query(const struct reports *reports, const struct msg_query *query,
                  const struct core_rows *rows, struct core_answer *answer)
{
    struct scan scan = {.after = query->cursor, .budget = REPORT_SCAN_MAX};
    struct history_row row;
    while (
        history_seek(rows, reports->history.table, query->account, scan.after + 1, &row))
        if (!scan_row(&row, query, &scan, answer)) {
            answer->head.cursor = scan.after;
            return;
        }
}

void report_save(const struct reports *reports, struct writer *writer)
{
    for (uint32_t account = 1; account < reports->accounts_max; account++)
        if (reports->last_gseq[account] != 0) {
            writer_u32(writer, account);
            writer_u64(writer, reports->last_gseq[account]);
        }
    writer_u32(writer, 0); /* no account: the end */
}

int report_load(struct reports *reports, struct reader *reader)
{
    uint32_t account;
    while ((account = reader_u32(reader)) != 0) {
        if (reader_failed(reader) || account >= reports->accounts_max)
            return ERR_CORRUPT;
        reports->last_gseq[account] = reader_u64(reader);
    }
    return reader_failed(reader) ? ERR_CORRUPT : 0;
}
