/* lobster.c - see lobster.h; what the letters of the operations mean is in parse(). */
#include "deploy/cli/lobster.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/map.h"
#include "deploy/cli/args.h"
#include "deploy/cli/lines.h"

#define NOBODY INT64_C(9999999999) /* the price of a level that is not there */

enum { NAME_SHIFT = 40, ORDERS_MAX = 1 << 20 };

/* An order of the file while it rests. */
struct order {
    uint32_t command; /* that gave it its present name */
    int64_t total;    /* quantity as last ordered, what was filled included */
    int64_t leaves;
};

struct builder {
    struct lobster *lobster;
    uint32_t capacity;
    struct map map; /* recorded id -> index of orders */
    struct order *orders;
    uint32_t order_count;
};

struct operation {
    uint32_t row;
    char letter;
    int64_t id, side, price, quantity;
};

static bool add(struct builder *b, const struct operation *o, enum lobster_act act,
                uint32_t target, int64_t quantity)
{
    struct lobster *l = b->lobster;
    if (l->count == b->capacity) {
        b->capacity = 2 * b->capacity + 1024;
        struct lobster_command *grown = realloc(l->commands, b->capacity * sizeof *grown);
        if (grown == NULL)
            return args_fail("out of memory") == ARGS_OK;
        l->commands = grown;
    }
    bool buys = (o->side == 1) != (act == LOBSTER_TAKE);
    l->commands[l->count++] = (struct lobster_command){
        .row = o->row,
        .act = (uint8_t)act,
        .side = buys ? SIDE_BUY : SIDE_SELL,
        .price = o->price,
        .quantity = quantity,
        .target = target,
    };
    return true;
}

static bool add_order(struct builder *b, const struct operation *o)
{
    struct order *order = &b->orders[b->order_count];
    if (b->order_count == ORDERS_MAX ||
        map_set(&b->map, (uint64_t)o->id, b->order_count) != 0)
        return args_fail("more than %d orders", ORDERS_MAX) == ARGS_OK;
    b->order_count++;
    *order = (struct order){
        .command = b->lobster->count, .total = o->quantity, .leaves = o->quantity};
    return add(b, o, LOBSTER_ADD, 0, o->quantity);
}

static bool reduce(struct builder *b, const struct operation *o, struct order *order)
{
    uint32_t named_by = order->command;
    order->total -= o->quantity;
    order->leaves -= o->quantity;
    order->command = b->lobster->count;
    return add(b, o, LOBSTER_REDUCE, named_by, order->total);
}

static bool apply(struct builder *b, const struct operation *o)
{
    if (o->letter == 'H')
        return true; /* a hidden execution: nothing the book shows */
    if (o->letter == 'S' || o->letter == 'A')
        return add_order(b, o);
    uint64_t found = map_find(&b->map, (uint64_t)o->id);
    if (found == MAP_NONE)
        return args_fail("row %" PRIu32 ": no order %" PRId64, o->row, o->id) == ARGS_OK;
    struct order *order = &b->orders[found];
    switch (o->letter) {
    case 'G': /* of an order that was never seen to leave; perhaps only a part of it */
        if (o->quantity >= order->leaves)
            return add(b, o, LOBSTER_CANCEL, order->command, o->quantity);
        return reduce(b, o, order);
    case 'X':
        return reduce(b, o, order);
    case 'D':
        return add(b, o, LOBSTER_CANCEL, order->command, o->quantity);
    case 'E':
        order->leaves -= o->quantity;
        return add(b, o, LOBSTER_TAKE, order->command, o->quantity);
    case 'Q': /* to the tail of its level */
        return add(b, o, LOBSTER_CANCEL, order->command, o->quantity) && add_order(b, o);
    default:
        return args_fail("row %" PRIu32 ": no operation '%c'", o->row, o->letter) ==
               ARGS_OK;
    }
}

static bool parse(const char *line, struct operation *o)
{
    return sscanf(line, "%" SCNu32 ",%c,%" SCNd64 ",%" SCNd64 ",%" SCNd64 ",%" SCNd64,
                  &o->row, &o->letter, &o->id, &o->side, &o->price, &o->quantity) == 6;
}

static bool read_all(struct builder *b, struct lines *lines, const char *path)
{
    const char *line = lines_next(lines); /* the names of the columns */
    struct operation o;
    bool ok = line != NULL;
    while (ok && (line = lines_next(lines)) != NULL) {
        ok = parse(line, &o) || args_fail("%s: '%s'?", path, line) == ARGS_OK;
        ok = ok && apply(b, &o);
        b->lobster->rows = ok ? o.row : 0;
    }
    return ok && !lines_failed(lines);
}

bool lobster_open(struct lobster *self, const char *path, uint32_t symbol)
{
    struct lines *lines;
    *self = (struct lobster){.symbol = symbol};
    if (!lines_open(&lines, path))
        return false;
    struct builder b = {.lobster = self, .orders = malloc(ORDERS_MAX * sizeof *b.orders)};
    void *memory = malloc(map_size(ORDERS_MAX));
    bool ok = memory != NULL && b.orders != NULL;
    if (ok) {
        map_init(&b.map, memory, ORDERS_MAX);
        ok = read_all(&b, lines, path);
    }
    free(memory);
    free(b.orders);
    lines_close(&lines);
    if (!ok)
        lobster_close(self);
    return ok;
}

void lobster_close(struct lobster *self)
{
    free(self->commands);
    *self = (struct lobster){0};
}

/* ---- commands ---------------------------------------------------------------------- */

uint64_t lobster_name(const struct lobster *self, uint32_t index)
{
    return (uint64_t)self->symbol << NAME_SHIFT | (index + 1);
}

bool lobster_find(const struct lobster *self, uint64_t name, uint32_t *index)
{
    uint64_t number = name & ((UINT64_C(1) << NAME_SHIFT) - 1);
    *index = (uint32_t)(number - 1);
    return name >> NAME_SHIFT == self->symbol && number >= 1 && number <= self->count;
}

enum lobster_account lobster_account(const struct lobster_command *command)
{
    return command->act == LOBSTER_TAKE ? LOBSTER_TAKING : LOBSTER_RESTING;
}

bool lobster_ends_row(const struct lobster *self, uint32_t index)
{
    return index + 1 == self->count ||
           self->commands[index + 1].row != self->commands[index].row;
}

void lobster_message(const struct lobster *self, uint32_t index, struct msg *msg)
{
    const struct lobster_command *c = &self->commands[index];
    uint64_t name = lobster_name(self, index), target = lobster_name(self, c->target);
    if (c->act == LOBSTER_CANCEL)
        *msg =
            (struct msg){.kind = MSG_order_cancel,
                         .order_cancel = {.cl_ord_id = name, .orig_cl_ord_id = target}};
    else if (c->act == LOBSTER_REDUCE)
        *msg = (struct msg){.kind = MSG_order_replace,
                            .order_replace = {.cl_ord_id = name,
                                              .orig_cl_ord_id = target,
                                              .price = c->price,
                                              .quantity = c->quantity}};
    else
        *msg =
            (struct msg){.kind = MSG_order_new,
                         .order_new = {.cl_ord_id = name,
                                       .symbol = self->symbol,
                                       .side = c->side,
                                       .ord_type = ORD_TYPE_LIMIT,
                                       .tif = c->act == LOBSTER_TAKE ? TIF_IOC : TIF_GTC,
                                       .price = c->price,
                                       .quantity = c->quantity}};
}

/* ---- books ------------------------------------------------------------------------- */

static bool parse_number(const char **at, int64_t *number)
{
    char *end;
    *number = strtoll(*at, &end, 10);
    bool ok = end != *at;
    *at = *end == ',' ? end + 1 : end;
    return ok;
}

static bool parse_level(const char **at, struct lobster_side *side, int level)
{
    int64_t price, quantity;
    if (!parse_number(at, &price) || !parse_number(at, &quantity))
        return false;
    bool is_empty = price == NOBODY || price == -NOBODY;
    side->price[level] = is_empty ? 0 : price;
    side->quantity[level] = is_empty ? 0 : quantity;
    return true;
}

bool lobster_parse_book(const char *line, struct lobster_book *book)
{
    for (int level = 0; level < LOBSTER_LEVELS; level++)
        if (!parse_level(&line, &book->ask, level) ||
            !parse_level(&line, &book->bid, level))
            return false;
    return true;
}

void lobster_add_level(struct lobster_book *book, const struct msg *row)
{
    const struct msg_row_level *r = &row->row_level;
    if (row->kind != MSG_row_level)
        return;
    struct lobster_side *side = r->side == SIDE_BUY ? &book->bid : &book->ask;
    for (int level = 0; level < LOBSTER_LEVELS; level++)
        if (side->quantity[level] == 0) {
            side->price[level] = r->price;
            side->quantity[level] = r->quantity;
            return;
        }
}

static int find_difference(const struct lobster_side *a, const struct lobster_side *b)
{
    int level = 0;
    while (level < LOBSTER_LEVELS && a->price[level] == b->price[level] &&
           a->quantity[level] == b->quantity[level])
        level++;
    return level;
}

bool lobster_is_equal(const struct lobster_book *a, const struct lobster_book *b)
{
    return find_difference(&a->ask, &b->ask) == LOBSTER_LEVELS &&
           find_difference(&a->bid, &b->bid) == LOBSTER_LEVELS;
}

void lobster_print_difference(uint64_t row, const struct lobster_book *wanted,
                              const struct lobster_book *got)
{
    int level = find_difference(&wanted->ask, &got->ask);
    bool is_ask = level < LOBSTER_LEVELS;
    if (!is_ask)
        level = find_difference(&wanted->bid, &got->bid);
    if (level == LOBSTER_LEVELS)
        return;
    const struct lobster_side *w = is_ask ? &wanted->ask : &wanted->bid;
    const struct lobster_side *g = is_ask ? &got->ask : &got->bid;
    fprintf(stderr,
            "row %" PRIu64 " %s %d: recorded %" PRId64 " at %" PRId64 ", here %" PRId64
            " at %" PRId64 "\n",
            row, is_ask ? "ask" : "bid", level + 1, w->quantity[level], w->price[level],
            g->quantity[level], g->price[level]);
}
