/* settlement_core.c - folds the log into a double-entry ledger. */
#include "services/settlement/settlement_core.h"

#include "common/check.h"
#include "common/error.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/codec.h"
#include "proto/limits.h"
#include "services/settlement/ledger.h"
#include "services/settlement/posting.h"

/* What a trade of the symbol moves; base 0: not declared yet. */
struct pair {
    uint32_t base, quote;
    uint64_t trade_id; /* of its last trade: they are contiguous, so none posts twice */
};

struct settler {
    struct ledger ledger;
    struct postings postings;
    struct pair symbols[SYMBOL_MAX + 1];
    uint64_t
        last_request; /* of deposits and withdrawals: they rise, so none posts twice */
};

/* Carves the state, or measures it on an arena without a block. */
static void carve(struct settler *settler, struct arena *arena,
                  const struct msg_genesis *genesis)
{
    ledger_init(&settler->ledger, arena, genesis->balances_max);
    posting_init(&settler->postings, arena);
}

static size_t size(const struct msg_genesis *genesis, uint32_t instance)
{
    (void)instance;
    struct settler measured;
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
    carve(arena_take(&arena, sizeof(struct settler), 64), &arena, genesis);
}

/* One set of lines in the making. */
struct set {
    struct ledger_line lines[LEDGER_LINES_MAX];
    uint32_t count;
};

/* Adds two lines: `amount` leaves one account and reaches the other. */
static void move(struct set *set, uint32_t from, uint32_t to, uint32_t asset,
                 int64_t amount, enum posting posting)
{
    CHECK(set->count + 2 <= LEDGER_LINES_MAX);
    const uint8_t why = (uint8_t)posting;
    set->lines[set->count++] = (struct ledger_line){from, asset, -amount, why};
    set->lines[set->count++] = (struct ledger_line){to, asset, amount, why};
}

/* A rebate is a negative fee: the same two lines with the signs the other way. */
static void move_fee(struct set *set, uint32_t account, uint32_t asset, int64_t fee)
{
    if (fee != 0)
        move(set, account, ACCOUNT_FEES, asset, fee, POSTING_FEE);
}

static void post(struct settler *settler, uint64_t gseq, const struct set *set,
                 struct outbox *outbox)
{
    ledger_post(&settler->ledger, set->lines, set->count);
    posting_add(&settler->postings, outbox, gseq, set->lines, set->count);
}

static void apply_trade(struct settler *settler, uint64_t gseq,
                        const struct msg_trade *trade, struct outbox *outbox)
{
    struct pair *pair = &settler->symbols[trade->symbol];
    CHECK(pair->base != 0 && trade->trade_id == pair->trade_id + 1);
    const bool taker_buys = trade->taker_side == SIDE_BUY;
    const uint32_t buyer = taker_buys ? trade->taker_account : trade->maker_account;
    const uint32_t seller = taker_buys ? trade->maker_account : trade->taker_account;

    struct set set = {.count = 0};
    move(&set, buyer, seller, pair->quote, trade->quote, POSTING_TRADE);
    move(&set, seller, buyer, pair->base, trade->quantity, POSTING_TRADE);
    move_fee(&set, trade->maker_account, pair->quote, trade->maker_fee);
    move_fee(&set, trade->taker_account, pair->quote, trade->taker_fee);
    post(settler, gseq, &set, outbox);
    posting_add_trade(&settler->postings, outbox, gseq, trade->symbol, trade->trade_id);
    pair->trade_id = trade->trade_id;
}

static void apply_transfer(struct settler *settler, uint64_t gseq, uint64_t request,
                           const struct set *set, struct outbox *outbox)
{
    CHECK(request > settler->last_request && request < gseq);
    post(settler, gseq, set, outbox);
    settler->last_request = request;
}

static void apply_deposit(struct settler *settler, uint64_t gseq,
                          const struct msg_deposit_done *done, struct outbox *outbox)
{
    struct set set = {.count = 0};
    move(&set, ACCOUNT_EXTERNAL, done->account, done->asset, done->amount,
         POSTING_DEPOSIT);
    apply_transfer(settler, gseq, done->request, &set, outbox);
}

static void apply_withdrawal(struct settler *settler, uint64_t gseq,
                             const struct msg_withdraw_done *done, struct outbox *outbox)
{
    struct set set = {.count = 0};
    move(&set, done->account, ACCOUNT_EXTERNAL, done->asset, done->amount,
         POSTING_WITHDRAWAL);
    apply_transfer(settler, gseq, done->request, &set, outbox);
}

/* Configuration is in force from risk's decision on, which carries the command. */
static void configure(struct settler *settler, const struct msg_admin_done *done)
{
    struct msg msg;
    CHECK(codec_decode_whole(done->body, done->body_size, &msg) == 0);
    if (msg.kind != MSG_symbol_set)
        return;
    struct pair *pair = &settler->symbols[msg.symbol_set.symbol];
    CHECK(pair->base == 0 ||
          (pair->base == msg.symbol_set.base &&
           pair->quote == msg.symbol_set.quote)); /* they never change */
    pair->base = msg.symbol_set.base;
    pair->quote = msg.symbol_set.quote;
}

static void apply(void *state, const struct core_input *input, struct outbox *outbox)
{
    struct settler *settler = state;
    const struct msg *msg = input->msg;
    switch (msg->kind) {
    case MSG_admin_done:
        configure(settler, &msg->admin_done);
        break;
    case MSG_trade:
        apply_trade(settler, input->gseq, &msg->trade, outbox);
        break;
    case MSG_deposit_done:
        apply_deposit(settler, input->gseq, &msg->deposit_done, outbox);
        break;
    case MSG_withdraw_done:
        apply_withdrawal(settler, input->gseq, &msg->withdraw_done, outbox);
        break;
    default:
        break;
    }
}

static bool ignores(uint32_t kind)
{
    switch (kind) {
    case MSG_order_new:
    case MSG_order_cancel:
    case MSG_order_replace:
    case MSG_order_accepted:
    case MSG_order_rejected:
    case MSG_order_cancelled:
    case MSG_order_replaced:
    case MSG_cancel_rejected:
        return true;
    default:
        return false;
    }
}

static void flush(void *state, struct outbox *outbox)
{
    struct settler *settler = state;
    posting_write(&settler->postings, outbox);
}

static bool add_balance(const struct msg_query *query,
                        const struct ledger_balance *balance, struct core_answer *answer)
{
    struct msg row = {.kind = MSG_row_balance};
    row.row_balance.account = balance->account;
    row.row_balance.asset = balance->asset;
    row.row_balance.free = balance->amount;
    return answer->count < query->limit && core_answer_add(answer, &row);
}

/* One account's balances, by asset; the cursor is the next asset. */
static void query_account(const struct ledger *ledger, const struct msg_query *query,
                          struct core_answer *answer)
{
    for (uint64_t asset = query->cursor; asset <= ASSET_MAX; asset++) {
        const struct ledger_balance *balance =
            ledger_find(ledger, query->account, (uint32_t)asset);
        if (balance && !add_balance(query, balance, answer)) {
            answer->head.cursor = asset;
            return;
        }
    }
}

/* Every balance, in the order of first posting; the cursor is the next index. */
static void query_ledger(const struct ledger *ledger, const struct msg_query *query,
                         struct core_answer *answer)
{
    for (uint64_t i = query->cursor; i < ledger->count; i++)
        if (!add_balance(query, &ledger->balances[i], answer)) {
            answer->head.cursor = i;
            return;
        }
}

static void query(const void *state, const struct msg_query *query,
                  const struct core_rows *rows, struct core_answer *answer)
{
    const struct settler *settler = state;
    switch (query->kind) {
    case QUERY_KIND_LEDGER:
        (query->account == 0 ? query_ledger : query_account)(&settler->ledger, query,
                                                             answer);
        break;
    case QUERY_KIND_POSTINGS:
        posting_query(query, rows, answer);
        break;
    case QUERY_KIND_SETTLEMENT:
        posting_query_trades(query, rows, answer);
        break;
    default:
        answer->head.reason = (uint16_t)error_number(ERR_UNKNOWN_KIND);
        break;
    }
}

static void save(const void *state, struct writer *writer)
{
    const struct settler *settler = state;
    ledger_save(&settler->ledger, writer);
    for (uint32_t symbol = 1; symbol <= SYMBOL_MAX; symbol++) {
        const struct pair *pair = &settler->symbols[symbol];
        if (pair->base == 0)
            continue;
        writer_u32(writer, symbol);
        writer_u32(writer, pair->base);
        writer_u32(writer, pair->quote);
        writer_u64(writer, pair->trade_id);
    }
    writer_u32(writer, 0); /* no symbol: the end */
    writer_u64(writer, settler->last_request);
}

static int load(void *state, struct reader *reader)
{
    struct settler *settler = state;
    if (ledger_load(&settler->ledger, reader) != 0)
        return ERR_CORRUPT;
    uint32_t symbol;
    while ((symbol = reader_u32(reader)) != 0) {
        if (reader_failed(reader) || symbol > SYMBOL_MAX)
            return ERR_CORRUPT;
        struct pair *pair = &settler->symbols[symbol];
        pair->base = reader_u32(reader);
        pair->quote = reader_u32(reader);
        pair->trade_id = reader_u64(reader);
    }
    settler->last_request = reader_u64(reader);
    return reader_failed(reader) ? ERR_CORRUPT : 0;
}

static uint64_t imbalance(const void *state)
{
    const struct settler *settler = state;
    return ledger_imbalance(&settler->ledger);
}

static void check(const void *state)
{
    const struct settler *settler = state;
    ledger_check(&settler->ledger);
}

const struct core_ops settlement_core = {
    .name = "settlement",
    .size = size,
    .init = init,
    .apply = apply,
    .ignores = ignores,
    .flush = flush,
    .query = query,
    .save = save,
    .load = load,
    .check = check,
    .imbalance = imbalance,
};

const struct service_kind settlement_kind = {
    .core = &settlement_core,
    .number = SERVICE_SETTLEMENT,
    .input = SERVICE_STREAM_LOG,
    .owns = SERVICE_STREAM_NONE,
    .submits = true,
    .journal = 0,
    .follows = true,
};
