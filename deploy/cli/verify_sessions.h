/* verify_sessions.h - the last n of every session the log has opened.
 *
 * Owns:     a table that grows with them.
 * Units:    none.
 * Errors:   ERR_MEMORY.
 * Threads:  one.
 * Bounds:   two words a session, closed ones too.
 */
#ifndef VERIFY_SESSIONS_H
#define VERIFY_SESSIONS_H

#include <stdint.h>
#include <stdlib.h>

#include "common/error.h"

struct verify_session {
    uint64_t id, last_n; /* id 0: free */
};

struct verify_sessions {
    struct verify_session *slots; /* open addressing, at most half full */
    uint64_t capacity, count;     /* capacity: a power of two */
};

static inline struct verify_session *verify_sessions_slot(const struct verify_sessions *t,
                                                          uint64_t id)
{
    uint64_t at = id * UINT64_C(0x9e3779b97f4a7c15) >> 20;
    while (t->slots[at & (t->capacity - 1)].id != 0 &&
           t->slots[at & (t->capacity - 1)].id != id)
        at++;
    return &t->slots[at & (t->capacity - 1)];
}

ERROR_CHECKED static inline int verify_sessions_open(struct verify_sessions *t,
                                                     uint64_t id)
{
    if (2 * t->count >= t->capacity) {
        struct verify_sessions grown = {.capacity = t->capacity ? 2 * t->capacity : 1024};
        grown.slots = calloc(grown.capacity, sizeof *grown.slots);
        if (grown.slots == NULL)
            return ERR_MEMORY;
        for (uint64_t i = 0; i < t->capacity; i++)
            if (t->slots[i].id != 0)
                *verify_sessions_slot(&grown, t->slots[i].id) = t->slots[i];
        grown.count = t->count;
        free(t->slots);
        *t = grown;
    }
    *verify_sessions_slot(t, id) = (struct verify_session){.id = id};
    t->count++;
    return 0;
}

/* The session's next command; what is wrong with it, or NULL. */
static inline const char *verify_sessions_take(struct verify_sessions *t, uint64_t id,
                                               uint64_t n)
{
    struct verify_session *session = t->count > 0 ? verify_sessions_slot(t, id) : NULL;
    if (session == NULL || session->id == 0)
        return "session was never opened";
    return n == ++session->last_n ? NULL : "n";
}

#endif
