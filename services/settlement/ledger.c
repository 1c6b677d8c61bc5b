/* ledger.c - posting, and what must hold afterwards. */
#include "services/settlement/ledger.h"

#include <stdbool.h>

#include "common/check.h"
#include "common/money.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/limits.h"

/* Pairs that clients do not count against balances_max: two venue accounts. */
#define VENUE_PAIRS (2 * (ASSET_MAX + 1))

void ledger_init(struct ledger *ledger, struct arena *arena, uint32_t balances_max)
{
    const uint32_t capacity = balances_max + VENUE_PAIRS;
    ledger->balances = arena_take(arena, capacity * sizeof *ledger->balances, 64);
    void *slots = arena_take(arena, map_size(capacity), 64);
    ledger->capacity = capacity;
    if (slots)
        map_init(&ledger->index_of, slots, capacity);
}

static uint64_t pair(uint32_t account, uint32_t asset)
{
    return (uint64_t)account << 8 | asset;
}

static bool may_be_negative(uint32_t account)
{
    return account == ACCOUNT_EXTERNAL;
}

static struct ledger_balance *add_balance(struct ledger *ledger, uint32_t account,
                                          uint32_t asset)
{
    CHECK(account > 0 && account <= ACCOUNT_MAX && asset > 0 && asset <= ASSET_MAX);
    CHECK(ledger->count < ledger->capacity);
    CHECK(map_add(&ledger->index_of, pair(account, asset), ledger->count) == 0);
    struct ledger_balance *balance = &ledger->balances[ledger->count++];
    *balance = (struct ledger_balance){.account = account, .asset = asset};
    return balance;
}

static struct ledger_balance *get_balance(struct ledger *ledger, uint32_t account,
                                          uint32_t asset)
{
    const uint64_t index = map_find(&ledger->index_of, pair(account, asset));
    return index != MAP_NONE ? &ledger->balances[index]
                             : add_balance(ledger, account, asset);
}

/* Per asset, through a vector that is zero before and must be zero after. */
static void check_balanced(struct ledger *ledger, const struct ledger_line *lines,
                           uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int64_t *sum = &ledger->sums[lines[i].asset];
        CHECK(money_add(*sum, lines[i].amount, sum) == 0);
    }
    for (uint32_t i = 0; i < count; i++)
        CHECK(ledger->sums[lines[i].asset] == 0);
}

/* By what the balance says, not by what was posted. */
static void count_change(struct ledger *ledger, const struct ledger_balance *balance,
                         int64_t before)
{
    ledger->totals[balance->asset] += (uint64_t)balance->amount - (uint64_t)before;
}

void ledger_post(struct ledger *ledger, const struct ledger_line *lines, uint32_t count)
{
    CHECK(count > 0 && count <= LEDGER_LINES_MAX);
    check_balanced(ledger, lines, count);

    struct ledger_balance *touched[LEDGER_LINES_MAX];
    for (uint32_t i = 0; i < count; i++) {
        touched[i] = get_balance(ledger, lines[i].account, lines[i].asset);
        const int64_t before = touched[i]->amount;
        CHECK(money_add(before, lines[i].amount, &touched[i]->amount) == 0);
        count_change(ledger, touched[i], before);
    }
    /* Only the whole set must leave enough: a seller pays the fee from the proceeds. */
    for (uint32_t i = 0; i < count; i++)
        CHECK(touched[i]->amount >= 0 || may_be_negative(lines[i].account));
}

const struct ledger_balance *ledger_find(const struct ledger *ledger, uint32_t account,
                                         uint32_t asset)
{
    const uint64_t index = map_find(&ledger->index_of, pair(account, asset));
    return index != MAP_NONE ? &ledger->balances[index] : NULL;
}

uint64_t ledger_imbalance(const struct ledger *ledger)
{
    uint64_t sum = 0;
    for (uint32_t asset = 0; asset <= ASSET_MAX; asset++) {
        const uint64_t total = ledger->totals[asset];
        sum += total <= INT64_MAX ? total : 0 - total;
    }
    return sum;
}

void ledger_check(const struct ledger *ledger)
{
    int64_t sums[ASSET_MAX + 1] = {0};
    for (uint32_t i = 0; i < ledger->count; i++) {
        const struct ledger_balance *balance = &ledger->balances[i];
        CHECK(ledger_find(ledger, balance->account, balance->asset) == balance);
        CHECK(balance->amount >= 0 || may_be_negative(balance->account));
        CHECK(!__builtin_add_overflow(sums[balance->asset], balance->amount,
                                      &sums[balance->asset]));
    }
    for (uint32_t asset = 0; asset <= ASSET_MAX; asset++)
        CHECK(sums[asset] == 0 && ledger->sums[asset] == 0);
    CHECK(ledger_imbalance(ledger) == 0);
    CHECK(ledger->index_of.count == ledger->count);
}

void ledger_save(const struct ledger *ledger, struct writer *writer)
{
    writer_u32(writer, ledger->count);
    for (uint32_t i = 0; i < ledger->count; i++) {
        writer_u32(writer, ledger->balances[i].account);
        writer_u32(writer, ledger->balances[i].asset);
        writer_i64(writer, ledger->balances[i].amount);
    }
}

int ledger_load(struct ledger *ledger, struct reader *reader)
{
    const uint32_t count = reader_u32(reader);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t account = reader_u32(reader);
        const uint32_t asset = reader_u32(reader);
        const int64_t amount = reader_i64(reader);
        if (reader_failed(reader) || account == 0 || account > ACCOUNT_MAX ||
            asset == 0 || asset > ASSET_MAX || ledger->count == ledger->capacity ||
            ledger_find(ledger, account, asset))
            return ERR_CORRUPT;
        struct ledger_balance *balance = add_balance(ledger, account, asset);
        balance->amount = amount;
        count_change(ledger, balance, 0);
    }
    return reader_failed(reader) ? ERR_CORRUPT : 0;
}
