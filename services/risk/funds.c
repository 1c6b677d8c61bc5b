/* funds.c - balances and the few ways they change. */
#include "services/risk/funds.h"

#include <stddef.h>

#include "common/check.h"
#include "common/money.h"
#include "proto/limits.h"

void funds_init(struct funds *funds, struct arena *arena, uint32_t capacity)
{
    funds->capacity = capacity;
    funds->balances = arena_take(arena, capacity * sizeof *funds->balances, 64);
    funds->sums = arena_take(arena, capacity * sizeof *funds->sums, 64);
    pair_init(&funds->index, arena, capacity);
}

uint32_t funds_find(const struct funds *funds, uint32_t account, uint32_t asset)
{
    return pair_find(&funds->index, account, asset);
}

int funds_room(const struct funds *funds, uint32_t missing)
{
    return missing <= funds->capacity - funds->count ? 0 : ERR_CAPACITY;
}

uint32_t funds_open(struct funds *funds, uint32_t account, uint32_t asset)
{
    const uint32_t found = funds_find(funds, account, asset);
    if (found != FUNDS_NONE)
        return found;
    CHECK(funds->count < funds->capacity && asset != 0);
    pair_add(&funds->index, funds->count, account, asset);
    funds->balances[funds->count] =
        (struct funds_balance){.account = account, .asset = asset};
    return funds->count++;
}

int64_t funds_free(const struct funds *funds, uint32_t balance)
{
    return balance == FUNDS_NONE ? 0 : funds->balances[balance].free;
}

static bool is_sound(const struct funds_balance *balance)
{
    if (balance->account == ACCOUNT_EXTERNAL)
        return money_is_valid(balance->free);
    return balance->free >= 0 && balance->free <= MONEY_MAX && balance->leaving >= 0 &&
           balance->held >= balance->leaving;
}

/* No sum here overflows: what all accounts have together is bounded at each deposit. */
void funds_add(struct funds *funds, uint32_t balance, int64_t amount)
{
    CHECK(balance < funds->count);
    funds->balances[balance].free += amount;
    CHECK(is_sound(&funds->balances[balance]));
}

void funds_hold(struct funds *funds, uint32_t balance, int64_t amount)
{
    CHECK(balance < funds->count);
    funds->balances[balance].free -= amount;
    funds->balances[balance].held += amount;
    CHECK(is_sound(&funds->balances[balance]));
}

void funds_leave(struct funds *funds, uint32_t balance, int64_t amount)
{
    funds_hold(funds, balance, amount);
    funds->balances[balance].leaving += amount;
}

void funds_left(struct funds *funds, uint32_t balance, int64_t amount)
{
    CHECK(balance < funds->count);
    funds->balances[balance].leaving -= amount;
    funds->balances[balance].held -= amount;
    CHECK(is_sound(&funds->balances[balance]));
}

void funds_check(const struct funds *funds)
{
    int64_t sums[ASSET_MAX + 1] = {0};
    for (uint32_t i = 0; i < funds->count; i++) {
        const struct funds_balance *balance = &funds->balances[i];
        CHECK(is_sound(balance) && balance->asset <= ASSET_MAX);
        CHECK(funds_find(funds, balance->account, balance->asset) == i);
        sums[balance->asset] += balance->free + balance->held;
    }
    for (uint32_t asset = 0; asset <= ASSET_MAX; asset++)
        CHECK(sums[asset] == 0);
}
