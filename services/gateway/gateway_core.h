/* gateway_core.h - between clients and the log: who may do what, and who hears what.
 *
 * Owns:     a fold over the log (accounts, keys, symbols, sessions, the last report of
 *           each feed), and what is gone with the process: peers, routes, buckets,
 *           replays, queries under way.
 * Units:    positions of the log, ns of the monotonic clock.
 * Errors:   none; every refusal is an answer.
 * Threads:  one.
 * Bounds:   those of its parts. What does not fit into the outbox is not taken; its
 *           sender repeats it.
 *
 * It has no authority: it may be killed at any time, and anything it refuses may be
 * accepted through another one.
 */
#ifndef GATEWAY_CORE_H
#define GATEWAY_CORE_H

#include "common/core.h"
#include "common/service.h"
#include "services/gateway/directory.h"
#include "services/gateway/horizon.h"
#include "services/gateway/limiter.h"
#include "services/gateway/lookup.h"
#include "services/gateway/peer.h"
#include "services/gateway/resume.h"
#include "services/gateway/session.h"
#include "services/gateway/throttle.h"

#define GATEWAY_FRAME_MESSAGES_MAX 4096
#define GATEWAY_RETRY_MS           10                   /* value of BUSY */
#define GATEWAY_SILENCE_NS         UINT64_C(3000000000) /* no record: UNAVAILABLE */
#define GATEWAY_ANSWER_BYTES       (1u << 20)           /* an answer with its rows */
#define GATEWAY_SWEEP              1024u                /* sessions, each heartbeat */
#define GATEWAY_MARGIN             (1u << 18) /* in the outbox, kept for goodbyes */
#define GATEWAY_SEND_ROOM          (12 + MESSAGE_BYTES_MAX) /* of one message sent */

/* What would be alarms: for metrics and tests. */
struct gateway_counts {
    uint64_t tag_mismatches; /* a client knew another log */
    uint64_t cut;            /* peers sent away */
};

struct gateway {
    /* The fold. */
    uint64_t gseq; /* last record applied */
    struct directory directory;
    struct session_table sessions;

    /* This run. */
    struct core_settings settings;
    uint64_t now_ns;
    bool heard;                  /* a record since `alive_ns` was set */
    uint64_t alive_ns;           /* when the log was last heard of; 0: never */
    uint64_t beaten_ns;          /* when heartbeats were last sent */
    uint64_t gap_session, gap_n; /* told of in this frame */
    uint32_t swept;              /* the next place of `sessions` to be looked at */
    struct horizon horizon;
    struct limiter limiter;
    struct throttle throttle;
    struct peer_table peers;
    struct lookup_table lookups;
    struct resume_table resumes;
    struct gateway_counts counts;
    uint8_t *scratch; /* GATEWAY_ANSWER_BYTES */
};

extern const struct core_ops gateway_core;
extern const struct service_kind gateway_kind;

/* For the gateway's own files. Is there room to send `size` bytes and a few messages? */
bool gateway_has_room(const struct outbox *, size_t size);

/* `session` 0: concerns client_open, resume, hello or a message that was none. */
void gateway_refuse(struct outbox *, const struct peer *, uint64_t session, uint64_t n,
                    int reason, uint64_t value);

/* Says goodbye and forgets the peer. */
void gateway_cut(struct gateway *, struct outbox *, struct peer *, int reason);

/* Forgets it without a word. */
void gateway_forget(struct gateway *, struct peer *);

/* Sends a feed_heartbeat. */
void gateway_beat(const struct gateway *, struct outbox *, const struct peer *);

/* Is the log alive, so that a command would reach it? */
bool gateway_is_alive(const struct gateway *);

#endif
