/* resume.c - from the last report a client took to the live feed, without a gap. */
#include "services/gateway/resume.h"

#include <string.h>

#include "common/ablate.h"
#include "common/bus.h"
#include "common/check.h"
#include "common/error.h"
#include "common/fault.h"
#include "proto/big_endian.h"
#include "proto/codec.h"
#include "services/gateway/gateway_core.h"

void resume_init(struct resume_table *t, struct arena *arena)
{
    struct resume *replays = arena_take(arena, sizeof *replays * RESUME_MAX, 64);
    uint8_t *bytes = arena_take(arena, ring_size(RESUME_BYTES) * RESUME_MAX, 64);
    void *slots = arena_take(arena, pool_size(RESUME_MAX), 64);
    if (slots == NULL)
        return; /* only measured */
    t->replays = replays;
    pool_init(&t->slots, slots, RESUME_MAX);
    for (uint32_t i = 0; i < RESUME_MAX; i++)
        ring_init(&replays[i].waiting, bytes + i * ring_size(RESUME_BYTES), RESUME_BYTES);
}

void resume_end(struct gateway *g, struct peer *p)
{
    if (p->resume != POOL_NONE)
        pool_give(&g->resumes.slots, p->resume);
    p->resume = POOL_NONE;
    p->feed = PEER_DETACHED;
}

static void give_up(struct gateway *g, struct outbox *outbox, struct peer *p, int reason)
{
    const uint64_t session = g->resumes.replays[p->resume].session;
    resume_end(g, p);
    gateway_refuse(outbox, p, session, 0, reason, GATEWAY_RETRY_MS);
}

static void ask(struct gateway *g, struct outbox *outbox, struct peer *p,
                enum lookup_purpose purpose, const struct msg_query *q)
{
    struct resume *r = &g->resumes.replays[p->resume];
    r->question = lookup_ask(g, outbox, p, purpose, q);
    if (r->question == 0)
        give_up(g, outbox, p, ERR_BUSY);
}

static void ask_page(struct gateway *g, struct outbox *outbox, struct peer *p,
                     uint64_t cursor)
{
    const struct resume *r = &g->resumes.replays[p->resume];
    const struct msg_query q = {
        .kind = QUERY_KIND_REPORTS,
        .after = ABLATE(RESUME_UNJOINED) ? 0 : r->joined_gseq,
        .account = p->account,
        .cursor = cursor,
        .limit = FAULT(RESUME_PAGE) ? 1 : RESUME_PAGE,
    };
    ask(g, outbox, p, LOOKUP_REPORTS, &q);
}

/* From here on live reports wait; portfolio gives all up to here, and maybe more. */
static void join(struct gateway *g, struct outbox *outbox, struct peer *p)
{
    struct resume *r = &g->resumes.replays[p->resume];
    r->joined_gseq = g->gseq;
    p->feed = PEER_REPLAYING;
    ask_page(g, outbox, p, p->taken_gseq);
}

static void check_tag(struct gateway *g, struct outbox *outbox, struct peer *p)
{
    const struct msg_query q = {
        .kind = QUERY_KIND_CHAIN,
        .after = g->resumes.replays[p->resume].tag_gseq,
        .limit = 1,
    };
    p->feed = PEER_CHECKING;
    ask(g, outbox, p, LOOKUP_CHAIN, &q);
}

void resume_start(struct gateway *g, struct outbox *outbox, struct peer *p,
                  const struct msg_resume *m)
{
    struct session *s = session_find(&g->sessions, m->session);
    if (s != NULL && s->account != p->account) {
        gateway_refuse(outbox, p, m->session, 0, ERR_UNKNOWN_SESSION, 0);
        return;
    }
    if (s != NULL)
        s->peer = p->handle;
    resume_end(g, p);
    p->resume = FAULT(RESUME_FULL) ? POOL_NONE : pool_take(&g->resumes.slots);
    if (p->resume == POOL_NONE) {
        gateway_refuse(outbox, p, m->session, 0, ERR_BUSY, GATEWAY_RETRY_MS);
        return;
    }
    struct resume *r = &g->resumes.replays[p->resume];
    r->session = m->session;
    r->tag_gseq = m->tag_gseq;
    r->tag = m->tag;
    r->peer = p->handle;
    r->tries = 0;
    r->complete = false;
    ring_clear(&r->waiting);
    p->taken_gseq = m->last_gseq;
    if (r->tag_gseq != 0)
        check_tag(g, outbox, p);
    else
        join(g, outbox, p);
}

/* Is this the answer the peer's replay waits for? */
static bool is_awaited(const struct gateway *g, const struct peer *p, enum peer_feed feed,
                       const struct msg_answer *answer)
{
    return p->resume != POOL_NONE && p->feed == feed &&
           g->resumes.replays[p->resume].question == answer->id;
}

/* The first 8 bytes of the chain in the row, big-endian; false if it is none. */
static bool read_tag(const uint8_t *rows, const uint8_t *end, uint64_t gseq,
                     uint64_t *tag)
{
    struct msg m;
    size_t used = 0;
    if (codec_decode(rows, (size_t)(end - rows), &m, &used) != 0 ||
        m.kind != MSG_row_chain || m.row_chain.gseq != gseq)
        return false;
    *tag = big_endian_get(m.row_chain.chain, sizeof *tag);
    return true;
}

/* A boundary that a gateway named and the log does not have is as bad as another chain
 * there: the log is not the one that the client knew. */
void resume_on_chain(struct gateway *g, struct outbox *outbox, struct peer *p,
                     const struct msg_answer *answer, const uint8_t *rows,
                     const uint8_t *end)
{
    if (!is_awaited(g, p, PEER_CHECKING, answer))
        return;
    const struct resume *r = &g->resumes.replays[p->resume];
    uint64_t tag = 0;
    if (answer->reason != 0 && answer->reason != error_number(ERR_NOT_FOUND)) {
        give_up(g, outbox, p, ERR_UNAVAILABLE);
    } else if (answer->count != 1 || !read_tag(rows, end, r->tag_gseq, &tag) ||
               tag != r->tag) {
        g->counts.tag_mismatches++;
        give_up(g, outbox, p, ERR_CORRUPT);
    } else {
        join(g, outbox, p);
    }
}

static void send_row(struct outbox *outbox, struct peer *p,
                     const struct msg_row_report *row)
{
    if (row->gseq <= p->taken_gseq)
        return;
    struct msg m = {.kind = MSG_report};
    m.report.gseq = row->gseq;
    m.report.prev = row->prev;
    m.report.time_ns = row->time_ns;
    m.report.body_size = row->body_size;
    memcpy(m.report.body, row->body, row->body_size);
    outbox_send(outbox, BUS_CLIENTS, p->handle, &m);
    p->taken_gseq = row->gseq;
}

static void send_page(struct outbox *outbox, struct peer *p, const uint8_t *rows,
                      const uint8_t *end)
{
    while (rows < end) {
        struct msg row;
        size_t used = 0;
        int error = codec_decode(rows, (size_t)(end - rows), &row, &used);
        CHECK(error == 0); /* lookup_answer has walked them */
        if (row.kind == MSG_row_report)
            send_row(outbox, p, &row.row_report);
        rows += used;
    }
}

static void say_resumed(const struct gateway *g, struct outbox *outbox,
                        const struct peer *p)
{
    const struct resume *r = &g->resumes.replays[p->resume];
    const struct session *s = session_find(&g->sessions, r->session);
    struct msg m = {.kind = MSG_resumed};
    m.resumed.session = r->session;
    /* It may have opened since it was named. */
    m.resumed.last_n = s != NULL && s->account == p->account ? s->last_n : 0;
    m.resumed.last_gseq = p->taken_gseq;
    outbox_send(outbox, BUS_CLIENTS, p->handle, &m);
}

/* What has waited goes out as room allows; then the peer is live. */
static void drain(struct gateway *g, struct outbox *outbox, struct peer *p)
{
    struct ring *waiting = &g->resumes.replays[p->resume].waiting;
    uint32_t size = 0;
    for (const uint8_t *item; (item = ring_front(waiting, &size)) != NULL;
         ring_drop(waiting)) {
        uint64_t gseq;
        if (!gateway_has_room(outbox, size))
            return;
        memcpy(&gseq, item, sizeof gseq);
        if (gseq <= p->taken_gseq)
            continue;
        outbox_send_bytes(outbox, BUS_CLIENTS, p->handle, item + sizeof gseq,
                          size - (uint32_t)sizeof gseq);
        p->taken_gseq = gseq;
    }
    if (!gateway_has_room(outbox, 0))
        return;
    say_resumed(g, outbox, p);
    resume_end(g, p);
    p->feed = PEER_LIVE;
}

void resume_on_reports(struct gateway *g, struct outbox *outbox, struct peer *p,
                       const struct msg_answer *answer, const uint8_t *rows,
                       const uint8_t *end)
{
    if (!is_awaited(g, p, PEER_REPLAYING, answer))
        return;
    struct resume *r = &g->resumes.replays[p->resume];
    const bool pending = answer->reason == error_number(ERR_PENDING);
    const size_t room = answer->count * (size_t)GATEWAY_SEND_ROOM;
    if (answer->reason != 0 && answer->reason != error_number(ERR_NOT_FOUND) &&
        !pending) {
        give_up(g, outbox, p, ERR_UNAVAILABLE);
    } else if (pending || !gateway_has_room(outbox, room)) {
        if (++r->tries >= RESUME_TRIES)
            give_up(g, outbox, p, ERR_UNAVAILABLE);
        else
            ask_page(g, outbox, p, p->taken_gseq);
    } else {
        r->tries = 0;
        send_page(outbox, p, rows, end);
        r->complete = answer->cursor == 0;
        if (r->complete)
            drain(g, outbox, p);
        else
            ask_page(g, outbox, p, answer->cursor);
    }
}

void resume_wait(struct gateway *g, struct outbox *outbox, struct peer *p, uint64_t gseq,
                 const uint8_t *bytes, uint32_t size)
{
    uint8_t *item = ring_reserve(&g->resumes.replays[p->resume].waiting,
                                 (uint32_t)sizeof gseq + size);
    if (item == NULL) {
        gateway_cut(g, outbox, p, ERR_LIMIT);
        return;
    }
    memcpy(item, &gseq, sizeof gseq);
    memcpy(item + sizeof gseq, bytes, size);
}

void resume_turn(struct gateway *g, struct outbox *outbox)
{
    for (uint32_t i = 0; i < g->resumes.slots.fresh; i++) {
        if (!pool_is_taken(&g->resumes.slots, i) || !g->resumes.replays[i].complete)
            continue;
        struct peer *p = peer_find(&g->peers, g->resumes.replays[i].peer);
        CHECK(p != NULL && p->resume == i);
        drain(g, outbox, p);
    }
}
