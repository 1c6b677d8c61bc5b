/* place_order.c - one limit order, from placing it to its end.
 *
 *     place_order DIRECTORY NAME SYMBOL buy|sell QUANTITY PRICE
 *
 * DIRECTORY is that of the running venue, NAME a key in it; QUANTITY and PRICE are in the
 * symbol's smallest units. With OUTBOX=file in the environment the outbox is a file:
 * the program may be killed at any moment, what it placed is in the venue once.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zex.h"

enum { WAIT_MS = 10000 };

/* Prints what happens to the order; true while more may come. */
static int is_under_way(const struct zex_event *event)
{
    switch (event->type) {
    case ZEX_EVENT_DURABLE:
        printf("durable: order %" PRIu64 "\n", event->gseq);
        return 1;
    case ZEX_EVENT_ORDER:
        printf("in the book: %" PRId64 " at %" PRId64 "\n", event->quantity,
               event->price);
        return 1;
    case ZEX_EVENT_TRADE:
        printf("filled: %" PRId64 " at %" PRId64 ", fee %" PRId64 "\n", event->quantity,
               event->price, event->fee);
        return event->leaves > 0;
    case ZEX_EVENT_CANCELLED:
        printf("cancelled, %" PRId64 " filled\n", event->cum_quantity);
        return 0;
    case ZEX_EVENT_REJECTED:
        printf("rejected: %s, value %" PRId64 ", limit %" PRId64 "\n",
               zex_reason_text(event->reason), event->value, event->limit);
        return 0;
    default:
        return 1; /* ZEX_EVENT_BUSY and ZEX_EVENT_LOST mend themselves */
    }
}

/* Follows the order while it moves; when it rests for a second, takes it back. */
static int follow(zex_client *client, uint64_t cl_ord_id)
{
    struct zex_event event;
    int status, cancelled = 0;
    for (;;) {
        status = zex_client_wait(client, &event, cancelled ? WAIT_MS : 1000);
        if (status == ZEX_ERR_TIMEOUT && !cancelled) {
            cancelled = 1;
            status = zex_order_cancel(client, 0, cl_ord_id, NULL);
        } else if (status == ZEX_OK && event.cl_ord_id == cl_ord_id &&
                   !is_under_way(&event)) {
            return ZEX_OK;
        }
        if (status != ZEX_OK)
            return status;
    }
}

/* The symbol's number, by its name; 0: there is none. */
static uint32_t find_symbol(zex_client *client, const char *name)
{
    struct zex_query query = {0};
    struct zex_answer answer;
    struct zex_row row;
    query.kind = ZEX_QUERY_SYMBOLS;
    if (zex_query(client, &query, &answer, WAIT_MS) == ZEX_OK)
        while (zex_answer_next(&answer, &row))
            if (strcmp(row.name, name) == 0)
                return row.symbol;
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "place_order DIRECTORY NAME SYMBOL buy|sell QUANTITY PRICE\n");
        return 2;
    }
    zex_client *client = NULL;
    struct zex_options options;
    struct zex_order order = {0};
    uint64_t cl_ord_id = 0;
    zex_options_init(&options);
    options.outbox_path = getenv("OUTBOX");
    int status = zex_client_new_in(&client, argv[1], argv[2], &options);
    if (status == ZEX_OK)
        status = zex_client_open(client, WAIT_MS);
    if (status == ZEX_OK)
        order.symbol = find_symbol(client, argv[3]);
    order.side = strcmp(argv[4], "buy") == 0 ? ZEX_SIDE_BUY : ZEX_SIDE_SELL;
    order.type = ZEX_LIMIT;
    order.time_in_force = ZEX_GTC;
    order.quantity = strtoll(argv[5], NULL, 10);
    order.price = strtoll(argv[6], NULL, 10);
    if (status == ZEX_OK)
        status = zex_order_place(client, &order, &cl_ord_id);
    if (status == ZEX_OK)
        status = follow(client, cl_ord_id);
    if (status != ZEX_OK)
        fprintf(stderr, "place_order: %s\n", zex_reason_text(status));
    zex_client_destroy(&client);
    return status == ZEX_OK ? 0 : 1;
}
