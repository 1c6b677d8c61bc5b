/* sequencer_core.c - frames in, records and answers out. */
#include "services/sequencer/sequencer_core.h"

#include <string.h>

#include "common/arena.h"
#include "common/bus.h"
#include "common/check.h"
#include "common/error.h"
#include "common/fault.h"
#include "common/reader.h"
#include "common/service_rights.h"
#include "common/writer.h"
#include "proto/codec.h"
#include "services/sequencer/command.h"
#include "services/sequencer/submission.h"

/* What one record and one answer take in the outbox at most, with their headers. */
#define APPEND_ROOM (2 * (24 + MESSAGE_BYTES_MAX)) /* a session_close makes two */
#define SEND_ROOM   (12 + MESSAGE_BYTES_MAX + ROSTER_SKIPS * 32)

/* ---- the fold ---------------------------------------------------------------------- */

static void fold_system(struct sequencer *s, uint64_t gseq, uint64_t time_ns,
                        const struct msg *m)
{
    switch (m->kind) {
    case MSG_epoch:
        CHECK(m->epoch.epoch == s->epoch + 1);
        s->epoch = m->epoch.epoch;
        break;
    case MSG_tick:
        CHECK(m->tick.number == s->tick + 1);
        s->tick = m->tick.number;
        s->tick_ns = time_ns;
        break;
    case MSG_open:
        dedupe_open(&s->dedupe, gseq, m->open.account, m->open.nonce);
        break;
    case MSG_session_closed:
        dedupe_close(&s->dedupe, m->session_closed.session);
        break;
    default:
        CHECK(m->kind == MSG_genesis && gseq == 1); /* nothing else has source 0 */
    }
}

/* The operator's command takes effect where risk confirms it. */
static void fold_done(struct sequencer *s, const struct msg_admin_done *done)
{
    struct msg command;
    if (codec_decode_whole(done->body, done->body_size, &command) == 0 &&
        command.kind == MSG_consumer)
        roster_register(&s->roster, command.consumer.service,
                        command.consumer.registered != 0);
}

static void fold(struct sequencer *s, const struct core_input *in)
{
    CHECK(in->seq == s->next && in->time_ns > s->time_ns);
    s->next++;
    s->time_ns = in->time_ns;
    if (in->source == 0) {
        fold_system(s, in->seq, in->time_ns, in->msg);
    } else if (in->source < 0) {
        roster_submitted(&s->roster, in->source, in->n, in->bytes, in->bytes_size);
        if (in->msg->kind == MSG_admin_done)
            fold_done(s, &in->msg->admin_done);
    } else {
        dedupe_accept(&s->dedupe, (uint64_t)in->source, in->n, in->seq, in->bytes,
                      in->bytes_size);
        if (in->msg->kind == MSG_close)
            dedupe_close(&s->dedupe, (uint64_t)in->source);
        else if (in->msg->kind == MSG_skip)
            roster_skip(&s->roster,
                        &in->msg->skip); /* at once: risk may be who stopped */
    }
}

static void apply(void *state, const struct core_input *in, struct outbox *outbox)
{
    struct sequencer *s = state;
    CHECK(!s->live);
    (void)outbox;
    fold(s, in);
}

/* ---- appending --------------------------------------------------------------------- */

bool sequencer_has_room(const struct outbox *outbox)
{
    return !FAULT(OUTBOX_FULL) &&
           outbox->appends.capacity - outbox->appends.size >= APPEND_ROOM &&
           outbox->sends.capacity - outbox->sends.size >= SEND_ROOM;
}

/* Puts a record at the end of the log. Returns its gseq. */
uint64_t sequencer_append(struct sequencer *s, struct outbox *outbox, int64_t source,
                          uint64_t n, const struct msg *m, const uint8_t *bytes,
                          uint32_t size)
{
    uint64_t time_ns = s->time_ns + 1;
    if (outbox->appends.count == 0) {
        if (s->clock.now_ns > time_ns)
            time_ns = s->clock.now_ns;
        outbox->append_time_ns = time_ns;
    }
    outbox_append(outbox, source, n, bytes, size);
    const struct core_input in = {
        .seq = s->next,
        .gseq = s->next,
        .time_ns = time_ns,
        .source = source,
        .n = n,
        .msg = m,
        .bytes = bytes,
        .bytes_size = size,
    };
    fold(s, &in);
    return in.seq;
}

uint64_t sequencer_append_own(struct sequencer *s, struct outbox *outbox,
                              const struct msg *m)
{
    uint8_t bytes[MESSAGE_BYTES_MAX];
    size_t size = 0;
    int error = codec_encode(bytes, sizeof bytes, m, &size);
    CHECK(error == 0);
    return sequencer_append(s, outbox, 0, 0, m, bytes, (uint32_t)size);
}

/* Replay is over: the epoch rises before anything else is written. */
static void go_live(struct sequencer *s, const struct core_time *time,
                    struct outbox *outbox)
{
    uint64_t start_ns = s->time_ns + 1;
    if (s->settings.clock_jump && time->wall_ns > start_ns)
        start_ns = time->wall_ns;
    logtime_start(&s->clock, start_ns, time->mono_ns);
    struct msg m = {.kind = MSG_epoch};
    m.epoch.epoch = s->epoch + 1;
    m.epoch.wall_ns = time->wall_ns;
    m.epoch.version = s->genesis.version;
    sequencer_append_own(s, outbox, &m);
    s->live = true;
}

static void advance(struct sequencer *s, const struct core_time *time,
                    struct outbox *outbox)
{
    if (!s->live)
        go_live(s, time, outbox);
    logtime_advance(&s->clock, time->mono_ns, time->wall_ns);
    s->mono_ns = time->mono_ns;
}

/* ---- frames ------------------------------------------------------------------------ */

/* Why this check-in is none of this log's, or 0. */
static uint16_t judge(struct sequencer *s, const struct msg_checkin *checkin,
                      struct outbox *outbox)
{
    static const uint8_t unknown[sizeof checkin->log_id];
    if (memcmp(checkin->log_id, unknown, sizeof unknown) != 0 &&
        memcmp(checkin->log_id, s->genesis.log_id, sizeof unknown) != 0)
        return (uint16_t)error_number(ERR_OTHER_LOG);
    if (checkin->next > s->next)
        outbox->stop = ERR_LOG_BEHIND; /* this log was restored from an older copy */
    else
        roster_check_in(&s->roster, checkin->source, checkin->next, s->mono_ns);
    return 0;
}

static void tell_skips(const struct roster_service *known, int64_t source, uint32_t peer,
                       struct outbox *outbox)
{
    struct msg m = {.kind = MSG_skip, .skip = {.service = (uint32_t)-source}};
    for (uint32_t i = 0; i < known->skip_count; i++) {
        m.skip.sequence = known->skips[i];
        outbox_send(outbox, BUS_SERVER, peer, &m);
    }
}

static void welcome(struct sequencer *s, const struct core_frame *frame,
                    const struct msg_checkin *checkin, struct outbox *outbox)
{
    const struct roster_service *known = roster_find(&s->roster, checkin->source);
    if (known == NULL)
        return;
    struct msg m = {.kind = MSG_welcome};
    m.welcome.reason = judge(s, checkin, outbox);
    if (m.welcome.reason == 0 &&
        !roster_lets_in(&s->roster, checkin, frame->peer, s->mono_ns))
        m.welcome.reason = (uint16_t)error_number(ERR_PENDING);
    memcpy(m.welcome.log_id, s->genesis.log_id, sizeof m.welcome.log_id);
    m.welcome.epoch = s->epoch;
    m.welcome.last_n = known->last_n;
    memcpy(m.welcome.digest, known->digest, sizeof m.welcome.digest);
    if (m.welcome.reason == 0) {
        m.welcome.skips = known->skip_count;
        tell_skips(known, checkin->source, frame->peer, outbox);
    }
    outbox_send(outbox, BUS_SERVER, frame->peer, &m);
}

static void receive_open(struct sequencer *s, const struct core_frame *frame,
                         const struct msg_submit_open *m, struct outbox *outbox)
{
    const struct command_arrival a = {
        .n = m->nonce, .peer = frame->peer, .account = m->account};
    command_enqueue(s, outbox, &a, NULL, 0);
}

static void receive_command(struct sequencer *s, const struct core_frame *frame,
                            const struct msg_submit_command *m, struct outbox *outbox)
{
    const struct command_arrival a = {
        .session = m->session, .n = m->n, .peer = frame->peer, .account = m->account};
    command_enqueue(s, outbox, &a, m->body, m->body_size);
}

/* Takes one message and what belongs to it. What a peer of the venue may not send is
 * counted and passed over; an error ends the frame. */
static int receive_message(struct sequencer *s, const struct core_frame *frame,
                           const uint8_t **at, struct outbox *outbox)
{
    struct msg m MSG_UNSET;
    size_t used = 0;
    int error =
        codec_decode(*at, (size_t)(frame->bytes + frame->bytes_size - *at), &m, &used);
    if (error != 0)
        return error;
    *at += used;
    if (!service_rights_allow(frame->source, &m)) {
        outbox->forbidden++;
        return m.kind == MSG_submission ? ERR_WRONG_ROLE : 0; /* bins follow it */
    }
    switch (m.kind) {
    case MSG_checkin:
        welcome(s, frame, &m.checkin, outbox);
        break;
    case MSG_position:
        roster_position(&s->roster, &m.position, s->mono_ns);
        break;
    case MSG_submission:
        return submission_receive(s, frame, &m.submission, at, outbox);
    case MSG_submit_open:
        receive_open(s, frame, &m.submit_open, outbox);
        break;
    case MSG_submit_command:
        receive_command(s, frame, &m.submit_command, outbox);
        break;
    default:
        break;
    }
    return 0;
}

/* Whatever does not fit into the outbox any more is dropped: it is sent again. */
static void receive(void *state, const struct core_frame *frame,
                    const struct core_time *time, struct outbox *outbox)
{
    struct sequencer *s = state;
    const uint8_t *at = frame->bytes;
    advance(s, time, outbox);
    while (at < frame->bytes + frame->bytes_size && sequencer_has_room(outbox))
        if (receive_message(s, frame, &at, outbox) != 0)
            return;
}

static void turn(void *state, const struct core_time *time, struct outbox *outbox)
{
    struct sequencer *s = state;
    advance(s, time, outbox);
    if (!s->open)
        s->open = s->settings.force_open || roster_is_complete(&s->roster);
    if (sequencer_has_room(outbox) && s->clock.now_ns >= s->tick_ns + SEQUENCER_TICK_NS) {
        struct msg m = {.kind = MSG_tick};
        m.tick.number = s->tick + 1;
        sequencer_append_own(s, outbox, &m);
    }
    while (s->queue.count > 0 && sequencer_has_room(outbox))
        command_decide_front(s, time, outbox);
    roster_measure_log(&s->roster, s->next, s->mono_ns);
}

/* ---- the rest of the contract ------------------------------------------------------ */

static void carve(struct sequencer *s, const struct msg_genesis *genesis,
                  struct arena *arena)
{
    struct sequencer *at = arena_take(arena, sizeof *s, ARENA_ALIGN_MAX);
    CHECK(at == s);
    void *queue = arena_take(arena, ring_size(SEQUENCER_QUEUE_BYTES), ARENA_ALIGN_MAX);
    dedupe_init(s != NULL ? &s->dedupe : NULL, arena, genesis->sessions_max,
                genesis->dedupe_window, genesis->accounts_max);
    if (s != NULL)
        ring_init(&s->queue, queue, SEQUENCER_QUEUE_BYTES);
}

static size_t size(const struct msg_genesis *genesis, uint32_t instance)
{
    struct arena arena;
    (void)instance;
    arena_init(&arena, NULL, SIZE_MAX);
    carve(NULL, genesis, &arena);
    return arena_used(&arena);
}

static void init(void *state, const struct msg_genesis *genesis, uint32_t instance)
{
    struct sequencer *s = state;
    struct arena arena;
    arena_init(&arena, state, size(genesis, instance));
    carve(s, genesis, &arena);
    s->genesis = *genesis;
    s->next = 1;
    roster_init(&s->roster);
}

static void configure(void *state, const struct core_settings *settings)
{
    struct sequencer *s = state;
    s->settings = *settings;
}

static void query(const void *state, const struct msg_query *q,
                  const struct core_rows *rows, struct core_answer *answer)
{
    const struct sequencer *s = state;
    (void)rows;
    if (q->kind != QUERY_KIND_STATUS) {
        answer->head.reason = (uint16_t)error_number(ERR_NOT_FOUND);
        return;
    }
    struct msg m = {.kind = MSG_row_service};
    m.row_service.source = -SERVICE_SEQUENCER;
    m.row_service.epoch = s->epoch;
    m.row_service.next = s->next;
    m.row_service.rate = roster_log_rate(&s->roster);
    m.row_service.ready = s->open;
    if (core_answer_add(answer, &m))
        roster_rows(&s->roster, s->epoch, s->next, s->mono_ns, answer);
}

static size_t head(const void *state, uint8_t *bytes, size_t capacity)
{
    const struct sequencer *s = state;
    return roster_positions(&s->roster, bytes, capacity);
}

static void save(const void *state, struct writer *w)
{
    const struct sequencer *s = state;
    writer_u64(w, s->next);
    writer_u64(w, s->time_ns);
    writer_u64(w, s->epoch);
    writer_u64(w, s->tick);
    writer_u64(w, s->tick_ns);
    roster_save(&s->roster, w);
    dedupe_save(&s->dedupe, w);
}

static int load(void *state, struct reader *r)
{
    struct sequencer *s = state;
    s->next = reader_u64(r);
    s->time_ns = reader_u64(r);
    s->epoch = reader_u64(r);
    s->tick = reader_u64(r);
    s->tick_ns = reader_u64(r);
    if (roster_load(&s->roster, r) != 0)
        return ERR_CORRUPT;
    return dedupe_load(&s->dedupe, r);
}

static uint64_t read_by_all(const void *state)
{
    const struct sequencer *s = state;
    return roster_read_by_all(&s->roster);
}

static void check(const void *state)
{
    const struct sequencer *s = state;
    CHECK(s->next >= 1 && s->tick_ns <= s->time_ns);
    dedupe_check(&s->dedupe);
}

const struct core_ops sequencer_core = {
    .name = "sequencer",
    .size = size,
    .init = init,
    .apply = apply,
    .query = query,
    .save = save,
    .load = load,
    .read_by_all = read_by_all,
    .check = check,
    .configure = configure,
    .receive = receive,
    .turn = turn,
    .head = head,
};

const struct service_kind sequencer_kind = {
    .core = &sequencer_core,
    .number = SERVICE_SEQUENCER,
    .input = SERVICE_STREAM_NONE,
    .owns = SERVICE_STREAM_LOG,
    .submits = false,
    .journal = 0,
};
