/* cores_bench.c - what one command costs each core that reads the log, all alone.
 *
 *     cores_bench [COMMANDS [ROUNDS]]                           default 500000 5
 *
 * The flow of `zex bench` goes once through risk and the shard, reports coming back some
 * thousand commands later; what each core reads is kept. Then each core folds its own
 * input from an empty state: CPU ns per client command of the second half, decoding
 * included, the least of the rounds; bytes it put out per command; and how long a digest
 * of its state takes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/check.h"
#include "common/core.h"
#include "common/pages.h"
#include "common/writer.h"
#include "deploy/cli/bench_flow.h"
#include "proto/codec.h"
#include "proto/feed.h"
#include "services/portfolio/portfolio_core.h"
#include "services/risk/risk_core.h"
#include "services/settlement/settlement_core.h"
#include "services/shard/shard_core.h"

enum {
    FIRST = 10, /* account of the first trader */
    BATCH = 1024,
    BATCHES_LATE = 8, /* a report enters the log so many batches after its command */
    FLUSH_RECORDS = 4096,
    AHEAD = 32, /* records decoded before the first of them is folded */
    RUN_BYTES = 64 << 20,
};

/* Records as the harness sees them, each [struct head][encoding]. */
struct tape {
    uint8_t *bytes;
    size_t size, capacity, count;
    size_t first, first_at; /* the record in the middle, and where it is */
};

struct head {
    uint64_t seq, gseq;
    int64_t source;
    uint64_t size;
};

struct world {
    const struct core_ops *core;
    void *state;
    size_t state_size;
    struct outbox outbox;
    void *outbox_memory;
};

static struct bench {
    struct bench_flow flow;
    struct tape log, approved, late[BATCHES_LATE + 1];
    struct world risk, shard;
    int64_t sessions[BENCH_FLOW_ACCOUNTS];
    uint64_t batch;
} bench;

static const struct msg_genesis genesis = {.version = 1,
                                           .shards = 1,
                                           .accounts_max = 16384,
                                           .balances_max = 65536,
                                           .sessions_max = 16384,
                                           .orders_max = 2097152,
                                           .levels_max = 262144,
                                           .references_max = 65536,
                                           .dedupe_window = 1024,
                                           .digest_ticks = 100};

static const struct outbox_sizes sizes = {
    .submits = RUN_BYTES, .emits = RUN_BYTES, .streams = 1, .rows = RUN_BYTES};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* As the harness does it: large pages, and none that is not used. */
static void *map(size_t size)
{
    void *memory = pages_map(size, PAGES_LARGE);
    CHECK(memory != NULL);
    return memory;
}

static void world_open(struct world *world, const struct core_ops *core)
{
    world->core = core;
    world->state_size = core->size(&genesis, 0);
    world->state = map(world->state_size);
    world->outbox_memory = map(outbox_size(&sizes));
    outbox_init(&world->outbox, world->outbox_memory, &sizes);
    core->init(world->state, &genesis, 0);
}

static void world_close(struct world *world)
{
    pages_unmap(world->state, world->state_size);
    pages_unmap(world->outbox_memory, outbox_size(&sizes));
}

/* ---- what there is to read --------------------------------------------------------- */

static void tape_open(struct tape *tape, size_t capacity)
{
    *tape = (struct tape){.bytes = map(capacity), .capacity = capacity};
}

static const uint8_t *tape_add(struct tape *tape, const struct head *head,
                               const uint8_t *bytes)
{
    CHECK(tape->capacity - tape->size >= sizeof *head + head->size);
    memcpy(tape->bytes + tape->size, head, sizeof *head);
    memcpy(tape->bytes + tape->size + sizeof *head, bytes, head->size);
    tape->size += sizeof *head + head->size;
    tape->count++;
    return tape->bytes + tape->size - head->size;
}

static struct core_input input_of(const struct head *head, const struct msg *msg,
                                  const uint8_t *bytes)
{
    return (struct core_input){.seq = head->seq,
                               .gseq = head->gseq,
                               .time_ns = head->gseq * 100,
                               .source = head->source,
                               .n = head->seq,
                               .msg = msg,
                               .bytes = bytes,
                               .bytes_size = (uint32_t)head->size};
}

/* Puts the outputs for the log with those that enter it later. */
static void take_submits(struct world *world, int64_t source)
{
    struct tape *late = &bench.late[bench.batch % (BATCHES_LATE + 1)];
    const uint8_t *bytes;
    uint32_t size;
    for (size_t at = 0;
         (bytes = outbox_next(&world->outbox.submits, &at, &size)) != NULL;)
        tape_add(late, &(struct head){.source = source, .size = size}, bytes);
    world->outbox.submits.size = world->outbox.submits.count = 0;
}

static void approve(const uint8_t *bytes, uint32_t size, uint64_t gseq)
{
    const struct head head = {bench.approved.count + 1, gseq, 0, size};
    struct msg msg;
    CHECK(codec_decode_whole(bytes, size, &msg) == 0);
    const struct core_input input =
        input_of(&head, &msg, tape_add(&bench.approved, &head, bytes));
    shard_core.apply(bench.shard.state, &input, &bench.shard.outbox);
    take_submits(&bench.shard, -SERVICE_SHARD);
}

/* Each trader sees its own part of a record. */
static void tell_clients(const struct core_input *input)
{
    uint32_t accounts[2];
    const uint32_t count = feed_accounts(input->msg, accounts);
    for (uint32_t i = 0; i < count; i++) {
        if (accounts[i] < FIRST)
            continue;
        struct feed_view view;
        struct msg shown;
        size_t used = 0;
        feed_view(&view, input->msg, input->bytes, input->bytes_size, accounts[i]);
        for (size_t at = 0; at < view.size; at += used) {
            CHECK(codec_decode(view.bytes + at, view.size - at, &shown, &used) == 0);
            (void)bench_flow_report(&bench.flow, accounts[i] - FIRST, &shown);
        }
    }
}

/* A record of the log, through risk and the shard. */
static void sequence(int64_t source, const uint8_t *bytes, size_t size)
{
    const uint64_t gseq = bench.log.count + 1;
    const struct head head = {gseq, gseq, source, size};
    struct msg msg;
    CHECK(codec_decode_whole(bytes, size, &msg) == 0);
    const struct core_input input =
        input_of(&head, &msg, tape_add(&bench.log, &head, bytes));
    struct outbox *outbox = &bench.risk.outbox;
    risk_core.apply(bench.risk.state, &input, outbox);
    const uint8_t *out;
    uint32_t out_size;
    for (size_t at = 0; (out = outbox_next(&outbox->emits[0], &at, &out_size)) != NULL;)
        approve(out, out_size, gseq);
    outbox->emits[0].size = outbox->emits[0].count = 0;
    take_submits(&bench.risk, -SERVICE_RISK);

    tell_clients(&input);
}

/* The oldest batch of reports enters the log. */
static void take_late(void)
{
    bench.batch++;
    struct tape *late = &bench.late[bench.batch % (BATCHES_LATE + 1)];
    for (size_t at = 0; at < late->size;) {
        struct head head;
        memcpy(&head, late->bytes + at, sizeof head);
        at += sizeof head + head.size;
        sequence(head.source, late->bytes + at - head.size, head.size);
    }
    late->size = late->count = 0;
}

static void act(int64_t source, struct msg msg)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    CHECK(codec_encode(bytes, sizeof bytes, &msg, &size) == 0);
    sequence(source, bytes, size);
}

static int64_t open_session(uint32_t account)
{
    act(0, (struct msg){.kind = MSG_open, .open = {.account = account, .nonce = 1}});
    return (int64_t)bench.log.count;
}

static void declare_venue(void)
{
    struct msg msg;
    act(0, (struct msg){.kind = MSG_genesis, .genesis = genesis});
    const int64_t admin = open_session(ACCOUNT_ADMIN);
    for (uint32_t i = 0; bench_flow_venue(i, FIRST, &msg); i++)
        act(admin, msg);
    for (uint32_t i = 0; i < BENCH_FLOW_ACCOUNTS; i++)
        bench.sessions[i] = open_session(FIRST + i);
    for (uint32_t i = 0; i <= BATCHES_LATE; i++)
        take_late();
}

static void note_first(struct tape *tape)
{
    tape->first = tape->count;
    tape->first_at = tape->size;
}

static void record(uint64_t commands)
{
    bench_flow_init(&bench.flow, 42);
    tape_open(&bench.log, commands * 512 + ((size_t)64 << 20));
    tape_open(&bench.approved, commands * 256 + ((size_t)64 << 20));
    for (uint32_t i = 0; i <= BATCHES_LATE; i++)
        tape_open(&bench.late[i], (size_t)64 << 20);
    world_open(&bench.risk, &risk_core);
    world_open(&bench.shard, &shard_core);
    declare_venue();
    for (uint64_t i = 0; i < commands; i += BATCH) {
        if (i == commands / 2) {
            note_first(&bench.log);
            note_first(&bench.approved);
        }
        for (uint32_t k = 0; k < BATCH; k++) {
            uint8_t body[BODY_BYTES_MAX];
            const uint32_t account =
                (uint32_t)random_below(&bench.flow.random, BENCH_FLOW_ACCOUNTS);
            const uint32_t size = bench_flow_next(&bench.flow, account, body);
            sequence(bench.sessions[account], body, size);
        }
        take_late();
    }
    world_close(&bench.risk);
    world_close(&bench.shard);
}

/* ---- what reading it costs --------------------------------------------------------- */

static uint64_t drop_outputs(struct world *world)
{
    if (world->core->flush != NULL)
        world->core->flush(world->state, &world->outbox);
    const struct outbox *outbox = &world->outbox;
    const uint64_t bytes =
        outbox->submits.size + outbox->emits[0].size + outbox->rows.size;
    outbox_clear(&world->outbox);
    return bytes;
}

/* Decodes some records, has the core look ahead at them, and folds them, if there is a
 * core. Returns where the next one is. */
static size_t play_some(const struct tape *tape, size_t at, size_t end,
                        struct world *world)
{
    struct msg msgs[AHEAD] MSG_UNSET;
    struct core_input inputs[AHEAD] MSG_UNSET;
    uint32_t count = 0;
    for (; count < AHEAD && at < end; count++) {
        struct head head;
        memcpy(&head, tape->bytes + at, sizeof head);
        const uint8_t *bytes = tape->bytes + at + sizeof head;
        msgs[count].kind = (uint16_t)codec_kind(bytes, head.size);
        if (world == NULL || world->core->ignores == NULL ||
            !world->core->ignores(msgs[count].kind))
            CHECK(codec_decode_whole(bytes, head.size, &msgs[count]) == 0);
        inputs[count] = input_of(&head, &msgs[count], bytes);
        at += sizeof head + head.size;
    }
    if (world == NULL)
        return at;
    if (world->core->prefetch != NULL)
        for (uint32_t i = 0; i < 2 * count; i++)
            world->core->prefetch(world->state, &inputs[i % count], i >= count);
    for (uint32_t i = 0; i < count; i++)
        world->core->apply(world->state, &inputs[i], &world->outbox);
    return at;
}

/* From `at` to `end`. Returns the bytes put out. */
static uint64_t play(const struct tape *tape, size_t at, size_t end, struct world *world)
{
    uint64_t bytes = 0;
    for (uint64_t count = 1; at < end; count++) {
        at = play_some(tape, at, end, world);
        if (count % (FLUSH_RECORDS / AHEAD) == 0 && world != NULL)
            bytes += drop_outputs(world);
    }
    return bytes + (world != NULL ? drop_outputs(world) : 0);
}

static uint64_t digest_ns(const struct world *world, uint64_t *size)
{
    struct writer writer;
    uint8_t digest[16];
    const uint64_t start = now_ns();
    writer_init_digest(&writer);
    world->core->save(world->state, &writer);
    writer_digest(&writer, digest);
    *size = writer.size;
    return now_ns() - start;
}

static void measure(const struct core_ops *core, const struct tape *tape,
                    uint64_t commands, uint64_t rounds)
{
    uint64_t decode_ns = UINT64_MAX, ns = UINT64_MAX, save_ns = UINT64_MAX;
    uint64_t bytes = 0, state_bytes = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        struct world world;
        uint64_t start = now_ns();
        (void)play(tape, tape->first_at, tape->size, NULL);
        uint64_t used = now_ns() - start;
        decode_ns = used < decode_ns ? used : decode_ns;
        world_open(&world, core);
        (void)play(tape, 0, tape->first_at, &world);
        start = now_ns();
        bytes = play(tape, tape->first_at, tape->size, &world);
        used = now_ns() - start;
        ns = used < ns ? used : ns;
        core->check(world.state);
        used = digest_ns(&world, &state_bytes);
        save_ns = used < save_ns ? used : save_ns;
        world_close(&world);
    }
    printf("%-10s %5" PRIu64 " ns a command, decoding all %4" PRIu64 "; %4" PRIu64
           " bytes out; digest of %" PRIu64 " kB %" PRIu64 " us\n",
           core->name, ns / commands, decode_ns / commands, bytes / commands,
           state_bytes >> 10, save_ns / 1000);
}

int main(int argc, char **argv)
{
    const uint64_t wanted = argc > 1 ? strtoull(argv[1], NULL, 0) : 500000;
    const uint64_t rounds = argc > 2 ? strtoull(argv[2], NULL, 0) : 5;
    const uint64_t commands = (wanted / BATCH + 2) / 2 * 2 * BATCH;
    record(commands);
    printf("%" PRIu64 " commands, %zu records in the log, %zu for the shard\n", commands,
           bench.log.count - bench.log.first,
           bench.approved.count - bench.approved.first);
    const uint64_t half = commands / 2;
    measure(&risk_core, &bench.log, half, rounds);
    measure(&shard_core, &bench.approved, half, rounds);
    measure(&settlement_core, &bench.log, half, rounds);
    measure(&portfolio_core, &bench.log, half, rounds);
    bench_flow_close(&bench.flow);
    return 0;
}
