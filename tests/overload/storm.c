/* storm.c - what is sent: by the clock, or as much as a window has room for. */
#include "tests/overload/storm.h"

#include <inttypes.h>
#include <string.h>

#include "common/check.h"
#include "common/clock.h"
#include "deploy/cli/args.h"
#include "proto/codec.h"
#include "tests/overload/storm_state.h"

enum {
    PER_FRAME = 64, /* commands */
    RETRY_MS = 100,
    WAIT_MS = 1,
};

#define LATE_NS   (5 * (uint64_t)CLOCK_MS_NS) /* so far behind it goes on from now */
#define REPEAT_NS (2000 * (uint64_t)CLOCK_MS_NS)

/* ---- what is sent ------------------------------------------------------------------ */

void storm_put(struct storm *s, size_t *size, const struct msg *m)
{
    size_t added = 0;
    CHECK(codec_encode(s->frame + *size, STORM_FRAME_BYTES - *size, m, &added) == 0);
    *size += added;
}

void storm_put_command(struct storm *s, size_t *size, const struct lane *l, uint64_t n,
                       const uint8_t *body, uint32_t body_size)
{
    struct msg m MSG_UNSET;
    m.kind = MSG_command;
    m.command.session = l->id;
    m.command.n = n;
    m.command.body_size = (uint16_t)body_size;
    memcpy(m.command.body, body, body_size);
    storm_put(s, size, &m);
}

/* A frame that cannot be sent is lost: what was in it is sent again. */
void storm_send(struct storm *s, uint32_t i, size_t size)
{
    s->frames++;
    if (size > 0)
        (void)bus_send(s->bus, BUS_SERVICE, i, s->frame, size);
}

static void draw(struct storm *s, uint32_t i, struct lane_order *order)
{
    struct storm_stock *stock = &s->stocks[i];
    if (stock->count > 0) {
        *order = stock->orders[--stock->count];
        return;
    }
    uint8_t body[BODY_BYTES_MAX] MSG_UNSET;
    const uint32_t size = bench_flow_next(&s->flow, i, body);
    CHECK(size <= LANE_BODY);
    *order = (struct lane_order){.name = s->flow.named, .size = (uint16_t)size};
    memcpy(order->body, body, size);
}

static struct lane *free_lane(struct storm *s, uint32_t i)
{
    for (uint32_t k = 0; k < STORM_LANES; k++) {
        const uint32_t at = (s->turns[i] + k) % STORM_LANES;
        if (lane_may_send(&s->lanes[i][at])) {
            s->turns[i] = at;
            return &s->lanes[i][at];
        }
    }
    return NULL;
}

static void put_order(struct storm *s, uint32_t i, struct lane *l, size_t *size)
{
    struct lane_order order;
    draw(s, i, &order);
    order.sent_ns = s->now_ns;
    order.frame = s->frames;
    s->sent_of[order.name] = s->now_ns;
    const uint64_t n = lane_send(l, &order, s->now_ns);
    storm_put_command(s, size, l, n, order.body, order.size);
    storm_slice_of(s, s->now_ns)->sent++;
    s->totals.sent++;
    s->under_way[i]++;
}

/* ---- open loop --------------------------------------------------------------------- */

void storm_offer(struct storm *s, uint64_t rate)
{
    s->rate = rate;
    s->offered = 0;
    s->offered_ns = clock_mono_ns();
}

static uint64_t due_ns_of(const struct storm *s, uint64_t arrival)
{
    return s->offered_ns +
           (uint64_t)((__uint128_t)arrival * UINT64_C(1000000000) / s->rate);
}

/* The arrivals [s->offered, until) that are account i's: every sixteenth. */
static void send_due(struct storm *s, uint32_t i, uint64_t until)
{
    struct lane *l = free_lane(s, i);
    size_t size = 0;
    uint64_t at =
        s->offered + (i + STORM_ACCOUNTS - s->offered % STORM_ACCOUNTS) % STORM_ACCOUNTS;
    for (; at < until; at += STORM_ACCOUNTS) {
        if (l != NULL && !lane_may_send(l))
            l = free_lane(s, i);
        if (l != NULL)
            put_order(s, i, l, &size);
        if (size > STORM_FRAME_BYTES - 2 * BODY_BYTES_MAX) {
            storm_send(s, i, size);
            size = 0;
        }
    }
    storm_send(s, i, size);
    if (l != NULL)
        s->turns[i] = (s->turns[i] + 1) % STORM_LANES;
}

static void send_arrivals(struct storm *s)
{
    if (s->rate == 0)
        return;
    struct storm_slice *slice = storm_slice_of(s, s->now_ns);
    uint64_t until = (uint64_t)((__uint128_t)(s->now_ns - s->offered_ns) * s->rate /
                                UINT64_C(1000000000)) +
                     1;
    const uint64_t due_ns = due_ns_of(s, s->offered);
    const bool late = s->now_ns > due_ns + LATE_NS;
    if (until > s->offered && !late)
        histogram_add(&slice->behind, s->now_ns - due_ns);
    if (!late && until - s->offered > STORM_ACCOUNTS * PER_FRAME)
        until = s->offered + STORM_ACCOUNTS * PER_FRAME;
    for (uint32_t i = 0; i < STORM_ACCOUNTS && !late; i++)
        send_due(s, i, until);
    slice->due += until - s->offered;
    slice->late += late ? until - s->offered : 0;
    s->totals.due += until - s->offered;
    s->offered = until;
}

/* Sends again what has no answer for long, the same bytes. */
static void repeat_lane(struct storm *s, uint32_t i, struct lane *l)
{
    size_t size = 0;
    storm_heard(s, l);
    l->repeats = !l->refused;
    l->heard_ns = s->now_ns;
    for (uint64_t n = l->first; n < l->next; n++) {
        struct lane_order *order = &l->orders[n % LANE_WINDOW];
        order->frame = s->frames;
        if (lane_waits(l, n))
            storm_put_command(s, &size, l, n, order->body, order->size);
        if (size > STORM_FRAME_BYTES - 2 * BODY_BYTES_MAX) {
            storm_send(s, i, size);
            size = 0;
        }
    }
    storm_send(s, i, size);
    s->totals.repeated++;
}

static void repeat_all(struct storm *s)
{
    for (uint32_t i = 0; i < STORM_ACCOUNTS; i++)
        for (uint32_t k = 0; k < STORM_LANES; k++) {
            struct lane *l = &s->lanes[i][k];
            if (l->waiting > 0 && s->now_ns - l->heard_ns > REPEAT_NS)
                repeat_lane(s, i, l);
        }
}

int storm_run(struct storm *s, uint32_t time_ms)
{
    s->now_ns = clock_mono_ns();
    const uint64_t end_ns = s->now_ns + time_ms * (uint64_t)CLOCK_MS_NS;
    while (s->now_ns < end_ns && s->code == ARGS_OK) {
        send_arrivals(s);
        storm_receive(s, WAIT_MS);
    }
    repeat_all(s);
    return s->code;
}

int storm_drain(struct storm *s, uint32_t timeout_ms)
{
    storm_offer(s, 0);
    const uint64_t end_ns = clock_mono_ns() + timeout_ms * (uint64_t)CLOCK_MS_NS;
    for (bool rests = false; !rests && s->code == ARGS_OK;) {
        storm_run(s, RETRY_MS / 10);
        rests = s->totals.accepted == s->totals.ended;
        for (uint32_t i = 0; i < STORM_ACCOUNTS * STORM_LANES && rests; i++)
            rests = s->lanes[i / STORM_LANES][i % STORM_LANES].waiting == 0;
        if (!rests && s->now_ns > end_ns)
            return args_fail("%" PRIu64 " commands accepted, %" PRIu64 " outcomes",
                             s->totals.accepted, s->totals.ended);
    }
    return s->code;
}

/* ---- closed loop ------------------------------------------------------------------- */

/* A frame of as many commands as the account's part of the window has room for. */
static void refill(struct storm *s, uint32_t i, uint32_t window)
{
    struct lane *l = free_lane(s, i);
    size_t size = 0;
    while (l != NULL && s->under_way[i] < window && lane_may_send(l) &&
           size < STORM_FRAME_BYTES - 2 * BODY_BYTES_MAX)
        put_order(s, i, l, &size);
    storm_send(s, i, size);
}

int storm_fill(struct storm *s, uint32_t window, uint32_t time_ms)
{
    s->now_ns = clock_mono_ns();
    const uint64_t end_ns = s->now_ns + time_ms * (uint64_t)CLOCK_MS_NS;
    while (s->now_ns < end_ns && s->code == ARGS_OK) {
        for (uint32_t i = 0; i < STORM_ACCOUNTS; i++)
            refill(s, i, window / STORM_ACCOUNTS);
        storm_receive(s, WAIT_MS);
    }
    return storm_drain(s, STORM_DRAIN_MS);
}
