/* storm_hear.c - what clients are told, and what is counted of it. */
#include <inttypes.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/error.h"
#include "deploy/cli/args.h"
#include "proto/codec.h"
#include "tests/overload/storm_state.h"

enum { FRAMES_MAX = 256 /* taken before there is a look at the clock */ };

/* ---- what is counted --------------------------------------------------------------- */

struct storm_slice *storm_slice_of(struct storm *s, uint64_t time_ns)
{
    const uint64_t i = (time_ns - s->began_ns) / STORM_SLICE_NS;
    return &s->slices[i < STORM_SLICES ? i : STORM_SLICES - 1];
}

uint32_t storm_now(const struct storm *s)
{
    return (uint32_t)((clock_mono_ns() - s->began_ns) / STORM_SLICE_NS);
}

void storm_sum(const struct storm *s, uint32_t from, uint32_t to, struct storm_slice *sum)
{
    *sum = (struct storm_slice){.due = 0};
    for (uint32_t i = from; i < to && i < STORM_SLICES; i++) {
        sum->due += s->slices[i].due;
        sum->late += s->slices[i].late;
        sum->sent += s->slices[i].sent;
        sum->decided += s->slices[i].decided;
        sum->ended += s->slices[i].ended;
        histogram_merge(&sum->accepted, &s->slices[i].accepted);
        histogram_merge(&sum->outcome, &s->slices[i].outcome);
        histogram_merge(&sum->behind, &s->slices[i].behind);
    }
}

const struct storm_totals *storm_totals(const struct storm *s)
{
    return &s->totals;
}

/* ---- what comes back --------------------------------------------------------------- */

static struct lane *find_lane(struct storm *s, uint32_t i, uint64_t session)
{
    for (uint32_t k = 0; i < STORM_ACCOUNTS && k < STORM_LANES; k++)
        if (s->lanes[i][k].id == session)
            return &s->lanes[i][k];
    return &s->operator_lane;
}

void storm_heard(struct storm *s, const struct lane *l)
{
    const uint64_t silence_ns = s->now_ns - l->heard_ns;
    if (l->waiting > 0 && silence_ns > s->totals.silence_ns)
        s->totals.silence_ns = silence_ns;
}

static void take_accepted(struct storm *s, uint32_t i, const struct msg_accepted *m)
{
    struct lane *l = find_lane(s, i, m->session);
    storm_heard(s, l);
    const struct lane_order *order = lane_accept(l, m->n, s->now_ns);
    if (order == NULL || i == STORM_ADMIN)
        return;
    s->totals.accepted++;
    storm_slice_of(s, s->now_ns)->decided++;
    histogram_add(&storm_slice_of(s, order->sent_ns)->accepted,
                  s->now_ns - order->sent_ns);
}

static void refuse(struct storm *s, uint32_t i, struct lane *l, uint64_t n,
                   uint16_t reason)
{
    const struct lane_order *order = lane_refuse(l, n, s->now_ns);
    if (order == NULL || i == STORM_ADMIN)
        return;
    storm_slice_of(s, s->now_ns)->decided++;
    if (reason < STORM_REASONS)
        s->totals.refused[reason]++;
    s->totals.codeless += reason == 0 || reason >= STORM_REASONS;
    s->sent_of[order->name] = 0;
    s->under_way[i]--;
    struct storm_stock *stock = &s->stocks[i];
    CHECK(stock->count < STORM_LANES * LANE_WINDOW);
    stock->orders[stock->count++] = *order;
}

/* A gateway says GAP behind what it refused, once of all that is in the frame. Without a
 * refusal it is of numbers sent before, or the sequencer's, who lacks a frame: those are
 * sent again. */
static void take_refused(struct storm *s, uint32_t i, const struct msg_refused *m)
{
    if (m->session == 0) {
        if (s->opened == STORM_ACCOUNTS * STORM_LANES + 1 && s->code == ARGS_OK)
            s->code = args_fail("a connection is refused: %s", error_name(-m->reason));
        return; /* before, it is asked again */
    }
    struct lane *l = find_lane(s, i, m->session);
    storm_heard(s, l);
    if (i == STORM_ADMIN)
        s->code = args_fail("the operator is refused: %s", error_name(-m->reason));
    const bool is_gap = m->reason == error_number(ERR_GAP);
    const uint64_t end = !is_gap ? m->n + 1 : l->refused ? lane_frame_end(l, m->n) : m->n;
    for (uint64_t n = m->n; n < end; n++)
        refuse(s, i, l, n, m->reason);
}

static uint64_t name_of(const struct msg *m)
{
    switch (m->kind) {
    case MSG_order_accepted:
        return m->order_accepted.cl_ord_id;
    case MSG_order_replaced:
        return m->order_replaced.cl_ord_id;
    case MSG_order_cancelled:
        return m->order_cancelled.request_cl_ord_id;
    case MSG_order_rejected:
        return m->order_rejected.cl_ord_id;
    default:
        return m->cancel_rejected.cl_ord_id;
    }
}

/* Of every command exactly one, after it was sent. */
static void take_outcome(struct storm *s, uint32_t i, const struct msg *body)
{
    if (!bench_flow_report(&s->flow, i, body))
        return;
    const uint64_t name = name_of(body);
    CHECK(name < BENCH_FLOW_ORDERS_MAX);
    const uint64_t sent_ns = s->sent_of[name];
    if (sent_ns == 0 && s->code == ARGS_OK)
        s->code =
            args_fail("command %" PRIu64 " has an outcome that it cannot have", name);
    if (sent_ns == 0)
        return;
    s->sent_of[name] = 0;
    s->totals.ended++;
    s->under_way[i]--;
    storm_slice_of(s, s->now_ns)->ended++;
    histogram_add(&storm_slice_of(s, sent_ns)->outcome, s->now_ns - sent_ns);
}

/* One message; two, if an account trades with itself. */
static void take_report(struct storm *s, uint32_t i, const struct msg_report *report)
{
    size_t used = 0;
    for (size_t at = 0; at < report->body_size; at += used) {
        struct msg body MSG_UNSET;
        CHECK(codec_decode(report->body + at, report->body_size - at, &body, &used) == 0);
        if (i < STORM_ACCOUNTS)
            take_outcome(s, i, &body);
        else if (body.kind == MSG_admin_rejected)
            s->code = args_fail("refused, reason %u", body.admin_rejected.reason);
        s->done += i == STORM_ADMIN;
    }
}

static void take_opened(struct storm *s, uint32_t i, const struct msg_opened *m)
{
    struct lane *l = i == STORM_ADMIN ? &s->operator_lane : &s->lanes[i][m->nonce - 1];
    s->opened += l->id == 0;
    lane_open(l, m->session);
}

static void take_row(struct storm *s, const struct msg_row_service *row)
{
    if (row->source == -SERVICE_SETTLEMENT)
        s->lags[0] = row->lag;
    if (row->source == -SERVICE_PORTFOLIO)
        s->lags[1] = row->lag;
}

static void take_message(struct storm *s, uint32_t i, const struct msg *m)
{
    switch (m->kind) {
    case MSG_report:
        take_report(s, i, &m->report);
        break;
    case MSG_accepted:
        take_accepted(s, i, &m->accepted);
        break;
    case MSG_refused:
        take_refused(s, i, &m->refused);
        break;
    case MSG_opened:
        take_opened(s, i, &m->opened);
        break;
    case MSG_answer:
        s->answers++;
        break;
    case MSG_row_service:
        take_row(s, &m->row_service);
        break;
    case MSG_conflict:
        s->code = args_fail("n %" PRIu64 " was accepted with other bytes", m->conflict.n);
        break;
    case MSG_goodbye:
        s->code = args_fail("cut: %s", error_name(-m->goodbye.reason));
        break;
    default:
        break;
    }
}

/* Takes what is there; waits if that is nothing. */
void storm_receive(struct storm *s, uint32_t wait_ms)
{
    struct bus_frame frame;
    uint32_t frames = 0;
    while (s->code == ARGS_OK && frames < FRAMES_MAX && bus_receive(s->bus, &frame)) {
        size_t used = 0;
        frames++;
        s->now_ns = clock_mono_ns();
        for (size_t at = 0; at < frame.size; at += used) {
            struct msg m MSG_UNSET;
            CHECK(codec_decode(frame.bytes + at, frame.size - at, &m, &used) == 0);
            take_message(s, frame.index, &m);
        }
    }
    if (frames == 0 && s->code == ARGS_OK)
        bus_wait(s->bus, wait_ms);
    s->now_ns = clock_mono_ns();
}
