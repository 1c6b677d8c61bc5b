/* match.c - check everything, then change everything, and report it in order. */
#include "services/shard/match.h"

#include "common/check.h"
#include "common/error.h"
#include "common/money.h"

enum { FLAG_POST_ONLY = 1, STP_SHIFT = 1 };

/* An order on its way through the book: new, or taken out by a replace. */
struct taker {
    uint32_t slot, account;
    uint64_t order_id, cl_ord_id;
    enum side side;
    int64_t price, quantity, leaves, cum_quote;
    struct book_terms terms;
};

static enum book_side own_side(enum side side)
{
    return side == SIDE_BUY ? BOOK_BID : BOOK_ASK;
}

static enum book_side other_side(enum side side)
{
    return side == SIDE_BUY ? BOOK_ASK : BOOK_BID;
}

static enum stp stp_of(struct book_terms terms)
{
    return (enum stp)(terms.flags >> STP_SHIFT);
}

/* ---- reports ----------------------------------------------------------------------- */

/* `limit`: what the rule that refused it allows. */
static void report_rejected(uint64_t order_id, const struct msg_approved_new *m,
                            int reason, int64_t limit, struct outbox *outbox)
{
    outbox_submit(outbox, &(struct msg){.kind = MSG_order_rejected,
                                        .order_rejected = {.order_id = order_id,
                                                           .account = m->account,
                                                           .cl_ord_id = m->cl_ord_id,
                                                           .symbol = m->symbol,
                                                           .reason = (uint16_t)-reason,
                                                           .value = m->price,
                                                           .limit = limit,
                                                           .slot = m->slot + 1}});
}

static void report_accepted(uint64_t order_id, const struct msg_approved_new *m,
                            struct outbox *outbox)
{
    outbox_submit(outbox, &(struct msg){.kind = MSG_order_accepted,
                                        .order_accepted = {.order_id = order_id,
                                                           .slot = m->slot,
                                                           .account = m->account,
                                                           .cl_ord_id = m->cl_ord_id,
                                                           .symbol = m->symbol,
                                                           .side = m->side,
                                                           .ord_type = m->ord_type,
                                                           .tif = m->tif,
                                                           .price = m->price,
                                                           .quantity = m->quantity,
                                                           .hold = m->hold}});
}

static void report_expired(const struct match_symbol *symbol, const struct taker *t,
                           int reason, struct outbox *outbox)
{
    outbox_submit(
        outbox, &(struct msg){.kind = MSG_order_cancelled,
                              .order_cancelled = {.order_id = t->order_id,
                                                  .slot = t->slot,
                                                  .account = t->account,
                                                  .cl_ord_id = t->cl_ord_id,
                                                  .symbol = symbol->set.symbol,
                                                  .side = (uint8_t)t->side,
                                                  .quantity = t->leaves,
                                                  .cum_quantity = t->quantity - t->leaves,
                                                  .cum_quote = t->cum_quote,
                                                  .exec_type = EXEC_TYPE_EXPIRED,
                                                  .reason = (uint16_t)-reason}});
}

static void report_prevented(const struct match_symbol *symbol, const struct taker *t,
                             const struct book_order *maker, int64_t price,
                             struct outbox *outbox)
{
    int64_t quantity = t->leaves < maker->leaves ? t->leaves : maker->leaves;
    outbox_submit(outbox,
                  &(struct msg){.kind = MSG_trade_prevented,
                                .trade_prevented = {.symbol = symbol->set.symbol,
                                                    .account = t->account,
                                                    .price = price,
                                                    .quantity = quantity,
                                                    .maker_order_id = maker->order_id,
                                                    .taker_order_id = t->order_id,
                                                    .stp = (uint8_t)stp_of(t->terms)}});
}

/* A request that changes nothing; `slot` as it named it, so that risk finds the order. */
static void report_unchanged(uint64_t request, uint32_t slot, uint32_t account,
                             uint64_t order_id, uint64_t cl_ord_id,
                             uint64_t orig_cl_ord_id, bool replace, int reason,
                             struct outbox *outbox)
{
    outbox_submit(outbox,
                  &(struct msg){.kind = MSG_cancel_rejected,
                                .cancel_rejected = {.request = request,
                                                    .account = account,
                                                    .cl_ord_id = cl_ord_id,
                                                    .order_id = order_id,
                                                    .orig_cl_ord_id = orig_cl_ord_id,
                                                    .replace = replace,
                                                    .reason = (uint16_t)-reason,
                                                    .slot = slot + 1}});
}

/* ---- matching ---------------------------------------------------------------------- */

/* Can the order rest for all its leaves, and what it was ever worth still be counted? A
 * maker then never runs out of numbers: it is filled at its own price. */
static bool is_countable(const struct match_symbol *symbol, const struct taker *t)
{
    int64_t quote, sum;
    return money_notional(t->price, t->leaves, symbol->set.multiplier, &quote) == 0 &&
           money_add(t->cum_quote, quote, &sum) == 0;
}

/* One match with the order in front: both sides' numbers, one TRADE. ERR_OVERFLOW if the
 * taker's sum is at its end: a sell that was replaced again and again, each time better
 * paid than it asked for. */
static int fill(struct match_symbol *symbol, struct taker *t, uint32_t maker_slot,
                int64_t price, struct outbox *outbox)
{
    struct book_order *maker = book_order(symbol->book.pool, maker_slot);
    int64_t quantity = t->leaves < maker->leaves ? t->leaves : maker->leaves;
    int64_t quote = 0;
    /* Risk refused what overflows at the limit; the buyer's limit is never below `price`.
     * */
    int error = money_notional(price, quantity, symbol->set.multiplier, &quote);
    CHECK(error == 0);
    if (money_add(t->cum_quote, quote, &t->cum_quote) != 0)
        return ERR_OVERFLOW;
    struct book_terms maker_terms = book_unpack(maker->terms);
    int32_t maker_ppm = maker_terms.maker_ppm, taker_ppm = t->terms.taker_ppm;
    money_match_rates(&maker_ppm, &taker_ppm);
    int64_t maker_fee = money_fee(maker_ppm, quote, &maker_terms.fee_credit);
    int64_t taker_fee = money_fee(taker_ppm, quote, &t->terms.fee_credit);
    maker->terms = book_pack(maker_terms);
    book_fill(&symbol->book, maker_slot, quantity, quote);
    t->leaves -= quantity;
    outbox_submit(
        outbox,
        &(struct msg){.kind = MSG_trade,
                      .trade = {.symbol = symbol->set.symbol,
                                .trade_id = ++symbol->trade_id,
                                .price = price,
                                .quantity = quantity,
                                .quote = quote,
                                .taker_side = (uint8_t)t->side,
                                .maker_order_id = maker->order_id,
                                .maker_slot = maker_slot,
                                .maker_account = maker->account,
                                .maker_cl_ord_id = maker->cl_ord_id,
                                .maker_cum_quantity = maker->quantity - maker->leaves,
                                .maker_cum_quote = maker->cum_quote,
                                .maker_leaves = maker->leaves,
                                .maker_fee = maker_fee,
                                .taker_order_id = t->order_id,
                                .taker_slot = t->slot,
                                .taker_account = t->account,
                                .taker_cl_ord_id = t->cl_ord_id,
                                .taker_cum_quantity = t->quantity - t->leaves,
                                .taker_cum_quote = t->cum_quote,
                                .taker_leaves = t->leaves,
                                .taker_fee = taker_fee,
                                .fee_asset = symbol->fee_asset}});
    return 0;
}

/* Matches until the limit, the quantity or a self-trade ends it. Returns 0, or ERR_STP or
 * ERR_OVERFLOW if what is left of the taker must expire. */
static int take(struct match_symbol *symbol, struct taker *t, struct outbox *outbox)
{
    enum book_side side = other_side(t->side);
    const struct book_pool *pool = symbol->book.pool;
    enum stp stp = stp_of(t->terms);
    while (t->leaves > 0 && book_crosses(&symbol->book, side, t->price)) {
        uint32_t level = book_best(&symbol->book, side);
        uint32_t maker_slot = book_front(pool, level);
        const struct book_order *maker = book_order(pool, maker_slot);
        int64_t price = book_level(pool, level)->price;
        if (maker->account != t->account || stp == STP_NONE) {
            if (fill(symbol, t, maker_slot, price, outbox) != 0)
                return ERR_OVERFLOW;
            continue;
        }
        report_prevented(symbol, t, maker, price, outbox);
        if (stp != STP_EXPIRE_TAKER)
            match_remove(symbol, maker_slot, EXEC_TYPE_EXPIRED, ERR_STP, 0, 0, outbox);
        if (stp != STP_EXPIRE_MAKER)
            return ERR_STP;
    }
    return 0;
}

/* Could `take` fill all of it? Counts only what self-trade prevention would let it have.
 * */
static bool can_fill(const struct match_symbol *symbol, const struct taker *t)
{
    enum book_side side = other_side(t->side);
    const struct book_pool *pool = symbol->book.pool;
    enum stp stp = stp_of(t->terms);
    int64_t wanted = t->leaves;
    uint32_t level = book_best(&symbol->book, side);
    for (; level != (uint32_t)BOOK_NONE;
         level = book_level_behind(&symbol->book, level)) {
        const struct book_level *l = book_level(pool, level);
        if (book_key(side, t->price) < l->key)
            return false;
        if (stp == STP_NONE && (wanted -= l->quantity) <= 0)
            return true;
        if (stp == STP_NONE)
            continue;
        uint32_t slot = book_front(pool, level);
        for (; slot != (uint32_t)BOOK_NONE; slot = book_behind(pool, slot)) {
            const struct book_order *maker = book_order(pool, slot);
            if (maker->account == t->account && stp != STP_EXPIRE_MAKER)
                return false;
            if (maker->account != t->account && (wanted -= maker->leaves) <= 0)
                return true;
        }
    }
    return false;
}

/* Puts what is left of the taker into the book, or lets it expire: for `reason`, if there
 * is one, or because its fills could not be counted. There is room: has_room() was asked
 * if the order did not cross; one that did and has something left emptied a level. */
static void rest(struct match_symbol *symbol, const struct taker *t, int reason,
                 struct outbox *outbox)
{
    if (reason == 0 && !is_countable(symbol, t))
        reason = ERR_OVERFLOW;
    if (reason != 0) {
        report_expired(symbol, t, reason, outbox);
        return;
    }
    struct book_order order = {.leaves = t->leaves,
                               .account = t->account,
                               .order_id = t->order_id,
                               .cl_ord_id = t->cl_ord_id,
                               .cum_quote = t->cum_quote,
                               .quantity = t->quantity,
                               .terms = book_pack(t->terms)};
    int error = book_add(&symbol->book, own_side(t->side), t->price, t->slot, &order);
    CHECK(error == 0);
}

/* ---- commands ---------------------------------------------------------------------- */

/* Is there a price level for an order that will rest at `price`, or one that `leaving`,
 * the level it comes from (NULL: none), gives up? */
static bool has_room(const struct match_symbol *symbol, enum side side, int64_t price,
                     const struct book_level *leaving)
{
    const struct book_pool *pool = symbol->book.pool;
    return pool->level_count < pool->levels_max ||
           (leaving != NULL && leaving->order_count == 1) ||
           book_find_level(&symbol->book, own_side(side), price) != (uint32_t)BOOK_NONE;
}

/* 0, or why an order that would rest (or, IOC and FOK, only take) may not enter now. */
static int find_refusal(const struct match_symbol *symbol, enum side side, int64_t price,
                        bool post_only, bool rests, const struct book_level *leaving)
{
    if (symbol->trading != TRADING_OPEN)
        return ERR_HALTED;
    if (!book_crosses(&symbol->book, other_side(side), price))
        return rests && !has_room(symbol, side, price, leaving) ? ERR_CAPACITY : 0;
    if (post_only)
        return ERR_POST_ONLY;
    return symbol->set.refuse_crossing ? ERR_WOULD_CROSS : 0;
}

static int expiry_reason(const struct msg_approved_new *m)
{
    return m->ord_type == ORD_TYPE_MARKET ? ERR_COLLAR : ERR_IOC;
}

/* What the order ran into: the best price it may not reach, or how many levels there
 * are. */
static int64_t find_limit(const struct match_symbol *symbol,
                          const struct msg_approved_new *m, int reason)
{
    const struct book_pool *pool = symbol->book.pool;
    if (reason == ERR_CAPACITY)
        return pool->levels_max;
    if (reason != ERR_POST_ONLY && reason != ERR_WOULD_CROSS)
        return 0;
    uint32_t best = book_best(&symbol->book, other_side((enum side)m->side));
    return book_level(pool, best)->price;
}

void match_new(struct match_symbol *symbol, uint64_t order_id,
               const struct msg_approved_new *m, struct outbox *outbox)
{
    CHECK(symbol->set.symbol == m->symbol);
    int reason = find_refusal(symbol, (enum side)m->side, m->price, m->post_only,
                              m->tif == TIF_GTC, NULL);
    if (reason != 0) {
        report_rejected(order_id, m, reason, find_limit(symbol, m, reason), outbox);
        return;
    }
    struct taker t = {.slot = m->slot,
                      .account = m->account,
                      .order_id = order_id,
                      .cl_ord_id = m->cl_ord_id,
                      .side = (enum side)m->side,
                      .price = m->price,
                      .quantity = m->quantity,
                      .leaves = m->quantity,
                      .terms = {.maker_ppm = m->maker_ppm,
                                .taker_ppm = m->taker_ppm,
                                .flags = (uint8_t)((m->post_only ? FLAG_POST_ONLY : 0) |
                                                   m->stp << STP_SHIFT)}};
    report_accepted(order_id, m, outbox);
    if (m->tif == TIF_FOK && !can_fill(symbol, &t)) {
        report_expired(symbol, &t, ERR_FOK, outbox);
        return;
    }
    reason = take(symbol, &t, outbox);
    if (reason == 0 && m->tif != TIF_GTC)
        reason = expiry_reason(m);
    if (t.leaves > 0)
        rest(symbol, &t, reason, outbox);
}

void match_remove(struct match_symbol *symbol, uint32_t slot, enum exec_type exec_type,
                  int reason, uint64_t request, uint64_t request_cl_ord_id,
                  struct outbox *outbox)
{
    const struct book_order *order = book_order(symbol->book.pool, slot);
    enum book_side side = book_level_of(symbol->book.pool, slot)->side;
    outbox_submit(
        outbox,
        &(struct msg){.kind = MSG_order_cancelled,
                      .order_cancelled = {.order_id = order->order_id,
                                          .slot = slot,
                                          .account = order->account,
                                          .cl_ord_id = order->cl_ord_id,
                                          .symbol = symbol->set.symbol,
                                          .side = side == BOOK_BID ? SIDE_BUY : SIDE_SELL,
                                          .quantity = order->leaves,
                                          .cum_quantity = order->quantity - order->leaves,
                                          .cum_quote = order->cum_quote,
                                          .exec_type = (uint8_t)exec_type,
                                          .reason = (uint16_t)-reason,
                                          .request = request,
                                          .request_cl_ord_id = request_cl_ord_id}});
    book_remove(&symbol->book, slot);
}

void match_cancel(struct match_symbol *symbol, uint64_t request,
                  const struct msg_approved_cancel *m, struct outbox *outbox)
{
    const struct book_order *order = book_find(symbol->book.pool, m->slot, m->order_id);
    if (order == NULL) {
        report_unchanged(request, m->slot, m->account, m->order_id, m->cl_ord_id,
                         m->orig_cl_ord_id, false, ERR_TOO_LATE, outbox);
        return;
    }
    CHECK(order->account == m->account);
    match_remove(symbol, m->slot, EXEC_TYPE_CANCELED, 0, request, m->cl_ord_id, outbox);
}

static void report_replaced(const struct match_symbol *symbol, const struct taker *t,
                            uint64_t orig_cl_ord_id, bool kept_priority, uint64_t request,
                            struct outbox *outbox)
{
    outbox_submit(
        outbox, &(struct msg){.kind = MSG_order_replaced,
                              .order_replaced = {.order_id = t->order_id,
                                                 .slot = t->slot,
                                                 .account = t->account,
                                                 .cl_ord_id = t->cl_ord_id,
                                                 .orig_cl_ord_id = orig_cl_ord_id,
                                                 .symbol = symbol->set.symbol,
                                                 .side = (uint8_t)t->side,
                                                 .price = t->price,
                                                 .quantity = t->quantity,
                                                 .cum_quantity = t->quantity - t->leaves,
                                                 .leaves = t->leaves,
                                                 .kept_priority = kept_priority,
                                                 .request = request}});
}

/* The order leaves its place and comes back as a taker at the new price. */
static void reenter(struct match_symbol *symbol, struct taker *t, uint64_t orig_cl_ord_id,
                    uint64_t request, struct outbox *outbox)
{
    book_remove(&symbol->book, t->slot);
    report_replaced(symbol, t, orig_cl_ord_id, false, request, outbox);
    int reason = t->leaves > 0 ? take(symbol, t, outbox) : 0;
    if (t->leaves > 0)
        rest(symbol, t, reason, outbox);
}

void match_replace(struct match_symbol *symbol, uint64_t request,
                   const struct msg_approved_replace *m, struct outbox *outbox)
{
    struct book_pool *pool = symbol->book.pool;
    struct book_order *order = book_find(pool, m->slot, m->order_id);
    int reason = order == NULL ? ERR_TOO_LATE : 0;
    struct taker t = {
        .slot = m->slot, .order_id = m->order_id, .cl_ord_id = m->cl_ord_id};
    const struct book_level *level = NULL;
    if (order != NULL) {
        level = book_level_of(pool, m->slot);
        int64_t filled = order->quantity - order->leaves;
        t.account = order->account;
        t.side = level->side == BOOK_BID ? SIDE_BUY : SIDE_SELL;
        t.price = m->price;
        t.quantity = m->quantity > filled ? m->quantity : filled;
        t.leaves = t.quantity - filled;
        t.cum_quote = order->cum_quote;
        t.terms = book_unpack(order->terms);
        bool post_only = (t.terms.flags & FLAG_POST_ONLY) != 0;
        if (t.leaves > 0)
            reason = is_countable(symbol, &t)
                         ? find_refusal(symbol, t.side, m->price, post_only, true, level)
                         : ERR_OVERFLOW;
    }
    if (reason != 0) {
        report_unchanged(request, m->slot, m->account, m->order_id, m->cl_ord_id,
                         m->orig_cl_ord_id, true, reason, outbox);
        return;
    }
    uint64_t old_name = order->cl_ord_id;
    if (t.leaves > 0 && level->price == m->price && t.leaves <= order->leaves) {
        order->cl_ord_id = m->cl_ord_id;
        book_reduce(&symbol->book, m->slot, t.leaves);
        report_replaced(symbol, &t, old_name, true, request, outbox);
        return;
    }
    reenter(symbol, &t, old_name, request, outbox);
}
