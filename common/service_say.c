/* service_say.c - see service_say.h. */
#include "common/service_say.h"

#include <string.h>

#include "common/ablate.h"
#include "common/check.h"
#include "common/fault.h"
#include "common/service_instance.h"
#include "common/service_store.h"
#include "proto/codec.h"

#define CHECKIN_NS       (1000 * STREAM_MS)
#define CHECKIN_FIRST_NS (100 * STREAM_MS) /* until the first answer */
#define POSITION_NS      (100 * STREAM_MS)
#define POSITION_RECORDS 4096
#define KEPT_NS          (1000 * STREAM_MS)
#define SUBMIT_BYTES     (STREAM_FRAME_BYTES / 4)

static size_t put(uint8_t *at, const struct msg *msg)
{
    size_t size = 0;
    int error = codec_encode(at, MESSAGE_BYTES_MAX, msg, &size);
    CHECK(error == 0);
    return size;
}

int service_say_frame(struct service_instance *s, enum bus_port port,
                      uint32_t index_or_peer, size_t size)
{
    return service_sender_send(&s->sender, s->bus, port, index_or_peer, s->frame, size);
}

void service_say(struct service_instance *s, enum bus_port port, uint32_t index_or_peer,
                 const struct msg *msg)
{
    (void)service_say_frame(s, port, index_or_peer, put(s->frame, msg));
}

/* What it knows of the log, the part it is still replaying included. */
static size_t put_checkin(const struct service_instance *s, uint8_t *at)
{
    struct msg msg = {.kind = MSG_checkin};
    msg.checkin.source = s->source;
    memcpy(msg.checkin.log_id, s->log_id, sizeof msg.checkin.log_id);
    if (service_reads_log(s)) {
        msg.checkin.next = service_starts_at(s);
        memcpy(msg.checkin.chain, s->is_replaying ? s->stored.chain : s->input.chain,
               STREAM_CHAIN);
    }
    msg.checkin.waits_at = s->is_welcomed ? 0 : service_starts_at(s);
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
    if (service_say_frame(s, BUS_SEQUENCER, 0, size) != 0)
        s->checkin_at_ns = now_ns + service_link_wait_ns(&s->sequencer_link);
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
        if (service_say_frame(s, BUS_SEQUENCER, 0, size) != 0)
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
    bool is_current =
        !s->input.is_behind && s->now.mono_ns - s->input.heard_ns < STREAM_RETRY_NS;
    if (size == 0 && is_current)
        service_link_hear(&s->owner_link); /* it owes nothing any more */
    if (size == 0)
        return 0;
    service_link_ask(&s->owner_link, s->now.mono_ns);
    if (service_say_frame(s, BUS_OWNER, 0, size) != 0)
        s->input.ask_at_ns = s->now.mono_ns + service_link_wait_ns(&s->owner_link);
    return 1;
}

/* It can go on from its older snapshot, whatever becomes of what it has stored since. */
static int tell_owner(struct service_instance *s)
{
    const uint64_t kept =
        ABLATE(PRUNE_AT_CURSOR) ? s->input.next : s->snapshots_stored[1];
    if (kept == 0 || service_reads_log(s) || s->now.mono_ns < s->kept_at_ns)
        return 0;
    s->kept_at_ns =
        s->now.mono_ns + (ABLATE(PRUNE_AT_CURSOR) ? SERVICE_LINK_SOON_NS : KEPT_NS);
    const struct msg msg = {.kind = MSG_position,
                            .position = {.source = s->source,
                                         .stream = s->input.stream,
                                         .next = s->input.next,
                                         .kept = kept}};
    service_say(s, BUS_OWNER, 0, &msg); /* and again */
    return 1;
}

/* How long the log's commits take, as far as there is a word for it. */
static size_t put_pace(const struct service_instance *s, uint8_t *bytes, size_t capacity)
{
    const uint64_t commit_us = s->commit_ns / 1000;
    const struct msg msg = {
        .kind = MSG_pace,
        .pace.commit_us =
            (uint32_t)(commit_us < COMMIT_US_MAX ? commit_us : COMMIT_US_MAX)};
    size_t size = 0;
    return codec_encode(bytes, capacity, &msg, &size) == 0 ? size : 0;
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
        if (p->stream == STREAM_LOG)
            size += put_pace(s, s->frame + size, STREAM_FRAME_BYTES - size);
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

/* The stream and the sequencer are to speak all the time, the others when asked. */
static int replace_silent(struct service_instance *s)
{
    uint64_t now_ns = s->now.mono_ns;
    int error = 0;
    service_link_ask(&s->stream_link, now_ns);
    service_link_ask(&s->sequencer_link, now_ns);
    if (service_link_is_silent(&s->stream_link, now_ns))
        error = bus_reconnect(s->bus, BUS_STREAM, 0);
    if (error == 0 && service_link_is_silent(&s->owner_link, now_ns))
        error = bus_reconnect(s->bus, BUS_OWNER, 0);
    if (error == 0 && service_link_is_silent(&s->sequencer_link, now_ns)) {
        error = bus_reconnect(s->bus, BUS_SEQUENCER, 0);
        s->checkin_at_ns = now_ns;
    }
    return error != 0 ? error : replace_silent_peers(s);
}

int service_say_turn(struct service_instance *s)
{
    int frames = 0;
    int error = service_owns_log(s) || ABLATE(NO_RECONNECT) ? 0 : replace_silent(s);
    if (error != 0)
        return error;
    if (s->kind->owns != SERVICE_STREAM_NONE)
        frames += publish_heads(s);
    if (service_owns_log(s))
        return frames;
    frames += submit(s);
    frames += ask_owner(s);
    frames += tell_owner(s);
    return frames + tell_sequencer(s);
}
