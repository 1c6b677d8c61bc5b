/* apply.c - a venue file as commands: all are made and checked, then sent one by one. */
#include "deploy/cli/apply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/error.h"
#include "deploy/cli/commands.h"
#include "deploy/cli/decimal.h"
#include "deploy/cli/plan.h"
#include "proto/codec.h"

struct apply {
    zex_client *client;
    const struct args *args;
    struct catalog catalog;
    struct msg_key_set *keys;
    uint32_t key_count, key_capacity;
    struct msg_deposit_done *deposits; /* that this operator made */
    uint32_t deposit_count, deposit_capacity;
    bool has_deposits;
    uint32_t changes, unknown;
};

/* Room for one more of `size` bytes; false: out of memory. */
static bool grow(void **all, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    const uint32_t wanted = *capacity * 2 + 64;
    void *grown = realloc(*all, wanted * size);
    if (grown == NULL)
        return false;
    *all = grown;
    *capacity = wanted;
    return true;
}

static void take_key(void *argument, const struct msg *row)
{
    struct apply *self = argument;
    if (row->kind != MSG_key_set)
        return;
    if (grow((void **)&self->keys, self->key_count, &self->key_capacity,
             sizeof *self->keys))
        self->keys[self->key_count++] = row->key_set;
    else
        self->catalog.failed = true;
}

/* ---- deposits that were made before ------------------------------------------------ */

static void take_deposit(void *argument, const struct msg *row)
{
    struct apply *self = argument;
    struct msg m;
    if (row->kind != MSG_row_report ||
        codec_decode_whole(row->row_report.body, row->row_report.body_size, &m) != 0 ||
        m.kind != MSG_deposit_done)
        return;
    if (grow((void **)&self->deposits, self->deposit_count, &self->deposit_capacity,
             sizeof *self->deposits))
        self->deposits[self->deposit_count++] = m.deposit_done;
    else
        self->catalog.failed = true;
}

static const struct msg_deposit_done *find_deposit(const struct apply *self,
                                                   const struct msg_deposit *wanted)
{
    for (uint32_t i = 0; i < self->deposit_count; i++)
        if (self->deposits[i].account == wanted->account &&
            self->deposits[i].reference == wanted->reference)
            return &self->deposits[i];
    return NULL;
}

/* The reference was used before: for the same, or for something else? What the operator
 * asked for is in its own feed; up to the refusal, all of it is asked for once. */
static int compare_deposit(struct apply *self, const struct msg_deposit *wanted,
                           uint64_t refused_at)
{
    const struct zex_query query = {.kind = QUERY_KIND_TRANSACTIONS,
                                    .account = zex_client_account(self->client),
                                    .after = refused_at};
    const struct catalog *catalog = &self->catalog;
    char asked[DECIMAL_TEXT], made[DECIMAL_TEXT];
    if (!self->has_deposits) {
        int code =
            connect_query(self->client, self->args, query, NULL, take_deposit, self);
        if (code != ARGS_OK || self->catalog.failed)
            return code != ARGS_OK ? code : args_fail("out of memory");
        self->has_deposits = true;
    }
    const struct msg_deposit_done *done = find_deposit(self, wanted);
    if (done == NULL) {
        self->unknown++;
        return ARGS_OK;
    }
    if (done->asset == wanted->asset && done->amount == wanted->amount)
        return ARGS_OK;
    decimal_format(asked, wanted->amount, catalog_asset_scale(catalog, wanted->asset));
    decimal_format(made, done->amount, catalog_asset_scale(catalog, done->asset));
    fprintf(stderr,
            "zex: deposit %s, reference %" PRIu64 ": the file says %s %s, but %s %s was "
            "deposited; nothing is changed\n",
            catalog_account_name(catalog, wanted->account), wanted->reference, asked,
            catalog_asset_name(catalog, wanted->asset), made,
            catalog_asset_name(catalog, done->asset));
    return ARGS_OK;
}

/* ---- the commands ------------------------------------------------------------------ */

static int send(struct apply *self, const struct plan_command *command)
{
    struct outcome outcome;
    const struct zex_event *event = &outcome.event;
    const int code = connect_command(self->client, self->args, &command->msg, &outcome);
    if (code != ARGS_OK)
        return code;
    if (event->type == ZEX_EVENT_REFUSED && command->msg.kind == MSG_deposit &&
        event->reason == -ERR_DUPLICATE_REFERENCE)
        return compare_deposit(self, &command->msg.deposit, event->gseq);
    if (event->type == ZEX_EVENT_REFUSED)
        return args_fail("%s: %s (%s; value %" PRId64 ", limit %" PRId64 ")",
                         command->label, zex_reason_name(event->reason),
                         zex_reason_text(event->reason), event->value, event->limit);
    self->changes++;
    if (!self->args->json)
        printf("%s\n", command->label);
    return ARGS_OK;
}

static int send_all(struct apply *self, const struct plan *plan)
{
    int code = ARGS_OK;
    for (uint32_t i = 0; i < plan->count && code == ARGS_OK; i++)
        code = send(self, &plan->commands[i]);
    if (self->unknown > 0)
        fprintf(stderr,
                "zex: %" PRIu32 " deposits were made before by another operator; their "
                "amounts are not compared\n",
                self->unknown);
    if (code == ARGS_OK && self->args->json)
        printf("{\"changes\":%" PRIu32 "}\n", self->changes);
    else if (code == ARGS_OK)
        printf("%" PRIu32 " changes\n", self->changes);
    else if (self->changes > 0)
        args_fail("%" PRIu32 " changes were made before that", self->changes);
    return code;
}

int apply_venue(zex_client *client, const struct args *args, const struct venue *venue)
{
    struct apply self = {.client = client, .args = args};
    struct plan plan = {0};
    int code = catalog_load(&self.catalog, client, args);
    if (code == ARGS_OK)
        code = connect_query(client, args, (struct zex_query){.kind = QUERY_KIND_KEYS},
                             NULL, take_key, &self);
    const struct plan_input input = {.venue = venue,
                                     .catalog = &self.catalog,
                                     .keys = self.keys,
                                     .key_count = self.key_count,
                                     .directory = args->directory,
                                     .complaints = stderr};
    if (code == ARGS_OK && !plan_make(&plan, &input))
        code = args_fail("nothing is changed");
    if (code == ARGS_OK)
        code = send_all(&self, &plan);
    plan_close(&plan);
    free(self.keys);
    free(self.deposits);
    catalog_close(&self.catalog);
    return code;
}

int command_admin_apply(int argc, char **argv)
{
    static const char *const flags[] = {"account=", NULL};
    struct args args;
    struct venue *venue = NULL;
    int code = args_parse(&args, argc, argv, flags);
    if (code != ARGS_OK)
        return code;
    if (!args_words(&args, 1, 1, "admin apply FILE"))
        return ARGS_USAGE;
    if (!venue_load(&venue, args.words[0]))
        return ARGS_FAILED;
    zex_client *client = NULL;
    code = connect_open(&client, &args, "admin", NULL);
    if (code == ARGS_OK)
        code = apply_venue(client, &args, venue);
    zex_client_destroy(&client);
    venue_close(&venue);
    return code;
}
