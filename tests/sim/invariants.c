/* invariants.c - the archive against what the clients sent and were told. */
#include "tests/sim/invariants.h"

#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "proto/codec.h"
#include "proto/digest.h"
#include "proto/feed.h"
#include "tests/sim/replay.h"

static const struct archive_record *get(const struct sim *s, uint64_t gseq)
{
    return gseq >= 1 && gseq <= s->archive.count ? &s->archive.records[gseq - 1] : NULL;
}

static struct msg decode(const struct archive_record *record)
{
    struct msg m;
    int error = codec_decode_whole(record->bytes, record->size, &m);
    CHECK(error == 0);
    return m;
}

/* Calls `check` for every command of a session with its record, NULL where the log has
 * none: what comes from the session is in the order of its n (I3). */
static const char *each_command_of(const struct sim *s, const struct client_life *life,
                                   const char *(*check)(const struct client_command *,
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
                                const char *(*check)(const struct client_command *,
                                                     const struct archive_record *))
{
    const char *broken = NULL;
    for (uint32_t i = 0; i < s->plan.clients && broken == NULL; i++) {
        const struct client *c = &s->clients[i];
        for (uint32_t k = 0; k <= c->life && broken == NULL; k++)
            broken = each_command_of(s, &c->lives[k], check);
    }
    return broken;
}

/* I1: what a client was told is accepted is there, with its bytes. */
static const char *is_durable(const struct client_command *command,
                              const struct archive_record *record)
{
    if (!command->accepted)
        return "I10: a command was never accepted";
    if (record == NULL)
        return "I1: an accepted command is not in the log";
    if (command->gseq != 0 && command->gseq != record->gseq)
        return "I1: an accepted command is elsewhere in the log";
    bool same = command->size == record->size &&
                memcmp(command->body, record->bytes, record->size) == 0;
    return same ? NULL : "I1: the log has other bytes than were accepted";
}

/* I8: what anybody had been told before this was sent comes before it. */
static const char *is_later(const struct client_command *command,
                            const struct archive_record *record)
{
    return record->gseq > command->floor ? NULL : "I8: real time is not kept";
}

/* I2, I3: the n of each session are 1, 2, 3 ... in the order of the log. */
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
        else if (record->n != ++last[record->source])
            broken = "I3: a session's commands are not 1, 2, 3 ...";
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

/* I2: one outcome of each command, after it. */
static const char *check_outcomes(const struct sim *s)
{
    uint32_t *outcomes = calloc(s->archive.count + 1, sizeof *outcomes);
    const char *broken = NULL;
    CHECK(outcomes != NULL);
    for (uint64_t i = 0; i < s->archive.count && broken == NULL; i++) {
        const struct archive_record *record = &s->archive.records[i];
        if (record->source >= 0)
            continue;
        const struct msg m = decode(record);
        uint64_t cause = cause_of(s, &m);
        if (cause >= record->gseq)
            broken = "I2: an outcome before its command";
        else if (cause != 0 && ++outcomes[cause] > 1)
            broken = "I2: two outcomes of one command";
    }
    for (uint64_t i = 0; i < s->archive.count && broken == NULL; i++) {
        const struct archive_record *record = &s->archive.records[i];
        if (record->source > 0 && record->kind != MSG_close &&
            outcomes[record->gseq] == 0)
            broken = "I10: a command without an outcome";
    }
    free(outcomes);
    return broken;
}

static bool concerns(const struct archive_record *record, uint32_t account)
{
    uint32_t accounts[2];
    const struct msg m = decode(record);
    uint32_t count = feed_accounts(&m, accounts);
    return (count > 0 && accounts[0] == account) || (count > 1 && accounts[1] == account);
}

static bool is_view(const struct client_report *report,
                    const struct archive_record *record, uint32_t account)
{
    const struct msg m = decode(record);
    struct feed_view view;
    feed_view(&view, &m, record->bytes, record->size, account);
    return report->gseq == record->gseq &&
           report->hash == digest_hash(view.bytes, view.size);
}

/* I9: the reports a client took are its account's views of the log, all, in order. */
static const char *check_feed(const struct sim *s, const struct client *c)
{
    uint32_t taken = 0;
    for (uint64_t i = 0; i < s->archive.count; i++) {
        const struct archive_record *record = &s->archive.records[i];
        if (record->source >= 0 || !concerns(record, c->account))
            continue;
        if (taken == c->report_count)
            return "I9: a feed ends too early";
        if (!is_view(&c->reports[taken++], record, c->account))
            return "I9: a feed is not the account's part of the log";
    }
    return taken == c->report_count ? NULL : "I9: a feed has more than the log";
}

const char *invariants_check(const struct sim *s)
{
    const char *broken = check_order(s);
    if (broken == NULL)
        broken = each_command(s, is_durable);
    if (broken == NULL)
        broken = each_command(s, is_later);
    if (broken == NULL)
        broken = check_outcomes(s);
    for (uint32_t i = 0; i < s->plan.clients && broken == NULL; i++)
        broken = check_feed(s, &s->clients[i]);
    return broken != NULL ? broken : replay_check(s);
}
