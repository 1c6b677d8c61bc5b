/* sdk_row_test.c - the rows of an answer, one by one. */
#include "tests/unit/unit.h"

#include <string.h>

#include "proto/codec.h"
#include "proto/sample.h"
#include "sdk/include/zex.h"

static size_t put(uint8_t *at, const struct msg *m)
{
    size_t size = 0;
    assert_int_equal(codec_encode(at, MESSAGE_BYTES_MAX, m, &size), 0);
    return size;
}

static struct msg report_of(uint64_t gseq, const struct msg *first,
                            const struct msg *second)
{
    struct msg m = {.kind = MSG_row_report, .row_report = {.gseq = gseq}};
    uint8_t bytes[2 * MESSAGE_BYTES_MAX];
    size_t size = put(bytes, first);
    if (second != NULL)
        size += put(bytes + size, second);
    assert_in_range(size, 1, BODY_BYTES_MAX);
    memcpy(m.row_report.body, bytes, size);
    m.row_report.body_size = (uint16_t)size;
    return m;
}

/* A report is a row; a trade with oneself is two, of one gseq, the maker's first. */
static void reports_are_rows(void **state)
{
    (void)state;
    struct msg maker, taker, cancelled, m;
    sample_fixed(&maker, MSG_fill);
    taker = maker;
    taker.fill.maker = 0;
    sample_fixed(&cancelled, MSG_order_cancelled);
    uint8_t bytes[3 * MESSAGE_BYTES_MAX];
    m = report_of(5, &maker, &taker);
    size_t size = put(bytes, &m);
    m = report_of(6, &cancelled, NULL);
    size += put(bytes + size, &m);
    struct zex_answer answer = {.account = 7, .rows = bytes, .rows_size = size};
    struct zex_row row;
    for (int is_maker = 1; is_maker >= 0; is_maker--) {
        assert_int_equal(zex_answer_next(&answer, &row), 1);
        assert_int_equal(row.kind, ZEX_ROW_REPORT);
        assert_int_equal(row.gseq, 5);
        assert_int_equal(row.event.type, ZEX_EVENT_TRADE);
        assert_int_equal(row.event.is_maker, is_maker);
        assert_int_equal(row.event.fee, maker.fill.fee);
        assert_int_equal(row.event.asset, maker.fill.fee_asset);
        assert_int_equal(row.event.account, 7);
    }
    assert_int_equal(zex_answer_next(&answer, &row), 1);
    assert_int_equal(row.gseq, 6);
    assert_int_equal(row.event.type, ZEX_EVENT_CANCELLED);
    assert_int_equal(zex_answer_next(&answer, &row), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reports_are_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
