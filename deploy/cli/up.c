/* up.c - the whole venue in one process, with a market in it, until interrupted. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/log.h"
#include "deploy/cli/apply.h"
#include "deploy/cli/bots.h"
#include "deploy/cli/catalog.h"
#include "deploy/cli/commands.h"
#include "deploy/cli/decimal.h"
#include "deploy/cli/venue_process.h"

enum {
    SYMBOLS_SHOWN = 3,
    BOT_RECORDS =
        20000000, /* about a day of four bots: then they rest, the disk is finite */
};

static const char HTTP_PORT[] = "5580"; /* of metrics, if nobody names one */

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static const char *const flags[] = {
    "venue=", "bots=", "seed=", "shards=", "port=", "http=", "once", "insecure", NULL};

/* The settings table as every service reads it, from the environment, and what is the
 * command's own: its flags, and a port for the metrics that one can know. */
static int make_config(struct config *config, const struct args *args, char address[64],
                       char http[64])
{
    char *const no_flags[] = {(char[]){"zex"}, NULL};
    char message[CONFIG_MESSAGE_MAX];
    uint64_t shards, port;
    if (config_load(config, 1, no_flags, environ, message) != 0)
        return args_usage("%s", message);
    if (!args_number_in(args, "shards", config->shards, 1, SHARD_MAX + 1, &shards) ||
        !args_number_in(args, "port", 0, 0, UINT16_MAX, &port))
        return ARGS_USAGE;
    config->shards = (uint32_t)shards;
    if (args_flag(args, "insecure") != NULL)
        config->curve = false;
    snprintf(address, 64, "tcp://127.0.0.1:%" PRIu64, port);
    const char *http_port = args_flag(args, "http");
    snprintf(http, 64, "127.0.0.1:%s", http_port != NULL ? http_port : HTTP_PORT);
    int error = config_set(config, "data_dir", args->directory, message);
    if (error == 0 && args_flag(args, "port") != NULL)
        error = config_set(config, "endpoint_gateway", address, message);
    if (error == 0 && (http_port != NULL || getenv("ZEX_HTTP_BIND") == NULL))
        error = config_set(config, "http_bind", http, message);
    return error == 0 ? ARGS_OK : args_fail("%s", message);
}

static int apply_file(const struct args *args, const struct venue *venue)
{
    struct args admin = *args;
    admin.as = "admin";
    zex_client *client = NULL;
    int code = connect_open(&client, &admin, "admin", NULL);
    if (code == ARGS_OK)
        code = apply_venue(client, &admin, venue);
    zex_client_destroy(&client);
    return code;
}

struct totals {
    uint64_t head, rate;
    int services, ready;
};

static void add_service(void *argument, const struct msg *row)
{
    struct totals *totals = argument;
    const struct msg_row_service *r = &row->row_service;
    if (row->kind != MSG_row_service)
        return;
    totals->services++;
    totals->ready += r->ready;
    if (r->source == -SERVICE_SEQUENCER) {
        totals->head = r->next - 1;
        totals->rate = r->rate;
    }
}

struct quotes {
    int64_t bid, ask; /* 0: nobody */
};

static void add_quote(void *argument, const struct msg *row)
{
    struct quotes *quotes = argument;
    if (row->kind == MSG_row_level && row->row_level.side == SIDE_BUY)
        quotes->bid = row->row_level.price;
    else if (row->kind == MSG_row_level)
        quotes->ask = row->row_level.price;
}

static const char *name_price(char text[DECIMAL_TEXT], int64_t price, uint32_t scale)
{
    return price != 0 ? decimal_format(text, price, scale) : "-";
}

/* Best bid and ask of the first symbols; `-` for an empty side. */
static void show_market(zex_client *client, const struct args *args,
                        const struct catalog *catalog)
{
    char bid[DECIMAL_TEXT], ask[DECIMAL_TEXT];
    for (uint32_t i = 1; i <= SYMBOLS_SHOWN; i++) {
        const struct msg_symbol_set *s = &catalog->symbols[i];
        struct quotes quotes = {0};
        const struct zex_query query = {.kind = QUERY_KIND_BOOK, .symbol = i, .limit = 1};
        if (s->symbol == 0 ||
            connect_query(client, args, query, NULL, add_quote, &quotes) != ARGS_OK)
            continue;
        printf("  %s %s/%s", s->name, name_price(bid, quotes.bid, s->price_scale),
               name_price(ask, quotes.ask, s->price_scale));
    }
}

/* One line, rewritten in place on a terminal, else printed now and then. Gives the log's
 * head, 0 if it was not asked for. */
static uint64_t show(zex_client *client, const struct args *args,
                     const struct catalog *catalog, int second)
{
    struct totals totals = {0};
    bool terminal = isatty(STDOUT_FILENO);
    if (!terminal && second % 10 != 1)
        return 0;
    if (connect_query(client, args, (struct zex_query){.kind = QUERY_KIND_STATUS}, NULL,
                      add_service, &totals) != ARGS_OK)
        return 0;
    printf("%slog %" PRIu64 "  %" PRIu64 " records/s  services %d/%d ready",
           terminal ? "\r" : "", totals.head, totals.rate, totals.ready, totals.services);
    show_market(client, args, catalog);
    fputs(terminal ? "\033[K" : "\n", stdout);
    fflush(stdout);
    return totals.head;
}

static int watch(struct venue_process *venue, const struct args *args, struct bots **bots)
{
    struct args admin = *args;
    struct zex_event event;
    struct catalog catalog = {0};
    admin.as = "admin";
    zex_client *client = NULL;
    int code = connect_open_unfed(&client, &admin, "admin");
    if (code == ARGS_OK)
        code = catalog_load(&catalog, client, &admin);
    for (int second = 1; !stopped && code == ARGS_OK; second++) {
        if (show(client, &admin, &catalog, second) > BOT_RECORDS && *bots != NULL) {
            bots_stop(bots);
            puts("\nthe log is long enough: the bots rest; a new --dir begins afresh");
        }
        int error = venue_process_error(venue);
        if (error != 0)
            code = venue_process_fail("a service", error);
        for (int i = 0; i < 10 && !stopped; i++)
            (void)!zex_client_wait(client, &event, 100);
    }
    catalog_close(&catalog);
    zex_client_destroy(&client);
    if (isatty(STDOUT_FILENO))
        putchar('\n');
    return code;
}

int command_up(int argc, char **argv)
{
    struct args args;
    struct config config;
    struct venue_process *venue = NULL;
    struct venue *file = NULL;
    struct bots *bots = NULL;
    char address[64], http[64];
    uint64_t count, seed;
    int code = args_parse(&args, argc, argv, flags);
    if (code == ARGS_OK)
        code = make_config(&config, &args, address, http);
    if (code == ARGS_OK && (!args_words(&args, 0, 0, "up") ||
                            !args_number_in(&args, "bots", 0, 0, BOTS_MAX, &count) ||
                            !args_number(&args, "seed", 1, &seed)))
        code = ARGS_USAGE;
    const char *path = args_flag(&args, "venue");
    if (code == ARGS_OK && path != NULL && !venue_load(&file, path))
        code = ARGS_FAILED; /* before anything is started */
    if (code != ARGS_OK)
        return code;
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_WARN);
    code = venue_process_start(&venue, &args, &config, &stopped);
    if (code == ARGS_OK && file != NULL && !stopped)
        code = apply_file(&args, file);
    venue_close(&file);
    if (code == ARGS_OK && count > 0 && !stopped)
        code = bots_start(&bots, &args, (uint32_t)count, seed);
    if (code == ARGS_OK && !stopped) {
        printf("zex is up: clients at %s, keys and data in %s, metrics at "
               "http://127.0.0.1:%u\n",
               venue_process_gateway(venue), args.directory,
               venue_process_http_port(venue));
        if (count > 0)
            printf("%" PRIu64 " bots trade a synthetic market, seed %" PRIu64
                   ". Ctrl-C stops; the next start continues.\n",
                   count, seed);
        fflush(stdout);
        if (args_flag(&args, "once") == NULL)
            code = watch(venue, &args, &bots);
    }
    bots_stop(&bots);
    int stop_code = venue_process_stop(&venue);
    if (code == ARGS_OK && stop_code == ARGS_OK)
        puts("stopped; all that was accepted is on disk");
    return code != ARGS_OK ? code : stop_code;
}
