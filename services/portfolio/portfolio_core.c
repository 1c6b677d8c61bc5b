/* portfolio_core.c - folds the log into orders, positions and each account's feed. */
#include "services/portfolio/portfolio_core.h"

#include "common/check.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/feed.h"
#include "services/portfolio/closed.h"
#include "services/portfolio/order.h"
#include "services/portfolio/owner.h"
#include "services/portfolio/position.h"
#include "services/portfolio/report.h"

struct portfolio {
    struct owners owners;
    struct orders orders;
    struct positions positions;
    struct reports reports;
    struct history closed;
    uint64_t gseq;       /* of the last record */
    bool positions_full; /* a trade found no room: positions are not to be trusted */
};

/* Carves the state, or measures it on an arena without a block. */
static void carve(struct portfolio *portfolio, struct arena *arena,
                  const struct msg_genesis *genesis)
{
    owner_init(&portfolio->owners, arena, genesis->sessions_max);
    order_init(&portfolio->orders, arena, genesis->accounts_max, genesis->orders_max);
    position_init(&portfolio->positions, arena, genesis->accounts_max,
                  genesis->balances_max * PORTFOLIO_POSITIONS);
    report_init(&portfolio->reports, arena, genesis->accounts_max, PORTFOLIO_REPORTS);
    closed_init(&portfolio->closed, arena, PORTFOLIO_CLOSED);
}

static size_t size(const struct msg_genesis *genesis, uint32_t instance)
{
    (void)instance;
    struct portfolio measured;
    struct arena arena;
    arena_init(&arena, NULL, 0);
    arena_take(&arena, sizeof measured, 64);
    carve(&measured, &arena, genesis);
    return arena_used(&arena);
}

static void init(void *state, const struct msg_genesis *genesis, uint32_t instance)
{
    struct arena arena;
    arena_init(&arena, state, size(genesis, instance));
    carve(arena_take(&arena, sizeof(struct portfolio), 64), &arena, genesis);
}

static void keep_closed(struct portfolio *portfolio, struct outbox *outbox,
                        bool has_ended, const struct msg_row_order *order, uint32_t index)
{
    if (has_ended)
        closed_add(&portfolio->closed, outbox, order, index);
}

static void apply_trade(struct portfolio *portfolio, uint64_t gseq,
                        const struct msg_trade *trade, struct outbox *outbox)
{
    struct msg_row_order closed;
    bool has_ended = order_fill(&portfolio->orders, gseq, trade, true, &closed);
    keep_closed(portfolio, outbox, has_ended, &closed, 0);
    has_ended = order_fill(&portfolio->orders, gseq, trade, false, &closed);
    keep_closed(portfolio, outbox, has_ended, &closed, 1);
    if (position_trade(&portfolio->positions, trade) != 0)
        portfolio->positions_full = true;
}

static void fold(struct portfolio *portfolio, const struct core_input *input,
                 struct outbox *outbox)
{
    const struct msg *msg = input->msg;
    const uint64_t gseq = input->gseq;
    const uint64_t session = (uint64_t)input->source;
    struct orders *orders = &portfolio->orders;
    struct msg_row_order closed;
    bool has_ended = false;
    switch (msg->kind) {
    case MSG_open:
        owner_open(&portfolio->owners, gseq, msg->open.account);
        break;
    case MSG_close:
        owner_close(&portfolio->owners, session);
        break;
    case MSG_session_closed:
        owner_close(&portfolio->owners, msg->session_closed.session);
        break;
    case MSG_order_new:
        waiting_add(&orders->waiting, gseq, owner_get(&portfolio->owners, session),
                    &msg->order_new);
        break;
    case MSG_order_accepted:
        order_accept(orders, gseq, &msg->order_accepted);
        break;
    case MSG_order_rejected:
        has_ended = order_reject(orders, gseq, &msg->order_rejected, &closed);
        break;
    case MSG_order_cancelled:
        has_ended = order_cancel(orders, gseq, &msg->order_cancelled, &closed);
        break;
    case MSG_order_replaced:
        has_ended = order_replace(orders, gseq, &msg->order_replaced, &closed);
        break;
    case MSG_trade:
        apply_trade(portfolio, gseq, &msg->trade, outbox);
        break;
    default:
        break;
    }
    keep_closed(portfolio, outbox, has_ended, &closed, 0);
}

static void apply(void *state, const struct core_input *input, struct outbox *outbox)
{
    struct portfolio *portfolio = state;
    CHECK(input->gseq > portfolio->gseq); /* one more, but for what is skipped */
    fold(portfolio, input, outbox);

    uint32_t accounts[2];
    const uint32_t count = feed_accounts(input->msg, accounts);
    for (uint32_t i = 0; i < count; i++)
        report_add(&portfolio->reports, outbox, accounts[i], input);
    portfolio->gseq = input->gseq;
}

/* What they ask for is told by reports. */
static bool ignores(uint32_t kind)
{
    return kind == MSG_order_cancel || kind == MSG_order_replace;
}

/* The orders a report is about. */
static void prefetch(const void *state, const struct core_input *input, bool again)
{
    const struct orders *orders = &((const struct portfolio *)state)->orders;
    const struct msg *msg = input->msg;
    switch (msg->kind) {
    case MSG_order_accepted:
        waiting_prefetch(&orders->waiting, msg->order_accepted.order_id, again);
        if (!again) /* the slot is still free: its links mean nothing */
            order_prefetch(orders, msg->order_accepted.slot, false);
        break;
    case MSG_order_cancelled:
        order_prefetch(orders, msg->order_cancelled.slot, again);
        break;
    case MSG_order_replaced:
        order_prefetch(orders, msg->order_replaced.slot, again);
        break;
    case MSG_trade:
        order_prefetch(orders, msg->trade.maker_slot, again);
        order_prefetch(orders, msg->trade.taker_slot, again);
        break;
    default:
        break;
    }
}

static void flush(void *state, struct outbox *outbox)
{
    struct portfolio *portfolio = state;
    history_write(&portfolio->reports.history, outbox);
    history_write(&portfolio->closed, outbox);
}

static bool add_order(struct core_answer *answer, const struct msg_row_order *order)
{
    const struct msg row = {.kind = MSG_row_order, .row_order = *order};
    return core_answer_add(answer, &row);
}

/* Open orders by id, after the one at the cursor. */
static void query_orders(const struct portfolio *portfolio, const struct msg_query *query,
                         struct core_answer *answer)
{
    const struct orders *orders = &portfolio->orders;
    uint64_t last = query->cursor;
    for (uint32_t slot = orders->of_account[query->account].first; slot != ORDER_NONE;
         slot = orders->open[slot].next) {
        const struct msg_row_order *order = &orders->open[slot].row;
        if (order->order_id <= query->cursor ||
            (query->symbol != 0 && order->symbol != query->symbol))
            continue;
        if (answer->count == query->limit || !add_order(answer, order)) {
            answer->head.cursor = last;
            return;
        }
        last = order->order_id;
    }
}

/* Open orders of the whole venue by slot; the cursor is the next slot. */
static void query_all_orders(const struct portfolio *portfolio,
                             const struct msg_query *query, struct core_answer *answer)
{
    const struct orders *orders = &portfolio->orders;
    for (uint64_t slot = query->cursor; slot < orders->open_capacity; slot++) {
        const struct msg_row_order *order = &orders->open[slot].row;
        if (order->order_id == 0 ||
            (query->symbol != 0 && order->symbol != query->symbol))
            continue;
        if (answer->count == query->limit || !add_order(answer, order)) {
            answer->head.cursor = slot;
            return;
        }
    }
}

/* An order that is neither open nor waiting: among those that ended, or unknown. */
static int find_closed(const struct portfolio *portfolio, const struct msg_query *query,
                       const struct core_rows *rows, uint64_t *cursor,
                       struct msg_row_order *order)
{
    if (query->order_id != 0)
        return closed_find(rows, PORTFOLIO_CLOSED, query->account, query->order_id,
                           order);
    *cursor = query->cursor;
    return closed_find_name(rows, PORTFOLIO_CLOSED, query->account, query->cl_ord_id,
                            portfolio->gseq, cursor, order);
}

/* FOUND, PENDING or NOT_FOUND; an open order of a name hides older ones. */
static void query_order(const struct portfolio *portfolio, const struct msg_query *query,
                        const struct core_rows *rows, struct core_answer *answer)
{
    const struct orders *orders = &portfolio->orders;
    const struct order *open =
        order_find_open(orders, query->account, query->order_id, query->cl_ord_id);
    struct msg_row_order order;
    int error = 0;
    if (open)
        order = open->row;
    else if (waiting_find(&orders->waiting, query->account, query->order_id,
                          query->cl_ord_id, &order))
        answer->head.reason = (uint16_t)error_number(ERR_PENDING);
    else
        error = find_closed(portfolio, query, rows, &answer->head.cursor, &order);
    if (error == ERR_NOT_FOUND)
        answer->head.reason = (uint16_t)error_number(ERR_NOT_FOUND);
    else if (error == 0)
        CHECK(add_order(answer, &order));
}

static bool add_position(struct core_answer *answer, const struct msg_query *query,
                         const struct msg_row_position *position)
{
    const struct msg row = {.kind = MSG_row_position, .row_position = *position};
    return answer->count < query->limit && core_answer_add(answer, &row);
}

/* The account's positions; the cursor is the index of the next one plus 1. */
static void query_positions(const struct portfolio *portfolio,
                            const struct msg_query *query, struct core_answer *answer)
{
    const struct positions *positions = &portfolio->positions;
    uint32_t index = positions->first[query->account];
    while (index != POSITION_NONE) {
        const struct position *position = &positions->all[index];
        if (index + 1 >= query->cursor &&
            (query->symbol == 0 || position->symbol == query->symbol)) {
            const struct msg_row_position row = position_row(positions, position);
            if (!add_position(answer, query, &row)) {
                answer->head.cursor = index + 1;
                return;
            }
        }
        index = position->next;
    }
}

/* Every symbol that has traded, all accounts together; the cursor is the next symbol. */
static void query_totals(const struct portfolio *portfolio, const struct msg_query *query,
                         struct core_answer *answer)
{
    for (uint64_t symbol = query->cursor; symbol <= SYMBOL_MAX; symbol++) {
        if (portfolio->positions.symbols[symbol].last_price == 0 ||
            (query->symbol != 0 && symbol != query->symbol))
            continue;
        const struct msg_row_position row =
            position_total_row(&portfolio->positions, (uint32_t)symbol);
        if (!add_position(answer, query, &row)) {
            answer->head.cursor = symbol;
            return;
        }
    }
}

/* 0, or why there is no answer. Account 0 is the whole venue; the gateway scopes it. */
static int refusal(const struct portfolio *portfolio, const struct msg_query *query)
{
    const bool is_positions = query->kind == QUERY_KIND_POSITIONS;
    const bool may_be_all = is_positions || query->kind == QUERY_KIND_ORDERS;
    if (query->account >= portfolio->orders.accounts_max ||
        (query->account == 0 && !may_be_all))
        return ERR_UNKNOWN_ACCOUNT;
    return is_positions && portfolio->positions_full ? ERR_CAPACITY : 0;
}

static void query(const void *state, const struct msg_query *query,
                  const struct core_rows *rows, struct core_answer *answer)
{
    const struct portfolio *portfolio = state;
    const int error = refusal(portfolio, query);
    if (error != 0) {
        answer->head.reason = (uint16_t)error_number(error);
        return;
    }
    switch (query->kind) {
    case QUERY_KIND_ORDERS:
        (query->account == 0 ? query_all_orders : query_orders)(portfolio, query, answer);
        break;
    case QUERY_KIND_ORDER:
        query_order(portfolio, query, rows, answer);
        break;
    case QUERY_KIND_POSITIONS:
        (query->account == 0 ? query_totals : query_positions)(portfolio, query, answer);
        break;
    case QUERY_KIND_REPORTS:
    case QUERY_KIND_TRADES:
    case QUERY_KIND_TRANSACTIONS:
        report_query(&portfolio->reports, query, rows, answer);
        break;
    default:
        answer->head.reason = (uint16_t)error_number(ERR_UNKNOWN_KIND);
        break;
    }
}

static void save(const void *state, struct writer *writer)
{
    const struct portfolio *portfolio = state;
    owner_save(&portfolio->owners, writer);
    order_save(&portfolio->orders, writer);
    position_save(&portfolio->positions, writer);
    report_save(&portfolio->reports, writer);
    writer_u64(writer, portfolio->gseq);
    writer_u32(writer, portfolio->positions_full);
}

static int load(void *state, struct reader *reader)
{
    struct portfolio *portfolio = state;
    if (owner_load(&portfolio->owners, reader) != 0 ||
        order_load(&portfolio->orders, reader) != 0 ||
        position_load(&portfolio->positions, reader) != 0 ||
        report_load(&portfolio->reports, reader) != 0)
        return ERR_CORRUPT;
    portfolio->gseq = reader_u64(reader);
    portfolio->positions_full = reader_u32(reader) != 0;
    return reader_failed(reader) ? ERR_CORRUPT : 0;
}

static void check(const void *state)
{
    const struct portfolio *portfolio = state;
    order_check(&portfolio->orders);
    if (!portfolio->positions_full)
        position_check(&portfolio->positions);
}

const struct core_ops portfolio_core = {
    .name = "portfolio",
    .size = size,
    .init = init,
    .apply = apply,
    .ignores = ignores,
    .prefetch = prefetch,
    .flush = flush,
    .query = query,
    .save = save,
    .load = load,
    .check = check,
};

const struct service_kind portfolio_kind = {
    .core = &portfolio_core,
    .number = SERVICE_PORTFOLIO,
    .input = SERVICE_STREAM_LOG,
    .owns = SERVICE_STREAM_NONE,
    .submits = true,
    .journal = 0,
    .follows = true,
};
