/* waiting.c - a list by age, and chains by id. */
#include "services/portfolio/waiting.h"

#include <assert.h>

#include "common/check.h"
#include "common/error.h"
#include "common/prefetch.h"
#include "common/reader.h"
#include "common/writer.h"

static_assert(sizeof(struct waiting_order) == 64, "a cache line each");

void waiting_init(struct waiting *waiting, struct arena *arena, uint32_t orders_max)
{
    const uint32_t capacity = orders_max + WAITING_UNDECIDED_MAX;
    waiting->orders = arena_take(arena, capacity * sizeof *waiting->orders, 64);
    waiting->chains = arena_take(arena, WAITING_CHAINS * sizeof *waiting->chains, 64);
    void *indices = arena_take(arena, pool_size(capacity), 64);
    waiting->oldest = waiting->newest = WAITING_NONE;
    if (indices)
        pool_init(&waiting->pool, indices, capacity);
}

static uint32_t *chain_of(const struct waiting *waiting, uint64_t order_id)
{
    return &waiting->chains[order_id % WAITING_CHAINS];
}

static void add(struct waiting *waiting, const struct waiting_order *order)
{
    const uint32_t index = pool_take(&waiting->pool);
    CHECK(index != POOL_NONE);
    struct waiting_order *added = &waiting->orders[index];
    uint32_t *chain = chain_of(waiting, order->order_id);
    *added = *order;
    added->behind = *chain;
    *chain = index + 1;
    added->older = waiting->newest;
    added->newer = WAITING_NONE;
    if (waiting->newest == WAITING_NONE)
        waiting->oldest = index;
    else
        waiting->orders[waiting->newest].newer = index;
    waiting->newest = index;
}

void waiting_add(struct waiting *waiting, uint64_t gseq, uint32_t account,
                 const struct msg_order_new *new)
{
    const struct waiting_order order = {
        .order_id = gseq,
        .cl_ord_id = new->cl_ord_id,
        .price = new->price,
        .quantity = new->quantity,
        .account = account,
        .symbol = new->symbol,
        .side = new->side,
        .ord_type = new->ord_type,
        .tif = new->tif,
    };
    add(waiting, &order);
}

static void show(const struct waiting_order *order, struct msg_row_order *row)
{
    *row = (struct msg_row_order){
        .order_id = order->order_id,
        .account = order->account,
        .cl_ord_id = order->cl_ord_id,
        .symbol = order->symbol,
        .side = order->side,
        .ord_type = order->ord_type,
        .tif = order->tif,
        .price = order->price,
        .quantity = order->quantity,
        .leaves = order->quantity,
        .status = ORD_STATUS_PENDING_NEW,
        .gseq = order->order_id,
    };
}

/* The link that leads to the order: its chain, or the one before it. */
static uint32_t *find_link(const struct waiting *waiting, uint64_t order_id)
{
    uint32_t *link = chain_of(waiting, order_id);
    while (*link != 0 && waiting->orders[*link - 1].order_id != order_id)
        link = &waiting->orders[*link - 1].behind;
    return link;
}

bool waiting_take(struct waiting *waiting, uint64_t order_id, struct msg_row_order *row)
{
    uint32_t *link = find_link(waiting, order_id);
    if (*link == 0)
        return false;
    const uint32_t index = *link - 1;
    const struct waiting_order *order = &waiting->orders[index];
    *link = order->behind;
    *(order->older == WAITING_NONE ? &waiting->oldest
                                   : &waiting->orders[order->older].newer) = order->newer;
    *(order->newer == WAITING_NONE ? &waiting->newest
                                   : &waiting->orders[order->newer].older) = order->older;
    pool_give(&waiting->pool, index);
    show(order, row);
    return true;
}

void waiting_prefetch(const struct waiting *waiting, uint64_t order_id, bool again)
{
    const uint32_t *chain = chain_of(waiting, order_id);
    if (!again)
        prefetch_read(chain);
    else if (*chain != 0)
        prefetch_write(&waiting->orders[*chain - 1]);
}

static bool is_wanted(const struct waiting_order *order, uint32_t account,
                      uint64_t order_id, uint64_t cl_ord_id)
{
    if (order->account != account)
        return false;
    return order_id != 0 ? order->order_id == order_id : order->cl_ord_id == cl_ord_id;
}

bool waiting_find(const struct waiting *waiting, uint32_t account, uint64_t order_id,
                  uint64_t cl_ord_id, struct msg_row_order *row)
{
    for (uint32_t i = waiting->oldest; i != WAITING_NONE; i = waiting->orders[i].newer)
        if (is_wanted(&waiting->orders[i], account, order_id, cl_ord_id)) {
            show(&waiting->orders[i], row);
            return true;
        }
    return false;
}

void waiting_save(const struct waiting *waiting, struct writer *writer)
{
    writer_u32(writer, waiting->pool.count);
    for (uint32_t i = waiting->oldest; i != WAITING_NONE; i = waiting->orders[i].newer) {
        const struct waiting_order *order = &waiting->orders[i];
        writer_u64(writer, order->order_id);
        writer_u64(writer, order->cl_ord_id);
        writer_i64(writer, order->price);
        writer_i64(writer, order->quantity);
        writer_u32(writer, order->account);
        writer_u32(writer, order->symbol);
        writer_u8(writer, order->side);
        writer_u8(writer, order->ord_type);
        writer_u8(writer, order->tif);
    }
}

int waiting_load(struct waiting *waiting, struct reader *reader)
{
    const uint32_t count = reader_count(reader, waiting->pool.capacity);
    uint64_t last = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct waiting_order order = {.order_id = reader_u64(reader)};
        order.cl_ord_id = reader_u64(reader);
        order.price = reader_i64(reader);
        order.quantity = reader_i64(reader);
        order.account = reader_u32(reader);
        order.symbol = reader_u32(reader);
        order.side = reader_u8(reader);
        order.ord_type = reader_u8(reader);
        order.tif = reader_u8(reader);
        if (reader_failed(reader) || order.order_id <= last)
            return ERR_CORRUPT;
        last = order.order_id;
        add(waiting, &order);
    }
    return reader_error(reader);
}

void waiting_check(const struct waiting *waiting)
{
    uint32_t count = 0;
    uint32_t older = WAITING_NONE;
    for (uint32_t i = waiting->oldest; i != WAITING_NONE;
         older = i, i = waiting->orders[i].newer) {
        const struct waiting_order *order = &waiting->orders[i];
        CHECK(pool_is_taken(&waiting->pool, i) && order->older == older);
        CHECK(older == WAITING_NONE || waiting->orders[older].order_id < order->order_id);
        CHECK(*find_link(waiting, order->order_id) == i + 1);
        count++;
    }
    CHECK(waiting->newest == older && count == waiting->pool.count);
}
