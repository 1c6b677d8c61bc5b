/* dedupe.c - sessions and the answers that repeats get. */
#include "services/sequencer/dedupe.h"

#include <string.h>

#include "common/ablate.h"
#include "common/check.h"
#include "common/fault.h"
#include "common/invariants.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/digest.h"

#define CLOSED (UINT64_C(1) << 32) /* in `ids`: a place in the ring, not a slot */

void dedupe_init(struct dedupe *d, struct arena *arena, uint32_t sessions_max,
                 uint32_t window, uint32_t accounts_max)
{
    const uint32_t closed_max = sessions_max * DEDUPE_CLOSED_PER_OPEN;
    const uint32_t known_max = sessions_max + closed_max;
    void *sessions = arena_take(arena, sizeof *d->sessions * sessions_max, 64);
    void *answers = arena_take(arena, sizeof *d->answers * sessions_max * window, 64);
    void *open_of = arena_take(arena, sizeof *d->open_of * accounts_max, 64);
    void *closed = arena_take(arena, sizeof *d->closed * closed_max, 64);
    void *slots = arena_take(arena, pool_size(sessions_max), 64);
    void *ids = arena_take(arena, map_size(known_max), 64);
    void *nonces = arena_take(arena, map_size(known_max), 64);
    if (nonces == NULL)
        return; /* only measured */
    *d = (struct dedupe){
        .sessions_max = sessions_max,
        .closed_max = closed_max,
        .accounts_max = accounts_max,
        .window = window,
        .sessions = sessions,
        .answers = answers,
        .open_of = open_of,
        .closed = closed,
        .oldest = POOL_NONE,
        .newest = POOL_NONE,
    };
    pool_init(&d->slots, slots, sessions_max);
    map_init(&d->ids, ids, known_max);
    map_init(&d->nonces, nonces, known_max);
}

static struct dedupe_finding found(enum dedupe_verdict verdict, uint64_t gseq,
                                   uint64_t last_n)
{
    return (struct dedupe_finding){.verdict = verdict, .gseq = gseq, .last_n = last_n};
}

/* No account may use up the venue's sessions. */
static uint32_t open_max(const struct dedupe *d)
{
    return d->sessions_max / 8 > 8 ? d->sessions_max / 8 : 8;
}

static struct dedupe_finding find_room(const struct dedupe *d, uint32_t account)
{
    if (account == 0 || account >= d->accounts_max)
        return found(DEDUPE_UNKNOWN, 0, 0);
    if (d->slots.count == d->sessions_max || d->open_of[account] >= open_max(d))
        return found(DEDUPE_FULL, 0, 0);
    return found(DEDUPE_NEW, 0, 0);
}

struct dedupe_finding dedupe_find_open(const struct dedupe *d, uint32_t account,
                                       uint64_t nonce)
{
    const uint64_t id = map_find(&d->nonces, map_key(account, nonce));
    if (id == MAP_NONE)
        return find_room(d, account);
    const uint64_t place = map_find(&d->ids, id);
    CHECK(place != MAP_NONE);
    if (place >= CLOSED) {
        const struct dedupe_closed *c = &d->closed[place - CLOSED];
        bool same = c->account == account && c->nonce == nonce;
        return found(same ? DEDUPE_GONE : DEDUPE_CONFLICT, id, c->last_n);
    }
    const struct dedupe_session *s = &d->sessions[place];
    bool same = s->account == account && s->nonce == nonce;
    return found(same ? DEDUPE_REPEAT : DEDUPE_CONFLICT, id, s->last_n);
}

static struct dedupe_answer *answer_of(const struct dedupe *d, uint64_t slot, uint64_t n)
{
    return &d->answers[slot * d->window + n % d->window];
}

struct dedupe_finding dedupe_find(const struct dedupe *d, uint64_t session,
                                  uint32_t account, uint64_t n, const uint8_t *body,
                                  uint32_t size)
{
    const uint64_t place = map_find(&d->ids, session);
    if (place == MAP_NONE)
        return found(DEDUPE_UNKNOWN, 0, 0);
    if (place >= CLOSED) {
        const struct dedupe_closed *c = &d->closed[place - CLOSED];
        return found(c->account == account ? DEDUPE_GONE : DEDUPE_UNKNOWN, session,
                     c->last_n);
    }
    const struct dedupe_session *s = &d->sessions[place];
    if (s->account != account && !ABLATE(NO_ACCOUNT_CHECK))
        return found(DEDUPE_UNKNOWN, 0, 0);
    if (n > s->last_n || ABLATE(NO_DEDUPE))
        return found(n <= s->last_n + 1 || ABLATE(NO_GAP_CHECK) ? DEDUPE_NEW : DEDUPE_GAP,
                     0, s->last_n);
    if (s->last_n - n >= d->window || FAULT(ANSWER_FORGOTTEN))
        return found(DEDUPE_REPEAT, 0, s->last_n);
    const struct dedupe_answer *answer = answer_of(d, place, n);
    bool same = answer->hash == digest_hash(body, size);
    return found(same ? DEDUPE_REPEAT : DEDUPE_CONFLICT, answer->gseq, s->last_n);
}

uint64_t dedupe_find_session(const struct dedupe *d, uint32_t account, uint64_t session)
{
    for (uint32_t i = d->oldest; i != POOL_NONE; i = d->sessions[i].newer)
        if (d->sessions[i].account == account &&
            (session == 0 || d->sessions[i].id == session))
            return d->sessions[i].id;
    return 0;
}

static void add(struct dedupe *d, uint64_t id, uint32_t account, uint64_t nonce,
                uint64_t place)
{
    int error = map_add(&d->ids, id, place);
    CHECK(error == 0);
    error = map_add(&d->nonces, map_key(account, nonce), id);
    CHECK(error == 0);
}

void dedupe_open(struct dedupe *d, uint64_t session, uint32_t account, uint64_t nonce)
{
    CHECK(account > 0 && account < d->accounts_max);
    const uint32_t slot = pool_take(&d->slots);
    CHECK(slot != POOL_NONE);
    d->sessions[slot] = (struct dedupe_session){
        .id = session,
        .nonce = nonce,
        .account = account,
        .older = d->newest,
        .newer = POOL_NONE,
    };
    if (d->newest == POOL_NONE)
        d->oldest = slot;
    else
        d->sessions[d->newest].newer = slot;
    d->newest = slot;
    d->open_of[account]++;
    add(d, session, account, nonce, slot);
}

void dedupe_accept(struct dedupe *d, uint64_t session, uint64_t n, uint64_t gseq,
                   const uint8_t *body, uint32_t size)
{
    const uint64_t slot = map_find(&d->ids, session);
    CHECK(slot < d->sessions_max);
    struct dedupe_session *s = &d->sessions[slot];
    const char *broken = invariants_order(&s->last_n, n);
    CHECK(broken == NULL);
    *answer_of(d, slot, n) =
        (struct dedupe_answer){.gseq = gseq, .hash = digest_hash(body, size)};
}

static void unlink_slot(struct dedupe *d, const struct dedupe_session *s)
{
    if (s->older == POOL_NONE)
        d->oldest = s->newer;
    else
        d->sessions[s->older].newer = s->newer;
    if (s->newer == POOL_NONE)
        d->newest = s->older;
    else
        d->sessions[s->newer].older = s->older;
}

static void forget(struct dedupe *d, const struct dedupe_closed *c)
{
    int error = map_remove(&d->ids, c->id);
    CHECK(error == 0);
    error = map_remove(&d->nonces, map_key(c->account, c->nonce));
    CHECK(error == 0);
}

static void remember(struct dedupe *d, const struct dedupe_closed *closed)
{
    const uint64_t place = d->closed_count % d->closed_max;
    if (d->closed_count >= d->closed_max)
        forget(d, &d->closed[place]);
    d->closed[place] = *closed;
    d->closed_count++;
    add(d, closed->id, closed->account, closed->nonce, CLOSED + place);
}

void dedupe_close(struct dedupe *d, uint64_t session)
{
    const uint64_t slot = map_find(&d->ids, session);
    CHECK(slot < d->sessions_max);
    const struct dedupe_session *s = &d->sessions[slot];
    const struct dedupe_closed closed = {
        .id = s->id, .nonce = s->nonce, .last_n = s->last_n, .account = s->account};
    unlink_slot(d, s);
    CHECK(d->open_of[closed.account] > 0);
    d->open_of[closed.account]--;
    forget(d, &closed);
    pool_give(&d->slots, (uint32_t)slot);
    remember(d, &closed);
}

/* How many answers of a session are kept. */
static uint64_t kept(const struct dedupe *d, uint64_t last_n)
{
    return last_n < d->window ? last_n : d->window;
}

static uint64_t closed_kept(const struct dedupe *d)
{
    return d->closed_count < d->closed_max ? d->closed_count : d->closed_max;
}

void dedupe_save(const struct dedupe *d, struct writer *w)
{
    writer_u64(w, d->slots.count);
    for (uint32_t i = d->oldest; i != POOL_NONE; i = d->sessions[i].newer) {
        const struct dedupe_session *s = &d->sessions[i];
        writer_u64(w, s->id);
        writer_u64(w, s->account);
        writer_u64(w, s->nonce);
        writer_u64(w, s->last_n);
        for (uint64_t n = s->last_n - kept(d, s->last_n) + 1; n <= s->last_n; n++) {
            writer_u64(w, answer_of(d, i, n)->gseq);
            writer_u64(w, ABLATE(NO_DEDUPE_SAVE) ? 0 : answer_of(d, i, n)->hash);
        }
    }
    writer_u64(w, d->closed_count);
    for (uint64_t i = d->closed_count - closed_kept(d); i < d->closed_count; i++) {
        const struct dedupe_closed *c = &d->closed[i % d->closed_max];
        writer_u64(w, c->id);
        writer_u64(w, c->account);
        writer_u64(w, c->nonce);
        writer_u64(w, c->last_n);
    }
}

/* Ids are unique and rising, so a second one of the same id is not met here. */
static int load_session(struct dedupe *d, struct reader *r)
{
    const uint64_t id = reader_u64(r), account = reader_u64(r);
    const uint64_t nonce = reader_u64(r), last_n = reader_u64(r);
    if (account == 0 || account >= d->accounts_max || last_n > INT64_MAX ||
        map_find(&d->ids, id) != MAP_NONE ||
        map_find(&d->nonces, map_key(account, nonce)) != MAP_NONE)
        return ERR_CORRUPT;
    dedupe_open(d, id, (uint32_t)account, nonce);
    d->sessions[d->newest].last_n = last_n;
    for (uint64_t n = last_n - kept(d, last_n) + 1; n <= last_n; n++) {
        struct dedupe_answer *answer = answer_of(d, d->newest, n);
        answer->gseq = reader_u64(r);
        answer->hash = reader_u64(r);
    }
    return reader_failed(r) ? ERR_CORRUPT : 0;
}

static int load_closed(struct dedupe *d, struct reader *r)
{
    struct dedupe_closed c = {.id = reader_u64(r)};
    const uint64_t account = reader_u64(r);
    c.nonce = reader_u64(r);
    c.last_n = reader_u64(r);
    c.account = (uint32_t)account;
    if (account == 0 || account >= d->accounts_max ||
        map_find(&d->ids, c.id) != MAP_NONE ||
        map_find(&d->nonces, map_key(account, c.nonce)) != MAP_NONE)
        return ERR_CORRUPT;
    const uint64_t place = d->closed_count++ % d->closed_max;
    d->closed[place] = c;
    add(d, c.id, c.account, c.nonce, CLOSED + place);
    return reader_failed(r) ? ERR_CORRUPT : 0;
}

int dedupe_load(struct dedupe *d, struct reader *r)
{
    const uint64_t count = reader_u64(r);
    if (count > d->sessions_max)
        return ERR_CORRUPT;
    for (uint64_t i = 0; i < count; i++)
        if (load_session(d, r) != 0)
            return ERR_CORRUPT;
    const uint64_t closed_count = reader_u64(r);
    const uint64_t closed = closed_count < d->closed_max ? closed_count : d->closed_max;
    d->closed_count = closed_count - closed;
    for (uint64_t i = 0; i < closed; i++)
        if (load_closed(d, r) != 0)
            return ERR_CORRUPT;
    return reader_failed(r) ? ERR_CORRUPT : 0;
}

void dedupe_check(const struct dedupe *d)
{
    uint32_t count = 0;
    uint64_t last_id = 0;
    for (uint32_t i = d->oldest; i != POOL_NONE; i = d->sessions[i].newer) {
        const struct dedupe_session *s = &d->sessions[i];
        CHECK(pool_is_taken(&d->slots, i));
        CHECK(s->id > last_id);
        CHECK(map_find(&d->ids, s->id) == i);
        CHECK(map_find(&d->nonces, map_key(s->account, s->nonce)) == s->id);
        last_id = s->id;
        count++;
    }
    CHECK(count == d->slots.count);
    CHECK(d->ids.count == count + closed_kept(d) && d->nonces.count == d->ids.count);
}
