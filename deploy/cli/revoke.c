/* revoke.c - takes a key away from an account: its connections end at once, and nobody
 * comes in with it again. */
#include <stdio.h>
#include <string.h>

#include "common/bus.h"
#include "deploy/cli/catalog.h"
#include "deploy/cli/commands.h"
#include "deploy/cli/keys.h"
#include "deploy/cli/report.h"

struct revoke {
    struct msg_key_set wanted; /* enabled: what it is to be */
    bool is_known, is_so;
};

static void look_at(void *argument, const struct msg *row)
{
    struct revoke *self = argument;
    if (row->kind != MSG_key_set || row->key_set.account != self->wanted.account ||
        memcmp(row->key_set.key, self->wanted.key, sizeof self->wanted.key) != 0)
        return;
    self->is_known = true;
    self->is_so = row->key_set.enabled == self->wanted.enabled;
}

/* A public key as it is, or DIR/keys/NAME.pub. */
static bool read_key(const struct args *args, const char *text, uint8_t key[32])
{
    char public_key[41];
    if (bus_key_decode(key, text))
        return true;
    if (!keys_load_public(public_key, args->directory, text))
        return false;
    if (bus_key_decode(key, public_key))
        return true;
    args_fail("%s/keys/%s.pub has no public key", args->directory, text);
    return false;
}

/* The operator's own key is taken away with another, which is then known to work. */
static bool is_own_key(const struct args *args, const uint8_t key[32])
{
    struct keys_pair own;
    uint8_t own_key[32];
    return args_flag(args, "account") == NULL && /* else the venue is one without keys */
           keys_load(&own, args->directory, args->as != NULL ? args->as : "admin",
                     false) &&
           bus_key_decode(own_key, own.public_key) && memcmp(own_key, key, 32) == 0;
}

static int send(zex_client *client, const struct args *args,
                const struct catalog *catalog, const struct revoke *self)
{
    const struct msg command = {.kind = MSG_key_set, .key_set = self->wanted};
    struct outcome outcome;
    const int code = connect_command(client, args, &command, &outcome);
    return code == ARGS_OK ? report_outcome(args, catalog, &outcome) : code;
}

static int revoke(zex_client *client, const struct args *args, struct catalog *catalog)
{
    struct revoke self = {.wanted.enabled = args_flag(args, "lift") != NULL};
    int code = catalog_load(catalog, client, args);
    if (code != ARGS_OK)
        return code;
    const struct msg_account_set *account = catalog_find_account(catalog, args->words[0]);
    if (account == NULL || !read_key(args, args->words[1], self.wanted.key))
        return ARGS_FAILED;
    self.wanted.account = account->account;
    const struct zex_query query = {.kind = QUERY_KIND_KEYS, .account = account->account};
    code = connect_query(client, args, query, NULL, look_at, &self);
    if (code != ARGS_OK)
        return code;
    if (!self.is_known)
        return args_fail("%s has no key %s", account->name, args->words[1]);
    if (!self.is_so && is_own_key(args, self.wanted.key))
        return args_fail("%s is the key this is asked with; ask with another, see --as",
                         args->words[1]);
    if (!self.is_so)
        return send(client, args, catalog, &self);
    puts(args->json ? "{\"changes\":0}" : "0 changes");
    return ARGS_OK;
}

int command_admin_revoke(int argc, char **argv)
{
    static const char *const flags[] = {"account=", "lift", NULL};
    struct args args;
    struct catalog catalog = {0};
    zex_client *client = NULL;
    int code = args_parse(&args, argc, argv, flags);
    if (code != ARGS_OK)
        return code;
    if (!args_words(&args, 2, 2, "admin revoke ACCOUNT KEY_NAME|PUBLIC_KEY [--lift]"))
        return ARGS_USAGE;
    code = connect_open(&client, &args, "admin", NULL);
    if (code == ARGS_OK)
        code = revoke(client, &args, &catalog);
    catalog_close(&catalog);
    zex_client_destroy(&client);
    return code;
}
