/* resume.h - joins the reports a client missed with those that come now.
 *
 *   resume --(tag given)--> ask the sequencer for the chain there --> compare
 *          --> note our position G0, let live reports wait, ask portfolio page by page
 *              for (last_gseq, G0], which answers once it stands at G0 or beyond
 *          --> the pages, then what waited, then `resumed`, then live
 *
 * Owns:     the replays under way, each with a queue of the reports that wait.
 * Units:    positions of the log, bytes.
 * Errors:   none; refusals go to the client, who resumes again.
 * Threads:  none; belongs to the gateway core.
 * Bounds:   RESUME_MAX replays at once: else BUSY; RESUME_BYTES of waiting reports in
 *           each: else the peer is cut with LIMIT.
 */
#ifndef RESUME_H
#define RESUME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/outbox.h"
#include "common/pool.h"
#include "common/ring.h"
#include "proto/msg.h"

#define RESUME_MAX   32
#define RESUME_BYTES (256u << 10)
#define RESUME_PAGE  128 /* reports */
#define RESUME_TRIES 8   /* of a page that is PENDING */

struct gateway;
struct peer;

struct resume {
    uint64_t session;
    uint64_t tag_gseq, tag;
    uint64_t joined_gseq; /* G0 */
    uint64_t question;    /* the lookup whose answer is awaited */
    uint32_t peer;
    uint32_t tries;
    bool complete;       /* all pages are through */
    struct ring waiting; /* [u64 gseq][encoded report] */
};

struct resume_table {
    struct resume *replays;
    struct pool slots;
};

/* Takes its memory from the arena (or measures it). */
void resume_init(struct resume_table *, struct arena *);

/* A client wants its feed. */
void resume_start(struct gateway *, struct outbox *, struct peer *,
                  const struct msg_resume *);

/* A live report for a peer whose replay is under way. */
void resume_wait(struct gateway *, struct outbox *, struct peer *, uint64_t gseq,
                 const uint8_t *bytes, uint32_t size);

/* Answers to the two questions; reason 0 and rows, or why not. */
void resume_on_chain(struct gateway *, struct outbox *, struct peer *,
                     const struct msg_answer *, const uint8_t *rows, const uint8_t *end);
void resume_on_reports(struct gateway *, struct outbox *, struct peer *,
                       const struct msg_answer *, const uint8_t *rows,
                       const uint8_t *end);

/* Goes on with those that wait for room in the outbox. */
void resume_turn(struct gateway *, struct outbox *);

/* The peer is gone, or begins anew. */
void resume_end(struct gateway *, struct peer *);

#endif
