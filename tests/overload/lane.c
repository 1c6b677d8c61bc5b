/* lane.c - see lane.h. */
#include "tests/overload/lane.h"

#include <stddef.h>

#include "common/check.h"

void lane_open(struct lane *l, uint64_t session)
{
    if (l->id != 0)
        return;
    l->id = session;
    l->first = l->next = 1;
}

bool lane_may_send(const struct lane *l)
{
    return l->id != 0 && !l->refused && !l->repeats && l->next - l->first < LANE_WINDOW;
}

uint64_t lane_send(struct lane *l, const struct lane_order *order, uint64_t now_ns)
{
    CHECK(lane_may_send(l));
    const uint64_t n = l->next++;
    l->orders[n % LANE_WINDOW] = *order;
    l->answered[n % LANE_WINDOW] = false;
    if (l->waiting++ == 0)
        l->heard_ns = now_ns;
    return n;
}

bool lane_waits(const struct lane *l, uint64_t n)
{
    return !l->answered[n % LANE_WINDOW];
}

uint64_t lane_frame_end(const struct lane *l, uint64_t n)
{
    const uint32_t frame = l->orders[n % LANE_WINDOW].frame;
    while (n >= l->first && n < l->next && l->orders[n % LANE_WINDOW].frame == frame)
        n++;
    return n;
}

/* Marks the answer; false if it is none that is waited for. */
static bool take(struct lane *l, uint64_t n, uint64_t now_ns)
{
    if (n < l->first || n >= l->next || !lane_waits(l, n))
        return false;
    l->answered[n % LANE_WINDOW] = true;
    l->heard_ns = now_ns;
    l->waiting--;
    while (l->first < l->next && !lane_waits(l, l->first))
        l->first++;
    return true;
}

static void settle(struct lane *l)
{
    if (l->waiting > 0)
        return;
    l->first = l->next = l->accepted + 1;
    l->refused = l->repeats = false;
}

const struct lane_order *lane_accept(struct lane *l, uint64_t n, uint64_t now_ns)
{
    if (!take(l, n, now_ns))
        return NULL;
    if (n > l->accepted)
        l->accepted = n;
    settle(l);
    return &l->orders[n % LANE_WINDOW];
}

const struct lane_order *lane_refuse(struct lane *l, uint64_t n, uint64_t now_ns)
{
    if (l->repeats || !take(l, n, now_ns))
        return NULL;
    l->refused = true;
    settle(l);
    return &l->orders[n % LANE_WINDOW];
}
