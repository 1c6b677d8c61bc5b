/* crowd.c - see crowd.h. */
#include "tests/chaos/crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"
#include "proto/codec.h"

enum {
    OPEN_MS = 500,
    WAIT_MS = 20,
    DRAIN_MS = 100,
    LOCK_TRIES = 10000,
    OPERATOR = 0,
    RICH = 3, /* bot1, whose money outlasts the test */
    USD = 1,
    PRICES = 20,
    LOTS = 50,
    BODY_BYTES = 256,
    NAME = 512,
};

static const char *const names[] = {"admin", "alice", "bob", "bot1",
                                    "bot2",  "bot3",  "bot4"};
enum { NAMES = sizeof names / sizeof *names };

/* The operator once, the traders in turn: most accounts have several clients. */
static const char *name_of(const struct crowd_client *c)
{
    return c->index == OPERATOR ? names[0] : names[1 + (c->index - 1) % (NAMES - 1)];
}

/* ---- one life of a client ---------------------------------------------------------- */

static void path_of(const struct crowd_client *c, char *path)
{
    snprintf(path, NAME, "%s/run/crowd-%u-%u", c->crowd->directory, c->index, c->life);
}

static int connect_again(struct crowd_client *c)
{
    char path[NAME];
    struct zex_options options;
    zex_options_init(&options);
    path_of(c, path);
    options.outbox_path = path;
    options.silence_ms = 2500;
    int status = ZEX_ERR_LOCKED;
    /* A child that this test has just forked has the outbox, too, until its exec. */
    for (uint32_t i = 0; i < LOCK_TRIES && status == ZEX_ERR_LOCKED; i++)
        status =
            zex_client_new_in(&c->connection, c->crowd->directory, name_of(c), &options);
    return status;
}

static int load_symbols(struct crowd_client *c)
{
    struct zex_query query = {.kind = ZEX_QUERY_SYMBOLS};
    struct zex_answer answer;
    int found = 0, status = zex_query(c->connection, &query, &answer, 10 * OPEN_MS);
    while (status == ZEX_OK && found < 2 && zex_answer_next(&answer, &c->symbols[found]))
        found++;
    return status != ZEX_OK ? status : found == 2 ? ZEX_OK : ZEX_ERR_USAGE;
}

/* As if the process had died: what was not taken of the events is not known. */
static int restart(struct crowd_client *c, bool forgets)
{
    zex_client_destroy(&c->connection);
    if (forgets) {
        c->life++;
        c->lives_left--;
        c->money = 0;
        c->open_from = c->annals.count;
        memset(c->own, 0, sizeof c->own);
    }
    return connect_again(c);
}

/* ---- what it asks for -------------------------------------------------------------- */

static int note(struct crowd_client *c, int status, int64_t began_ns, uint32_t kind,
                uint64_t name)
{
    const struct annals_call call = {.client = c->index,
                                     .life = c->life,
                                     .lane = kind == MSG_order_cancel,
                                     .kind = kind,
                                     .account = c->account,
                                     .name = name,
                                     .began_ns = began_ns};
    if (status != ZEX_OK)
        return status;
    return annals_add(&c->annals, &call) == 0 ? ZEX_OK : ZEX_ERR_MEMORY;
}

static int place(struct crowd_client *c)
{
    const struct zex_row *s = &c->symbols[random_below(&c->random, 2)];
    const struct zex_order order = {
        .symbol = s->symbol,
        .side = random_chance(&c->random, 500000) ? ZEX_SIDE_BUY : ZEX_SIDE_SELL,
        .type = ZEX_LIMIT,
        .time_in_force = random_chance(&c->random, 100000) ? ZEX_IOC : ZEX_GTC,
        .price = s->reference_price +
                 random_between(&c->random, -PRICES / 2, PRICES / 2) * s->tick,
        .quantity = random_between(&c->random, 1, LOTS) * s->lot,
    };
    uint64_t name = 0;
    int64_t began_ns = (int64_t)clock_mono_ns();
    int status = zex_order_place(c->connection, &order, &name);
    if (status == ZEX_OK)
        c->own[c->placed++ % CROWD_OWN] = name;
    return note(c, status, began_ns, MSG_order_new, name);
}

static int cancel(struct crowd_client *c, uint64_t order)
{
    uint64_t name = 0;
    int64_t began_ns = (int64_t)clock_mono_ns();
    int status = zex_order_cancel(c->connection, 0, order, &name);
    return note(c, status, began_ns, MSG_order_cancel, name);
}

static int replace(struct crowd_client *c, uint64_t order)
{
    const struct zex_row *s = &c->symbols[random_below(&c->random, 2)];
    uint64_t name = 0;
    int64_t began_ns = (int64_t)clock_mono_ns();
    int status = zex_order_replace(c->connection, 0, order, s->reference_price,
                                   random_between(&c->random, 1, LOTS) * s->lot, &name);
    return note(c, status, began_ns, MSG_order_replace, name);
}

static int trade(struct crowd_client *c)
{
    uint64_t order = c->own[random_below(&c->random, CROWD_OWN)];
    uint64_t drawn = random_below(&c->random, 10);
    if (order == 0 || drawn < 5)
        return place(c);
    return drawn < 9 ? cancel(c, order) : replace(c, order);
}

/* One at a time: an acknowledgement does not name it. */
static int move_money(struct crowd_client *c)
{
    uint8_t body[BODY_BYTES];
    size_t size = 0;
    bool is_out = random_chance(&c->random, 400000);
    uint32_t account = c->crowd->clients[1 + random_below(&c->random, NAMES - 1)].account;
    uint64_t reference = ((uint64_t)c->index + 1) << 40 | ++c->moved;
    int64_t amount = random_between(&c->random, 1, 1000000);
    struct msg message = {.kind = MSG_deposit,
                          .deposit = {account, USD, amount, reference}};
    if (is_out)
        message = (struct msg){.kind = MSG_withdraw,
                               .withdraw = {account, USD, amount, reference}};
    if (c->money != 0 || account == 0 ||
        codec_encode(body, sizeof body, &message, &size) != 0)
        return ZEX_OK;
    int64_t began_ns = (int64_t)clock_mono_ns();
    int status = zex_command_send(c->connection, body, size);
    status = note(c, status, began_ns, message.kind, reference);
    if (status != ZEX_OK)
        return status;
    struct annals_call *call = &c->annals.calls[c->annals.count - 1];
    call->account = account;
    call->asset = USD;
    call->amount = is_out ? -amount : amount;
    c->money = c->annals.count;
    return ZEX_OK;
}

/* ---- what it is told --------------------------------------------------------------- */

static void tell(struct crowd *crowd, enum crowd_kind kind)
{
    pthread_mutex_lock(&crowd->mutex);
    crowd->told[kind]++;
    pthread_cond_broadcast(&crowd->more);
    pthread_mutex_unlock(&crowd->mutex);
}

static void tell_refusal(struct crowd *crowd, int reason)
{
    pthread_mutex_lock(&crowd->mutex);
    crowd->busy += reason == -ERR_BUSY;
    crowd->unavailable += reason == -ERR_UNAVAILABLE;
    pthread_mutex_unlock(&crowd->mutex);
}

static void settle(struct crowd_client *c, struct annals_call *call, uint64_t gseq,
                   enum annals_outcome outcome)
{
    if (call->outcome != ANNALS_UNKNOWN)
        return;
    call->outcome = outcome;
    call->gseq = gseq;
    call->ended_ns = (int64_t)clock_mono_ns();
    tell(c->crowd, CROWD_ACCEPTED);
}

static void settle_name(struct crowd_client *c, uint64_t name, uint64_t gseq,
                        enum annals_outcome outcome)
{
    for (uint32_t i = c->open_from; i < c->annals.count; i++)
        if (c->annals.calls[i].name == name && c->annals.calls[i].asset == 0)
            settle(c, &c->annals.calls[i], gseq, outcome);
    while (c->open_from < c->annals.count &&
           c->annals.calls[c->open_from].outcome != ANNALS_UNKNOWN)
        c->open_from++;
}

static void on_event(struct crowd_client *c, const struct zex_event *event)
{
    bool is_refusal =
        event->type == ZEX_EVENT_REJECTED || event->type == ZEX_EVENT_CANCEL_REJECTED;
    if (event->type == ZEX_EVENT_CANCELLED && c->last_name != 0 &&
        (event->cl_ord_id == c->last_name || event->orig_cl_ord_id == c->last_name))
        c->last_gseq = event->gseq;
    if (event->type == ZEX_EVENT_ORDER || event->type == ZEX_EVENT_CANCELLED)
        tell(c->crowd,
             event->symbol == c->symbols[0].symbol ? CROWD_SHARD_0 : CROWD_SHARD_1);
    if (event->type == ZEX_EVENT_BUSY)
        tell_refusal(c->crowd, event->reason);
    if (event->type == ZEX_EVENT_ALARM)
        c->alarms++;
    if (event->type == ZEX_EVENT_CLOSED)
        c->gone++;
    if (event->type == ZEX_EVENT_DURABLE && event->cl_ord_id != 0)
        settle_name(c, event->cl_ord_id, event->gseq, ANNALS_OK);
    else if (event->type == ZEX_EVENT_DURABLE && c->money != 0) {
        settle(c, &c->annals.calls[c->money - 1], event->gseq, ANNALS_OK);
        c->money = 0;
    } else if (is_refusal && event->gseq == 0)
        settle_name(c, event->cl_ord_id, 0, ANNALS_FAIL);
}

static int take(struct crowd_client *c, int timeout_ms)
{
    struct zex_event event;
    int status = zex_client_wait(c->connection, &event, timeout_ms);
    while (status == ZEX_OK) {
        on_event(c, &event);
        status = zex_client_wait(c->connection, &event, 0);
    }
    return status == ZEX_ERR_TIMEOUT ? ZEX_OK : status;
}

/* ---- its thread -------------------------------------------------------------------- */

static int act(struct crowd_client *c)
{
    if (zex_client_in_flight(c->connection) >= CROWD_WINDOW)
        return ZEX_OK;
    if (c->index == OPERATOR) /* a venue keeps 65536 references: for half an hour */
        return random_chance(&c->random, 500000) ? move_money(c) : ZEX_OK;
    if (random_chance(&c->random, 2000))
        return restart(c, c->lives_left > 0 && random_chance(&c->random, 300000));
    return trade(c);
}

static void *live(void *argument)
{
    struct crowd_client *c = argument;
    int status = ZEX_OK;
    while (status == ZEX_OK && !atomic_load(&c->crowd->is_over)) {
        status = act(c);
        if (status == ZEX_OK)
            status = take(c, WAIT_MS); /* sends, too */
    }
    if (status != ZEX_OK)
        fprintf(stderr, "client %u: %s\n", c->index,
                c->connection != NULL ? zex_client_error(c->connection)
                                      : zex_reason_text(status));
    c->is_at_rest = status == ZEX_OK;
    return NULL;
}

/* ---- all of them ------------------------------------------------------------------- */

int crowd_begin(struct crowd *crowd, const char *directory, uint64_t seed)
{
    int status = ZEX_OK;
    pthread_condattr_t attributes;
    *crowd = (struct crowd){.directory = directory};
    pthread_mutex_init(&crowd->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&crowd->more, &attributes);
    for (uint32_t i = 0; i < CROWD_CLIENTS && status == ZEX_OK; i++) {
        struct crowd_client *c = &crowd->clients[i];
        c->crowd = crowd;
        c->index = i;
        c->lives_left = CROWD_LIVES;
        random_init(&c->random, seed * CROWD_CLIENTS + i);
        status = connect_again(c);
        if (status == ZEX_OK)
            status = zex_client_open(c->connection, 10 * OPEN_MS);
        if (status == ZEX_OK)
            status = load_symbols(c);
        if (status == ZEX_OK)
            c->account = zex_client_account(c->connection);
    }
    for (uint32_t i = 0; i < CROWD_CLIENTS && status == ZEX_OK; i++)
        if (pthread_create(&crowd->clients[i].thread, NULL, live, &crowd->clients[i]) !=
            0)
            status = ZEX_ERR_MEMORY;
    return status;
}

static struct timespec in_ms(int ms)
{
    uint64_t end_ns = clock_mono_ns() + (uint64_t)ms * 1000000;
    return (struct timespec){.tv_sec = (time_t)(end_ns / 1000000000),
                             .tv_nsec = (long)(end_ns % 1000000000)};
}

static bool is_told(const struct crowd *crowd, const uint64_t due[CROWD_KINDS])
{
    bool is = true;
    for (uint32_t i = 0; i < CROWD_KINDS; i++)
        is = is && crowd->told[i] >= due[i];
    return is;
}

bool crowd_await(struct crowd *crowd, uint64_t more, int timeout_ms)
{
    struct timespec end = in_ms(timeout_ms);
    pthread_mutex_lock(&crowd->mutex);
    uint64_t due[CROWD_KINDS];
    int error = 0;
    for (uint32_t i = 0; i < CROWD_KINDS; i++)
        due[i] = crowd->told[i] + more;
    while (!is_told(crowd, due) && error == 0)
        error = pthread_cond_timedwait(&crowd->more, &crowd->mutex, &end);
    bool is_there = is_told(crowd, due);
    pthread_mutex_unlock(&crowd->mutex);
    return is_there;
}

void crowd_refusals(struct crowd *crowd, uint64_t *busy, uint64_t *unavailable)
{
    pthread_mutex_lock(&crowd->mutex);
    *busy = crowd->busy;
    *unavailable = crowd->unavailable;
    pthread_mutex_unlock(&crowd->mutex);
}

/* Everything it has sent is known. */
static bool drain(struct crowd_client *c, int64_t end_ms)
{
    int status = ZEX_OK;
    while (c->is_at_rest && status == ZEX_OK && zex_client_in_flight(c->connection) > 0 &&
           (int64_t)(clock_mono_ns() / 1000000) < end_ms)
        status = take(c, DRAIN_MS);
    return c->is_at_rest && zex_client_in_flight(c->connection) == 0;
}

/* An order that cannot trade, for each symbol and so each shard, behind all others: when
 * it is gone again, whatever was sent before has had its effect. */
static bool come_to_rest(struct crowd *crowd, int64_t end_ms)
{
    struct crowd_client *c = &crowd->clients[RICH];
    for (uint32_t i = 0; i < 2; i++) {
        const struct zex_row *s = &c->symbols[i];
        const struct zex_order order = {
            .symbol = s->symbol,
            .side = ZEX_SIDE_BUY,
            .type = ZEX_LIMIT,
            .time_in_force = ZEX_IOC,
            .price = s->reference_price - 2 * PRICES * s->tick,
            .quantity = LOTS * s->lot,
        };
        int64_t began_ns = (int64_t)clock_mono_ns();
        int status = zex_order_place(c->connection, &order, &c->last_name);
        status = note(c, status, began_ns, MSG_order_new, c->last_name);
        c->last_gseq = 0;
        while (status == ZEX_OK && c->last_gseq == 0 &&
               (int64_t)(clock_mono_ns() / 1000000) < end_ms)
            status = take(c, DRAIN_MS);
        if (c->last_gseq == 0)
            return false;
        crowd->rest_gseq = c->last_gseq;
    }
    return drain(c, end_ms);
}

static bool join(struct crowd *crowd, struct annals *all)
{
    bool is_whole = true;
    for (uint32_t i = 0; i < CROWD_CLIENTS; i++)
        is_whole = annals_join(all, &crowd->clients[i].annals) == 0 && is_whole;
    return is_whole;
}

bool crowd_end(struct crowd *crowd, int timeout_ms, struct annals *all)
{
    int64_t end_ms = (int64_t)(clock_mono_ns() / 1000000) + timeout_ms;
    bool is_known = true;
    atomic_store(&crowd->is_over, true);
    for (uint32_t i = 0; i < CROWD_CLIENTS; i++)
        pthread_join(crowd->clients[i].thread, NULL);
    for (uint32_t i = 0; i < CROWD_CLIENTS; i++) {
        struct crowd_client *c = &crowd->clients[i];
        bool is_drained = drain(c, end_ms);
        if (!is_drained && c->connection != NULL)
            fprintf(stderr, "client %u: %llu commands are not known\n", i,
                    (unsigned long long)zex_client_in_flight(c->connection));
        if (c->alarms + c->gone > 0)
            fprintf(stderr, "client %u: %llu alarms, %llu sessions gone\n", i,
                    (unsigned long long)c->alarms, (unsigned long long)c->gone);
        is_known = is_known && is_drained && c->alarms + c->gone == 0;
    }
    if (is_known && !come_to_rest(crowd, end_ms)) {
        fprintf(stderr, "the last order is not gone\n");
        is_known = false;
    }
    return join(crowd, all) && is_known;
}

int crowd_balances(struct crowd *crowd, struct annals_balance *balances, uint32_t max,
                   uint32_t *count)
{
    zex_client *asker = crowd->clients[OPERATOR].connection;
    uint32_t last = 2; /* external, fees */
    int status = ZEX_OK;
    *count = 0;
    for (uint32_t i = 0; i < CROWD_CLIENTS; i++)
        if (crowd->clients[i].account > last)
            last = crowd->clients[i].account;
    for (uint32_t account = 1; account <= last && status == ZEX_OK; account++) {
        struct zex_query query = {
            .kind = ZEX_QUERY_BALANCES, .account = account, .after = crowd->rest_gseq};
        struct zex_answer answer;
        struct zex_row row;
        status = zex_query(asker, &query, &answer, 10 * OPEN_MS);
        while (status == ZEX_OK && *count < max && zex_answer_next(&answer, &row))
            balances[(*count)++] =
                (struct annals_balance){row.account, row.asset, row.free + row.held};
    }
    return status;
}

void crowd_close(struct crowd *crowd)
{
    for (uint32_t i = 0; i < CROWD_CLIENTS; i++) {
        zex_client_destroy(&crowd->clients[i].connection);
        annals_close(&crowd->clients[i].annals);
    }
    pthread_cond_destroy(&crowd->more);
    pthread_mutex_destroy(&crowd->mutex);
}
