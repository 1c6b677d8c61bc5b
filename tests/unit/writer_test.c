/* writer_test.c - the bytes of a state are fixed, counted, and digested alike. */
#include "common/writer.h"

#include <string.h>

#include "proto/digest.h"
#include "tests/unit/unit.h"

static void write_sample(struct writer *writer)
{
    writer_u8(writer, 1);
    writer_u16(writer, 0x0302);
    writer_u32(writer, 0x07060504);
    writer_u64(writer, UINT64_C(0x0f0e0d0c0b0a0908));
    writer_i32(writer, -1);
    writer_i64(writer, -2);
    writer_bool(writer, true);
    writer_bytes(writer, "zex", 3);
}

/* The use: count, then write. */
static void count_then_write(void **state)
{
    (void)state;
    static const unsigned char expected[31] = {
        1,   2,   3,   4,   5,   6,   7,   8,   9,   10,  11,  12, 13,  14,  15, 255,
        255, 255, 255, 254, 255, 255, 255, 255, 255, 255, 255, 1,  'z', 'e', 'x'};
    unsigned char bytes[31];
    struct writer writer;
    writer_init(&writer, NULL, 0);
    write_sample(&writer);
    assert_int_equal(writer.size, sizeof(expected));
    assert_false(writer_failed(&writer));
    writer_init(&writer, bytes, sizeof(bytes));
    write_sample(&writer);
    assert_false(writer_failed(&writer));
    assert_memory_equal(bytes, expected, sizeof(expected));
}

/* Any smaller buffer is reported, never overrun; the size needed is still counted. */
static void too_small(void **state)
{
    (void)state;
    for (size_t capacity = 0; capacity < 31; capacity++) {
        unsigned char bytes[32];
        struct writer writer;
        memset(bytes, 0xaa, sizeof(bytes));
        writer_init(&writer, bytes, capacity);
        write_sample(&writer);
        assert_true(writer_failed(&writer));
        assert_int_equal(writer.size, 31);
        assert_int_equal(bytes[capacity], 0xaa);
    }
}

/* A digesting writer needs no buffer and gives the digest of the same bytes, whatever the
 * sizes of the pieces are. */
static void digest_of_the_bytes(void **state)
{
    (void)state;
    static unsigned char bytes[100000], big[3 * WRITER_CHUNK];
    uint8_t expected[DIGEST_BYTES], digest[DIGEST_BYTES];
    memset(big, 7, sizeof(big));
    for (uint32_t count = 0; count < 1000; count += 37) {
        struct writer writers[2];
        writer_init(&writers[0], bytes, sizeof(bytes));
        writer_init_digest(&writers[1]);
        for (int w = 0; w < 2; w++)
            for (uint32_t i = 0; i < count; i++) {
                write_sample(&writers[w]);
                writer_bytes(&writers[w], big, i % 100 == 0 ? sizeof(big) : i % 5);
            }
        assert_false(writer_failed(&writers[0]));
        digest_bytes(expected, bytes, writers[0].size);
        writer_digest(&writers[1], digest);
        assert_memory_equal(digest, expected, DIGEST_BYTES);
        assert_int_equal(writers[0].size, writers[1].size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(count_then_write),
        cmocka_unit_test(too_small),
        cmocka_unit_test(digest_of_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
