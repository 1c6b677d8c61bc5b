/* annals.c - see annals.h. */
#include "tests/chaos/annals.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/error.h"
#include "proto/block.h"
#include "proto/codec.h"
#include "tests/faults/reference.h"

/* Room for one more; false if there is none. */
static bool grow(void **items, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    uint32_t wanted = *capacity == 0 ? 1024 : 2 * *capacity;
    void *grown = realloc(*items, wanted * size);
    if (grown == NULL)
        return false;
    *items = grown;
    *capacity = wanted;
    return true;
}

/* ---- what clients saw -------------------------------------------------------------- */

int annals_add(struct annals *h, const struct annals_call *call)
{
    if (!grow((void **)&h->calls, h->count, &h->capacity, sizeof *call))
        return ERR_MEMORY;
    h->calls[h->count++] = *call;
    return 0;
}

int annals_join(struct annals *h, const struct annals *other)
{
    int error = 0;
    for (uint32_t i = 0; i < other->count && error == 0; i++)
        error = annals_add(h, &other->calls[i]);
    return error;
}

void annals_print(const struct annals *h, FILE *out)
{
    static const char *const outcomes[] = {"unknown", "ok", "fail"};
    for (uint32_t i = 0; i < h->count; i++) {
        const struct annals_call *c = &h->calls[i];
        fprintf(out,
                "%" PRId64 " %" PRId64 " client %u life %u lane %u account %u %s %" PRIu64
                " %" PRId64 " %s gseq %" PRIu64 "\n",
                c->began_ns, c->ended_ns, c->client, c->life, c->lane, c->account,
                msg_name(c->kind), c->name, c->amount, outcomes[c->outcome], c->gseq);
    }
}

void annals_close(struct annals *h)
{
    free(h->calls);
    *h = (struct annals){.count = 0};
}

/* ---- what the log says ------------------------------------------------------------- */

int annals_log_add(struct annals_log *log, const struct annals_record *record)
{
    if (!grow((void **)&log->records, log->count, &log->capacity, sizeof *record))
        return ERR_MEMORY;
    log->records[log->count++] = *record;
    return 0;
}

void annals_log_close(struct annals_log *log)
{
    free(log->records);
    *log = (struct annals_log){.count = 0};
}

int annals_adopt(struct annals *h, const struct annals_log *log)
{
    int error = 0;
    for (uint32_t i = 0; i < log->count && error == 0; i++) {
        const struct annals_record *r = &log->records[i];
        const struct annals_call call = {.client = UINT32_MAX,
                                         .life = i,
                                         .kind = r->kind,
                                         .account = r->account,
                                         .name = r->name,
                                         .gseq = r->gseq,
                                         .outcome = ANNALS_OK};
        if (r->session != 0 && r->name != 0)
            error = annals_add(h, &call);
    }
    return error;
}

struct reading {
    struct annals_log *log;
    uint32_t *accounts; /* of sessions, by gseq */
    uint64_t capacity;
    int error;
};

static bool note_open(struct reading *r, uint64_t gseq, uint32_t account)
{
    if (gseq >= r->capacity) {
        uint64_t capacity = 2 * gseq + 1024;
        uint32_t *grown = realloc(r->accounts, capacity * sizeof *grown);
        if (grown == NULL)
            return false;
        for (uint64_t i = r->capacity; i < capacity; i++)
            grown[i] = 0;
        r->accounts = grown;
        r->capacity = capacity;
    }
    r->accounts[gseq] = account;
    return true;
}

static void take_money(struct annals_record *to, uint32_t account, uint32_t asset,
                       int64_t amount, uint64_t reference)
{
    to->account = account;
    to->asset = asset;
    to->amount = amount;
    to->name = reference;
}

/* False for what is neither a command that clients of ours give nor moved money. */
static bool describe(const struct msg *m, struct annals_record *to)
{
    switch (m->kind) {
    case MSG_order_new:
        to->name = m->order_new.cl_ord_id;
        return true;
    case MSG_order_cancel:
        to->name = m->order_cancel.cl_ord_id;
        return true;
    case MSG_order_replace:
        to->name = m->order_replace.cl_ord_id;
        return true;
    case MSG_deposit:
        take_money(to, m->deposit.account, m->deposit.asset, m->deposit.amount,
                   m->deposit.reference);
        return true;
    case MSG_withdraw:
        take_money(to, m->withdraw.account, m->withdraw.asset, -m->withdraw.amount,
                   m->withdraw.reference);
        return true;
    case MSG_deposit_done:
        take_money(to, m->deposit_done.account, m->deposit_done.asset,
                   m->deposit_done.amount, m->deposit_done.reference);
        to->request = m->deposit_done.request;
        return true;
    case MSG_withdraw_done:
        take_money(to, m->withdraw_done.account, m->withdraw_done.asset,
                   -m->withdraw_done.amount, m->withdraw_done.reference);
        to->request = m->withdraw_done.request;
        return true;
    default:
        return false;
    }
}

static bool read_record(void *argument, const struct block_record *record)
{
    struct reading *r = argument;
    struct msg msg;
    if (codec_decode_whole(record->bytes, record->size, &msg) != 0) {
        r->error = ERR_CORRUPT;
        return false;
    }
    struct annals_record to = {.gseq = record->seq, .kind = (uint32_t)msg.kind};
    if (msg.kind == MSG_open && !note_open(r, record->seq, msg.open.account))
        r->error = ERR_MEMORY;
    if (record->source > 0) {
        to.session = (uint64_t)record->source;
        to.n = record->n;
        to.account = to.session < r->capacity ? r->accounts[to.session] : 0;
    }
    if (describe(&msg, &to) || to.session != 0)
        r->error = annals_log_add(r->log, &to);
    return r->error == 0;
}

int annals_log_read(struct annals_log *log, const char *directory)
{
    struct reading r = {.log = log};
    *log = (struct annals_log){.count = 0};
    int error = reference_walk(directory, read_record, &r);
    free(r.accounts);
    return error != 0 ? error : r.error;
}
