/* service_frames.c - a parent that decides where each frame belongs. */
#include "common/service_frames.h"

#include <string.h>

#include "common/check.h"
#include "common/error.h"
#include "common/fault.h"
#include "common/service_input.h"
#include "common/service_instance.h"
#include "common/service_log.h"
#include "common/service_output.h"
#include "common/service_rights.h"
#include "common/service_store.h"
#include "proto/codec.h"

#define CHECKIN_NS       (1000 * STREAM_MS)
#define CHECKIN_FIRST_NS (100 * STREAM_MS) /* until the first answer */
#define SOON_NS          (10 * STREAM_MS)  /* there is no connection yet */
#define POSITION_NS      (100 * STREAM_MS)
#define POSITION_RECORDS 4096
#define SUBMIT_BYTES     (STREAM_FRAME_BYTES / 4)

static size_t put(uint8_t *at, const struct msg *msg)
{
    size_t size = 0;
    int error = codec_encode(at, MESSAGE_BYTES_MAX, msg, &size);
    CHECK(error == 0);
    return size;
}

/* What stands in the instance's own frame. */
static int give(struct service_instance *s, enum bus_port port, uint32_t index_or_peer,
                size_t size)
{
    return service_sender_send(&s->sender, s->bus, port, index_or_peer, s->frame, size);
}

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
    (void)give(s, BUS_SERVER, peer, put(s->frame, msg));
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
    (void)give(s, BUS_SERVER, frame->peer, size); /* or it asks again */
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

/* What it has stored is applied, if not yet again in this life. */
static uint64_t starts_at(const struct service_instance *s)
{
    return s->is_replaying ? s->stored.next : s->input.next;
}

/* The operator's SKIP, told before the first record: we wait for our welcome. A record
 * that did not stop us cannot be passed over any more. */
static int on_skip(struct service_instance *s, const struct msg_skip *skip)
{
    const uint32_t place = service_store_find_skip(s, skip->sequence);
    int error = 0;
    if (place == s->skip_count)
        error = skip->sequence < starts_at(s) ? ERR_DIVERGED
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

static int on_input(struct service_instance *s, const struct bus_frame *frame)
{
    bool is_own = (s->kind->journal & SERVICE_JOURNAL_INPUTS) != 0;
    service_link_hear(&s->owner_link);
    if (s->is_replaying && is_own)
        return 0; /* what is missing is fetched afterwards */
    bool is_head = codec_kind(frame->bytes, frame->size) == MSG_head;
    int blocks = is_head || s->is_welcomed
                     ? service_input_receive(s, frame->bytes, frame->size)
                     : 0;
    if (blocks < 0) {
        service_log(s, SERVICE_LOG_ERROR, "input", "stream=%u seq=%" PRIu64 " error=%s",
                    s->input.stream, check_sequence, error_name(blocks));
        return blocks;
    }
    return is_head && s->kind->core->receive != NULL ? to_core(s, frame) : 0;
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

/* ---- what the harness says --------------------------------------------------------- */

/* What it knows of the log, the part it is still replaying included. */
static size_t put_checkin(const struct service_instance *s, uint8_t *at)
{
    struct msg msg = {.kind = MSG_checkin};
    msg.checkin.source = s->source;
    memcpy(msg.checkin.log_id, s->log_id, sizeof msg.checkin.log_id);
    if (service_reads_log(s)) {
        msg.checkin.next = starts_at(s);
        memcpy(msg.checkin.chain, s->is_replaying ? s->stored.chain : s->input.chain,
               STREAM_CHAIN);
    }
    msg.checkin.waits_at = s->is_welcomed ? 0 : starts_at(s);
    return put(at, &msg);
}

static size_t put_positions(const struct service_instance *s, uint8_t *at)
{
    struct msg msg = {.kind = MSG_position};
    msg.position.source = s->source;
    msg.position.stream = s->input.stream;
    msg.position.next = s->input.next;
    size_t size = put(at, &msg);
    for (uint32_t k = 0; k < s->publisher_count; k++) {
        if (s->publishers[k].stream == STREAM_OUTPUT)
            continue;
        msg.position.stream = s->publishers[k].stream;
        msg.position.made = 1;
        msg.position.next = s->publishers[k].next;
        size += put(at + size, &msg);
    }
    return size;
}

static int tell_sequencer(struct service_instance *s)
{
    uint64_t now_ns = s->now.mono_ns;
    size_t size = 0;
    if (now_ns >= s->checkin_at_ns || FAULT(CHECKIN_AGAIN)) {
        size += put_checkin(s, s->frame);
        s->checkin_at_ns = now_ns + (s->is_welcomed ? CHECKIN_NS : CHECKIN_FIRST_NS);
    }
    bool is_far = s->input.next - s->position_next >= POSITION_RECORDS;
    if (s->is_welcomed && (is_far || now_ns >= s->position_at_ns)) {
        if (!FAULT(POSITION_LOST))
            size += put_positions(s, s->frame + size);
        s->position_at_ns = now_ns + POSITION_NS;
        s->position_next = s->input.next;
    }
    if (size == 0)
        return 0;
    if (give(s, BUS_SEQUENCER, 0, size) != 0)
        s->checkin_at_ns = now_ns + SOON_NS;
    return 1;
}

static int submit(struct service_instance *s)
{
    int frames = 0;
    size_t size;
    if (!s->kind->submits || s->state == NULL || s->is_replaying)
        return 0;
    while ((size = stream_submitter_frame(&s->submitter, s->frame, SUBMIT_BYTES,
                                          s->now.mono_ns)) > 0) {
        frames++;
        if (give(s, BUS_SEQUENCER, 0, size) != 0)
            break; /* sent again after 250 ms */
    }
    return frames;
}

static int ask_owner(struct service_instance *s)
{
    bool is_own = (s->kind->journal & SERVICE_JOURNAL_INPUTS) != 0;
    if ((s->is_replaying && is_own) || !s->is_welcomed)
        return 0;
    stream_consumer_pause(&s->input, service_store_must_wait(s));
    size_t size =
        stream_consumer_fetch(&s->input, s->frame, STREAM_FRAME_BYTES, s->now.mono_ns);
    if (size == 0)
        return 0;
    if (give(s, BUS_OWNER, 0, size) != 0)
        s->input.ask_at_ns = s->now.mono_ns + SOON_NS;
    return 1;
}

static int publish_heads(struct service_instance *s)
{
    if (s->now.mono_ns < s->head_at_ns || s->is_replaying)
        return 0;
    s->head_at_ns = s->now.mono_ns + STREAM_HEAD_NS;
    for (uint32_t k = 0; k < s->publisher_count; k++) {
        struct stream_publisher *p = &s->publishers[k];
        if (p->stream == STREAM_OUTPUT || FAULT(HEAD_LOST))
            continue;
        size_t size = stream_publisher_head(p, s->frame, STREAM_FRAME_BYTES);
        if (s->kind->core->head != NULL)
            size +=
                s->kind->core->head(s->state, s->frame + size, STREAM_FRAME_BYTES - size);
        service_sender_publish(&s->sender, s->bus, p->stream, s->frame, size);
    }
    return 0;
}

/* The gateway's ways to whom it asks: they owe a word only then. */
static int replace_silent_peers(struct service_instance *s)
{
    const struct bus_options *bus = &s->options.bus;
    int error = 0;
    for (uint32_t i = 0; error == 0 && i < bus->endpoint_count; i++) {
        const uint32_t peer = bus->endpoints[i].index;
        if (bus->endpoints[i].port != BUS_SERVICE || !s->sender.asked[peer])
            continue;
        service_link_ask(&s->peer_links[peer], s->now.mono_ns);
        if (!service_link_is_silent(&s->peer_links[peer], s->now.mono_ns))
            continue;
        s->sender.asked[peer] = false; /* it is lost */
        error = bus_reconnect(s->bus, BUS_SERVICE, peer);
    }
    return error;
}

/* The owner of the input and the sequencer are to speak all the time. */
static int replace_silent(struct service_instance *s)
{
    uint64_t now_ns = s->now.mono_ns;
    int error = 0;
    service_link_ask(&s->owner_link, now_ns);
    service_link_ask(&s->sequencer_link, now_ns);
    if (service_link_is_silent(&s->owner_link, now_ns)) {
        error = bus_reconnect(s->bus, BUS_STREAM, 0);
        if (error == 0)
            error = bus_reconnect(s->bus, BUS_OWNER, 0);
    }
    if (error == 0 && service_link_is_silent(&s->sequencer_link, now_ns)) {
        error = bus_reconnect(s->bus, BUS_SEQUENCER, 0);
        s->checkin_at_ns = now_ns;
    }
    return error != 0 ? error : replace_silent_peers(s);
}

int service_frames_send(struct service_instance *s)
{
    int frames = 0;
    int error = service_owns_log(s) ? 0 : replace_silent(s);
    if (error != 0)
        return error;
    if (s->kind->owns != SERVICE_STREAM_NONE)
        frames += publish_heads(s);
    if (service_owns_log(s))
        return frames;
    frames += submit(s);
    frames += ask_owner(s);
    return frames + tell_sequencer(s);
}
