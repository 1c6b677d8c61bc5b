/* lookup.c - queries, passed on to the service that can answer. */
#include "services/gateway/lookup.h"

#include <string.h>

#include "common/bus.h"
#include "common/check.h"
#include "common/error.h"
#include "common/fault.h"
#include "proto/codec.h"
#include "services/gateway/gateway_core.h"

#define LOOK_NS UINT64_C(50000000) /* how often they are looked through */

/* Whose rows a query gives. */
enum scope {
    OWN,    /* a trader's own; an admin's or auditor's choice, 0 for all */
    PUBLIC, /* nobody's in particular */
    STAFF,  /* for admins and auditors only */
};

struct destination {
    uint32_t service; /* 0: the shard of the symbol */
    enum scope scope;
};

static const struct destination destinations[] = {
    [QUERY_KIND_SYMBOLS] = {SERVICE_RISK, PUBLIC},
    [QUERY_KIND_ASSETS] = {SERVICE_RISK, PUBLIC},
    [QUERY_KIND_ACCOUNTS] = {SERVICE_RISK, OWN},
    [QUERY_KIND_KEYS] = {SERVICE_RISK, STAFF},
    [QUERY_KIND_BALANCES] = {SERVICE_RISK, OWN},
    [QUERY_KIND_ORDERS] = {SERVICE_PORTFOLIO, OWN},
    [QUERY_KIND_ORDER] = {SERVICE_PORTFOLIO, OWN},
    [QUERY_KIND_TRADES] = {SERVICE_PORTFOLIO, OWN},
    [QUERY_KIND_POSITIONS] = {SERVICE_PORTFOLIO, OWN},
    [QUERY_KIND_TRANSACTIONS] = {SERVICE_PORTFOLIO, OWN},
    [QUERY_KIND_REPORTS] = {SERVICE_PORTFOLIO, OWN},
    [QUERY_KIND_BOOK] = {0, PUBLIC},
    [QUERY_KIND_POSTINGS] = {SERVICE_SETTLEMENT, OWN},
    [QUERY_KIND_LEDGER] = {SERVICE_SETTLEMENT, OWN},
    [QUERY_KIND_SETTLEMENT] = {SERVICE_SETTLEMENT, PUBLIC},
    [QUERY_KIND_STATUS] = {SERVICE_SEQUENCER, PUBLIC},
    [QUERY_KIND_HOLDS] = {SERVICE_RISK, OWN},
    [QUERY_KIND_CHAIN] = {SERVICE_SEQUENCER, PUBLIC},
};

static void say(struct outbox *outbox, const struct peer *p, uint64_t id, int reason)
{
    struct msg m = {.kind = MSG_answer};
    m.answer.id = id;
    m.answer.reason = (uint16_t)error_number(reason);
    outbox_send(outbox, BUS_CLIENTS, p->handle, &m);
}

/* Sets the account the rows are of. ERR_WRONG_ROLE if the peer may not see them. */
static int scope_query(const struct gateway *g, const struct peer *p, struct msg_query *q)
{
    const enum scope scope = destinations[q->kind].scope;
    const uint8_t role = directory_role(&g->directory, p->account);
    if (role == ROLE_ADMIN || role == ROLE_AUDITOR)
        return 0;
    if (scope == STAFF || (q->account != 0 && q->account != p->account))
        return ERR_WRONG_ROLE;
    q->account = p->account;
    return 0;
}

/* Who answers this; 0: the symbol is on no shard. */
static uint32_t find_service(const struct gateway *g, const struct msg_query *q)
{
    if (destinations[q->kind].service != 0)
        return destinations[q->kind].service;
    const uint32_t shard = directory_shard(&g->directory, q->symbol);
    return shard == DIRECTORY_NO_SHARD ? 0 : SERVICE_SHARD + shard;
}

static struct lookup *take_entry(struct lookup_table *t)
{
    for (uint32_t tries = 0; t->count < LOOKUP_MAX && tries < LOOKUP_MAX; tries++) {
        const uint64_t id = ++t->serial;
        struct lookup *entry = &t->entries[id % LOOKUP_MAX];
        if (entry->id == 0) {
            entry->id = id;
            t->count++;
            return entry;
        }
    }
    return NULL;
}

static void send_query(struct outbox *outbox, const struct lookup *entry)
{
    const struct msg m = {.kind = MSG_query, .query = entry->query};
    outbox_send(outbox, BUS_SERVICE, entry->service, &m);
}

/* Registers a question and sends it. 0: no entry is free. */
static uint64_t ask(struct gateway *g, struct outbox *outbox, const struct peer *p,
                    enum lookup_purpose purpose, uint32_t service,
                    const struct msg_query *q)
{
    struct lookup *entry = FAULT(LOOKUP_FULL) ? NULL : take_entry(&g->lookups);
    if (entry == NULL)
        return 0;
    entry->client_id = q->id;
    entry->peer = p->handle;
    entry->service = service;
    entry->purpose = purpose;
    entry->deadline_ns = g->now_ns + g->settings.query_timeout_ms * UINT64_C(1000000);
    entry->query = *q;
    entry->query.id = entry->id;
    send_query(outbox, entry);
    return entry->id;
}

uint64_t lookup_ask(struct gateway *g, struct outbox *outbox, const struct peer *p,
                    enum lookup_purpose purpose, const struct msg_query *q)
{
    CHECK(purpose != LOOKUP_CLIENT);
    return ask(g, outbox, p, purpose, destinations[q->kind].service, q);
}

/* One peer, one account, and all clients together leave room for others: a question may
 * wait seconds for the position it names. */
static bool is_crowded(const struct gateway *g, const struct peer *p)
{
    uint32_t waiting = 0;
    for (const struct peer *at = peer_first(&g->peers, p->account); at != NULL;
         at = peer_next(&g->peers, at))
        waiting += at->queries;
    return p->queries >= PEER_QUERIES_MAX || waiting >= LOOKUP_OF_ACCOUNT_MAX ||
           g->lookups.count >= LOOKUP_OF_CLIENTS_MAX;
}

void lookup_query(struct gateway *g, struct outbox *outbox, struct peer *p,
                  const struct msg_query *query)
{
    struct msg_query q = *query;
    CHECK(q.kind < sizeof destinations / sizeof *destinations);
    int reason = scope_query(g, p, &q);
    const uint32_t service = find_service(g, &q);
    if (reason == 0 && service == 0)
        reason = ERR_UNKNOWN_SYMBOL;
    if (reason == 0 &&
        limiter_take(&g->limiter, p->account, LIMITER_QUERIES, g->now_ns) != 0)
        reason = ERR_RATE;
    if (reason == 0 && is_crowded(g, p))
        reason = ERR_BUSY;
    if (reason == 0 && ask(g, outbox, p, LOOKUP_CLIENT, service, &q) == 0)
        reason = ERR_BUSY;
    if (reason == 0)
        p->queries++;
    else
        say(outbox, p, q.id, reason);
}

/* One frame: the answer under the client's own id, and the rows as they came. */
static void pass_on(struct gateway *g, struct outbox *outbox, const struct peer *p,
                    uint64_t client_id, const struct msg_answer *answer,
                    const uint8_t *rows, size_t rows_size)
{
    struct msg m = {.kind = MSG_answer};
    m.answer = *answer;
    m.answer.id = client_id;
    size_t size = 0;
    if (rows_size > GATEWAY_ANSWER_BYTES - MESSAGE_BYTES_MAX ||
        !gateway_has_room(outbox, MESSAGE_BYTES_MAX + rows_size)) {
        say(outbox, p, client_id, ERR_BUSY);
        return;
    }
    int error = codec_encode(g->scratch, MESSAGE_BYTES_MAX, &m, &size);
    CHECK(error == 0);
    if (rows_size > 0)
        memcpy(g->scratch + size, rows, rows_size);
    outbox_send_bytes(outbox, BUS_CLIENTS, p->handle, g->scratch,
                      (uint32_t)(size + rows_size));
}

/* Hands an answer, or the lack of one, to whoever waits for it, and frees the entry. */
static void settle(struct gateway *g, struct outbox *outbox, struct lookup *entry,
                   const struct msg_answer *answer, const uint8_t *rows,
                   const uint8_t *end)
{
    const struct lookup was = *entry;
    struct peer *p = peer_find(&g->peers, was.peer);
    *entry = (struct lookup){0};
    g->lookups.count--;
    if (p == NULL)
        return;
    switch (was.purpose) {
    case LOOKUP_CLIENT:
        CHECK(p->queries > 0);
        p->queries--;
        pass_on(g, outbox, p, was.client_id, answer, rows, (size_t)(end - rows));
        break;
    case LOOKUP_CHAIN:
        resume_on_chain(g, outbox, p, answer, rows, end);
        break;
    case LOOKUP_REPORTS:
        resume_on_reports(g, outbox, p, answer, rows, end);
        break;
    }
}

/* The log says that the shard has the symbol, and the shard has not read that far; or it
 * has given it up, and the log has not been read so far here. */
static bool is_on_its_way(const struct lookup *entry, const struct msg_answer *answer)
{
    return entry->purpose == LOOKUP_CLIENT && entry->service >= SERVICE_SHARD &&
           answer->reason == error_number(ERR_UNKNOWN_SYMBOL);
}

int lookup_answer(struct gateway *g, struct outbox *outbox, uint32_t service,
                  const struct msg_answer *answer, const uint8_t **at, const uint8_t *end)
{
    const uint8_t *rows = *at;
    for (uint32_t i = 0; i < answer->count; i++) {
        struct msg row;
        size_t used = 0;
        int error = codec_decode(*at, (size_t)(end - *at), &row, &used);
        if (error != 0)
            return error;
        *at += used;
    }
    struct lookup *entry = &g->lookups.entries[answer->id % LOOKUP_MAX];
    const uint32_t asked =
        entry->service != 0 ? entry->service : find_service(g, &entry->query);
    if (entry->id != answer->id || asked != service)
        return 0;
    if (is_on_its_way(entry, answer))
        entry->service = 0;
    else
        settle(g, outbox, entry, answer, rows, *at);
    return 0;
}

void lookup_forget(struct lookup_table *t, uint32_t peer)
{
    for (uint32_t i = 0; i < LOOKUP_MAX && t->count > 0; i++) {
        if (t->entries[i].id == 0 || t->entries[i].peer != peer)
            continue;
        t->entries[i] = (struct lookup){0};
        t->count--;
    }
}

void lookup_unsent(struct lookup_table *t, uint32_t service)
{
    for (uint32_t i = 0; i < LOOKUP_MAX && t->count > 0; i++)
        if (t->entries[i].service == service)
            t->entries[i].service = 0;
}

/* By now the symbol may be on another shard. */
static void ask_again(const struct gateway *g, struct outbox *outbox,
                      struct lookup *entry)
{
    entry->service = find_service(g, &entry->query);
    if (entry->service != 0)
        send_query(outbox, entry);
}

void lookup_turn(struct gateway *g, struct outbox *outbox)
{
    struct lookup_table *t = &g->lookups;
    if (t->count == 0 || g->now_ns - t->looked_ns < LOOK_NS)
        return;
    t->looked_ns = g->now_ns;
    for (uint32_t i = 0; i < LOOKUP_MAX; i++) {
        struct lookup *entry = &t->entries[i];
        bool is_late = entry->deadline_ns <= g->now_ns || FAULT(LOOKUP_LATE);
        if (entry->id == 0 || !gateway_has_room(outbox, 0))
            continue;
        if (!is_late && entry->service == 0)
            ask_again(g, outbox, entry);
        if (!is_late)
            continue;
        const struct msg_answer none = {
            .id = entry->id, .reason = (uint16_t)error_number(ERR_UNAVAILABLE)};
        settle(g, outbox, entry, &none, NULL, NULL);
    }
}
