/* block_test.c - blocks survive a round trip, and nothing else passes for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "proto/block.h"
#include "proto/pack.h"

enum { COUNT = 40, ROOM = 16384 };

static const uint8_t message[] = {0x92, 0x03, 0x07};

static size_t fill(uint8_t *records, uint32_t stream, uint64_t first, uint32_t count)
{
    size_t size = 0;
    for (uint64_t i = first; i < first + count; i++) {
        uint8_t *at = records + size;
        if (stream == BLOCK_STREAM_LOG)
            size += block_put_log_record(at, -(int64_t)(i % 70), i * 1000, message, 3);
        else
            size += block_put_derived_record(at, i / 2 + 1, i << 40, message, 3);
    }
    return size;
}

/* A block of records first .. first + count - 1, after `chain`, which moves on. */
static size_t make(uint8_t *out, uint32_t stream, uint64_t first, uint32_t count,
                   uint8_t chain[DIGEST_CHAIN_BYTES])
{
    static uint8_t records[ROOM];
    struct block b = {.stream = stream,
                      .count = count,
                      .first_seq = first,
                      .time_ns = UINT64_C(1) << 60};
    memcpy(b.chain, chain, sizeof b.chain);
    block_make(&b, out, records, fill(records, stream, first, count));
    block_chain(&b, chain);
    return b.size;
}

/* The smallest use: one log block, made and read. */
static void test_log_block(void **state)
{
    (void)state;
    uint8_t bytes[ROOM], chain[DIGEST_CHAIN_BYTES] = {9}, after[DIGEST_CHAIN_BYTES];
    memcpy(after, chain, sizeof after);
    size_t size = make(bytes, BLOCK_STREAM_LOG, 100, COUNT, after), used = 0;

    struct block b;
    struct block_record record;
    assert_int_equal(block_open(&b, bytes, size, &used), 0);
    assert_int_equal(used, size);
    assert_int_equal(b.first_seq, 100);
    assert_memory_equal(b.chain, chain, sizeof chain);
    for (uint64_t i = 100; i < 100 + COUNT; i++) {
        assert_true(block_next(&b, &record));
        assert_int_equal(record.seq, i);
        assert_int_equal(record.gseq, i);
        assert_int_equal(record.time_ns, (UINT64_C(1) << 60) + i - 100);
        assert_int_equal(record.source, -(int64_t)(i % 70));
        assert_int_equal(record.n, i * 1000);
        assert_int_equal(record.size, 3);
        assert_memory_equal(record.bytes, message, 3);
    }
    assert_false(block_next(&b, &record));
    block_chain(&b, chain);
    assert_memory_equal(chain, after, sizeof chain);
}

/* Blocks of a derived stream stand back to back; each carries the digest before it. */
static void test_derived_blocks(void **state)
{
    (void)state;
    uint8_t bytes[ROOM], chain[DIGEST_CHAIN_BYTES] = {0},
                         before[DIGEST_CHAIN_BYTES] = {0};
    size_t size = make(bytes, 3, 1, 5, chain), at = 0, used = 0;
    size += make(bytes + size, 3, 6, 1, chain);
    size += make(bytes + size, 3, 7, 30, chain);

    uint64_t next = 1;
    for (; at < size; at += used) {
        struct block b;
        struct block_record record;
        assert_int_equal(block_open(&b, bytes + at, size - at, &used), 0);
        assert_memory_equal(b.chain, before, sizeof before);
        block_chain(&b, before);
        for (; block_next(&b, &record); next++) {
            assert_int_equal(record.seq, next);
            assert_int_equal(record.gseq, next / 2 + 1);
            assert_int_equal(record.time_ns, next << 40);
        }
    }
    assert_int_equal(next, 37);
    assert_memory_equal(before, chain, sizeof chain);
}

/* The chain, computed from the format's definition: the crc of a first block stands
 * behind 14 bytes of numbers and 34 of chain. */
static void test_chain(void **state)
{
    (void)state;
    enum { HEAD = 1 + 1 + 1 + 1 + 1 + 9 + 34 };
    uint8_t bytes[ROOM], joined[ROOM] = {7}, chain[DIGEST_CHAIN_BYTES] = {7};
    uint8_t expected[DIGEST_CHAIN_BYTES];
    size_t size = make(bytes, BLOCK_STREAM_LOG, 1, 2, chain);
    size_t crc = bytes[HEAD] == 0xce ? 5 : 0;
    assert_int_equal(crc, 5);
    memcpy(joined + DIGEST_CHAIN_BYTES, bytes, HEAD);
    memcpy(joined + DIGEST_CHAIN_BYTES + HEAD, bytes + HEAD + crc, size - HEAD - crc);
    crypto_generichash(expected, sizeof expected, joined, DIGEST_CHAIN_BYTES + size - crc,
                       NULL, 0);
    assert_memory_equal(chain, expected, sizeof chain);

    uint32_t stored = digest_crc(0, joined + DIGEST_CHAIN_BYTES, size - crc);
    for (int i = 0; i < 4; i++)
        assert_int_equal(bytes[HEAD + 1 + i], stored >> (24 - 8 * i) & 0xff);
}

/* The digest of a derived stream does not depend on where its blocks were cut, nor on
 * where a reader comes in. */
static void test_digest_ignores_cuts(void **state)
{
    (void)state;
    uint8_t bytes[ROOM], one[DIGEST_CHAIN_BYTES] = {0}, two[DIGEST_CHAIN_BYTES] = {0};
    size_t size = make(bytes, 1, 1, COUNT, one), used = 0;
    for (uint64_t i = 1; i <= COUNT; i++) {
        struct block b;
        uint8_t other[ROOM], after[DIGEST_CHAIN_BYTES];
        assert_int_equal(block_open(&b, bytes, size, &used), 0);
        assert_int_equal(block_skip(&b, i), 0);
        assert_memory_equal(b.chain, two, sizeof two);
        block_chain(&b, after);
        assert_memory_equal(after, one, sizeof one);
        make(other, 1, i, 1, two);
    }
    assert_memory_equal(one, two, sizeof one);
}

static void test_skip_range(void **state)
{
    (void)state;
    uint8_t bytes[ROOM], chain[DIGEST_CHAIN_BYTES] = {0};
    size_t size = make(bytes, BLOCK_STREAM_LOG, 10, 5, chain), used = 0;
    struct block b;
    struct block_record record;
    assert_int_equal(block_open(&b, bytes, size, &used), 0);
    assert_int_equal(block_skip(&b, 9), PACK_RANGE);
    assert_int_equal(block_skip(&b, 16), PACK_RANGE);
    assert_int_equal(block_skip(&b, 12), 0);
    assert_true(block_next(&b, &record));
    assert_int_equal(record.seq, 12);
    assert_int_equal(block_skip(&b, 15), 0);
    assert_false(block_next(&b, &record));
}

/* One flipped bit anywhere, or one missing byte, and it is no block any more. */
static void test_damage_is_found(void **state)
{
    (void)state;
    for (uint32_t stream = 0; stream < 2; stream++) {
        uint8_t bytes[ROOM], chain[DIGEST_CHAIN_BYTES] = {1, 2, 3};
        size_t size = make(bytes, stream, 1000, COUNT, chain), used = 0;
        struct block b;
        for (size_t i = 0; i < size; i++) {
            uint8_t *exact = malloc(i + 1); /* so that the sanitizer sees every overrun */
            memcpy(exact, bytes, i);
            assert_true(block_open(&b, exact, i, &used) < 0);
            free(exact);
            for (int bit = 0; bit < 8; bit++) {
                bytes[i] ^= (uint8_t)(1 << bit);
                assert_true(block_open(&b, bytes, size, &used) < 0);
                bytes[i] ^= (uint8_t)(1 << bit);
            }
        }
        assert_int_equal(block_open(&b, bytes, size, &used), 0);
    }
}

/* Many changes at once: whatever a block says, nothing is read outside of it, and what
 * has the shape of a block gives as many records as it says. */
static void test_mutations(void **state)
{
    (void)state;
    uint8_t original[ROOM], chain[DIGEST_CHAIN_BYTES] = {0};
    uint64_t seed = 5;
    uint32_t shapes = 0;
    size_t size = make(original, 1, 1000, COUNT, chain), used = 0;
    for (int i = 0; i < 100000; i++) {
        uint8_t *bytes = malloc(size);
        memcpy(bytes, original, size);
        for (int times = 0; times <= i % 3; times++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            bytes[(seed >> 40) % size] = (uint8_t)(seed >> 32);
        }
        struct block b;
        struct block_record record;
        int error = block_open(&b, bytes, size, &used);
        uint32_t count = 0;
        if (error == 0 || error == PACK_CORRUPT) {
            while (block_next(&b, &record))
                count++;
            assert_int_equal(count, b.count);
            block_chain(&b, chain);
            shapes++;
        }
        free(bytes);
    }
    assert_true(shapes > 1000);
}

/* A flip in a message is CORRUPT; another version says so. */
static void test_codes(void **state)
{
    (void)state;
    uint8_t bytes[ROOM], chain[DIGEST_CHAIN_BYTES] = {0};
    size_t size = make(bytes, BLOCK_STREAM_LOG, 1, COUNT, chain), used = 0;
    struct block b;
    bytes[size - 1] ^= 1;
    assert_int_equal(block_open(&b, bytes, size, &used), PACK_CORRUPT);
    bytes[size - 1] ^= 1;
    bytes[1] = 2;
    assert_int_equal(block_open(&b, bytes, size, &used), PACK_VERSION);
}

/* Checksums equal those everyone else computes. */
static void test_digests(void **state)
{
    (void)state;
    assert_int_equal(digest_crc(0, "123456789", 9), 0xe3069283);
    assert_int_equal(digest_crc(digest_crc(0, "1234", 4), "56789", 5), 0xe3069283);

    static const uint8_t of_nothing[DIGEST_BYTES] = {0x99, 0xaa, 0x06, 0xd3, 0x01, 0x47,
                                                     0x98, 0xd8, 0x60, 0x01, 0xc3, 0x24,
                                                     0x46, 0x8d, 0x49, 0x7f};
    uint8_t digest[DIGEST_BYTES], folded[DIGEST_BYTES], joined[DIGEST_BYTES + 500] = {0};
    digest_bytes(digest, "", 0);
    assert_memory_equal(digest, of_nothing, sizeof digest);
    for (size_t size = 0; size <= 500; size += 20) {
        memset(joined, (int)size, sizeof joined);
        memset(folded, (int)size, sizeof folded);
        digest_bytes(digest, joined, DIGEST_BYTES + size);
        digest_fold(folded, joined + DIGEST_BYTES, size);
        assert_memory_equal(digest, folded, sizeof digest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_block),
        cmocka_unit_test(test_derived_blocks),
        cmocka_unit_test(test_digest_ignores_cuts),
        cmocka_unit_test(test_skip_range),
        cmocka_unit_test(test_damage_is_found),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_digests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
