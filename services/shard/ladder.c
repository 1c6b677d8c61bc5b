/* ladder.c - nodes come where keys part and go when one child is left. */
#include "services/shard/ladder.h"

#include <assert.h>

#include "common/check.h"

static_assert(PRICE_MAX < INT64_C(1) << (LADDER_DIGIT_BITS * LADDER_DIGITS),
              "keys fit the digits");
static_assert(SLOT_MAX + 1 <= UINT32_MAX >> LADDER_TAG_BITS, "references fit");

/* The digits above `digit`, the rest zero. */
static uint64_t prefix_of(uint64_t key, uint32_t digit)
{
    uint32_t shift = (digit + 1) * LADDER_DIGIT_BITS;
    return key >> shift << shift;
}

static bool is_level(uint32_t reference)
{
    return (reference & LADDER_TAG_MASK) == 0;
}

static uint32_t refer_to_level(const struct book_pool *pool, uint32_t level)
{
    return (level - pool->orders_max + 1) << LADDER_TAG_BITS;
}

static uint32_t refer_to_node(const struct book_pool *pool, uint32_t node)
{
    return node << LADDER_TAG_BITS | (pool->nodes[node].digit + 1);
}

static uint32_t least_level(const struct book_pool *pool, uint32_t reference)
{
    while (!is_level(reference)) {
        const struct ladder_node *node = &pool->nodes[reference >> LADDER_TAG_BITS];
        reference = node->children[__builtin_ctzll(node->bitmap)];
    }
    return ladder_level(pool, reference);
}

uint32_t ladder_behind(const struct book_pool *pool, uint32_t level)
{
    uint64_t key = book_level(pool, level)->key;
    for (uint32_t index = book_level(pool, level)->node; index;) {
        const struct ladder_node *node = &pool->nodes[index];
        uint64_t behind = node->bitmap & (~UINT64_C(1) << ladder_digit(key, node->digit));
        if (behind)
            return least_level(pool, node->children[__builtin_ctzll(behind)]);
        index = node->parent;
    }
    return BOOK_NONE;
}

/* Puts `reference`, whose keys are like `key`, under `parent`; 0: makes it the root. */
static void set_child(struct book_pool *pool, struct book_half *half, uint32_t parent,
                      uint64_t key, uint32_t reference)
{
    if (parent) {
        struct ladder_node *node = &pool->nodes[parent];
        uint32_t digit = ladder_digit(key, node->digit);
        node->children[digit] = reference;
        node->bitmap |= UINT64_C(1) << digit;
    } else {
        half->root = reference;
    }
    if (is_level(reference))
        pool->cells[ladder_level(pool, reference)].level.node = parent;
    else
        pool->nodes[reference >> LADDER_TAG_BITS].parent = parent;
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

static void give_node(struct book_pool *pool, uint32_t index)
{
    struct ladder_node *node = &pool->nodes[index];
    CHECK(!node->bitmap);
    node->free_next = pool->node_free;
    pool->node_free = index;
    pool->node_count--;
}

/* A new node between `child` and `parent`, where `key` and the child's keys part. */
static uint32_t split(struct book_pool *pool, struct book_half *half, uint32_t parent,
                      uint32_t child, uint64_t child_key, uint64_t key)
{
    uint32_t top_bit = 63 - (uint32_t)__builtin_clzll(key ^ child_key);
    uint32_t index = take_node(pool);
    struct ladder_node *node = &pool->nodes[index];
    node->digit = top_bit / LADDER_DIGIT_BITS;
    node->prefix = prefix_of(key, node->digit);
    set_child(pool, half, parent, key, refer_to_node(pool, index));
    set_child(pool, half, index, child_key, child);
    return index;
}

void ladder_link(struct book_pool *pool, struct book_half *half, uint32_t level,
                 struct ladder_place place)
{
    uint64_t key = book_level(pool, level)->key, child_key = key;
    uint32_t parent = place.node, child = place.found;
    if (child)
        child_key = book_level(pool, ladder_level(pool, child))->key;
    /* Digits skipped on the way may have been wrong: climb to where they were right. */
    while (parent &&
           prefix_of(key, pool->nodes[parent].digit) != pool->nodes[parent].prefix) {
        child = refer_to_node(pool, parent);
        child_key = pool->nodes[parent].prefix;
        parent = pool->nodes[parent].parent;
    }
    if (child)
        parent = split(pool, half, parent, child, child_key, key);
    set_child(pool, half, parent, key, refer_to_level(pool, level));
}

void ladder_unlink(struct book_pool *pool, struct book_half *half, uint32_t level)
{
    uint64_t key = book_level(pool, level)->key;
    uint32_t index = book_level(pool, level)->node;
    if (!index) {
        half->root = 0;
        return;
    }
    struct ladder_node *node = &pool->nodes[index];
    uint32_t digit = ladder_digit(key, node->digit);
    node->children[digit] = 0;
    node->bitmap &= ~(UINT64_C(1) << digit);
    if (node->bitmap & (node->bitmap - 1))
        return;
    /* The only child that is left takes the node's place. */
    uint32_t last = (uint32_t)__builtin_ctzll(node->bitmap);
    set_child(pool, half, node->parent, key, node->children[last]);
    node->children[last] = 0;
    node->bitmap = 0;
    give_node(pool, index);
}

/* Bounded in depth: a node's digit is below its parent's. */
static uint32_t check_below(const struct book_pool *pool, uint32_t reference,
                            uint32_t parent)
{
    if (is_level(reference)) {
        CHECK(book_level(pool, ladder_level(pool, reference))->node == parent);
        return 0;
    }
    uint32_t index = reference >> LADDER_TAG_BITS, count = 1, children = 0;
    const struct ladder_node *node = &pool->nodes[index];
    CHECK(node->parent == parent && node->digit + 1 == (reference & LADDER_TAG_MASK));
    CHECK(node->prefix == prefix_of(node->prefix, node->digit));
    if (parent) {
        const struct ladder_node *up = &pool->nodes[parent];
        CHECK(node->digit < up->digit);
        CHECK(prefix_of(node->prefix, up->digit) == up->prefix);
        CHECK(up->children[ladder_digit(node->prefix, up->digit)] == reference);
    }
    for (uint32_t digit = 0; digit < LADDER_FANOUT; digit++) {
        bool is_there = node->children[digit] != 0;
        CHECK(is_there == (node->bitmap >> digit & 1));
        children += is_there;
        if (is_there)
            count += check_below(pool, node->children[digit], index);
    }
    CHECK(children >= 2);
    return count;
}

uint32_t ladder_check(const struct book_pool *pool, const struct book_half *half)
{
    if (!half->root) {
        CHECK(half->best == BOOK_NONE && half->best_key == UINT64_MAX);
        return 0;
    }
    CHECK(half->best == least_level(pool, half->root));
    CHECK(half->best_key == book_level(pool, half->best)->key);
    return check_below(pool, half->root, 0);
}
