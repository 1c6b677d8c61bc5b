/* block_fuzz.c - bytes to blocks, of the log and of a derived stream. The crc is put
 * right first, or no bad shape would ever come behind it.
 */
#include "common/check.h"
#include "proto/big_endian.h"
#include "proto/block.h"
#include "proto/codec.h"
#include "proto/pack.h"
#include "proto/sample.h"
#include "tests/fuzz/fuzz.h"

enum { RECORDS_BYTES = 1 << 15 };

static uint8_t copy[1 << 20];

/* Records lie in the block, follow each other, and make the same block again. */
static void walk(struct block *block)
{
    struct block_record record;
    uint64_t next = block->first_seq, count = 0;
    uint8_t chain[DIGEST_CHAIN_BYTES];
    struct msg msg;
    while (block_next(block, &record)) {
        CHECK(record.seq == next++);
        CHECK(record.bytes >= block->bytes &&
              record.bytes + record.size <= block->bytes + block->size);
        (void)!codec_decode_whole(record.bytes, record.size, &msg);
        count++;
    }
    CHECK(count == block->count);
    block_chain(block, chain);
}

/* Where its crc has the usual five bytes. */
static void mend(const struct block *block)
{
    const uint8_t *end = block->bytes + block->size;
    uint32_t crc = digest_crc(0, block->bytes, (size_t)(block->crc - block->bytes));
    crc = digest_crc(crc, block->crc_end, (size_t)(end - block->crc_end));
    if (block->crc_end - block->crc != 5 || crc <= UINT16_MAX)
        return;
    big_endian_put(copy + (block->crc - copy) + 1, crc, 4);
}

static void open_at(const uint8_t *bytes, size_t size, uint64_t skip)
{
    struct block block, again;
    struct block_record record;
    size_t used = 0;
    if (block_open(&block, bytes, size, &used) != 0)
        return;
    CHECK(used <= size && used == block.size);
    walk(&block);
    CHECK(block_open(&again, bytes, size, &used) == 0);
    uint64_t seq = block.first_seq + skip % (block.count + UINT64_C(2));
    bool is_in = seq <= block.first_seq + block.count;
    CHECK((block_skip(&again, seq) == 0) == is_in);
    if (is_in && block_next(&again, &record))
        CHECK(record.seq == seq);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct block block;
    size_t used;
    if (size < 2 || size > sizeof copy)
        return 0;
    uint64_t skip = bytes[0];
    memcpy(copy, bytes + 1, --size);
    if (block_open(&block, copy, size, &used) == PACK_CORRUPT)
        mend(&block);
    open_at(copy, size, skip);
    return 0;
}

size_t fuzz_seed(uint32_t number, uint8_t bytes[FUZZ_SEED_BYTES])
{
    static uint8_t records[RECORDS_BYTES];
    uint8_t body[MESSAGE_BYTES_MAX];
    size_t size = 0, body_size = 0;
    uint64_t seed = number;
    if (number >= 64)
        return 0;
    struct block block = {.stream = number % 3,
                          .first_seq = 1 + number * 7,
                          .count = 1 + number % 8,
                          .time_ns = 1000 * number};
    for (uint32_t i = 0; i < block.count; i++) {
        struct msg msg;
        sample_random(&msg, number % 2 ? MSG_order_new : MSG_trade, &seed);
        int error = codec_encode(body, sizeof body, &msg, &body_size);
        CHECK(error == 0);
        size +=
            block.stream == BLOCK_STREAM_LOG
                ? block_put_log_record(records + size, -(int64_t)number, i, body,
                                       body_size)
                : block_put_derived_record(records + size, number, 5, body, body_size);
    }
    bytes[0] = (uint8_t)number;
    block_make(&block, bytes + 1, records, size);
    return 1 + block.size;
}
