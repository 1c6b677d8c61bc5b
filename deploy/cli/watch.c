/* watch.c - the account's reports as they happen, until interrupted. */
#include <signal.h>

#include <stdio.h>

#include "deploy/cli/commands.h"
#include "deploy/cli/report.h"

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

int command_watch(int argc, char **argv)
{
    static const char *const flags[] = {"account=", NULL};
    struct args args;
    struct catalog catalog = {0};
    struct zex_event event;
    int code = args_parse(&args, argc, argv, flags);
    if (code != ARGS_OK)
        return code;
    if (!args_words(&args, 0, 0, "watch"))
        return ARGS_USAGE;
    zex_client *client = NULL;
    code = connect_open(&client, &args, "alice", NULL);
    if (code == ARGS_OK)
        code = catalog_load(&catalog, client, &args);
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    if (code == ARGS_OK) /* from here on nothing is missed */
        fprintf(stderr, "watching %s\n",
                catalog_account_name(&catalog, zex_client_account(client)));
    while (code == ARGS_OK && !stopped) {
        int status = zex_client_wait(client, &event, 200);
        if (status == ZEX_OK)
            report_print(&args, &catalog, &event);
        else if (status != ZEX_ERR_TIMEOUT)
            code = args_fail("%s", zex_client_error(client));
        fflush(stdout);
    }
    catalog_close(&catalog);
    zex_client_destroy(&client);
    return code;
}
