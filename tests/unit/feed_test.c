/* feed_test.c - who is shown what of a record. */
#include "tests/unit/unit.h"

#include <string.h>

#include "proto/big_endian.h"
#include "proto/codec.h"
#include "proto/feed.h"
#include "proto/sample.h"

enum { ROUNDS = 200 };

static size_t encode(uint8_t bytes[MESSAGE_BYTES_MAX], const struct msg *m)
{
    size_t size = 0;
    assert_int_equal(codec_encode(bytes, MESSAGE_BYTES_MAX, m, &size), 0);
    return size;
}

static bool starts(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* A trade between two accounts; no two fields have the same value. */
static struct msg distinct_trade(void)
{
    struct msg m;
    sample_fixed(&m, MSG_trade);
    return m;
}

static struct msg_fill only_fill(const struct feed_view *view)
{
    struct msg m;
    assert_int_equal(view->kind, MSG_fill);
    assert_int_equal(codec_decode_whole(view->bytes, view->size, &m), 0);
    assert_int_equal(m.kind, MSG_fill);
    return m.fill;
}

/* The simplest use: each side of a trade is told its own. */
static void sides_are_told_their_own(void **state)
{
    (void)state;
    const struct msg m = distinct_trade();
    const struct msg_trade *t = &m.trade;
    uint8_t bytes[MESSAGE_BYTES_MAX];
    struct feed_view view;
    const uint32_t size = (uint32_t)encode(bytes, &m);
    feed_view(&view, &m, bytes, size, t->maker_account);
    struct msg_fill fill = only_fill(&view);
    assert_int_equal(fill.maker, 1);
    assert_int_not_equal(fill.side, t->taker_side);
    assert_int_equal(fill.order_id, t->maker_order_id);
    assert_int_equal(fill.account, t->maker_account);
    assert_int_equal(fill.cl_ord_id, t->maker_cl_ord_id);
    assert_int_equal(fill.cum_quantity, t->maker_cum_quantity);
    assert_int_equal(fill.cum_quote, t->maker_cum_quote);
    assert_int_equal(fill.leaves, t->maker_leaves);
    assert_int_equal(fill.fee, t->maker_fee);

    feed_view(&view, &m, bytes, size, t->taker_account);
    fill = only_fill(&view);
    assert_int_equal(fill.maker, 0);
    assert_int_equal(fill.side, t->taker_side);
    assert_int_equal(fill.order_id, t->taker_order_id);
    assert_int_equal(fill.account, t->taker_account);
    assert_int_equal(fill.cl_ord_id, t->taker_cl_ord_id);
    assert_int_equal(fill.cum_quantity, t->taker_cum_quantity);
    assert_int_equal(fill.cum_quote, t->taker_cum_quote);
    assert_int_equal(fill.leaves, t->taker_leaves);
    assert_int_equal(fill.fee, t->taker_fee);

    assert_int_equal(fill.symbol, t->symbol);
    assert_int_equal(fill.trade_id, t->trade_id);
    assert_int_equal(fill.price, t->price);
    assert_int_equal(fill.quantity, t->quantity);
    assert_int_equal(fill.quote, t->quote);
    assert_int_equal(fill.fee_asset, t->fee_asset);
}

/* Who is both sides gets both fills, the maker's first, however large they are. */
static void self_trade_is_two_fills(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint8_t bytes[MESSAGE_BYTES_MAX];
        struct msg m, fill;
        uint32_t accounts[2];
        struct feed_view view;
        size_t used = 0;
        sample_random(&m, MSG_trade, &seed);
        m.trade.taker_account = m.trade.maker_account;
        assert_int_equal(feed_accounts(&m, accounts), 1);
        feed_view(&view, &m, bytes, (uint32_t)encode(bytes, &m), accounts[0]);
        assert_in_range(view.size, 1, BODY_BYTES_MAX);
        assert_int_equal(codec_decode(view.bytes, view.size, &fill, &used), 0);
        assert_int_equal(fill.fill.maker, 1);
        assert_int_equal(fill.fill.order_id, m.trade.maker_order_id);
        assert_int_equal(codec_decode_whole(view.bytes + used, view.size - used, &fill),
                         0);
        assert_int_equal(fill.fill.maker, 0);
        assert_int_equal(fill.fill.order_id, m.trade.taker_order_id);
    }
}

/* Every other record is shown as it is, without a copy. */
static void others_are_shown_as_they_are(void **state)
{
    (void)state;
    uint32_t shown = 0;
    for (uint32_t kind = 0; kind < MSG_KINDS_MAX; kind++) {
        uint8_t bytes[MESSAGE_BYTES_MAX];
        uint32_t accounts[2];
        struct msg m;
        if (msg_find(kind) == NULL || kind == MSG_trade)
            continue;
        sample_fixed(&m, kind);
        const uint32_t count = feed_accounts(&m, accounts);
        const uint32_t size = (uint32_t)encode(bytes, &m);
        for (uint32_t i = 0; i < count; i++) {
            struct feed_view view;
            feed_view(&view, &m, bytes, size, accounts[i]);
            assert_int_equal(view.kind, kind);
            assert_ptr_equal(view.bytes, bytes);
            assert_int_equal(view.size, size);
            shown++;
        }
    }
    assert_true(shown >= 10);
}

/* ---- nothing of the other's -------------------------------------------------------- */

/* The encoding of an integer field's value is somewhere in the bytes. */
static bool is_in(const uint8_t *bytes, size_t size, const struct msg_field *field,
                  const void *body)
{
    const uint64_t value = msg_integer(field, body);
    uint8_t wanted[8];
    assert_true(value > UINT16_MAX); /* few enough bytes would turn up by chance */
    const uint32_t count = value > UINT32_MAX ? 8 : 4;
    big_endian_put(wanted, value, count);
    return memmem(bytes, size, wanted, count) != NULL;
}

/* Gives the field a value that is like no other's: it names the field and the round. */
static void mark(const struct msg_field *field, void *body, uint32_t index,
                 uint32_t round)
{
    const bool is_account = field->max <= ACCOUNT_MAX, is_slot = field->max <= SLOT_MAX;
    const uint64_t value = is_account ? (UINT64_C(16) + index) << 13 | round
                           : is_slot  ? (UINT64_C(64) + index) << 13 | round
                                      : (UINT64_C(0x5A00) + index) << 24 | round << 8;
    msg_set_integer(field, body, value);
}

/* Of every field that says something of one side alone, found by the schema, the bytes
 * of its value are in that side's view or nowhere, and never in the other side's. */
static void trade_hides_the_other_side(void **state)
{
    (void)state;
    const struct msg_info *info = msg_find(MSG_trade);
    uint32_t sided = 0, shown = 0;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        uint8_t bytes[MESSAGE_BYTES_MAX];
        struct msg m;
        struct feed_view maker, taker;
        sample_fixed(&m, MSG_trade);
        for (uint32_t i = 0; i < info->field_count; i++)
            if (starts(info->fields[i].name, "maker_") ||
                (starts(info->fields[i].name, "taker_") &&
                 info->fields[i].type != MSG_ENUM))
                mark(&info->fields[i], &m.trade, i, round);
        const uint32_t size = (uint32_t)encode(bytes, &m);
        feed_view(&maker, &m, bytes, size, m.trade.maker_account);
        feed_view(&taker, &m, bytes, size, m.trade.taker_account);
        for (uint32_t i = 0; i < info->field_count; i++) {
            const struct msg_field *field = &info->fields[i];
            const bool is_maker = starts(field->name, "maker_");
            if (!is_maker && (!starts(field->name, "taker_") || field->type == MSG_ENUM))
                continue;
            const struct feed_view *own = is_maker ? &maker : &taker;
            const struct feed_view *other = is_maker ? &taker : &maker;
            sided++;
            assert_true(is_in(bytes, size, field, &m.trade)); /* the check can fail */
            shown += is_in(own->bytes, own->size, field, &m.trade);
            if (is_in(other->bytes, other->size, field, &m.trade))
                fail_msg("%s is shown to the other side", field->name);
        }
    }
    assert_int_equal(sided, 16 * ROUNDS);
    assert_int_equal(shown, 14 * ROUNDS); /* all but the slots, which are nobody's */
}

/* Whatever is added to the schema: a record that is reported names no account but those
 * it is reported to. */
static void reports_name_no_third_account(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (uint32_t i = 0; i < ROUNDS * MSG_KINDS_MAX; i++) {
        const struct msg_info *info = msg_find(i % MSG_KINDS_MAX);
        uint32_t accounts[2];
        struct msg m;
        if (info == NULL)
            continue;
        sample_random(&m, info->kind, &seed);
        const uint32_t count = feed_accounts(&m, accounts);
        for (uint32_t f = 0; count > 0 && f < info->field_count; f++) {
            const size_t length = strlen(info->fields[f].name);
            if (length < 7 || strcmp(info->fields[f].name + length - 7, "account") != 0)
                continue;
            const uint64_t named = msg_integer(&info->fields[f], msg_const_body(&m));
            if (named != accounts[0] && (count == 1 || named != accounts[1]))
                fail_msg("%s.%s", info->name, info->fields[f].name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sides_are_told_their_own),
        cmocka_unit_test(self_trade_is_two_fills),
        cmocka_unit_test(others_are_shown_as_they_are),
        cmocka_unit_test(trade_hides_the_other_side),
        cmocka_unit_test(reports_name_no_third_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
