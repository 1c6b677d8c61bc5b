/* horizon.h - how far the services are, as the log's HEAD says.
 *
 * Owns:     the last positions heard.
 * Units:    positions of streams.
 * Errors:   none.
 * Threads:  none; belongs to the gateway core.
 * Bounds:   one entry per service number and shard.
 *
 * It is hearsay: it decides only whether a command is refused before it is forwarded.
 */
#ifndef HORIZON_H
#define HORIZON_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/big_endian.h"
#include "proto/limits.h"
#include "proto/msg.h"

struct horizon {
    uint64_t log_next;
    uint32_t commit_us; /* that the log's commits take; 0: not told */
    uint64_t cursor[SERVICE_SHARD + SHARD_MAX + 1]; /* by service number */
    uint64_t made[SHARD_MAX + 1];                   /* approved.k */
    uint64_t tag_gseq,
        tag; /* a block boundary of the log, and its chain's first 8 bytes */
};

static inline void horizon_head(struct horizon *h, const struct msg_head *head)
{
    if (head->stream != 0 || head->next < h->log_next)
        return; /* a late one proves nothing */
    h->log_next = head->next;
    h->commit_us = 0; /* unless a `pace` follows: an older sequencer says none */
    h->tag_gseq = head->next - 1;
    h->tag = big_endian_get(head->chain, sizeof h->tag);
}

static inline void horizon_position(struct horizon *h, const struct msg_position *p)
{
    if (p->made == 0)
        h->cursor[-p->source] = p->next;
    else if (p->source == -SERVICE_RISK && p->stream > 0)
        h->made[p->stream - 1] = p->next;
}

/* A message of the sequencer's; others say nothing of it. */
static inline void horizon_hear(struct horizon *h, const struct msg *m)
{
    if (m->kind == MSG_head)
        horizon_head(h, &m->head);
    else if (m->kind == MSG_position)
        horizon_position(h, &m->position);
    else if (m->kind == MSG_pace)
        h->commit_us = m->pace.commit_us;
}

/* Is the service more than `window` records behind? One that was never heard of stands at
 * the beginning. */
static inline bool horizon_is_behind(const struct horizon *h, uint32_t service,
                                     uint64_t window)
{
    const bool shard = service >= SERVICE_SHARD;
    const uint64_t head = shard ? h->made[service - SERVICE_SHARD] : h->log_next;
    const uint64_t next = h->cursor[service] > 0 ? h->cursor[service] : 1;
    return head > next && head - next > window;
}

#endif
