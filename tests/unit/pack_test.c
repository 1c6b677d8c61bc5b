/* pack_test.c - the reader takes exactly what the writer makes, at every width. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/big_endian.h"
#include "proto/pack.h"

/* Every value at which an encoding grows, and its neighbours. */
static uint64_t edge(uint32_t i)
{
    static const uint8_t bits[] = {0, 5, 7, 8, 15, 16, 31, 32, 53, 63};
    uint64_t power = UINT64_C(1) << bits[i / 3 % sizeof bits];
    return power + i % 3 - 1;
}

enum { EDGES = 60 };

/* All ways to write a number: `width` bytes behind `first`. */
static size_t put_wide(uint8_t *out, uint8_t first, uint32_t width, uint64_t value)
{
    out[0] = first;
    big_endian_put(out + 1, value, width);
    return 1 + width;
}

static void test_unsigned(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < EDGES; i++) {
        uint8_t bytes[16];
        uint64_t value = edge(i), back = 0;
        struct pack_writer writer = {bytes};
        pack_uint64(&writer, value);
        size_t size = (size_t)(writer.at - bytes);
        for (size_t cut = 0; cut < size; cut++) {
            struct pack_reader in = {bytes, bytes + cut};
            assert_int_equal(pack_read_unsigned(&in, 0, UINT64_MAX, &back),
                             PACK_TRUNCATED);
        }
        struct pack_reader in = {bytes, writer.at};
        assert_int_equal(pack_read_unsigned(&in, value, value, &back), 0);
        assert_true(back == value && in.at == in.end);

        for (uint32_t width = 1, first = 0xcc; width <= 8; width *= 2, first++) {
            if (width + 1 <= size || (width < 8 && value >> 8 * width))
                continue; /* the shortest form, or too small for the value */
            in = (struct pack_reader){
                bytes, bytes + put_wide(bytes, (uint8_t)first, width, value)};
            assert_int_equal(pack_read_unsigned(&in, 0, UINT64_MAX, &back),
                             PACK_CANONICAL);
        }
    }
}

static void test_signed(void **state)
{
    (void)state;
    const uint64_t min = (uint64_t)INT64_MIN, max = INT64_MAX;
    for (uint32_t i = 0; i < 2 * EDGES; i++) {
        uint8_t bytes[16];
        uint64_t value = i < EDGES ? edge(i) : 0 - edge(i - EDGES), back = 0;
        struct pack_writer writer = {bytes};
        pack_int64(&writer, (int64_t)value);
        size_t size = (size_t)(writer.at - bytes);
        for (size_t cut = 0; cut < size; cut++) {
            struct pack_reader in = {bytes, bytes + cut};
            assert_int_equal(pack_read_signed(&in, min, max, &back), PACK_TRUNCATED);
        }
        struct pack_reader in = {bytes, writer.at};
        assert_int_equal(pack_read_signed(&in, value, value, &back), 0);
        assert_true(back == value && in.at == in.end);

        for (uint32_t width = 1, first = 0xd0; width <= 8; width *= 2, first++) {
            if (width + 1 <= size)
                continue;
            in = (struct pack_reader){
                bytes, bytes + put_wide(bytes, (uint8_t)first, width, value)};
            if ((int64_t)value < 0 || width == 8 ||
                value < UINT64_C(1) << (8 * width - 1))
                assert_int_equal(pack_read_signed(&in, min, max, &back), PACK_CANONICAL);
        }
    }
}

static void test_range(void **state)
{
    (void)state;
    uint64_t back = 0;
    const uint8_t seven[] = {7}, minus[] = {0xfd},
                  large[] = {0xcf, 255, 0, 0, 0, 0, 0, 0, 0};
    struct pack_reader in = {seven, seven + 1};
    assert_int_equal(pack_read_unsigned(&in, 8, 9, &back), PACK_RANGE);
    in = (struct pack_reader){seven, seven + 1};
    assert_int_equal(pack_read_unsigned(&in, 1, 6, &back), PACK_RANGE);
    in = (struct pack_reader){minus, minus + 1};
    assert_int_equal(pack_read_unsigned(&in, 0, UINT64_MAX, &back), PACK_RANGE);
    in = (struct pack_reader){minus, minus + 1};
    assert_int_equal(pack_read_signed(&in, (uint64_t)-2, 5, &back), PACK_RANGE);
    in = (struct pack_reader){minus, minus + 1};
    assert_int_equal(pack_read_signed(&in, (uint64_t)-3, 5, &back), 0);
    in = (struct pack_reader){large, large + sizeof large};
    assert_int_equal(pack_read_signed(&in, 0, INT64_MAX, &back), PACK_RANGE);
}

/* Lengths at each change of head, truncated and over the limit. */
static void test_bin(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 31, 32, 255, 256, 65535, 65536};
    static uint8_t bytes[70000], body[70000];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct pack_writer writer = {bytes};
        pack_bin(&writer, sizes[i]);
        pack_bin_body(&writer, body, sizes[i]);
        const uint8_t *at = NULL;
        size_t size = 0;
        struct pack_reader in = {bytes, writer.at};
        assert_int_equal(pack_read_bin(&in, sizes[i], &at, &size), 0);
        assert_true(size == sizes[i] && at + size == writer.at && in.at == in.end);
        in = (struct pack_reader){bytes, writer.at - 1};
        assert_int_equal(pack_read_bin(&in, sizes[i], &at, &size), PACK_TRUNCATED);
        in = (struct pack_reader){bytes, writer.at};
        if (sizes[i] > 0)
            assert_int_equal(pack_read_bin(&in, sizes[i] - 1, &at, &size), PACK_LENGTH);
    }
}

static void test_array(void **state)
{
    (void)state;
    static const uint32_t counts[] = {0, 1, 15, 16, 65535, 65536};
    static uint8_t bytes[70000];
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct pack_writer writer = {bytes};
        uint32_t count = 0;
        pack_array(&writer, counts[i]);
        struct pack_reader in = {bytes, writer.at + counts[i]};
        assert_int_equal(pack_read_array(&in, counts[i], &count), 0);
        assert_true(count == counts[i] && in.at == writer.at);
        if (counts[i] == 0)
            continue;
        in = (struct pack_reader){bytes, writer.at + counts[i] - 1}; /* a byte a member */
        assert_int_equal(pack_read_array(&in, counts[i], &count), PACK_TRUNCATED);
        in = (struct pack_reader){bytes, writer.at + counts[i]};
        assert_int_equal(pack_read_array(&in, counts[i] - 1, &count), PACK_LENGTH);
    }
}

static void test_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        bool is_text;
    } cases[] = {
        {"", 0, true},
        {"BTC-USD", 7, true},
        {"\u00e9\u20bf\U0001f4b0", 9, true},
        {"\xf4\x8f\xbf\xbf", 4, true},  /* U+10FFFF */
        {"a\0b", 3, false},             /* NUL */
        {"a\nb", 3, false},             /* a control character */
        {"\x7f", 1, false},             /* DEL */
        {"\xc2\x9b", 2, false},         /* a C1 control, CSI */
        {"\xc0\x80", 2, false},         /* overlong NUL */
        {"\xe0\x80\xaf", 3, false},     /* overlong / */
        {"\xf0\x80\x80\xaf", 4, false}, /* overlong / */
        {"\xed\xa0\x80", 3, false},     /* a surrogate */
        {"\xf4\x90\x80\x80", 4, false}, /* beyond U+10FFFF */
        {"\xf5\x80\x80\x80", 4, false}, /* no such first byte */
        {"\x80", 1, false},             /* continuation without a start */
        {"\xe2\x82", 2, false},         /* cut off */
        {"\xe2\x28\xa1", 3, false},     /* continuation missing */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (pack_is_text((const uint8_t *)cases[i].text, cases[i].size) !=
            cases[i].is_text)
            fail_msg("case %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unsigned), cmocka_unit_test(test_signed),
        cmocka_unit_test(test_range),    cmocka_unit_test(test_bin),
        cmocka_unit_test(test_array),    cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
