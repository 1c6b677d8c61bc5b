/* throttle.c - marks and the limit that they move. */
#include "services/gateway/throttle.h"

#include <string.h>

#include "common/check.h"

#define MS_NS UINT64_C(1000000)
#define US_NS UINT64_C(1000)

enum {
    BEGIN = 4096,
    DOWN = 32, /* a late mark takes this part of the limit: all of a round, a quarter */
    UP = 64,   /* one in time adds this part */
};

void throttle_set(struct throttle *t, uint32_t target_ms)
{
    t->target_ns = target_ms * MS_NS;
    t->limit = BEGIN;
}

bool throttle_is_full(struct throttle *t, bool order, uint64_t now_ns)
{
    const uint64_t limit = order ? t->limit : t->limit + t->limit / 4;
    CHECK(t->sent >= t->landed);
    if (t->target_ns == 0 || t->sent - t->landed < limit)
        return false;
    t->kept_out = true;
    t->kept_out_ns = now_ns;
    return true;
}

void throttle_send(struct throttle *t, uint64_t session, uint64_t n, uint64_t now_ns)
{
    const uint64_t step = t->limit / THROTTLE_MARKS;
    t->sent++;
    if (t->mark_count == THROTTLE_MARKS)
        return;
    if (t->mark_count > 0 && t->sent - t->marks[t->mark_count - 1].sent < step)
        return;
    t->marks[t->mark_count++] = (struct throttle_mark){session, n, t->sent, now_ns};
}

static void drop_marks(struct throttle *t, uint32_t count)
{
    CHECK(count > 0 && count <= t->mark_count);
    t->landed = t->marks[count - 1].sent;
    t->mark_count -= count;
    memmove(t->marks, t->marks + count, t->mark_count * sizeof *t->marks);
}

static uint64_t three_commits_ns(const struct throttle *t)
{
    return 3 * t->commit_ns;
}

/* A commit takes longer the more it holds: were its time allowed without an end, a queue
 * could make room for itself. */
static uint64_t allowed_ns(const struct throttle *t)
{
    uint64_t ns = three_commits_ns(t);
    if (ns > THROTTLE_SLOW_NS)
        ns = THROTTLE_SLOW_NS;
    return ns > t->target_ns ? ns : t->target_ns;
}

/* While somebody is kept out the limit is sought: each late mark takes a part away, and
 * of those that land at once, for a commit lands many, one in time adds a part if it is
 * the first. Where nobody was kept out while the mark was under way, what is late is not
 * late for the limit's sake, and each in time takes it back to where it began. */
static void move_limit(struct throttle *t, const struct throttle_mark *mark,
                       uint64_t now_ns)
{
    const bool late = now_ns - mark->time_ns > allowed_ns(t);
    const bool sought = t->kept_out_ns >= mark->time_ns;
    if (late && sought)
        t->limit -= t->limit / DOWN;
    else if (!late && (sought ? t->kept_out : t->limit < BEGIN))
        t->limit += t->limit / UP;
    if (t->limit < THROTTLE_MIN)
        t->limit = THROTTLE_MIN;
    if (t->limit > THROTTLE_MAX)
        t->limit = THROTTLE_MAX;
    t->kept_out = false;
}

void throttle_land(struct throttle *t, uint64_t session, uint64_t n, uint64_t now_ns)
{
    for (uint32_t i = 0; i < t->mark_count; i++)
        if (t->marks[i].n == n && t->marks[i].session == session) {
            move_limit(t, &t->marks[i], now_ns);
            drop_marks(t, i + 1);
            return;
        }
}

void throttle_turn(struct throttle *t, uint32_t commit_us, uint64_t now_ns)
{
    t->commit_ns = commit_us * US_NS;
    const uint64_t lost_ns = THROTTLE_LOST_NS + three_commits_ns(t);
    while (t->mark_count > 0 && now_ns - t->marks[0].time_ns >= lost_ns) {
        t->limit = THROTTLE_MIN;
        drop_marks(t, 1);
        if (t->mark_count == 0)
            t->landed = t->sent; /* what follows the last mark counts as lost too */
    }
}
