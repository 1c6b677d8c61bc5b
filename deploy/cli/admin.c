/* admin.c - the operator's single commands. */
#include <stdio.h>
#include <stdlib.h>

#include "deploy/cli/catalog.h"
#include "deploy/cli/commands.h"
#include "deploy/cli/decimal.h"
#include "deploy/cli/report.h"

static const char *const flags[] = {"account=", "lift", NULL};

/* Connects as the operator, lets `make` build the command, sends it, prints the outcome.
 * */
static int run(int argc, char **argv, int words, const char *usage,
               bool (*make)(const struct args *, const struct catalog *, struct msg *))
{
    struct args args;
    struct catalog catalog = {0};
    struct msg command = {0};
    struct zex_event event;
    int code = args_parse(&args, argc, argv, flags);
    if (code != ARGS_OK)
        return code;
    if (args.word_count != words)
        return args_usage("%s", usage);
    zex_client *client = connect_open(&args, "admin", NULL);
    if (client == NULL)
        return ARGS_UNAVAILABLE;
    code = catalog_load(&catalog, client, &args);
    if (code == ARGS_OK && !make(&args, &catalog, &command))
        code = ARGS_FAILED;
    if (code == ARGS_OK)
        code = connect_command(client, &args, &command, &event);
    if (code == ARGS_OK) {
        report_print(&args, &catalog, &event);
        code = event.type == ZEX_EVENT_REFUSED ? ARGS_FAILED : ARGS_OK;
    }
    catalog_close(&catalog);
    zex_client_destroy(&client);
    return code;
}

static bool make_status(const struct args *args, const struct catalog *catalog,
                        struct msg *command, uint8_t trading)
{
    const struct msg_symbol_set *symbol = catalog_find_symbol(catalog, args->words[0]);
    if (symbol == NULL)
        return false;
    *command =
        (struct msg){.kind = MSG_symbol_status,
                     .symbol_status = {.symbol = symbol->symbol, .trading = trading}};
    return true;
}

static bool make_halt(const struct args *args, const struct catalog *catalog,
                      struct msg *command)
{
    return make_status(args, catalog, command, TRADING_HALTED);
}

static bool make_resume(const struct args *args, const struct catalog *catalog,
                        struct msg *command)
{
    return make_status(args, catalog, command, TRADING_OPEN);
}

/* ACCOUNT ASSET AMOUNT REFERENCE of the first four words. */
static bool parse_movement(const struct args *args, const struct catalog *catalog,
                           struct msg_deposit *m)
{
    const struct msg_account_set *account = catalog_find_account(catalog, args->words[0]);
    const struct msg_asset_set *asset = catalog_find_asset(catalog, args->words[1]);
    if (account == NULL || asset == NULL)
        return false;
    m->account = account->account;
    m->asset = asset->asset;
    m->reference = strtoull(args->words[3], NULL, 10);
    if (!decimal_parse(args->words[2], asset->scale, &m->amount)) {
        args_fail("'%s' is no amount of %s", args->words[2], asset->name);
        return false;
    }
    return true;
}

static bool make_deposit(const struct args *args, const struct catalog *catalog,
                         struct msg *command)
{
    command->kind = MSG_deposit;
    return parse_movement(args, catalog, &command->deposit);
}

static bool make_withdraw(const struct args *args, const struct catalog *catalog,
                          struct msg *command)
{
    struct msg_deposit m;
    if (!parse_movement(args, catalog, &m))
        return false;
    *command = (struct msg){.kind = MSG_withdraw,
                            .withdraw = {.account = m.account,
                                         .asset = m.asset,
                                         .amount = m.amount,
                                         .reference = m.reference}};
    return true;
}

static bool make_kill(const struct args *args, const struct catalog *catalog,
                      struct msg *command)
{
    const struct msg_account_set *account = catalog_find_account(catalog, args->words[0]);
    if (account == NULL)
        return false;
    *command = (struct msg){.kind = MSG_account_kill,
                            .account_kill = {.account = account->account,
                                             .killed = args_flag(args, "lift") == NULL}};
    return true;
}

int command_admin_halt(int argc, char **argv)
{
    return run(argc, argv, 1, "admin halt SYMBOL", make_halt);
}

int command_admin_resume(int argc, char **argv)
{
    return run(argc, argv, 1, "admin resume SYMBOL", make_resume);
}

int command_admin_deposit(int argc, char **argv)
{
    return run(argc, argv, 4, "admin deposit ACCOUNT ASSET AMOUNT REFERENCE",
               make_deposit);
}

int command_admin_withdraw(int argc, char **argv)
{
    return run(argc, argv, 4, "admin withdraw ACCOUNT ASSET AMOUNT REFERENCE",
               make_withdraw);
}

int command_admin_kill(int argc, char **argv)
{
    return run(argc, argv, 1, "admin kill ACCOUNT [--lift]", make_kill);
}
