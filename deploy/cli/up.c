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
#include "deploy/cli/commands.h"
#include "deploy/cli/venue_process.h"

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static const char *const flags[] = {
    "venue=", "bots=", "seed=", "shards=", "port=", "http=", "once", "insecure", NULL};

static int make_config(struct config *config, const struct args *args, char address[64],
                       char http[64])
{
    char message[CONFIG_MESSAGE_MAX];
    uint64_t shards, port;
    if (!args_number(args, "shards", 1, &shards) ||
        !args_number(args, "port", 5550, &port))
        return ARGS_USAGE;
    if (shards < 1 || shards > SHARD_MAX + 1 || port > UINT16_MAX)
        return args_usage("--shards 1..%d, --port 0..65535", SHARD_MAX + 1);
    config_init(config);
    snprintf(address, 64, "tcp://127.0.0.1:%" PRIu64, port);
    snprintf(http, 64, "127.0.0.1:%s",
             args_flag(args, "http") != NULL ? args_flag(args, "http") : "5580");
    config->shards = (uint32_t)shards;
    config->curve = args_flag(args, "insecure") == NULL;
    if (config_set(config, "data_dir", args->directory, message) != 0 ||
        config_set(config, "endpoint_gateway", address, message) != 0 ||
        config_set(config, "http_bind", http, message) != 0)
        return args_fail("%s", message);
    return ARGS_OK;
}

static int apply_file(const struct args *args)
{
    struct venue *venue = NULL;
    const char *path = args_flag(args, "venue");
    if (path == NULL)
        return ARGS_OK;
    if (!venue_load(&venue, path))
        return ARGS_FAILED;
    struct args admin = *args;
    admin.as = "admin";
    zex_client *client = connect_open(&admin, "admin", NULL);
    int code = client == NULL ? ARGS_UNAVAILABLE : apply_venue(client, &admin, venue);
    zex_client_destroy(&client);
    venue_close(&venue);
    return code;
}

struct totals {
    uint64_t head, lag, rate;
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
    } else if (r->lag > totals->lag) {
        totals->lag = r->lag;
    }
}

/* One line, rewritten in place on a terminal, else printed now and then. */
static void show(zex_client *client, const struct args *args, int second)
{
    struct totals totals = {0};
    bool terminal = isatty(STDOUT_FILENO);
    if (!terminal && second % 10 != 1)
        return;
    if (connect_query(client, args, (struct zex_query){.kind = QUERY_KIND_STATUS}, NULL,
                      add_service, &totals) != ARGS_OK)
        return;
    printf("%slog %" PRIu64 "  %" PRIu64 " records/s  lag %" PRIu64
           "  services %d/%d ready%s",
           terminal ? "\r" : "", totals.head, totals.rate, totals.lag, totals.ready,
           totals.services, terminal ? "   \033[K" : "\n");
    fflush(stdout);
}

static int watch(struct venue_process *venue, const struct args *args)
{
    struct args admin = *args;
    struct zex_options options;
    struct zex_event event;
    int code = ARGS_OK;
    zex_options_init(&options);
    options.follow_feed = 0;
    admin.as = "admin";
    zex_client *client = connect_open(&admin, "admin", &options);
    if (client == NULL)
        return ARGS_UNAVAILABLE;
    for (int second = 1; !stopped && code == ARGS_OK; second++) {
        show(client, &admin, second);
        int error = venue_process_error(venue);
        if (error != 0)
            code = args_fail("a service ended: %s (%s)", error_name(error),
                             error_text(error));
        for (int i = 0; i < 10 && !stopped; i++)
            (void)!zex_client_wait(client, &event, 100);
    }
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
    struct bots *bots = NULL;
    char address[64], http[64];
    uint64_t count, seed;
    int code = args_parse(&args, argc, argv, flags);
    if (code == ARGS_OK)
        code = make_config(&config, &args, address, http);
    if (code == ARGS_OK &&
        (!args_number(&args, "bots", 0, &count) || !args_number(&args, "seed", 1, &seed)))
        code = ARGS_USAGE;
    if (code != ARGS_OK)
        return code;
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_WARN);
    code = venue_process_start(&venue, &args, &config);
    if (code == ARGS_OK)
        code = apply_file(&args);
    if (code == ARGS_OK && count > 0)
        code = bots_start(&bots, &args, (uint32_t)count, seed);
    if (code == ARGS_OK) {
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
            code = watch(venue, &args);
    }
    bots_stop(&bots);
    int stop_code = venue_process_stop(&venue);
    return code != ARGS_OK ? code : stop_code;
}
