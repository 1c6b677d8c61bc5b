/* judge.c - the archive against what the clients sent and were told. */
#include "tests/sim/judge.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/invariants.h"
#include "common/metrics.h"
#include "proto/digest.h"
#include "proto/feed.h"
#include "tests/sim/disk.h"
#include "tests/sim/poison.h"
#include "tests/sim/replay.h"

/* Two are kept; a crash between a new one and the removal of the oldest leaves it to the
 * next one. */
enum { SNAPSHOTS_MAX = 8 };

static const struct archive_record *get(const struct sim *s, uint64_t gseq)
{
    return gseq >= 1 && gseq <= s->archive.count ? &s->archive.records[gseq - 1] : NULL;
}

/* Calls `check` for every command of a session with its record, NULL where the log has
 * none: what comes from the session is in the order of its n (I3). */
static const char *each_command_of(const struct sim *s, const struct life *life,
                                   const char *(*check)(const struct life_command *,
                                                        const struct archive_record *))
{
    uint64_t at = life->session;
    const char *broken = NULL;
    for (uint32_t n = 1; n <= life->count && broken == NULL; n++) {
        const struct archive_record *record = NULL;
        for (; life->session > 0 && at < s->archive.count && record == NULL; at++) {
            if (s->archive.records[at].source == (int64_t)life->session)
                record = &s->archive.records[at];
        }
        broken = check(&life->commands[n - 1], record);
    }
    return broken;
}

static const char *each_command(const struct sim *s,
                                const char *(*check)(const struct life_command *,
                                                     const struct archive_record *))
{
    const char *broken = NULL;
    for (uint32_t i = 0; i < s->plan.clients && broken == NULL; i++) {
        const struct client *c = &s->clients[i];
        for (uint32_t k = c->restored_life; k <= c->life && broken == NULL; k++)
            broken = each_command_of(s, &c->lives[k], check);
    }
    return broken;
}

static const char *is_durable(const struct life_command *command,
                              const struct archive_record *record)
{
    struct invariants_command told = {command->gseq, command->body, command->size};
    struct invariants_command logged = {.gseq = 0};
    if (!command->accepted)
        return "I10: a command was never accepted";
    if (record != NULL)
        logged = (struct invariants_command){record->gseq, record->bytes, record->size};
    const char *broken = invariants_durable(&told, &logged);
    if (broken == NULL || command->former == NULL)
        return broken;
    told.bytes = command->former->body;
    told.size = command->former->size;
    return invariants_durable(&told, &logged);
}

static const char *is_later(const struct life_command *command,
                            const struct archive_record *record)
{
    return invariants_real_time(command->floor, record->gseq);
}

/* Up to last_n and no further, by its own CLOSE or the operator's word. */
static const char *is_over(const struct sim *s, const struct life *life)
{
    uint64_t last_n = 0;
    for (uint64_t i = 0; i < s->archive.count; i++) {
        const struct archive_record *record = &s->archive.records[i];
        if (record->source == (int64_t)life->session)
            last_n = record->n;
    }
    return archive_has_ended(&s->archive, life->session)
               ? invariants_gone(life->count, last_n)
               : "I2: a session gone unasked";
}

static const char *check_ends(const struct sim *s)
{
    const char *broken = NULL;
    for (uint32_t i = 0; i < s->plan.clients && broken == NULL; i++) {
        const struct client *c = &s->clients[i];
        for (uint32_t k = c->restored_life; k < c->life && broken == NULL; k++)
            broken = is_over(s, &c->lives[k]);
    }
    return broken;
}

static const char *check_order(const struct sim *s)
{
    uint64_t *last = calloc(s->archive.count + 1, sizeof *last);
    const char *broken = NULL;
    CHECK(last != NULL);
    for (uint64_t i = 0; i < s->archive.count && broken == NULL; i++) {
        const struct archive_record *record = &s->archive.records[i];
        if (record->source <= 0)
            continue;
        if (record->source > (int64_t)i ||
            get(s, (uint64_t)record->source)->kind != MSG_open)
            broken = "I2: a command of a session that never was";
        else
            broken = invariants_order(&last[record->source], record->n);
    }
    free(last);
    return broken;
}

/* The command that a record of a service is the outcome of; 0: of none. */
static uint64_t cause_of(const struct sim *s, const struct msg *m)
{
    switch (m->kind) {
    case MSG_order_accepted:
        return m->order_accepted.order_id;
    case MSG_order_rejected:
        return m->order_rejected.order_id;
    case MSG_cancel_rejected:
        return m->cancel_rejected.request;
    case MSG_order_replaced:
        return m->order_replaced.request;
    case MSG_admin_done:
        return m->admin_done.request;
    case MSG_admin_rejected:
        return m->admin_rejected.request;
    case MSG_deposit_done:
        return m->deposit_done.request;
    case MSG_withdraw_done:
        return m->withdraw_done.request;
    case MSG_order_cancelled: {
        const struct archive_record *asked = get(s, m->order_cancelled.request);
        return asked != NULL && asked->kind == MSG_order_cancel ? asked->gseq : 0;
    }
    default:
        return 0;
    }
}

static const char *check_outcomes(const struct sim *s)
{
    uint32_t *outcomes = calloc(s->archive.count + 1, sizeof *outcomes);
    const char *broken = NULL;
    CHECK(outcomes != NULL);
    for (uint64_t i = 0; i < s->archive.count && broken == NULL; i++) {
        const struct archive_record *record = &s->archive.records[i];
        if (record->source >= 0)
            continue;
        const struct msg m = archive_decode(record);
        uint64_t cause = cause_of(s, &m);
        if (cause != 0 && cause <= s->archive.count)
            broken = invariants_once(cause, record->gseq, ++outcomes[cause]);
        else if (cause != 0)
            broken = "I2: an outcome of nothing";
    }
    for (uint64_t i = 0; i < s->archive.count && broken == NULL; i++) {
        const struct archive_record *record = &s->archive.records[i];
        bool is_command = record->source > 0 && record->kind != MSG_close &&
                          !poison_is_cause(record->gseq);
        broken = invariants_done(is_command, outcomes[record->gseq]);
    }
    free(outcomes);
    return broken;
}

static struct invariants_report view_of(const struct archive_record *record,
                                        uint32_t account)
{
    const struct msg m = archive_decode(record);
    struct feed_view view;
    feed_view(&view, &m, record->bytes, record->size, account);
    return (struct invariants_report){record->gseq, digest_hash(view.bytes, view.size)};
}

/* The reports a client took are its account's views of the log, all, in order. */
static const char *check_feed(const struct sim *s, const struct client *c)
{
    const struct invariants_report none = {.gseq = 0};
    const char *broken = NULL;
    uint32_t taken = 0;
    for (uint64_t i = 0; i < s->archive.count && broken == NULL; i++) {
        const struct archive_record *record = &s->archive.records[i];
        if (record->source >= 0 || !archive_concerns(record, c->account))
            continue;
        const struct invariants_report due = view_of(record, c->account);
        broken =
            invariants_feed(taken < c->report_count ? &c->reports[taken] : &none, &due);
        taken++;
    }
    if (broken == NULL && taken < c->report_count)
        broken = invariants_feed(&c->reports[taken], &none);
    return broken;
}

static const char *check_bounds(const struct sim *s)
{
    const char *broken = NULL;
    for (uint32_t node = 0; node < VENUE_NODES && broken == NULL; node++) {
        const struct venue_process *p = &s->venue.processes[node];
        if (!p->exists)
            continue;
        const struct disk *disk = disk_find(p->path);
        const struct metrics *m = service_metrics(p->service);
        broken = invariants_bound(disk_bytes(disk), s->venue.map_bytes,
                                  "I11: a journal larger than its map");
        if (broken == NULL)
            broken = invariants_bound(disk_snapshots(disk), SNAPSHOTS_MAX,
                                      "I11: more snapshots than are kept");
        if (broken == NULL) /* all is acknowledged, but for the last digests */
            broken = invariants_bound(metrics_get(m, METRICS_unacked), 1 << 16,
                                      "I11: reports that nobody takes");
    }
    return broken;
}

const char *judge_check(const struct sim *s)
{
    const char *broken = check_order(s);
    if (broken == NULL)
        broken = each_command(s, is_durable);
    if (broken == NULL)
        broken = each_command(s, is_later);
    if (broken == NULL)
        broken = check_ends(s);
    if (broken == NULL)
        broken = check_outcomes(s);
    for (uint32_t i = 0; i < s->plan.clients && broken == NULL; i++)
        broken = check_feed(s, &s->clients[i]);
    if (broken == NULL)
        broken = guest_judge(&s->guest, &s->archive);
    if (broken == NULL)
        broken = check_bounds(s);
    return broken != NULL ? broken : replay_check(s);
}
