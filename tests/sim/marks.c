/* marks.c - what a frame, a record or a line of log is a sign of. */
#include "tests/sim/marks.h"

#include <string.h>

#include "common/error.h"
#include "proto/codec.h"
#include "tests/sim/venue.h"

uint32_t marks[MARKS_COUNT];

const char *marks_text(uint32_t mark)
{
    static const char *const names[] = {
#define MARKS_TEXT(name) #name,
        MARKS_LIST(MARKS_TEXT)
#undef MARKS_TEXT
    };
    return names[mark];
}

static void mark_refused(int reason)
{
    switch (reason) {
    case ERR_BUSY:
        MARK(refused_busy);
        break;
    case ERR_RATE:
        MARK(refused_rate);
        break;
    case ERR_GAP:
        MARK(refused_gap);
        break;
    case ERR_UNAVAILABLE:
        MARK(refused_unavailable);
        break;
    default:
        break;
    }
}

static void mark_fetched(const struct msg_fetched *fetched, size_t more)
{
    if (fetched->reason == error_number(ERR_PENDING))
        MARK(owner_replays);
    else if (more > 0)
        MARK(gap_filled);
}

void marks_frame(uint32_t from, uint32_t to, const uint8_t *bytes, size_t size)
{
    struct msg m;
    size_t used;
    for (; size > 0 && codec_decode(bytes, size, &m, &used) == 0; bytes += used) {
        size -= used;
        if (m.kind == MSG_fetched)
            mark_fetched(&m.fetched, size);
        else if (m.kind == MSG_refused && to >= VENUE_NODES)
            mark_refused(-(int)m.refused.reason);
        else if (m.kind == MSG_accepted && from == VENUE_SEQUENCER)
            MARK(repeat_answered);
        else if (m.kind == MSG_row_report && from == VENUE_PORTFOLIO)
            MARK(resume_replayed);
        else if (m.kind == MSG_goodbye)
            MARK(cut);
        else if (m.kind == MSG_session_gone && to >= VENUE_NODES)
            MARK(session_gone);
    }
}

void marks_record(uint32_t kind)
{
    static const uint16_t kinds[][2] = {
        {MSG_epoch, MARKS_epoch},
        {MSG_session_closed, MARKS_session_closed},
        {MSG_trade, MARKS_trade},
        {MSG_trade_prevented, MARKS_trade_prevented},
        {MSG_order_replaced, MARKS_order_replaced},
        {MSG_order_rejected, MARKS_order_rejected},
        {MSG_cancel_rejected, MARKS_cancel_rejected},
        {MSG_order_cancelled, MARKS_order_cancelled},
        {MSG_withdraw_done, MARKS_withdraw_done},
        {MSG_admin_rejected, MARKS_admin_rejected},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i][0] == kind)
            marks[kinds[i][1]]++;
    }
}

void marks_event(const char *event)
{
    if (strcmp(event, "snapshot") == 0)
        MARK(snapshot);
    else if (strcmp(event, "snapshot_loaded") == 0)
        MARK(snapshot_loaded);
    else if (strcmp(event, "snapshot_damaged") == 0)
        MARK(snapshot_damaged);
    else if (strcmp(event, "replayed") == 0)
        MARK(replayed);
    else if (strcmp(event, "skip") == 0)
        MARK(skipped);
}
