/* book.c - rings of orders under a ladder of prices. */
#include "services/shard/book.h"

#include <assert.h>

#include "common/check.h"
#include "services/shard/ladder.h"

static_assert(sizeof(struct book_order) == 64, "an order is a cache line");
static_assert(sizeof(union book_cell) == 64, "a level fits an order's place");
static_assert(sizeof(struct book) <= 64, "a book is small");
static_assert(offsetof(struct book_order, next) == offsetof(struct book_level, next) &&
                  offsetof(struct book_order, prev) == offsetof(struct book_level, prev),
              "a level closes the ring of its orders");

static size_t cells_size(uint32_t orders_max, uint32_t levels_max)
{
    return ((size_t)orders_max + levels_max) * sizeof(union book_cell);
}

size_t book_pool_size(uint32_t orders_max, uint32_t levels_max)
{
    size_t nodes = ((size_t)levels_max + 1) * sizeof(struct ladder_node);
    return cells_size(orders_max, levels_max) + (nodes + 63) / 64 * 64;
}

void book_pool_init(struct book_pool *pool, void *memory, uint32_t orders_max,
                    uint32_t levels_max)
{
    CHECK((uintptr_t)memory % 64 == 0);
    CHECK(orders_max > 0 && orders_max <= SLOT_MAX + 1);
    CHECK(levels_max > 0 && levels_max <= SLOT_MAX + 1);
    unsigned char *bytes = memory;
    *pool = (struct book_pool){
        .cells = memory,
        .nodes =
            (struct ladder_node *)(void *)(bytes + cells_size(orders_max, levels_max)),
        .orders_max = orders_max,
        .levels_max = levels_max,
        .level_fresh = orders_max,
        .node_fresh = 1,
    };
}

void book_init(struct book *book, struct book_pool *pool, uint32_t symbol)
{
    struct book_half empty = {.best_key = UINT64_MAX, .best = BOOK_NONE};
    *book = (struct book){.pool = pool, .halves = {empty, empty}, .symbol = symbol};
}

/* ---- levels ------------------------------------------------------------------------ */

uint32_t book_find_level(const struct book *book, enum book_side side, int64_t price)
{
    uint64_t key = book_key(side, price);
    uint32_t found = ladder_find(book->pool, book->halves[side].root, key).found;
    if (!found)
        return BOOK_NONE;
    uint32_t level = ladder_level(book->pool, found);
    return book_level(book->pool, level)->key == key ? level : BOOK_NONE;
}

uint32_t book_level_behind(const struct book *book, uint32_t level)
{
    return ladder_behind(book->pool, level);
}

/* A new, empty level, or BOOK_NONE. */
static uint32_t add_level(struct book *book, enum book_side side, int64_t price,
                          struct ladder_place place)
{
    struct book_pool *pool = book->pool;
    struct book_half *half = &book->halves[side];
    if (pool->level_count == pool->levels_max)
        return BOOK_NONE;
    uint32_t index = pool->level_free;
    if (index)
        pool->level_free = pool->cells[index].level.next;
    else
        index = pool->level_fresh++;
    pool->level_count++;
    book->level_count++;
    pool->cells[index].level = (struct book_level){
        .next = index,
        .prev = index,
        .symbol = book->symbol,
        .price = price,
        .key = book_key(side, price),
        .side = side,
    };
    ladder_link(pool, half, index, place);
    if (pool->cells[index].level.key < half->best_key) {
        half->best_key = pool->cells[index].level.key;
        half->best = index;
    }
    return index;
}

static void remove_level(struct book *book, uint32_t index)
{
    struct book_pool *pool = book->pool;
    struct book_level *level = &pool->cells[index].level;
    struct book_half *half = &book->halves[level->side];
    if (half->best == index) {
        half->best = ladder_behind(pool, index);
        half->best_key =
            half->best == BOOK_NONE ? UINT64_MAX : book_level(pool, half->best)->key;
    }
    ladder_unlink(pool, half, index);
    level->next = pool->level_free;
    pool->level_free = index;
    pool->level_count--;
    book->level_count--;
}

/* ---- orders ------------------------------------------------------------------------ */

int book_add(struct book *book, enum book_side side, int64_t price, uint32_t slot,
             const struct book_order *order)
{
    struct book_pool *pool = book->pool;
    CHECK(slot < pool->orders_max && price >= 1 && price <= PRICE_MAX);
    CHECK(order->leaves > 0 && order->leaves <= order->quantity);
    struct book_order *resting = &pool->cells[slot].order;
    CHECK(!resting->level);

    uint64_t key = book_key(side, price);
    struct ladder_place place = ladder_find(pool, book->halves[side].root, key);
    uint32_t index = place.found ? ladder_level(pool, place.found) : BOOK_NONE;
    if (index == BOOK_NONE || pool->cells[index].level.key != key)
        index = add_level(book, side, price, place);
    if (index == BOOK_NONE)
        return ERR_FULL;

    struct book_level *level = &pool->cells[index].level;
    *resting = *order;
    resting->level = index;
    resting->next = index;
    resting->prev = level->prev;
    pool->cells[level->prev].order.next = slot;
    level->prev = slot;
    CHECK(!__builtin_add_overflow(level->quantity, order->leaves, &level->quantity));
    level->order_count++;
    pool->order_count++;
    book->order_count++;
    return 0;
}

static void unlink_order(struct book *book, struct book_order *order,
                         struct book_level *level)
{
    struct book_pool *pool = book->pool;
    pool->cells[order->prev].order.next = order->next;
    pool->cells[order->next].order.prev = order->prev;
    uint32_t index = order->level;
    order->level = 0;
    pool->order_count--;
    book->order_count--;
    if (--level->order_count == 0)
        remove_level(book, index);
}

/* The open order in `slot`, which must belong to this book, and its level. */
static struct book_order *get_order(struct book *book, uint32_t slot,
                                    struct book_level **level)
{
    CHECK(slot < book->pool->orders_max);
    struct book_order *order = &book->pool->cells[slot].order;
    CHECK(order->level);
    *level = &book->pool->cells[order->level].level;
    CHECK((*level)->symbol == book->symbol);
    return order;
}

void book_fill(struct book *book, uint32_t slot, int64_t quantity, int64_t quote)
{
    struct book_level *level;
    struct book_order *order = get_order(book, slot, &level);
    CHECK(quantity > 0 && quantity <= order->leaves);
    order->leaves -= quantity;
    order->cum_quote += quote;
    level->quantity -= quantity;
    if (order->leaves == 0)
        unlink_order(book, order, level);
}

void book_reduce(struct book *book, uint32_t slot, int64_t leaves)
{
    struct book_level *level;
    struct book_order *order = get_order(book, slot, &level);
    CHECK(leaves > 0 && leaves <= order->leaves);
    int64_t less = order->leaves - leaves;
    order->leaves = leaves;
    order->quantity -= less;
    level->quantity -= less;
}

void book_remove(struct book *book, uint32_t slot)
{
    struct book_level *level;
    struct book_order *order = get_order(book, slot, &level);
    level->quantity -= order->leaves;
    unlink_order(book, order, level);
}

/* ---- invariants -------------------------------------------------------------------- */

static void check_level(const struct book *book, uint32_t index)
{
    const struct book_pool *pool = book->pool;
    const struct book_level *level = book_level(pool, index);
    CHECK(level->symbol == book->symbol);
    CHECK(level->key == book_key(level->side, level->price));
    CHECK(book_find_level(book, level->side, level->price) == index);
    int64_t quantity = 0;
    uint32_t count = 0, before = index;
    for (uint32_t slot = level->next; slot != index;
         slot = pool->cells[slot].order.next) {
        CHECK(slot < pool->orders_max);
        const struct book_order *order = book_order(pool, slot);
        CHECK(order->level == index && order->prev == before);
        CHECK(order->leaves > 0 && order->leaves <= order->quantity);
        quantity += order->leaves;
        count++;
        before = slot;
    }
    CHECK(count > 0 && before == level->prev);
    CHECK(count == level->order_count && quantity == level->quantity);
}

/* Returns how many levels there are; adds up their orders. */
static uint32_t check_half(const struct book *book, enum book_side side, uint32_t *orders)
{
    uint32_t levels = 0;
    uint64_t key = 0;
    for (uint32_t index = book_best(book, side); index != BOOK_NONE;
         index = book_level_behind(book, index)) {
        const struct book_level *level = book_level(book->pool, index);
        CHECK(level->side == side && (levels == 0 || level->key > key));
        check_level(book, index);
        key = level->key;
        levels++;
        *orders += level->order_count;
    }
    ladder_check(book->pool, &book->halves[side]);
    return levels;
}

void book_check(const struct book *book, bool may_cross)
{
    uint32_t orders = 0, levels = check_half(book, BOOK_BID, &orders);
    levels += check_half(book, BOOK_ASK, &orders);
    CHECK(levels == book->level_count && orders == book->order_count);
    uint32_t bid = book_best(book, BOOK_BID), ask = book_best(book, BOOK_ASK);
    CHECK(may_cross || bid == BOOK_NONE || ask == BOOK_NONE ||
          book_level(book->pool, bid)->price < book_level(book->pool, ask)->price);
}

void book_pool_check(const struct book_pool *pool, const struct book *books,
                     uint32_t count, bool may_cross)
{
    uint32_t orders = 0, levels = 0, nodes = 0, open = 0;
    for (uint32_t i = 0; i < count; i++) {
        CHECK(books[i].pool == pool);
        book_check(&books[i], may_cross);
        orders += books[i].order_count;
        levels += books[i].level_count;
        nodes += ladder_check(pool, &books[i].halves[BOOK_BID]);
        nodes += ladder_check(pool, &books[i].halves[BOOK_ASK]);
    }
    CHECK(orders == pool->order_count && levels == pool->level_count);
    CHECK(nodes == pool->node_count);
    for (uint32_t slot = 0; slot < pool->orders_max; slot++)
        open += book_order(pool, slot)->level != 0;
    CHECK(open == orders);
    for (uint32_t level = pool->level_free; level; level = pool->cells[level].level.next)
        levels++;
    CHECK(levels == pool->level_fresh - pool->orders_max);
    for (uint32_t node = pool->node_free; node; node = pool->nodes[node].free_next)
        nodes++;
    CHECK(nodes == pool->node_fresh - 1);
}
