/* admin.c - the operator's single commands. */
#include <stdio.h>
#include <string.h>

#include "deploy/cli/catalog.h"
#include "deploy/cli/commands.h"
#include "deploy/cli/report.h"

static const char *const flags[] = {"account=", "lift", NULL};

/* Makes a command of the words: ARGS_OK, or what is wrong with them, said on stderr. */
typedef int maker(const struct args *, const struct catalog *, struct msg *);

/* `least` to `most` words follow the command's name. */
struct form {
    int least, most;
    const char *usage;
    maker *make;
};

/* Connects as the operator, sends the command, prints the outcome. */
static int run(int argc, char **argv, const struct form *form)
{
    struct args args;
    struct catalog catalog = {0};
    struct msg command = {0};
    struct outcome outcome;
    int code = args_parse(&args, argc, argv, flags);
    if (code != ARGS_OK)
        return code;
    if (!args_words(&args, form->least, form->most, form->usage))
        return ARGS_USAGE;
    zex_client *client = NULL;
    code = connect_open(&client, &args, "admin", NULL);
    if (code == ARGS_OK)
        code = catalog_load(&catalog, client, &args);
    if (code == ARGS_OK)
        code = form->make(&args, &catalog, &command);
    if (code == ARGS_OK)
        code = connect_command(client, &args, &command, &outcome);
    if (code == ARGS_OK)
        code = report_outcome(&args, &catalog, &outcome);
    catalog_close(&catalog);
    zex_client_destroy(&client);
    return code;
}

static int make_status(const struct args *args, const struct catalog *catalog,
                       struct msg *command, uint8_t trading)
{
    const struct msg_symbol_set *symbol = catalog_find_symbol(catalog, args->words[0]);
    if (symbol == NULL)
        return ARGS_FAILED;
    *command =
        (struct msg){.kind = MSG_symbol_status,
                     .symbol_status = {.symbol = symbol->symbol, .trading = trading}};
    return ARGS_OK;
}

static int make_halt(const struct args *args, const struct catalog *catalog,
                     struct msg *command)
{
    return make_status(args, catalog, command, TRADING_HALTED);
}

static int make_resume(const struct args *args, const struct catalog *catalog,
                       struct msg *command)
{
    return make_status(args, catalog, command, TRADING_OPEN);
}

static int make_close(const struct args *args, const struct catalog *catalog,
                      struct msg *command)
{
    return make_status(args, catalog, command, TRADING_CLOSED);
}

/* The symbol as it is, but for its shard. */
static int make_move(const struct args *args, const struct catalog *catalog,
                     struct msg *command)
{
    const struct msg_symbol_set *symbol = catalog_find_symbol(catalog, args->words[0]);
    uint64_t shard = 0;
    if (symbol == NULL)
        return ARGS_FAILED;
    if ((strcmp(args->words[1], "0") != 0 && !args_id(args->words[1], "shard", &shard)) ||
        shard > SHARD_MAX)
        return args_usage("SHARD 0..%d", SHARD_MAX);
    *command = (struct msg){.kind = MSG_symbol_set, .symbol_set = *symbol};
    command->symbol_set.shard = (uint32_t)shard;
    return ARGS_OK;
}

/* ACCOUNT ASSET AMOUNT REFERENCE of the first four words. */
static int parse_movement(const struct args *args, const struct catalog *catalog,
                          struct msg_deposit *m)
{
    if (!args_id(args->words[3], "reference", &m->reference))
        return ARGS_USAGE;
    const struct msg_account_set *account = catalog_find_account(catalog, args->words[0]);
    const struct msg_asset_set *asset = catalog_find_asset(catalog, args->words[1]);
    if (account == NULL || asset == NULL)
        return ARGS_FAILED;
    m->account = account->account;
    m->asset = asset->asset;
    return args_decimal(args->words[2], "amount", asset->name, asset->scale, MONEY_MAX,
                        &m->amount)
               ? ARGS_OK
               : ARGS_USAGE;
}

static int make_deposit(const struct args *args, const struct catalog *catalog,
                        struct msg *command)
{
    command->kind = MSG_deposit;
    return parse_movement(args, catalog, &command->deposit);
}

static int make_withdraw(const struct args *args, const struct catalog *catalog,
                         struct msg *command)
{
    struct msg_deposit m;
    const int code = parse_movement(args, catalog, &m);
    if (code != ARGS_OK)
        return code;
    *command = (struct msg){.kind = MSG_withdraw,
                            .withdraw = {.account = m.account,
                                         .asset = m.asset,
                                         .amount = m.amount,
                                         .reference = m.reference}};
    return ARGS_OK;
}

static int make_kill(const struct args *args, const struct catalog *catalog,
                     struct msg *command)
{
    const struct msg_account_set *account = catalog_find_account(catalog, args->words[0]);
    if (account == NULL)
        return ARGS_FAILED;
    *command = (struct msg){.kind = MSG_account_kill,
                            .account_kill = {.account = account->account,
                                             .killed = args_flag(args, "lift") == NULL}};
    return ARGS_OK;
}

static int make_close_session(const struct args *args, const struct catalog *catalog,
                              struct msg *command)
{
    uint64_t session = 0;
    if (args->word_count > 1 && !args_id(args->words[1], "session", &session))
        return ARGS_USAGE;
    const struct msg_account_set *account = catalog_find_account(catalog, args->words[0]);
    if (account == NULL)
        return ARGS_FAILED;
    *command =
        (struct msg){.kind = MSG_session_close,
                     .session_close = {.account = account->account, .session = session}};
    return ARGS_OK;
}

int command_admin_halt(int argc, char **argv)
{
    return run(argc, argv, &(struct form){1, 1, "admin halt SYMBOL", make_halt});
}

int command_admin_resume(int argc, char **argv)
{
    return run(argc, argv, &(struct form){1, 1, "admin resume SYMBOL", make_resume});
}

int command_admin_close(int argc, char **argv)
{
    return run(argc, argv, &(struct form){1, 1, "admin close SYMBOL", make_close});
}

int command_admin_move(int argc, char **argv)
{
    return run(argc, argv, &(struct form){2, 2, "admin move SYMBOL SHARD", make_move});
}

int command_admin_deposit(int argc, char **argv)
{
    return run(argc, argv,
               &(struct form){4, 4, "admin deposit ACCOUNT ASSET AMOUNT REFERENCE",
                              make_deposit});
}

int command_admin_withdraw(int argc, char **argv)
{
    return run(argc, argv,
               &(struct form){4, 4, "admin withdraw ACCOUNT ASSET AMOUNT REFERENCE",
                              make_withdraw});
}

int command_admin_kill(int argc, char **argv)
{
    return run(argc, argv,
               &(struct form){1, 1, "admin kill ACCOUNT [--lift]", make_kill});
}

int command_admin_close_session(int argc, char **argv)
{
    return run(argc, argv,
               &(struct form){1, 2, "admin close-session ACCOUNT [SESSION]",
                              make_close_session});
}
