/* peer.c - connections, by handle and by account. */
#include "services/gateway/peer.h"

#include <string.h>

#include "common/check.h"

void peer_init(struct peer_table *t, struct arena *arena, uint32_t accounts_max)
{
    void *peers = arena_take(arena, sizeof *t->peers * PEER_MAX, 64);
    void *first_of = arena_take(arena, sizeof *t->first_of * accounts_max, 64);
    void *count_of = arena_take(arena, sizeof *t->count_of * accounts_max, 64);
    void *slots = arena_take(arena, pool_size(PEER_MAX), 64);
    void *handles = arena_take(arena, map_size(PEER_MAX), 64);
    if (handles == NULL)
        return; /* only measured */
    t->peers = peers;
    t->first_of = first_of;
    t->count_of = count_of;
    t->accounts_max = accounts_max;
    for (uint32_t i = 0; i < accounts_max; i++)
        t->first_of[i] = POOL_NONE;
    pool_init(&t->slots, slots, PEER_MAX);
    map_init(&t->handles, handles, PEER_MAX);
}

void peer_set_rate(struct peer_table *t, uint64_t rate, uint64_t burst)
{
    CHECK(rate > 0 && burst > 0);
    t->frame_interval_ns = UINT64_C(1000000000) / rate;
    t->frame_burst_ns = t->frame_interval_ns * burst;
}

struct peer *peer_find(const struct peer_table *t, uint32_t handle)
{
    const uint64_t slot = map_find(&t->handles, handle);
    return slot == MAP_NONE ? NULL : &t->peers[slot];
}

static uint32_t place_of(const struct peer_table *t, const struct peer *p)
{
    return (uint32_t)(p - t->peers);
}

static void enlist(struct peer_table *t, struct peer *p)
{
    p->before = POOL_NONE;
    p->after = t->first_of[p->account];
    if (p->after != POOL_NONE)
        t->peers[p->after].before = place_of(t, p);
    t->first_of[p->account] = place_of(t, p);
    t->count_of[p->account]++;
}

static void delist(struct peer_table *t, const struct peer *p)
{
    if (p->before == POOL_NONE)
        t->first_of[p->account] = p->after;
    else
        t->peers[p->before].after = p->after;
    if (p->after != POOL_NONE)
        t->peers[p->after].before = p->before;
    CHECK(t->count_of[p->account] > 0);
    t->count_of[p->account]--;
}

/* Those without an account share the list of account 0, which has no share of its own. */
static bool has_share(const struct peer_table *t, uint32_t account)
{
    return account == 0 || t->count_of[account] < PEER_OF_ACCOUNT_MAX;
}

struct peer *peer_add(struct peer_table *t, uint32_t handle, uint32_t account,
                      const uint8_t key[PEER_KEY], uint64_t now_ns)
{
    CHECK(handle != 0 && account < t->accounts_max);
    if (!has_share(t, account))
        return NULL;
    const uint32_t slot = pool_take(&t->slots);
    if (slot == POOL_NONE)
        return NULL;
    struct peer *p = &t->peers[slot];
    *p = (struct peer){
        .handle = handle, .account = account, .resume = POOL_NONE, .heard_ns = now_ns};
    memcpy(p->key, key, PEER_KEY);
    int error = map_add(&t->handles, handle, slot);
    CHECK(error == 0);
    enlist(t, p);
    return p;
}

bool peer_name(struct peer_table *t, struct peer *p, uint32_t account)
{
    CHECK(p->account == 0 && account > 0 && account < t->accounts_max);
    if (!has_share(t, account))
        return false;
    delist(t, p);
    p->account = account;
    enlist(t, p);
    return true;
}

void peer_remove(struct peer_table *t, struct peer *p)
{
    CHECK(p->resume == POOL_NONE);
    delist(t, p);
    int error = map_remove(&t->handles, p->handle);
    CHECK(error == 0);
    p->handle = 0;
    pool_give(&t->slots, place_of(t, p));
}

struct peer *peer_first(const struct peer_table *t, uint32_t account)
{
    CHECK(account < t->accounts_max);
    const uint32_t first = t->first_of[account];
    return first == POOL_NONE ? NULL : &t->peers[first];
}

struct peer *peer_next(const struct peer_table *t, const struct peer *p)
{
    return p->after == POOL_NONE ? NULL : &t->peers[p->after];
}

struct peer *peer_walk(const struct peer_table *t, uint32_t *place)
{
    while (*place < t->slots.fresh) {
        struct peer *p = &t->peers[(*place)++];
        if (p->handle != 0)
            return p;
    }
    return NULL;
}

bool peer_may_send(const struct peer_table *t, struct peer *p, uint64_t now_ns)
{
    const uint64_t from_ns = p->frames_ns > now_ns ? p->frames_ns : now_ns;
    p->heard_ns = now_ns;
    p->frames_ns = from_ns + t->frame_interval_ns;
    return p->frames_ns - now_ns <= t->frame_burst_ns;
}

void peer_check(const struct peer_table *t)
{
    uint32_t count = 0;
    for (uint32_t account = 0; account < t->accounts_max; account++) {
        uint32_t listed = 0;
        for (const struct peer *p = peer_first(t, account); p != NULL;
             p = peer_next(t, p)) {
            CHECK(p->account == account && peer_find(t, p->handle) == p);
            listed++;
        }
        CHECK(listed == t->count_of[account]);
        count += listed;
    }
    CHECK(count == t->slots.count && count == t->handles.count);
}
