/* risk_core.c - which record goes to which handler. */
#include "services/risk/risk_core.h"

#include "common/check.h"
#include "services/risk/risk.h"

/* Measures and carves alike. */
static void carve(struct risk *risk, struct arena *arena,
                  const struct msg_genesis *genesis)
{
    risk->shards = genesis->shards;
    account_init(&risk->accounts, arena, genesis);
    instrument_init(&risk->instruments, arena, genesis);
    funds_init(&risk->funds, arena, genesis->balances_max);
    hold_init(&risk->holds, arena, genesis->orders_max);
    pair_init(&risk->references, arena, genesis->references_max);
}

static size_t size(const struct msg_genesis *genesis, uint32_t instance)
{
    (void)instance;
    struct risk risk;
    struct arena arena;
    arena_init(&arena, NULL, 0);
    (void)arena_take(&arena, sizeof risk, ARENA_ALIGN_MAX);
    carve(&risk, &arena, genesis);
    return arena_used(&arena);
}

static void init(void *state, const struct msg_genesis *genesis, uint32_t instance)
{
    struct arena arena;
    arena_init(&arena, state, size(genesis, instance));
    struct risk *risk = arena_take(&arena, sizeof *risk, ARENA_ALIGN_MAX);
    carve(risk, &arena, genesis);
}

uint32_t risk_speaker(const struct risk *risk, const struct core_input *input)
{
    const uint32_t account = account_of(&risk->accounts, (uint64_t)input->source);
    CHECK(account != 0); /* the sequencer takes commands of open sessions only */
    return account;
}

struct limit_verdict risk_may(const struct risk *risk, uint32_t account, enum role role)
{
    const struct account *found = account_find(&risk->accounts, account);
    if (found == NULL)
        return limit_refuse(ERR_UNKNOWN_ACCOUNT, account, 0);
    if (found->set.role != role)
        return limit_refuse(ERR_WRONG_ROLE, found->set.role, role);
    return limit_pass();
}

static void forward_to_all(const struct risk *risk, const struct msg *msg,
                           struct outbox *outbox)
{
    for (uint32_t shard = 0; shard < risk->shards; shard++)
        outbox_emit(outbox, shard, msg);
}

/* From version 3 on a shard without symbols hears nothing, so that one that is only to
 * come costs nothing. */
static void forward_time(const struct risk *risk, const struct msg *tick,
                         struct outbox *outbox)
{
    const struct instruments *instruments = &risk->instruments;
    for (uint32_t shard = 0; shard < risk->shards; shard++)
        if (!instruments->may_move || instruments->symbols_of[shard] > 0)
            outbox_emit(outbox, shard, tick);
}

static void apply_command(struct risk *risk, const struct core_input *input,
                          struct outbox *outbox)
{
    switch (input->msg->kind) {
    case MSG_order_new:
        risk_entry_new(risk, input, outbox);
        break;
    case MSG_order_cancel:
        risk_entry_cancel(risk, input, outbox);
        break;
    case MSG_order_replace:
        risk_entry_replace(risk, input, outbox);
        break;
    case MSG_withdraw:
        risk_movement_withdraw(risk, input, outbox);
        break;
    case MSG_deposit:
        risk_movement_deposit(risk, input, outbox);
        break;
    case MSG_close:
        account_close(&risk->accounts, (uint64_t)input->source);
        break;
    default:
        risk_admin(risk, input, outbox);
        break;
    }
}

static void apply_sequencer(struct risk *risk, const struct core_input *input,
                            struct outbox *outbox)
{
    switch (input->msg->kind) {
    case MSG_genesis:
        account_genesis(&risk->accounts, &input->msg->genesis);
        forward_to_all(risk, input->msg, outbox);
        break;
    case MSG_tick:
        forward_time(risk, input->msg, outbox);
        break;
    case MSG_open:
        account_open(&risk->accounts, input->gseq, input->msg->open.account);
        break;
    case MSG_session_closed:
        account_close(&risk->accounts, input->msg->session_closed.session);
        break;
    default:
        break;
    }
}

/* Risk's own decisions come back in the log; money moves only here. */
static void apply_own(struct risk *risk, const struct core_input *input)
{
    if (input->msg->kind == MSG_deposit_done)
        risk_movement_deposit_done(risk, &input->msg->deposit_done);
    else if (input->msg->kind == MSG_withdraw_done)
        risk_movement_withdraw_done(risk, &input->msg->withdraw_done);
}

static void apply(void *state, const struct core_input *input, struct outbox *outbox)
{
    struct risk *risk = state;
    if (input->source > 0)
        apply_command(risk, input, outbox);
    else if (input->source <= -SERVICE_SHARD)
        risk_report(risk, input);
    else if (input->source == -SERVICE_RISK)
        apply_own(risk, input);
    else if (input->source == 0)
        apply_sequencer(risk, input, outbox);
}

/* The order a command names, and the ones a report is about. */
static void prefetch(const void *state, const struct core_input *input, bool again)
{
    const struct risk *risk = state;
    const struct holds *holds = &risk->holds;
    const struct msg *msg = input->msg;
    const uint32_t account =
        input->source > 0 ? account_of(&risk->accounts, (uint64_t)input->source) : 0;
    switch (msg->kind) {
    case MSG_order_new:
        hold_prefetch_search(holds, account, 0, msg->order_new.cl_ord_id, again);
        break;
    case MSG_order_cancel:
        hold_prefetch_search(holds, account, msg->order_cancel.order_id,
                             msg->order_cancel.orig_cl_ord_id, again);
        break;
    case MSG_order_replace:
        hold_prefetch_search(holds, account, msg->order_replace.order_id,
                             msg->order_replace.orig_cl_ord_id, again);
        break;
    case MSG_order_accepted:
        hold_prefetch(holds, msg->order_accepted.slot, again);
        break;
    case MSG_order_cancelled:
        hold_prefetch(holds, msg->order_cancelled.slot, again);
        break;
    case MSG_order_replaced:
        hold_prefetch(holds, msg->order_replaced.slot, again);
        break;
    case MSG_trade:
        hold_prefetch(holds, msg->trade.maker_slot, again);
        hold_prefetch(holds, msg->trade.taker_slot, again);
        break;
    default:
        break;
    }
}

static void save(const void *state, struct writer *writer)
{
    risk_snapshot_save(state, writer);
}

static int load(void *state, struct reader *reader)
{
    return risk_snapshot_load(state, reader);
}

/* What a balance holds is what its orders hold and what is on its way out. */
static void check_holds(const struct risk *risk)
{
    const struct funds *funds = &risk->funds;
    for (uint32_t i = 0; i < funds->count; i++)
        funds->sums[i] = funds->balances[i].leaving;
    for (uint32_t slot = 0; slot < risk->holds.slots.fresh; slot++) {
        const struct hold_order *order = &risk->holds.orders[slot];
        if (pool_is_taken(&risk->holds.slots, slot))
            funds->sums[order->side == SIDE_BUY ? order->quote : order->base] +=
                order->held;
    }
    for (uint32_t i = 0; i < funds->count; i++)
        CHECK(funds->balances[i].held == funds->sums[i]);
}

static void check_orders(const struct risk *risk)
{
    uint64_t open_orders = 0;
    for (uint32_t i = 0; i < risk->accounts.accounts_max; i++)
        open_orders += risk->accounts.accounts[i].open_orders;
    CHECK(open_orders == risk->holds.slots.count);
    for (uint32_t slot = 0; slot < risk->holds.slots.fresh; slot++) {
        const struct hold_order *order = &risk->holds.orders[slot];
        if (!pool_is_taken(&risk->holds.slots, slot))
            continue;
        int64_t amount = 0;
        const int error = hold_amount(
            order, risk->instruments.symbols[order->symbol].set.multiplier, &amount);
        CHECK(error == 0 && amount == order->held);
    }
}

void risk_core_check(const void *state)
{
    const struct risk *risk = state;
    funds_check(&risk->funds);
    account_check(&risk->accounts);
    hold_check(&risk->holds);
    check_orders(risk);
    check_holds(risk);
}

const struct core_ops risk_core = {
    .name = "risk",
    .size = size,
    .init = init,
    .apply = apply,
    .prefetch = prefetch,
    .query = risk_query,
    .save = save,
    .load = load,
    .check = risk_core_check,
};

const struct service_kind risk_kind = {
    .core = &risk_core,
    .number = SERVICE_RISK,
    .input = SERVICE_STREAM_LOG,
    .owns = SERVICE_STREAM_APPROVED,
    .submits = true,
    .journal = 0,
};
