/* service_output.c - the outbox into streams, log, rows and frames. */
#include "common/service_output.h"

#include <string.h>

#include "common/ablate.h"
#include "common/check.h"
#include "common/error.h"
#include "common/fault.h"
#include "common/row.h"
#include "common/service_instance.h"
#include "common/service_store.h"

static void empty(struct outbox_run *run)
{
    run->size = 0;
    run->count = 0;
}

/* The publisher that journals what is submitted, if the service wants that. */
static struct stream_publisher *outputs_of(struct service_instance *s)
{
    return (s->kind->journal & SERVICE_JOURNAL_OUTPUTS) != 0
               ? &s->publishers[s->publisher_count - 1]
               : NULL;
}

static int gather(struct service_instance *s, struct stream_publisher *p,
                  const uint8_t *body, uint32_t size)
{
    if (stream_publisher_is_full(p)) {
        int error = stream_publisher_cut(p, s->time_ns);
        if (error != 0)
            return error;
    }
    stream_publisher_add_derived(p, s->gseq, s->time_ns, body, size);
    return 0;
}

static int take_submits(struct service_instance *s)
{
    struct outbox_run *run = &s->outbox.submits;
    struct stream_publisher *outputs = outputs_of(s);
    const uint8_t *body;
    uint32_t size;
    int error = 0;
    for (size_t at = 0; error == 0 && (body = outbox_next(run, &at, &size)) != NULL;) {
        CHECK(s->kind->submits);
        error = stream_submitter_add(&s->submitter, body, size);
        if (error == 0 && outputs != NULL)
            error = gather(s, outputs, body, size);
    }
    empty(run);
    return error;
}

static int take_emits(struct service_instance *s, uint32_t k)
{
    struct outbox_run *run = &s->outbox.emits[k];
    const uint8_t *body;
    uint32_t size;
    int error = 0;
    for (size_t at = 0; error == 0 && (body = outbox_next(run, &at, &size)) != NULL;)
        error = gather(s, &s->publishers[k], body, size);
    empty(run);
    return error;
}

/* The seal goes where the next item begins, for as long as it takes. */
static int put_row(struct service_instance *s, uint32_t table, uint8_t *key,
                   size_t key_size, size_t value_size)
{
    uint8_t *value = key + key_size, behind[ROW_SEAL_BYTES];
    memcpy(behind, value + value_size, sizeof behind);
    row_seal(value + value_size, key, key_size, value, value_size);
    int error =
        journal_put(s->journal, table, key, key_size, value, value_size + ROW_SEAL_BYTES);
    memcpy(value + value_size, behind, sizeof behind);
    return error;
}

/* While replaying up to the stored cursor the rows are in the journal already. */
static int take_rows(struct service_instance *s)
{
    struct outbox_run *run = &s->outbox.rows;
    const uint8_t *row;
    uint32_t size;
    int error = 0;
    CHECK(run->capacity - run->size >= ROW_SEAL_BYTES);
    for (size_t at = 0; error == 0 && !s->is_replaying &&
                        (row = outbox_next(run, &at, &size)) != NULL;) {
        uint32_t table = JOURNAL_ROWS + (uint32_t)row[0], key_size = row[1], value_size;
        CHECK(table < JOURNAL_EMIT);
        memcpy(&value_size, row + 2, sizeof value_size);
        uint8_t *key = run->bytes + (row - run->bytes) + 6;
        if (value_size == UINT32_MAX)
            error = journal_del(s->journal, table, key, key_size);
        else
            error = put_row(s, table, key, key_size, value_size);
    }
    empty(run);
    return error == ERR_NOT_FOUND ? 0 : error;
}

int service_output_take(struct service_instance *s)
{
    int error = s->outbox.submits.size > 0 ? take_submits(s) : 0;
    for (uint32_t k = 0; k < s->publisher_count && error == 0; k++) {
        if (s->outbox.emits[k].size > 0)
            error = take_emits(s, k);
    }
    if (error == 0 &&
        (s->outbox.rows.size > s->outbox.rows.capacity / 2 || FAULT(ROWS_EARLY)))
        error = take_rows(s);
    if (s->is_replaying)
        empty(&s->outbox.sends); /* they were sent, or their peers are gone */
    return error != 0 ? error : s->outbox.stop;
}

static void push(struct service_instance *s, struct stream_publisher *p)
{
    const uint8_t *frame;
    size_t size;
    while ((frame = stream_publisher_take(p, &size)) != NULL)
        service_sender_publish(&s->sender, s->bus, p->stream, frame, size);
}

int service_output_cut(struct service_instance *s)
{
    int error = 0;
    for (uint32_t k = 0; k < s->publisher_count && error == 0; k++) {
        error = stream_publisher_cut(&s->publishers[k], s->time_ns);
        push(s, &s->publishers[k]);
    }
    if (error == 0 && s->outbox.rows.size > 0)
        error = take_rows(s);
    return error;
}

int service_output_flush(struct service_instance *s)
{
    if (s->state == NULL)
        return 0;
    if (s->kind->core->flush != NULL)
        s->kind->core->flush(s->state, &s->outbox);
    return s->outbox.rows.size > 0 ? take_rows(s) : 0;
}

int service_output_append(struct service_instance *s)
{
    struct outbox_run *run = &s->outbox.appends;
    struct stream_publisher *log = &s->publishers[0];
    uint64_t time_ns = s->outbox.append_time_ns;
    uint32_t gathered = 0, size;
    const uint8_t *item;
    int error = 0;
    if (run->size == 0)
        return 0;
    for (size_t at = 0; error == 0 && (item = outbox_next(run, &at, &size)) != NULL;) {
        int64_t source;
        uint64_t n;
        memcpy(&source, item, sizeof source);
        memcpy(&n, item + sizeof source, sizeof n);
        if (stream_publisher_is_full(log) || (gathered > 0 && FAULT(BLOCK_SHORT))) {
            error = stream_publisher_cut(log, time_ns);
            time_ns += gathered;
            gathered = 0;
        }
        stream_publisher_add_log(log, source, n, item + 16, size - 16);
        gathered++;
    }
    if (error == 0)
        error = stream_publisher_cut(log, time_ns);
    metrics_add(&s->metrics, METRICS_records_applied, run->count);
    empty(run);
    s->gseq = log->next - 1;
    s->input.next = log->next;
    memcpy(s->input.chain, log->chain, STREAM_CHAIN);
    s->time_ns = time_ns + gathered - 1;
    s->has_effects = true;
    if (error == 0)
        service_archive_turn(s);
    if (error == 0 && ABLATE(PUSH_BEFORE_COMMIT))
        push(s, log);
    if (error == 0)
        error = service_store_commit(s);
    if (error == 0)
        push(s, log);
    return error;
}

void service_output_send(struct service_instance *s)
{
    if (s->outbox.sends.size == 0)
        return;
    service_sender_flush(&s->sender, s->bus, &s->outbox.sends, s->kind->core, s->state);
    empty(&s->outbox.sends);
}

bool service_output_is_crowded(const struct service_instance *s)
{
    const struct outbox *o = &s->outbox;
    return o->sends.size > o->sends.capacity / 2 ||
           o->appends.size > o->appends.capacity / 2;
}
