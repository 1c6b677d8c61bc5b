/* watch_book.c - the best levels of a book, asked for again and again.
 *
 *     watch_book DIRECTORY NAME SYMBOL [TIMES]
 *
 * Each question is answered at some position of the venue's log; asking with `after`
 * gives a book that is not older than what we have seen.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zex.h"

enum { WAIT_MS = 10000, PAUSE_MS = 500, LEVELS = 5 };

static int find_symbol(zex_client *client, const char *name, struct zex_row *found)
{
    struct zex_query query = {0};
    struct zex_answer answer;
    query.kind = ZEX_QUERY_SYMBOLS;
    int status = zex_query(client, &query, &answer, WAIT_MS);
    while (status == ZEX_OK && zex_answer_next(&answer, found))
        if (strcmp(found->name, name) == 0)
            return ZEX_OK;
    return status == ZEX_OK ? ZEX_ERR_USAGE : status;
}

static void print_decimal(int64_t value, uint32_t scale)
{
    int64_t unit = 1;
    for (uint32_t i = 0; i < scale; i++)
        unit *= 10;
    printf("  %10" PRId64 ".%0*" PRId64, value / unit, (int)scale, value % unit);
}

static int print_book(zex_client *client, const struct zex_row *symbol, uint64_t *after)
{
    struct zex_query query = {0};
    struct zex_answer answer;
    struct zex_row level;
    query.kind = ZEX_QUERY_BOOK;
    query.symbol = symbol->symbol;
    query.limit = LEVELS;
    query.after = *after;
    int status = zex_query(client, &query, &answer, WAIT_MS);
    if (status != ZEX_OK || answer.reason != 0)
        return status != ZEX_OK ? status : -answer.reason;
    printf("%s at %" PRIu64 "\n", symbol->name, answer.gseq);
    while (zex_answer_next(&answer, &level)) {
        printf("  %s", level.side == ZEX_SIDE_BUY ? "bid" : "ask");
        print_decimal(level.price, symbol->price_scale);
        print_decimal(level.quantity, symbol->quantity_scale);
        printf("  %6" PRIu32 "\n", level.orders);
    }
    fflush(stdout);
    *after = answer.gseq;
    return ZEX_OK;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "watch_book DIRECTORY NAME SYMBOL [TIMES]\n");
        return 2;
    }
    zex_client *client = NULL;
    struct zex_options options;
    struct zex_event event;
    struct zex_row symbol;
    uint64_t after = 0;
    long times = argc > 4 ? strtol(argv[4], NULL, 10) : -1;
    zex_options_init(&options);
    options.follow_feed = 0; /* only questions: the account's reports do not matter */
    int status = zex_client_new_in(&client, argv[1], argv[2], &options);
    if (status == ZEX_OK)
        status = find_symbol(client, argv[3], &symbol);
    while (status == ZEX_OK && times-- != 0) {
        status = print_book(client, &symbol, &after);
        if (times != 0)
            (void)zex_client_wait(client, &event, PAUSE_MS);
    }
    if (status != ZEX_OK)
        fprintf(stderr, "watch_book: %s\n", zex_reason_text(status));
    zex_client_destroy(&client);
    return status == ZEX_OK ? 0 : 1;
}
