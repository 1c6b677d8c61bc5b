/* submission.c - skip what is known, compare, append the rest. */
#include "services/sequencer/submission.h"

#include <string.h>

#include "common/bus.h"
#include "common/check.h"
#include "common/error.h"
#include "common/fault.h"
#include "proto/codec.h"
#include "proto/digest.h"
#include "proto/pack.h"

/* A submission being read. */
struct reading {
    struct pack_reader pack;
    uint32_t left; /* bins */
    uint64_t n;    /* of the next one */
    uint8_t digest[ROSTER_DIGEST];
};

static int next_bin(struct reading *r, const uint8_t **body, size_t *size)
{
    int error = pack_read_bin(&r->pack, MESSAGE_BYTES_MAX, body, size);
    if (error != 0)
        return error;
    r->left--;
    r->n++;
    return 0;
}

/* Passes over what is in the log already, and follows the service's digest through it. */
static int pass_known(struct reading *r, uint64_t last_n)
{
    while (r->left > 0 && r->n <= last_n) {
        const uint8_t *body = NULL;
        size_t size = 0;
        int error = next_bin(r, &body, &size);
        if (error != 0)
            return error;
        digest_fold(r->digest, body, size);
    }
    return 0;
}

static int pass_rest(struct reading *r)
{
    return pass_known(r, UINT64_MAX);
}

/* A service is trusted to know its trade, not to be free of bugs: nothing that readers
 * could not decode may enter the log. */
static int append_rest(struct sequencer *s, struct reading *r, int64_t source,
                       struct outbox *outbox)
{
    while (r->left > 0 && sequencer_has_room(outbox)) {
        const uint8_t *body = NULL;
        size_t size = 0;
        struct msg m MSG_UNSET;
        const uint64_t n = r->n;
        int error = next_bin(r, &body, &size);
        if (error == 0)
            error = codec_decode_whole(body, size, &m);
        if (error != 0)
            return error;
        if (!roster_may_submit(source, m.kind))
            return ERR_UNKNOWN_KIND;
        sequencer_append(s, outbox, source, n, &m, body, (uint32_t)size);
    }
    return 0;
}

static void acknowledge(const struct core_frame *frame, int64_t source, uint64_t last_n,
                        int reason, struct outbox *outbox)
{
    struct msg m = {.kind = MSG_ack};
    m.ack.source = source;
    m.ack.last_n = last_n;
    m.ack.reason = (uint16_t)error_number(reason);
    outbox_send(outbox, BUS_SERVER, frame->peer, &m);
}

/* Why nothing of it may be appended, or 0. Where all of it is known and ends before our
 * last one there is nothing to compare with. */
static int compare(const struct reading *r, const struct roster_service *known)
{
    if (r->n > known->last_n + 1)
        return ERR_GAP;
    if (r->n <= known->last_n)
        return 0;
    return memcmp(r->digest, known->digest, ROSTER_DIGEST) == 0 ? 0 : ERR_DIVERGED;
}

int submission_receive(struct sequencer *s, const struct core_frame *frame,
                       const struct msg_submission *submission, const uint8_t **at,
                       struct outbox *outbox)
{
    const struct roster_service *known = roster_find(&s->roster, submission->source);
    struct reading r = {
        .pack = {.at = *at, .end = frame->bytes + frame->bytes_size},
        .left = submission->count,
        .n = submission->first_n,
    };
    memcpy(r.digest, submission->digest, sizeof r.digest);
    if (known == NULL || FAULT(SUBMISSION_LOST))
        return ERR_RANGE;
    int error = pass_known(&r, known->last_n);
    if (error != 0)
        return error;
    int reason = compare(&r, known);
    if (reason == 0 && r.left > 0)
        reason = append_rest(s, &r, submission->source, outbox) == 0 ? 0 : ERR_BAD;
    acknowledge(frame, submission->source, known->last_n, reason, outbox);
    error = pass_rest(&r);
    *at = r.pack.at;
    return error;
}
