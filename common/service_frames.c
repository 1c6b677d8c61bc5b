/* service_frames.c - a parent that decides where each frame belongs. */
#include "common/service_frames.h"

#include <string.h>

#include "common/ablate.h"
#include "common/check.h"
#include "common/error.h"
#include "common/fault.h"
#include "common/service_input.h"
#include "common/service_instance.h"
#include "common/service_log.h"
#include "common/service_output.h"
#include "common/service_rights.h"
#include "common/service_say.h"
#include "common/service_store.h"
#include "proto/codec.h"

/* ---- who is it --------------------------------------------------------------------- */

/* The service at the other end, 0 without CURVE. */
static int64_t source_of(const struct service_instance *s, const struct bus_frame *frame)
{
    static const uint8_t none[sizeof frame->key];
    const struct bus_options *bus = &s->options.bus;
    if (frame->port != BUS_SERVER || memcmp(frame->key, none, sizeof none) == 0)
        return 0;
    return bus->identify != NULL ? bus->identify(bus->argument, frame->key)
                                 : SERVICE_RIGHTS_STRANGER;
}

/* Told together, a few times a second at most. */
static void forbid(struct service_instance *s, int64_t source, uint32_t count)
{
    metrics_add(&s->metrics, METRICS_messages_forbidden, count);
    s->forbidden += count;
    s->forbidden_source = source;
}

static bool is_allowed(struct service_instance *s, const struct bus_frame *frame,
                       const struct msg *msg)
{
    int64_t source = source_of(s, frame);
    if (service_rights_allow(source, msg))
        return true;
    forbid(s, source, 1);
    return false;
}

/* ---- to the core ------------------------------------------------------------------- */

static int to_core(struct service_instance *s, const struct bus_frame *frame)
{
    const struct core_ops *core = s->kind->core;
    if (core->receive == NULL || s->state == NULL || s->is_replaying) {
        metrics_add(&s->metrics, METRICS_frames_refused, 1);
        return 0;
    }
    bool is_peer = frame->port == BUS_SERVER || frame->port == BUS_CLIENTS;
    struct core_frame given = {.port = frame->port,
                               .peer = is_peer ? frame->peer : frame->index,
                               .source = source_of(s, frame),
                               .bytes = frame->bytes,
                               .bytes_size = (uint32_t)frame->size};
    memcpy(given.key, frame->key, sizeof given.key);
    core->receive(s->state, &given, &s->now, &s->outbox);
    if (s->outbox.forbidden > 0)
        forbid(s, given.source, s->outbox.forbidden);
    s->outbox.forbidden = 0;
    return s->outbox.stop;
}

/* ---- from peers of our server ------------------------------------------------------ */

static struct stream_publisher *publisher_of(struct service_instance *s, uint32_t stream)
{
    for (uint32_t k = 0; k < s->publisher_count; k++) {
        if (s->publishers[k].stream == stream && stream != STREAM_OUTPUT)
            return &s->publishers[k];
    }
    return NULL;
}

/* Not yet, but here we are: silence would be taken for a connection that is dead. */
static void put_off(struct service_instance *s, uint32_t peer, struct msg *msg)
{
    const uint16_t pending = (uint16_t)error_number(ERR_PENDING);
    if (msg->kind == MSG_fetch)
        *msg = (struct msg){
            .kind = MSG_fetched,
            .fetched = {.stream = msg->fetch.stream, .next = 1, .reason = pending}};
    else
        *msg = (struct msg){.kind = MSG_welcome, .welcome = {.reason = pending}};
    service_say(s, BUS_SERVER, peer, msg);
}

static int on_fetch(struct service_instance *s, const struct bus_frame *frame)
{
    struct msg msg;
    size_t size = 0;
    if (codec_decode_whole(frame->bytes, frame->size, &msg) != 0) {
        metrics_add(&s->metrics, METRICS_frames_refused, 1);
        return 0;
    }
    if (!is_allowed(s, frame, &msg))
        return 0;
    struct stream_publisher *p = publisher_of(s, msg.fetch.stream);
    if (FAULT(FETCH_LOST))
        return 0;
    if (p == NULL || (service_owns_log(s) && s->is_replaying)) {
        put_off(s, frame->peer, &msg);
        return 0;
    }
    int error =
        stream_publisher_fetch(p, &msg.fetch, s->frame, STREAM_FRAME_BYTES, &size);
    if (error != 0) {
        service_log(s, SERVICE_LOG_ERROR, "fetch",
                    "seq=%" PRIu64 " head=%" PRIu64 " error=%s", msg.fetch.next, p->next,
                    error_name(error));
        return error;
    }
    metrics_add(&s->metrics, METRICS_fetches_answered, 1);
    (void)service_say_frame(s, BUS_SERVER, frame->peer, size); /* or it asks again */
    return 0;
}

/* A consumer of this very log must not know more of it than we do. */
static int judge_checkin(struct service_instance *s, const struct msg_checkin *m)
{
    if (m->next == 0 || memcmp(m->log_id, s->genesis.log_id, sizeof m->log_id) != 0)
        return 0;
    int error = stream_publisher_judge(&s->publishers[0], m->next, m->chain);
    if (error != 0)
        service_log(s, SERVICE_LOG_ERROR, "checkin",
                    "source=%" PRId64 " seq=%" PRIu64 " error=%s", m->source, m->next,
                    error_name(error));
    return error;
}

static int on_checkin(struct service_instance *s, const struct bus_frame *frame)
{
    struct msg msg;
    size_t used = 0;
    if (codec_decode(frame->bytes, frame->size, &msg, &used) != 0 ||
        !service_rights_allow(source_of(s, frame), &msg))
        return to_core(s, frame); /* which counts it */
    if (s->is_replaying) {
        put_off(s, frame->peer, &msg);
        return 0;
    }
    int error = judge_checkin(s, &msg.checkin);
    return error != 0 ? error : to_core(s, frame);
}

/* A shard says what of its stream it needs no more. To the sequencer: where it stands. */
static int on_position(struct service_instance *s, const struct bus_frame *frame)
{
    struct msg msg;
    if (service_owns_log(s) || codec_decode_whole(frame->bytes, frame->size, &msg) != 0)
        return to_core(s, frame);
    const struct msg_position *m = &msg.position;
    struct stream_publisher *p = publisher_of(s, m->stream);
    if (is_allowed(s, frame, &msg) && s->options.prune_approved && p != NULL &&
        m->source == -SERVICE_SHARD - ((int64_t)m->stream - 1) && m->kept > p->kept)
        p->kept = m->kept;
    return 0;
}

static int on_server(struct service_instance *s, const struct bus_frame *frame)
{
    switch (codec_kind(frame->bytes, frame->size)) {
    case MSG_fetch:
        return on_fetch(s, frame);
    case MSG_query:
        if (is_allowed(s, frame, &(struct msg){.kind = MSG_query}))
            service_query_receive(s, frame->peer, frame->bytes, frame->size);
        return 0;
    case MSG_checkin:
        return service_owns_log(s) ? on_checkin(s, frame) : to_core(s, frame);
    case MSG_position:
        return on_position(s, frame);
    default:
        return to_core(s, frame);
    }
}

/* ---- from the sequencer ------------------------------------------------------------ */

static int on_welcome(struct service_instance *s, const struct msg_welcome *welcome)
{
    if (FAULT(WELCOME_LOST) || welcome->reason == error_number(ERR_PENDING))
        return 0; /* we ask again */
    if (welcome->reason != 0)
        return -(int)welcome->reason;
    int error = service_store_check_log(s, welcome->log_id);
    if (error != 0)
        return error;
    bool is_whole = (uint32_t)__builtin_popcountll(s->told_skips) >= welcome->skips;
    s->told_skips = 0;
    if (!is_whole)
        return 0;
    s->is_welcomed = true;
    return s->kind->submits && s->state != NULL
               ? stream_submitter_welcome(&s->submitter, welcome, s->now.mono_ns)
               : 0;
}

/* The operator's SKIP, told before the first record: we wait for our welcome. A record
 * that did not stop us cannot be passed over any more. */
static int on_skip(struct service_instance *s, const struct msg_skip *skip)
{
    const uint32_t place = service_store_find_skip(s, skip->sequence);
    int error = 0;
    if (place == s->skip_count)
        error = skip->sequence < service_starts_at(s)
                    ? ERR_DIVERGED
                    : service_store_skip(s, skip->sequence);
    if (error == 0)
        s->told_skips |= UINT64_C(1) << place; /* however often it is told */
    return error;
}

static int on_harness_message(struct service_instance *s, const struct msg *msg)
{
    if (msg->kind == MSG_welcome)
        return on_welcome(s, &msg->welcome);
    if (msg->kind == MSG_skip)
        return on_skip(s, &msg->skip);
    if (msg->kind == MSG_ack && s->kind->submits && s->state != NULL)
        return stream_submitter_ack(&s->submitter, &msg->ack, s->now.mono_ns);
    return 0;
}

/* A frame may hold messages for us and, in a gateway, for the core, which passes over
 * ours. */
static int on_sequencer(struct service_instance *s, const struct bus_frame *frame)
{
    struct msg msg;
    size_t used = 0;
    service_link_hear(&s->sequencer_link);
    for (size_t at = 0; at < frame->size; at += used) {
        if (codec_decode(frame->bytes + at, frame->size - at, &msg, &used) != 0) {
            metrics_add(&s->metrics, METRICS_frames_refused, 1);
            return 0;
        }
        int error = on_harness_message(s, &msg);
        if (error != 0) {
            service_log(s, SERVICE_LOG_ERROR, "sequencer",
                        "made_n=%" PRIu64 " acked_n=%" PRIu64 " error=%s",
                        s->submitter.made_n, s->submitter.acked_n, error_name(error));
            return error;
        }
    }
    return s->kind->core->receive != NULL ? to_core(s, frame) : 0;
}

/* ---- from the owner of the input --------------------------------------------------- */

/* It speaks on two connections, and one may be dead while the other lives. An owner that
 * replays answers, and has nothing to publish. */
static void hear_owner(struct service_instance *s, const struct bus_frame *frame)
{
    struct msg msg = {.kind = MSG_head};
    size_t used = 0;
    bool is_stream = frame->port == BUS_STREAM;
    if (!is_stream && codec_decode(frame->bytes, frame->size, &msg, &used) != 0)
        return;
    if (!is_stream || ABLATE(ONE_LINK))
        service_link_hear(&s->owner_link);
    if (is_stream || (msg.kind == MSG_fetched && msg.fetched.reason != 0))
        service_link_hear(&s->stream_link);
}

static int on_input(struct service_instance *s, const struct bus_frame *frame)
{
    bool is_later = s->is_replaying && (s->kind->journal & SERVICE_JOURNAL_INPUTS) != 0;
    bool is_head = codec_kind(frame->bytes, frame->size) == MSG_head;
    uint64_t stale = s->input.stale;
    int blocks = 0;
    if (!is_later && (is_head || s->is_welcomed)) /* else what is missing is fetched */
        blocks = service_input_receive(s, frame->bytes, frame->size);
    bool is_stale = s->input.stale != stale; /* of a sequencer that was replaced */
    if (!is_stale)
        hear_owner(s, frame);
    if (blocks < 0)
        service_log(s, SERVICE_LOG_ERROR, "input", "stream=%u seq=%" PRIu64 " error=%s",
                    s->input.stream, check_sequence, error_name(blocks));
    bool is_wanted = is_head && !is_later && !is_stale && s->kind->core->receive != NULL;
    return blocks < 0 ? blocks : is_wanted ? to_core(s, frame) : 0;
}

static int take_frame(struct service_instance *s, const struct bus_frame *frame)
{
    switch (frame->port) {
    case BUS_SERVER:
        return on_server(s, frame);
    case BUS_STREAM:
    case BUS_OWNER:
        return on_input(s, frame);
    case BUS_SEQUENCER:
        return on_sequencer(s, frame);
    case BUS_CLIENTS:
        return to_core(s, frame);
    case BUS_SERVICE:
        s->sender.asked[frame->index] = false;
        service_link_hear(&s->peer_links[frame->index]);
        return to_core(s, frame);
    case BUS_PUBLISHER:
        break;
    }
    return 0;
}

int service_frames_drain(struct service_instance *s)
{
    struct bus_frame frame;
    uint32_t count = 0;
    uint64_t bytes = 0;
    uint32_t count_max = FAULT(DRAIN_SHORT) ? 1 : s->options.turn_frames_max;
    while (count < count_max && !service_output_is_crowded(s) &&
           bus_receive(s->bus, &frame) == 1) {
        count++;
        bytes += frame.size;
        int error = take_frame(s, &frame);
        if (error != 0)
            return error;
    }
    metrics_add(&s->metrics, METRICS_frames_received, count);
    metrics_add(&s->metrics, METRICS_received, bytes);
    return (int)count;
}
