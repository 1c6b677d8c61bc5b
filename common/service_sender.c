/* service_sender.c - a list of items per destination, then one pass over each list. */
#include "common/service_sender.h"

#include <string.h>

#include "common/check.h"
#include "common/error.h"
#include "common/fault.h"
#include "common/pages.h"
#include "common/stream.h"

enum {
    SLOTS = 2 * SERVICE_SENDER_ITEMS, /* a power of two */
    ADDRESS_BYTES = 8,
};

#define NONE UINT32_MAX

struct item {
    const uint8_t *bytes;
    uint32_t size;
    uint32_t next; /* of the same destination */
    bool cuts;
};

struct destination {
    uint32_t port, index;
    uint32_t first, last; /* items */
};

struct sender_index {
    struct item items[SERVICE_SENDER_ITEMS];
    struct destination destinations[SERVICE_SENDER_ITEMS];
    uint32_t slots[SLOTS]; /* destination + 1; 0: free */
    uint32_t item_count, destination_count;
};

int service_sender_init(struct service_sender *sender)
{
    *sender = (struct service_sender){.index = pages_map(sizeof *sender->index, 0),
                                      .frame = pages_map(STREAM_FRAME_BYTES, 0)};
    return sender->index == NULL || sender->frame == NULL ? ERR_MEMORY : 0;
}

void service_sender_close(struct service_sender *sender)
{
    pages_unmap(sender->index, sizeof *sender->index);
    pages_unmap(sender->frame, STREAM_FRAME_BYTES);
    *sender = (struct service_sender){.index = NULL};
}

static uint32_t slot_of(uint32_t port, uint32_t index)
{
    uint64_t key = (uint64_t)port << 32 | index;
    return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 40) & (SLOTS - 1);
}

static struct destination *destination_of(struct sender_index *x, uint32_t port,
                                          uint32_t index)
{
    uint32_t slot = slot_of(port, index);
    for (; x->slots[slot] != 0; slot = (slot + 1) & (SLOTS - 1)) {
        struct destination *found = &x->destinations[x->slots[slot] - 1];
        if (found->port == port && found->index == index)
            return found;
    }
    struct destination *added = &x->destinations[x->destination_count++];
    *added = (struct destination){port, index, NONE, NONE};
    x->slots[slot] = x->destination_count;
    return added;
}

/* A cut belongs behind what was sent to that client before. */
static void index_item(struct sender_index *x, const uint8_t *item, uint32_t size)
{
    uint32_t port, peer;
    CHECK(size >= ADDRESS_BYTES);
    memcpy(&port, item, sizeof port);
    memcpy(&peer, item + sizeof port, sizeof peer);
    bool cuts = port == OUTBOX_DROP;
    struct destination *to = destination_of(x, cuts ? BUS_CLIENTS : port, peer);
    uint32_t at = x->item_count++;
    x->items[at] = (struct item){item + ADDRESS_BYTES, size - ADDRESS_BYTES, NONE, cuts};
    if (to->first == NONE)
        to->first = at;
    else
        x->items[to->last].next = at;
    to->last = at;
}

int service_sender_send(struct service_sender *sender, struct bus *bus,
                        enum bus_port port, uint32_t index_or_peer, const uint8_t *bytes,
                        size_t size)
{
    int error =
        FAULT(SEND_FAILS) ? ERR_BUSY : bus_send(bus, port, index_or_peer, bytes, size);
    sender->frames += error == 0;
    sender->bytes += error == 0 ? size : 0;
    sender->dropped += error != 0;
    if (port == BUS_SERVICE)
        sender->asked[index_or_peer] = true;
    return error;
}

void service_sender_publish(struct service_sender *sender, struct bus *bus,
                            uint32_t stream, const uint8_t *bytes, size_t size)
{
    int error = FAULT(PUSH_LOST) ? ERR_BUSY : bus_publish(bus, stream, bytes, size);
    sender->frames += error == 0;
    sender->bytes += error == 0 ? size : 0;
    sender->dropped += error != 0; /* a push that is lost is fetched */
}

/* Whom an outbox speaks to, and for whom. */
struct delivery {
    struct service_sender *sender;
    struct bus *bus;
    const struct core_ops *core;
    void *state;
};

static void deliver(const struct delivery *d, const struct destination *to,
                    const uint8_t *bytes, size_t size)
{
    if (size == 0)
        return;
    int error = service_sender_send(d->sender, d->bus, (enum bus_port)to->port, to->index,
                                    bytes, size);
    if (error != 0 && d->core->undeliverable != NULL)
        d->core->undeliverable(d->state, to->port, to->index);
}

static void serve(const struct delivery *d, const struct destination *to)
{
    const struct item *items = d->sender->index->items;
    uint8_t *frame = d->sender->frame;
    size_t size = 0;
    if (to->first == to->last && !items[to->first].cuts) {
        deliver(d, to, items[to->first].bytes, items[to->first].size);
        return;
    }
    for (uint32_t at = to->first; at != NONE; at = items[at].next) {
        const struct item *item = &items[at];
        if (item->cuts || size + item->size > STREAM_FRAME_BYTES) {
            deliver(d, to, frame, size);
            size = 0;
        }
        if (item->cuts) {
            bus_drop_peer(d->bus, to->index);
            continue;
        }
        CHECK(item->size <= STREAM_FRAME_BYTES);
        memcpy(frame + size, item->bytes, item->size);
        size += item->size;
    }
    deliver(d, to, frame, size);
}

static void forget(struct sender_index *x)
{
    for (uint32_t i = 0; i < x->destination_count; i++) {
        const struct destination *to = &x->destinations[i];
        uint32_t slot = slot_of(to->port, to->index);
        while (x->slots[slot] != i + 1)
            slot = (slot + 1) & (SLOTS - 1);
        x->slots[slot] = 0;
    }
    x->item_count = x->destination_count = 0;
}

void service_sender_flush(struct service_sender *sender, struct bus *bus,
                          const struct outbox_run *run, const struct core_ops *core,
                          void *state)
{
    const struct delivery delivery = {sender, bus, core, state};
    struct sender_index *x = sender->index;
    size_t at = 0;
    while (at < run->size) {
        uint32_t size;
        const uint8_t *item;
        while (x->item_count < SERVICE_SENDER_ITEMS &&
               (item = outbox_next(run, &at, &size)) != NULL)
            index_item(x, item, size);
        for (uint32_t i = 0; i < x->destination_count; i++)
            serve(&delivery, &x->destinations[i]);
        forget(x);
    }
}
