/* roster.h - the services: what each has submitted and read, and who must be there.
 *
 * Owns:     one entry per service number, and the heads that risk has made.
 * Units:    positions of streams; ns of the monotonic clock.
 * Errors:   load: ERR_CORRUPT.
 * Threads:  none; belongs to the sequencer core.
 * Bounds:   ROSTER_SERVICES entries. All gateways share one: they are equal, and no
 *           window looks at them.
 *
 * `registered`, `last_n` and `digest` are a fold over the log. The rest is hearsay: it is
 * gone after a restart, and only decides what is refused.
 *
 * A SKIP stands in the log behind the record it is for. Each `welcome` is preceded by the
 * skips of its service, and no service takes a record before its welcome: so they are
 * known in every later life, and to every replay, which looks for them first.
 */
#ifndef ROSTER_H
#define ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/core.h"
#include "proto/limits.h"
#include "proto/msg.h"

#define ROSTER_SERVICES (SERVICE_SHARD + SHARD_MAX + 1)
#define ROSTER_DIGEST   16
#define ROSTER_SKIPS    16 /* records a service may be told to pass over */
#define ROSTER_HOLD_NS  UINT64_C(5000000000)
#define ROSTER_RETRY_MS 100

struct roster_service {
    bool registered; /* start-up waits for its check-in */
    bool checked_in;
    uint32_t stream; /* it reads */
    uint64_t last_n;
    uint8_t digest[ROSTER_DIGEST]; /* running, over everything it submitted */
    uint64_t skips[ROSTER_SKIPS];  /* positions in its input that it passes over */
    uint32_t skip_count;
    uint64_t next;          /* its cursor; 0: not heard yet */
    uint64_t waits_at;      /* for its welcome, to go on from there; 0: it runs */
    uint64_t hold_until_ns; /* no welcome before, so that a SKIP finds it waiting */
    uint32_t welcomed_peer; /* the connection of its last welcome */
    uint64_t heard_ns;
    uint64_t rate_next, rate_ns, rate; /* records a second, over the last second */
};

struct roster {
    struct roster_service services[ROSTER_SERVICES];
    uint64_t
        made[SHARD_MAX + 1]; /* approved.k: what the next record will be; 0: unknown */
};

/* A new log: risk, settlement and portfolio are registered. */
void roster_init(struct roster *);

/* The entry of a source of the log; NULL if there is no such service. */
struct roster_service *roster_find(struct roster *, int64_t source);

/* May this service put a message of this kind into the log? */
bool roster_may_submit(int64_t source, uint16_t kind);

void roster_submitted(struct roster *, int64_t source, uint64_t n, const uint8_t *body,
                      uint32_t size);
void roster_register(struct roster *, uint32_t service, bool registered);

/* Whether a service that has checked in is welcomed: it is not while a SKIP wants it to
 * wait. Only one that waits is known not to pass the record: where one stands that runs
 * is hearsay, and what it has applied it can never pass over. */
bool roster_lets_in(struct roster *, const struct msg_checkin *, uint32_t peer,
                    uint64_t now_ns);

/* Why a SKIP is not taken, with what it ran into in `limit`; else 0. ERR_PASSED: the
 * service stands behind the record. ERR_BUSY: it does not wait; asked again within
 * ROSTER_HOLD_NS, it will after its next start. ERR_CAPACITY. */
int roster_check_skip(struct roster *, const struct msg_skip *, uint64_t now_ns,
                      uint64_t *limit);
void roster_skip(struct roster *, const struct msg_skip *);

/* How fast the log grows: records a second, over the last second. */
void roster_measure_log(struct roster *, uint64_t log_next, uint64_t now_ns);
uint64_t roster_log_rate(const struct roster *);

void roster_check_in(struct roster *, int64_t source, uint64_t next, uint64_t now_ns);
void roster_position(struct roster *, const struct msg_position *, uint64_t now_ns);
bool roster_is_complete(const struct roster *);

/* What is below this position of the log every registered service has read. */
uint64_t roster_read_by_all(const struct roster *);

/* Records between a service and the head of its stream. A shard that was not heard yet is
 * taken to stand at the beginning. */
uint64_t roster_lag(const struct roster *, uint32_t service, uint64_t log_next);

/* The `position` messages behind a head, and the rows of a STATUS query. */
size_t roster_positions(const struct roster *, uint8_t *bytes, size_t capacity);
void roster_rows(const struct roster *, uint64_t epoch, uint64_t log_next,
                 uint64_t now_ns, struct core_answer *);

void roster_save(const struct roster *, struct writer *);
int roster_load(struct roster *, struct reader *);

#endif
