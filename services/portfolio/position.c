/* position.c - booking fills: open, reduce, flip. */
#include "services/portfolio/position.h"

#include "common/check.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/limits.h"

void position_init(struct positions *positions, struct arena *arena,
                   uint32_t accounts_max, uint32_t capacity)
{
    positions->all = arena_take(arena, capacity * sizeof *positions->all, 64);
    positions->first = arena_take(arena, accounts_max * sizeof *positions->first, 64);
    positions->newest = arena_take(arena, accounts_max * sizeof *positions->newest, 64);
    positions->symbols =
        arena_take(arena, (SYMBOL_MAX + 1) * sizeof *positions->symbols, 64);
    void *slots = arena_take(arena, map_size(capacity), 64);
    positions->capacity = capacity;
    positions->accounts_max = accounts_max;
    if (!slots)
        return;
    map_init(&positions->index_of, slots, capacity);
    for (uint32_t i = 0; i < accounts_max; i++)
        positions->first[i] = positions->newest[i] = POSITION_NONE;
}

static uint64_t pair(uint32_t account, uint32_t symbol)
{
    return (uint64_t)account << 12 | symbol;
}

static struct position *find(const struct positions *positions, uint32_t account,
                             uint32_t symbol)
{
    const uint64_t index = map_find(&positions->index_of, pair(account, symbol));
    return index != MAP_NONE ? &positions->all[index] : NULL;
}

static struct position *open_position(struct positions *positions, uint32_t account,
                                      uint32_t symbol)
{
    CHECK(account < positions->accounts_max && symbol <= SYMBOL_MAX);
    const uint32_t index = positions->count;
    if (index == positions->capacity)
        return NULL;
    CHECK(map_add(&positions->index_of, pair(account, symbol), index) == 0);
    positions->count++;
    positions->all[index] =
        (struct position){.account = account, .symbol = symbol, .next = POSITION_NONE};
    if (positions->first[account] == POSITION_NONE)
        positions->first[account] = index;
    else
        positions->all[positions->newest[account]].next = index;
    positions->newest[account] = index;
    return &positions->all[index];
}

__extension__ static __int128 magnitude(__int128 value)
{
    return value < 0 ? -value : value;
}

/* part * whole / of for part < of, digit by digit: for products beyond 128 bits. */
__extension__ static unsigned __int128
long_share(unsigned __int128 part, unsigned __int128 whole, unsigned __int128 of)
{
    __extension__ unsigned __int128 quotient = 0, rest = 0;
    for (int bit = 126; bit >= 0; bit--) {
        rest = 2 * rest + (whole >> bit & 1 ? part : 0);
        quotient = 2 * quotient + rest / of;
        rest %= of;
    }
    return quotient;
}

/* whole * part / of, towards zero; part <= of. */
__extension__ static __int128 share(__int128 whole, __int128 part, __int128 of)
{
    CHECK(part >= 0 && part <= of && of > 0);
    if (part == of)
        return whole;
    int64_t narrow;
    if (!__builtin_mul_overflow(whole, part, &narrow) && of <= INT64_MAX)
        return narrow / (int64_t)of;
    __extension__ __int128 product;
    if (!__builtin_mul_overflow(whole, part, &product))
        return product / of;
    __extension__ const unsigned __int128 size = (unsigned __int128)magnitude(whole);
    __extension__ const unsigned __int128 all = (unsigned __int128)of;
    product = (__int128)(size / all * (unsigned __int128)part +
                         long_share(size % all, (unsigned __int128)part, all));
    return whole < 0 ? -product : product;
}

/* Same direction as the position, or from flat. */
__extension__ static void extend(struct position *position, __int128 quantity,
                                 __int128 quote)
{
    position->quantity += quantity;
    position->cost += quote;
}

/* Against the position, at most as much as is open. */
__extension__ static void reduce(struct position *position, __int128 quantity,
                                 __int128 quote)
{
    __extension__ const __int128 cost =
        share(position->cost, magnitude(quantity), magnitude(position->quantity));
    position->realised -= quote + cost;
    position->cost -= cost;
    position->quantity += quantity;
    CHECK(position->quantity != 0 || position->cost == 0);
}

void position_apply(struct position *position, const struct position_fill *fill)
{
    CHECK(fill->quantity != 0 && (fill->quantity > 0) == (fill->quote > 0));
    position->fees += fill->fee;

    const bool against =
        position->quantity != 0 && (position->quantity > 0) != (fill->quantity > 0);
    if (!against) {
        extend(position, fill->quantity, fill->quote);
        return;
    }
    __extension__ const __int128 size = magnitude(fill->quantity);
    __extension__ const __int128 open = magnitude(position->quantity);
    __extension__ const __int128 closed = size < open ? size : open;
    __extension__ const __int128 closed_quote = share(fill->quote, closed, size);
    __extension__ const __int128 closed_quantity = fill->quantity > 0 ? closed : -closed;
    reduce(position, closed_quantity, closed_quote);
    if (closed < size)
        extend(position, fill->quantity - closed_quantity, fill->quote - closed_quote);
}

/* One side of a trade, with its effect on the symbol's totals. */
static void book(struct position *position, struct position_total *total,
                 const struct position_fill *fill)
{
    const struct position before = *position;
    position_apply(position, fill);
    if (before.quantity > 0)
        total->long_quantity -= before.quantity;
    if (position->quantity > 0)
        total->long_quantity += position->quantity;
    total->cost += position->cost - before.cost;
    total->realised += position->realised - before.realised;
    total->fees += fill->fee;
}

/* Room for both sides must be sure before either is booked. */
static bool has_room(const struct positions *positions, const struct msg_trade *trade)
{
    return positions->capacity - positions->count >= 2 ||
           (find(positions, trade->maker_account, trade->symbol) &&
            find(positions, trade->taker_account, trade->symbol));
}

static void value_at(struct position_total *total, const struct msg_trade *trade)
{
    if (total->multiplier == 0) /* exact, and it never changes: no need of symbol_set */
        total->multiplier = trade->quote / (trade->price * trade->quantity);
    CHECK(total->multiplier * trade->price * trade->quantity == trade->quote);
    total->last_price = trade->price;
}

int position_trade(struct positions *positions, const struct msg_trade *trade)
{
    if (!has_room(positions, trade))
        return ERR_FULL;
    const int64_t taken = trade->taker_side == SIDE_BUY ? 1 : -1;
    const struct position_fill fills[2] = {
        {trade->maker_account, trade->symbol, -taken * trade->quantity,
         -taken * trade->quote, trade->maker_fee},
        {trade->taker_account, trade->symbol, taken * trade->quantity,
         taken * trade->quote, trade->taker_fee},
    };
    struct position_total *total = &positions->symbols[trade->symbol];
    value_at(total, trade);
    for (uint32_t i = 0; i < 2; i++) {
        struct position *position = find(positions, fills[i].account, trade->symbol);
        if (!position)
            position = open_position(positions, fills[i].account, trade->symbol);
        book(position, total, &fills[i]);
    }
    CHECK(total->cost == total->realised);
    return 0;
}

__extension__ static int64_t clamp(__int128 value, int64_t limit)
{
    return value > limit ? limit : value < -limit ? -limit : (int64_t)value;
}

/* What the open quantity is worth at the last price, less what it cost. */
__extension__ static int64_t unrealised(const struct position_total *total,
                                        __int128 quantity, __int128 cost)
{
    __extension__ __int128 worth = total->last_price * total->multiplier;
    if (__builtin_mul_overflow(worth, quantity, &worth))
        return quantity > 0 ? MONEY_MAX : -MONEY_MAX;
    return clamp(worth - cost, MONEY_MAX);
}

struct msg_row_position position_row(const struct positions *positions,
                                     const struct position *position)
{
    const struct position_total *total = &positions->symbols[position->symbol];
    return (struct msg_row_position){
        .account = position->account,
        .symbol = position->symbol,
        .quantity = clamp(position->quantity, QUANTITY_MAX),
        .cost = clamp(position->cost, MONEY_MAX),
        .realised = clamp(position->realised, MONEY_MAX),
        .fees = clamp(position->fees, MONEY_MAX),
        .last_price = total->last_price,
        .unrealised = unrealised(total, position->quantity, position->cost),
    };
}

struct msg_row_position position_total_row(const struct positions *positions,
                                           uint32_t symbol)
{
    const struct position_total *total = &positions->symbols[symbol];
    return (struct msg_row_position){
        .account = 0,
        .symbol = symbol,
        .quantity = clamp(total->long_quantity, QUANTITY_MAX),
        .cost = clamp(total->cost, MONEY_MAX),
        .realised = clamp(total->realised, MONEY_MAX),
        .fees = clamp(total->fees, MONEY_MAX),
        .last_price = total->last_price,
        .unrealised = unrealised(total, 0, total->cost), /* long and short cancel */
    };
}

void position_check(const struct positions *positions)
{
    struct position_total sums = {0};
    for (uint32_t i = 0; i < positions->count; i++) {
        const struct position *position = &positions->all[i];
        CHECK(find(positions, position->account, position->symbol) == position);
        CHECK(position->quantity != 0 || position->cost == 0);
        CHECK((position->cost >= 0) == (position->quantity >= 0) || position->cost == 0);
        CHECK(position->next == POSITION_NONE || position->next > i);
        sums.long_quantity += position->quantity;
        sums.cost += position->cost;
        sums.realised += position->realised;
        sums.fees += position->fees;
    }
    CHECK(sums.long_quantity == 0 && sums.cost == sums.realised);
    for (uint32_t i = 0; i <= SYMBOL_MAX; i++) {
        const struct position_total *total = &positions->symbols[i];
        CHECK(total->cost == total->realised && total->long_quantity >= 0);
        sums.cost -= total->cost;
        sums.fees -= total->fees;
    }
    CHECK(sums.cost == 0 && sums.fees == 0);
    CHECK(positions->index_of.count == positions->count);
}

__extension__ static void write_wide(struct writer *writer, __int128 value)
{
    writer_u64(writer, (uint64_t)value);
    writer_i64(writer, (int64_t)(value >> 64));
}

__extension__ static __int128 read_wide(struct reader *reader)
{
    __extension__ const __int128 low = reader_u64(reader);
    return low + (__int128)reader_i64(reader) * ((__int128)1 << 64);
}

void position_save(const struct positions *positions, struct writer *writer)
{
    writer_u32(writer, positions->count);
    for (uint32_t i = 0; i < positions->count; i++) {
        const struct position *position = &positions->all[i];
        writer_u32(writer, position->account);
        writer_u32(writer, position->symbol);
        write_wide(writer, position->quantity);
        write_wide(writer, position->cost);
        write_wide(writer, position->realised);
        write_wide(writer, position->fees);
    }
    for (uint32_t symbol = 1; symbol <= SYMBOL_MAX; symbol++) {
        const struct position_total *total = &positions->symbols[symbol];
        if (total->last_price == 0)
            continue;
        writer_u32(writer, symbol);
        writer_i64(writer, total->last_price);
        writer_i64(writer, total->multiplier);
    }
    writer_u32(writer, 0); /* no symbol: the end */
}

/* The totals of a symbol are sums over its positions; only prices are stored. */
static void add_to_total(struct positions *positions, const struct position *position)
{
    struct position_total *total = &positions->symbols[position->symbol];
    if (position->quantity > 0)
        total->long_quantity += position->quantity;
    total->cost += position->cost;
    total->realised += position->realised;
    total->fees += position->fees;
}

int position_load(struct positions *positions, struct reader *reader)
{
    const uint32_t count = reader_u32(reader);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t account = reader_u32(reader);
        const uint32_t symbol = reader_u32(reader);
        if (reader_failed(reader) || account == 0 || account >= positions->accounts_max ||
            symbol == 0 || symbol > SYMBOL_MAX || find(positions, account, symbol) ||
            positions->count == positions->capacity)
            return ERR_CORRUPT;
        struct position *position = open_position(positions, account, symbol);
        position->quantity = read_wide(reader);
        position->cost = read_wide(reader);
        position->realised = read_wide(reader);
        position->fees = read_wide(reader);
        add_to_total(positions, position);
    }
    uint32_t symbol;
    while ((symbol = reader_u32(reader)) != 0) {
        if (reader_failed(reader) || symbol > SYMBOL_MAX)
            return ERR_CORRUPT;
        positions->symbols[symbol].last_price = reader_i64(reader);
        positions->symbols[symbol].multiplier = reader_i64(reader);
    }
    return reader_failed(reader) ? ERR_CORRUPT : 0;
}
