/* market.c - see market.h. */
#include "tests/fuzz/market.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "deploy/cli/verify_ledger.h"
#include "deploy/cli/verify_orders.h"
#include "proto/codec.h"
#include "services/gateway/gateway_core.h"
#include "services/portfolio/portfolio_core.h"
#include "services/risk/risk_core.h"
#include "services/sequencer/sequencer_core.h"
#include "services/settlement/settlement_core.h"
#include "services/shard/shard_core.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/kept.h"
#include "tests/unit/declare.h"

enum { QUEUE = 1 << 14, TICK_NS = 100000000 };

struct record {
    int64_t source;
    uint64_t n;
    uint32_t size;
    uint8_t bytes[MESSAGE_BYTES_MAX];
};

static struct {
    struct refold_fold folds[MARKET_CORES];
    uint64_t gseq, time_ns, tick, made[MARKET_CORES];
    uint64_t sessions[MARKET_SESSIONS], n[MARKET_SESSIONS];
    uint32_t row; /* kinds of the last three records */
} market, kept;

static struct kept kept_states[MARKET_CORES];
static struct record queue[QUEUE];
static uint32_t queued;

static const struct msg_genesis genesis = {
    .log_id = {1},
    .admin_key = {2},
    .version = 1,
    .shards = 1,
    .accounts_max = 32,
    .balances_max = 64,
    .sessions_max = 16,
    .orders_max = 48,
    .levels_max = 24,
    .references_max = 16,
    .dedupe_window = 16,
    .digest_ticks = 16,
};

const struct msg_genesis *market_genesis(void)
{
    return &genesis;
}

struct refold_fold *market_core(enum market_core core)
{
    return &market.folds[core];
}

/* ---- the log ----------------------------------------------------------------------- */

static void append(int64_t source, uint64_t n, const uint8_t *bytes, uint32_t size)
{
    CHECK(queued < QUEUE);
    struct record *r = &queue[queued++];
    r->source = source;
    r->n = n;
    r->size = size;
    memcpy(r->bytes, bytes, size);
}

static void append_msg(int64_t source, uint64_t n, const struct msg *msg)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    int error = codec_encode(bytes, sizeof bytes, msg, &size);
    CHECK(error == 0);
    append(source, n, bytes, (uint32_t)size);
}

static void apply(enum market_core core, const struct core_input *input)
{
    struct refold_fold *fold = &market.folds[core];
    const uint8_t *bytes;
    uint32_t size;
    int error = refold_fold_apply(fold, input);
    CHECK(error == 0);
    if (!fold->kind->submits)
        return;
    for (size_t at = 0; (bytes = outbox_next(&fold->outbox.submits, &at, &size)) != NULL;)
        append(fold->source, ++market.made[core], bytes, size);
}

/* What risk approves, before its outbox is used again. */
static void feed_shard(const struct core_input *cause)
{
    const struct outbox_run *run = &market.folds[MARKET_RISK].outbox.emits[0];
    const uint8_t *bytes;
    uint32_t size;
    for (size_t at = 0; (bytes = outbox_next(run, &at, &size)) != NULL;) {
        struct msg msg;
        const struct core_input input = {.seq = market.folds[MARKET_SHARD].next,
                                         .gseq = cause->gseq,
                                         .time_ns = cause->time_ns,
                                         .msg = &msg,
                                         .bytes = bytes,
                                         .bytes_size = size};
        int error = codec_decode_whole(bytes, size, &msg);
        CHECK(error == 0);
        apply(MARKET_SHARD, &input);
    }
}

/* Which three follow each other, and what is in them. */
static void note(struct msg *msg)
{
    market.row = (market.row << 8 | (msg->kind & 0xff)) & 0xffffff;
    fuzz_feature(market.row * 2654435761u >> 18);
    fuzz_feature_msg(msg);
}

static void fold(const struct record *r)
{
    struct msg msg;
    int error = codec_decode_whole(r->bytes, r->size, &msg);
    CHECK(error == 0);
    note(&msg);
    market.time_ns += 1000;
    const struct core_input input = {.seq = ++market.gseq,
                                     .gseq = market.gseq,
                                     .time_ns = market.time_ns,
                                     .source = r->source,
                                     .n = r->n,
                                     .msg = &msg,
                                     .bytes = r->bytes,
                                     .bytes_size = r->size};
    for (uint32_t core = 0; core < MARKET_CORES; core++) {
        if (core == MARKET_SHARD)
            continue;
        apply((enum market_core)core, &input);
        if (core == MARKET_RISK)
            feed_shard(&input);
    }
}

static void settle(void)
{
    for (uint32_t i = 0; i < queued; i++)
        fold(&queue[i]);
    queued = 0;
}

/* ---- what comes in ----------------------------------------------------------------- */

bool market_command(uint32_t session, const struct msg *msg)
{
    uint8_t bytes[BODY_BYTES_MAX];
    size_t size = 0;
    if (codec_encode(bytes, sizeof bytes, msg, &size) != 0)
        return false;
    append((int64_t)market.sessions[session], ++market.n[session], bytes, (uint32_t)size);
    settle();
    return true;
}

void market_tick(void)
{
    struct msg msg = {.kind = MSG_tick};
    msg.tick.number = ++market.tick;
    market.time_ns += TICK_NS;
    append_msg(0, 0, &msg);
    settle();
}

static void command(struct msg msg)
{
    bool is_taken = market_command(0, &msg);
    CHECK(is_taken);
}

static void open_session(uint32_t session, uint32_t account)
{
    struct msg msg = {.kind = MSG_open};
    msg.open.account = account;
    msg.open.nonce = 1;
    market.sessions[session] = market.gseq + 1;
    append_msg(0, 0, &msg);
    settle();
}

/* ---- making it --------------------------------------------------------------------- */

static void make(void)
{
    static const struct service_kind *const kinds[MARKET_CORES] = {
        &sequencer_kind,  &risk_kind,      &shard_kind,
        &settlement_kind, &portfolio_kind, &gateway_kind};
    struct msg msg = {.kind = MSG_genesis};
    msg.genesis = genesis;
    for (uint32_t i = 0; i < MARKET_CORES; i++)
        refold_fold_init(&market.folds[i], kinds[i], 0);
    append_msg(0, 0, &msg);
    settle();
    open_session(0, ACCOUNT_ADMIN);
    for (uint32_t asset = 1; asset <= DECLARE_ASSETS; asset++)
        command(declare_asset(asset));
    for (uint32_t symbol = 1; symbol <= DECLARE_SYMBOLS; symbol++)
        command(declare_symbol(symbol, 0));
    for (uint32_t i = 1; i < MARKET_SESSIONS; i++) {
        const uint32_t account = MARKET_TRADER + i - 1;
        command(declare_trader(account, 20));
        for (uint32_t asset = 1; asset <= DECLARE_ASSETS; asset++)
            command(declare_money(account, asset, 20000));
        open_session(i, account);
    }
    market_check();
}

/* A state has no pointer that leads outside, so its bytes are all there is to it. */
void market_reset(void)
{
    bool is_new = market.gseq == 0;
    if (is_new) {
        make();
        kept = market;
    }
    market = kept;
    for (uint32_t i = 0; i < MARKET_CORES; i++) {
        struct refold_fold *f = &market.folds[i];
        if (is_new)
            kept_make(&kept_states[i], f->state, f->state_size);
        kept_restore(&kept_states[i]);
        outbox_clear(&f->outbox);
    }
    queued = 0;
}

/* ---- checking it ------------------------------------------------------------------- */

static void complain(const struct verify_difference *d)
{
    fprintf(stderr, "difference: %s %s seq %llu (%s)\n", d->service, d->stream,
            (unsigned long long)d->seq, d->what);
    abort();
}

void market_check(void)
{
    static struct verify_ledger ledger;
    static struct verify_orders orders;
    struct verify_difference difference = {.seq = 0};
    const void *shard = market.folds[MARKET_SHARD].state;
    const struct refold_view view = {.gseq = market.gseq,
                                     .time_ns = market.time_ns,
                                     .genesis = &genesis,
                                     .end = market.gseq,
                                     .risk = market.folds[MARKET_RISK].state,
                                     .settlement = market.folds[MARKET_SETTLEMENT].state,
                                     .portfolio = market.folds[MARKET_PORTFOLIO].state,
                                     .shards = &shard,
                                     .shard_count = shard != NULL};
    for (uint32_t i = 0; i < MARKET_CORES; i++) {
        const struct refold_fold *f = &market.folds[i];
        if (f->state != NULL && f->kind->core->check != NULL)
            f->kind->core->check(f->state);
    }
    if (verify_ledger_compare(&ledger, view.risk, view.settlement, view.gseq,
                              &difference) != 0 ||
        verify_orders_compare(&orders, &view, &difference) != 0)
        complain(&difference);
}
