/* session.c - sessions and routes. */
#include "services/gateway/session.h"

#include "common/check.h"
#include "common/error.h"
#include "common/reader.h"
#include "common/writer.h"

void session_init(struct session_table *t, struct arena *arena, uint32_t sessions_max,
                  uint32_t accounts_max)
{
    void *sessions = arena_take(arena, sizeof *t->sessions * sessions_max, 64);
    void *in_flight = arena_take(arena, sizeof *t->in_flight * accounts_max, 64);
    void *slots = arena_take(arena, pool_size(sessions_max), 64);
    void *ids = arena_take(arena, map_size(sessions_max), 64);
    if (ids == NULL)
        return; /* only measured */
    t->sessions = sessions;
    t->in_flight = in_flight;
    t->sessions_max = sessions_max;
    t->accounts_max = accounts_max;
    t->oldest = t->newest = POOL_NONE;
    pool_init(&t->slots, slots, sessions_max);
    map_init(&t->ids, ids, sessions_max);
}

struct session *session_find(const struct session_table *t, uint64_t id)
{
    const uint64_t slot = map_find(&t->ids, id);
    return slot == MAP_NONE ? NULL : &t->sessions[slot];
}

struct session *session_open(struct session_table *t, uint64_t id, uint32_t account)
{
    const uint32_t slot = pool_take(&t->slots);
    CHECK(slot != POOL_NONE && account < t->accounts_max);
    t->sessions[slot] = (struct session){
        .id = id, .account = account, .older = t->newest, .newer = POOL_NONE};
    if (t->newest == POOL_NONE)
        t->oldest = slot;
    else
        t->sessions[t->newest].newer = slot;
    t->newest = slot;
    int error = map_add(&t->ids, id, slot);
    CHECK(error == 0);
    return &t->sessions[slot];
}

static void land(struct session_table *t, const struct session *s, uint64_t count)
{
    CHECK(t->in_flight[s->account] >= count);
    t->in_flight[s->account] -= (uint32_t)count;
}

struct session *session_accepted(struct session_table *t, uint64_t id, uint64_t n)
{
    struct session *s = session_find(t, id);
    CHECK(s != NULL && n == s->last_n + 1);
    s->last_n = n;
    if (s->sent_n >= n) {
        land(t, s, 1);
    } else { /* it came through another gateway */
        s->sent_n = n;
        s->refused = false;
    }
    return s;
}

void session_close(struct session_table *t, uint64_t id)
{
    struct session *s = session_find(t, id);
    CHECK(s != NULL);
    land(t, s, s->sent_n - s->last_n);
    if (s->older == POOL_NONE)
        t->oldest = s->newer;
    else
        t->sessions[s->older].newer = s->newer;
    if (s->newer == POOL_NONE)
        t->newest = s->older;
    else
        t->sessions[s->newer].older = s->older;
    if (s->peer != 0) /* for the `session_gone` to come */
        session_add_route(
            t, &(struct session_route){.id = id, .account = s->account, .peer = s->peer});
    pool_give(&t->slots, (uint32_t)(s - t->sessions));
    int error = map_remove(&t->ids, id);
    CHECK(error == 0);
}

uint64_t session_missing(const struct session *s, uint64_t n)
{
    return s->refused && n > s->sent_n + 1 ? s->sent_n + 1 : 0;
}

int session_forward(struct session_table *t, struct session *s, uint64_t n,
                    uint32_t in_flight_max)
{
    CHECK(session_missing(s, n) == 0);
    if (n != s->sent_n + 1)
        return 0; /* sent again, or a gap for the sequencer to see */
    if (t->in_flight[s->account] >= in_flight_max)
        return ERR_BUSY;
    t->in_flight[s->account]++;
    s->sent_n = n;
    s->refused = false;
    return 0;
}

static void take_back(struct session_table *t, struct session *s, uint64_t n)
{
    land(t, s, s->sent_n - (n - 1));
    s->sent_n = n - 1;
}

void session_refused(struct session_table *t, struct session *s, uint64_t n)
{
    if (n <= s->last_n || n > s->sent_n + 1)
        return;
    take_back(t, s, n);
    s->refused = true;
}

void session_forget(struct session_table *t, struct session *s)
{
    take_back(t, s, s->last_n + 1);
    s->refused = false;
}

struct session *session_at(const struct session_table *t, uint32_t place)
{
    CHECK(place < t->sessions_max);
    return pool_is_taken(&t->slots, place) ? &t->sessions[place] : NULL;
}

void session_add_route(struct session_table *t, const struct session_route *route)
{
    t->routes[t->route_count++ % SESSION_ROUTES] = *route;
}

uint32_t session_take_route(struct session_table *t, uint64_t id, uint32_t account,
                            bool opens)
{
    const uint64_t kept =
        t->route_count < SESSION_ROUTES ? t->route_count : SESSION_ROUTES;
    for (uint64_t i = t->route_count; i > t->route_count - kept; i--) {
        struct session_route *route = &t->routes[(i - 1) % SESSION_ROUTES];
        if (route->id == id && route->account == account && route->opens == opens &&
            route->peer != 0) {
            const uint32_t peer = route->peer;
            if (opens)
                route->peer = 0; /* an `opened` comes once, other answers as they like */
            return peer;
        }
    }
    return 0;
}

void session_save(const struct session_table *t, struct writer *w)
{
    writer_u64(w, t->slots.count);
    for (uint32_t i = t->oldest; i != POOL_NONE; i = t->sessions[i].newer) {
        writer_u64(w, t->sessions[i].id);
        writer_u64(w, t->sessions[i].account);
        writer_u64(w, t->sessions[i].last_n);
    }
}

int session_load(struct session_table *t, struct reader *r)
{
    const uint64_t count = reader_u64(r);
    if (count > t->sessions_max)
        return ERR_CORRUPT;
    for (uint64_t i = 0; i < count; i++) {
        const uint64_t id = reader_u64(r), account = reader_u64(r),
                       last_n = reader_u64(r);
        if (account >= t->accounts_max || session_find(t, id) != NULL)
            return ERR_CORRUPT;
        struct session *s = session_open(t, id, (uint32_t)account);
        s->last_n = s->sent_n = last_n;
    }
    return reader_failed(r) ? ERR_CORRUPT : 0;
}

void session_check(const struct session_table *t)
{
    uint32_t count = 0;
    uint64_t under_way = 0, counted = 0;
    for (uint32_t i = t->oldest; i != POOL_NONE; i = t->sessions[i].newer) {
        const struct session *s = &t->sessions[i];
        CHECK(session_find(t, s->id) == s && s->sent_n >= s->last_n);
        under_way += s->sent_n - s->last_n;
        count++;
    }
    for (uint32_t i = 0; i < t->accounts_max; i++)
        counted += t->in_flight[i];
    CHECK(count == t->slots.count && count == t->ids.count && under_way == counted);
}
