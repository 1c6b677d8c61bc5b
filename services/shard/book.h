/* book.h - one symbol's resting orders, by price and time.
 *
 * Owns:     struct book_pool: the orders, levels and index nodes of all books of a shard,
 *           carved from one block at book_pool_init. struct book: 56 bytes of roots.
 * Units:    price, quantity and quote as in proto/limits.h; a slot is risk's dense index
 *           of an open order; a level handle is good until the level is empty.
 * Errors:   ERR_FULL from book_add, which leaves the book as it was; misuse is a CHECK.
 * Threads:  none; belongs to the shard core that holds it.
 * Bounds:   orders_max slots and levels_max levels. Adding and removing a level touches
 *           at most 7 index nodes, of which there are enough; all else is O(1). The sum
 *           of a level's quantities fits an int64, because risk has held each of them.
 */
#ifndef BOOK_H
#define BOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/check.h"
#include "common/error.h"
#include "common/prefetch.h"
#include "proto/limits.h"

enum book_side {
    BOOK_BID,
    BOOK_ASK,
};

#define BOOK_NONE           UINT32_MAX /* no such order, no such level */
#define BOOK_FEE_CREDIT_MAX ((1u << 20) - 1)

/* A resting order: one cache line, so that a cancel or a fill with its report touches
 * one. Orders of a level form a ring, oldest first, closed by the level itself, which
 * begins with the same two links: taking an order out has no special case and no branch.
 * Cumulative quantity is quantity - leaves. Side, price and symbol are the level's. */
struct book_order {
    uint32_t next, prev; /* cells: a slot, or the level */
    int64_t leaves;
    uint32_t level; /* 0: the slot is free (cell 0 is always an order's) */
    uint32_t account;
    uint64_t order_id;
    uint64_t cl_ord_id;
    int64_t cum_quote;
    int64_t quantity;
    uint64_t terms; /* struct book_terms, packed */
};

/* What an order carries for the shard's rules; the book only stores it. */
struct book_terms {
    int32_t maker_ppm, taker_ppm; /* within +-FEE_PPM_MAX */
    uint32_t fee_credit;          /* up to BOOK_FEE_CREDIT_MAX */
    uint8_t flags;                /* the caller's */
};

/* All orders of one side at one price, with their totals. */
struct book_level {
    uint32_t next, prev; /* cells: oldest and newest order */
    int64_t quantity;    /* sum of leaves */
    uint32_t order_count;
    uint32_t symbol;
    int64_t price;
    uint64_t key;  /* the price, mirrored for bids: the best level has the least key */
    uint32_t node; /* index node that points here; 0: the root does */
    enum book_side side;
};

union book_cell {
    struct book_order order;
    struct book_level level;
    uint64_t line[8];
};

struct ladder_node; /* of the price index, ladder.h */

struct book_pool {
    union book_cell *cells; /* orders by slot, then levels */
    struct ladder_node *nodes;
    uint32_t orders_max, levels_max;
    uint32_t order_count, level_count, node_count; /* in use */
    uint32_t level_fresh, node_fresh;              /* never used from here on */
    uint32_t level_free, node_free;                /* used before, last freed first */
};

struct book_half {
    uint64_t best_key; /* UINT64_MAX if empty */
    uint32_t best;     /* level, or BOOK_NONE */
    uint32_t root;     /* of the price index */
};

struct book {
    struct book_pool *pool;
    struct book_half halves[2]; /* by enum book_side */
    uint32_t symbol;
    uint32_t order_count, level_count;
};

/* Bytes the pool needs; pages that were never used are never touched. With levels_max =
 * orders_max book_add cannot fail. */
size_t book_pool_size(uint32_t orders_max, uint32_t levels_max);

/* `memory`: book_pool_size bytes, zeroed, aligned to 64, kept by the caller. */
void book_pool_init(struct book_pool *, void *memory, uint32_t orders_max,
                    uint32_t levels_max);

/* An empty book; the pool outlives it. */
void book_init(struct book *, struct book_pool *, uint32_t symbol);

/* Rests an order behind all others of its price. Copies it, links and level aside. The
 * slot must be free and 0 < leaves <= quantity; that it does not cross is the matcher's
 * business. ERR_FULL if it needs a new level and there is none. */
ERROR_CHECKED int book_add(struct book *, enum book_side, int64_t price, uint32_t slot,
                           const struct book_order *);

/* A trade of `quantity` (1..leaves) for `quote`: leaves down, cum_quote up, and out of
 * the book when nothing is left. The order's own fields stay readable until its slot is
 * used again, its level does not. */
void book_fill(struct book *, uint32_t slot, int64_t quantity, int64_t quote);

/* Leaves fall to `leaves` (1..what they were), quantity with them; priority is kept. */
void book_reduce(struct book *, uint32_t slot, int64_t leaves);

/* Out of the book; readable as after book_fill. */
void book_remove(struct book *, uint32_t slot);

/* The level of a price, or BOOK_NONE. */
uint32_t book_find_level(const struct book *, enum book_side, int64_t price);

/* The next level behind this one, or BOOK_NONE. With book_best and book_front/book_behind
 * this walks a book in priority order; adding its orders to an empty book in that order
 * makes the same book. */
uint32_t book_level_behind(const struct book *, uint32_t level);

/* Invariants, with CHECK: links, sums, order of levels, index. Not crossed, unless it may
 * be (an auction). */
void book_check(const struct book *, bool may_cross);

/* book_check of all the books of the pool, and that nothing of the pool is lost. */
void book_pool_check(const struct book_pool *, const struct book *books, uint32_t count,
                     bool may_cross);

static inline uint64_t book_key(enum book_side side, int64_t price)
{
    return (uint64_t)(side == BOOK_BID ? PRICE_MAX - price : price);
}

/* Borrowed; `terms` and `cl_ord_id` are all that a caller may change in place. */
static inline struct book_order *book_order(const struct book_pool *pool, uint32_t slot)
{
    return &pool->cells[slot].order;
}

static inline const struct book_level *book_level(const struct book_pool *pool,
                                                  uint32_t level)
{
    return &pool->cells[level].level;
}

/* The level an open order rests on. */
static inline const struct book_level *book_level_of(const struct book_pool *pool,
                                                     uint32_t slot)
{
    return book_level(pool, book_order(pool, slot)->level);
}

/* The open order with this id, or NULL: the slot is free or has another order by now. */
static inline struct book_order *book_find(const struct book_pool *pool, uint32_t slot,
                                           uint64_t order_id)
{
    if (slot >= pool->orders_max)
        return NULL;
    struct book_order *order = book_order(pool, slot);
    return order->level && order->order_id == order_id ? order : NULL;
}

/* The best level, or BOOK_NONE. */
static inline uint32_t book_best(const struct book *book, enum book_side side)
{
    return book->halves[side].best;
}

/* Would a taker with this limit trade with the orders resting on `side`? */
static inline bool book_crosses(const struct book *book, enum book_side side,
                                int64_t limit)
{
    return book->halves[side].best_key <= book_key(side, limit);
}

/* The oldest order of a level. */
static inline uint32_t book_front(const struct book_pool *pool, uint32_t level)
{
    return book_level(pool, level)->next;
}

/* The order behind this one in its level, or BOOK_NONE. */
static inline uint32_t book_behind(const struct book_pool *pool, uint32_t slot)
{
    uint32_t next = book_order(pool, slot)->next;
    return next < pool->orders_max ? next : BOOK_NONE;
}

static inline uint64_t book_pack(struct book_terms terms)
{
    CHECK(terms.fee_credit <= BOOK_FEE_CREDIT_MAX);
    CHECK(terms.maker_ppm >= -FEE_PPM_MAX && terms.maker_ppm <= FEE_PPM_MAX);
    CHECK(terms.taker_ppm >= -FEE_PPM_MAX && terms.taker_ppm <= FEE_PPM_MAX);
    return (uint64_t)terms.fee_credit | (uint64_t)terms.flags << 20 |
           (uint64_t)(uint32_t)(terms.maker_ppm + FEE_PPM_MAX) << 28 |
           (uint64_t)(uint32_t)(terms.taker_ppm + FEE_PPM_MAX) << 46;
}

static inline struct book_terms book_unpack(uint64_t packed)
{
    return (struct book_terms){
        .fee_credit = (uint32_t)(packed & BOOK_FEE_CREDIT_MAX),
        .flags = (uint8_t)(packed >> 20 & 0xff),
        .maker_ppm = (int32_t)(packed >> 28 & 0x3ffff) - FEE_PPM_MAX,
        .taker_ppm = (int32_t)(packed >> 46 & 0x3ffff) - FEE_PPM_MAX,
    };
}

/* Look-ahead over a drained batch: some twelve records before a slot is needed, and
 * again, for its neighbours, about five before. Any slot below orders_max will do. */
static inline void book_prefetch(const struct book_pool *pool, uint32_t slot)
{
    prefetch_write(&pool->cells[slot]);
}

static inline void book_prefetch_links(const struct book_pool *pool, uint32_t slot)
{
    const struct book_order *order = &pool->cells[slot].order;
    prefetch_write(&pool->cells[order->next]);
    prefetch_write(&pool->cells[order->prev]);
    prefetch_write(&pool->cells[order->level]);
}

#endif
