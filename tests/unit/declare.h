/* declare.h - the commands that declare a small venue: what the worlds with all services
 * trade in.
 *
 * Owns:     nothing.
 * Units:    as the messages.
 * Errors:   none.
 * Threads:  any.
 * Bounds:   assets 1 (quote) to DECLARE_ASSETS; symbol s trades asset s + 1.
 */
#ifndef DECLARE_H
#define DECLARE_H

#include <inttypes.h>
#include <stdio.h>

#include "proto/msg.h"

enum { DECLARE_SYMBOLS = 2, DECLARE_ASSETS };

static inline struct msg declare_asset(uint32_t asset)
{
    struct msg msg = {.kind = MSG_asset_set, .asset_set = {.asset = asset}};
    snprintf(msg.asset_set.name, sizeof msg.asset_set.name, "A%" PRIu32, asset);
    return msg;
}

static inline struct msg declare_symbol(uint32_t symbol, uint32_t shard)
{
    struct msg msg = {.kind = MSG_symbol_set};
    msg.symbol_set = (struct msg_symbol_set){.symbol = symbol,
                                             .base = 1 + symbol,
                                             .quote = 1,
                                             .shard = shard,
                                             .multiplier = 1,
                                             .tick = 1,
                                             .lot = 1,
                                             .quantity_max = 1000,
                                             .notional_max = 1000000000,
                                             .collar_ppm = 500000,
                                             .reference_price = 100,
                                             .maker_ppm = -100,
                                             .taker_ppm = 3000,
                                             .stp = STP_EXPIRE_TAKER,
                                             .trading = TRADING_OPEN};
    snprintf(msg.symbol_set.name, sizeof msg.symbol_set.name, "S%" PRIu32, symbol);
    return msg;
}

static inline struct msg declare_trader(uint32_t account, uint32_t open_orders_max)
{
    struct msg msg = {.kind = MSG_account_set};
    msg.account_set = (struct msg_account_set){
        .account = account, .role = ROLE_TRADER, .open_orders_max = open_orders_max};
    snprintf(msg.account_set.name, sizeof msg.account_set.name, "a%" PRIu32, account);
    return msg;
}

/* Its only deposit of this asset. */
static inline struct msg declare_money(uint32_t account, uint32_t asset, int64_t amount)
{
    return (struct msg){
        .kind = MSG_deposit,
        .deposit = {
            .account = account, .asset = asset, .amount = amount, .reference = asset}};
}

#endif
