/* refold_fold.c - see refold_fold.h. */
#include "deploy/cli/refold_fold.h"

#include <string.h>

#include "common/check.h"
#include "common/error.h"
#include "common/pages.h"
#include "common/service_setup.h"
#include "common/writer.h"
#include "proto/codec.h"

enum {
    SLACK = 4 << 20,    /* outputs of one ordinary record, with much to spare */
    REPORT_BYTES = 320, /* one order's part of the outputs of one record */
    ROWS_BYTES = 256 << 20,
    SENDS_BYTES = 128 << 20,
};

_Thread_local const struct refold_fold *refold_fold_applying;

void refold_fold_init(struct refold_fold *fold, const struct service_kind *kind,
                      uint32_t instance)
{
    bool is_shard = kind->number == SERVICE_SHARD;
    *fold = (struct refold_fold){.kind = kind, .instance = instance, .next = 1};
    fold->source = -(int64_t)(kind->number + (is_shard ? instance : 0));
    int error = service_setup_name(fold->name, kind, instance);
    CHECK(error == 0);
}

static void release(struct refold_fold *fold)
{
    pages_unmap(fold->memory, fold->memory_size);
    pages_unmap(fold->state, fold->state_size);
    fold->memory = NULL;
    fold->state = NULL;
}

void refold_fold_close(struct refold_fold *fold)
{
    release(fold);
    fold->next = 1;
}

/* No fold depends on what the operator set; it only has to make sense. */
static const struct core_settings settings = {.window_records = 1,
                                              .shard_window_records = 1,
                                              .order_rate = 1,
                                              .order_burst = 1,
                                              .cancel_rate = 1,
                                              .cancel_burst = 1,
                                              .query_rate = 1,
                                              .query_burst = 1,
                                              .in_flight_max = 1,
                                              .heartbeat_ms = 1,
                                              .idle_ms = 1,
                                              .query_timeout_ms = 1};

/* One record may end every open order (kill switch), so the run holds a report for each.
 */
static int give_birth(struct refold_fold *fold, const struct msg_genesis *genesis)
{
    const struct core_ops *core = fold->kind->core;
    bool emits = fold->kind->owns == SERVICE_STREAM_APPROVED;
    struct outbox_sizes sizes = {
        .submits = SLACK + (size_t)genesis->orders_max * REPORT_BYTES,
        .emits = emits ? SLACK : 0,
        .streams = emits ? genesis->shards : 0,
        .rows = ROWS_BYTES,
        .sends = core->receive != NULL ? SENDS_BYTES : 0,
    };
    fold->genesis = *genesis;
    fold->memory_size = outbox_size(&sizes);
    fold->state_size = core->size(genesis, fold->instance);
    fold->memory = pages_map(fold->memory_size, 0);
    fold->state = pages_map(fold->state_size, 0);
    if (fold->memory == NULL || fold->state == NULL)
        return ERR_MEMORY;
    outbox_init(&fold->outbox, fold->memory, &sizes);
    core->init(fold->state, genesis, fold->instance);
    if (core->configure != NULL)
        core->configure(fold->state, &settings);
    return 0;
}

int refold_fold_twin(struct refold_fold *twin, const struct refold_fold *fold)
{
    CHECK(fold->state != NULL);
    *twin = *fold;
    twin->state = twin->memory = NULL;
    return give_birth(twin, &fold->genesis);
}

/* ---- records ----------------------------------------------------------------------- */

static bool is_skipped(const struct refold_fold *fold, uint64_t seq)
{
    for (uint32_t i = 0; i < fold->skip_count; i++)
        if (fold->skips[i] == seq)
            return true;
    return false;
}

void refold_fold_skip(struct refold_fold *fold, uint64_t seq)
{
    if (fold->skip_count < REFOLD_FOLD_SKIPS && !is_skipped(fold, seq))
        fold->skips[fold->skip_count++] = seq;
}

static void submit_digest(struct refold_fold *fold, uint64_t seq)
{
    struct msg msg = {.kind = MSG_digest};
    msg.digest.position = seq;
    refold_fold_digest(fold, msg.digest.digest);
    outbox_submit(&fold->outbox, &msg);
}

int refold_fold_apply(struct refold_fold *fold, const struct core_input *input)
{
    const struct msg *msg = input->msg;
    CHECK(input->seq == fold->next);
    check_sequence = input->seq;
    refold_fold_applying = fold;
    if (fold->state == NULL) {
        int error =
            msg->kind == MSG_genesis ? give_birth(fold, &msg->genesis) : ERR_CORRUPT;
        if (error != 0)
            return error;
    }
    outbox_clear(&fold->outbox);
    if (!is_skipped(fold, input->seq))
        fold->kind->core->apply(fold->state, input, &fold->outbox);
    if (msg->kind == MSG_tick && fold->kind->submits &&
        msg->tick.number % fold->genesis.digest_ticks == 0)
        submit_digest(fold, input->seq);
    fold->next++;
    return 0;
}

void refold_fold_digest(const struct refold_fold *fold, uint8_t digest[16])
{
    struct writer writer;
    writer_init_digest(&writer);
    fold->kind->core->save(fold->state, &writer);
    writer_digest(&writer, digest);
}
