/* service_genesis.c - record 1, only with --init and only into an empty journal. */
#include "common/service_genesis.h"

#include <string.h>
#include <sys/random.h>

#include "common/check.h"
#include "common/error.h"
#include "common/service_instance.h"
#include "common/service_log.h"
#include "common/service_store.h"
#include "proto/codec.h"

static int has_log(struct service_instance *s, bool *has)
{
    const void *key, *block;
    size_t key_size, size;
    int error =
        journal_seek(s->journal, JOURNAL_LOG, "", 1, &key, &key_size, &block, &size);
    *has = error == 0;
    return error == ERR_NOT_FOUND ? 0 : error;
}

static int draw_identity(struct msg_genesis *genesis)
{
    static const uint8_t none[sizeof genesis->log_id];
    if (memcmp(genesis->log_id, none, sizeof none) != 0)
        return 0;
    ssize_t drawn = getrandom(genesis->log_id, sizeof genesis->log_id, 0);
    return drawn == (ssize_t)sizeof genesis->log_id ? 0 : ERR_IO;
}

/* Into the journal only: the restart that follows finds it there, as it will for ever. */
static int write_record(struct service_instance *s)
{
    static uint8_t nothing[STREAM_CHAIN];
    uint8_t body[MESSAGE_BYTES_MAX], records[2 * MESSAGE_BYTES_MAX], bytes[4096],
        key[8] = {0};
    size_t size = 0;
    struct msg msg = {.kind = MSG_genesis, .genesis = s->options.genesis};
    int error = draw_identity(&msg.genesis);
    if (error != 0)
        return error;
    error = codec_encode(body, sizeof body, &msg, &size);
    if (error != 0)
        return ERR_USAGE; /* a capacity out of its range */
    size_t records_size = block_put_log_record(records, 0, 0, body, size);
    struct block block = {
        .stream = STREAM_LOG, .first_seq = 1, .count = 1, .time_ns = s->now.wall_ns};
    memcpy(block.chain, nothing, sizeof nothing);
    block_make(&block, bytes, records, records_size);
    key[7] = 1;
    error =
        journal_put(s->journal, JOURNAL_LOG, key, sizeof key, block.bytes, block.size);
    return error != 0 ? error : journal_commit(s->journal);
}

int service_genesis_ensure(struct service_instance *s)
{
    bool has = false;
    int error = has_log(s, &has);
    if (error != 0 || has)
        return error;
    if (!s->options.init)
        return ERR_NO_GENESIS;
    service_log(s, SERVICE_LOG_INFO, "genesis", "shards=%u", s->options.genesis.shards);
    return write_record(s);
}
