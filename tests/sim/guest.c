/* guest.c - places, listens, dies, and begins where it was. */
#include "tests/sim/guest.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "common/error.h"
#include "proto/codec.h"
#include "proto/digest.h"
#include "tests/model/privacy.h"
#include "tests/sim/client.h"
#include "tests/sim/files.h"
#include "tests/sim/marks.h"
#include "tests/sim/transcript.h"
#include "tests/sim/venue.h"

enum {
    RESEND_MS = 150,
    SILENCE_MS = 800,      /* it pings four times as often: idle_ms may be small */
    COMPACT_BYTES = 20000, /* sooner than any user's */
    TORN_MAX = 64,         /* bytes */
    MIDDLE = 100,          /* price, as in workload.c */
    ASSETS = 3,
};

static struct guest *present; /* for what the library asks of the world */

static uint64_t below(struct guest *g, uint64_t bound)
{
    return random_below(&g->random, bound);
}

static bool happens(struct guest *g, uint32_t percent)
{
    return below(g, 100) < percent;
}

static void break_off(struct guest *g, const char *broken)
{
    if (g->broken == NULL)
        g->broken = broken;
}

uint64_t guest_draw(void)
{
    return random_next(&present->random);
}

uint32_t guest_node(void)
{
    return VENUE_NODES + present->plan->clients;
}

/* The names of all others are small numbers. */
static bool is_own_name(const void *guest, uint64_t name)
{
    (void)guest;
    return name > (PLAN_CLIENTS_MAX + 1) * (uint64_t)CLIENT_NAMES;
}

void guest_check_frame(const uint8_t *bytes, size_t size)
{
    const struct privacy privacy = {
        .client = present, .is_own_name = is_own_name, .account = present->account};
    struct msg m;
    for (size_t at = 0, used; at < size; at += used) {
        if (codec_decode(bytes + at, size - at, &m, &used) != 0) {
            break_off(present, "I13: bytes that are no message");
            return;
        }
        const char *broken = privacy_check(&privacy, &m);
        if (broken != NULL)
            break_off(present, broken);
    }
}

/* ---- birth and death --------------------------------------------------------------- */

/* What was sent is still there, whatever happened to the process. */
static void check_outbox(struct guest *g)
{
    const struct zex_outbox *outbox = &g->client->outbox;
    for (int i = 0; i < ZEX_OUTBOX_LANES; i++) {
        const struct zex_outbox_lane *lane = &outbox->lanes[i];
        if (lane->nonce == g->lanes[i].nonce) {
            if (lane->next < g->lanes[i].sent)
                break_off(g, "I1: the outbox has forgotten what was sent");
            continue;
        }
        if (g->lanes[i].sent > 1 && !g->lanes[i].is_renewed)
            break_off(g, "I1: the outbox has forgotten its session");
        g->lanes[i].nonce = lane->nonce;
        g->lanes[i].sent = 1;
        g->lanes[i].is_renewed = false;
    }
    if (g->is_saved && !g->client->feed_known)
        break_off(g, "I9: the outbox has forgotten the feed");
    g->is_following = g->client->feed_known;
    if (!g->is_following)
        g->report_count = 0; /* as if it had never been */
}

static void begin(struct guest *g)
{
    struct zex_options options;
    zex_options_init(&options);
    for (uint32_t i = 0; i < g->plan->gateways; i++)
        options.gateways[i] = venue_gateway_address(i);
    options.account = g->account;
    options.outbox_path = g->path;
    options.in_flight_max = g->plan->window;
    options.resend_ms = RESEND_MS;
    options.silence_ms = SILENCE_MS;
    int status = zex_client_new(&g->client, &options);
    if (status != ZEX_OK) {
        break_off(g, "I1: the outbox cannot be opened");
        return;
    }
    g->client->outbox.compact_bytes = COMPACT_BYTES;
    g->is_new = true;
    g->is_over = false;
    check_outbox(g);
}

void guest_init(struct guest *g, const struct plan *plan)
{
    *g = (struct guest){.plan = NULL};
    if (!plan->has_guest)
        return;
    g->plan = plan;
    present = g;
    random_init(&g->random, plan->seed * 64 + PLAN_CLIENTS_MAX);
    g->account = ACCOUNT_ADMIN + plan->traders + 1;
    g->path = files_beside();
    g->left = plan->commands;
    g->next_reference = PLAN_CLIENTS_MAX * (uint64_t)CLIENT_NAMES + 1;
    (void)unlink(g->path);
    begin(g);
}

/* A last write that was cut short: the beginning of one that was whole. */
static void tear(struct guest *g)
{
    uint8_t bytes[TORN_MAX];
    int file = open(g->path, O_RDWR | O_CLOEXEC);
    CHECK(file >= 0);
    size_t size = 1 + (size_t)below(g, sizeof bytes - 1);
    if (pread(file, bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes && bytes[0] != 0) {
        size_t whole = 8 + (bytes[0] | (size_t)bytes[1] << 8);
        size = size < whole ? size : whole - 1;
        off_t end = lseek(file, 0, SEEK_END);
        ssize_t written = end > 0 ? write(file, bytes, size) : 0;
        CHECK(written >= 0);
    }
    close(file);
}

/* The library is destroyed without its having a say: nothing is sent or written. */
static void die(struct guest *g)
{
    if (g->client == NULL)
        return;
    close(g->client->outbox.file);
    g->client->outbox.file = -1;
    g->client->status = ZEX_ERR_CLOSED;
    zex_client_destroy(&g->client);
}

void guest_crash(struct guest *g)
{
    if (g->plan == NULL || g->broken != NULL)
        return;
    die(g);
    MARK(guest_crash);
    g->untold_count = g->command_count;
    transcript_event(guest_node(), "crashes");
    if (happens(g, 30))
        tear(g);
    begin(g);
}

void guest_close(struct guest *g)
{
    if (g->plan == NULL)
        return;
    die(g);
    (void)unlink(g->path);
    free(g->commands);
    free(g->reports);
}

/* ---- what it is told --------------------------------------------------------------- */

static struct guest_command *find(struct guest *g, uint64_t name)
{
    for (uint32_t i = g->command_count; i-- > 0;) {
        if (g->commands[i].name == name)
            return &g->commands[i];
    }
    return NULL;
}

static void on_durable(struct guest *g, const struct zex_event *event)
{
    struct guest_command *command = find(g, event->cl_ord_id);
    if (event->gseq > client_told_gseq)
        client_told_gseq = event->gseq;
    if (event->cl_ord_id == 0)
        return; /* a withdrawal, or the end of a session */
    if (command == NULL || command->is_void) {
        break_off(g, "I2: durable, but never placed, or void");
        return;
    }
    if (command->gseq != 0 && event->gseq != 0 && command->gseq != event->gseq)
        break_off(g, "I1: one command, two places in the log");
    command->is_durable = true;
    if (event->gseq != 0)
        command->gseq = event->gseq;
}

static void on_void(struct guest *g, const struct zex_event *event)
{
    struct guest_command *command = find(g, event->cl_ord_id);
    MARK(guest_void);
    if (event->cl_ord_id == 0)
        return;
    if (command == NULL || command->is_durable)
        break_off(g, "I2: void, but never placed, or durable");
    else
        command->is_void = true;
}

/* Each once, in order; the first after a death may be one that was being handled. */
static void on_report(struct guest *g, const struct zex_event *event)
{
    const uint32_t count = g->report_count;
    uint64_t last_gseq = count > 0 ? g->reports[count - 1].gseq : 0;
    if (event->gseq < last_gseq && !g->is_new)
        break_off(g, "I9: a report for the second time");
    while (g->is_new && g->report_count > 0 &&
           g->reports[g->report_count - 1].gseq >= event->gseq)
        g->report_count--;
    g->is_new = false;
    if (g->report_count == g->report_capacity) {
        g->report_capacity = g->report_capacity * 2 + 64;
        g->reports = realloc(g->reports, g->report_capacity * sizeof *g->reports);
        CHECK(g->reports != NULL);
    }
    g->reports[g->report_count++] = (struct invariants_report){
        .gseq = event->gseq, .hash = digest_hash(event->bytes, event->bytes_size)};
}

static void take(struct guest *g, const struct zex_event *event)
{
    bool is_refusal =
        event->type == ZEX_EVENT_REJECTED || event->type == ZEX_EVENT_CANCEL_REJECTED;
    if (event->bytes != NULL)
        on_report(g, event);
    else if (is_refusal)
        on_void(g, event);
    else if (event->type == ZEX_EVENT_DURABLE)
        on_durable(g, event);
    else if (event->type == ZEX_EVENT_CLOSED)
        g->is_over = true;
    else if (event->type == ZEX_EVENT_LIVE)
        MARK(guest_live);
    else if (event->type == ZEX_EVENT_LOST)
        MARK(guest_moved);
}

/* What has left, and what the file has, by now. */
static void note(struct guest *g)
{
    const struct zex_client *c = g->client;
    for (int i = 0; i < ZEX_OUTBOX_LANES; i++) {
        if (c->outbox.lanes[i].gone)
            g->lanes[i].is_renewed = true;
        else if (c->lanes[i].sent > g->lanes[i].sent)
            g->lanes[i].sent = c->lanes[i].sent;
    }
    if (c->feed_known && !g->is_following) {
        g->is_following = true;
        g->from = c->outbox.taken_gseq;
    }
    g->is_saved = g->is_saved || (c->feed_known && c->outbox.buffer_size == 0);
}

static void give_up(struct guest *g, int status)
{
    const struct zex_outbox_lane *lanes = g->client->outbox.lanes;
    if (status == ERR_UNKNOWN_SESSION) /* it does not say which */
        g->unknown_session =
            lanes[0].session < lanes[1].session ? lanes[0].session : lanes[1].session;
    bool is_other = status == ERR_CORRUPT || status == ERR_LOG_BEHIND ||
                    status == ERR_OTHER_LOG || status == ERR_UNKNOWN_SESSION;
    break_off(g, is_other ? "I7: the log is not the one that was"
                          : "I12: the client library has given up");
}

static void listen(struct guest *g)
{
    struct zex_event event;
    int status;
    while ((status = zex_client_wait(g->client, &event, 0)) == ZEX_OK) {
        note(g);
        if (event.type == ZEX_EVENT_ALARM && g->client->status == ZEX_OK)
            break_off(g, "I13: the client library sounds an alarm");
        take(g, &event);
        if (!g->quiet && happens(g, 5))
            return; /* busy with that one; what else has come waits */
    }
    if (status != ZEX_ERR_TIMEOUT)
        give_up(g, status);
    note(g);
}

/* ---- what it wants ----------------------------------------------------------------- */

static void remember(struct guest *g, uint64_t name)
{
    if (g->command_count == g->command_capacity) {
        g->command_capacity = g->command_capacity * 2 + 64;
        g->commands = realloc(g->commands, g->command_capacity * sizeof *g->commands);
        CHECK(g->commands != NULL);
    }
    g->commands[g->command_count++] =
        (struct guest_command){.name = name, .floor = client_told_gseq};
}

static int place_order(struct guest *g, uint64_t *name)
{
    struct zex_order o = {.type = ZEX_LIMIT};
    o.symbol = 1 + (uint32_t)below(g, g->plan->symbols);
    o.side = happens(g, 50) ? ZEX_SIDE_BUY : ZEX_SIDE_SELL;
    o.time_in_force = happens(g, 80) ? ZEX_GTC : ZEX_IOC;
    o.price = MIDDLE - 8 + (int64_t)below(g, 17);
    o.quantity = 1 + (int64_t)below(g, 20);
    return zex_order_place(g->client, &o, name);
}

/* ZEX_ERR_FULL and ZEX_ERR_CLOSED: not now. */
static void want(struct guest *g)
{
    uint64_t name = 0, old = 0;
    int status;
    if (g->command_count > 0) {
        uint64_t back = below(g, g->command_count < 16 ? g->command_count : 16);
        old = g->commands[g->command_count - 1 - back].name;
    }
    uint64_t what = below(g, 100);
    if (what < 20 && old != 0)
        status = zex_order_cancel(g->client, 0, old, &name);
    else if (what < 35 && old != 0)
        status = zex_order_replace(g->client, 0, old, MIDDLE, 1 + (int64_t)below(g, 20),
                                   &name);
    else if (what < 40)
        status = zex_withdraw(g->client, 1 + (uint32_t)below(g, ASSETS),
                              1 + (int64_t)below(g, 3000), g->next_reference++);
    else if (below(g, 200) == 0)
        status = zex_client_close(g->client);
    else
        status = place_order(g, &name);
    if (status == ZEX_OK && name != 0)
        remember(g, name);
    if (status == ZEX_ERR_USAGE)
        break_off(g, "I12: the client library refuses a good command");
    g->left--;
}

void guest_turn(struct guest *g)
{
    if (g->plan == NULL || g->broken != NULL)
        return;
    listen(g);
    if (g->broken != NULL)
        return;
    while (!g->quiet && g->left > 0 && happens(g, 40) &&
           zex_client_in_flight(g->client) < g->plan->window && g->client->account != 0)
        want(g);
    zex_client_flush(g->client);
    note(g);
    if (g->is_over) { /* as a program would: another client, on the same outbox */
        if (g->client->event_count > 0)
            g->untold_count = g->command_count;
        zex_client_destroy(&g->client);
        begin(g);
    }
    if (!g->quiet && random_chance(&g->random, g->plan->crash_ppm))
        guest_crash(g);
}

bool guest_is_idle(const struct guest *g)
{
    if (g->plan == NULL)
        return true;
    bool is_closing = g->is_over;
    for (int i = 0; i < ZEX_OUTBOX_LANES; i++)
        is_closing = is_closing || g->client->lanes[i].close_n != 0;
    return g->quiet && !is_closing && g->client->live &&
           zex_client_in_flight(g->client) == 0;
}
