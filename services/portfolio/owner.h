/* owner.h - which account a session belongs to, for a command does not say.
 *
 * Owns:     the open sessions, carved at owner_init.
 * Units:    none.
 * Errors:   none; the sequencer bounds and numbers sessions, so what does not fit is
 *           CHECKed.
 * Threads:  none.
 * Bounds:   sessions_max open sessions; each call is O(1).
 */
#ifndef OWNER_H
#define OWNER_H

#include <stdint.h>

#include "common/arena.h"
#include "common/map.h"
#include "common/pool.h"

struct reader;
struct writer;

/* A session, in a list by age: sessions are numbered as they open. */
struct owner {
    uint64_t session;
    uint32_t account;
    uint32_t next, previous;
};

struct owners {
    struct owner *all;
    struct pool pool;
    struct map by_session;
    uint32_t oldest, newest;
};

void owner_init(struct owners *, struct arena *, uint32_t sessions_max);

void owner_open(struct owners *, uint64_t session, uint32_t account);
void owner_close(struct owners *, uint64_t session);

/* The account; the session must be open. */
uint32_t owner_get(const struct owners *, uint64_t session);

void owner_save(const struct owners *, struct writer *);
int owner_load(struct owners *, struct reader *);

#endif
