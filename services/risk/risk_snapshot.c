/* risk_snapshot.c - the whole state as bytes: by id, by slot, or in the order things
 * came, never in the order of a hash. Free slots are kept in their order, because the
 * next orders will get them and the log shows which. */
#include "common/check.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/codec.h"
#include "services/risk/risk.h"

static void save_msg(struct writer *writer, uint32_t kind, const void *body)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    const int error = codec_encode_body(bytes, sizeof bytes, kind, body, &size);
    CHECK(error == 0);
    writer_u32(writer, (uint32_t)size);
    writer_bytes(writer, bytes, size);
}

static int load_msg(struct reader *reader, uint32_t kind, struct msg *msg)
{
    const uint32_t size = reader_count(reader, MESSAGE_BYTES_MAX);
    const uint8_t *bytes = reader_take(reader, size);
    if (bytes == NULL || codec_decode_whole(bytes, size, msg) != 0 || msg->kind != kind)
        return ERR_CORRUPT;
    return 0;
}

static void save_accounts(const struct accounts *accounts, struct writer *writer)
{
    writer_u32(writer, accounts->names.count);
    for (uint32_t i = 0; i < accounts->accounts_max; i++) {
        const struct account *account = &accounts->accounts[i];
        if (account->set.account == 0)
            continue;
        save_msg(writer, MSG_account_set, &account->set);
        writer_u64(writer, account->orders);
        writer_u32(writer, account->open_orders);
        writer_u8(writer, account->killed);
    }
    writer_u32(writer, accounts->key_count);
    for (uint32_t i = 0; i < accounts->key_count; i++)
        save_msg(writer, MSG_key_set, &accounts->keys[i]);
    writer_u32(writer, accounts->session_count);
    for (uint32_t i = 0; i < accounts->session_count; i++) {
        writer_u64(writer, accounts->sessions[i].session);
        writer_u32(writer, accounts->sessions[i].account);
    }
}

static int load_account(struct accounts *accounts, struct reader *reader)
{
    struct msg msg;
    if (load_msg(reader, MSG_account_set, &msg) != 0 ||
        msg.account_set.account >= accounts->accounts_max ||
        account_find(accounts, msg.account_set.account) != NULL)
        return ERR_CORRUPT;
    account_declare(accounts, &msg.account_set);
    struct account *account = account_find(accounts, msg.account_set.account);
    account->orders = reader_u64(reader);
    account->open_orders = reader_u32(reader);
    account->killed = reader_bool(reader);
    return reader_error(reader);
}

static int load_accounts(struct accounts *accounts, struct reader *reader)
{
    const uint32_t count = reader_count(reader, accounts->accounts_max);
    for (uint32_t i = 0; i < count; i++)
        if (load_account(accounts, reader) != 0)
            return ERR_CORRUPT;
    struct msg msg;
    const uint32_t keys = reader_count(reader, accounts->keys_max);
    for (uint32_t i = 0; i < keys; i++) {
        if (load_msg(reader, MSG_key_set, &msg) != 0)
            return ERR_CORRUPT;
        account_learn_key(accounts, &msg.key_set);
    }
    const uint32_t sessions = reader_count(reader, accounts->sessions_max);
    for (uint32_t i = 0; i < sessions; i++) {
        const uint64_t session = reader_u64(reader);
        const uint32_t account = reader_u32(reader);
        if (reader_failed(reader) || account_of(accounts, session) != 0)
            return ERR_CORRUPT;
        account_open(accounts, session, account);
    }
    return 0;
}

static void save_funds(const struct funds *funds, struct writer *writer)
{
    writer_u32(writer, funds->count);
    for (uint32_t i = 0; i < funds->count; i++) {
        const struct funds_balance *balance = &funds->balances[i];
        writer_u32(writer, balance->account);
        writer_u32(writer, balance->asset);
        writer_i64(writer, balance->free);
        writer_i64(writer, balance->held);
        writer_i64(writer, balance->leaving);
    }
}

static int load_funds(struct funds *funds, struct reader *reader)
{
    const uint32_t count = reader_count(reader, funds->capacity);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t account = reader_u32(reader), asset = reader_u32(reader);
        if (account == 0 || account > ACCOUNT_MAX || asset == 0 || asset > ASSET_MAX ||
            funds_find(funds, account, asset) != FUNDS_NONE)
            return ERR_CORRUPT;
        struct funds_balance *balance =
            &funds->balances[funds_open(funds, account, asset)];
        balance->free = reader_i64(reader);
        balance->held = reader_i64(reader);
        balance->leaving = reader_i64(reader);
    }
    return 0;
}

static void save_instruments(const struct instruments *instruments, struct writer *writer)
{
    for (uint32_t i = 1; i <= ASSET_MAX; i++) {
        const struct instrument_asset *asset = &instruments->assets[i];
        writer_bool(writer, asset->set.asset != 0);
        if (asset->set.asset == 0)
            continue;
        save_msg(writer, MSG_asset_set, &asset->set);
        writer_i64(writer, asset->supply);
    }
    for (uint32_t i = 1; i <= SYMBOL_MAX; i++) {
        const struct instrument_symbol *symbol = instrument_find(instruments, i);
        writer_bool(writer, symbol != NULL);
        if (symbol == NULL)
            continue;
        save_msg(writer, MSG_symbol_set, &symbol->set);
        writer_i64(writer, symbol->last_price);
        if (instruments->may_move)
            writer_u64(writer, symbol->trade_id);
    }
}

static int load_asset(struct risk *risk, uint32_t id, struct reader *reader)
{
    struct instrument_asset *asset = &risk->instruments.assets[id];
    struct msg msg;
    if (load_msg(reader, MSG_asset_set, &msg) != 0 || msg.asset_set.asset != id)
        return ERR_CORRUPT;
    asset->set = msg.asset_set;
    asset->supply = reader_i64(reader);
    asset->external = funds_find(&risk->funds, ACCOUNT_EXTERNAL, id);
    asset->fees = funds_find(&risk->funds, ACCOUNT_FEES, id);
    return asset->external == FUNDS_NONE || asset->fees == FUNDS_NONE ? ERR_CORRUPT : 0;
}

static int load_symbol(struct risk *risk, uint32_t id, struct reader *reader)
{
    struct instrument_symbol *symbol = &risk->instruments.symbols[id];
    struct msg msg;
    if (load_msg(reader, MSG_symbol_set, &msg) != 0 || msg.symbol_set.symbol != id ||
        msg.symbol_set.shard >= risk->shards ||
        instrument_find_asset(&risk->instruments, msg.symbol_set.quote) == NULL)
        return ERR_CORRUPT;
    instrument_restore(&risk->instruments, &msg.symbol_set);
    symbol->last_price = reader_i64(reader);
    if (risk->instruments.may_move)
        symbol->trade_id = reader_u64(reader);
    return 0;
}

static int load_instruments(struct risk *risk, struct reader *reader)
{
    for (uint32_t id = 1; id <= ASSET_MAX; id++)
        if (reader_bool(reader) && load_asset(risk, id, reader) != 0)
            return ERR_CORRUPT;
    for (uint32_t id = 1; id <= SYMBOL_MAX; id++)
        if (reader_bool(reader) && load_symbol(risk, id, reader) != 0)
            return ERR_CORRUPT;
    return 0;
}

static void save_order(const struct hold_order *order, struct writer *writer)
{
    writer_u64(writer, order->order_id);
    writer_u64(writer, order->cl_ord_id);
    writer_u64(writer, order->changed_gseq);
    writer_i64(writer, order->price);
    writer_i64(writer, order->quantity);
    writer_i64(writer, order->cum_quantity);
    writer_i64(writer, order->cum_quote);
    writer_i64(writer, order->held);
    writer_u64(writer, order->replace);
    writer_u64(writer, order->replace_cl_ord_id);
    writer_i64(writer, order->replace_price);
    writer_i64(writer, order->replace_quantity);
    writer_u32(writer, order->account);
    writer_u32(writer, order->base);
    writer_u32(writer, order->quote);
    writer_u32(writer, order->fee_credit);
    writer_i32(writer, order->maker_ppm);
    writer_i32(writer, order->taker_ppm);
    writer_u16(writer, order->symbol);
    writer_u8(writer, order->side);
    writer_u8(writer, order->ord_type);
    writer_u8(writer, order->tif);
    writer_u8(writer, order->status);
}

static void load_order(struct hold_order *order, struct reader *reader)
{
    order->order_id = reader_u64(reader);
    order->cl_ord_id = reader_u64(reader);
    order->changed_gseq = reader_u64(reader);
    order->price = reader_i64(reader);
    order->quantity = reader_i64(reader);
    order->cum_quantity = reader_i64(reader);
    order->cum_quote = reader_i64(reader);
    order->held = reader_i64(reader);
    order->replace = reader_u64(reader);
    order->replace_cl_ord_id = reader_u64(reader);
    order->replace_price = reader_i64(reader);
    order->replace_quantity = reader_i64(reader);
    order->account = reader_u32(reader);
    order->base = reader_u32(reader);
    order->quote = reader_u32(reader);
    order->fee_credit = reader_u32(reader);
    order->maker_ppm = reader_i32(reader);
    order->taker_ppm = reader_i32(reader);
    order->symbol = reader_u16(reader);
    order->side = reader_u8(reader);
    order->ord_type = reader_u8(reader);
    order->tif = reader_u8(reader);
    order->status = reader_u8(reader);
}

/* Free slots from the next one to be taken on, then the orders by slot. */
static void save_holds(const struct holds *holds, struct writer *writer)
{
    const struct pool *slots = &holds->slots;
    writer_u32(writer, slots->fresh);
    writer_u32(writer, slots->fresh - slots->count);
    for (uint32_t slot = slots->top; slot != POOL_NONE; slot = slots->next[slot])
        writer_u32(writer, slot);
    for (uint32_t slot = 0; slot < slots->fresh; slot++)
        if (pool_is_taken(slots, slot))
            save_order(&holds->orders[slot], writer);
}

/* Takes all slots, then threads the free ones onto the stack in their old order. */
static int load_slots(struct pool *slots, struct reader *reader)
{
    const uint32_t fresh = reader_count(reader, slots->capacity);
    const uint32_t free = reader_count(reader, fresh);
    for (uint32_t i = 0; i < fresh; i++)
        (void)pool_take(slots);
    uint32_t *link = &slots->top;
    for (uint32_t i = 0; i < free; i++) {
        const uint32_t slot = reader_u32(reader);
        if (reader_failed(reader) || !pool_is_taken(slots, slot))
            return ERR_CORRUPT;
        *link = slot;
        link = &slots->next[slot];
        *link = POOL_NONE;
        slots->count--;
    }
    return 0;
}

static bool is_sound(const struct risk *risk, const struct hold_order *order)
{
    const struct holds *holds = &risk->holds;
    return order->order_id != 0 && order->base < risk->funds.count &&
           order->quote < risk->funds.count &&
           account_find(&risk->accounts, order->account) != NULL &&
           instrument_find(&risk->instruments, order->symbol) != NULL &&
           hold_find(holds, order->order_id) == HOLD_NONE &&
           hold_find_name(holds, order->account, order->cl_ord_id) == HOLD_NONE;
}

static int load_holds(struct risk *risk, struct reader *reader)
{
    struct holds *holds = &risk->holds;
    if (load_slots(&holds->slots, reader) != 0)
        return ERR_CORRUPT;
    for (uint32_t slot = 0; slot < holds->slots.fresh; slot++) {
        if (!pool_is_taken(&holds->slots, slot))
            continue;
        struct hold_order order = {0};
        load_order(&order, reader);
        if (!is_sound(risk, &order))
            return ERR_CORRUPT;
        hold_restore(holds, slot, &order);
    }
    return 0;
}

void risk_snapshot_save(const struct risk *risk, struct writer *writer)
{
    save_accounts(&risk->accounts, writer);
    save_funds(&risk->funds, writer);
    save_instruments(&risk->instruments, writer);
    save_holds(&risk->holds, writer);
    writer_u32(writer, risk->reference_count);
    for (uint32_t i = 0; i < risk->reference_count; i++) {
        writer_u32(writer, risk->references.entries[i].first);
        writer_u64(writer, risk->references.entries[i].second);
    }
}

static int load_references(struct risk *risk, struct reader *reader)
{
    const uint32_t count = reader_count(reader, risk->references.capacity);
    while (risk->reference_count < count) {
        const uint32_t first = reader_u32(reader);
        const uint64_t second = reader_u64(reader);
        if (first == 0 || pair_find(&risk->references, first, second) != PAIR_NONE)
            return ERR_CORRUPT;
        pair_add(&risk->references, risk->reference_count++, first, second);
    }
    return 0;
}

int risk_snapshot_load(struct risk *risk, struct reader *reader)
{
    if (load_accounts(&risk->accounts, reader) != 0 ||
        load_funds(&risk->funds, reader) != 0 || load_instruments(risk, reader) != 0 ||
        load_holds(risk, reader) != 0 || load_references(risk, reader) != 0)
        return ERR_CORRUPT;
    return reader_error(reader);
}
