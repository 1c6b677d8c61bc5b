/* skip.c - the operator's SKIP. It is for a service that does not run, so nothing is
 * asked but the log: no names of risk, no feed of portfolio. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "deploy/cli/commands.h"
#include "deploy/cli/connect.h"
#include "proto/codec.h"

enum { WAIT_MS = 100 };

static uint32_t parse_service(const char *text)
{
    static const char *const names[] = {[SERVICE_RISK] = "risk",
                                        [SERVICE_SETTLEMENT] = "settlement",
                                        [SERVICE_PORTFOLIO] = "portfolio"};
    uint64_t shard;
    if (strncmp(text, "shard-", 6) == 0)
        return args_is_number(text + 6, &shard) && shard <= SHARD_MAX
                   ? SERVICE_SHARD + (uint32_t)shard
                   : 0;
    for (uint32_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i] != NULL && strcmp(names[i], text) == 0)
            return i;
    return 0;
}

static int parse(const struct args *args, struct msg_skip *skip)
{
    skip->service = parse_service(args->words[0]);
    if (skip->service == 0)
        return args_usage("'%s': risk, settlement, portfolio, shard-0, shard-1 ...",
                          args->words[0]);
    return args_id(args->words[1], "position", &skip->sequence) ? ARGS_OK : ARGS_USAGE;
}

static int send(zex_client *client, const struct msg_skip *skip)
{
    uint8_t body[BODY_BYTES_MAX];
    size_t size = 0;
    if (codec_encode(body, sizeof body, &(struct msg){.kind = MSG_skip, .skip = *skip},
                     &size) != 0)
        return args_usage("a value is out of its range");
    return zex_command_send(client, body, size) == ZEX_OK
               ? ARGS_OK
               : args_fail("%s", zex_client_error(client));
}

static void print(const struct args *args, uint64_t gseq)
{
    const char *service = args->words[0], *sequence = args->words[1];
    if (args->json)
        printf("{\"gseq\":%" PRIu64 ",\"service\":\"%s\",\"sequence\":%s}\n", gseq,
               service, sequence);
    else
        printf("%" PRIu64 "  accepted   %s passes over record %s of its input\n", gseq,
               service, sequence);
}

/* Until it is in the log: it holds from there on, and risk, which confirms it, may be who
 * stopped. Refused as BUSY it is sent again and again, and the venue keeps the service at
 * its next start until then. */
static int follow(zex_client *client, const struct args *args)
{
    const uint64_t end_ns =
        clock_mono_ns() + (uint64_t)args->timeout_ms * UINT64_C(1000000);
    const char *service = args->words[0];
    bool is_early = false;
    int status = ZEX_OK;
    while ((status == ZEX_OK || status == ZEX_ERR_TIMEOUT) && clock_mono_ns() < end_ns) {
        struct zex_event event;
        status = zex_client_wait(client, &event, WAIT_MS);
        if (status != ZEX_OK)
            continue;
        if (event.type == ZEX_EVENT_ALARM)
            return args_fail("%s: %s", zex_reason_name(event.reason),
                             zex_reason_text(event.reason));
        if (event.type == ZEX_EVENT_DURABLE) {
            print(args, event.gseq);
            return ARGS_OK;
        }
        if (event.type != ZEX_EVENT_BUSY || event.reason != -ERR_BUSY)
            continue;
        if (!is_early)
            fprintf(stderr,
                    "zex: %s takes a skip only while it waits at its start: start it "
                    "(again) now\n",
                    service);
        is_early = true;
    }
    if (status != ZEX_OK && status != ZEX_ERR_TIMEOUT)
        return args_fail("%s", zex_client_error(client));
    if (is_early)
        return args_fail("%s did not start in time and the skip was not taken; say it "
                         "again, with a longer --timeout, and start %s meanwhile",
                         service, service);
    args_fail("no answer in time; the outcome is unknown");
    return ARGS_UNAVAILABLE;
}

int command_admin_skip(int argc, char **argv)
{
    static const char *const flags[] = {"account=", NULL};
    struct args args;
    struct msg_skip skip = {0};
    zex_client *client = NULL;
    int code = args_parse(&args, argc, argv, flags);
    if (code != ARGS_OK)
        return code;
    if (!args_words(&args, 2, 2, "admin skip SERVICE SEQUENCE"))
        return ARGS_USAGE;
    code = parse(&args, &skip);
    if (code != ARGS_OK)
        return code;
    code = connect_open_unfed(&client, &args, "admin");
    if (code == ARGS_OK)
        code = send(client, &skip);
    if (code == ARGS_OK)
        code = follow(client, &args);
    zex_client_destroy(&client);
    return code;
}
