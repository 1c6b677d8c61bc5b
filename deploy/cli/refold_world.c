/* refold_world.c - see refold_world.h. */
#include "deploy/cli/refold_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/error.h"
#include "common/journal_version.h"
#include "deploy/cli/args.h"
#include "proto/codec.h"
#include "services/gateway/gateway_core.h"
#include "services/portfolio/portfolio_core.h"
#include "services/risk/risk_core.h"
#include "services/sequencer/sequencer_core.h"
#include "services/settlement/settlement_core.h"
#include "services/shard/shard_core.h"

/* In the order in which a record reaches them; shards follow when risk has spoken. */
static const struct {
    const struct service_kind *kind;
    uint32_t asked; /* 0: always */
} singles[] = {
    {&sequencer_kind, REFOLD_SEQUENCER},   {&risk_kind, 0},
    {&settlement_kind, REFOLD_SETTLEMENT}, {&portfolio_kind, REFOLD_PORTFOLIO},
    {&gateway_kind, REFOLD_GATEWAY},
};

int refold_world_journal(struct journal **journal, const char *directory,
                         const char *name)
{
    char path[4096], file[4096 + 16];
    *journal = NULL;
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return ERR_LENGTH;
    snprintf(file, sizeof file, "%s/data.mdb", path);
    if (access(file, R_OK) != 0)
        return ERR_NOT_FOUND;
    uint32_t version = 0;
    const char *missing = NULL;
    const struct journal_options options = {
        .path = path, .read_only = true, .found_version = &version, .missing = &missing};
    int error = journal_open(journal, &options);
    if (missing != NULL)
        (void)!args_fail("%s: its file %s is missing", path, missing);
    if (error == ERR_VERSION)
        (void)!args_fail("%s: journal version %" PRIu32 ", this zex reads %d", path,
                         version, JOURNAL_VERSION);
    return error;
}

static void skip(struct refold_world *w, const struct msg_skip *skip)
{
    for (uint32_t i = 0; i < w->fold_count; i++)
        if (-(int64_t)skip->service == w->folds[i].source)
            refold_fold_skip(&w->folds[i], skip->sequence);
}

/* A SKIP stands in the log behind the record it is for, so that all of them must be known
 * before that record. What is wrong with the log is found when it is folded. */
static int find_skips(struct refold_world *w, uint64_t from)
{
    struct refold_stream log;
    struct block_record record;
    struct msg msg;
    int error = refold_stream_open(&log, w->journal, JOURNAL_LOG, STREAM_LOG);
    if (error != 0)
        return error;
    if (from > 1)
        error = refold_stream_seek(&log, from);
    while (error == 0 && refold_stream_next(&log, &record) == 1)
        if (record.source > 0 && codec_kind(record.bytes, record.size) == MSG_skip &&
            codec_decode_whole(record.bytes, record.size, &msg) == 0)
            skip(w, &msg.skip);
    refold_stream_close(&log);
    return error;
}

static void init_fold(struct refold_world *w, const struct service_kind *kind,
                      uint32_t instance)
{
    refold_fold_init(&w->folds[w->fold_count++], kind, instance);
}

int refold_world_open(struct refold_world *w, const char *directory, uint32_t services)
{
    *w = (struct refold_world){.services = services};
    int error = refold_world_journal(&w->journal, directory, "sequencer");
    for (uint32_t i = 0; i < sizeof singles / sizeof *singles; i++) {
        if (singles[i].asked != 0 && (services & singles[i].asked) == 0)
            continue;
        if (singles[i].asked == 0)
            w->risk = w->fold_count;
        init_fold(w, singles[i].kind, 0);
    }
    w->shards = w->fold_count;
    return error != 0 ? error
                      : refold_stream_open(&w->log, w->journal, JOURNAL_LOG, STREAM_LOG);
}

void refold_world_close(struct refold_world *w)
{
    for (uint32_t i = 0; i < w->fold_count; i++)
        refold_fold_close(&w->folds[i]);
    refold_stream_close(&w->log);
    journal_close(&w->journal);
}

/* A fold that began at a snapshot has had the records before it. */
static bool has_had(const struct refold_fold *fold, uint64_t seq)
{
    return seq < fold->next;
}

static int apply(struct refold_world *w, struct refold_fold *fold,
                 const struct core_input *input)
{
    int error = refold_fold_apply(fold, input);
    if (error == 0 && w->hooks != NULL)
        error = w->hooks->applied(w->hooks->argument, fold, input);
    return error;
}

/* ---- approved.k -------------------------------------------------------------------- */

static int feed_shard(struct refold_world *w, uint32_t k, const struct core_input *cause)
{
    const struct outbox_run *run = &w->folds[w->risk].outbox.emits[k];
    struct refold_fold *shard = &w->folds[w->shards + k];
    const uint8_t *body;
    uint32_t size;
    struct msg msg;
    int error = 0;
    for (size_t at = 0; error == 0 && (body = outbox_next(run, &at, &size)) != NULL;) {
        struct core_input input = {.seq = ++w->emitted[k],
                                   .gseq = cause->gseq,
                                   .time_ns = cause->time_ns,
                                   .msg = &msg,
                                   .bytes = body,
                                   .bytes_size = size};
        if (codec_decode_whole(body, size, &msg) != 0)
            return ERR_CORRUPT;
        error = has_had(shard, input.seq) ? 0 : apply(w, shard, &input);
    }
    w->shard_states[k] = shard->state;
    return error;
}

static int feed_shards(struct refold_world *w, const struct core_input *cause)
{
    int error = 0;
    for (uint32_t k = 0; error == 0 && w->shards + k < w->fold_count; k++)
        error = feed_shard(w, k, cause);
    return error;
}

/* ---- the log ----------------------------------------------------------------------- */

/* The shards are as many as GENESIS says. */
static int begin(struct refold_world *w)
{
    if (w->record.seq != 1 || w->msg.kind != MSG_genesis)
        return ERR_CORRUPT;
    w->genesis = w->msg.genesis;
    for (uint32_t k = 0; (w->services & REFOLD_SHARDS) != 0 && k < w->genesis.shards; k++)
        init_fold(w, &shard_kind, k);
    return w->is_jumping ? 0 : find_skips(w, 1);
}

static int apply_all(struct refold_world *w, const struct core_input *input)
{
    int error = 0;
    for (uint32_t i = 0; error == 0 && i < w->shards; i++) {
        if (has_had(&w->folds[i], input->seq))
            continue;
        error = apply(w, &w->folds[i], input);
        if (error == 0 && i == w->risk)
            error = feed_shards(w, input);
    }
    return error;
}

int refold_world_step(struct refold_world *w)
{
    int more = refold_stream_next(&w->log, &w->record);
    if (more <= 0)
        return more;
    if (codec_decode_whole(w->record.bytes, w->record.size, &w->msg) != 0) {
        w->log.fault = "message";
        return ERR_CORRUPT;
    }
    int error = w->genesis.shards == 0 ? begin(w) : 0;
    const struct core_input input = {.seq = w->record.seq,
                                     .gseq = w->record.gseq,
                                     .time_ns = w->record.time_ns,
                                     .source = w->record.source,
                                     .n = w->record.n,
                                     .msg = &w->msg,
                                     .bytes = w->record.bytes,
                                     .bytes_size = w->record.size};
    if (error == 0 && w->hooks != NULL)
        error = w->hooks->arrived(w->hooks->argument, &input);
    if (error == 0)
        error = apply_all(w, &input);
    return error != 0 ? error : 1;
}

int refold_world_continue(struct refold_world *w, uint64_t from)
{
    int error = find_skips(w, from);
    return error != 0 ? error : refold_stream_seek(&w->log, from);
}

/* ---- looking in -------------------------------------------------------------------- */

struct refold_fold *refold_world_find(struct refold_world *w, int64_t source)
{
    for (uint32_t i = 0; i < w->fold_count; i++)
        if (w->folds[i].source == source)
            return &w->folds[i];
    return NULL;
}

static const void *state_of(struct refold_world *w, enum service service)
{
    struct refold_fold *fold = refold_world_find(w, -(int64_t)service);
    return fold != NULL ? fold->state : NULL;
}

void refold_world_view(struct refold_world *w, struct refold_view *view)
{
    *view = (struct refold_view){
        .gseq = w->record.seq,
        .time_ns = w->record.time_ns,
        .source = w->record.source,
        .n = w->record.n,
        .msg = &w->msg,
        .genesis = &w->genesis,
        .end = w->log.end - 1,
        .risk = state_of(w, SERVICE_RISK),
        .settlement = state_of(w, SERVICE_SETTLEMENT),
        .portfolio = state_of(w, SERVICE_PORTFOLIO),
        .shards = w->shard_states,
        .shard_count = w->fold_count - w->shards,
    };
}
