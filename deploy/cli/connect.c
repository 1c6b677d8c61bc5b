/* connect.c - see connect.h. */
#include "deploy/cli/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "deploy/cli/keys.h"
#include "proto/codec.h"

enum { ADDRESS_SIZE = 256, PATH_SIZE = 4096, WAIT_MS = 100 };

static uint32_t read_gateways(const struct args *args, struct zex_options *options,
                              char addresses[ZEX_GATEWAYS_MAX][ADDRESS_SIZE],
                              bool *insecure)
{
    char path[PATH_SIZE], line[ADDRESS_SIZE];
    uint32_t count = 0;
    snprintf(path, sizeof path, "%s/gateways", args->directory);
    FILE *file = fopen(path, "re");
    *insecure = false;
    while (file != NULL && count < ZEX_GATEWAYS_MAX &&
           fgets(line, sizeof line, file) != NULL) {
        char word[ADDRESS_SIZE];
        if (sscanf(line, "insecure %255s", word) == 1)
            *insecure = true;
        else if (sscanf(line, "%255s", word) != 1)
            continue;
        memcpy(addresses[count], word, sizeof word);
        options->gateways[count] = addresses[count];
        count++;
    }
    if (file != NULL)
        fclose(file);
    return count;
}

/* Says why there is no connection. */
static int complain(const struct args *args, const zex_client *client, int status,
                    const struct zex_options *options, const char *as)
{
    if (status == ZEX_ERR_LOCKED)
        return args_fail("another process sends with the outbox %s",
                         options->outbox_path);
    if (status != ZEX_ERR_TIMEOUT)
        return args_fail("%s", client != NULL ? zex_client_error(client) : "bad options");
    return args_fail("no answer from %s as '%s' in %d s: not running, or the key is not "
                     "known there; nothing was sent",
                     options->gateways[0], as, args->timeout_ms / 1000);
}

int connect_open(zex_client **client, const struct args *args, const char *as,
                 const struct zex_options *wanted)
{
    struct zex_options options;
    char addresses[ZEX_GATEWAYS_MAX][ADDRESS_SIZE], server_key[41];
    struct keys_pair pair;
    bool insecure;
    zex_options_init(&options);
    if (wanted != NULL)
        options = *wanted;
    if (args->as != NULL)
        as = args->as;
    *client = NULL;
    if (read_gateways(args, &options, addresses, &insecure) == 0)
        return args_fail("no running venue in '%s' (no gateways file); see --dir",
                         args->directory);
    uint64_t account = 0;
    if (insecure) {
        if (!args_number(args, "account", 0, &account))
            return ARGS_USAGE;
        if (account == 0 || account > ACCOUNT_MAX)
            return args_usage("this venue runs without CURVE: say --account NUMBER");
        options.account = (uint32_t)account;
    } else {
        if (!keys_load_public(server_key, args->directory, "gateway") ||
            !keys_load(&pair, args->directory, as, false))
            return ARGS_FAILED;
        options.server_key = server_key;
        options.public_key = pair.public_key;
        options.secret_key = pair.secret_key;
    }
    int status = zex_client_new(client, &options);
    if (status == ZEX_OK)
        status = zex_client_open(*client, args->timeout_ms);
    if (status == ZEX_OK)
        return ARGS_OK;
    const int code = complain(args, *client, status, &options, as);
    zex_client_destroy(client);
    return code;
}

int connect_open_unfed(zex_client **client, const struct args *args, const char *as)
{
    struct zex_options options;
    zex_options_init(&options);
    options.follow_feed = 0;
    return connect_open(client, args, as, &options);
}

/* The rows of one page. */
static bool visit_rows(const struct zex_answer *answer,
                       void (*visit)(void *argument, const struct msg *row),
                       void *argument)
{
    const uint8_t *at = answer->rows;
    size_t left = answer->rows_size;
    struct msg row;
    while (left > 0) {
        size_t used = 0;
        if (codec_decode(at, left, &row, &used) != 0)
            return false;
        visit(argument, &row);
        at += used;
        left -= used;
    }
    return true;
}

int connect_query(zex_client *client, const struct args *args, struct zex_query query,
                  uint64_t *gseq, void (*visit)(void *argument, const struct msg *row),
                  void *argument)
{
    struct zex_answer answer;
    bool first = true;
    do {
        int status = zex_query(client, &query, &answer, args->timeout_ms);
        if (status == ZEX_ERR_TIMEOUT)
            return args_fail("no answer in time; is a service down? see zex status");
        if (status != ZEX_OK)
            return args_fail("%s", zex_client_error(client));
        if (answer.reason != 0)
            return args_fail("%s: %s", zex_reason_name(answer.reason),
                             zex_reason_text(answer.reason));
        if (!visit_rows(&answer, visit, argument))
            return args_fail("the answer does not decode");
        if (first && gseq != NULL)
            *gseq = answer.gseq;
        first = false;
        query.cursor = answer.cursor;
    } while (answer.cursor != 0);
    return ARGS_OK;
}

int connect_command(zex_client *client, const struct args *args,
                    const struct msg *command, struct outcome *outcome)
{
    uint8_t body[BODY_BYTES_MAX];
    size_t size = 0;
    if (codec_encode(body, sizeof body, command, &size) != 0)
        return args_usage("a value is out of its range");
    outcome_init(outcome);
    int status = zex_command_send(client, body, size);
    const uint64_t end_ns = clock_mono_ns() + (uint64_t)args->timeout_ms * CLOCK_MS_NS;
    while ((status == ZEX_OK || status == ZEX_ERR_TIMEOUT) && clock_mono_ns() < end_ns) {
        struct zex_event event;
        status = zex_client_wait(client, &event, WAIT_MS);
        if (status != ZEX_OK)
            continue;
        if (event.type == ZEX_EVENT_ALARM)
            return args_fail("%s: %s", zex_reason_name(event.reason),
                             zex_reason_text(event.reason));
        if (outcome_take(outcome, &event))
            return ARGS_OK;
    }
    if (status != ZEX_OK && status != ZEX_ERR_TIMEOUT)
        return args_fail("%s", zex_client_error(client));
    args_fail("no answer in time; the outcome is unknown");
    return ARGS_UNAVAILABLE;
}
