/* report.c - writing the feeds, and reading them back by page. */
#include "services/portfolio/report.h"

#include <string.h>

#include "common/check.h"
#include "common/error.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/big_endian.h"
#include "proto/codec.h"
#include "proto/feed.h"
#include "proto/pack.h"

/* An item: [gseq - prev][8 time][bin body], integers and the bin as msgpack has them. The
 * first gseq of a row follows from the last one, which is in its key. */
enum { TIME = 8, HEAD_MAX = PACK_INTEGER_MAX + TIME + PACK_INTEGER_MAX };

struct item {
    uint64_t gseq, prev, time_ns;
    uint32_t kind;
    size_t size;
    const uint8_t *body;
};

void report_init(struct reports *reports, struct arena *arena, uint32_t accounts_max,
                 uint32_t table)
{
    reports->last_gseq = arena_take(arena, accounts_max * sizeof *reports->last_gseq, 64);
    reports->accounts_max = accounts_max;
    history_init(&reports->history, arena, table, REPORT_SCRATCH_BYTES, REPORT_KEYS);
}

void report_add(struct reports *reports, struct outbox *outbox, uint32_t account,
                const struct core_input *input)
{
    struct feed_view view MSG_UNSET;
    feed_view(&view, input->msg, input->bytes, input->bytes_size, account);
    CHECK(account < reports->accounts_max && view.size > 0 &&
          view.size <= BODY_BYTES_MAX);
    uint64_t *last = &reports->last_gseq[account];
    CHECK(*last < input->gseq);
    uint8_t head[HEAD_MAX];
    struct pack_writer writer = {head};
    pack_uint64(&writer, input->gseq - *last);
    big_endian_put(writer.at, input->time_ns, 8);
    writer.at += TIME;
    pack_bin(&writer, view.size);
    history_add_two(&reports->history, outbox, account, input->gseq, head,
                    (uint32_t)(writer.at - head), view.bytes, view.size);
    *last = input->gseq;
}

/* The next item, whose gseq is `prev` and what it says. */
static struct item read_item(struct pack_reader *reader, uint64_t prev)
{
    uint64_t step;
    CHECK(pack_read_unsigned(reader, 1, ID_MAX, &step) == 0 && pack_left(reader) > TIME);
    struct item item = {
        .gseq = prev + step,
        .prev = prev,
        .time_ns = big_endian_get(reader->at, 8),
    };
    reader->at += TIME;
    CHECK(pack_read_bin(reader, BODY_BYTES_MAX, &item.body, &item.size) == 0);
    item.kind = codec_kind(item.body, item.size);
    return item;
}

/* The gseq before the first item of a row, which is short. */
static uint64_t find_prev(const struct history_row *row)
{
    struct pack_reader reader = {row->items, row->items + row->size};
    uint64_t steps = 0;
    while (pack_left(&reader) > 0)
        steps = read_item(&reader, steps).gseq;
    CHECK(steps <= row->last);
    return row->last - steps;
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
    struct pack_reader reader = {row->items, row->items + row->size};
    uint64_t prev = find_prev(row);
    while (pack_left(&reader) > 0) {
        const struct item item = read_item(&reader, prev);
        prev = item.gseq;
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
