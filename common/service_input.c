/* service_input.c - decode, apply, take the outputs; birth at GENESIS. */
#include "common/service_input.h"

#include <string.h>

#include "common/check.h"
#include "common/child.h"
#include "common/error.h"
#include "common/pages.h"
#include "common/service_instance.h"
#include "common/service_log.h"
#include "common/service_output.h"
#include "common/service_restart.h"
#include "common/service_store.h"
#include "common/writer.h"
#include "proto/block.h"
#include "proto/codec.h"
#include "proto/digest.h"

enum {
    SLACK = 4 << 20,          /* outputs of one ordinary record, with much to spare */
    REPORT_BYTES = 320,       /* one order's part of the outputs of one record */
    BLOCK_OUTPUTS = 32 << 20, /* outputs of the records of one block */
    ROWS_BYTES = 256 << 20,   /* untouched pages cost nothing */
    SENDS_BYTES = 128 << 20,
    APPENDS_BYTES = 16 << 20,
    AHEAD = 32, /* records decoded before the first of them is applied */
};

/* ---- birth ------------------------------------------------------------------------- */

/* One record may end every open order (kill switch), so the runs hold a report for
 * each. */
static struct outbox_sizes sizes_of(const struct service_instance *s,
                                    const struct msg_genesis *g)
{
    bool emits = s->kind->owns == SERVICE_STREAM_APPROVED;
    bool faces = s->kind->core->receive != NULL;
    size_t all_orders = (size_t)g->orders_max * REPORT_BYTES;
    return (struct outbox_sizes){
        .submits = s->kind->submits ? SLACK + all_orders : 0,
        .emits = emits ? SLACK : 0,
        .streams = emits ? g->shards : 0,
        .rows = ROWS_BYTES,
        .appends = service_owns_log(s) ? APPENDS_BYTES : 0,
        .sends = faces ? SENDS_BYTES : 0,
    };
}

static uint32_t count_publishers(const struct service_instance *s,
                                 const struct msg_genesis *g)
{
    uint32_t count = service_owns_log(s) ? 1 : 0;
    if (s->kind->owns == SERVICE_STREAM_APPROVED)
        count = g->shards;
    return count + ((s->kind->journal & SERVICE_JOURNAL_OUTPUTS) != 0 ? 1 : 0);
}

static uint32_t publisher_stream(const struct service_instance *s, uint32_t k)
{
    if (service_owns_log(s))
        return STREAM_LOG;
    bool is_outputs =
        (s->kind->journal & SERVICE_JOURNAL_OUTPUTS) != 0 && k == s->publisher_count - 1;
    return is_outputs ? STREAM_OUTPUT : STREAM_APPROVED(k);
}

static void carve(struct service_instance *s, const struct outbox_sizes *sizes,
                  size_t publisher_size, size_t submitter_size)
{
    uint8_t *at = s->memory;
    outbox_init(&s->outbox, at, sizes);
    at += outbox_size(sizes);
    for (uint32_t k = 0; k < s->publisher_count; k++) {
        stream_publisher_init(&s->publishers[k], publisher_stream(s, k), s->journal, at,
                              publisher_size);
        at += publisher_size;
    }
    if (service_owns_log(s))
        s->publishers[0].archive = s->archive.files;
    stream_submitter_init(&s->submitter, s->source, at, submitter_size);
}

int service_input_birth(struct service_instance *s, const struct msg_genesis *genesis)
{
    const struct core_ops *core = s->kind->core;
    CHECK(s->state == NULL);
    s->genesis = *genesis;
    s->publisher_count = count_publishers(s, genesis);
    struct outbox_sizes sizes = sizes_of(s, genesis);
    size_t publisher_size =
        stream_publisher_size(service_owns_log(s) ? 2 * APPENDS_BYTES : SLACK);
    size_t submitter_size =
        s->kind->submits ? s->options.unacked_bytes_max + sizes.submits + BLOCK_OUTPUTS
                         : 0;
    s->memory_size =
        outbox_size(&sizes) + s->publisher_count * publisher_size + submitter_size + 1;
    s->state_size = core->size(genesis, s->options.instance);
    s->memory = pages_map(s->memory_size, PAGES_LARGE);
    s->state = pages_map(s->state_size, PAGES_LARGE);
    if (s->memory == NULL || s->state == NULL)
        return ERR_MEMORY;
    child_hide(s->memory, s->memory_size);
    child_hide(s->state, s->state_size);
    carve(s, &sizes, publisher_size, submitter_size);
    core->init(s->state, genesis, s->options.instance);
    return 0;
}

void service_input_death(struct service_instance *s)
{
    pages_unmap(s->memory, s->memory_size);
    pages_unmap(s->state, s->state_size);
    s->memory = NULL;
    s->state = NULL;
    s->publisher_count = 0;
}

/* ---- records ----------------------------------------------------------------------- */

/* At every so many TICKs a service tells the log the digest of its state, so that two
 * lives of it, or two machines, are compared for ever. */
static void submit_digest(struct service_instance *s, uint64_t seq)
{
    struct msg msg = {.kind = MSG_digest};
    struct writer writer;
    msg.digest.position = seq;
    writer_init_digest(&writer);
    s->kind->core->save(s->state, &writer);
    writer_digest(&writer, msg.digest.digest);
    outbox_submit(&s->outbox, &msg);
}

void service_input_configure(struct service_instance *s)
{
    if (s->kind->core->configure != NULL)
        s->kind->core->configure(s->state, &s->options.settings);
}

static int first_record(struct service_instance *s, const struct core_input *input)
{
    if (input->seq != 1 || input->msg->kind != MSG_genesis)
        return ERR_CORRUPT;
    int error = service_input_birth(s, &input->msg->genesis);
    if (error != 0)
        return error;
    service_input_configure(s);
    error = service_store_identify(s);
    s->checkin_at_ns = 0; /* the answer is for the submitter, which exists from now on */
    return error != 0 ? error : service_restart_arm(s);
}

static void apply_record(struct service_instance *s, const struct core_input *input)
{
    const struct msg *msg = input->msg;
    if (!service_store_is_skipped(s, input->seq))
        s->kind->core->apply(s->state, input, &s->outbox);
    if (msg->kind == MSG_epoch && msg->epoch.epoch > s->input.epoch)
        s->input.epoch = msg->epoch.epoch;
    if (msg->kind == MSG_tick && s->kind->submits &&
        msg->tick.number % s->genesis.digest_ticks == 0)
        submit_digest(s, input->seq);
}

static struct core_input input_of(const struct block_record *record,
                                  const struct msg *msg)
{
    return (struct core_input){.seq = record->seq,
                               .gseq = record->gseq,
                               .time_ns = record->time_ns,
                               .source = record->source,
                               .n = record->n,
                               .msg = msg,
                               .bytes = record->bytes,
                               .bytes_size = record->size};
}

/* The next records, decoded and still to be applied. Decoding sets what is used of a
 * message. */
struct batch {
    struct msg msgs[AHEAD];
    struct core_input inputs[AHEAD];
    uint32_t count;
};

static int decode_record(const struct service_instance *s,
                         const struct block_record *record, struct msg *msg)
{
    const struct core_ops *core = s->kind->core;
    if (core->ignores != NULL) {
        msg->kind = (uint16_t)codec_kind(record->bytes, record->size);
        if (core->ignores(msg->kind))
            return 0;
    }
    return codec_decode_whole(record->bytes, record->size, msg);
}

/* One record while there is no state yet: the first makes it. */
static int decode_batch(const struct service_instance *s, struct block *block,
                        struct batch *batch)
{
    const uint32_t count_max = s->state == NULL ? 1 : AHEAD;
    struct block_record record;
    batch->count = 0;
    while (batch->count < count_max && block_next(block, &record)) {
        struct msg *msg = &batch->msgs[batch->count];
        check_sequence = record.seq;
        if (decode_record(s, &record, msg) != 0)
            return ERR_CORRUPT;
        batch->inputs[batch->count++] = input_of(&record, msg);
    }
    return 0;
}

/* What is not in the cache is on its way to it while other records are applied. */
static void prefetch_batch(const struct service_instance *s, const struct batch *batch)
{
    if (s->kind->core->prefetch == NULL || s->state == NULL)
        return;
    for (uint32_t i = 0; i < batch->count; i++)
        s->kind->core->prefetch(s->state, &batch->inputs[i], false);
    for (uint32_t i = 0; i < batch->count; i++)
        s->kind->core->prefetch(s->state, &batch->inputs[i], true);
}

static int apply_input(struct service_instance *s, const struct core_input *input)
{
    check_sequence = input->seq;
    s->gseq = input->gseq;
    s->time_ns = input->time_ns;
    int error = s->state == NULL ? first_record(s, input) : 0;
    if (error != 0)
        return error;
    apply_record(s, input);
    return service_output_take(s);
}

int service_input_apply(struct service_instance *s, struct block *block)
{
    struct batch batch MSG_UNSET;
    int error = 0;
    do {
        error = decode_batch(s, block, &batch);
        if (error != 0)
            return error;
        prefetch_batch(s, &batch);
        for (uint32_t i = 0; i < batch.count && error == 0; i++)
            error = apply_input(s, &batch.inputs[i]);
    } while (error == 0 && batch.count > 0);
    if (error == 0)
        error = service_output_cut(s);
    metrics_add(&s->metrics, METRICS_records_applied, block->count);
    return error;
}

int service_input_receive(struct service_instance *s, const uint8_t *frame, size_t size)
{
    struct block block;
    int blocks = 0, more;
    int error = stream_consumer_receive(&s->input, frame, size, s->now.mono_ns);
    if (error == ERR_BAD) {
        metrics_add(&s->metrics, METRICS_frames_refused, 1);
        return 0;
    }
    if (error != 0)
        return error;
    while ((more = stream_consumer_next(&s->input, &block)) == 1) {
        blocks++;
        error = service_input_apply(s, &block);
        if (error == 0)
            error = service_store_applied(s, &block);
        if (error == 0)
            error = service_restart_advance(s);
        if (error != 0)
            return error;
        stream_consumer_pause(&s->input, service_store_must_wait(s));
    }
    return more < 0 ? more : blocks;
}
