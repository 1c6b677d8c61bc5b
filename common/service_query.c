/* service_query.c - wait, ask the core, answer in one frame. */
#include "common/service_query.h"

#include <string.h>

#include "common/ablate.h"
#include "common/check.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/fault.h"
#include "common/pages.h"
#include "common/row.h"
#include "common/service_instance.h"
#include "common/service_output.h"
#include "proto/codec.h"

enum {
    ROWS_BYTES = STREAM_FRAME_BYTES / 2,
};

int service_query_init(struct service_queries *q)
{
    *q = (struct service_queries){
        .waiting = pages_map(SERVICE_QUERY_WAITING * sizeof *q->waiting, 0),
        .frame = pages_map(STREAM_FRAME_BYTES, 0),
        .rows = pages_map(ROWS_BYTES, 0)};
    return q->waiting == NULL || q->frame == NULL || q->rows == NULL ? ERR_MEMORY : 0;
}

void service_query_close(struct service_queries *q)
{
    pages_unmap(q->waiting, SERVICE_QUERY_WAITING * sizeof *q->waiting);
    pages_unmap(q->frame, STREAM_FRAME_BYTES);
    pages_unmap(q->rows, ROWS_BYTES);
    *q = (struct service_queries){.count = 0};
}

static void send_answer(struct service_instance *s, uint32_t peer,
                        const struct core_answer *answer)
{
    struct service_queries *q = &s->queries;
    struct msg msg = {.kind = MSG_answer, .answer = answer->head};
    size_t size = 0;
    int error = codec_encode(q->frame, STREAM_FRAME_BYTES, &msg, &size);
    CHECK(error == 0 && answer->rows_size <= ROWS_BYTES);
    if (answer->rows_size > 0)
        memcpy(q->frame + size, answer->rows, answer->rows_size);
    /* A peer that is gone asks again. */
    (void)service_sender_send(&s->sender, s->bus, BUS_SERVER, peer, q->frame,
                              size + answer->rows_size);
    metrics_add(&s->metrics, METRICS_queries_answered, 1);
}

static void refuse(struct service_instance *s, uint32_t peer, uint64_t id, int reason)
{
    struct core_answer answer = {.rows_size = 0};
    answer.head.id = id;
    answer.head.gseq = s->gseq;
    answer.head.reason = (uint16_t)error_number(reason);
    send_answer(s, peer, &answer);
}

static bool is_before(const void *a, size_t a_size, const void *b, size_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order != 0 ? order < 0 : a_size < b_size;
}

/* A core takes what goes wrong for the end of the rows; we do not. */
static int seek_row(void *context, uint32_t table, const void *key, size_t key_size,
                    const void **found_key, size_t *found_key_size, const void **value,
                    size_t *value_size)
{
    struct service_instance *s = context;
    int error = journal_seek(s->journal, JOURNAL_ROWS + table, key, key_size, found_key,
                             found_key_size, value, value_size);
    if (error == 0)
        error = row_open(*found_key, *found_key_size, *value, value_size);
    if (error == 0 && is_before(*found_key, *found_key_size, key, key_size))
        error = ERR_CORRUPT; /* pages have changed places */
    if (error != 0 && error != ERR_NOT_FOUND)
        s->queries.error = error;
    return error;
}

/* Cores know no blocks: the chain of the log behind record `after` is ours to tell. */
static void answer_chain(struct service_instance *s, const struct msg_query *query,
                         struct core_answer *answer)
{
    struct msg msg = {.kind = MSG_row_chain, .row_chain.gseq = query->after};
    int error =
        stream_publisher_chain(&s->publishers[0], query->after + 1, msg.row_chain.chain);
    if (error == 0)
        (void)core_answer_add(answer, &msg);
    else if (error == ERR_NOT_FOUND)
        answer->head.reason = (uint16_t)error_number(ERR_NOT_FOUND);
    else
        s->queries.error = error; /* damaged is not another log */
}

static void answer(struct service_instance *s, const struct service_query *waiting)
{
    struct core_rows rows = {.context = s, .seek = seek_row};
    struct core_answer answer = {.rows = s->queries.rows, .rows_capacity = ROWS_BYTES};
    if (waiting->query.kind == QUERY_KIND_CHAIN && service_owns_log(s))
        answer_chain(s, &waiting->query, &answer);
    else
        s->kind->core->query(s->state, &waiting->query, &rows, &answer);
    if (s->queries.error != 0)
        return; /* and no answer: it ends */
    answer.head.id = waiting->query.id;
    answer.head.gseq = s->gseq;
    answer.head.count = answer.count;
    send_answer(s, waiting->peer, &answer);
    metrics_observe(&s->metrics, METRICS_query, clock_mono_ns() - waiting->came_ns);
}

void service_query_receive(struct service_instance *s, uint32_t peer,
                           const uint8_t *bytes, size_t size)
{
    struct service_queries *q = &s->queries;
    while (size > 0) {
        struct msg msg;
        size_t used = 0;
        if (codec_decode(bytes, size, &msg, &used) != 0 || msg.kind != MSG_query) {
            metrics_add(&s->metrics, METRICS_frames_refused, 1);
            return;
        }
        bytes += used;
        size -= used;
        if (s->kind->core->query == NULL) {
            refuse(s, peer, msg.query.id, ERR_UNAVAILABLE);
        } else if (q->count == SERVICE_QUERY_WAITING || FAULT(QUERY_FULL)) {
            refuse(s, peer, msg.query.id, ERR_BUSY);
        } else {
            q->waiting[q->count++] = (struct service_query){
                .peer = peer,
                .came_ns = s->now.mono_ns,
                .give_up_ns = s->now.mono_ns + s->options.query_wait_ms * STREAM_MS,
                .query = msg.query};
        }
    }
}

/* A state that is still being replayed is none that anybody was told of. */
static bool stands_at(const struct service_instance *s, uint64_t gseq)
{
    if (s->state == NULL)
        return false;
    return ABLATE(ANSWER_EARLY) || (!s->is_replaying && s->gseq >= gseq);
}

int service_query_answer(struct service_instance *s)
{
    struct service_queries *q = &s->queries;
    uint32_t kept = 0;
    bool is_flushed = false;
    for (uint32_t i = 0; i < q->count; i++) {
        struct service_query *waiting = &q->waiting[i];
        bool is_late = s->now.mono_ns >= waiting->give_up_ns || FAULT(QUERY_LATE);
        if (stands_at(s, waiting->query.after)) {
            int error = is_flushed ? 0 : service_output_flush(s);
            if (error != 0)
                return error;
            is_flushed = true;
            answer(s, waiting);
            if (q->error != 0)
                return q->error;
        } else if (is_late) {
            refuse(s, waiting->peer, waiting->query.id, ERR_PENDING);
        } else {
            q->waiting[kept++] = *waiting;
        }
    }
    int done = (int)(q->count - kept);
    q->count = kept;
    return done;
}
