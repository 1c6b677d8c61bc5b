/* codec_test.c - one encoding for each value; msgpack-c agrees; the rest is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <msgpack.h>

#include "proto/codec.h"
#include "proto/pack.h"
#include "proto/sample.h"

enum { RANDOM_MESSAGES = 100000, MUTATIONS = 1000000 };

static bool rewrite; /* --write-golden */

static uint64_t draw(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

static uint32_t next_kind(uint32_t kind)
{
    do
        kind = (kind + 1) % MSG_KINDS_MAX;
    while (!msg_find(kind));
    return kind;
}

static size_t encode(uint8_t out[MESSAGE_BYTES_MAX], const struct msg *m)
{
    size_t size = 0;
    assert_int_equal(codec_encode(out, MESSAGE_BYTES_MAX, m, &size), 0);
    return size;
}

/* The smallest use: a message becomes bytes and the bytes the same message. */
static void test_round_trip(void **state)
{
    (void)state;
    struct msg m = {.kind = MSG_order_new,
                    .order_new = {.cl_ord_id = 7,
                                  .symbol = 300,
                                  .side = SIDE_SELL,
                                  .ord_type = ORD_TYPE_LIMIT,
                                  .tif = TIF_GTC,
                                  .price = 123456,
                                  .quantity = 1}};
    static const uint8_t expected[] = {0x98, 12,   7,    0xcd, 0x01, 0x2c, 2, 2,
                                       1,    0xce, 0x00, 0x01, 0xe2, 0x40, 1};
    uint8_t bytes[MESSAGE_BYTES_MAX];
    assert_int_equal(encode(bytes, &m), sizeof expected);
    assert_memory_equal(bytes, expected, sizeof expected);
    assert_int_equal(codec_kind(bytes, sizeof expected), MSG_order_new);

    struct msg back;
    memset(&back, 0xff, sizeof back);
    assert_int_equal(codec_decode_whole(bytes, sizeof expected, &back), 0);
    assert_int_equal(back.order_new.symbol, 300);
    assert_int_equal(back.order_new.price, 123456);
    assert_int_equal(back.order_new.post_only, 0); /* left out, so its default */
    assert_int_equal(back.order_new.stp, STP_DEFAULT);
}

/* Messages stand back to back in a frame; the strict form wants exactly one. */
static void test_frame(void **state)
{
    (void)state;
    uint8_t frame[2 * MESSAGE_BYTES_MAX];
    struct msg m;
    sample_fixed(&m, MSG_tick);
    size_t size = encode(frame, &m), first = 0, second = 0;
    sample_fixed(&m, MSG_trade);
    size_t whole = size + encode(frame + size, &m);
    assert_int_equal(codec_decode(frame, whole, &m, &first), 0);
    assert_int_equal(m.kind, MSG_tick);
    assert_int_equal(first, size);
    assert_int_equal(codec_decode(frame + first, whole - first, &m, &second), 0);
    assert_int_equal(m.kind, MSG_trade);
    assert_int_equal(first + second, whole);
    assert_int_equal(codec_decode_whole(frame, whole, &m), PACK_TRAILING);
}

/* Each way to be wrong has its code. */
static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        int code;
        size_t size;
        const char *bytes;
    } cases[] = {
        {0, 3, "\x92\x03\x05"},                         /* tick 5 */
        {PACK_TRUNCATED, 0, ""},                        /* nothing */
        {PACK_TRUNCATED, 1, "\x92"},                    /* fields missing */
        {PACK_TRUNCATED, 3, "\x92\x03\xcd"},            /* a number cut off */
        {PACK_TRUNCATED, 4, "\xdd\x00\x00\x00"},        /* no room for a count */
        {PACK_LENGTH, 5, "\xdd\xff\xff\xff\xff"},       /* 4 G fields */
        {PACK_LENGTH, 1, "\x90"},                       /* no kind */
        {PACK_LENGTH, 2, "\x91\x03"},                   /* a required field missing */
        {PACK_LENGTH, 4, "\x93\x03\x05\x05"},           /* a field too many */
        {PACK_KIND, 3, "\x92\x07\x05"},                 /* no such message */
        {PACK_KIND, 5, "\x92\xcd\x30\x39\x05"},         /* nor 12345 */
        {PACK_RANGE, 3, "\x92\x03\x00"},                /* tick 0 */
        {PACK_RANGE, 3, "\x92\x03\xff"},                /* tick -1 */
        {PACK_CANONICAL, 4, "\x92\x03\xcc\x05"},        /* 5 in two bytes */
        {PACK_CANONICAL, 5, "\x92\x03\xcd\x00\xff"},    /* 255 in three */
        {PACK_CANONICAL, 5, "\xdc\x00\x02\x03\x05"},    /* a long array head */
        {PACK_CANONICAL, 4, "\x92\xcc\x03\x05"},        /* a long kind */
        {PACK_DEPTH, 3, "\x92\x03\x91"},                /* an array inside */
        {PACK_DEPTH, 3, "\x92\x03\x81"},                /* a map inside */
        {PACK_TYPE, 3, "\x92\x03\xc0"},                 /* nil */
        {PACK_TYPE, 3, "\x92\x03\xc3"},                 /* true */
        {PACK_TYPE, 7, "\x92\x03\xca\x3f\x80\x00\x00"}, /* 1.0 */
        {PACK_TYPE, 3, "\x92\x03\xa0"},                 /* a string */
        {PACK_TYPE, 5, "\x92\x03\xd4\x01\x01"},         /* an extension */
        {PACK_TYPE, 3, "\x81\x03\x05"},                 /* a map for a message */
        {PACK_TRAILING, 4, "\x92\x03\x05\x05"},         /* bytes behind */
        /* asset_set: 1, name, scale */
        {0, 7, "\x94\x14\x01\xa2UT\x02"},
        {PACK_TEXT, 7, "\x94\x14\x01\xa2U\x00\x02"},    /* NUL */
        {PACK_TEXT, 7, "\x94\x14\x01\xa2U\x1b\x02"},    /* ESC */
        {PACK_TEXT, 7, "\x94\x14\x01\xa2U\xff\x02"},    /* no UTF-8 */
        {PACK_TEXT, 7, "\x94\x14\x01\xa2\xc0\xaf\x02"}, /* overlong */
        {PACK_LENGTH, 17,
         "\x94\x14\x01\xac"
         "ABCDEFGHIJKL\x02"}, /* 12 of 11 bytes */
        {PACK_CANONICAL, 8, "\x94\x14\x01\xd9\x02UT\x02"},
        {PACK_TYPE, 8, "\x94\x14\x01\xc4\x02UT\x02"}, /* a bin for a string */
        {PACK_TRUNCATED, 5, "\x94\x14\x01\xa2U"},
        /* symbol_status: trading is 2 or 17 */
        {0, 4, "\x93\x16\x01\x11"},
        {PACK_RANGE, 4, "\x93\x16\x01\x03"},
        {PACK_RANGE, 6, "\x93\x16\x01\xcd\x01\x11"},
        /* order_new with its trailing options: 1 is said, 0 is not */
        {0, 10, "\x99\x0c\x01\x01\x01\x02\x01\x05\x05\x01"},
        {PACK_CANONICAL, 10, "\x99\x0c\x01\x01\x01\x02\x01\x05\x05\x00"},
        {0, 11, "\x9a\x0c\x01\x01\x01\x02\x01\x05\x05\x00\x01"},
        {PACK_CANONICAL, 11, "\x9a\x0c\x01\x01\x01\x02\x01\x05\x05\x01\x00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct msg m;
        int code = codec_decode_whole((const uint8_t *)cases[i].bytes, cases[i].size, &m);
        if (code != cases[i].code)
            fail_msg("case %zu: %d instead of %d", i, code, cases[i].code);
    }
}

/* What decoding would refuse is not encoded either. */
static void test_encode_checks(void **state)
{
    (void)state;
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    struct msg m;
    sample_fixed(&m, MSG_order_new);
    m.order_new.price = -1;
    assert_int_equal(codec_encode(bytes, sizeof bytes, &m, &size), PACK_RANGE);
    sample_fixed(&m, MSG_order_new);
    m.order_new.tif = 2;
    assert_int_equal(codec_encode(bytes, sizeof bytes, &m, &size), PACK_RANGE);
    sample_fixed(&m, MSG_asset_set);
    memset(m.asset_set.name, 'A', sizeof m.asset_set.name);
    assert_int_equal(codec_encode(bytes, sizeof bytes, &m, &size), PACK_LENGTH);
    memcpy(m.asset_set.name, "\n", 2);
    assert_int_equal(codec_encode(bytes, sizeof bytes, &m, &size), PACK_TEXT);
    sample_fixed(&m, MSG_command);
    m.command.body_size = BODY_BYTES_MAX + 1;
    assert_int_equal(codec_encode(bytes, sizeof bytes, &m, &size), PACK_LENGTH);
    m.kind = 0;
    assert_int_equal(codec_encode(bytes, sizeof bytes, &m, &size), PACK_KIND);
}

/* Every capacity below the size is refused, every other gives the same bytes. */
static void test_space(void **state)
{
    (void)state;
    uint8_t expected[MESSAGE_BYTES_MAX], bytes[MESSAGE_BYTES_MAX];
    struct msg m;
    sample_fixed(&m, MSG_trade);
    size_t whole = encode(expected, &m), size = 0;
    for (size_t capacity = 0; capacity < MESSAGE_BYTES_MAX; capacity++) {
        int error = codec_encode(bytes, capacity, &m, &size);
        assert_int_equal(error, capacity < whole ? PACK_SPACE : 0);
        if (error == 0)
            assert_memory_equal(bytes, expected, whole);
    }
}

/* ---- golden bytes ------------------------------------------------------------------ */

static void to_hex(char *out, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    memcpy(out + 2 * size, "\n", 2);
}

static void compare_golden(uint32_t kind)
{
    char path[128], hex[2 * MESSAGE_BYTES_MAX + 2], stored[sizeof hex] = "";
    uint8_t bytes[MESSAGE_BYTES_MAX];
    struct msg m;
    sample_fixed(&m, kind);
    to_hex(hex, bytes, encode(bytes, &m));
    snprintf(path, sizeof path, "proto/golden/%s.hex", msg_name(kind));
    FILE *file = fopen(path, rewrite ? "w" : "r");
    if (!file)
        fail_msg("%s: run build/release/unit/codec_test --write-golden", path);
    if (rewrite)
        fputs(hex, file);
    else if (!fgets(stored, sizeof stored, file) || strcmp(stored, hex) != 0)
        fail_msg("%s: the bytes of %s have changed", path, msg_name(kind));
    fclose(file);
}

/* An accidental change of bytes fails here. Run from the root of the repository. */
static void test_golden(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < MSG_KINDS_MAX; kind++)
        if (msg_find(kind))
            compare_golden(kind);
}

/* ---- msgpack-c agrees -------------------------------------------------------------- */

static bool has_default(const struct msg_field *field, const void *body)
{
    static const uint8_t zeros[MESSAGE_BYTES_MAX];
    if (field->type == MSG_BYTES)
        return memcmp(msg_bytes(field, body), zeros, field->capacity) == 0;
    return msg_integer(field, body) == field->value;
}

static uint32_t fields_written(const struct msg_info *info, const struct msg *m)
{
    uint32_t count = info->field_count;
    while (count > 0 && info->fields[count - 1].optional &&
           has_default(&info->fields[count - 1], msg_const_body(m)))
        count--;
    return count;
}

static void compare_object(const struct msg_field *field, const void *body,
                           const msgpack_object *object)
{
    uint64_t value = msg_is_bytes(field) ? 0 : msg_integer(field, body);
    switch (field->type) {
    case MSG_TEXT:
        assert_int_equal(object->type, MSGPACK_OBJECT_STR);
        assert_int_equal(object->via.str.size, msg_size(field, body));
        assert_memory_equal(object->via.str.ptr, msg_bytes(field, body),
                            object->via.str.size);
        break;
    case MSG_BYTES:
    case MSG_BLOB:
        assert_int_equal(object->type, MSGPACK_OBJECT_BIN);
        assert_int_equal(object->via.bin.size, msg_size(field, body));
        assert_memory_equal(object->via.bin.ptr, msg_bytes(field, body),
                            object->via.bin.size);
        break;
    default:
        if (msg_is_signed(field) && (int64_t)value < 0)
            assert_int_equal(object->type, MSGPACK_OBJECT_NEGATIVE_INTEGER);
        else
            assert_int_equal(object->type, MSGPACK_OBJECT_POSITIVE_INTEGER);
        assert_true(object->via.u64 == value);
    }
}

static void pack_field(msgpack_packer *packer, const struct msg_field *field,
                       const void *body)
{
    uint64_t value = msg_is_bytes(field) ? 0 : msg_integer(field, body);
    size_t size = msg_is_bytes(field) ? msg_size(field, body) : 0;
    switch (field->type) {
    case MSG_TEXT:
        msgpack_pack_str(packer, size);
        msgpack_pack_str_body(packer, msg_bytes(field, body), size);
        break;
    case MSG_BYTES:
    case MSG_BLOB:
        msgpack_pack_bin(packer, size);
        msgpack_pack_bin_body(packer, msg_bytes(field, body), size);
        break;
    case MSG_I32:
    case MSG_I64:
        msgpack_pack_int64(packer, (int64_t)value);
        break;
    default:
        msgpack_pack_uint64(packer, value);
    }
}

struct peer {
    msgpack_unpacked result;
    msgpack_sbuffer buffer;
};

/* msgpack-c reads our bytes to the same values and packs these to the same bytes. */
static void compare_with_msgpack(struct peer *peer, const struct msg *m)
{
    const struct msg_info *info = msg_find(m->kind);
    uint32_t count = fields_written(info, m);
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = encode(bytes, m), at = 0;

    assert_int_equal(msgpack_unpack_next(&peer->result, (char *)bytes, size, &at),
                     MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(at, size);
    const msgpack_object_array *array = &peer->result.data.via.array;
    assert_int_equal(peer->result.data.type, MSGPACK_OBJECT_ARRAY);
    assert_int_equal(array->size, 1 + count);
    assert_int_equal(array->ptr[0].via.u64, m->kind);

    msgpack_packer packer;
    msgpack_sbuffer_clear(&peer->buffer);
    msgpack_packer_init(&packer, &peer->buffer, msgpack_sbuffer_write);
    msgpack_pack_array(&packer, 1 + count);
    msgpack_pack_uint16(&packer, m->kind);
    for (uint32_t i = 0; i < count; i++) {
        compare_object(&info->fields[i], msg_const_body(m), &array->ptr[1 + i]);
        pack_field(&packer, &info->fields[i], msg_const_body(m));
    }
    assert_int_equal(peer->buffer.size, size);
    assert_memory_equal(peer->buffer.data, bytes, size);

    struct msg back;
    uint8_t again[MESSAGE_BYTES_MAX];
    assert_int_equal(codec_decode_whole(bytes, size, &back), 0);
    assert_int_equal(encode(again, &back), size);
    assert_memory_equal(again, bytes, size);
}

/* Samples and 10^5 random messages, every kind in turn. */
static void test_msgpack_c_agrees(void **state)
{
    (void)state;
    struct peer peer;
    uint64_t seed = 1;
    struct msg m;
    msgpack_unpacked_init(&peer.result);
    msgpack_sbuffer_init(&peer.buffer);
    for (uint32_t kind = 0; kind < MSG_KINDS_MAX; kind++) {
        if (!msg_find(kind))
            continue;
        sample_fixed(&m, kind);
        compare_with_msgpack(&peer, &m);
    }
    uint32_t kind = 0;
    for (int i = 0; i < RANDOM_MESSAGES; i++) {
        kind = next_kind(kind);
        sample_random(&m, kind, &seed);
        compare_with_msgpack(&peer, &m);
    }
    msgpack_sbuffer_destroy(&peer.buffer);
    msgpack_unpacked_destroy(&peer.result);
}

/* ---- hostile bytes ----------------------------------------------------------------- */

/* Changes `size` bytes a little; returns the new size, at most MESSAGE_BYTES_MAX. */
static size_t mutate(uint8_t *bytes, size_t size, uint64_t *seed)
{
    static const uint8_t heads[] = {0x00, 0x7f, 0x80, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
                                    0xc1, 0xc4, 0xc5, 0xc6, 0xc7, 0xca, 0xcb, 0xcc,
                                    0xcd, 0xce, 0xcf, 0xd0, 0xd1, 0xd2, 0xd3, 0xd9,
                                    0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff};
    for (uint64_t times = 1 + draw(seed) % 3; times > 0; times--) {
        size_t at = draw(seed) % size, more = 1 + draw(seed) % 8;
        switch (draw(seed) % 6) {
        case 0:
            bytes[at] ^= (uint8_t)(1 << draw(seed) % 8);
            break;
        case 1:
            bytes[at] = heads[draw(seed) % sizeof heads];
            break;
        case 2:
            bytes[at] = (uint8_t)draw(seed);
            break;
        case 3:
            size = at + 1; /* truncated */
            break;
        case 4: /* oversized */
            for (; more > 0 && size < MESSAGE_BYTES_MAX; more--)
                bytes[size++] = (uint8_t)draw(seed);
            break;
        default: /* the array says more or less */
            bytes[0] = (uint8_t)(bytes[0] + draw(seed) % 3 - 1);
        }
    }
    return size;
}

/* A million damaged messages, in memory of exactly their size: none is read out of
 * bounds, and what is taken is a value's one encoding. */
static void test_mutations(void **state)
{
    (void)state;
    uint64_t seed = 7;
    uint32_t kind = 0, taken = 0;
    for (int i = 0; i < MUTATIONS; i++) {
        uint8_t bytes[MESSAGE_BYTES_MAX], again[MESSAGE_BYTES_MAX];
        struct msg m;
        if (i % 8 == 0)
            kind = next_kind(kind);
        sample_random(&m, kind, &seed);
        size_t size = mutate(bytes, encode(bytes, &m), &seed), used = 0;
        uint8_t *exact = malloc(size);
        memcpy(exact, bytes, size);
        codec_kind(exact, size);
        if (codec_decode(exact, size, &m, &used) == 0) {
            assert_true(used <= size);
            assert_int_equal(encode(again, &m), used);
            assert_memory_equal(again, exact, used);
            taken++;
        }
        free(exact);
    }
    print_message("%u of %d mutations were messages still\n", taken, MUTATIONS);
    assert_true(taken > 0 && taken < MUTATIONS / 2);
}

int main(int argc, char **argv)
{
    rewrite = argc > 1 && strcmp(argv[1], "--write-golden") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_frame),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_encode_checks),
        cmocka_unit_test(test_space),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_msgpack_c_agrees),
        cmocka_unit_test(test_mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
