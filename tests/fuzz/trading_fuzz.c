/* trading_fuzz.c - bytes as commands of an operator and two traders, through all cores.
 *
 * A command is a byte that says what it is, and the bytes of its fields: most are orders
 * that may well trade, some are any command with any value that its fields can have.
 */
#include "common/check.h"
#include "proto/codec.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/market.h"

enum { COMMANDS_MAX = 200, CHECK_EVERY = 16, RECENT = 16 };

static uint64_t last_name; /* of an order */

/* What a value may be: small ones, large ones, those that are in use, or any. */
static uint64_t draw_value(struct fuzz *f, const struct msg_field *field)
{
    uint64_t range = field->max - field->min + 1, how = fuzz_byte(f);
    if (how < 64)
        return field->min + (range == 0 ? how % 8 : how % 8 % range);
    if (how < 96)
        return field->max - (range == 0 ? how % 8 : how % 8 % range);
    if (how < 128)
        return field->value;
    if (how < 192)
        return field->min + (range == 0 ? how % 32 : (how % 32) % range);
    uint64_t any = fuzz_number(f, 8);
    return field->min + (range == 0 ? any : any % range);
}

static void draw_bytes(struct fuzz *f, const struct msg_field *field, void *body)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = field->type == MSG_BYTES  ? field->capacity
                  : field->type == MSG_BLOB ? 0
                                            : fuzz_byte(f) % (field->capacity + 1u);
    memset(bytes, 'A' + fuzz_byte(f) % 26, size);
    msg_set_bytes(field, body, bytes, size);
}

static void draw_any(struct fuzz *f, struct msg *msg, uint32_t kind)
{
    const struct msg_info *info = msg_find(kind);
    *msg = (struct msg){.kind = (uint16_t)kind};
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct msg_field *field = &info->fields[i];
        if (msg_is_bytes(field))
            draw_bytes(f, field, msg_body(msg));
        else
            msg_set_integer(field, msg_body(msg), draw_value(f, field));
    }
}

static void draw_order(struct fuzz *f, struct msg *msg)
{
    uint8_t how = fuzz_byte(f), price = fuzz_byte(f);
    *msg = (struct msg){.kind = MSG_order_new};
    struct msg_order_new *o = &msg->order_new;
    o->cl_ord_id = ++last_name;
    o->symbol = 1 + (how & 1);
    o->side = how & 2 ? SIDE_BUY : SIDE_SELL;
    o->ord_type = (how & 28) == 28 ? ORD_TYPE_MARKET : ORD_TYPE_LIMIT;
    o->tif = (how & 96) == 96 ? TIF_IOC : (how & 96) == 64 ? TIF_FOK : TIF_GTC;
    if (o->ord_type == ORD_TYPE_MARKET && o->tif == TIF_GTC)
        o->tif = TIF_IOC;
    o->price = o->ord_type == ORD_TYPE_MARKET ? 0 : 90 + price % 20;
    o->quantity = 1 + (price >> 5) + (how >> 7) * 100;
}

static void draw_change(struct fuzz *f, struct msg *msg, bool is_cancel)
{
    uint8_t which = fuzz_byte(f);
    uint64_t name = last_name - which % RECENT;
    if (is_cancel) {
        *msg = (struct msg){.kind = MSG_order_cancel};
        msg->order_cancel.cl_ord_id = ++last_name;
        msg->order_cancel.orig_cl_ord_id = name;
        return;
    }
    *msg = (struct msg){.kind = MSG_order_replace};
    msg->order_replace.cl_ord_id = ++last_name;
    msg->order_replace.orig_cl_ord_id = name;
    msg->order_replace.price = 90 + fuzz_byte(f) % 20;
    msg->order_replace.quantity = 1 + fuzz_byte(f) % 40;
}

static void step(struct fuzz *f)
{
    static const uint16_t commands[] = {
        MSG_order_new,     MSG_order_cancel, MSG_order_replace, MSG_withdraw,
        MSG_asset_set,     MSG_symbol_set,   MSG_symbol_status, MSG_account_set,
        MSG_key_set,       MSG_account_kill, MSG_deposit,       MSG_consumer,
        MSG_session_close,
    };
    struct msg msg;
    uint8_t what = fuzz_byte(f);
    uint32_t session = 1 + what % 2;
    if (what < 120)
        draw_order(f, &msg);
    else if (what < 180)
        draw_change(f, &msg, what < 150);
    else if (what < 200) {
        market_tick();
        return;
    } else {
        draw_any(f, &msg, commands[fuzz_byte(f) % (sizeof commands / sizeof *commands)]);
        session = what % MARKET_SESSIONS;
    }
    (void)!market_command(session, &msg);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz f = {bytes, bytes + size};
    market_reset();
    last_name = 100;
    for (uint32_t i = 1; !fuzz_is_over(&f) && i <= COMMANDS_MAX; i++) {
        step(&f);
        if (i % CHECK_EVERY == 0)
            market_check();
    }
    market_check();
    return 0;
}

size_t fuzz_seed(uint32_t number, uint8_t bytes[FUZZ_SEED_BYTES])
{
    uint32_t state = number * 2654435761u + 1;
    if (number >= 64)
        return 0;
    for (uint32_t i = 0; i < 256; i++) {
        state = state * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(state >> 24);
    }
    return 256;
}
