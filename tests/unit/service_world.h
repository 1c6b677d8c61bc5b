/* service_world.h - a small venue in one thread: toy cores that hash all they see, around
 * the real sequencer, over real journals and a network in memory.
 *
 * Owns:     a temporary directory and the running instances.
 * Units:    ms of the test's own clock.
 * Errors:   a turn that fails fails the test; turn_of returns what it got.
 * Threads:  one.
 * Bounds:   one shard, 64 MB a journal.
 */
#ifndef SERVICE_WORLD_H
#define SERVICE_WORLD_H

#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/outbox.h"
#include "common/reader.h"
#include "common/service.h"
#include "common/service_instance.h"
#include "common/writer.h"
#include "proto/big_endian.h"
#include "proto/codec.h"
#include "proto/digest.h"
#include "services/sequencer/sequencer_core.h"
#include "tests/unit/service_net.h"
#include "tests/unit/unit.h"

enum { SEQUENCER, RISK, SHARD, READER, SERVICES };

/* ---- toy cores --------------------------------------------------------------------- */

/* The state is a digest of every input, so that nothing can be lost, repeated or
 * reordered without a trace. */
struct toy {
    uint64_t records, ticks, skipped, held; /* held: rows put, not yet flushed */
    uint8_t digest[16];
};

static size_t toy_size(const struct msg_genesis *genesis, uint32_t instance)
{
    (void)genesis;
    (void)instance;
    return sizeof(struct toy);
}

static void toy_init(void *state, const struct msg_genesis *genesis, uint32_t instance)
{
    (void)state;
    (void)genesis;
    (void)instance;
}

/* A bug of the shard: it cannot take the input at this position. */
static uint64_t shard_dies_at;

static void toy_see(struct toy *toy, const struct core_input *in)
{
    uint64_t place[] = {in->seq, in->gseq, in->time_ns, (uint64_t)in->source, in->n};
    while (++toy->records < in->seq)
        toy->skipped++;
    assert_int_equal(in->seq, toy->records);
    digest_fold(toy->digest, place, sizeof place);
    digest_fold(toy->digest, in->bytes, in->bytes_size);
}

/* Any other process than this one does not survive to write a snapshot. 0: all do. */
static pid_t saves_in;

static void toy_save(const void *state, struct writer *w)
{
    if (saves_in != 0 && getpid() != saves_in)
        raise(SIGKILL);
    const struct toy *toy = state;
    writer_u64(w, toy->records);
    writer_u64(w, toy->ticks);
    writer_u64(w, toy->skipped);
    writer_bytes(w, toy->digest, sizeof toy->digest);
}

static int toy_load(void *state, struct reader *r)
{
    struct toy *toy = state;
    toy->records = reader_u64(r);
    toy->ticks = reader_u64(r);
    toy->skipped = reader_u64(r);
    reader_bytes(r, toy->digest, sizeof toy->digest);
    return reader_error(r);
}

/* A bug to be found: at this TICK risk says something else than before. */
static uint64_t risk_lies_at;

/* Forwards GENESIS and TICKs, and rejects an order that never was at each TICK. */
static void risk_apply(void *state, const struct core_input *in, struct outbox *outbox)
{
    struct toy *toy = state;
    toy_see(toy, in);
    if (in->msg->kind == MSG_genesis)
        outbox_emit(outbox, 0, in->msg);
    if (in->msg->kind != MSG_tick)
        return;
    outbox_emit(outbox, 0, in->msg);
    struct msg m = {.kind = MSG_order_rejected};
    m.order_rejected.order_id = in->gseq;
    m.order_rejected.account = m.order_rejected.symbol = m.order_rejected.reason = 1;
    m.order_rejected.cl_ord_id = ++toy->ticks;
    m.order_rejected.value = risk_lies_at == toy->ticks;
    for (uint64_t i = 0; i < 1 + toy->ticks % 3; i++)
        outbox_submit(outbox, &m);
}

static void shard_apply(void *state, const struct core_input *in, struct outbox *outbox)
{
    struct toy *toy = state;
    assert_true(in->seq != shard_dies_at);
    toy_see(toy, in);
    if (in->msg->kind != MSG_tick)
        return;
    struct msg m = {.kind = MSG_order_rejected};
    memcpy(&m.order_rejected.order_id, toy->digest, 4);
    m.order_rejected.order_id |= 1;
    m.order_rejected.order_id &= ID_MAX;
    m.order_rejected.account = m.order_rejected.symbol = m.order_rejected.reason = 1;
    m.order_rejected.cl_ord_id = ++toy->ticks;
    m.order_rejected.slot = 1;
    outbox_submit(outbox, &m);
}

/* One row per record, held back until the flush. */
static void reader_apply(void *state, const struct core_input *in, struct outbox *outbox)
{
    struct toy *toy = state;
    (void)outbox;
    toy_see(toy, in);
    toy->held++;
}

static void reader_flush(void *state, struct outbox *outbox)
{
    struct toy *toy = state;
    for (uint64_t seq = toy->records - toy->held + 1; seq <= toy->records; seq++) {
        uint8_t key[8];
        big_endian_put(key, seq, sizeof key);
        outbox_put(outbox, 3, key, sizeof key, key, sizeof key);
    }
    toy->held = 0;
}

static void reader_query(const void *state, const struct msg_query *query,
                         const struct core_rows *rows, struct core_answer *answer)
{
    const struct toy *toy = state;
    const void *key, *value;
    size_t key_size, value_size;
    (void)query;
    answer->head.cursor = toy->records;
    answer->head.reason =
        rows->seek(rows->context, 3, "", 1, &key, &key_size, &value, &value_size) != 0;
}

static const struct core_ops risk_core = {.name = "risk",
                                          .size = toy_size,
                                          .init = toy_init,
                                          .apply = risk_apply,
                                          .save = toy_save,
                                          .load = toy_load};
static const struct core_ops shard_core = {.name = "shard",
                                           .size = toy_size,
                                           .init = toy_init,
                                           .apply = shard_apply,
                                           .save = toy_save,
                                           .load = toy_load};
static const struct core_ops reader_core = {.name = "reader",
                                            .size = toy_size,
                                            .init = toy_init,
                                            .apply = reader_apply,
                                            .flush = reader_flush,
                                            .query = reader_query,
                                            .save = toy_save,
                                            .load = toy_load};

/* ---- the venue --------------------------------------------------------------------- */

static const struct service_kind kinds[SERVICES] = {
    [SEQUENCER] = {.core = &sequencer_core,
                   .number = SERVICE_SEQUENCER,
                   .owns = SERVICE_STREAM_LOG},
    [RISK] = {.core = &risk_core,
              .number = SERVICE_RISK,
              .input = SERVICE_STREAM_LOG,
              .owns = SERVICE_STREAM_APPROVED,
              .submits = true},
    [SHARD] = {.core = &shard_core,
               .number = SERVICE_SHARD,
               .input = SERVICE_STREAM_APPROVED,
               .submits = true,
               .journal = SERVICE_JOURNAL_INPUTS | SERVICE_JOURNAL_OUTPUTS},
    [READER] = {.core = &reader_core,
                .number = SERVICE_PORTFOLIO,
                .input = SERVICE_STREAM_LOG,
                .submits = true},
};

static const struct bus_endpoint endpoints[SERVICES][5] = {
    [SEQUENCER] = {{.port = BUS_SERVER, .address = "seq"},
                   {.port = BUS_PUBLISHER, .address = "log"}},
    [RISK] = {{.port = BUS_SERVER, .address = "risk"},
              {.port = BUS_PUBLISHER, .address = "approved"},
              {.port = BUS_STREAM, .address = "log"},
              {.port = BUS_OWNER, .address = "seq"},
              {.port = BUS_SEQUENCER, .address = "seq"}},
    [SHARD] = {{.port = BUS_SERVER, .address = "shard"},
               {.port = BUS_STREAM, .address = "approved"},
               {.port = BUS_OWNER, .address = "risk"},
               {.port = BUS_SEQUENCER, .address = "seq"}},
    [READER] = {{.port = BUS_SERVER, .address = "reader"},
                {.port = BUS_STREAM, .address = "log"},
                {.port = BUS_OWNER, .address = "seq"},
                {.port = BUS_SEQUENCER, .address = "seq"}},
};
static const uint32_t endpoint_counts[SERVICES] = {2, 5, 4, 4};

static char directory[] = "/tmp/zex-service-test-XXXXXX";
static char paths[SERVICES][80], archive_path[80];
static struct service_instance *venue[SERVICES];

static bool archives; /* the sequencer keeps little of its log in its journal */
static bool prunes;   /* risk keeps little of its stream */

static struct service_options options_of(uint32_t i)
{
    struct service_options o;
    service_options_init(&o);
    o.journal = (struct journal_options){
        .path = paths[i], .map_bytes = 64u << 20, .durable = false};
    o.bus.endpoints = endpoints[i];
    o.bus.endpoint_count = endpoint_counts[i];
    o.init = true;
    if (archives && i == SEQUENCER) {
        o.archive_path = archive_path;
        o.archive_keep_records = 20;
        o.archive_segment_bytes = 4096;
    }
    o.prune_approved = prunes;
    o.snapshot_records = 50;
    o.snapshot_child_bytes = UINT64_MAX; /* a child has a clock of its own */
    o.settings.force_open = true;
    o.settings.window_records = o.settings.shard_window_records = 1000;
    o.genesis = (struct msg_genesis){.version = 1,
                                     .shards = 1,
                                     .accounts_max = 16,
                                     .balances_max = 16,
                                     .sessions_max = 16,
                                     .orders_max = 16,
                                     .levels_max = 16,
                                     .references_max = 16,
                                     .dedupe_window = 16,
                                     .digest_ticks = 5};
    return o;
}

static void start(uint32_t i)
{
    struct service_options options = options_of(i);
    assert_int_equal(service_create(&venue[i], &kinds[i], &options), 0);
}

static void turn(uint32_t i)
{
    if (venue[i] != NULL)
        assert_true(service_turn(venue[i]) >= 0);
}

static void shell(const char *format, const char *a, const char *b)
{
    char command[256];
    snprintf(command, sizeof command, format, a, b);
    assert_int_equal(system(command), 0);
}

static void remove_files(void)
{
    shell("rm -rf %s/*%s", directory, "");
}

static int begin(void **state)
{
    (void)state;
    memset(&net, 0, sizeof net);
    net.now_ns = 1;
    random_init(&net.random, 1);
    risk_lies_at = shard_dies_at = 0;
    saves_in = 0;
    if (strstr(directory, "XXXXXX") != NULL)
        assert_non_null(mkdtemp(directory));
    remove_files();
    for (uint32_t i = 0; i < SERVICES; i++)
        snprintf(paths[i], sizeof paths[i], "%s/%u", directory, i);
    snprintf(archive_path, sizeof archive_path, "%s/archive", directory);
    for (uint32_t i = 0; i < SERVICES; i++)
        start(i);
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < SERVICES; i++)
        service_destroy(&venue[i]);
    remove_files();
    return 0;
}

static void run_for(uint32_t ms)
{
    for (uint32_t at = 0; at < ms; at += 2) {
        net.now_ns += 2 * UINT64_C(1000000);
        for (uint32_t i = 0; i < SERVICES; i++)
            turn(i);
    }
}

/* Stops a service as a crash would, keeping its files. */
static inline void kill_it(uint32_t i)
{
    service_destroy(&venue[i]);
}

/* Turns everybody until one ends; returns its error, or 0. */
static inline int run_until_end(uint32_t i, uint32_t ms)
{
    for (uint32_t at = 0; at < ms; at += 2) {
        net.now_ns += 2 * UINT64_C(1000000);
        for (uint32_t k = 0; k < SERVICES; k++) {
            int done = venue[k] != NULL ? service_turn(venue[k]) : 0;
            if (k == i && done < 0)
                return done;
            assert_true(done >= 0);
        }
    }
    return 0;
}

static inline const struct toy *toy_of(uint32_t i)
{
    return service_state(venue[i]);
}

#endif
