/* book.c - rings of orders, and a radix trie of their prices.
 *
 * The trie has 64 children a node and skips the digits that all its keys share, so a node
 * has two children at least: L levels need fewer than L nodes, and a path is at most 7
 * long (42 bits of price). A reference to a child says what it is, so a look-up reads
 * nothing but the children on its path and the level at its end; whether the skipped
 * digits were right is seen there, in the level's key.
 */
#include "services/shard/book.h"

#include <assert.h>

#include "common/check.h"

enum {
    DIGIT_BITS = 6,
    FANOUT = 1 << DIGIT_BITS,
    DIGITS = 7,
    /* A reference: index << TAG_BITS | tag. The tag is the digit a node decides, or: */
    TAG_BITS = 3,
    TAG_LEVEL = DIGITS,
    TAG_MASK = (1 << TAG_BITS) - 1,
};

struct book_node {
    uint64_t bitmap; /* which children there are */
    uint64_t prefix; /* of every key below, zero from `digit` down */
    uint32_t parent; /* node; 0: this is the root. Node 0 is never used */
    uint32_t digit;
    uint32_t free_next;
    uint32_t unused;
    uint32_t children[FANOUT]; /* references; all 0 in a free node */
};

static_assert(sizeof(struct book_order) == 64, "an order is a cache line");
static_assert(sizeof(union book_cell) == 64, "a level fits an order's place");
static_assert(sizeof(struct book) <= 64, "a book is small");
static_assert(offsetof(struct book_order, next) == offsetof(struct book_level, next) &&
                  offsetof(struct book_order, prev) == offsetof(struct book_level, prev),
              "a level closes the ring of its orders");
static_assert(PRICE_MAX < INT64_C(1) << (DIGIT_BITS * DIGITS), "keys fit the trie");
static_assert(2 * (UINT64_C(1) + SLOT_MAX) <= UINT32_MAX >> TAG_BITS, "references fit");

static size_t cells_size(uint32_t orders_max, uint32_t levels_max)
{
    return ((size_t)orders_max + levels_max) * sizeof(union book_cell);
}

size_t book_pool_size(uint32_t orders_max, uint32_t levels_max)
{
    size_t nodes = ((size_t)levels_max + 1) * sizeof(struct book_node);
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
        .nodes = (struct book_node *)(void *)(bytes + cells_size(orders_max, levels_max)),
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

/* ---- the price index
 * -------------------------------------------------------------------- */

static uint32_t digit_of(uint64_t key, uint32_t digit)
{
    return (uint32_t)(key >> (digit * DIGIT_BITS)) % FANOUT;
}

/* The digits above `digit`, the rest zero. */
static uint64_t prefix_of(uint64_t key, uint32_t digit)
{
    uint32_t shift = (digit + 1) * DIGIT_BITS;
    return key >> shift << shift;
}

static uint32_t level_reference(const struct book_pool *pool, uint32_t level)
{
    return (level - pool->orders_max) << TAG_BITS | TAG_LEVEL;
}

static uint32_t referred_level(const struct book_pool *pool, uint32_t reference)
{
    return (reference >> TAG_BITS) + pool->orders_max;
}

static uint32_t node_reference(const struct book_pool *pool, uint32_t node)
{
    return node << TAG_BITS | pool->nodes[node].digit;
}

/* Goes down by the digits of `key`. Returns the reference at the end: a level, whose key
 * may be another, or 0; and the node that holds it, 0 if the root does. */
static uint32_t descend(const struct book_pool *pool, uint32_t root, uint64_t key,
                        uint32_t *holder)
{
    uint32_t reference = root, node = 0;
    while (reference && (reference & TAG_MASK) != TAG_LEVEL) {
        node = reference >> TAG_BITS;
        uint32_t digit = reference & TAG_MASK;
        reference = pool->nodes[node].children[digit_of(key, digit)];
    }
    *holder = node;
    return reference;
}

static uint32_t least_level(const struct book_pool *pool, uint32_t reference)
{
    while ((reference & TAG_MASK) != TAG_LEVEL) {
        const struct book_node *node = &pool->nodes[reference >> TAG_BITS];
        reference = node->children[__builtin_ctzll(node->bitmap)];
    }
    return referred_level(pool, reference);
}

static void set_child(struct book_pool *pool, uint32_t node, uint64_t key,
                      uint32_t reference)
{
    struct book_node *holder = &pool->nodes[node];
    uint32_t digit = digit_of(key, holder->digit);
    holder->children[digit] = reference;
    holder->bitmap |= UINT64_C(1) << digit;
}

static void set_parent(struct book_pool *pool, uint32_t reference, uint32_t parent)
{
    if ((reference & TAG_MASK) == TAG_LEVEL)
        pool->cells[referred_level(pool, reference)].level.node = parent;
    else
        pool->nodes[reference >> TAG_BITS].parent = parent;
}

/* Puts `reference`, whose keys are like `key`, where its parent had another child. */
static void replace_child(struct book_pool *pool, struct book_half *half, uint32_t parent,
                          uint64_t key, uint32_t reference)
{
    if (parent)
        set_child(pool, parent, key, reference);
    else
        half->root = reference;
    set_parent(pool, reference, parent);
}

static uint32_t take_node(struct book_pool *pool)
{
    uint32_t node = pool->node_free;
    if (node) {
        pool->node_free = pool->nodes[node].free_next;
    } else {
        node = pool->node_fresh++;
        CHECK(node <= pool->levels_max);
    }
    pool->node_count++;
    return node;
}

/* A node between `child` and its parent, where `key` and the child's keys part. */
static uint32_t split(struct book_pool *pool, struct book_half *half, uint32_t child,
                      uint64_t child_key, uint32_t parent, uint64_t key)
{
    uint32_t top_bit = 63 - (uint32_t)__builtin_clzll(key ^ child_key);
    uint32_t index = take_node(pool);
    struct book_node *node = &pool->nodes[index];
    node->digit = top_bit / DIGIT_BITS;
    node->prefix = prefix_of(key, node->digit);
    replace_child(pool, half, parent, key, node_reference(pool, index));
    set_child(pool, index, child_key, child);
    set_parent(pool, child, index);
    return index;
}

/* Hangs a new level into the index. `holder` and `found` are what descend() returned. */
static void link_level(struct book_pool *pool, struct book_half *half, uint32_t level,
                       uint32_t holder, uint32_t found)
{
    uint64_t key = pool->cells[level].level.key;
    uint32_t reference = level_reference(pool, level), child = found, parent = holder;
    if (!half->root) {
        replace_child(pool, half, 0, key, reference);
        return;
    }
    uint64_t other;
    if (found) {
        other = pool->cells[referred_level(pool, found)].level.key;
    } else {
        struct book_node *node = &pool->nodes[holder];
        other = node->prefix;
        if (prefix_of(key, node->digit) == other) {
            set_child(pool, holder, key, reference);
            set_parent(pool, reference, holder);
            return;
        }
        child = node_reference(pool, holder);
        parent = node->parent;
    }
    /* The digits skipped on the way were wrong: climb to where they began to be. */
    while (parent &&
           prefix_of(key, pool->nodes[parent].digit) != pool->nodes[parent].prefix) {
        child = node_reference(pool, parent);
        other = pool->nodes[parent].prefix;
        parent = pool->nodes[parent].parent;
    }
    uint32_t between = split(pool, half, child, other, parent, key);
    set_child(pool, between, key, reference);
    set_parent(pool, reference, between);
}

/* A node that is left with one child gives way to it. */
static void unlink_level(struct book_pool *pool, struct book_half *half, uint32_t level)
{
    uint64_t key = pool->cells[level].level.key;
    uint32_t index = pool->cells[level].level.node;
    if (!index) {
        half->root = 0;
        return;
    }
    struct book_node *node = &pool->nodes[index];
    uint32_t digit = digit_of(key, node->digit);
    node->children[digit] = 0;
    node->bitmap &= ~(UINT64_C(1) << digit);
    if (node->bitmap & (node->bitmap - 1))
        return;
    uint32_t last = (uint32_t)__builtin_ctzll(node->bitmap);
    replace_child(pool, half, node->parent, key, node->children[last]);
    node->children[last] = 0;
    node->bitmap = 0;
    node->free_next = pool->node_free;
    pool->node_free = index;
    pool->node_count--;
}

uint32_t book_find_level(const struct book *book, enum book_side side, int64_t price)
{
    uint64_t key = book_key(side, price);
    uint32_t holder, found = descend(book->pool, book->halves[side].root, key, &holder);
    if (!found)
        return BOOK_NONE;
    uint32_t level = referred_level(book->pool, found);
    return book_level(book->pool, level)->key == key ? level : BOOK_NONE;
}

uint32_t book_level_behind(const struct book *book, uint32_t level)
{
    const struct book_pool *pool = book->pool;
    uint64_t key = book_level(pool, level)->key;
    for (uint32_t index = book_level(pool, level)->node; index;) {
        const struct book_node *node = &pool->nodes[index];
        uint64_t behind = node->bitmap & (~UINT64_C(1) << digit_of(key, node->digit));
        if (behind)
            return least_level(pool, node->children[__builtin_ctzll(behind)]);
        index = node->parent;
    }
    return BOOK_NONE;
}

/* ---- levels
 * ----------------------------------------------------------------------------- */

/* A new, empty level, or BOOK_NONE. */
static uint32_t add_level(struct book *book, enum book_side side, int64_t price,
                          uint32_t holder, uint32_t found)
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
    link_level(pool, half, index, holder, found);
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
        half->best = book_level_behind(book, index);
        half->best_key =
            half->best == BOOK_NONE ? UINT64_MAX : book_level(pool, half->best)->key;
    }
    unlink_level(pool, half, index);
    level->next = pool->level_free;
    pool->level_free = index;
    pool->level_count--;
    book->level_count--;
}

/* ---- orders
 * ----------------------------------------------------------------------------- */

int book_add(struct book *book, enum book_side side, int64_t price, uint32_t slot,
             const struct book_order *order)
{
    struct book_pool *pool = book->pool;
    CHECK(slot < pool->orders_max && price >= 1 && price <= PRICE_MAX);
    CHECK(order->leaves > 0 && order->leaves <= order->quantity);
    struct book_order *resting = &pool->cells[slot].order;
    CHECK(!resting->level);

    uint64_t key = book_key(side, price);
    uint32_t holder, found = descend(pool, book->halves[side].root, key, &holder);
    uint32_t index = found ? referred_level(pool, found) : BOOK_NONE;
    if (index == BOOK_NONE || pool->cells[index].level.key != key)
        index = add_level(book, side, price, holder, found);
    if (index == BOOK_NONE)
        return ERR_FULL;

    struct book_level *level = &pool->cells[index].level;
    *resting = *order;
    resting->level = index;
    resting->next = index;
    resting->prev = level->prev;
    pool->cells[level->prev].order.next = slot;
    level->prev = slot;
    level->quantity += order->leaves;
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

/* ---- invariants
 * ------------------------------------------------------------------------- */

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

/* Every child refers back, agrees with its node's digits, and every node has two at
 * least. Returns how many nodes there are below `reference`. Bounded by DIGITS. */
static uint32_t check_index(const struct book_pool *pool, uint32_t reference,
                            uint32_t parent, uint32_t above)
{
    if (!reference)
        return 0;
    if ((reference & TAG_MASK) == TAG_LEVEL) {
        CHECK(book_level(pool, referred_level(pool, reference))->node == parent);
        return 0;
    }
    uint32_t index = reference >> TAG_BITS, count = 1, children = 0;
    const struct book_node *node = &pool->nodes[index];
    CHECK(node->parent == parent && node->digit == (reference & TAG_MASK));
    CHECK(node->digit < above && node->prefix == prefix_of(node->prefix, node->digit));
    if (parent) {
        const struct book_node *up = &pool->nodes[parent];
        CHECK(prefix_of(node->prefix, up->digit) == up->prefix);
        CHECK(up->children[digit_of(node->prefix, up->digit)] == reference);
    }
    for (uint32_t digit = 0; digit < FANOUT; digit++) {
        bool is_there = node->children[digit] != 0;
        CHECK(is_there == (node->bitmap >> digit & 1));
        children += is_there;
        count += check_index(pool, node->children[digit], index, node->digit);
    }
    CHECK(children >= 2);
    return count;
}

void book_check(const struct book *book, bool may_cross)
{
    uint32_t levels = 0, orders = 0;
    for (uint32_t side = BOOK_BID; side <= BOOK_ASK; side++) {
        const struct book_half *half = &book->halves[side];
        CHECK((half->best == BOOK_NONE) == (half->root == 0));
        CHECK(half->best == BOOK_NONE ||
              least_level(book->pool, half->root) == half->best);
        uint64_t key = half->best_key;
        CHECK(half->best != BOOK_NONE || key == UINT64_MAX);
        for (uint32_t level = half->best; level != BOOK_NONE;
             level = book_level_behind(book, level)) {
            const struct book_level *this = book_level(book->pool, level);
            CHECK(this->side == side &&
                  (level == half->best ? this->key == key : this->key > key));
            check_level(book, level);
            key = this->key;
            levels++;
            orders += this->order_count;
        }
        check_index(book->pool, half->root, 0, DIGITS);
    }
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
        for (uint32_t side = BOOK_BID; side <= BOOK_ASK; side++)
            nodes += check_index(pool, books[i].halves[side].root, 0, DIGITS);
    }
    CHECK(orders == pool->order_count && levels == pool->level_count);
    CHECK(nodes == pool->node_count);
    for (uint32_t slot = 0; slot < pool->orders_max; slot++)
        open += book_order(pool, slot)->level != 0;
    CHECK(open == orders);
    for (uint32_t level = pool->level_free; level; level = pool->cells[level].level.next)
        levels++;
    CHECK(levels == pool->level_fresh - pool->orders_max);
    for (uint32_t node = pool->node_free; node; node = pool->nodes[node].free_next) {
        CHECK(!pool->nodes[node].bitmap);
        nodes++;
    }
    CHECK(nodes == pool->node_fresh - 1);
}
