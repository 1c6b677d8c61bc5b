/* ladder.h - the levels of one side of a book by price, a radix trie; private to book.c.
 *
 * Owns:     the nodes in struct book_pool; a level's `node`; a half's `root`.
 * Units:    keys as in struct book_level: the best level has the least.
 * Errors:   none: a pool has as many nodes as levels, and fewer are ever needed.
 * Threads:  none.
 * Bounds:   a path is at most LADDER_DIGITS long.
 *
 * A node has 64 children and stands for one digit (6 bits) of the key. Digits that all
 * keys below share are skipped, so a node has two children at least, and L levels need
 * fewer than L nodes. A reference to a child says what it is: a look-up reads nothing but
 * the children on its path and the level at its end. Whether the skipped digits were
 * right is seen there, in the level's key.
 */
#ifndef LADDER_H
#define LADDER_H

#include <stdint.h>

#include "services/shard/book.h"

enum {
    LADDER_DIGIT_BITS = 6,
    LADDER_FANOUT = 1 << LADDER_DIGIT_BITS,
    LADDER_DIGITS = 7,
    /* A reference: index << TAG_BITS | tag. Of a node the tag is 1 + its digit; of a
     * level it is 0 and the index counts from 1, so that nothing, 0, ends a path too. */
    LADDER_TAG_BITS = 3,
    LADDER_TAG_MASK = (1 << LADDER_TAG_BITS) - 1,
};

struct ladder_node {
    uint64_t bitmap; /* which children there are */
    uint64_t prefix; /* of every key below, zero from `digit` down */
    uint32_t parent; /* node; 0: this is the root. Node 0 is never used */
    uint32_t digit;
    uint32_t free_next;
    uint32_t unused;
    uint32_t children[LADDER_FANOUT]; /* references; all 0 in a free node */
};

/* Where a look-up ended. */
struct ladder_place {
    uint32_t node;  /* that holds the reference; 0: the root does */
    uint32_t found; /* reference to a level, whose key may be another; 0: none */
};

static inline uint32_t ladder_digit(uint64_t key, uint32_t digit)
{
    return (uint32_t)(key >> (digit * LADDER_DIGIT_BITS)) % LADDER_FANOUT;
}

static inline struct ladder_place ladder_find(const struct book_pool *pool, uint32_t root,
                                              uint64_t key)
{
    struct ladder_place place = {.found = root};
    for (uint32_t tag; (tag = place.found & LADDER_TAG_MASK) != 0;) {
        place.node = place.found >> LADDER_TAG_BITS;
        place.found = pool->nodes[place.node].children[ladder_digit(key, tag - 1)];
    }
    return place;
}

/* The level a reference found leads to. */
static inline uint32_t ladder_level(const struct book_pool *pool, uint32_t reference)
{
    return (reference >> LADDER_TAG_BITS) - 1 + pool->orders_max;
}

/* Hangs in a level that is not there yet, at the place a look-up of its key ended. */
void ladder_link(struct book_pool *, struct book_half *, uint32_t level,
                 struct ladder_place);

void ladder_unlink(struct book_pool *, struct book_half *, uint32_t level);

/* The level with the next larger key, or BOOK_NONE. */
uint32_t ladder_behind(const struct book_pool *, uint32_t level);

/* CHECKs every node from the root down, and that the half's best level is the least.
 * Returns how many nodes there are. */
uint32_t ladder_check(const struct book_pool *, const struct book_half *);

#endif
