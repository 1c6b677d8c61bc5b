/* feature.c - counters that libFuzzer reads beside those of the code. */
#include "proto/msg.h"
#include "tests/fuzz/fuzz.h"

enum { FEATURES = 1 << 14, FIELDS = 32, BITS = 65 };

__attribute__((section("__libfuzzer_extra_counters"),
               used)) static uint8_t counters[FEATURES];

void fuzz_feature(uint32_t number)
{
    counters[number % FEATURES] = 1;
}

/* Spread, for the numbers of all kinds are many more than there are counters. */
static void count(uint32_t kind, uint32_t field, uint32_t bits)
{
    fuzz_feature((((kind * FIELDS) + field) * BITS + bits) * 2654435761u >> 18);
}

void fuzz_feature_msg(struct msg *msg)
{
    const struct msg_info *info = msg_find(msg->kind);
    const void *body = msg_body(msg);
    for (uint32_t i = 0; i < info->field_count; i++) {
        const struct msg_field *field = &info->fields[i];
        uint64_t value =
            msg_is_bytes(field) ? msg_size(field, body) : msg_integer(field, body);
        uint32_t bits = 0;
        for (; value != 0; value >>= 1)
            bits++;
        count(msg->kind, i, bits);
    }
}
