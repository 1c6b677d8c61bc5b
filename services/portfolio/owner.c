/* owner.c - sessions come and go. */
#include "services/portfolio/owner.h"

#include "common/check.h"
#include "common/error.h"
#include "common/reader.h"
#include "common/writer.h"

void owner_init(struct owners *owners, struct arena *arena, uint32_t sessions_max)
{
    owners->all = arena_take(arena, sessions_max * sizeof *owners->all, 64);
    void *indices = arena_take(arena, pool_size(sessions_max), 64);
    void *slots = arena_take(arena, map_size(sessions_max), 64);
    if (!slots)
        return;
    pool_init(&owners->pool, indices, sessions_max);
    map_init(&owners->by_session, slots, sessions_max);
    owners->oldest = owners->newest = POOL_NONE;
}

void owner_open(struct owners *owners, uint64_t session, uint32_t account)
{
    const uint32_t index = pool_take(&owners->pool);
    CHECK(index != POOL_NONE);
    CHECK(map_add(&owners->by_session, session, index) == 0);
    owners->all[index] = (struct owner){.session = session,
                                        .account = account,
                                        .next = POOL_NONE,
                                        .previous = owners->newest};
    *(owners->newest == POOL_NONE ? &owners->oldest : &owners->all[owners->newest].next) =
        index;
    owners->newest = index;
}

void owner_close(struct owners *owners, uint64_t session)
{
    const uint64_t index = map_find(&owners->by_session, session);
    CHECK(index != MAP_NONE);
    const struct owner gone = owners->all[index];
    *(gone.previous == POOL_NONE ? &owners->oldest : &owners->all[gone.previous].next) =
        gone.next;
    *(gone.next == POOL_NONE ? &owners->newest : &owners->all[gone.next].previous) =
        gone.previous;
    CHECK(map_remove(&owners->by_session, session) == 0);
    pool_give(&owners->pool, (uint32_t)index);
}

uint32_t owner_get(const struct owners *owners, uint64_t session)
{
    const uint64_t index = map_find(&owners->by_session, session);
    CHECK(index != MAP_NONE);
    return owners->all[index].account;
}

void owner_save(const struct owners *owners, struct writer *writer)
{
    writer_u32(writer, owners->pool.count);
    for (uint32_t i = owners->oldest; i != POOL_NONE; i = owners->all[i].next) {
        writer_u64(writer, owners->all[i].session);
        writer_u32(writer, owners->all[i].account);
    }
}

int owner_load(struct owners *owners, struct reader *reader)
{
    const uint32_t count = reader_u32(reader);
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t session = reader_u64(reader);
        const uint32_t account = reader_u32(reader);
        if (reader_failed(reader) || owners->pool.count == owners->pool.capacity ||
            map_find(&owners->by_session, session) != MAP_NONE)
            return ERR_CORRUPT;
        owner_open(owners, session, account);
    }
    return reader_failed(reader) ? ERR_CORRUPT : 0;
}
