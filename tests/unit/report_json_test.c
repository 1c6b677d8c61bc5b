/* report_json_test.c - what programs read of a report: decimals and names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "deploy/cli/report_json.h"
#include "proto/codec.h"

static struct catalog catalog;

static void expect_text(json_t *row, const char *wanted)
{
    char *text = json_dumps(row, JSON_COMPACT | JSON_PRESERVE_ORDER);
    assert_string_equal(text, wanted);
    free(text);
    json_decref(row);
}

static void expect(const struct msg *m, const char *wanted)
{
    expect_text(report_json(&catalog, m), wanted);
}

static int load(void **state)
{
    (void)state;
    const struct msg rows[] = {
        {.kind = MSG_asset_set, .asset_set = {.asset = 1, .name = "USD", .scale = 6}},
        {.kind = MSG_asset_set, .asset_set = {.asset = 2, .name = "BTC", .scale = 4}},
        {.kind = MSG_symbol_set,
         .symbol_set = {.symbol = 3,
                        .name = "BTC-USD",
                        .base = 2,
                        .quote = 1,
                        .price_scale = 2,
                        .quantity_scale = 4}},
        {.kind = MSG_account_set, .account_set = {.account = 16, .name = "alice"}},
    };
    if (catalog_init(&catalog) != ARGS_OK)
        return -1;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        catalog_add(&catalog, &rows[i]);
    return 0;
}

static int unload(void **state)
{
    (void)state;
    catalog_close(&catalog);
    return 0;
}

static struct msg make_fill(uint32_t symbol)
{
    return (struct msg){.kind = MSG_fill,
                        .fill = {.order_id = 7,
                                 .account = 16,
                                 .cl_ord_id = 8,
                                 .symbol = symbol,
                                 .side = SIDE_SELL,
                                 .trade_id = 9,
                                 .price = 5999400,
                                 .quantity = 32,
                                 .quote = INT64_C(9007199254740993),
                                 .maker = 1,
                                 .cum_quantity = 10032,
                                 .cum_quote = 1,
                                 .leaves = 0,
                                 .fee = -95991}};
}

/* Beyond 2^53 too nothing is lost. */
static void a_fill(void **state)
{
    (void)state;
    const struct msg m = make_fill(3);
    expect(&m, "{\"message\":\"fill\",\"order_id\":7,\"account\":\"alice\","
               "\"cl_ord_id\":8,\"symbol\":\"BTC-USD\",\"side\":\"sell\",\"trade_id\":9,"
               "\"price\":\"59994.00\",\"quantity\":\"0.0032\","
               "\"quote\":\"9007199254.740993\",\"maker\":1,\"cum_quantity\":\"1.0032\","
               "\"cum_quote\":\"0.000001\",\"leaves\":\"0.0000\","
               "\"fee\":\"-0.095991\",\"fee_asset\":\"USD\"}");
}

/* No scale is guessed. */
static void an_unknown_symbol(void **state)
{
    (void)state;
    struct msg m = make_fill(4);
    m.fill.account = 99;
    expect(&m, "{\"message\":\"fill\",\"order_id\":7,\"account\":99,"
               "\"cl_ord_id\":8,\"symbol\":4,\"side\":\"sell\",\"trade_id\":9,"
               "\"price\":5999400,\"quantity\":32,"
               "\"quote\":\"9007199254740993\",\"maker\":1,\"cum_quantity\":10032,"
               "\"cum_quote\":1,\"leaves\":0,\"fee\":-95991,\"fee_asset\":0}");
}

/* A buy reserves what it pays with, a sell what it sells. */
static void holds(void **state)
{
    (void)state;
    struct msg m = {.kind = MSG_order_accepted,
                    .order_accepted = {.symbol = 3, .side = SIDE_BUY, .hold = 1500000}};
    json_t *buy = report_json(&catalog, &m);
    m.order_accepted.side = SIDE_SELL;
    json_t *sell = report_json(&catalog, &m);
    assert_string_equal(json_string_value(json_object_get(buy, "hold")), "1.500000");
    assert_string_equal(json_string_value(json_object_get(sell, "hold")), "150.0000");
    json_decref(buy);
    json_decref(sell);
}

/* The command in an operator's report; `quote` is an asset there, not money. */
static void a_command_inside(void **state)
{
    (void)state;
    struct msg m = {.kind = MSG_admin_done, .admin_done = {.request = 5, .account = 2}};
    struct msg set = {.kind = MSG_symbol_set, .symbol_set = catalog.symbols[3]};
    size_t size = 0;
    set.symbol_set.multiplier = set.symbol_set.collar_ppm = 1;
    set.symbol_set.tick = 50;
    set.symbol_set.lot = set.symbol_set.quantity_max = 1;
    set.symbol_set.notional_max = 1000000;
    set.symbol_set.stp = STP_EXPIRE_TAKER;
    set.symbol_set.trading = TRADING_OPEN;
    assert_int_equal(
        codec_encode(m.admin_done.body, sizeof m.admin_done.body, &set, &size), 0);
    m.admin_done.body_size = (uint16_t)size;
    json_t *row = report_json(&catalog, &m), *body = json_object_get(row, "body");
    const char *wanted[][2] = {{"symbol", "BTC-USD"}, {"base", "BTC"},
                               {"quote", "USD"},      {"tick", "0.50"},
                               {"lot", "0.0001"},     {"notional_max", "1.000000"}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_string_equal(json_string_value(json_object_get(body, wanted[i][0])),
                            wanted[i][1]);
    assert_int_equal(json_integer_value(json_object_get(body, "price_scale")), 2);
    json_decref(row);
}

/* What has no record: nobody learnt of it before. */
static void events_without_a_record(void **state)
{
    (void)state;
    static const struct {
        struct zex_event event;
        const char *wanted;
    } cases[] = {
        {{.type = ZEX_EVENT_LOST}, "{\"event\":\"lost\"}"},
        {{.type = ZEX_EVENT_ALARM, .reason = 6, .gseq = 5, .cl_ord_id = 7, .value = 9},
         "{\"event\":\"alarm\",\"gseq\":5,\"reason\":\"CONFLICT\","
         "\"text\":\"n was accepted with other bytes\",\"cl_ord_id\":7,\"value\":9,"
         "\"limit\":0}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_text(report_json_event(&cases[i].event), cases[i].wanted);
    assert_null(report_json_event(&(struct zex_event){.type = ZEX_EVENT_TRADE}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fill),
        cmocka_unit_test(an_unknown_symbol),
        cmocka_unit_test(holds),
        cmocka_unit_test(a_command_inside),
        cmocka_unit_test(events_without_a_record),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
