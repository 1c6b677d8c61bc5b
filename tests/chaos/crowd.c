/* crowd.c - see crowd.h. */
#include "tests/chaos/crowd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/error.h"

enum {
    OPEN_MS = 500,
    WAIT_MS = 20,
    LOCK_TRIES = 10000,
    OPERATOR = 0,
    RICH = 3, /* bot1, whose money outlasts the test */
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

/* ---- what it is told --------------------------------------------------------------- */

static void tell(struct crowd_client *c, enum crowd_kind kind)
{
    struct crowd *crowd = c->crowd;
    pthread_mutex_lock(&crowd->mutex);
    crowd->told[kind]++;
    pthread_cond_broadcast(&crowd->more);
    pthread_mutex_unlock(&crowd->mutex);
}

static void tell_refusal(struct crowd_client *c, int reason)
{
    struct crowd *crowd = c->crowd;
    pthread_mutex_lock(&crowd->mutex);
    crowd->busy += reason == -ERR_BUSY;
    crowd->unavailable += reason == -ERR_UNAVAILABLE;
    pthread_mutex_unlock(&crowd->mutex);
}

/* ---- its thread -------------------------------------------------------------------- */

static int move_money(struct crowd_client *c)
{
    uint64_t whose = 1 + random_below(&c->random, NAMES - 1);
    return crowd_client_move_money(c, c->crowd->clients[whose].account);
}

static int act(struct crowd_client *c)
{
    if (zex_client_in_flight(c->connection) >= CROWD_WINDOW)
        return ZEX_OK;
    if (c->index == OPERATOR) /* not at each turn: a venue keeps all references */
        return random_chance(&c->random, 500000) ? move_money(c) : ZEX_OK;
    if (random_chance(&c->random, 2000))
        return restart(c, c->lives_left > 0 && random_chance(&c->random, 300000));
    return crowd_client_trade(c);
}

static void *live(void *argument)
{
    struct crowd_client *c = argument;
    int status = ZEX_OK;
    int64_t next_ms = clock_mono_ms();
    while (status == ZEX_OK && !atomic_load(&c->crowd->is_over)) {
        int wait_ms = (int)(next_ms - clock_mono_ms());
        if (wait_ms <= 0) {
            status = act(c);
            next_ms = clock_mono_ms() + c->crowd->pace_ms;
            wait_ms = c->crowd->pace_ms > 0 ? c->crowd->pace_ms : WAIT_MS;
        }
        if (status == ZEX_OK)
            status = crowd_client_take(c, wait_ms); /* sends, too */
    }
    if (status != ZEX_OK)
        fprintf(stderr, "client %u: %s\n", c->index,
                c->connection != NULL ? zex_client_error(c->connection)
                                      : zex_reason_text(status));
    c->is_at_rest = status == ZEX_OK;
    return NULL;
}

/* ---- all of them ------------------------------------------------------------------- */

int crowd_begin(struct crowd *crowd, const char *directory, uint64_t seed, int pace_ms)
{
    int status = ZEX_OK;
    pthread_condattr_t attributes;
    *crowd = (struct crowd){.directory = directory, .pace_ms = pace_ms};
    pthread_mutex_init(&crowd->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&crowd->more, &attributes);
    for (uint32_t i = 0; i < CROWD_CLIENTS && status == ZEX_OK; i++) {
        struct crowd_client *c = &crowd->clients[i];
        c->crowd = crowd;
        c->on_told = tell;
        c->on_refusal = tell_refusal;
        c->index = i;
        c->lives_left = CROWD_LIVES;
        random_init(&c->random, seed * CROWD_CLIENTS + i);
        status = connect_again(c);
        if (status == ZEX_OK)
            status = zex_client_open(c->connection, 10 * OPEN_MS);
        if (status == ZEX_OK)
            status = crowd_client_load(c);
        if (status == ZEX_OK)
            c->account = zex_client_account(c->connection);
    }
    for (uint32_t i = 0; i < CROWD_CLIENTS && status == ZEX_OK; i++)
        if (pthread_create(&crowd->threads[i], NULL, live, &crowd->clients[i]) != 0)
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

static bool join(struct crowd *crowd, struct annals *all)
{
    bool is_whole = true;
    for (uint32_t i = 0; i < CROWD_CLIENTS; i++)
        is_whole = annals_join(all, &crowd->clients[i].annals) == 0 && is_whole;
    return is_whole;
}

bool crowd_end(struct crowd *crowd, int timeout_ms, struct annals *all)
{
    int64_t end_ms = clock_mono_ms() + timeout_ms;
    bool is_known = true;
    atomic_store(&crowd->is_over, true);
    for (uint32_t i = 0; i < CROWD_CLIENTS; i++)
        pthread_join(crowd->threads[i], NULL);
    for (uint32_t i = 0; i < CROWD_CLIENTS; i++) {
        struct crowd_client *c = &crowd->clients[i];
        bool is_drained = crowd_client_drain(c, end_ms);
        if (!is_drained && c->connection != NULL)
            fprintf(stderr, "client %u: %llu commands are not known\n", i,
                    (unsigned long long)zex_client_in_flight(c->connection));
        if (c->alarms + c->gone > 0)
            fprintf(stderr, "client %u: %llu alarms, %llu sessions gone\n", i,
                    (unsigned long long)c->alarms, (unsigned long long)c->gone);
        is_known = is_known && is_drained && c->alarms + c->gone == 0;
    }
    if (is_known &&
        !crowd_client_rest(&crowd->clients[RICH], end_ms, &crowd->rest_gseq)) {
        fprintf(stderr, "the last order is not gone\n");
        is_known = false;
    }
    return join(crowd, all) && is_known;
}

int crowd_balances(struct crowd *crowd, struct annals_balance *balances, uint32_t max,
                   uint32_t *count)
{
    uint32_t last = 2; /* external, fees */
    for (uint32_t i = 0; i < CROWD_CLIENTS; i++)
        if (crowd->clients[i].account > last)
            last = crowd->clients[i].account;
    return crowd_client_balances(&crowd->clients[OPERATOR], last, crowd->rest_gseq,
                                 balances, max, count);
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
