/* market_maker.c - quotes both sides of a symbol, in an event loop of its own.
 *
 *     market_maker DIRECTORY NAME SYMBOL [FILLS]
 *
 * Shows the poll-friendly use: one poll(2) on the client's descriptor (and whatever
 * else a program has), then zex_client_wait(..., 0) until nothing is left. Its two
 * quotes lean against its position: the more it has bought, the lower they are. Ends
 * after FILLS fills, or at a signal, with its quotes taken back.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zex.h"

enum { WAIT_MS = 10000, HALF_SPREAD = 4, LOTS = 10 };

struct quote {
    uint64_t cl_ord_id; /* 0: none */
    int is_in_market;
};

struct maker {
    zex_client *client;
    struct zex_row symbol;
    struct quote quotes[2]; /* buy, sell */
    int64_t position, fair; /* quantity bought; price in ticks */
    long fills, fills_max;
    int is_leaving;
};

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static int find_symbol(struct maker *maker, const char *name)
{
    struct zex_query query = {0};
    struct zex_answer answer;
    query.kind = ZEX_QUERY_SYMBOLS;
    int status = zex_query(maker->client, &query, &answer, WAIT_MS);
    while (status == ZEX_OK && zex_answer_next(&answer, &maker->symbol))
        if (strcmp(maker->symbol.name, name) == 0) {
            maker->fair = maker->symbol.reference_price / maker->symbol.tick;
            return ZEX_OK;
        }
    return status == ZEX_OK ? ZEX_ERR_USAGE : status;
}

static int place(struct maker *maker, int index)
{
    const struct zex_row *symbol = &maker->symbol;
    const int64_t lean = maker->position / symbol->lot / LOTS;
    struct zex_order order = {0};
    order.symbol = symbol->symbol;
    order.side = index == 0 ? ZEX_SIDE_BUY : ZEX_SIDE_SELL;
    order.type = ZEX_LIMIT;
    order.time_in_force = ZEX_GTC;
    order.post_only = 1;
    order.quantity = LOTS * symbol->lot;
    order.price =
        (maker->fair - lean + (index == 0 ? -HALF_SPREAD : HALF_SPREAD)) * symbol->tick;
    maker->quotes[index].is_in_market = 0;
    return zex_order_place(maker->client, &order, &maker->quotes[index].cl_ord_id);
}

/* A side without a quote gets one, unless we are leaving: then the quotes go. */
static int quote(struct maker *maker)
{
    int status = ZEX_OK;
    for (int i = 0; i < 2 && status == ZEX_OK; i++) {
        struct quote *own = &maker->quotes[i];
        if (!maker->is_leaving && own->cl_ord_id == 0)
            status = place(maker, i);
        else if (maker->is_leaving && own->is_in_market) {
            own->is_in_market = 0;
            status = zex_order_cancel(maker->client, 0, own->cl_ord_id, NULL);
        }
    }
    return status;
}

static void on_event(struct maker *maker, const struct zex_event *event)
{
    struct quote *own = NULL;
    for (int i = 0; i < 2; i++)
        if (event->cl_ord_id != 0 && event->cl_ord_id == maker->quotes[i].cl_ord_id)
            own = &maker->quotes[i];
    if (own == NULL)
        return;
    switch (event->type) {
    case ZEX_EVENT_ORDER:
        own->is_in_market = 1;
        break;
    case ZEX_EVENT_TRADE:
        maker->position +=
            event->side == ZEX_SIDE_BUY ? event->quantity : -event->quantity;
        maker->fills++;
        printf("%s %" PRId64 " at %" PRId64 ", position %" PRId64 "\n",
               event->side == ZEX_SIDE_BUY ? "bought" : "sold", event->quantity,
               event->price, maker->position);
        if (event->leaves == 0)
            own->cl_ord_id = 0;
        break;
    case ZEX_EVENT_REJECTED: /* post-only, and the market has moved: follow it */
        maker->fair += own == &maker->quotes[0] ? -HALF_SPREAD : HALF_SPREAD;
        own->cl_ord_id = 0;
        break;
    case ZEX_EVENT_CANCELLED:
        own->cl_ord_id = 0;
        break;
    default:
        break;
    }
}

/* One turn of the loop. */
static int turn(struct maker *maker)
{
    struct pollfd descriptor = {0};
    struct zex_event event;
    int status;
    while ((status = zex_client_wait(maker->client, &event, 0)) == ZEX_OK)
        on_event(maker, &event);
    if (status != ZEX_ERR_TIMEOUT)
        return status;
    maker->is_leaving =
        stopped || (maker->fills_max > 0 && maker->fills >= maker->fills_max);
    status = quote(maker);
    if (status != ZEX_OK)
        return status;
    zex_client_flush(maker->client);
    descriptor.fd = zex_client_descriptor(maker->client);
    descriptor.events = POLLIN;
    if (poll(&descriptor, 1, zex_client_timeout_ms(maker->client)) < 0 && errno != EINTR)
        return ZEX_ERR_SOCKET;
    return ZEX_OK;
}

static int is_out(const struct maker *maker)
{
    return maker->is_leaving && maker->quotes[0].cl_ord_id == 0 &&
           maker->quotes[1].cl_ord_id == 0;
}

int main(int argc, char **argv)
{
    struct maker maker;
    memset(&maker, 0, sizeof maker);
    if (argc < 4) {
        fprintf(stderr, "market_maker DIRECTORY NAME SYMBOL [FILLS]\n");
        return 2;
    }
    maker.fills_max = argc > 4 ? strtol(argv[4], NULL, 10) : 0;
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    int status = zex_client_new_in(&maker.client, argv[1], argv[2], NULL);
    if (status == ZEX_OK)
        status = zex_client_open(maker.client, WAIT_MS);
    if (status == ZEX_OK)
        status = find_symbol(&maker, argv[3]);
    while (status == ZEX_OK && !is_out(&maker))
        status = turn(&maker);
    if (status != ZEX_OK)
        fprintf(stderr, "market_maker: %s\n", zex_reason_text(status));
    zex_client_destroy(&maker.client);
    return status == ZEX_OK ? 0 : 1;
}
