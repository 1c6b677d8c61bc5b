/* reader_test.c - what was written is read; what is cut short is found. */
#include "common/reader.h"

#include <string.h>

#include "common/writer.h"
#include "tests/unit/unit.h"

static unsigned char bytes[64];

static size_t write_sample(void)
{
    struct writer writer;
    writer_init(&writer, bytes, sizeof(bytes));
    writer_u8(&writer, 200);
    writer_u16(&writer, 60000);
    writer_u32(&writer, 4000000000u);
    writer_u64(&writer, UINT64_MAX);
    writer_i32(&writer, INT32_MIN);
    writer_i64(&writer, INT64_MIN);
    writer_bool(&writer, true);
    writer_u32(&writer, 3);
    writer_bytes(&writer, "zex", 3);
    return writer.size;
}

/* The use. */
static void round_trip(void **state)
{
    (void)state;
    struct reader reader;
    char text[4] = "";
    reader_init(&reader, bytes, write_sample());
    assert_int_equal(reader_u8(&reader), 200);
    assert_int_equal(reader_u16(&reader), 60000);
    assert_int_equal(reader_u32(&reader), 4000000000u);
    assert_true(reader_u64(&reader) == UINT64_MAX);
    assert_int_equal(reader_i32(&reader), INT32_MIN);
    assert_true(reader_i64(&reader) == INT64_MIN);
    assert_true(reader_bool(&reader));
    reader_bytes(&reader, text, reader_count(&reader, 3));
    assert_string_equal(text, "zex");
    assert_int_equal(reader_end(&reader), 0);
}

/* Each shorter input fails, and what follows the failure reads as zeros. */
static void truncated(void **state)
{
    (void)state;
    const size_t whole = write_sample();
    for (size_t size = 0; size < whole; size++) {
        struct reader reader;
        char text[3];
        reader_init(&reader, bytes, size);
        (void)reader_take(&reader, 28);
        const uint32_t count = reader_count(&reader, 3);
        assert_true(count == 0 || count == 3);
        reader_bytes(&reader, text, 3);
        assert_true(reader_failed(&reader));
        assert_int_equal(reader_error(&reader), ERR_CORRUPT);
        assert_int_equal(text[2], 0);
        assert_true(reader_u64(&reader) == 0);
        assert_null(reader_take(&reader, 0));
    }
}

static void refusals(void **state)
{
    (void)state;
    struct reader reader;
    reader_init(&reader, bytes, write_sample());
    assert_int_equal(reader_end(&reader), ERR_CORRUPT); /* bytes left over */
    reader_init(&reader, "\2", 1);
    assert_false(reader_bool(&reader));
    assert_true(reader_failed(&reader));
    reader_init(&reader, "\4\0\0\0", 4);
    assert_int_equal(reader_count(&reader, 3), 0);
    assert_true(reader_failed(&reader));
    reader_init(&reader, bytes, 8);
    assert_null(reader_take(&reader, SIZE_MAX));
    assert_int_equal(reader_left(&reader), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(truncated),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
