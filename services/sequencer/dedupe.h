/* dedupe.h - which commands of which session are in the log already.
 *
 * Owns:     sessions, open and closed, and the last answers of each open one.
 * Units:    positions of the log, the client's own n.
 * Errors:   finding has none: the verdict says it all; load: ERR_CORRUPT.
 * Threads:  none; belongs to the sequencer core.
 * Bounds:   sessions_max open sessions, an eighth of them (at least 8) for one account;
 *           DEDUPE_CLOSED_PER_OPEN times as many closed ones are remembered, the oldest
 *           is then forgotten: commands for it read UNKNOWN_SESSION, its nonce is free.
 *
 * It is a fold over the log: open, accept and close are called for records only, in the
 * order of the log, and never fail. Whoever appends asks find first.
 */
#ifndef DEDUPE_H
#define DEDUPE_H

#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/map.h"
#include "common/pool.h"

#define DEDUPE_CLOSED_PER_OPEN 8

struct reader;
struct writer;

enum dedupe_verdict {
    DEDUPE_NEW,      /* append it */
    DEDUPE_REPEAT,   /* in the log, at `gseq` (0: too long ago to know) */
    DEDUPE_CONFLICT, /* other bytes are in the log under this n; a nonce of another
                        account */
    DEDUPE_GAP,      /* an n before it is missing */
    DEDUPE_GONE, /* the session, `gseq`, is closed; nothing after last_n will ever be in
                  */
    DEDUPE_UNKNOWN, /* no such session of this account */
    DEDUPE_FULL,    /* no room for another session, of the venue or of the account */
};

struct dedupe_finding {
    enum dedupe_verdict verdict;
    uint64_t gseq;
    uint64_t last_n;
};

/* An answer that a repeat gets again. */
struct dedupe_answer {
    uint64_t gseq;
    uint64_t hash; /* of the client's own bytes */
};

struct dedupe_session {
    uint64_t id, nonce, last_n;
    uint32_t account;
    uint32_t older, newer; /* open sessions in the order they were opened */
};

struct dedupe_closed {
    uint64_t id, nonce, last_n;
    uint32_t account;
};

struct dedupe {
    uint32_t sessions_max, closed_max, accounts_max, window;
    struct pool slots;
    struct dedupe_session *sessions; /* by slot */
    struct dedupe_answer *answers;   /* by slot and n % window */
    uint32_t *open_of;               /* open sessions by account */
    uint32_t oldest, newest;
    struct dedupe_closed *closed; /* a ring */
    uint64_t closed_count;        /* ever; the last closed_max are kept */
    struct map ids;               /* session -> slot, or CLOSED + place in the ring */
    struct map nonces;            /* (account, nonce) -> session */
};

/* Takes its memory from the arena (or measures it). */
void dedupe_init(struct dedupe *, struct arena *, uint32_t sessions_max, uint32_t window,
                 uint32_t accounts_max);

struct dedupe_finding dedupe_find_open(const struct dedupe *, uint32_t account,
                                       uint64_t nonce);
struct dedupe_finding dedupe_find(const struct dedupe *, uint64_t session,
                                  uint32_t account, uint64_t n, const uint8_t *body,
                                  uint32_t size);

/* An open session of the account, 0 asks for its oldest; 0: there is none. */
uint64_t dedupe_find_session(const struct dedupe *, uint32_t account, uint64_t session);

void dedupe_open(struct dedupe *, uint64_t session, uint32_t account, uint64_t nonce);
void dedupe_accept(struct dedupe *, uint64_t session, uint64_t n, uint64_t gseq,
                   const uint8_t *body, uint32_t size);
void dedupe_close(struct dedupe *, uint64_t session);

void dedupe_save(const struct dedupe *, struct writer *);
int dedupe_load(struct dedupe *, struct reader *);
void dedupe_check(const struct dedupe *);

#endif
