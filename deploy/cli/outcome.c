/* outcome.c - see outcome.h. */
#include "deploy/cli/outcome.h"

#include <string.h>

#include "common/check.h"

void outcome_init(struct outcome *o)
{
    o->event = (struct zex_event){0};
    o->request = o->count = 0;
}

static void remember(struct outcome *o, const struct zex_event *event)
{
    struct outcome_early *early = &o->early[o->count++ % OUTCOME_EARLY_MAX];
    CHECK(event->bytes_size <= sizeof early->bytes);
    early->event = *event;
    memcpy(early->bytes, event->bytes, event->bytes_size);
    early->event.bytes = early->bytes;
}

static bool recall(struct outcome *o)
{
    for (uint64_t i = 0; i < o->count && i < OUTCOME_EARLY_MAX; i++)
        if (o->early[i].event.request == o->request) {
            o->event = o->early[i].event;
            return true;
        }
    return false;
}

bool outcome_take(struct outcome *o, const struct zex_event *event)
{
    if (event->type == ZEX_EVENT_DURABLE && event->gseq != 0) {
        o->request = event->gseq;
        return recall(o);
    }
    if (event->request == 0)
        return false;
    if (o->request == 0)
        remember(o, event);
    if (event->request != o->request)
        return false;
    o->event = *event;
    return true;
}
