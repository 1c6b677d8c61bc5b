/* risk_movement.c - money in and out: at the command it is only promised or held, it
 * moves at the *_done record, there and in every other service alike. */
#include "common/check.h"
#include "common/money.h"
#include "services/risk/risk.h"

enum direction { DEPOSIT, WITHDRAWAL };

/* Each direction has its own references: the operator's deposits and the client's
 * withdrawals cannot block each other. */
static uint32_t scope(uint32_t account, enum direction direction)
{
    return 2 * account + (direction == WITHDRAWAL);
}

static void remember(struct risk *risk, uint32_t account, enum direction direction,
                     uint64_t reference)
{
    pair_add(&risk->references, risk->reference_count++, scope(account, direction),
             reference);
}

/* What both directions ask: is there such an account and asset, and is the reference new?
 * */
static struct limit_verdict check_movement(const struct risk *risk, uint32_t account,
                                           uint32_t asset, enum direction direction,
                                           uint64_t reference)
{
    if (account == ACCOUNT_EXTERNAL || account_find(&risk->accounts, account) == NULL)
        return limit_refuse(ERR_UNKNOWN_ACCOUNT, account, 0);
    if (instrument_find_asset(&risk->instruments, asset) == NULL)
        return limit_refuse(ERR_UNKNOWN_ASSET, asset, 0);
    if (pair_find(&risk->references, scope(account, direction), reference) != PAIR_NONE)
        return limit_refuse(ERR_DUPLICATE_REFERENCE, (int64_t)reference, 0);
    if (risk->reference_count == risk->references.capacity)
        return limit_refuse(ERR_CAPACITY, risk->reference_count,
                            risk->references.capacity);
    return limit_pass();
}

/* What all accounts have of an asset stays within MONEY_MAX; no balance can overflow
 * then. */
static struct limit_verdict check_deposit(const struct risk *risk,
                                          const struct msg_deposit *deposit)
{
    const struct limit_verdict verdict = check_movement(
        risk, deposit->account, deposit->asset, DEPOSIT, deposit->reference);
    if (verdict.error != 0)
        return verdict;
    int64_t supply = risk->instruments.assets[deposit->asset].supply;
    if (money_add(supply, deposit->amount, &supply) != 0)
        return limit_refuse(ERR_OVERFLOW, deposit->amount, MONEY_MAX - supply);
    if (funds_find(&risk->funds, deposit->account, deposit->asset) == FUNDS_NONE &&
        funds_room(&risk->funds, 1) != 0)
        return limit_refuse(ERR_CAPACITY, risk->funds.count, risk->funds.capacity);
    return limit_pass();
}

void risk_movement_deposit(struct risk *risk, const struct core_input *input,
                           struct outbox *outbox)
{
    const struct msg_deposit *deposit = &input->msg->deposit;
    const uint32_t speaker = risk_speaker(risk, input);
    struct limit_verdict verdict = risk_may(risk, speaker, ROLE_ADMIN);
    if (verdict.error == 0)
        verdict = check_deposit(risk, deposit);
    if (verdict.error != 0) {
        risk_admin_reject(input, speaker, verdict, outbox);
        return;
    }
    remember(risk, deposit->account, DEPOSIT, deposit->reference);
    (void)funds_open(&risk->funds, deposit->account, deposit->asset);
    risk->instruments.assets[deposit->asset].supply += deposit->amount;
    const struct msg out = {
        .kind = MSG_deposit_done,
        .deposit_done =
            {
                .request = input->gseq,
                .account = deposit->account,
                .asset = deposit->asset,
                .amount = deposit->amount,
                .reference = deposit->reference,
                .by = speaker == deposit->account ? 0 : speaker,
            },
    };
    outbox_submit(outbox, &out);
}

void risk_movement_deposit_done(struct risk *risk, const struct msg_deposit_done *done)
{
    const uint32_t balance = funds_find(&risk->funds, done->account, done->asset);
    funds_add(&risk->funds, risk->instruments.assets[done->asset].external,
              -done->amount);
    funds_add(&risk->funds, balance, done->amount);
}

/* A trader takes from its own account, an operator from any. */
static struct limit_verdict may_withdraw(const struct risk *risk, uint32_t speaker,
                                         const struct msg_withdraw *withdraw)
{
    const struct limit_verdict verdict = risk_may(risk, speaker, ROLE_ADMIN);
    if (verdict.error == 0 || withdraw->account != speaker)
        return verdict;
    return risk_may(risk, speaker, ROLE_TRADER);
}

/* What may leave. Of the fees, one unit an open order stays: its next fill may pay back
 * what the last one was rounded up by. */
static int64_t available(const struct risk *risk, const struct msg_withdraw *withdraw)
{
    const int64_t free = funds_free(
        &risk->funds, funds_find(&risk->funds, withdraw->account, withdraw->asset));
    const int64_t lent = withdraw->account == ACCOUNT_FEES ? risk->holds.slots.count : 0;
    return free > lent ? free - lent : 0;
}

static struct limit_verdict check_withdraw(const struct risk *risk,
                                           const struct msg_withdraw *withdraw)
{
    const struct limit_verdict verdict = check_movement(
        risk, withdraw->account, withdraw->asset, WITHDRAWAL, withdraw->reference);
    if (verdict.error != 0)
        return verdict;
    const int64_t free = available(risk, withdraw);
    if (withdraw->amount > free)
        return limit_refuse(ERR_FUNDS, withdraw->amount, free);
    return limit_pass();
}

void risk_movement_withdraw(struct risk *risk, const struct core_input *input,
                            struct outbox *outbox)
{
    const struct msg_withdraw *withdraw = &input->msg->withdraw;
    const uint32_t speaker = risk_speaker(risk, input);
    struct limit_verdict verdict = may_withdraw(risk, speaker, withdraw);
    if (verdict.error == 0)
        verdict = check_withdraw(risk, withdraw);
    if (verdict.error != 0) {
        risk_admin_reject(input, speaker, verdict, outbox);
        return;
    }
    remember(risk, withdraw->account, WITHDRAWAL, withdraw->reference);
    funds_leave(&risk->funds,
                funds_find(&risk->funds, withdraw->account, withdraw->asset),
                withdraw->amount);
    const struct msg out = {
        .kind = MSG_withdraw_done,
        .withdraw_done =
            {
                .request = input->gseq,
                .account = withdraw->account,
                .asset = withdraw->asset,
                .amount = withdraw->amount,
                .reference = withdraw->reference,
                .by = speaker == withdraw->account ? 0 : speaker,
            },
    };
    outbox_submit(outbox, &out);
}

void risk_movement_withdraw_done(struct risk *risk, const struct msg_withdraw_done *done)
{
    struct instrument_asset *asset = &risk->instruments.assets[done->asset];
    funds_left(&risk->funds, funds_find(&risk->funds, done->account, done->asset),
               done->amount);
    funds_add(&risk->funds, asset->external, done->amount);
    asset->supply -= done->amount;
    CHECK(asset->supply >= 0);
}
