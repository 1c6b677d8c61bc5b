/* codec_bench.c - ns to encode and decode a message, beside a copy of the same bytes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/block.h"
#include "proto/codec.h"
#include "proto/sample.h"

enum { MESSAGES = 256, ROUNDS = 4000, REPEATS = 7 };

struct batch {
    struct msg messages[MESSAGES];
    uint8_t bytes[MESSAGES][MESSAGE_BYTES_MAX];
    uint8_t copy[MESSAGES][MESSAGE_BYTES_MAX];
    size_t sizes[MESSAGES];
    uint32_t kind;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void must(int error)
{
    if (error != 0)
        abort();
}

static void encode_all(struct batch *b)
{
    for (int i = 0; i < MESSAGES; i++)
        must(codec_encode(b->bytes[i], MESSAGE_BYTES_MAX, &b->messages[i], &b->sizes[i]));
}

static void decode_all(struct batch *b)
{
    size_t used;
    for (int i = 0; i < MESSAGES; i++)
        must(codec_decode(b->bytes[i], b->sizes[i], &b->messages[i], &used));
}

static void copy_all(struct batch *b)
{
    for (int i = 0; i < MESSAGES; i++) {
        memcpy(b->copy[i], b->bytes[i], b->sizes[i]);
        __asm__ volatile("" ::: "memory");
    }
}

/* The best of several runs, in tenths of a nanosecond a message. */
static uint64_t measure(struct batch *b, void (*work)(struct batch *))
{
    uint64_t best = UINT64_MAX;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        uint64_t start = now_ns();
        for (int round = 0; round < ROUNDS; round++)
            work(b);
        uint64_t taken = now_ns() - start;
        best = taken < best ? taken : best;
    }
    return best * 10 / ((uint64_t)ROUNDS * MESSAGES);
}

static void print(const char *what, uint64_t tenths)
{
    printf("  %-8s %4" PRIu64 ".%" PRIu64 " ns", what, tenths / 10, tenths % 10);
}

static void bench(struct batch *b, const char *note)
{
    encode_all(b);
    printf("%-14s %-26s %3zu bytes", msg_name(b->kind), note, b->sizes[0]);
    print("encode", measure(b, encode_all));
    print("decode", measure(b, decode_all));
    print("memcpy", measure(b, copy_all));
    printf("\n");
}

/* Ten fields of the sizes real flow has. */
static void fill_orders(struct batch *b)
{
    b->kind = MSG_order_new;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        b->messages[i] = (struct msg){.kind = MSG_order_new,
                                      .order_new = {.cl_ord_id = 1000000 + i,
                                                    .symbol = 1 + i % 100,
                                                    .side = i % 3 ? SIDE_BUY : SIDE_SELL,
                                                    .ord_type = ORD_TYPE_LIMIT,
                                                    .tif = TIF_GTC,
                                                    .price = 5000000 + i * 17 % 1000,
                                                    .quantity = 100 + i * 31 % 900,
                                                    .post_only = 1,
                                                    .stp = STP_EXPIRE_BOTH}};
    }
}

static void fill_trades(struct batch *b)
{
    b->kind = MSG_trade;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        sample_fixed(&b->messages[i], MSG_trade);
        b->messages[i].trade.price = 5000000 + i * 17 % 1000;
        b->messages[i].trade.maker_slot = i;
    }
}

static void fill_random(struct batch *b, uint32_t kind)
{
    uint64_t seed = 1;
    b->kind = kind;
    for (int i = 0; i < MESSAGES; i++)
        sample_random(&b->messages[i], kind, &seed);
}

/* One block of records as the log has them: make, open and chain, a record. */
static void bench_block(struct batch *b)
{
    static uint8_t records[MESSAGES * MESSAGE_BYTES_MAX],
        out[sizeof records + BLOCK_HEAD_MAX];
    uint64_t best[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
    size_t size = 0, used;
    encode_all(b);
    for (int i = 0; i < MESSAGES; i++)
        size += block_put_log_record(records + size, 1000, (uint64_t)i + 1, b->bytes[i],
                                     b->sizes[i]);
    for (int round = 0; round < ROUNDS; round++) {
        struct block block = {.count = MESSAGES, .first_seq = 1, .time_ns = 1};
        uint64_t times[4];
        times[0] = now_ns();
        block_make(&block, out, records, size);
        times[1] = now_ns();
        must(block_open(&block, out, block.size, &used));
        times[2] = now_ns();
        block_chain(&block, block.chain);
        times[3] = now_ns();
        for (int i = 0; i < 3; i++)
            if (times[i + 1] - times[i] < best[i])
                best[i] = times[i + 1] - times[i];
    }
    printf("%-14s %-26s %3zu bytes", "log record", "in a block of 256", size / MESSAGES);
    print("make", best[0] * 10 / MESSAGES);
    print("open", best[1] * 10 / MESSAGES);
    print("chain", best[2] * 10 / MESSAGES);
    printf("\n");
}

int main(void)
{
    static struct batch b;
    fill_orders(&b);
    bench(&b, "(10 fields, target 15 / 25)");
    bench_block(&b);
    fill_random(&b, MSG_order_new);
    bench(&b, "(random magnitudes)");
    fill_trades(&b);
    bench(&b, "(23 fields)");
    fill_random(&b, MSG_trade);
    bench(&b, "(random magnitudes)");
    return 0;
}
