/* message_fuzz.c - bytes to messages: what decodes encodes to the same bytes. */
#include "common/check.h"
#include "proto/codec.h"
#include "proto/sample.h"
#include "tests/fuzz/fuzz.h"

enum { SAMPLES_OF_A_KIND = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    uint8_t again[MESSAGE_BYTES_MAX];
    struct msg msg;
    size_t used = 0, made = 0;
    uint32_t kind = codec_kind(bytes, size);
    if (codec_decode(bytes, size, &msg, &used) != 0) {
        CHECK(codec_decode_whole(bytes, size, &msg) != 0);
        return 0;
    }
    CHECK(used <= size && msg.kind == kind && msg_find(kind) != NULL);
    CHECK((codec_decode_whole(bytes, size, &msg) == 0) == (used == size));
    CHECK(codec_encode(again, sizeof again, &msg, &made) == 0);
    CHECK(made == used && memcmp(again, bytes, used) == 0);
    return 0;
}

size_t fuzz_seed(uint32_t number, uint8_t bytes[FUZZ_SEED_BYTES])
{
    uint64_t seed = number;
    struct msg msg;
    size_t size = 0;
    for (uint32_t kind = 0; kind < MSG_KINDS_MAX; kind++) {
        if (msg_find(kind) == NULL)
            continue;
        if (number >= SAMPLES_OF_A_KIND) {
            number -= SAMPLES_OF_A_KIND;
            continue;
        }
        if (number == 0)
            sample_fixed(&msg, kind);
        else
            sample_random(&msg, kind, &seed);
        int error = codec_encode(bytes, FUZZ_SEED_BYTES, &msg, &size);
        CHECK(error == 0);
        return size;
    }
    return 0;
}
