/* client.c - one client of the soak: trades by the clock for a while, then ends some way.
 *
 *     client DIRECTORY NAME INDEX LIFE SEED OUTBOX DIARY PERIOD_MS TIME_MS WAY
 *
 * OUTBOX is a file, or - for one in memory. `admin` moves money, the others trade. What
 * it does and is told stands in DIARY, of all that had this outbox. SIGTERM: end cleanly.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/error.h"
#include "proto/codec.h"
#include "tests/chaos/crowd_client.h"
#include "tests/soak/diary.h"
#include "tests/soak/ways.h"

enum {
    ARGUMENTS = 11,
    OPEN_MS = 10000,
    HEAR_MS = 10000,  /* something it has sent must be answered within this */
    ASLEEP_MS = 1000, /* it was stopped meanwhile: no one's fault */
    ACCOUNTS = 16,
    OLD_ORDERS = 64,
    SESSIONS = 2,
};

struct life {
    struct crowd_client client;
    const char *const *words;
    uint32_t accounts[ACCOUNTS], account_count; /* traders; for money */
    int64_t period_ms, end_ms, heard_ms, looked_ms;
    enum way way;
};

static volatile sig_atomic_t must_end;

static void on_signal(int number)
{
    (void)number;
    must_end = 1;
}

static const char *word(const struct life *l, uint32_t i)
{
    return l->words[i];
}

/* ---- begin ------------------------------------------------------------------------- */

static int connect_to(struct life *l)
{
    struct zex_options options;
    zex_options_init(&options);
    options.outbox_path = strcmp(word(l, 6), "-") != 0 ? word(l, 6) : NULL;
    options.silence_ms = 2500;
    int status =
        zex_client_new_in(&l->client.connection, word(l, 1), word(l, 2), &options);
    return status != ZEX_OK ? status : zex_client_open(l->client.connection, OPEN_MS);
}

static int load_accounts(struct life *l)
{
    struct zex_query query = {.kind = QUERY_KIND_ACCOUNTS};
    struct zex_answer answer;
    struct zex_row row;
    struct msg m;
    int status = zex_query(l->client.connection, &query, &answer, OPEN_MS);
    while (status == ZEX_OK && zex_answer_next(&answer, &row))
        if (codec_decode_whole(row.bytes, row.bytes_size, &m) == 0 &&
            m.kind == MSG_account_set && m.account_set.role == ROLE_TRADER &&
            l->account_count < ACCOUNTS)
            l->accounts[l->account_count++] = m.account_set.account;
    return status;
}

/* What those before it left in the market: it is to have as many orders for ever. */
static int sweep(struct life *l)
{
    struct zex_query query = {.kind = ZEX_QUERY_ORDERS, .limit = OLD_ORDERS};
    struct zex_answer answer;
    struct zex_row row;
    uint64_t old[OLD_ORDERS];
    uint32_t count = 0;
    int status = zex_query(l->client.connection, &query, &answer, OPEN_MS);
    while (status == ZEX_OK && count < OLD_ORDERS && zex_answer_next(&answer, &row))
        old[count++] = row.order_id;
    for (uint32_t i = 0; status == ZEX_OK && i < count; i++) {
        status = crowd_client_cancel(&l->client, old[i], 0);
        if (status == ZEX_OK)
            status = crowd_client_take(&l->client, 0);
    }
    return status;
}

static int begin(struct life *l)
{
    struct crowd_client *c = &l->client;
    c->index = (uint32_t)strtoul(word(l, 3), NULL, 10);
    c->life = (uint32_t)strtoul(word(l, 4), NULL, 10);
    c->moved = (uint64_t)c->life << 12; /* references are new in each life */
    c->is_at_rest = true;
    random_init(&c->random, strtoull(word(l, 5), NULL, 10));
    l->period_ms = (int64_t)strtoll(word(l, 8), NULL, 10);
    l->way = (enum way)strtoul(word(l, 10), NULL, 10);
    if (diary_open(&c->annals, word(l, 7)) != 0)
        return ZEX_ERR_MEMORY;
    int status = connect_to(l);
    if (status == ZEX_OK)
        status = crowd_client_load(c);
    if (status != ZEX_OK)
        return status;
    c->account = zex_client_account(c->connection);
    l->looked_ms = l->heard_ms = clock_mono_ms();
    l->end_ms = clock_mono_ms() + (int64_t)strtoll(word(l, 9), NULL, 10);
    return strcmp(word(l, 2), "admin") == 0 ? load_accounts(l) : sweep(l);
}

/* ---- its time ---------------------------------------------------------------------- */

static void on_told(struct crowd_client *c, enum crowd_kind kind)
{
    struct life *l = (struct life *)((char *)c - offsetof(struct life, client));
    (void)kind;
    l->heard_ms = clock_mono_ms();
}

static bool is_silent(struct life *l)
{
    const int64_t now = clock_mono_ms();
    if (zex_client_in_flight(l->client.connection) == 0 || now - l->looked_ms > ASLEEP_MS)
        l->heard_ms = now;
    l->looked_ms = now;
    return now - l->heard_ms > HEAR_MS;
}

static int act(struct life *l)
{
    struct crowd_client *c = &l->client;
    if (zex_client_in_flight(c->connection) >= CROWD_WINDOW)
        return ZEX_OK;
    if (l->account_count == 0)
        return crowd_client_trade(c);
    return crowd_client_move_money(
        c, l->accounts[random_below(&c->random, l->account_count)]);
}

static bool is_over(const struct life *l)
{
    return must_end || clock_mono_ms() >= l->end_ms || l->client.gone > 0 ||
           l->client.annals.count + DIARY_SPARE > DIARY_CALLS;
}

static int live(struct life *l)
{
    int64_t next_ms = clock_mono_ms();
    int status = ZEX_OK;
    while (status == ZEX_OK && !is_over(l)) {
        if (clock_mono_ms() >= next_ms) {
            status = act(l);
            next_ms += l->period_ms;
            if (clock_mono_ms() - next_ms > ASLEEP_MS)
                next_ms = clock_mono_ms();
        }
        const int64_t wait_ms = next_ms - clock_mono_ms();
        if (status == ZEX_OK)
            status = crowd_client_take(&l->client, wait_ms > 0 ? (int)wait_ms : 0);
        if (is_silent(l)) {
            fprintf(stderr, "no answer for %d ms\n", HEAR_MS);
            return ZEX_ERR_TIMEOUT;
        }
    }
    return status;
}

/* ---- its end ----------------------------------------------------------------------- */

/* All is known, then both sessions are closed. */
static int end_cleanly(struct life *l)
{
    struct crowd_client *c = &l->client;
    const int64_t end_ms = clock_mono_ms() + HEAR_MS;
    if (c->gone == 0 && !crowd_client_drain(c, end_ms)) {
        fprintf(stderr, "%llu commands are not known\n",
                (unsigned long long)zex_client_in_flight(c->connection));
        return ZEX_ERR_TIMEOUT;
    }
    int status = zex_client_close(c->connection);
    while (status == ZEX_OK && c->gone < SESSIONS && clock_mono_ms() < end_ms)
        status = crowd_client_take(c, (int)(end_ms - clock_mono_ms()));
    if (c->gone < SESSIONS)
        fprintf(stderr, "%llu of its sessions closed\n", (unsigned long long)c->gone);
    return c->gone < SESSIONS ? ZEX_ERR_TIMEOUT : status;
}

static int end(struct life *l)
{
    if (must_end || l->client.gone > 0)
        return end_cleanly(l);
    if (l->way == WAY_KILLED)
        raise(SIGKILL);
    if (l->way == WAY_STOPS) {
        raise(SIGSTOP);
        l->end_ms = clock_mono_ms() + HEAR_MS; /* and on it goes */
        int status = live(l);
        return status != ZEX_OK ? status : end_cleanly(l);
    }
    return l->way == WAY_LEAVE ? ZEX_OK : end_cleanly(l);
}

int main(int argc, char **argv)
{
    static struct life life;
    struct life *l = &life;
    if (argc != ARGUMENTS)
        return 2;
    signal(SIGTERM, on_signal);
    l->words = (const char *const *)argv;
    l->client.on_told = on_told;
    int status = begin(l);
    if (status == -ERR_CAPACITY || status == ERR_CAPACITY)
        return WAYS_CROWDED;
    if (status == ZEX_OK)
        status = live(l);
    else if (status == ZEX_ERR_CLOSED) /* by the operator, while nobody was there */
        must_end = 1;
    if (status == ZEX_OK || status == ZEX_ERR_CLOSED)
        status = end(l);
    if (status != ZEX_OK)
        fprintf(stderr, "client %s of %s: %s, %s\n", word(l, 3), word(l, 2),
                zex_reason_text(status),
                l->client.connection != NULL ? zex_client_error(l->client.connection)
                                             : "");
    if (l->client.alarms > 0)
        fprintf(stderr, "%llu alarms\n", (unsigned long long)l->client.alarms);
    const bool keeps = l->way == WAY_LEAVE && l->client.gone == 0;
    zex_client_destroy(&l->client.connection);
    if (status != ZEX_OK || l->client.alarms > 0)
        return WAYS_FAILED;
    return keeps && strcmp(word(l, 6), "-") != 0 ? WAYS_AWAY : WAYS_GONE;
}
