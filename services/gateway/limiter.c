/* limiter.c - token buckets without tokens. */
#include "services/gateway/limiter.h"

#include "common/check.h"

#define SECOND_NS UINT64_C(1000000000)
#define MS_NS     UINT64_C(1000000)

void limiter_init(struct limiter *l, struct arena *arena, uint32_t accounts_max)
{
    void *memory =
        arena_take(arena, sizeof *l->full_ns * LIMITER_KINDS * accounts_max, 64);
    if (memory == NULL)
        return; /* only measured */
    *l = (struct limiter){.full_ns = memory, .accounts_max = accounts_max};
}

void limiter_set(struct limiter *l, enum limiter_kind kind, uint32_t rate, uint32_t burst)
{
    l->interval_ns[kind] = rate > 0 ? SECOND_NS / rate : 0;
    l->burst_ns[kind] = l->interval_ns[kind] * (burst > 0 ? burst : 1);
}

uint64_t limiter_take(struct limiter *l, uint32_t account, enum limiter_kind kind,
                      uint64_t now_ns)
{
    CHECK(account < l->accounts_max);
    uint64_t *full_ns = &l->full_ns[account * LIMITER_KINDS + kind];
    const uint64_t from_ns = *full_ns > now_ns ? *full_ns : now_ns;
    const uint64_t until_ns = from_ns + l->interval_ns[kind];
    if (until_ns - now_ns > l->burst_ns[kind])
        return (until_ns - now_ns - l->burst_ns[kind] + MS_NS - 1) / MS_NS;
    *full_ns = until_ns;
    return 0;
}
