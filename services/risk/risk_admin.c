/* risk_admin.c - configuration: valid or refused, and said so in either case. */
#include <string.h>

#include "common/ablate.h"
#include "common/check.h"
#include "services/risk/risk.h"

void risk_admin_reject(const struct core_input *input, uint32_t account,
                       struct limit_verdict verdict, struct outbox *outbox)
{
    const struct msg out = {
        .kind = MSG_admin_rejected,
        .admin_rejected =
            {
                .request = input->gseq,
                .account = account,
                .reason = (uint16_t)error_number(verdict.error),
                .value = verdict.value,
                .limit = verdict.limit,
            },
    };
    outbox_submit(outbox, &out);
}

/* Every reader of the log changes its configuration at this record. */
static void confirm(const struct core_input *input, uint32_t account,
                    struct outbox *outbox)
{
    struct msg out = {
        .kind = MSG_admin_done,
        .admin_done = {.request = input->gseq, .account = account},
    };
    CHECK(input->bytes_size <= sizeof out.admin_done.body);
    out.admin_done.body_size = (uint16_t)input->bytes_size;
    memcpy(out.admin_done.body, input->bytes, input->bytes_size);
    outbox_submit(outbox, &out);
}

/* An asset has the venue's own two balances from its first day, so that no deposit and no
 * fee can find the table full. */
static struct limit_verdict set_asset(struct risk *risk, const struct msg_asset_set *set)
{
    const bool is_new = instrument_find_asset(&risk->instruments, set->asset) == NULL;
    if (is_new && funds_room(&risk->funds, 2) != 0)
        return limit_refuse(ERR_CAPACITY, risk->funds.count, risk->funds.capacity);
    const struct limit_verdict verdict = instrument_set_asset(&risk->instruments, set);
    if (verdict.error != 0)
        return verdict;
    struct instrument_asset *asset =
        instrument_find_asset(&risk->instruments, set->asset);
    asset->external = funds_open(&risk->funds, ACCOUNT_EXTERNAL, set->asset);
    asset->fees = funds_open(&risk->funds, ACCOUNT_FEES, set->asset);
    return verdict;
}

/* Without orders nothing of the symbol is under way: the shard it leaves forgets it when
 * its word comes, behind all else that was for it, and the other goes on counting
 * trades. */
static struct limit_verdict move_symbol(struct risk *risk, const struct msg *msg,
                                        struct outbox *outbox)
{
    const struct msg_symbol_set *set = &msg->symbol_set;
    const struct instrument_symbol *symbol =
        instrument_find(&risk->instruments, set->symbol);
    const uint32_t from = symbol->set.shard;
    const uint32_t orders = hold_count(&risk->holds, set->symbol);
    if (orders > 0 && !ABLATE(MOVE_WITH_ORDERS))
        return limit_refuse(ERR_OPEN_ORDERS, orders, 0);
    const struct limit_verdict verdict = instrument_set(&risk->instruments, set);
    if (verdict.error != 0)
        return verdict;
    struct msg out = {.kind = MSG_symbol_set, .symbol_set = symbol->set};
    out.symbol_set.trade_id = ABLATE(MOVE_UNCOUNTED) ? 0 : symbol->trade_id;
    outbox_emit(outbox, from, &out);
    outbox_emit(outbox, set->shard, &out);
    return verdict;
}

static struct limit_verdict set_symbol(struct risk *risk, const struct msg *msg,
                                       struct outbox *outbox)
{
    if (instrument_is_move(&risk->instruments, &msg->symbol_set))
        return move_symbol(risk, msg, outbox);
    const struct limit_verdict verdict =
        instrument_set(&risk->instruments, &msg->symbol_set);
    if (verdict.error == 0)
        outbox_emit(outbox, msg->symbol_set.shard, msg);
    return verdict;
}

static struct limit_verdict set_status(struct risk *risk, const struct msg *msg,
                                       struct outbox *outbox)
{
    const struct msg_symbol_status *status = &msg->symbol_status;
    struct instrument_symbol *symbol =
        instrument_find(&risk->instruments, status->symbol);
    if (symbol == NULL)
        return limit_refuse(ERR_UNKNOWN_SYMBOL, status->symbol, 0);
    if (status->trading == TRADING_CLOSED && !risk->instruments.may_move)
        return limit_refuse(ERR_RANGE, status->trading, TRADING_OPEN);
    symbol->set.trading = status->trading;
    outbox_emit(outbox, symbol->set.shard, msg);
    return limit_pass();
}

static struct limit_verdict
kill(struct risk *risk, const struct msg_account_kill *command, struct outbox *outbox)
{
    struct account *account = account_find(&risk->accounts, command->account);
    if (account == NULL)
        return limit_refuse(ERR_UNKNOWN_ACCOUNT, command->account, 0);
    account->killed = command->killed;
    if (!command->killed)
        return limit_pass();
    const struct msg out = {
        .kind = MSG_approved_kill,
        .approved_kill = {.account = command->account},
    };
    for (uint32_t shard = 0; shard < risk->shards; shard++)
        outbox_emit(outbox, shard, &out);
    return limit_pass();
}

static struct limit_verdict carry_out(struct risk *risk, const struct msg *msg,
                                      struct outbox *outbox)
{
    switch (msg->kind) {
    case MSG_asset_set:
        return set_asset(risk, &msg->asset_set);
    case MSG_symbol_set:
        return set_symbol(risk, msg, outbox);
    case MSG_symbol_status:
        return set_status(risk, msg, outbox);
    case MSG_account_set:
        return account_set(&risk->accounts, &msg->account_set);
    case MSG_key_set:
        return account_key(&risk->accounts, &msg->key_set);
    case MSG_account_kill:
        return kill(risk, &msg->account_kill, outbox);
    case MSG_skip:
    case MSG_consumer:
    case MSG_session_close:
        return limit_pass(); /* the sequencer's business */
    default:
        return limit_refuse(ERR_UNKNOWN_KIND, msg->kind, 0);
    }
}

void risk_admin(struct risk *risk, const struct core_input *input, struct outbox *outbox)
{
    const uint32_t account = risk_speaker(risk, input);
    struct limit_verdict verdict = risk_may(risk, account, ROLE_ADMIN);
    if (verdict.error == 0)
        verdict = carry_out(risk, input->msg, outbox);
    if (verdict.error != 0)
        risk_admin_reject(input, account, verdict, outbox);
    else
        confirm(input, account, outbox);
}
