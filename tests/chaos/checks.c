/* checks.c - see checks.h. */
#include "tests/chaos/checks.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include "proto/limits.h"
#include "proto/msg.h"

struct report {
    FILE *out;
    uint32_t count;
};

static void complain(struct report *, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void complain(struct report *r, const char *format, ...)
{
    va_list list;
    if (r->count++ >= CHECKS_TOLD)
        return;
    va_start(list, format);
    vfprintf(r->out, format, list);
    va_end(list);
    fputc('\n', r->out);
}

/* ---- which record is which command ------------------------------------------------- */

/* A call, or a record of the log, under the name it goes by. */
struct named {
    uint32_t kind, account;
    uint64_t name;
    const struct annals_call *call;
    const struct annals_record *record;
};

static int by_name(const void *left, const void *right)
{
    const struct named *a = left, *b = right;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->account != b->account)
        return a->account < b->account ? -1 : 1;
    if (a->name != b->name)
        return a->name < b->name ? -1 : 1;
    return a->record != b->record ? (a->record < b->record ? -1 : 1) : 0;
}

static bool is_command(const struct annals_record *record)
{
    switch (record->kind) {
    case MSG_order_new:
    case MSG_order_cancel:
    case MSG_order_replace:
    case MSG_deposit:
    case MSG_withdraw:
        return record->session != 0;
    default:
        return false;
    }
}

/* All calls and all commands, those of one name together, calls first. */
static struct named *pair_up(const struct annals *h, const struct annals_log *log,
                             uint32_t *count)
{
    struct named *all = calloc(h->count + log->count + 1, sizeof *all);
    *count = 0;
    if (all == NULL)
        return NULL;
    for (uint32_t i = 0; i < h->count; i++) {
        const struct annals_call *call = &h->calls[i];
        all[(*count)++] =
            (struct named){call->kind, call->account, call->name, call, NULL};
    }
    for (uint32_t i = 0; i < log->count; i++) {
        const struct annals_record *r = &log->records[i];
        if (is_command(r))
            all[(*count)++] = (struct named){r->kind, r->account, r->name, NULL, r};
    }
    qsort(all, *count, sizeof *all, by_name);
    return all;
}

static bool is_same(const struct named *a, const struct named *b)
{
    return a->kind == b->kind && a->account == b->account && a->name == b->name;
}

/* The gseq of each call in the log, 0 if it is not there; NULL without memory. */
static uint64_t *find_gseqs(const struct annals *h, const struct annals_log *log)
{
    uint32_t count;
    struct named *all = pair_up(h, log, &count);
    uint64_t *gseqs = calloc(h->count + 1, sizeof *gseqs);
    if (all != NULL && gseqs != NULL)
        for (uint32_t i = 0; i + 1 < count; i++)
            if (all[i].call != NULL && all[i + 1].record != NULL &&
                is_same(&all[i], &all[i + 1]))
                gseqs[all[i].call - h->calls] = all[i + 1].record->gseq;
    bool is_whole = all != NULL;
    free(all);
    if (is_whole)
        return gseqs;
    free(gseqs);
    return NULL;
}

/* ---- set --------------------------------------------------------------------------- */

static void judge(struct report *r, const struct annals_call *call,
                  const struct named *records, uint32_t count)
{
    const char *kind = msg_name(call->kind);
    if (count > 1)
        complain(r, "set: %s %" PRIu64 " of account %u is in the log %u times", kind,
                 call->name, call->account, count);
    if (call->outcome == ANNALS_OK && count == 0)
        complain(r,
                 "set: %s %" PRIu64 " of account %u, acknowledged at %" PRIu64 ", lost",
                 kind, call->name, call->account, call->gseq);
    if (call->outcome == ANNALS_FAIL && count > 0)
        complain(r, "set: %s %" PRIu64 " of account %u, refused, is in the log", kind,
                 call->name, call->account);
    if (call->outcome == ANNALS_OK && count > 0 && call->gseq != 0 &&
        records[0].record->gseq != call->gseq)
        complain(r, "set: %s %" PRIu64 " acknowledged at %" PRIu64 ", stands at %" PRIu64,
                 kind, call->name, call->gseq, records[0].record->gseq);
}

uint32_t checks_set(const struct annals *h, const struct annals_log *log, FILE *out)
{
    struct report r = {out, 0};
    uint32_t count, end;
    struct named *all = pair_up(h, log, &count);
    if (all == NULL)
        return CHECKS_MEMORY;
    for (uint32_t i = 0; i < count; i = end) {
        uint32_t calls = 0;
        for (end = i; end < count && is_same(&all[i], &all[end]); end++)
            calls += all[end].call != NULL;
        if (calls == 1)
            judge(&r, all[i].call, &all[i + 1], end - i - 1);
        else if (calls == 0)
            complain(&r, "set: %s %" PRIu64 " at %" PRIu64 " was sent by nobody",
                     msg_name(all[i].kind), all[i].name, all[i].record->gseq);
        else
            complain(&r, "set: %s %" PRIu64 " was sent %u times under one name",
                     msg_name(all[i].kind), all[i].name, calls);
    }
    free(all);
    return r.count;
}

/* Into the span that a call ended in, if there is one. */
static void count_in(struct checks_span *spans, uint32_t count,
                     const struct annals_call *call, uint32_t records)
{
    uint32_t low = 0, high = count; /* the first span that ends later is in between */
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (spans[middle].to_ns <= call->ended_ns)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == count || call->ended_ns < spans[low].from_ns)
        return;
    spans[low].acknowledged++;
    spans[low].wrong += records != 1;
}

uint32_t checks_spans(const struct annals *h, const struct annals_log *log,
                      struct checks_span *spans, uint32_t count)
{
    uint32_t all_count, end;
    struct named *all = pair_up(h, log, &all_count);
    if (all == NULL)
        return CHECKS_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        spans[i].acknowledged = spans[i].wrong = 0;
    for (uint32_t i = 0; i < all_count; i = end) {
        for (end = i + 1; end < all_count && is_same(&all[i], &all[end]);)
            end++;
        if (all[i].call != NULL && all[i].call->outcome == ANNALS_OK)
            count_in(spans, count, all[i].call, end - i - 1);
    }
    free(all);
    return 0;
}

/* ---- order ------------------------------------------------------------------------- */

static int by_session(const void *left, const void *right)
{
    const struct annals_record *a = *(const struct annals_record *const *)left;
    const struct annals_record *b = *(const struct annals_record *const *)right;
    if (a->session != b->session)
        return a->session < b->session ? -1 : 1;
    return a->gseq < b->gseq ? -1 : a->gseq > b->gseq;
}

static void check_numbers(struct report *r, const struct annals_log *log)
{
    const struct annals_record **all = calloc(log->count + 1, sizeof(void *));
    uint32_t count = 0;
    if (all == NULL) {
        r->count = CHECKS_MEMORY;
        return;
    }
    for (uint32_t i = 0; i < log->count; i++)
        if (log->records[i].session != 0)
            all[count++] = &log->records[i];
    qsort(all, count, sizeof *all, by_session);
    for (uint32_t i = 0; i < count; i++) {
        bool is_first = i == 0 || all[i]->session != all[i - 1]->session;
        uint64_t due = is_first ? 1 : all[i - 1]->n + 1;
        if (all[i]->n != due)
            complain(r,
                     "order: n %" PRIu64 " of session %" PRIu64 " at %" PRIu64
                     ", %" PRIu64 " was due",
                     all[i]->n, all[i]->session, all[i]->gseq, due);
    }
    free(all);
}

struct placed {
    const struct annals_call *call;
    uint64_t gseq;
};

static int by_lane(const void *left, const void *right)
{
    const struct annals_call *a = ((const struct placed *)left)->call;
    const struct annals_call *b = ((const struct placed *)right)->call;
    if (a->client != b->client)
        return a->client < b->client ? -1 : 1;
    if (a->life != b->life)
        return a->life < b->life ? -1 : 1;
    if (a->lane != b->lane)
        return a->lane < b->lane ? -1 : 1;
    return a->began_ns < b->began_ns ? -1 : a->began_ns > b->began_ns;
}

static bool is_same_lane(const struct annals_call *a, const struct annals_call *b)
{
    return a->client == b->client && a->life == b->life && a->lane == b->lane;
}

/* The calls that are in the log, with their places; NULL without memory. */
static struct placed *place(const struct annals *h, const struct annals_log *log,
                            uint32_t *count)
{
    uint64_t *gseqs = find_gseqs(h, log);
    struct placed *all = calloc(h->count + 1, sizeof *all);
    *count = 0;
    if (all != NULL && gseqs != NULL)
        for (uint32_t i = 0; i < h->count; i++)
            if (gseqs[i] != 0)
                all[(*count)++] = (struct placed){&h->calls[i], gseqs[i]};
    bool is_whole = gseqs != NULL;
    free(gseqs);
    if (is_whole)
        return all;
    free(all);
    return NULL;
}

uint32_t checks_order(const struct annals *h, const struct annals_log *log, FILE *out)
{
    struct report r = {out, 0};
    uint32_t count;
    check_numbers(&r, log);
    for (uint32_t i = 1; i < log->count; i++)
        if (log->records[i].gseq <= log->records[i - 1].gseq)
            complain(&r, "order: %" PRIu64 " follows %" PRIu64 " in the log",
                     log->records[i].gseq, log->records[i - 1].gseq);
    struct placed *all = place(h, log, &count);
    if (all == NULL)
        return CHECKS_MEMORY;
    qsort(all, count, sizeof *all, by_lane);
    for (uint32_t i = 1; i < count; i++)
        if (is_same_lane(all[i].call, all[i - 1].call) && all[i].gseq < all[i - 1].gseq)
            complain(&r,
                     "order: client %u sent %" PRIu64 " before %" PRIu64
                     ", the log has them the other way",
                     all[i].call->client, all[i - 1].call->name, all[i].call->name);
    free(all);
    return r.count;
}

/* ---- real time --------------------------------------------------------------------- */

static int by_begin(const void *left, const void *right)
{
    const struct annals_call *a = ((const struct placed *)left)->call;
    const struct annals_call *b = ((const struct placed *)right)->call;
    return a->began_ns < b->began_ns ? -1 : a->began_ns > b->began_ns;
}

static int by_end(const void *left, const void *right)
{
    const struct annals_call *a = ((const struct placed *)left)->call;
    const struct annals_call *b = ((const struct placed *)right)->call;
    return a->ended_ns < b->ended_ns ? -1 : a->ended_ns > b->ended_ns;
}

uint32_t checks_time(const struct annals *h, const struct annals_log *log, FILE *out)
{
    struct report r = {out, 0};
    uint32_t count, ended = 0, other;
    uint64_t last = 0;
    struct placed *begun = place(h, log, &count), *done = place(h, log, &other);
    if (begun == NULL || done == NULL) {
        free(begun);
        free(done);
        return CHECKS_MEMORY;
    }
    qsort(begun, count, sizeof *begun, by_begin);
    qsort(done, count, sizeof *done, by_end);
    for (uint32_t i = 0; i < count; i++) {
        for (; ended < count && done[ended].call->ended_ns < begun[i].call->began_ns;
             ended++)
            if (done[ended].call->outcome == ANNALS_OK && done[ended].gseq > last)
                last = done[ended].gseq;
        if (begun[i].gseq <= last)
            complain(&r,
                     "time: %" PRIu64 " was acknowledged before %s %" PRIu64
                     " was sent, which stands at %" PRIu64,
                     last, msg_name(begun[i].call->kind), begun[i].call->name,
                     begun[i].gseq);
    }
    free(begun);
    free(done);
    return r.count;
}

/* ---- bank -------------------------------------------------------------------------- */

static bool is_done(const struct annals_record *r)
{
    return r->kind == MSG_deposit_done || r->kind == MSG_withdraw_done;
}

/* Sums fit: a venue has less than 2^62 of anything. */
static void check_sums(struct report *r, const struct annals_log *log,
                       const struct annals_balance *balances, uint32_t count,
                       uint32_t external)
{
    for (uint32_t asset = 1; asset <= ASSET_MAX; asset++) {
        int64_t all = 0, inside = 0, moved = 0;
        for (uint32_t i = 0; i < count; i++)
            if (balances[i].asset == asset) {
                all += balances[i].amount;
                inside += balances[i].account != external ? balances[i].amount : 0;
            }
        for (uint32_t i = 0; i < log->count; i++)
            if (log->records[i].asset == asset && is_done(&log->records[i]))
                moved += log->records[i].amount;
        if (all != 0)
            complain(r, "bank: the balances of asset %u sum to %" PRId64, asset, all);
        if (inside != moved)
            complain(r, "bank: %" PRId64 " of asset %u moved in, %" PRId64 " is there",
                     moved, asset, inside);
    }
}

static int by_request(const void *left, const void *right)
{
    const struct annals_record *a = left, *b = right;
    return a->request < b->request ? -1 : a->request > b->request;
}

/* How often the command at `gseq` moved money, and what it moved last. */
static uint32_t find_done(const struct annals_record *done, uint32_t count, uint64_t gseq,
                          const struct annals_record **found)
{
    uint32_t low = 0, high = count, times = 0;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (done[middle].request < gseq)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < count && done[low].request == gseq; low++, times++)
        *found = &done[low];
    return times;
}

uint32_t checks_bank(const struct annals *h, const struct annals_log *log,
                     const struct annals_balance *balances, uint32_t count,
                     uint32_t external, FILE *out)
{
    struct report r = {out, 0};
    uint32_t placed_count, done_count = 0;
    struct placed *all = place(h, log, &placed_count);
    struct annals_record *done = calloc(log->count + 1, sizeof *done);
    if (all == NULL || done == NULL) {
        free(all);
        free(done);
        return CHECKS_MEMORY;
    }
    check_sums(&r, log, balances, count, external);
    for (uint32_t i = 0; i < log->count; i++)
        if (is_done(&log->records[i]))
            done[done_count++] = log->records[i];
    qsort(done, done_count, sizeof *done, by_request);
    for (uint32_t i = 0; i < placed_count; i++) {
        const struct annals_call *call = all[i].call;
        const struct annals_record *found = NULL;
        if (call->asset == 0)
            continue;
        uint32_t times = find_done(done, done_count, all[i].gseq, &found);
        if (times > 1 || (times == 0 && call->kind == MSG_deposit))
            complain(&r, "bank: %s %" PRIu64 " moved money %u times",
                     msg_name(call->kind), call->name, times);
        else if (times == 1 &&
                 (found->amount != call->amount || found->account != call->account))
            complain(&r, "bank: %s %" PRIu64 " of %" PRId64 " moved %" PRId64,
                     msg_name(call->kind), call->name, call->amount, found->amount);
    }
    free(all);
    free(done);
    return r.count;
}
