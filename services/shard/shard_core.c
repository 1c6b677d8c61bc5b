/* shard_core.c - routes approved commands to the book they belong to; snapshots; queries.
 * */
#include "services/shard/shard_core.h"

#include <string.h>

#include "common/arena.h"
#include "common/check.h"
#include "common/error.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/codec.h"
#include "services/shard/match.h"

struct shard {
    struct book_pool pool;
    uint32_t orders_max;
    uint32_t slot_end;            /* no slot at or above this was ever used */
    uint32_t *scratch;            /* orders_max slots, for the kill switch */
    struct match_symbol *symbols; /* SYMBOL_MAX + 1, by id */
    uint32_t symbol_end;          /* likewise, of ids */
    bool names_fee_asset;         /* trades do, from version 2 on */
    uint32_t instance;
};

/* More levels than orders are of no use. */
static uint32_t count_levels(const struct msg_genesis *genesis)
{
    return genesis->levels_max < genesis->orders_max ? genesis->levels_max
                                                     : genesis->orders_max;
}

/* The same walk measures and carves. */
static void carve(struct arena *arena, struct shard **shard, void **pool,
                  const struct msg_genesis *genesis)
{
    uint32_t orders_max = genesis->orders_max;
    *shard = arena_take(arena, sizeof **shard, ARENA_ALIGN_MAX);
    uint32_t *scratch = arena_take(arena, orders_max * sizeof *scratch, ARENA_ALIGN_MAX);
    struct match_symbol *symbols =
        arena_take(arena, (SYMBOL_MAX + 1) * sizeof *symbols, ARENA_ALIGN_MAX);
    *pool = arena_take(arena, book_pool_size(orders_max, count_levels(genesis)),
                       ARENA_ALIGN_MAX);
    if (*shard != NULL) {
        (*shard)->scratch = scratch;
        (*shard)->symbols = symbols;
        (*shard)->orders_max = orders_max;
        (*shard)->names_fee_asset = genesis->version >= 2;
    }
}

static size_t size(const struct msg_genesis *genesis, uint32_t instance)
{
    (void)instance;
    struct arena arena;
    struct shard *shard;
    void *pool;
    arena_init(&arena, NULL, 0);
    carve(&arena, &shard, &pool, genesis);
    return arena_used(&arena);
}

static void init(void *state, const struct msg_genesis *genesis, uint32_t instance)
{
    struct arena arena;
    struct shard *shard;
    void *pool;
    arena_init(&arena, state, size(genesis, instance));
    carve(&arena, &shard, &pool, genesis);
    book_pool_init(&shard->pool, pool, shard->orders_max, count_levels(genesis));
    shard->instance = instance;
}

/* Risk has checked that the symbol exists and is ours. */
static struct match_symbol *get_symbol(struct shard *shard, uint32_t id)
{
    CHECK(id <= SYMBOL_MAX && shard->symbols[id].set.symbol == id);
    return &shard->symbols[id];
}

/* Risk lets a symbol go only when none of its orders is open. */
static void give_up(struct shard *shard, uint32_t id)
{
    struct match_symbol *symbol = get_symbol(shard, id);
    CHECK(book_best(&symbol->book, BOOK_BID) == (uint32_t)BOOK_NONE &&
          book_best(&symbol->book, BOOK_ASK) == (uint32_t)BOOK_NONE);
    memset(symbol, 0, sizeof *symbol);
}

static void on_symbol_set(struct shard *shard, const struct msg_symbol_set *m)
{
    struct match_symbol *symbol = &shard->symbols[m->symbol];
    if (m->shard != shard->instance) {
        give_up(shard, m->symbol);
        return;
    }
    if (m->symbol >= shard->symbol_end)
        shard->symbol_end = m->symbol + 1;
    if (symbol->set.symbol == 0) {
        book_init(&symbol->book, &shard->pool, m->symbol);
        symbol->trading = m->trading;
        symbol->trade_id = m->trade_id;
    }
    symbol->set = *m;
    symbol->set.trade_id = 0; /* said once */
    symbol->fee_asset = shard->names_fee_asset ? m->quote : 0;
}

/* Sorts slots by order id, oldest first, in place (heapsort: no memory, no bad case). */
static void sift(const struct book_pool *pool, uint32_t *slots, uint32_t at,
                 uint32_t count)
{
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && book_order(pool, slots[child])->order_id <
                                     book_order(pool, slots[child + 1])->order_id)
            child++;
        if (book_order(pool, slots[at])->order_id >=
            book_order(pool, slots[child])->order_id)
            return;
        uint32_t swapped = slots[at];
        slots[at] = slots[child];
        slots[child] = swapped;
    }
}

static void sort_by_age(const struct book_pool *pool, uint32_t *slots, uint32_t count)
{
    for (uint32_t i = count / 2; i-- > 0;)
        sift(pool, slots, i, count);
    for (uint32_t end = count; end-- > 1;) {
        uint32_t last = slots[end];
        slots[end] = slots[0];
        slots[0] = last;
        sift(pool, slots, 0, end);
    }
}

/* All orders of an account, or of a symbol; 0: of any. */
static void cancel_all(struct shard *shard, uint32_t account, uint32_t symbol, int reason,
                       uint64_t request, struct outbox *outbox)
{
    uint32_t count = 0;
    for (uint32_t slot = 0; slot < shard->slot_end; slot++) {
        const struct book_order *order = book_order(&shard->pool, slot);
        if (order->level != 0 && (account == 0 || order->account == account) &&
            (symbol == 0 || book_level_of(&shard->pool, slot)->symbol == symbol))
            shard->scratch[count++] = slot;
    }
    sort_by_age(&shard->pool, shard->scratch, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = shard->scratch[i];
        uint32_t of = book_level_of(&shard->pool, slot)->symbol;
        match_remove(get_symbol(shard, of), slot, EXEC_TYPE_CANCELED, reason, request, 0,
                     outbox);
    }
}

static void on_status(struct shard *shard, const struct msg_symbol_status *m,
                      uint64_t request, struct outbox *outbox)
{
    get_symbol(shard, m->symbol)->trading = m->trading;
    if (m->trading == TRADING_CLOSED)
        cancel_all(shard, 0, m->symbol, ERR_HALTED, request, outbox);
}

static void on_new(struct shard *shard, const struct core_input *input,
                   struct outbox *outbox)
{
    const struct msg_approved_new *m = &input->msg->approved_new;
    CHECK(m->slot < shard->orders_max && book_order(&shard->pool, m->slot)->level == 0);
    if (m->slot >= shard->slot_end)
        shard->slot_end = m->slot + 1;
    match_new(get_symbol(shard, m->symbol), input->gseq, m, outbox);
}

static void apply(void *state, const struct core_input *input, struct outbox *outbox)
{
    struct shard *shard = state;
    const struct msg *m = input->msg;
    switch (m->kind) {
    case MSG_approved_new:
        on_new(shard, input, outbox);
        break;
    case MSG_approved_cancel:
        match_cancel(get_symbol(shard, m->approved_cancel.symbol), input->gseq,
                     &m->approved_cancel, outbox);
        break;
    case MSG_approved_replace:
        match_replace(get_symbol(shard, m->approved_replace.symbol), input->gseq,
                      &m->approved_replace, outbox);
        break;
    case MSG_approved_kill:
        cancel_all(shard, m->approved_kill.account, 0, ERR_KILLED, input->gseq, outbox);
        break;
    case MSG_symbol_set:
        on_symbol_set(shard, &m->symbol_set);
        break;
    case MSG_symbol_status:
        on_status(shard, &m->symbol_status, input->gseq, outbox);
        break;
    default: /* GENESIS was given to init; TICK moves nothing yet */
        break;
    }
}

/* The order a command names: its cell, then its neighbours and its level. */
static void prefetch(const void *state, const struct core_input *input, bool again)
{
    const struct shard *shard = state;
    const struct msg *m = input->msg;
    uint32_t slot = BOOK_NONE;
    if (m->kind == MSG_approved_new)
        slot = m->approved_new.slot;
    else if (m->kind == MSG_approved_cancel)
        slot = m->approved_cancel.slot;
    else if (m->kind == MSG_approved_replace)
        slot = m->approved_replace.slot;
    if (slot >= shard->orders_max)
        return;
    (again ? book_prefetch_links : book_prefetch)(&shard->pool, slot);
}

/* ---- queries ----------------------------------------------------------------------- */

void shard_book_levels(const void *state, uint32_t symbol, uint32_t levels,
                       void (*visit)(void *argument, const struct msg *row),
                       void *argument)
{
    const struct shard *shard = state;
    const struct book *book = &shard->symbols[symbol].book;
    if (shard->symbols[symbol].set.symbol == 0)
        return; /* it is not here */
    for (int side = BOOK_BID; side <= BOOK_ASK; side++) {
        uint32_t level = book_best(book, (enum book_side)side);
        for (uint32_t i = 0; i < levels && level != (uint32_t)BOOK_NONE; i++) {
            const struct book_level *l = book_level(&shard->pool, level);
            visit(argument,
                  &(struct msg){
                      .kind = MSG_row_level,
                      .row_level = {.side = side == BOOK_BID ? SIDE_BUY : SIDE_SELL,
                                    .price = l->price,
                                    .quantity = l->quantity,
                                    .orders = l->order_count}});
            level = book_level_behind(book, level);
        }
    }
}

static void add_row(void *argument, const struct msg *row)
{
    core_answer_add(argument, row);
}

static void query(const void *state, const struct msg_query *q,
                  const struct core_rows *rows, struct core_answer *answer)
{
    const struct shard *shard = state;
    (void)rows;
    if (q->kind != QUERY_KIND_BOOK)
        answer->head.reason = -ERR_UNKNOWN_KIND;
    else if (q->symbol == 0 || shard->symbols[q->symbol].set.symbol == 0)
        answer->head.reason = -ERR_UNKNOWN_SYMBOL;
    else
        shard_book_levels(shard, q->symbol, q->limit, add_row, answer);
}

/* ---- snapshot ---------------------------------------------------------------------- */

/* Orders in the order of their priority: adding them again makes the same book. */
static void save_side(const struct shard *shard, const struct book *book,
                      enum book_side side, struct writer *writer)
{
    uint32_t level = book_best(book, side);
    for (; level != (uint32_t)BOOK_NONE; level = book_level_behind(book, level)) {
        uint32_t slot = book_front(&shard->pool, level);
        for (; slot != (uint32_t)BOOK_NONE; slot = book_behind(&shard->pool, slot)) {
            const struct book_order *order = book_order(&shard->pool, slot);
            writer_u64(writer, order->order_id);
            writer_u32(writer, slot);
            writer_u32(writer, order->account);
            writer_u64(writer, order->cl_ord_id);
            writer_i64(writer, book_level(&shard->pool, level)->price);
            writer_i64(writer, order->quantity);
            writer_i64(writer, order->leaves);
            writer_i64(writer, order->cum_quote);
            writer_u64(writer, order->terms);
        }
    }
    writer_u64(writer, 0);
}

static void save(const void *state, struct writer *writer)
{
    const struct shard *shard = state;
    writer_u32(writer, shard->slot_end);
    for (uint32_t id = 1; id < shard->symbol_end; id++) {
        const struct match_symbol *symbol = &shard->symbols[id];
        if (symbol->set.symbol == 0)
            continue;
        struct msg set = {.kind = MSG_symbol_set, .symbol_set = symbol->set};
        uint8_t bytes[MESSAGE_BYTES_MAX];
        size_t bytes_size = 0;
        int error = codec_encode(bytes, sizeof bytes, &set, &bytes_size);
        CHECK(error == 0);
        writer_u32(writer, id);
        writer_u32(writer, (uint32_t)bytes_size);
        writer_bytes(writer, bytes, bytes_size);
        writer_u8(writer, symbol->trading);
        writer_u64(writer, symbol->trade_id);
        save_side(shard, &symbol->book, BOOK_BID, writer);
        save_side(shard, &symbol->book, BOOK_ASK, writer);
    }
    writer_u32(writer, 0);
}

static int load_side(struct shard *shard, struct book *book, enum book_side side,
                     struct reader *reader)
{
    uint64_t order_id;
    while ((order_id = reader_u64(reader)) != 0) {
        uint32_t slot = reader_u32(reader);
        struct book_order order = {.order_id = order_id};
        order.account = reader_u32(reader);
        order.cl_ord_id = reader_u64(reader);
        int64_t price = reader_i64(reader);
        order.quantity = reader_i64(reader);
        order.leaves = reader_i64(reader);
        order.cum_quote = reader_i64(reader);
        order.terms = reader_u64(reader);
        if (reader_failed(reader) || slot >= shard->slot_end || price < 1 ||
            price > PRICE_MAX || order.leaves < 1 || order.leaves > order.quantity ||
            order.quantity > QUANTITY_MAX || book_order(&shard->pool, slot)->level != 0 ||
            book_add(book, side, price, slot, &order) != 0)
            return ERR_CORRUPT;
    }
    return reader_error(reader);
}

static int load_symbol(struct shard *shard, uint32_t id, struct reader *reader)
{
    struct msg set;
    size_t used = 0;
    uint32_t bytes_size = reader_u32(reader);
    const uint8_t *bytes = reader_take(reader, bytes_size);
    if (bytes == NULL || codec_decode(bytes, bytes_size, &set, &used) != 0 ||
        set.kind != MSG_symbol_set || set.symbol_set.symbol != id ||
        set.symbol_set.shard != shard->instance)
        return ERR_CORRUPT;
    on_symbol_set(shard, &set.symbol_set);
    struct match_symbol *symbol = &shard->symbols[id];
    symbol->trading = reader_u8(reader);
    symbol->trade_id = reader_u64(reader);
    int error = load_side(shard, &symbol->book, BOOK_BID, reader);
    return error != 0 ? error : load_side(shard, &symbol->book, BOOK_ASK, reader);
}

static int load(void *state, struct reader *reader)
{
    struct shard *shard = state;
    shard->slot_end = reader_u32(reader);
    if (shard->slot_end > shard->orders_max)
        return ERR_CORRUPT;
    uint32_t id;
    while ((id = reader_u32(reader)) != 0) {
        if (id > SYMBOL_MAX || shard->symbols[id].set.symbol != 0)
            return ERR_CORRUPT;
        int error = load_symbol(shard, id, reader);
        if (error != 0)
            return error;
    }
    return reader_error(reader);
}

static void check(const void *state)
{
    const struct shard *shard = state;
    for (uint32_t id = 1; id < shard->symbol_end; id++)
        if (shard->symbols[id].set.symbol != 0)
            book_check(&shard->symbols[id].book, false);
}

const struct core_ops shard_core = {
    .name = "shard",
    .size = size,
    .init = init,
    .apply = apply,
    .prefetch = prefetch,
    .query = query,
    .save = save,
    .load = load,
    .check = check,
};

const struct service_kind shard_kind = {
    .core = &shard_core,
    .number = SERVICE_SHARD,
    .input = SERVICE_STREAM_APPROVED,
    .owns = SERVICE_STREAM_NONE,
    .submits = true,
    .journal = SERVICE_JOURNAL_INPUTS | SERVICE_JOURNAL_OUTPUTS,
};
