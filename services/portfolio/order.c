/* order.c - from the first report of an order to the one that ends it. */
#include "services/portfolio/order.h"

#include "common/check.h"
#include "common/error.h"
#include "common/prefetch.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/codec.h"
#include "proto/limits.h"

static const struct order_list empty_list = {ORDER_NONE, ORDER_NONE, ORDER_NONE};

void order_init(struct orders *orders, struct arena *arena, uint32_t accounts_max,
                uint32_t orders_max)
{
    orders->open = arena_take(arena, orders_max * sizeof *orders->open, 64);
    orders->of_account = arena_take(arena, accounts_max * sizeof *orders->of_account, 64);
    waiting_init(&orders->waiting, arena, orders_max);
    orders->open_capacity = orders_max;
    orders->accounts_max = accounts_max;
    if (!orders->of_account)
        return;
    for (uint32_t i = 0; i < accounts_max; i++)
        orders->of_account[i] = empty_list;
}

/* Lists are in the order of ids: within a shard almost always that of insertion. */
static void insert(struct order *items, struct order_list *list, uint32_t index)
{
    const uint64_t id = items[index].row.order_id;
    uint32_t previous = list->last;
    if (previous != ORDER_NONE && items[previous].row.order_id > id)
        previous = list->near;
    while (previous != ORDER_NONE && items[previous].row.order_id > id)
        previous = items[previous].previous;
    while (previous != ORDER_NONE && items[previous].next != ORDER_NONE &&
           items[items[previous].next].row.order_id < id)
        previous = items[previous].next;
    list->near = index;

    const uint32_t next = previous == ORDER_NONE ? list->first : items[previous].next;
    items[index].previous = previous;
    items[index].next = next;
    *(previous == ORDER_NONE ? &list->first : &items[previous].next) = index;
    *(next == ORDER_NONE ? &list->last : &items[next].previous) = index;
}

static void unlink_order(struct order *items, struct order_list *list, uint32_t index)
{
    const uint32_t previous = items[index].previous;
    const uint32_t next = items[index].next;
    *(previous == ORDER_NONE ? &list->first : &items[previous].next) = next;
    *(next == ORDER_NONE ? &list->last : &items[next].previous) = previous;
    if (list->near == index)
        list->near = previous != ORDER_NONE ? previous : next;
}

/* The row of a free slot, to be filled and then opened. */
static struct msg_row_order *get_free(struct orders *orders, uint32_t slot)
{
    CHECK(slot < orders->open_capacity && orders->open[slot].row.order_id == 0);
    return &orders->open[slot].row;
}

static void open_order(struct orders *orders, uint32_t slot)
{
    const uint32_t account = orders->open[slot].row.account;
    CHECK(account < orders->accounts_max);
    orders->open_count++;
    insert(orders->open, &orders->of_account[account], slot);
}

/* The open order a report is about; it must be the one the slot holds. */
static struct msg_row_order *get_open(struct orders *orders, uint32_t slot,
                                      uint64_t order_id)
{
    CHECK(slot < orders->open_capacity && orders->open[slot].row.order_id == order_id);
    return &orders->open[slot].row;
}

static bool close_order(struct orders *orders, uint32_t slot,
                        struct msg_row_order *closed)
{
    struct order *order = &orders->open[slot];
    *closed = order->row;
    unlink_order(orders->open, &orders->of_account[order->row.account], slot);
    order->row.order_id = 0;
    CHECK(orders->open_count-- > 0);
    return true;
}

/* An order whose command was passed over, by its first report. */
static void show_accepted(const struct msg_order_accepted *accepted,
                          struct msg_row_order *row)
{
    *row = (struct msg_row_order){
        .order_id = accepted->order_id,
        .account = accepted->account,
        .cl_ord_id = accepted->cl_ord_id,
        .symbol = accepted->symbol,
        .side = accepted->side,
        .ord_type = accepted->ord_type,
        .tif = accepted->tif,
        .quantity = accepted->quantity,
        .leaves = accepted->quantity,
    };
}

void order_accept(struct orders *orders, uint64_t gseq,
                  const struct msg_order_accepted *accepted)
{
    struct msg_row_order *row = get_free(orders, accepted->slot);
    if (!waiting_take(&orders->waiting, accepted->order_id, row))
        show_accepted(accepted, row);
    CHECK(row->account == accepted->account && row->quantity == accepted->quantity);
    row->price = accepted->price;
    row->hold = accepted->hold;
    row->status = ORD_STATUS_NEW;
    row->gseq = gseq;
    open_order(orders, accepted->slot);
}

bool order_reject(struct orders *orders, uint64_t gseq,
                  const struct msg_order_rejected *rejected, struct msg_row_order *closed)
{
    if (!waiting_take(&orders->waiting, rejected->order_id, closed))
        return false; /* passed over: nobody knows more of it than this report */
    CHECK(closed->account == rejected->account);
    closed->leaves = 0;
    closed->status = ORD_STATUS_REJECTED;
    closed->reason = rejected->reason;
    closed->gseq = gseq;
    return true;
}

bool order_cancel(struct orders *orders, uint64_t gseq,
                  const struct msg_order_cancelled *cancelled,
                  struct msg_row_order *closed)
{
    struct msg_row_order *row = get_open(orders, cancelled->slot, cancelled->order_id);
    CHECK(row->cum_quantity == cancelled->cum_quantity);
    row->leaves = 0;
    row->status = cancelled->exec_type == EXEC_TYPE_EXPIRED ? ORD_STATUS_EXPIRED
                                                            : ORD_STATUS_CANCELED;
    row->reason = cancelled->reason;
    row->gseq = gseq;
    return close_order(orders, cancelled->slot, closed);
}

bool order_replace(struct orders *orders, uint64_t gseq,
                   const struct msg_order_replaced *replaced,
                   struct msg_row_order *closed)
{
    struct msg_row_order *row = get_open(orders, replaced->slot, replaced->order_id);
    CHECK(row->cum_quantity == replaced->cum_quantity);
    row->cl_ord_id = replaced->cl_ord_id;
    row->price = replaced->price;
    row->quantity = replaced->quantity;
    row->leaves = replaced->leaves;
    row->gseq = gseq;
    if (replaced->leaves > 0)
        return false;
    row->status = ORD_STATUS_FILLED;
    return close_order(orders, replaced->slot, closed);
}

bool order_fill(struct orders *orders, uint64_t gseq, const struct msg_trade *trade,
                bool maker, struct msg_row_order *closed)
{
    const uint32_t slot = maker ? trade->maker_slot : trade->taker_slot;
    struct msg_row_order *row =
        get_open(orders, slot, maker ? trade->maker_order_id : trade->taker_order_id);
    const int64_t filled = row->cum_quantity;
    row->cum_quantity = maker ? trade->maker_cum_quantity : trade->taker_cum_quantity;
    row->cum_quote = maker ? trade->maker_cum_quote : trade->taker_cum_quote;
    row->leaves = maker ? trade->maker_leaves : trade->taker_leaves;
    row->gseq = gseq;
    CHECK(filled + trade->quantity == row->cum_quantity);
    if (row->leaves > 0) {
        row->status = ORD_STATUS_PARTIALLY_FILLED;
        return false;
    }
    row->status = ORD_STATUS_FILLED;
    return close_order(orders, slot, closed);
}

static bool is_wanted(const struct msg_row_order *row, uint32_t account,
                      uint64_t order_id, uint64_t cl_ord_id)
{
    if (row->account != account)
        return false;
    return order_id != 0 ? row->order_id == order_id : row->cl_ord_id == cl_ord_id;
}

const struct order *order_find_open(const struct orders *orders, uint32_t account,
                                    uint64_t order_id, uint64_t cl_ord_id)
{
    const struct order *open = orders->open;
    for (uint32_t i = orders->of_account[account].first; i != ORDER_NONE;
         i = open[i].next)
        if (is_wanted(&open[i].row, account, order_id, cl_ord_id))
            return &open[i];
    return NULL;
}

static void prefetch_order(const struct order *order)
{
    prefetch_write(order);
    prefetch_write((const char *)order + 64);
}

/* First itself, then those it is linked to. */
void order_prefetch(const struct orders *orders, uint32_t slot, bool again)
{
    if (slot >= orders->open_capacity)
        return;
    const struct order *order = &orders->open[slot];
    if (!again)
        prefetch_order(order);
    else if (order->next != ORDER_NONE)
        prefetch_write(&orders->open[order->next]);
    if (again && order->previous != ORDER_NONE)
        prefetch_write(&orders->open[order->previous]);
}

static void save_order(const struct order *order, uint32_t slot, struct writer *writer)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    CHECK(codec_encode_body(bytes, sizeof bytes, MSG_row_order, &order->row, &size) == 0);
    writer_u32(writer, slot);
    writer_u32(writer, (uint32_t)size);
    writer_bytes(writer, bytes, (uint32_t)size);
}

static int load_order(struct reader *reader, uint32_t *slot, struct msg_row_order *row)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    *slot = reader_u32(reader);
    const uint32_t size = reader_u32(reader);
    if (reader_failed(reader) || size > sizeof bytes)
        return ERR_CORRUPT;
    reader_bytes(reader, bytes, size);
    struct msg msg;
    if (reader_failed(reader) || codec_decode_whole(bytes, size, &msg) != 0 ||
        msg.kind != MSG_row_order)
        return ERR_CORRUPT;
    *row = msg.row_order;
    return 0;
}

void order_save(const struct orders *orders, struct writer *writer)
{
    waiting_save(&orders->waiting, writer);
    writer_u32(writer, orders->open_count);
    for (uint32_t account = 0; account < orders->accounts_max; account++)
        for (uint32_t slot = orders->of_account[account].first; slot != ORDER_NONE;
             slot = orders->open[slot].next)
            save_order(&orders->open[slot], slot, writer);
}

int order_load(struct orders *orders, struct reader *reader)
{
    if (waiting_load(&orders->waiting, reader) != 0)
        return ERR_CORRUPT;
    const uint32_t count = reader_u32(reader);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot;
        struct msg_row_order row;
        if (load_order(reader, &slot, &row) != 0 || slot >= orders->open_capacity ||
            orders->open[slot].row.order_id != 0 || row.account >= orders->accounts_max)
            return ERR_CORRUPT;
        *get_free(orders, slot) = row;
        open_order(orders, slot);
    }
    return reader_failed(reader) ? ERR_CORRUPT : 0;
}

static uint32_t check_account(const struct orders *orders, uint32_t account)
{
    uint32_t count = 0;
    uint32_t previous = ORDER_NONE;
    for (uint32_t i = orders->of_account[account].first; i != ORDER_NONE;
         previous = i, i = orders->open[i].next) {
        const struct order *order = &orders->open[i];
        CHECK(order->row.account == account && order->row.leaves > 0);
        CHECK(order->previous == previous);
        CHECK(previous == ORDER_NONE ||
              orders->open[previous].row.order_id < order->row.order_id);
        count++;
    }
    CHECK(orders->of_account[account].last == previous);
    return count;
}

void order_check(const struct orders *orders)
{
    uint32_t count = 0;
    for (uint32_t account = 0; account < orders->accounts_max; account++)
        count += check_account(orders, account);
    CHECK(count == orders->open_count);
    waiting_check(&orders->waiting);
}
