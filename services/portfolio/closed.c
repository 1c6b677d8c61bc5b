/* closed.c - writing ended orders down, and finding them again. */
#include "services/portfolio/closed.h"

#include <assert.h>
#include <string.h>

#include "common/check.h"
#include "proto/codec.h"
#include "proto/limits.h"

enum { SPAN_KEY_BITS = 44 }; /* of a history key: account, span */

static_assert(ACCOUNT_MAX < 1 << (64 - SPAN_KEY_BITS), "account and span share a key");
static_assert(62 - CLOSED_SPAN_BITS <= SPAN_KEY_BITS, "account and span share a key");

void closed_init(struct history *history, struct arena *arena, uint32_t table)
{
    history_init(history, arena, table, CLOSED_SCRATCH_BYTES, CLOSED_KEYS);
}

static uint64_t span_key(uint32_t account, uint64_t span)
{
    return (uint64_t)account << SPAN_KEY_BITS | span;
}

void closed_add(struct history *history, struct outbox *outbox,
                const struct msg_row_order *row, uint32_t index)
{
    CHECK(row->leaves == 0 && row->gseq > row->order_id && index < 2);
    uint8_t item[MESSAGE_BYTES_MAX];
    size_t size = 0;
    CHECK(codec_encode_body(item, sizeof item, MSG_row_order, row, &size) == 0);
    history_add(history, outbox,
                span_key(row->account, row->order_id >> CLOSED_SPAN_BITS),
                row->gseq << 1 | index, item, (uint32_t)size);
}

/* The order at `*at`, which moves on. */
static struct msg_row_order next_item(const struct history_row *row, size_t *at)
{
    struct msg msg;
    size_t used = 0;
    CHECK(codec_decode(row->items + *at, row->size - *at, &msg, &used) == 0);
    CHECK(msg.kind == MSG_row_order);
    *at += used;
    return msg.row_order;
}

int closed_find(const struct core_rows *rows, uint32_t table, uint32_t account,
                uint64_t order_id, struct msg_row_order *order)
{
    const uint64_t key = span_key(account, order_id >> CLOSED_SPAN_BITS);
    struct history_row row = {.last = order_id << 1};
    while (history_seek(rows, table, key, row.last + 1, &row))
        for (size_t at = 0; at < row.size;) {
            *order = next_item(&row, &at);
            if (order->order_id == order_id)
                return 0;
        }
    return ERR_NOT_FOUND;
}

/* The newest order of this name in one span; counts the rows it read. */
static bool find_in_span(const struct core_rows *rows, uint32_t table, uint64_t key,
                         uint64_t cl_ord_id, uint32_t *read, struct msg_row_order *order)
{
    bool found = false;
    struct history_row row = {.last = 0};
    while (history_seek(rows, table, key, row.last + 1, &row)) {
        for (size_t at = 0; at < row.size;) {
            const struct msg_row_order item = next_item(&row, &at);
            if (item.cl_ord_id != cl_ord_id || (found && item.order_id < order->order_id))
                continue;
            *order = item;
            found = true;
        }
        ++*read;
    }
    ++*read;
    return found;
}

int closed_find_name(const struct core_rows *rows, uint32_t table, uint32_t account,
                     uint64_t cl_ord_id, uint64_t head, uint64_t *cursor,
                     struct msg_row_order *order)
{
    /* The cursor counts the spans that are left: 0 is the first page, and none. */
    uint64_t left = *cursor != 0 ? *cursor : (head >> CLOSED_SPAN_BITS) + 1;
    *cursor = 0;
    for (uint32_t read = 0; left > 0; left--) {
        if (read >= CLOSED_SEARCH_MAX) {
            *cursor = left;
            return ERR_AGAIN;
        }
        if (find_in_span(rows, table, span_key(account, left - 1), cl_ord_id, &read,
                         order))
            return 0;
    }
    return ERR_NOT_FOUND;
}
