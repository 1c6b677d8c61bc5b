/* risk_commands.h - random commands, each judged by the naive risk before the real one.
 *
 * Owns:     nothing.
 * Units:    as the messages.
 * Errors:   a difference fails a CHECK.
 * Threads:  none.
 * Bounds:   none.
 */
#ifndef RISK_COMMANDS_H
#define RISK_COMMANDS_H

#include "tests/model/risk_model.h"

static inline uint32_t any_trader(void)
{
    return (uint32_t)between(TRADER, NAIVE_ACCOUNTS - 1);
}

static inline void open_order(const struct naive_order *draft, uint64_t id,
                              const struct msg_approved_new *approved)
{
    struct naive *naive = &model.naive;
    const struct msg_symbol_set *set = &naive->symbols[approved->symbol];
    CHECK(model.world.streams[0] == set->shard);
    CHECK(approved->price == draft->terms.price && approved->slot < NAIVE_ORDERS);
    CHECK(approved->maker_ppm == draft->maker_ppm);
    CHECK(approved->taker_ppm == draft->taker_ppm);
    CHECK(approved->hold == naive_hold(naive, draft));
    CHECK(approved->stp ==
          (draft->terms.stp != STP_DEFAULT ? draft->terms.stp : set->stp));
    struct naive_order *order = &naive->orders[approved->slot];
    CHECK(!order->is_open); /* slots of open orders are dense and unique */
    *order = *draft;
    order->is_open = true;
    order->id = id;
    order->name = draft->terms.cl_ord_id;
    order->slot = approved->slot;
    naive->accepted[order->account]++;
    naive->has_balance[order->account][set->base] = true;
    naive->has_balance[order->account][set->quote] = true;
    model.ids[id % 64] = id;
}

static inline void command_new(void)
{
    const uint32_t account = any_trader();
    const bool is_market = chance(10);
    const struct msg msg = {
        .kind = MSG_order_new,
        .order_new = {
            .cl_ord_id = (uint64_t)between(1, 12),
            .symbol = (uint32_t)between(1, chance(2) ? NAIVE_SYMBOLS : NAIVE_SYMBOLS - 1),
            .side = chance(50) ? SIDE_BUY : SIDE_SELL,
            .ord_type = is_market ? ORD_TYPE_MARKET : ORD_TYPE_LIMIT,
            .tif = chance(70)   ? TIF_GTC
                   : chance(50) ? TIF_IOC
                                : TIF_FOK,
            .price = is_market != chance(3) ? 0
                     : chance(3)            ? between(1, 400)
                                            : 5 * between(18, 22),
            .quantity = chance(5) ? between(1, 40) : 2 * between(1, 12),
            .post_only = chance(5),
            .stp = chance(20) ? STP_NONE : STP_DEFAULT,
        }};
    struct naive_order draft;
    const int reason = naive_judge_new(&model.naive, account, &msg.order_new, &draft);
    const uint64_t id = apply(model.sessions[account], &msg);
    const struct msg *out =
        answer(0, reason != 0 ? MSG_order_rejected : MSG_approved_new, reason);
    if (reason == 0)
        open_order(&draft, id, &out->approved_new);
}

/* By id or by name, mostly of an open order, now and then of somebody else's. */
static inline void pick(uint32_t *account, uint64_t *id, uint64_t *name)
{
    const struct naive_order *order = &model.naive.orders[between(0, NAIVE_ORDERS - 1)];
    for (int i = 0; i < 5 && !order->is_open; i++)
        order = &model.naive.orders[between(0, NAIVE_ORDERS - 1)];
    *account = order->is_open && chance(90) ? order->account : any_trader();
    *id = chance(50) ? 0 : order->is_open ? order->id : model.ids[between(0, 63)];
    *name = order->is_open && chance(90) ? order->name : (uint64_t)between(1, 12);
}

static inline void command_cancel(void)
{
    uint32_t account;
    struct msg msg = {.kind = MSG_order_cancel, .order_cancel = {.cl_ord_id = 99}};
    pick(&account, &msg.order_cancel.order_id, &msg.order_cancel.orig_cl_ord_id);
    const struct naive_order *order =
        naive_named(&model.naive, account, msg.order_cancel.order_id,
                    msg.order_cancel.orig_cl_ord_id);
    const int reason = model.naive.accounts[account].role != ROLE_TRADER ? ERR_WRONG_ROLE
                       : order == NULL ? ERR_UNKNOWN_ORDER
                                       : 0;
    (void)apply(model.sessions[account], &msg);
    const struct msg *out =
        answer(0, reason != 0 ? MSG_cancel_rejected : MSG_approved_cancel, reason);
    if (reason == 0)
        CHECK(out->approved_cancel.slot == order->slot &&
              out->approved_cancel.order_id == order->id);
}

static inline void command_replace(void)
{
    uint32_t account;
    struct msg msg = {
        .kind = MSG_order_replace,
        .order_replace = {.cl_ord_id = (uint64_t)between(1, 12),
                          .price = chance(3) ? between(1, 400) : 5 * between(18, 22),
                          .quantity = chance(5) ? between(1, 40) : 2 * between(1, 12)}};
    struct msg_order_replace *replace = &msg.order_replace;
    pick(&account, &replace->order_id, &replace->orig_cl_ord_id);
    struct naive_order *order =
        naive_named(&model.naive, account, replace->order_id, replace->orig_cl_ord_id);
    const int reason =
        naive_judge_replace(&model.naive, account, replace, order, model.world.gseq + 1);
    const uint64_t gseq = apply(model.sessions[account], &msg);
    (void)answer(0, reason != 0 ? MSG_cancel_rejected : MSG_approved_replace, reason);
    if (reason == 0) {
        order->next = *replace;
        order->next_id = gseq;
    }
}

static inline int judge_movement(uint32_t account, uint32_t asset, uint64_t reference,
                                 bool is_deposit)
{
    struct naive *naive = &model.naive;
    if (account >= NAIVE_ACCOUNTS || account < ACCOUNT_FEES)
        return ERR_UNKNOWN_ACCOUNT;
    if (asset >= NAIVE_ASSETS)
        return ERR_UNKNOWN_ASSET;
    if (naive_is_known(naive, account, reference, is_deposit))
        return ERR_DUPLICATE_REFERENCE;
    return is_deposit && !naive_has_room(naive, account, asset) ? ERR_CAPACITY : 0;
}

static inline void remember(uint32_t account, uint64_t reference, bool is_deposit)
{
    struct naive *naive = &model.naive;
    CHECK(naive->reference_count < NAIVE_REFERENCES);
    naive->references[naive->reference_count].account = account;
    naive->references[naive->reference_count].reference = reference;
    naive->references[naive->reference_count++].is_deposit = is_deposit;
}

/* Enough for a few orders: dollars are spent by the thousand, coins by the dozen. */
static inline int64_t any_amount(uint32_t asset)
{
    return asset == 1 ? between(1, 60000) : between(1, asset == 2 ? 1500 : 60);
}

static inline void command_deposit(void)
{
    const uint32_t asset = (uint32_t)between(1, chance(2) ? 4 : 3);
    const struct msg msg = {
        .kind = MSG_deposit,
        .deposit = {.account = chance(2) ? (uint32_t)between(1, 2) : any_trader(),
                    .asset = asset,
                    .amount = any_amount(asset),
                    .reference = chance(5) ? 7 : model.world.gseq}};
    const struct msg_deposit *deposit = &msg.deposit;
    const bool is_admin = !chance(2);
    const int reason = !is_admin ? ERR_WRONG_ROLE
                                 : judge_movement(deposit->account, deposit->asset,
                                                  deposit->reference, true);
    (void)apply(is_admin ? model.admin : model.sessions[TRADER], &msg);
    (void)answer(0, reason != 0 ? MSG_admin_rejected : MSG_deposit_done, reason);
    if (reason != 0)
        return;
    remember(deposit->account, deposit->reference, true);
    model.naive.has_balance[deposit->account][deposit->asset] = true;
}

static inline void command_withdraw(void)
{
    const uint32_t speaker = any_trader();
    const struct msg msg = {.kind = MSG_withdraw,
                            .withdraw = {.account = chance(10) ? any_trader() : speaker,
                                         .asset = (uint32_t)between(1, chance(2) ? 4 : 3),
                                         .amount = between(1, 200),
                                         .reference = chance(5) ? 7 : model.world.gseq}};
    const struct msg_withdraw *withdraw = &msg.withdraw;
    int reason =
        withdraw->account != speaker || model.naive.accounts[speaker].role != ROLE_TRADER
            ? ERR_WRONG_ROLE
            : judge_movement(withdraw->account, withdraw->asset, withdraw->reference,
                             false);
    if (reason == 0 &&
        withdraw->amount > naive_free(&model.naive, speaker, withdraw->asset))
        reason = ERR_FUNDS;
    (void)apply(model.sessions[speaker], &msg);
    (void)answer(0, reason != 0 ? MSG_admin_rejected : MSG_withdraw_done, reason);
    if (reason != 0)
        return;
    remember(speaker, withdraw->reference, false);
    model.naive.leaving[speaker][withdraw->asset] += withdraw->amount;
}

static inline void command_kill(void)
{
    const uint32_t account = any_trader();
    const uint8_t killed = chance(15);
    (void)apply(model.admin, &(struct msg){.kind = MSG_account_kill,
                                           .account_kill = {account, killed}});
    (void)answer(killed ? SHARDS : 0, MSG_admin_done, 0);
    model.naive.killed[account] = killed;
}

static inline void command_status(void)
{
    const uint32_t symbol = (uint32_t)between(1, NAIVE_SYMBOLS - 1);
    const uint8_t trading = chance(15) ? TRADING_HALTED : TRADING_OPEN;
    (void)apply(model.admin, &(struct msg){.kind = MSG_symbol_status,
                                           .symbol_status = {symbol, trading}});
    (void)answer(1, MSG_admin_done, 0);
    model.naive.symbols[symbol].trading = trading;
}

static inline void command_symbol(void)
{
    const uint32_t symbol = (uint32_t)between(1, NAIVE_SYMBOLS - 1);
    struct msg msg = {.kind = MSG_symbol_set, .symbol_set = model.naive.symbols[symbol]};
    msg.symbol_set.band_ppm = chance(50) ? 0 : 300000;
    msg.symbol_set.maker_ppm = (int32_t)between(-2000, 2000);
    msg.symbol_set.taker_ppm = (int32_t)between(-1000, 9000);
    const bool is_valid = msg.symbol_set.maker_ppm + msg.symbol_set.taker_ppm >= 0;
    (void)apply(model.admin, &msg);
    if (is_valid)
        model.naive.symbols[symbol] = msg.symbol_set;
    (void)answer(is_valid, is_valid ? MSG_admin_done : MSG_admin_rejected,
                 is_valid ? 0 : ERR_RANGE);
}

static inline void command_account(void)
{
    struct msg msg = {.kind = MSG_account_set,
                      .account_set = model.naive.accounts[any_trader()]};
    struct msg_account_set *set = &msg.account_set;
    set->role = chance(5) ? ROLE_AUDITOR : ROLE_TRADER;
    set->open_orders_max = (uint32_t)between(2, 6);
    set->orders_max = chance(90) ? 0 : model.naive.accepted[set->account] + 5;
    set->own_fees = chance(30);
    set->maker_ppm = (int32_t)between(-1000, 1000);
    set->taker_ppm = (int32_t)between(1000, 9000);
    (void)apply(model.admin, &msg);
    (void)answer(0, MSG_admin_done, 0);
    model.naive.accounts[set->account] = *set;
}

static inline void command(void)
{
    const int64_t dice = between(0, 999);
    if (dice < 600)
        command_new();
    else if (dice < 740)
        command_cancel();
    else if (dice < 900)
        command_replace();
    else if (dice < 960)
        command_deposit();
    else if (dice < 980)
        command_withdraw();
    else if (dice < 985)
        command_symbol();
    else if (dice < 990)
        command_account();
    else if (dice < 995)
        command_status();
    else
        command_kill();
}

#endif
