/* json_test.c - what a message looks like in text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "proto/codec.h"
#include "proto/json.h"
#include "proto/pack.h"
#include "proto/sample.h"

static const char *print(const struct msg *m)
{
    static char text[JSON_BYTES_MAX];
    size_t size = 0;
    assert_int_equal(json_print(text, sizeof text, m, &size), 0);
    assert_int_equal(size, strlen(text));
    return text;
}

/* The smallest use. */
static void test_order(void **state)
{
    (void)state;
    struct msg m = {.kind = MSG_order_new,
                    .order_new = {.cl_ord_id = UINT64_C(9007199254740993),
                                  .symbol = 3,
                                  .side = SIDE_BUY,
                                  .ord_type = ORD_TYPE_LIMIT,
                                  .tif = TIF_IOC,
                                  .price = 101,
                                  .quantity = 5}};
    assert_string_equal(print(&m), "{\"message\":\"order_new\",\"cl_ord_id\":"
                                   "\"9007199254740993\",\"symbol\":3,\"side\":\"BUY\","
                                   "\"ord_type\":\"LIMIT\",\"tif\":\"IOC\",\"price\":101,"
                                   "\"quantity\":5,\"post_only\":0,\"stp\":\"DEFAULT\"}");
}

static void test_text_and_bytes(void **state)
{
    (void)state;
    struct msg m = {.kind = MSG_asset_set, .asset_set = {.asset = 1, .name = "A\"\\B"}};
    assert_string_equal(print(&m), "{\"message\":\"asset_set\",\"asset\":1,"
                                   "\"name\":\"A\\\"\\\\B\",\"scale\":0}");
    m = (struct msg){.kind = MSG_digest, .digest = {.position = 1, .digest = {0xab, 1}}};
    assert_string_equal(print(&m), "{\"message\":\"digest\",\"position\":1,\"digest\":"
                                   "\"ab010000000000000000000000000000\"}");
    m = (struct msg){.kind = MSG_row_posting,
                     .row_posting = {.amount = -MONEY_MAX, .posting = POSTING_FEE}};
    assert_non_null(strstr(print(&m), "\"amount\":\"-4611686018427387904\""));
}

/* A BLOB shows the message it holds, or hex if it holds none. */
static void test_nested(void **state)
{
    (void)state;
    struct msg m = {
        .kind = MSG_command,
        .command = {.session = 5, .n = 1, .body_size = 2, .body = {0x91, 11}}};
    assert_string_equal(print(&m), "{\"message\":\"command\",\"session\":5,\"n\":1,"
                                   "\"body\":{\"message\":\"close\"}}");
    m.command.body[1] = 0;
    assert_non_null(strstr(print(&m), "\"body\":\"9100\""));
}

/* Every message is JSON to someone else's parser, with a member for each field. */
static void test_jansson_reads(void **state)
{
    (void)state;
    uint64_t seed = 3;
    for (uint32_t i = 0; i < 40 * MSG_KINDS_MAX; i++) {
        const struct msg_info *info = msg_find(i % MSG_KINDS_MAX);
        struct msg m;
        if (!info)
            continue;
        sample_random(&m, info->kind, &seed);
        json_t *object = json_loads(print(&m), JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(object);
        assert_int_equal(json_object_size(object), 1 + info->field_count);
        for (uint32_t f = 0; f < info->field_count; f++)
            assert_non_null(json_object_get(object, info->fields[f].name));
        json_decref(object);
    }
}

static void test_space(void **state)
{
    (void)state;
    char text[JSON_BYTES_MAX];
    size_t size = 0, whole = 0;
    struct msg m;
    sample_fixed(&m, MSG_trade);
    whole = strlen(print(&m));
    for (size_t capacity = 0; capacity <= whole + 1; capacity++)
        assert_int_equal(json_print(text, capacity, &m, &size),
                         capacity <= whole ? PACK_SPACE : 0);
    m.kind = 0;
    assert_int_equal(json_print(text, sizeof text, &m, &size), PACK_KIND);
}

/* A body of two fills is an array of two; of three it is no body there is. */
static void test_fills(void **state)
{
    (void)state;
    struct msg fill, m = {.kind = MSG_report, .report = {.gseq = 1}};
    fill = (struct msg){.kind = MSG_fill,
                        .fill = {.order_id = 1,
                                 .account = 1,
                                 .cl_ord_id = 1,
                                 .symbol = 1,
                                 .side = SIDE_BUY,
                                 .trade_id = 1,
                                 .price = 1,
                                 .quantity = 1,
                                 .quote = 1,
                                 .cum_quantity = 1,
                                 .cum_quote = 1}};
    for (uint32_t count = 1; count <= 3; count++) {
        size_t size = 0;
        assert_int_equal(codec_encode(m.report.body + m.report.body_size,
                                      sizeof m.report.body - m.report.body_size, &fill,
                                      &size),
                         0);
        m.report.body_size = (uint16_t)(m.report.body_size + size);
        json_t *object = json_loads(print(&m), 0, NULL);
        const json_t *body = json_object_get(object, "body");
        assert_int_equal(json_is_object(body), count == 1);
        assert_int_equal(json_array_size(body), count == 2 ? 2 : 0);
        assert_int_equal(json_is_string(body), count == 3);
        json_decref(object);
    }
}

/* The longest text: a body in a body in a body, as often as fits. */
static void test_bound(void **state)
{
    (void)state;
    struct msg m = {.kind = MSG_close};
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0, depth = 0;
    for (;; depth++) {
        assert_int_equal(codec_encode(bytes, sizeof bytes, &m, &size), 0);
        if (size > BODY_BYTES_MAX)
            break;
        m = (struct msg){.kind = MSG_submit_command,
                         .submit_command = {.session = 1, .n = 1, .account = 1}};
        m.submit_command.body_size = (uint16_t)size;
        memcpy(m.submit_command.body, bytes, size);
    }
    assert_true(depth > 40);
    assert_true(strlen(print(&m)) > 40 * strlen("{\"message\":\"submit_command\"}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),  cmocka_unit_test(test_text_and_bytes),
        cmocka_unit_test(test_nested), cmocka_unit_test(test_jansson_reads),
        cmocka_unit_test(test_space),  cmocka_unit_test(test_bound),
        cmocka_unit_test(test_fills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
