/* book_model_test.c - the book against a naive one: an unsorted array, scanned.
 *
 *     book_model_test [SEED [COMMANDS]]      or SEED=, COMMANDS= in the environment
 *
 * Random commands (new, cancel, reduce, replace, sweep) on a few symbols that share one
 * pool small enough to be full at times. Every fill, best price and count is compared as
 * it happens; every 1000 commands all of the book's invariants and the whole queue, and
 * that a copy made by adding the orders in priority order is the same book.
 */
#include "services/shard/book.h"

#include <inttypes.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/random.h"
#include "tests/model/option.h"

enum {
    SYMBOLS = 3,
    ORDERS_MAX = 256,
    LEVELS_MAX = 150,
    FULL_CHECK_EVERY = 1000,
    PHASE_COMMANDS = 20000,
};

struct naive_order {
    uint64_t
        age; /* rises with each order that goes to the back of a queue; 0: none here */
    uint64_t order_id;
    uint32_t symbol;
    enum book_side side;
    int64_t price, leaves, quantity, cum_quote;
};

struct model {
    struct random random;
    struct book_pool pool;
    struct book books[SYMBOLS];
    struct naive_order naive[ORDERS_MAX]; /* by slot */
    uint64_t age, order_id, command, trades, full_count;
    uint32_t naive_count;
    uint32_t style; /* of prices, changes by phase */
    int64_t middle;
};

static void *take_memory(size_t size)
{
    void *memory = aligned_alloc(64, (size + 63) / 64 * 64);
    CHECK(memory);
    return memset(memory, 0, size);
}

/* ---- the naive book ---------------------------------------------------------------- */

static bool is_before(const struct naive_order *a, const struct naive_order *b)
{
    if (a->price != b->price)
        return (a->side == BOOK_BID) == (a->price > b->price);
    return a->age < b->age;
}

/* The slot that trades next, or BOOK_NONE. */
static uint32_t naive_best(const struct model *model, uint32_t symbol,
                           enum book_side side)
{
    uint32_t best = BOOK_NONE;
    for (uint32_t slot = 0; slot < ORDERS_MAX; slot++) {
        const struct naive_order *order = &model->naive[slot];
        if (order->age && order->symbol == symbol && order->side == side &&
            (best == BOOK_NONE || is_before(order, &model->naive[best])))
            best = slot;
    }
    return best;
}

static bool naive_has_level(const struct model *model, const struct naive_order *like)
{
    for (uint32_t slot = 0; slot < ORDERS_MAX; slot++) {
        const struct naive_order *order = &model->naive[slot];
        if (order->age && order->symbol == like->symbol && order->side == like->side &&
            order->price == like->price)
            return true;
    }
    return false;
}

/* Quantity a taker with this limit could have of `side`. */
static int64_t naive_within(const struct model *model, uint32_t symbol,
                            enum book_side side, int64_t limit)
{
    int64_t sum = 0;
    for (uint32_t slot = 0; slot < ORDERS_MAX; slot++) {
        const struct naive_order *order = &model->naive[slot];
        if (order->age && order->symbol == symbol && order->side == side &&
            (side == BOOK_BID ? order->price >= limit : order->price <= limit))
            sum += order->leaves;
    }
    return sum;
}

/* ---- both, side by side ------------------------------------------------------------ */

static void naive_close(struct model *model, uint32_t slot)
{
    model->naive[slot].age = 0;
    model->naive_count--;
}

static int64_t within(const struct book *book, enum book_side side, int64_t limit)
{
    int64_t sum = 0;
    for (uint32_t level = book_best(book, side); level != BOOK_NONE;
         level = book_level_behind(book, level)) {
        const struct book_level *this = book_level(book->pool, level);
        if (this->key > book_key(side, limit))
            break;
        sum += this->quantity;
    }
    return sum;
}

/* Takes what `taker` may take from the other side, comparing each fill. */
static void match(struct model *model, struct naive_order *taker)
{
    struct book *book = &model->books[taker->symbol];
    enum book_side other = taker->side == BOOK_BID ? BOOK_ASK : BOOK_BID;
    CHECK(within(book, other, taker->price) ==
          naive_within(model, taker->symbol, other, taker->price));
    while (taker->leaves && book_crosses(book, other, taker->price)) {
        uint32_t slot = book_front(&model->pool, book_best(book, other));
        CHECK(slot == naive_best(model, taker->symbol, other));
        struct naive_order *maker = &model->naive[slot];
        const struct book_order *order = book_order(&model->pool, slot);
        CHECK(order->leaves == maker->leaves && order->order_id == maker->order_id);
        CHECK(book_level_of(&model->pool, slot)->price == maker->price);
        int64_t quantity = taker->leaves < maker->leaves ? taker->leaves : maker->leaves;
        book_fill(book, slot, quantity, quantity * 3);
        taker->leaves -= quantity;
        taker->cum_quote += quantity * 3;
        maker->leaves -= quantity;
        maker->cum_quote += quantity * 3;
        CHECK(order->cum_quote == maker->cum_quote);
        CHECK(!book_find(&model->pool, slot, maker->order_id) == !maker->leaves);
        if (!maker->leaves)
            naive_close(model, slot);
        model->trades++;
    }
    uint32_t best = naive_best(model, taker->symbol, other);
    CHECK(!taker->leaves || best == BOOK_NONE ||
          (taker->side == BOOK_BID ? model->naive[best].price > taker->price
                                   : model->naive[best].price < taker->price));
}

static void rest(struct model *model, uint32_t slot, const struct naive_order *taker)
{
    struct book_terms terms = {-7, 90, (uint32_t)taker->order_id & 0xfff, (uint8_t)slot};
    struct book_order order = {
        .leaves = taker->leaves,
        .quantity = taker->quantity,
        .cum_quote = taker->cum_quote,
        .order_id = taker->order_id,
        .cl_ord_id = ~taker->order_id,
        .account = slot * 3,
        .terms = book_pack(terms),
    };
    bool is_full =
        model->pool.level_count == LEVELS_MAX && !naive_has_level(model, taker);
    struct book *book = &model->books[taker->symbol];
    CHECK(book_add(book, taker->side, taker->price, slot, &order) ==
          (is_full ? ERR_FULL : 0));
    if (is_full) {
        model->full_count++;
        return;
    }
    model->naive[slot] = *taker;
    model->naive[slot].age = ++model->age;
    model->naive_count++;
}

/* ---- commands ---------------------------------------------------------------------- */

static int64_t clamp(int64_t price)
{
    return price < 1 ? 1 : price > PRICE_MAX ? PRICE_MAX : price;
}

/* Dense around a middle that wanders, sparse by powers of two, or anywhere at all. */
static int64_t pick_price(struct model *model, enum book_side side)
{
    struct random *random = &model->random;
    int64_t away = 0;
    switch (model->style) {
    case 0:
        model->middle += random_between(random, -2, 2);
        away = random_between(random, -3, 40);
        break;
    case 1:
        away = (INT64_C(1) << random_below(random, 41)) + random_between(random, -5, 5);
        break;
    case 2:
        away = random_between(random, -10, 5000);
        break;
    default:
        return random_between(random, 1, PRICE_MAX);
    }
    return clamp(side == BOOK_BID ? model->middle - away : model->middle + away);
}

static uint32_t pick_slot(struct model *model, bool is_open)
{
    uint32_t start = (uint32_t)random_below(&model->random, ORDERS_MAX);
    for (uint32_t i = 0; i < ORDERS_MAX; i++) {
        uint32_t slot = (start + i) % ORDERS_MAX;
        if ((model->naive[slot].age != 0) == is_open)
            return slot;
    }
    return BOOK_NONE;
}

static void enter(struct model *model, uint32_t slot, bool is_sweep)
{
    struct random *random = &model->random;
    enum book_side side = random_chance(random, 500000) ? BOOK_BID : BOOK_ASK;
    int64_t quantity =
        random_chance(random, 50000) ? INT64_C(1) << 44 : random_between(random, 1, 100);
    struct naive_order order = {
        .order_id = ++model->order_id,
        .symbol = (uint32_t)random_below(random, SYMBOLS),
        .side = side,
        .price = pick_price(model, side),
        .leaves = quantity,
        .quantity = quantity,
    };
    if (is_sweep)
        order.price = side == BOOK_BID ? PRICE_MAX : 1;
    match(model, &order);
    if (order.leaves && !is_sweep)
        rest(model, slot, &order);
}

static void cancel(struct model *model, uint32_t slot)
{
    struct naive_order *order = &model->naive[slot];
    CHECK(book_find(&model->pool, slot, order->order_id));
    CHECK(!book_find(&model->pool, slot, order->order_id + 1));
    book_remove(&model->books[order->symbol], slot);
    CHECK(!book_find(&model->pool, slot, order->order_id));
    CHECK(book_order(&model->pool, slot)->leaves == order->leaves);
    naive_close(model, slot);
}

static void reduce(struct model *model, uint32_t slot)
{
    struct naive_order *order = &model->naive[slot];
    int64_t leaves = random_between(&model->random, 1, order->leaves);
    book_reduce(&model->books[order->symbol], slot, leaves);
    order->quantity -= order->leaves - leaves;
    order->leaves = leaves;
}

/* Leaves the queue and comes back, as a taker first, with what was filled before. */
static void replace(struct model *model, uint32_t slot)
{
    struct naive_order order = model->naive[slot];
    cancel(model, slot);
    int64_t more = random_between(&model->random, 0, 50);
    order.price = pick_price(model, order.side);
    order.leaves += more;
    order.quantity += more;
    match(model, &order);
    if (order.leaves)
        rest(model, slot, &order);
}

static void step(struct model *model)
{
    if (model->command % PHASE_COMMANDS == 0) {
        model->style = (uint32_t)random_below(&model->random, 4);
        model->middle = model->style == 1 ? PRICE_MAX / 2
                                          : random_between(&model->random, 1, PRICE_MAX);
    }
    uint32_t open = pick_slot(model, true), free = pick_slot(model, false);
    uint64_t what = random_below(&model->random, 1000);
    uint64_t adds = model->command / 5000 % 2 ? 480 : 620; /* fill up, thin out */
    if (what < 5)
        enter(model, free, true);
    else if ((what < adds || open == BOOK_NONE) && free != BOOK_NONE)
        enter(model, free, false);
    else if (what < 900)
        cancel(model, open);
    else if (what < 940)
        reduce(model, open);
    else
        replace(model, open);
}

/* ---- comparison -------------------------------------------------------------------- */

static void compare_cheaply(const struct model *model)
{
    uint32_t orders = 0;
    for (uint32_t i = 0; i < SYMBOLS; i++) {
        orders += model->books[i].order_count;
        for (uint32_t side = BOOK_BID; side <= BOOK_ASK; side++) {
            uint32_t naive = naive_best(model, i, side);
            uint32_t best = book_best(&model->books[i], side);
            CHECK((naive == BOOK_NONE) == (best == BOOK_NONE));
            CHECK(best == BOOK_NONE || book_front(&model->pool, best) == naive);
        }
    }
    CHECK(orders == model->naive_count && orders == model->pool.order_count);
}

/* Walks the book in priority order: each order must be the naive book's next, equal in
 * all it carries, and is added to the copy. */
static void compare_queue(struct model *model, uint32_t symbol, enum book_side side,
                          struct book *copy)
{
    const struct book *book = &model->books[symbol];
    const struct naive_order *before = NULL;
    for (uint32_t level = book_best(book, side); level != BOOK_NONE;
         level = book_level_behind(book, level)) {
        for (uint32_t slot = book_front(&model->pool, level); slot != BOOK_NONE;
             slot = book_behind(&model->pool, slot)) {
            const struct book_order *order = book_order(&model->pool, slot);
            const struct naive_order *naive = &model->naive[slot];
            struct book_terms terms = book_unpack(order->terms);
            CHECK(naive->age && naive->symbol == symbol && naive->side == side);
            CHECK(!before || is_before(before, naive));
            CHECK(naive->price == book_level(&model->pool, level)->price);
            CHECK(naive->leaves == order->leaves && naive->quantity == order->quantity);
            CHECK(naive->cum_quote == order->cum_quote);
            CHECK(naive->order_id == order->order_id && order->account == slot * 3);
            CHECK(order->cl_ord_id == ~order->order_id);
            CHECK(terms.maker_ppm == -7 && terms.taker_ppm == 90 && terms.flags == slot);
            CHECK(terms.fee_credit == (naive->order_id & 0xfff));
            CHECK(book_add(copy, side, naive->price, slot, order) == 0);
            before = naive;
        }
    }
}

static void compare_fully(struct model *model, void *copy_memory)
{
    book_pool_check(&model->pool, model->books, SYMBOLS, false);
    struct book_pool copy_pool;
    struct book copies[SYMBOLS];
    memset(copy_memory, 0, book_pool_size(ORDERS_MAX, LEVELS_MAX));
    book_pool_init(&copy_pool, copy_memory, ORDERS_MAX, LEVELS_MAX);
    for (uint32_t i = 0; i < SYMBOLS; i++) {
        book_init(&copies[i], &copy_pool, i);
        compare_queue(model, i, BOOK_BID, &copies[i]);
        compare_queue(model, i, BOOK_ASK, &copies[i]);
    }
    book_pool_check(&copy_pool, copies, SYMBOLS, false);
    CHECK(copy_pool.order_count == model->naive_count);
    CHECK(copy_pool.level_count == model->pool.level_count);
    CHECK(copy_pool.node_count == model->pool.node_count);
}

int main(int argc, char **argv)
{
    uint64_t seed = option(argc, argv, 1, "SEED", 42);
    uint64_t commands = option(argc, argv, 2, "COMMANDS", 1000000);
    printf("repeat: %s %" PRIu64 " %" PRIu64 "\n", argv[0], seed, commands);
    fflush(stdout);

    static struct model model;
    void *memory = take_memory(book_pool_size(ORDERS_MAX, LEVELS_MAX));
    void *copy_memory = take_memory(book_pool_size(ORDERS_MAX, LEVELS_MAX));
    random_init(&model.random, seed);
    book_pool_init(&model.pool, memory, ORDERS_MAX, LEVELS_MAX);
    for (uint32_t i = 0; i < SYMBOLS; i++)
        book_init(&model.books[i], &model.pool, i);
    for (; model.command < commands; model.command++) {
        check_sequence = model.command;
        step(&model);
        compare_cheaply(&model);
        if (model.command % FULL_CHECK_EVERY == 0)
            compare_fully(&model, copy_memory);
    }
    compare_fully(&model, copy_memory);
    printf("%" PRIu64 " commands, %" PRIu64 " trades, full %" PRIu64 " times, %" PRIu32
           " orders left\n",
           commands, model.trades, model.full_count, model.naive_count);
    free(memory);
    free(copy_memory);
    return 0;
}
