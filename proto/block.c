/* block.c - blocks: written once, read in place. */
#include "proto/block.h"

#include <assert.h>
#include <string.h>

#include "proto/pack.h"

enum {
    HEAD_FIELDS = 8,
    RECORD_FIELDS = 3,
    RECORD_HEAD = 0x90 + RECORD_FIELDS, /* an array of that many */
    ARRAY_HEAD_MAX = 5,
};
static_assert(1 + 1 + 5 + 9 + 5 + 9 + 2 + DIGEST_CHAIN_BYTES + 5 + ARRAY_HEAD_MAX <=
                  BLOCK_HEAD_MAX,
              "a head fits, field by field");
static_assert(1 + 2 * PACK_INTEGER_MAX + 3 <= BLOCK_RECORD_HEAD_MAX,
              "a record's head fits");

static bool is_log(const struct block *b)
{
    return b->stream == BLOCK_STREAM_LOG;
}

static size_t chain_size(const struct block *b)
{
    return is_log(b) ? DIGEST_CHAIN_BYTES : DIGEST_BYTES;
}

/* ---- writing ----------------------------------------------------------------------- */

static size_t finish_record(struct pack_writer *writer, const uint8_t *out,
                            const uint8_t *message, size_t size)
{
    pack_bin(writer, size);
    pack_bin_body(writer, message, size);
    return (size_t)(writer->at - out);
}

size_t block_put_log_record(uint8_t *out, int64_t source, uint64_t n,
                            const uint8_t *message, size_t size)
{
    struct pack_writer writer = {out};
    pack_array(&writer, RECORD_FIELDS);
    pack_int64(&writer, source);
    pack_uint64(&writer, n);
    return finish_record(&writer, out, message, size);
}

size_t block_put_derived_record(uint8_t *out, uint64_t cause_gseq, uint64_t cause_time_ns,
                                const uint8_t *message, size_t size)
{
    struct pack_writer writer = {out};
    pack_array(&writer, RECORD_FIELDS);
    pack_uint64(&writer, cause_gseq);
    pack_uint64(&writer, cause_time_ns);
    return finish_record(&writer, out, message, size);
}

static void rewind_to_first(struct block *b, const uint8_t *first)
{
    b->at = b->chain_at = first;
    b->next_seq = b->first_seq;
}

/* Of everything but the crc itself. */
static uint32_t checksum(const struct block *b)
{
    uint32_t crc = digest_crc(0, b->bytes, (size_t)(b->crc - b->bytes));
    return digest_crc(crc, b->crc_end, (size_t)(b->bytes + b->size - b->crc_end));
}

void block_make(struct block *b, uint8_t *out, const uint8_t *records,
                size_t records_size)
{
    struct pack_writer writer = {out};
    pack_array(&writer, HEAD_FIELDS);
    pack_uint8(&writer, BLOCK_VERSION);
    pack_uint32(&writer, b->stream);
    pack_uint64(&writer, b->first_seq);
    pack_uint32(&writer, b->count);
    pack_uint64(&writer, b->time_ns);
    pack_bin(&writer, chain_size(b));
    pack_bin_body(&writer, b->chain, chain_size(b));

    /* The crc stands before what it covers but is known only after it; its size depends
     * on its value. So what follows it is summed first, from where the records are. */
    uint8_t tail[ARRAY_HEAD_MAX];
    struct pack_writer tail_writer = {tail};
    pack_array(&tail_writer, b->count);
    size_t tail_size = (size_t)(tail_writer.at - tail);
    uint32_t crc = digest_crc(0, out, (size_t)(writer.at - out));
    crc = digest_crc(crc, tail, tail_size);
    crc = digest_crc(crc, records, records_size);

    b->bytes = out;
    b->crc = writer.at;
    pack_uint32(&writer, crc);
    b->crc_end = writer.at;
    pack_append(&writer, tail, tail_size);
    rewind_to_first(b, writer.at);
    pack_append(&writer, records, records_size);
    b->size = (size_t)(writer.at - out);
}

/* ---- reading ----------------------------------------------------------------------- */

#define TRY(call)                                                                        \
    if ((error = (call)) != 0)                                                           \
        return error;

static int read_record(struct pack_reader *in, bool log, struct block_record *record)
{
    int error = 0;
    uint64_t source = 0;
    size_t size = 0;
    if (in->at == in->end)
        return PACK_TRUNCATED;
    if (*in->at++ != RECORD_HEAD)
        return PACK_TYPE;
    if (log) {
        TRY(pack_read_signed(in, (uint64_t) - (16 + SHARD_MAX), ID_MAX, &source))
        TRY(pack_read_unsigned(in, 0, ID_MAX, &record->n))
        record->source = (int64_t)source;
    } else {
        TRY(pack_read_unsigned(in, 1, ID_MAX, &record->gseq))
        TRY(pack_read_unsigned(in, 0, ID_MAX, &record->time_ns))
    }
    TRY(pack_read_bin(in, MESSAGE_BYTES_MAX, &record->bytes, &size))
    record->size = (uint32_t)size;
    return size > 0 ? 0 : PACK_LENGTH;
}

static int read_head(struct block *b, struct pack_reader *in, uint64_t *crc)
{
    int error = 0;
    uint32_t fields = 0, records = 0;
    uint64_t number = 0;
    const uint8_t *chain = NULL;
    size_t size = 0;
    TRY(pack_read_array(in, HEAD_FIELDS, &fields))
    if (fields != HEAD_FIELDS)
        return PACK_LENGTH;
    TRY(pack_read_unsigned(in, 0, UINT32_MAX, &number))
    if (number != BLOCK_VERSION)
        return PACK_VERSION;
    TRY(pack_read_unsigned(in, 0, BLOCK_STREAM_MAX, &number))
    b->stream = (uint32_t)number;
    TRY(pack_read_unsigned(in, 1, ID_MAX, &b->first_seq))
    TRY(pack_read_unsigned(in, 1, BLOCK_COUNT_MAX, &number))
    b->count = (uint32_t)number;
    TRY(pack_read_unsigned(in, 0, ID_MAX - BLOCK_COUNT_MAX, &b->time_ns))
    TRY(pack_read_bin(in, chain_size(b), &chain, &size))
    if (size != chain_size(b) || b->first_seq > (uint64_t)ID_MAX - b->count)
        return PACK_LENGTH;
    memset(b->chain, 0, sizeof b->chain);
    memcpy(b->chain, chain, size);
    b->crc = in->at;
    TRY(pack_read_unsigned(in, 0, UINT32_MAX, crc))
    b->crc_end = in->at;
    TRY(pack_read_array(in, b->count, &records))
    return records == b->count ? 0 : PACK_LENGTH;
}

int block_open(struct block *b, const uint8_t *bytes, size_t size, size_t *used)
{
    struct pack_reader in = {bytes, bytes + size};
    struct block_record record;
    uint64_t crc = 0;
    int error = 0;
    b->bytes = bytes;
    TRY(read_head(b, &in, &crc))
    rewind_to_first(b, in.at);
    for (uint32_t i = 0; i < b->count; i++)
        TRY(read_record(&in, is_log(b), &record))
    b->size = *used = (size_t)(in.at - bytes);
    return checksum(b) == crc ? 0 : PACK_CORRUPT;
}

static const uint8_t *end_of(const struct block *b)
{
    return b->bytes + b->size;
}

bool block_next(struct block *b, struct block_record *record)
{
    struct pack_reader in = {b->at, end_of(b)};
    if (b->at == end_of(b) || read_record(&in, is_log(b), record) != 0)
        return false;
    b->at = in.at;
    record->seq = b->next_seq++;
    if (is_log(b)) {
        record->gseq = record->seq;
        record->time_ns = b->time_ns + (record->seq - b->first_seq);
    } else {
        record->source = 0;
        record->n = 0;
    }
    return true;
}

int block_skip(struct block *b, uint64_t seq)
{
    struct block_record record;
    if (seq < b->next_seq || seq > b->first_seq + b->count)
        return PACK_RANGE;
    while (b->next_seq < seq && block_next(b, &record)) {
        if (is_log(b))
            continue;
        digest_fold(b->chain, b->chain_at, (size_t)(b->at - b->chain_at));
        b->chain_at = b->at;
    }
    return 0;
}

void block_chain(const struct block *b, uint8_t chain[DIGEST_CHAIN_BYTES])
{
    struct block rest = *b;
    if (is_log(b)) {
        digest_chain(rest.chain, b->bytes, (size_t)(b->crc - b->bytes), b->crc_end,
                     (size_t)(end_of(b) - b->crc_end));
    } else {
        rest.at = rest.chain_at;
        rest.next_seq = 0; /* counts from anywhere: all that is left is folded */
        struct block_record record;
        while (block_next(&rest, &record)) {
            digest_fold(rest.chain, rest.chain_at, (size_t)(rest.at - rest.chain_at));
            rest.chain_at = rest.at;
        }
    }
    memcpy(chain, rest.chain, DIGEST_CHAIN_BYTES);
}
