/* service_rights.c - see service_rights.h. */
#include "common/service_rights.h"

#include <stddef.h>
#include <string.h>

#include "proto/limits.h"

#define BIT(service) (1u << (service))

enum {
    READERS = BIT(SERVICE_RISK) | BIT(SERVICE_SETTLEMENT) | BIT(SERVICE_PORTFOLIO) |
              BIT(SERVICE_GATEWAY), /* of the log */
    SUBMITTERS = BIT(SERVICE_RISK) | BIT(SERVICE_SETTLEMENT) | BIT(SERVICE_PORTFOLIO) |
                 BIT(SERVICE_SHARD),
    GATEWAY = BIT(SERVICE_GATEWAY),
    SHARD = BIT(SERVICE_SHARD),
};

/* Of whom or what a message may speak. */
enum subject {
    ANYTHING,
    ITSELF,   /* its source is the sender's */
    THE_LOG,  /* its stream */
    ITS_FEED, /* its stream is approved.k of shard k */
};

static const struct right {
    uint16_t kind;
    uint32_t peers; /* services, or-ed */
    enum subject subject;
} rights[] = {
    {MSG_checkin, READERS | SHARD, ITSELF},
    {MSG_position, READERS | SHARD, ITSELF},
    {MSG_submission, SUBMITTERS, ITSELF},
    {MSG_submit_open, GATEWAY, ANYTHING},
    {MSG_submit_command, GATEWAY, ANYTHING},
    {MSG_fetch, READERS, THE_LOG},
    {MSG_fetch, SHARD, ITS_FEED},
    {MSG_query, GATEWAY, ANYTHING},
};

static bool is_shard(int64_t peer)
{
    return peer <= -SERVICE_SHARD && peer >= -(SERVICE_SHARD + (int64_t)SHARD_MAX);
}

/* 0: no service. */
static uint32_t bit_of(int64_t peer)
{
    if (is_shard(peer))
        return SHARD;
    return peer < 0 && peer > -SERVICE_SHARD ? BIT(-peer) : 0;
}

static int64_t source_of(const struct msg *msg)
{
    switch (msg->kind) {
    case MSG_checkin:
        return msg->checkin.source;
    case MSG_position:
        return msg->position.source;
    case MSG_submission:
        return msg->submission.source;
    default:
        return SERVICE_RIGHTS_STRANGER;
    }
}

static bool fits(enum subject subject, int64_t peer, const struct msg *msg)
{
    switch (subject) {
    case ANYTHING:
        return true;
    case ITSELF:
        return source_of(msg) == peer;
    case THE_LOG:
        return msg->fetch.stream == 0;
    case ITS_FEED: /* stream 1 + k of shard k */
        return (int64_t)msg->fetch.stream == 1 - peer - SERVICE_SHARD;
    }
    return false;
}

bool service_rights_allow(int64_t peer, const struct msg *msg)
{
    if (peer == 0)
        return true;
    for (size_t i = 0; i < sizeof rights / sizeof *rights; i++)
        if (rights[i].kind == msg->kind && (rights[i].peers & bit_of(peer)) != 0 &&
            fits(rights[i].subject, peer, msg))
            return true;
    return false;
}

bool service_rights_hear(int64_t peer, int64_t owner)
{
    uint32_t readers = owner == -SERVICE_SEQUENCER ? READERS : 0;
    if (owner == -SERVICE_RISK)
        readers = SHARD;
    return peer == 0 || (readers & bit_of(peer)) != 0;
}

/* The number behind "shard-" or "gateway-"; -1: none, or too large. */
static int64_t number_of(const char *name, const char *prefix)
{
    size_t size = strlen(prefix);
    int64_t number = 0;
    if (strncmp(name, prefix, size) != 0 || name[size] == 0)
        return -1;
    for (const char *at = name + size; *at != 0; at++) {
        if (*at < '0' || *at > '9' || number > SHARD_MAX)
            return -1;
        number = 10 * number + (*at - '0');
    }
    return number;
}

int64_t service_rights_source(const char *name)
{
    static const struct {
        const char *name;
        int64_t source;
    } single[] = {
        {"sequencer", -SERVICE_SEQUENCER},
        {"risk", -SERVICE_RISK},
        {"settlement", -SERVICE_SETTLEMENT},
        {"portfolio", -SERVICE_PORTFOLIO},
    };
    for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        if (strcmp(name, single[i].name) == 0)
            return single[i].source;
    int64_t shard = number_of(name, "shard-");
    if (shard >= 0 && shard <= SHARD_MAX)
        return -SERVICE_SHARD - shard;
    return number_of(name, "gateway-") >= 0 ? -SERVICE_GATEWAY : SERVICE_RIGHTS_STRANGER;
}
