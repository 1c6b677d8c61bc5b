/* roster.c - who the services are and where they stand. */
#include "services/sequencer/roster.h"

#include <string.h>

#include "common/check.h"
#include "common/error.h"
#include "common/reader.h"
#include "common/writer.h"
#include "proto/codec.h"
#include "proto/digest.h"

#define SECOND_NS UINT64_C(1000000000)
#define READY_NS  (3 * SECOND_NS) /* a service checks in each second */

void roster_init(struct roster *r)
{
    memset(r, 0, sizeof *r);
    r->services[SERVICE_RISK].registered = true;
    r->services[SERVICE_SETTLEMENT].registered = true;
    r->services[SERVICE_PORTFOLIO].registered = true;
}

struct roster_service *roster_find(struct roster *r, int64_t source)
{
    return source < 0 && source > -ROSTER_SERVICES ? &r->services[-source] : NULL;
}

static bool is_decision(uint16_t kind)
{
    return kind >= MSG_order_rejected && kind <= MSG_withdraw_done;
}

static bool is_report(uint16_t kind)
{
    return kind == MSG_order_rejected || kind == MSG_cancel_rejected ||
           (kind >= MSG_order_accepted && kind <= MSG_trade_prevented);
}

bool roster_may_submit(int64_t source, uint16_t kind)
{
    if (kind == MSG_digest)
        return true;
    if (source == -SERVICE_RISK)
        return is_decision(kind);
    return source <= -SERVICE_SHARD && is_report(kind);
}

void roster_submitted(struct roster *r, int64_t source, uint64_t n, const uint8_t *body,
                      uint32_t size)
{
    struct roster_service *s = roster_find(r, source);
    CHECK(s != NULL && n == s->last_n + 1);
    s->last_n = n;
    digest_fold(s->digest, body, size);
}

void roster_register(struct roster *r, uint32_t service, bool registered)
{
    CHECK(service < ROSTER_SERVICES);
    r->services[service].registered = registered;
}

static bool is_skipped(const struct roster_service *s, uint64_t sequence)
{
    for (uint32_t i = 0; i < s->skip_count; i++)
        if (s->skips[i] == sequence)
            return true;
    return false;
}

/* A welcome may be under way to a connection that had one before: who waits there may go
 * on at any moment. */
bool roster_lets_in(struct roster *r, const struct msg_checkin *m, uint32_t peer,
                    uint64_t now_ns)
{
    struct roster_service *s = roster_find(r, m->source);
    CHECK(s != NULL);
    const bool waits = m->waits_at != 0 && peer != s->welcomed_peer;
    const bool is_held = waits && now_ns < s->hold_until_ns;
    s->waits_at = is_held ? m->waits_at : 0;
    if (!is_held)
        s->welcomed_peer = peer;
    return !is_held;
}

int roster_check_skip(struct roster *r, const struct msg_skip *m, uint64_t now_ns,
                      uint64_t *limit)
{
    CHECK(m->service < ROSTER_SERVICES);
    struct roster_service *s = &r->services[m->service];
    if (is_skipped(s, m->sequence))
        return 0;
    *limit = ROSTER_SKIPS;
    if (s->skip_count == ROSTER_SKIPS)
        return ERR_CAPACITY;
    *limit = s->waits_at != 0 ? s->waits_at : s->next;
    const bool is_passed = *limit > m->sequence;
    s->hold_until_ns = is_passed || s->waits_at != 0 ? 0 : now_ns + ROSTER_HOLD_NS;
    if (is_passed)
        return ERR_PASSED;
    *limit = ROSTER_RETRY_MS;
    return s->waits_at != 0 ? 0 : ERR_BUSY;
}

void roster_skip(struct roster *r, const struct msg_skip *m)
{
    CHECK(m->service < ROSTER_SERVICES);
    struct roster_service *s = &r->services[m->service];
    if (is_skipped(s, m->sequence))
        return;
    CHECK(s->skip_count < ROSTER_SKIPS);
    s->skips[s->skip_count++] = m->sequence;
}

static void move(struct roster_service *s, uint64_t next, uint64_t now_ns)
{
    if (next < s->rate_next || s->rate_ns == 0) {
        s->rate_next = next;
        s->rate_ns = now_ns;
    }
    if (now_ns - s->rate_ns >= SECOND_NS) {
        const uint64_t ms = (now_ns - s->rate_ns) / 1000000;
        s->rate = (next - s->rate_next) * 1000 / ms;
        s->rate_next = next;
        s->rate_ns = now_ns;
    }
    s->next = next;
}

void roster_measure_log(struct roster *r, uint64_t log_next, uint64_t now_ns)
{
    move(&r->services[SERVICE_SEQUENCER], log_next, now_ns);
}

uint64_t roster_log_rate(const struct roster *r)
{
    return r->services[SERVICE_SEQUENCER].rate;
}

void roster_check_in(struct roster *r, int64_t source, uint64_t next, uint64_t now_ns)
{
    struct roster_service *s = roster_find(r, source);
    CHECK(s != NULL);
    s->checked_in = true;
    s->heard_ns = now_ns;
    if (next > 0) {
        s->stream = 0;
        move(s, next, now_ns);
    }
}

void roster_position(struct roster *r, const struct msg_position *p, uint64_t now_ns)
{
    struct roster_service *s = roster_find(r, p->source);
    if (s == NULL)
        return;
    s->heard_ns = now_ns;
    if (p->made != 0) {
        if (p->source == -SERVICE_RISK && p->stream >= 1)
            r->made[p->stream - 1] = p->next;
        return;
    }
    s->stream = p->stream;
    move(s, p->next, now_ns);
}

bool roster_is_complete(const struct roster *r)
{
    for (uint32_t i = 0; i < ROSTER_SERVICES; i++)
        if (r->services[i].registered && !r->services[i].checked_in)
            return false;
    return true;
}

uint64_t roster_read_by_all(const struct roster *r)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < ROSTER_SERVICES; i++) {
        const struct roster_service *s = &r->services[i];
        bool reads = s->registered && (i < SERVICE_SHARD || s->stream == 0);
        if (reads && s->next < least)
            least = s->next > 0 ? s->next : 1;
    }
    return least;
}

uint64_t roster_lag(const struct roster *r, uint32_t service, uint64_t log_next)
{
    const bool shard = service >= SERVICE_SHARD;
    const uint64_t head = shard ? r->made[service - SERVICE_SHARD] : log_next;
    const uint64_t next = r->services[service].next > 0 ? r->services[service].next : 1;
    return head > next ? head - next : 0;
}

static size_t put_position(uint8_t *bytes, size_t capacity, struct msg_position position)
{
    struct msg m = {.kind = MSG_position};
    m.position = position;
    size_t size = 0;
    return codec_encode(bytes, capacity, &m, &size) == 0 ? size : 0;
}

size_t roster_positions(const struct roster *r, uint8_t *bytes, size_t capacity)
{
    size_t size = 0;
    for (uint32_t k = 0; k <= SHARD_MAX; k++)
        if (r->made[k] > 0)
            size += put_position(bytes + size, capacity - size,
                                 (struct msg_position){.source = -SERVICE_RISK,
                                                       .stream = 1 + k,
                                                       .made = 1,
                                                       .next = r->made[k]});
    for (uint32_t i = SERVICE_RISK; i < ROSTER_SERVICES; i++)
        if (r->services[i].next > 0)
            size += put_position(bytes + size, capacity - size,
                                 (struct msg_position){.source = -(int64_t)i,
                                                       .stream = r->services[i].stream,
                                                       .next = r->services[i].next});
    return size;
}

static bool is_ready(const struct roster_service *s, uint64_t now_ns)
{
    return s->checked_in && now_ns - s->heard_ns < READY_NS;
}

void roster_rows(const struct roster *r, uint64_t epoch, uint64_t log_next,
                 uint64_t now_ns, struct core_answer *answer)
{
    for (uint32_t i = 1; i < ROSTER_SERVICES; i++) {
        const struct roster_service *s = &r->services[i];
        if (s->heard_ns == 0 && !s->registered)
            continue;
        struct msg m = {.kind = MSG_row_service};
        m.row_service.source = -(int64_t)i;
        m.row_service.epoch = s->checked_in ? epoch : 0;
        m.row_service.stream = s->stream;
        m.row_service.next = s->next;
        m.row_service.lag = roster_lag(r, i, log_next);
        m.row_service.rate = s->rate;
        m.row_service.age_ms = s->heard_ns == 0 ? 0 : (now_ns - s->heard_ns) / 1000000;
        m.row_service.ready = is_ready(s, now_ns);
        if (!core_answer_add(answer, &m))
            return;
    }
}

void roster_save(const struct roster *r, struct writer *w)
{
    for (uint32_t i = 0; i < ROSTER_SERVICES; i++) {
        writer_u64(w, r->services[i].registered);
        writer_u64(w, r->services[i].last_n);
        writer_bytes(w, r->services[i].digest, ROSTER_DIGEST);
        writer_u32(w, r->services[i].skip_count);
        for (uint32_t k = 0; k < r->services[i].skip_count; k++)
            writer_u64(w, r->services[i].skips[k]);
    }
}

int roster_load(struct roster *r, struct reader *reader)
{
    for (uint32_t i = 0; i < ROSTER_SERVICES; i++) {
        r->services[i].registered = reader_u64(reader) != 0;
        r->services[i].last_n = reader_u64(reader);
        reader_bytes(reader, r->services[i].digest, ROSTER_DIGEST);
        r->services[i].skip_count = reader_count(reader, ROSTER_SKIPS);
        for (uint32_t k = 0; k < r->services[i].skip_count; k++)
            r->services[i].skips[k] = reader_u64(reader);
    }
    return reader_failed(reader) ? ERR_CORRUPT : 0;
}
