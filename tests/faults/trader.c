/* trader.c - see trader.h. */
#include "tests/faults/trader.h"

#include <stddef.h>

#include "tests/faults/draw.h"
#include "tests/faults/now.h"

enum { OPEN_MS = 5000 };

int trader_begin(struct trader *t, const char *directory, const char *name,
                 const char *outbox, uint64_t seed)
{
    struct zex_options options;
    zex_options_init(&options);
    options.outbox_path = outbox;
    t->placed = t->told = 0;
    random_init(&t->random, seed);
    int status = zex_client_new_in(&t->client, directory, name, &options);
    if (status == ZEX_OK)
        status = zex_client_open(t->client, OPEN_MS);
    if (status == ZEX_OK)
        status = draw_symbols(t->client, t->symbols);
    return status;
}

void trader_end(struct trader *t)
{
    zex_client_destroy(&t->client);
}

static int place(struct trader *t)
{
    const struct zex_order order = draw_order(&t->random, t->symbols);
    return zex_order_place(t->client, &order, &t->orders[t->placed % TRADER_ORDERS]);
}

/* Every order is cancelled when so many more were placed, if it is still there. */
static int act(struct trader *t)
{
    uint64_t unused;
    int status = place(t);
    if (status != ZEX_OK || ++t->placed <= TRADER_ORDERS / 2)
        return status;
    uint64_t old = t->placed - TRADER_ORDERS / 2;
    return zex_order_cancel(t->client, 0, t->orders[old % TRADER_ORDERS], &unused);
}

static void note(struct trader *t, const struct zex_event *event)
{
    if (event->gseq == 0)
        return;
    t->told++;
    if (t->on_told != NULL)
        t->on_told(t->argument, event->gseq,
                   event->type == ZEX_EVENT_DURABLE ? event->cl_ord_id : 0);
}

static int take(struct trader *t, int timeout_ms)
{
    struct zex_event event;
    int status = zex_client_wait(t->client, &event, timeout_ms);
    if (status == ZEX_OK)
        note(t, &event);
    return status;
}

int trader_step(struct trader *t, int timeout_ms)
{
    int status = ZEX_OK;
    while (status == ZEX_OK && zex_client_in_flight(t->client) < TRADER_WINDOW)
        status = act(t);
    zex_client_flush(t->client);
    while (status == ZEX_OK)
        status = take(t, 0);
    if (status == ZEX_ERR_TIMEOUT)
        status = take(t, timeout_ms);
    return status == ZEX_ERR_TIMEOUT ? ZEX_OK : status;
}

int trader_drain(struct trader *t, int timeout_ms)
{
    int status = ZEX_OK;
    int64_t end = now_ms() + timeout_ms;
    while (status == ZEX_OK && zex_client_in_flight(t->client) > 0) {
        const uint64_t told = t->told; /* BUSY says nothing */
        status = now_ms() < end ? take(t, (int)(end - now_ms())) : ZEX_ERR_TIMEOUT;
        if (t->told != told)
            end = now_ms() + timeout_ms;
    }
    while (status == ZEX_OK)
        status = take(t, 20);
    return zex_client_in_flight(t->client) == 0 && status == ZEX_ERR_TIMEOUT ? ZEX_OK
                                                                             : status;
}

int trader_listen(struct trader *t, int listen_ms)
{
    int64_t end = now_ms() + listen_ms;
    int status = ZEX_OK;
    while ((status == ZEX_OK || status == ZEX_ERR_TIMEOUT) && now_ms() < end)
        status = take(t, (int)(end - now_ms()));
    return status == ZEX_ERR_TIMEOUT ? ZEX_OK : status;
}
