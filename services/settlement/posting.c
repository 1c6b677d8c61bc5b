/* posting.c - writing the ledger's lines down, and reading them back by page. */
#include "services/settlement/posting.h"

#include <assert.h>

#include "common/check.h"
#include "common/error.h"
#include "proto/big_endian.h"
#include "proto/limits.h"
#include "proto/pack.h"

/* A set: [gseq][bin of lines], a line: [amount][account][asset][posting], all as msgpack
 * has them. */
enum {
    LINE_SIZE_MAX = 4 * PACK_INTEGER_MAX,
    SET_SIZE_MAX = 2 * PACK_INTEGER_MAX + LEDGER_LINES_MAX * LINE_SIZE_MAX,
    CURSOR_LINE_BITS = 4,
    CURSOR_LINE_MASK = (1 << CURSOR_LINE_BITS) - 1,
    GSEQ_SIZE = 8,
};

static_assert((int)LEDGER_LINES_MAX <= (int)CURSOR_LINE_MASK,
              "a line fits into a cursor");

void posting_init(struct postings *postings, struct arena *arena)
{
    history_init(&postings->lines, arena, POSTING_TABLE_LINES, POSTING_SCRATCH_BYTES, 1);
    history_init(&postings->accounts, arena, POSTING_TABLE_ACCOUNTS,
                 POSTING_SCRATCH_BYTES, POSTING_KEYS);
    history_init(&postings->trades, arena, POSTING_TABLE_TRADES, POSTING_SCRATCH_BYTES,
                 POSTING_KEYS);
}

static void put_line(struct pack_writer *writer, const struct ledger_line *line)
{
    pack_int64(writer, line->amount);
    pack_uint32(writer, line->account);
    pack_uint8(writer, (uint8_t)line->asset);
    pack_uint8(writer, line->posting);
}

static uint64_t get_number(struct pack_reader *reader, uint64_t max)
{
    uint64_t value;
    CHECK(pack_read_unsigned(reader, 0, max, &value) == 0);
    return value;
}

static struct ledger_line get_line(struct pack_reader *reader)
{
    struct ledger_line line;
    uint64_t amount;
    CHECK(pack_read_signed(reader, (uint64_t)INT64_MIN, INT64_MAX, &amount) == 0);
    line.amount = (int64_t)amount;
    line.account = (uint32_t)get_number(reader, ACCOUNT_MAX);
    line.asset = (uint32_t)get_number(reader, ASSET_MAX);
    line.posting = (uint8_t)get_number(reader, UINT8_MAX);
    return line;
}

/* Is the account of line `i` named by a line before it? */
static bool is_repeated(const struct ledger_line *lines, uint32_t i)
{
    for (uint32_t j = 0; j < i; j++)
        if (lines[j].account == lines[i].account)
            return true;
    return false;
}

void posting_add(struct postings *postings, struct outbox *outbox, uint64_t gseq,
                 const struct ledger_line *lines, uint32_t count)
{
    CHECK(count > 0 && count <= LEDGER_LINES_MAX && gseq >> (63 - CURSOR_LINE_BITS) == 0);
    uint8_t packed[LEDGER_LINES_MAX * LINE_SIZE_MAX], set[SET_SIZE_MAX], item[GSEQ_SIZE];
    struct pack_writer lines_writer = {packed}, writer = {set};
    big_endian_put(item, gseq, 8);
    for (uint32_t i = 0; i < count; i++) {
        put_line(&lines_writer, &lines[i]);
        if (!is_repeated(lines, i))
            history_add(&postings->accounts, outbox, lines[i].account, gseq, item,
                        GSEQ_SIZE);
    }
    const size_t packed_size = (size_t)(lines_writer.at - packed);
    pack_uint64(&writer, gseq);
    pack_bin(&writer, packed_size);
    pack_bin_body(&writer, packed, packed_size);
    history_add(&postings->lines, outbox, 0, gseq, set, (uint32_t)(writer.at - set));
}

void posting_add_trade(struct postings *postings, struct outbox *outbox, uint64_t gseq,
                       uint32_t symbol, uint64_t trade_id)
{
    uint8_t item[GSEQ_SIZE];
    big_endian_put(item, gseq, 8);
    history_add(&postings->trades, outbox, symbol, trade_id, item, GSEQ_SIZE);
}

void posting_write(struct postings *postings, struct outbox *outbox)
{
    history_write(&postings->lines, outbox);
    history_write(&postings->accounts, outbox);
    history_write(&postings->trades, outbox);
}

/* A set of lines as found; `lines` is borrowed until the next seek. */
struct set {
    uint64_t gseq;
    struct pack_reader lines;
};

/* The first set at or after `gseq`. */
static bool find_set(const struct core_rows *rows, uint64_t gseq, struct set *set)
{
    struct history_row row;
    if (!history_seek(rows, POSTING_TABLE_LINES, 0, gseq, &row))
        return false;
    struct pack_reader reader = {row.items, row.items + row.size};
    do {
        const uint8_t *lines;
        size_t size;
        set->gseq = get_number(&reader, ID_MAX);
        CHECK(pack_read_bin(&reader, SET_SIZE_MAX, &lines, &size) == 0);
        set->lines = (struct pack_reader){lines, lines + size};
    } while (set->gseq < gseq);
    return true;
}

/* The first gseq at or after *gseq at which the account has lines. */
static bool find_of_account(const struct core_rows *rows, uint32_t account,
                            uint64_t *gseq)
{
    struct history_row row;
    if (!history_seek(rows, POSTING_TABLE_ACCOUNTS, account, *gseq, &row))
        return false;
    size_t low = 0;
    for (size_t high = row.size / GSEQ_SIZE - 1; low < high;) {
        const size_t middle = (low + high) / 2;
        if (big_endian_get(row.items + middle * GSEQ_SIZE, 8) < *gseq)
            low = middle + 1;
        else
            high = middle;
    }
    *gseq = big_endian_get(row.items + low * GSEQ_SIZE, 8);
    return true;
}

/* The lines of one set from `first` on. False when the answer is full. */
static bool add_lines(const struct set *set, uint32_t first,
                      const struct msg_query *query, struct core_answer *answer)
{
    struct pack_reader lines = set->lines;
    for (uint32_t i = 0; pack_left(&lines) > 0; i++) {
        const struct ledger_line line = get_line(&lines);
        if (i < first || (query->account != 0 && line.account != query->account))
            continue;
        struct msg row = {.kind = MSG_row_posting};
        row.row_posting = (struct msg_row_posting){
            .gseq = set->gseq,
            .line = i,
            .account = line.account,
            .asset = line.asset,
            .amount = line.amount,
            .posting = line.posting,
        };
        if (answer->count == query->limit || !core_answer_add(answer, &row)) {
            answer->head.cursor = set->gseq << CURSOR_LINE_BITS | i;
            return false;
        }
    }
    return true;
}

/* The lines of the set that `order_id` names. */
static void query_one(const struct msg_query *query, const struct core_rows *rows,
                      struct core_answer *answer)
{
    struct set set;
    if (find_set(rows, query->order_id, &set) && set.gseq == query->order_id)
        add_lines(&set, query->cursor & CURSOR_LINE_MASK, query, answer);
    if (answer->count == 0)
        answer->head.reason = (uint16_t)error_number(ERR_NOT_FOUND);
}

void posting_query(const struct msg_query *query, const struct core_rows *rows,
                   struct core_answer *answer)
{
    if (query->order_id != 0) {
        query_one(query, rows, answer);
        return;
    }
    uint64_t gseq = query->cursor >> CURSOR_LINE_BITS;
    uint32_t first = query->cursor & CURSOR_LINE_MASK;
    struct set set;
    while ((query->account == 0 || find_of_account(rows, query->account, &gseq)) &&
           find_set(rows, gseq, &set) && add_lines(&set, first, query, answer)) {
        gseq = set.gseq + 1;
        first = 0;
    }
}

/* The gseq of the trade in the first row that reaches it. */
static bool find_trade(const struct core_rows *rows, uint32_t symbol, uint64_t trade_id,
                       uint64_t *gseq)
{
    struct history_row row;
    if (!history_seek(rows, POSTING_TABLE_TRADES, symbol, trade_id, &row))
        return false;
    const uint64_t from_end = (row.last - trade_id + 1) * GSEQ_SIZE;
    CHECK(from_end <= row.size); /* trade ids are contiguous */
    *gseq = big_endian_get(row.items + row.size - from_end, 8);
    return true;
}

void posting_query_trades(const struct msg_query *query, const struct core_rows *rows,
                          struct core_answer *answer)
{
    uint64_t trade_id = query->order_id != 0 ? query->order_id : query->cursor;
    if (trade_id == 0)
        trade_id = 1;
    uint64_t gseq;
    for (; find_trade(rows, query->symbol, trade_id, &gseq); trade_id++) {
        struct msg row = {.kind = MSG_row_settlement};
        row.row_settlement = (struct msg_row_settlement){
            .symbol = query->symbol,
            .trade_id = trade_id,
            .gseq = gseq,
            .settlement = SETTLEMENT_SETTLED,
        };
        if (answer->count == query->limit || !core_answer_add(answer, &row)) {
            answer->head.cursor = trade_id;
            return;
        }
        if (query->order_id != 0)
            return;
    }
    if (query->order_id != 0)
        answer->head.reason = (uint16_t)error_number(ERR_NOT_FOUND);
}
