/* zex_outbox.h - what a client must not forget, in one append-only file.
 *
 * Each entry is [u16 size][u16 ~size][u32 xxh32][payload]. A last entry that a crash
 * cut short, or left as zeros, is dropped: it was never sent. Anything else that is
 * wrong is ZEX_ERR_OUTBOX. The file is rewritten when most of it is history.
 *
 * Owns:     the file, locked while open, and the two lanes' memory of unfinished
 *           commands.
 * Units:    bytes.
 * Errors:   ZEX_ERR_OUTBOX, ZEX_ERR_LOCKED, ZEX_ERR_MEMORY, ZEX_ERR_FULL.
 * Threads:  the client's.
 * Bounds:   `in_flight_max` commands a lane, or what an earlier run left, if that is
 *           more.
 */
#ifndef ZEX_OUTBOX_H
#define ZEX_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/limits.h"
#include "sdk/include/zex.h"

#define ZEX_OUTBOX_LANES 2

struct zex_outbox_command {
    uint64_t n;
    uint64_t cl_ord_id;
    uint16_t size;
    uint8_t body[BODY_BYTES_MAX];
};

/* One session: commands n = first .. next - 1 are not yet known to be durable. */
struct zex_outbox_lane {
    uint64_t nonce;
    uint64_t session; /* 0: not known yet */
    uint64_t first, next;
    bool gone;
    struct zex_outbox_command *commands; /* ring of `capacity`, index n % capacity */
    uint32_t capacity;
};

struct zex_outbox {
    struct zex_outbox_lane lanes[ZEX_OUTBOX_LANES];
    uint64_t feed_gseq;     /* last report that came */
    uint64_t taken_gseq;    /* last report the caller is done with: what the file says */
    uint64_t tag_gseq, tag; /* of the last heartbeat */
    bool feed_known;        /* feed_gseq was set by a run before */
    int file;               /* -1: in memory */
    bool sync;
    bool failed; /* something is not on the disk, and no later write puts it there */
    char *path;
    uint8_t *buffer; /* appended, not yet written */
    size_t buffer_size, buffer_capacity;
    uint64_t file_bytes, compact_bytes; /* written; rewritten beyond */
};

int zex_outbox_open(struct zex_outbox *, const struct zex_options *);
void zex_outbox_close(struct zex_outbox *);

struct zex_outbox_command *zex_outbox_get(struct zex_outbox_lane *, uint64_t n);

/* Takes the next n of the lane. ZEX_ERR_FULL. */
int zex_outbox_add(struct zex_outbox *, uint32_t lane, const uint8_t *body, size_t size,
                   uint64_t cl_ord_id);
/* Other bytes under an n that was never accepted. */
void zex_outbox_repair(struct zex_outbox *, uint32_t lane, uint64_t n,
                       const uint8_t *body, size_t size);
void zex_outbox_durable(struct zex_outbox *, uint32_t lane, uint64_t n);
void zex_outbox_session(struct zex_outbox *, uint32_t lane, uint64_t session);
/* The lane's session is over: forgets it and its commands, and takes a fresh nonce. */
int zex_outbox_renew(struct zex_outbox *, uint32_t lane);
/* The caller is done with the reports up to this one; a next run goes on behind it. */
void zex_outbox_feed(struct zex_outbox *, uint64_t taken_gseq, uint64_t tag_gseq,
                     uint64_t tag);

/* Puts what was added onto the disk; must succeed before the commands are sent. */
int zex_outbox_write(struct zex_outbox *);

#endif
