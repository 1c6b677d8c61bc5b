/* command.c - what each command gets for an answer, and whether it enters the log. */
#include "services/sequencer/command.h"

#include <string.h>

#include "common/ablate.h"
#include "common/bus.h"
#include "common/error.h"
#include "common/fault.h"
#include "proto/codec.h"

/* ---- answers to clients, through their gateway ------------------------------------- */

static void answer(struct outbox *outbox, const struct command_arrival *a,
                   const struct msg *m)
{
    outbox_send(outbox, BUS_SERVER, a->peer, m);
}

static void refuse(struct outbox *outbox, const struct command_arrival *a, int reason,
                   uint64_t value)
{
    struct msg m = {.kind = MSG_refused};
    m.refused.session = a->session;
    m.refused.n = a->n;
    m.refused.reason = (uint16_t)error_number(reason);
    m.refused.value = value;
    m.refused.account = a->account;
    answer(outbox, a, &m);
}

static void say_accepted(struct outbox *outbox, const struct command_arrival *a,
                         uint64_t gseq)
{
    struct msg m = {.kind = MSG_accepted};
    m.accepted.session = a->session;
    m.accepted.n = a->n;
    m.accepted.gseq = gseq;
    m.accepted.account = a->account;
    answer(outbox, a, &m);
}

static void say_conflict(struct outbox *outbox, const struct command_arrival *a,
                         uint64_t gseq)
{
    struct msg m = {.kind = MSG_conflict};
    m.conflict.session = a->session;
    m.conflict.n = a->n;
    m.conflict.gseq = gseq;
    m.conflict.account = a->account;
    answer(outbox, a, &m);
}

static void say_gone(struct outbox *outbox, const struct command_arrival *a,
                     uint64_t session, uint64_t last_n)
{
    struct msg m = {.kind = MSG_session_gone};
    m.session_gone.session = session;
    m.session_gone.last_n = last_n;
    m.session_gone.nonce = a->session == 0 ? a->n : 0;
    m.session_gone.account = a->account;
    answer(outbox, a, &m);
}

static void say_opened(struct outbox *outbox, const struct command_arrival *a,
                       uint64_t session)
{
    struct msg m = {.kind = MSG_opened};
    m.opened.nonce = a->n;
    m.opened.session = session;
    m.opened.account = a->account;
    answer(outbox, a, &m);
}

/* ---- commands ---------------------------------------------------------------------- */

/* A look at the kind without decoding: orders give way before cancels do. */
static bool is_order(const uint8_t *body, uint32_t size)
{
    const uint32_t kind = codec_kind(body, size);
    return kind == MSG_order_new || kind == MSG_order_replace;
}

static bool is_command(uint16_t kind)
{
    return (kind >= MSG_close && kind <= MSG_withdraw) ||
           (kind >= MSG_asset_set && kind <= MSG_deposit) || kind == MSG_skip ||
           kind == MSG_consumer || kind == MSG_session_close;
}

/* The operator's commands that the sequencer itself carries out, before risk has a word:
 * why this one is not taken, or 0. */
static int check_own(struct sequencer *s, uint32_t account, struct msg *m,
                     uint64_t *value)
{
    if (m->kind != MSG_skip && m->kind != MSG_session_close)
        return 0;
    *value = account;
    if (account != ACCOUNT_ADMIN)
        return ERR_WRONG_ROLE;
    if (m->kind == MSG_skip)
        return roster_check_skip(&s->roster, &m->skip, s->mono_ns, value);
    struct msg_session_close *close = &m->session_close;
    *value = close->session;
    close->session = dedupe_find_session(&s->dedupe, close->account, close->session);
    return close->session == 0 ? ERR_NOT_FOUND : 0;
}

static void end_session(struct sequencer *s, struct outbox *outbox,
                        const struct msg_session_close *close)
{
    struct msg m = {.kind = MSG_session_closed};
    m.session_closed.session = close->session;
    m.session_closed.account = close->account;
    sequencer_append_own(s, outbox, &m);
}

/* Is the venue too far behind for one more? Cancels are still taken when orders are not;
 * a shard stops everything only where the gateways failed to stop its own orders. */
static bool is_behind(const struct sequencer *s, bool order)
{
    const uint64_t window = s->settings.window_records;
    const uint64_t lag = roster_lag(&s->roster, SERVICE_RISK, s->next);
    if (lag > (order ? window : window + window / 4))
        return true;
    for (uint32_t k = 0; order && k < s->genesis.shards; k++)
        if (roster_lag(&s->roster, SERVICE_SHARD + k, s->next) >
            4 * (uint64_t)s->settings.shard_window_records)
            return true;
    return false;
}

/* The operator is let in even where all are behind: he may come to say SKIP. */
static bool is_urgent(uint32_t account, uint32_t kind)
{
    return account == ACCOUNT_ADMIN && (kind == MSG_open || kind == MSG_skip);
}

/* Why nothing new is taken now, or 0. */
static int closed_for(const struct sequencer *s, bool storage_full, bool order)
{
    if (!s->open || storage_full)
        return ERR_UNAVAILABLE;
    return is_behind(s, order) || FAULT(SEQUENCER_BUSY) ? ERR_BUSY : 0;
}

static void open_session(struct sequencer *s, struct outbox *outbox,
                         const struct command_arrival *a)
{
    struct msg m = {.kind = MSG_open};
    m.open.account = a->account;
    m.open.nonce = a->n;
    say_opened(outbox, a, sequencer_append_own(s, outbox, &m));
}

static void decide_open(struct sequencer *s, const struct core_time *time,
                        struct outbox *outbox, const struct command_arrival *a)
{
    const struct dedupe_finding f = dedupe_find_open(&s->dedupe, a->account, a->n);
    int closed = closed_for(s, time->storage_full, true);
    if (closed == ERR_BUSY && is_urgent(a->account, MSG_open) && !ABLATE(OPERATOR_WAITS))
        closed = 0;
    if (f.verdict == DEDUPE_REPEAT)
        say_opened(outbox, a, f.gseq);
    else if (f.verdict == DEDUPE_GONE)
        say_gone(outbox, a, f.gseq, f.last_n);
    else if (f.verdict == DEDUPE_UNKNOWN)
        refuse(outbox, a, ERR_UNKNOWN_ACCOUNT, 0);
    else if (f.verdict == DEDUPE_CONFLICT)
        refuse(outbox, a, ERR_DUPLICATE, 0);
    else if (closed != 0)
        refuse(outbox, a, closed, SEQUENCER_RETRY_MS);
    else if (f.verdict == DEDUPE_FULL)
        refuse(outbox, a, ERR_CAPACITY, 0);
    else
        open_session(s, outbox, a);
}

static void take_command(struct sequencer *s, const struct core_time *time,
                         struct outbox *outbox, const struct command_arrival *a,
                         const uint8_t *body, uint32_t size)
{
    struct msg m MSG_UNSET;
    int closed = closed_for(s, time->storage_full, is_order(body, size));
    if (closed == ERR_BUSY && is_urgent(a->account, codec_kind(body, size)))
        closed = 0;
    if (closed != 0) {
        refuse(outbox, a, closed, SEQUENCER_RETRY_MS);
        return;
    }
    int error = codec_decode_whole(body, size, &m);
    if (error == 0 && !is_command(m.kind))
        error = ERR_UNKNOWN_KIND;
    if (error != 0) {
        refuse(outbox, a, ERR_BAD, error_number(error));
        return;
    }
    uint64_t value = 0;
    error = check_own(s, a->account, &m, &value);
    if (error != 0) {
        refuse(outbox, a, error, value);
        return;
    }
    sequencer_append(s, outbox, (int64_t)a->session, a->n, &m, body, size);
    if (m.kind == MSG_close)
        say_gone(outbox, a, a->session, a->n);
    else if (m.kind == MSG_session_close)
        end_session(s, outbox, &m.session_close);
}

static void decide_command(struct sequencer *s, const struct core_time *time,
                           struct outbox *outbox, const struct command_arrival *a,
                           const uint8_t *body, uint32_t size)
{
    const struct dedupe_finding f =
        dedupe_find(&s->dedupe, a->session, a->account, a->n, body, size);
    switch (f.verdict) {
    case DEDUPE_NEW:
        take_command(s, time, outbox, a, body, size);
        break;
    case DEDUPE_REPEAT:
        say_accepted(outbox, a, f.gseq);
        break;
    case DEDUPE_CONFLICT:
        say_conflict(outbox, a, f.gseq);
        break;
    case DEDUPE_GAP:
        refuse(outbox, a, ERR_GAP, f.last_n + 1);
        break;
    case DEDUPE_GONE:
        say_gone(outbox, a, f.gseq, f.last_n);
        break;
    default:
        refuse(outbox, a, ERR_UNKNOWN_SESSION, 0);
        break;
    }
}

/* Waits for turn(), so that all reports of this drain come first. */
void command_enqueue(struct sequencer *s, struct outbox *outbox,
                     const struct command_arrival *a, const uint8_t *body, uint32_t size)
{
    const uint64_t used = s->queue.tail - s->queue.head;
    const bool crowded = used > SEQUENCER_QUEUE_BYTES / 4 * 3;
    uint8_t *item = NULL;
    if ((!crowded || (a->session != 0 && !is_order(body, size))) && !FAULT(QUEUE_FULL))
        item = ring_reserve(&s->queue, (uint32_t)sizeof *a + size);
    if (item == NULL) {
        refuse(outbox, a, ERR_BUSY, SEQUENCER_RETRY_MS);
        return;
    }
    memcpy(item, a, sizeof *a);
    if (size > 0)
        memcpy(item + sizeof *a, body, size);
}

void command_decide_front(struct sequencer *s, const struct core_time *time,
                          struct outbox *outbox)
{
    uint32_t size = 0;
    const uint8_t *item = ring_front(&s->queue, &size);
    struct command_arrival a;
    memcpy(&a, item, sizeof a);
    if (a.session == 0)
        decide_open(s, time, outbox, &a);
    else
        decide_command(s, time, outbox, &a, item + sizeof a, size - (uint32_t)sizeof a);
    ring_drop(&s->queue);
}
