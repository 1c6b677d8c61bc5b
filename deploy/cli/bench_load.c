/* bench_load.c - see bench_load.h. */
#include "deploy/cli/bench_load.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/random.h"
#include "deploy/cli/args.h"
#include "proto/codec.h"
#include "sdk/src/zex_socket.h"

enum {
    SYMBOL = 1,
    ACCOUNT_FIRST = 10,
    LIVE_MAX = 32768, /* open orders a connection remembers */
    FRAME_SIZE = 60000,
    SILENCE_NS = 2000000000,
    CENTRE = 32768,
    SPREAD = 200,
    DONE_TRIES = 1000000,
};

/* One account on one connection. */
struct connection {
    struct zex_socket *socket;
    uint32_t account;
    uint64_t session, n, cl_ord_id;
    uint64_t outstanding;
    uint64_t live[LIVE_MAX]; /* cl_ord_id of open orders, in no order */
    uint32_t live_count;
    uint8_t frame[FRAME_SIZE];
    size_t frame_size;
    uint32_t frame_count;
};

struct bench_load {
    struct random random;
    struct connection connections[BENCH_LOAD_ACCOUNTS];
    struct connection admin;
    uint32_t next;
    uint64_t sent, done, trades, refused;
    bool failed;
};

static void flush(struct connection *c)
{
    while (c->frame_size > 0 && !zex_socket_send(c->socket, c->frame, c->frame_size))
        zex_socket_wait(c->socket, 1);
    c->frame_size = 0;
    c->frame_count = 0;
}

static void put(struct connection *c, const struct msg *m)
{
    size_t size = 0;
    if (FRAME_SIZE - c->frame_size < MESSAGE_BYTES_MAX)
        flush(c);
    if (codec_encode(c->frame + c->frame_size, FRAME_SIZE - c->frame_size, m, &size) == 0)
        c->frame_size += size;
}

static void put_command(struct connection *c, const struct msg *body)
{
    static struct msg m; /* too large to be made anew each time */
    size_t size = 0;
    m.kind = MSG_command;
    m.command.session = c->session;
    m.command.n = ++c->n;
    if (codec_encode(m.command.body, sizeof m.command.body, body, &size) != 0)
        return;
    m.command.body_size = (uint16_t)size;
    put(c, &m);
    c->frame_count++;
    c->outstanding++;
}

/* ---- what comes back --------------------------------------------------------------- */

static void forget(struct connection *c, uint64_t cl_ord_id)
{
    for (uint32_t i = c->live_count; i-- > 0;)
        if (c->live[i] == cl_ord_id) {
            c->live[i] = c->live[--c->live_count];
            return;
        }
}

static void finish(struct bench_load *self, struct connection *c)
{
    c->outstanding--;
    self->done++;
}

static void on_body(struct bench_load *self, struct connection *c, const struct msg *m)
{
    switch (m->kind) {
    case MSG_order_accepted:
        if (c->live_count < LIVE_MAX)
            c->live[c->live_count++] = m->order_accepted.cl_ord_id;
        finish(self, c);
        break;
    case MSG_order_rejected:
    case MSG_cancel_rejected:
    case MSG_admin_rejected:
        self->refused++;
        finish(self, c);
        break;
    case MSG_order_cancelled:
        if (m->order_cancelled.request != 0)
            finish(self, c);
        break;
    case MSG_order_replaced:
        if (c->live_count < LIVE_MAX && m->order_replaced.leaves > 0)
            c->live[c->live_count++] = m->order_replaced.cl_ord_id;
        finish(self, c);
        break;
    case MSG_trade:
        self->trades++;
        if (m->trade.maker_account == c->account && m->trade.maker_leaves == 0)
            forget(c, m->trade.maker_cl_ord_id);
        if (m->trade.taker_account == c->account && m->trade.taker_leaves == 0)
            forget(c, m->trade.taker_cl_ord_id);
        break;
    case MSG_admin_done:
    case MSG_deposit_done:
        if (c->outstanding > 0)
            finish(self, c);
        break;
    default:
        break;
    }
}

static void on_message(struct bench_load *self, struct connection *c, const struct msg *m)
{
    static struct msg body;
    size_t used = 0;
    if (m->kind == MSG_report &&
        codec_decode(m->report.body, m->report.body_size, &body, &used) == 0)
        on_body(self, c, &body);
    else if (m->kind == MSG_opened)
        c->session = m->opened.session;
    else if (m->kind == MSG_refused || m->kind == MSG_conflict ||
             m->kind == MSG_goodbye) {
        if (!self->failed)
            args_fail("the gateway refused a command: reason %u",
                      m->kind == MSG_refused ? m->refused.reason : 0);
        self->failed = true;
    }
}

static bool receive(struct bench_load *self, struct connection *c)
{
    static struct msg m;
    const uint8_t *bytes;
    size_t size, used;
    bool any = false;
    while (zex_socket_receive(c->socket, &bytes, &size)) {
        any = true;
        for (; size > 0 && codec_decode(bytes, size, &m, &used) == 0;
             bytes += used, size -= used)
            on_message(self, c, &m);
    }
    return any;
}

/* ---- setting up -------------------------------------------------------------------- */

static int connect(struct bench_load *self, struct connection *c, const char *gateway,
                   uint32_t account)
{
    struct zex_options options;
    zex_options_init(&options);
    c->account = account;
    if (zex_socket_create(&c->socket) != ZEX_OK ||
        zex_socket_connect(c->socket, &options, gateway) != ZEX_OK)
        return args_fail("cannot connect to %s", gateway);
    put(c, &(struct msg){.kind = MSG_hello, .hello = {.account = account}});
    put(c, &(struct msg){.kind = MSG_client_open,
                         .client_open = {.nonce = random_next(&self->random) >> 2 | 1}});
    flush(c);
    for (uint64_t end = clock_mono_ns() + 5 * (uint64_t)SILENCE_NS;
         c->session == 0 && clock_mono_ns() < end;) {
        zex_socket_wait(c->socket, 10);
        receive(self, c);
    }
    return c->session != 0 ? ARGS_OK : args_fail("no session from %s", gateway);
}

static int settle(struct bench_load *self, struct connection *c)
{
    flush(c);
    for (uint64_t end = clock_mono_ns() + 5 * (uint64_t)SILENCE_NS;
         c->outstanding > 0 && clock_mono_ns() < end && !self->failed;) {
        zex_socket_wait(c->socket, 10);
        receive(self, c);
    }
    if (self->refused > 0 || self->failed || c->outstanding > 0)
        return args_fail("the bench venue could not be set up");
    return ARGS_OK;
}

static void set_up_market(struct connection *admin)
{
    put_command(admin,
                &(struct msg){.kind = MSG_asset_set,
                              .asset_set = {.asset = 1, .name = "USD", .scale = 2}});
    put_command(admin,
                &(struct msg){.kind = MSG_asset_set,
                              .asset_set = {.asset = 2, .name = "COIN", .scale = 0}});
    put_command(admin, &(struct msg){.kind = MSG_symbol_set,
                                     .symbol_set = {.symbol = SYMBOL,
                                                    .name = "COIN-USD",
                                                    .base = 2,
                                                    .quote = 1,
                                                    .price_scale = 2,
                                                    .multiplier = 1,
                                                    .tick = 1,
                                                    .lot = 1,
                                                    .quantity_max = 1000000,
                                                    .notional_max = INT64_C(1) << 50,
                                                    .collar_ppm = 50000,
                                                    .reference_price = CENTRE,
                                                    .maker_ppm = 100,
                                                    .taker_ppm = 500,
                                                    .stp = STP_NONE,
                                                    .trading = TRADING_OPEN}});
}

static int set_up(struct bench_load *self)
{
    struct connection *admin = &self->admin;
    set_up_market(admin);
    for (uint32_t i = 0; i < BENCH_LOAD_ACCOUNTS; i++) {
        uint32_t account = ACCOUNT_FIRST + i;
        struct msg m = {.kind = MSG_account_set,
                        .account_set = {.account = account,
                                        .role = ROLE_TRADER,
                                        .open_orders_max = 1000000}};
        snprintf(m.account_set.name, sizeof m.account_set.name, "bench%u", i);
        put_command(admin, &m);
        for (uint32_t asset = 1; asset <= 2; asset++)
            put_command(admin, &(struct msg){.kind = MSG_deposit,
                                             .deposit = {.account = account,
                                                         .asset = asset,
                                                         .amount = INT64_C(1) << 52,
                                                         .reference = asset}});
    }
    return settle(self, admin);
}

int bench_load_create(struct bench_load **out, const char *gateway, uint64_t seed)
{
    struct bench_load *self = calloc(1, sizeof *self);
    *out = self;
    if (self == NULL)
        return args_fail("out of memory");
    random_init(&self->random, seed);
    int code = connect(self, &self->admin, gateway, ACCOUNT_ADMIN);
    if (code == ARGS_OK)
        code = set_up(self);
    for (uint32_t i = 0; i < BENCH_LOAD_ACCOUNTS && code == ARGS_OK; i++)
        code = connect(self, &self->connections[i], gateway, ACCOUNT_FIRST + i);
    return code;
}

void bench_load_destroy(struct bench_load **load)
{
    struct bench_load *self = *load;
    if (self == NULL)
        return;
    for (uint32_t i = 0; i < BENCH_LOAD_ACCOUNTS; i++)
        zex_socket_destroy(&self->connections[i].socket);
    zex_socket_destroy(&self->admin.socket);
    free(self);
    *load = NULL;
}

/* ---- the flow ---------------------------------------------------------------------- */

static void send_new(struct bench_load *self, struct connection *c)
{
    static struct msg m = {
        .kind = MSG_order_new,
        .order_new = {.symbol = SYMBOL, .ord_type = ORD_TYPE_LIMIT, .tif = TIF_GTC}};
    bool buy = random_below(&self->random, 2) == 0;
    bool cross = random_below(&self->random, 100) < 15;
    int64_t distance = 1 + (int64_t)random_below(&self->random, SPREAD);
    m.order_new.cl_ord_id = ++c->cl_ord_id;
    m.order_new.side = buy ? SIDE_BUY : SIDE_SELL;
    m.order_new.price = CENTRE + (buy != cross ? -distance : distance) / (cross ? 20 : 1);
    m.order_new.quantity = 1 + (int64_t)random_below(&self->random, 100);
    put_command(c, &m);
}

static uint64_t take_live(struct bench_load *self, struct connection *c)
{
    uint32_t i = (uint32_t)random_below(&self->random, c->live_count);
    uint64_t name = c->live[i];
    c->live[i] = c->live[--c->live_count];
    return name;
}

static void send_one(struct bench_load *self, struct connection *c)
{
    uint64_t draw = random_below(&self->random, 100);
    if (c->live_count < 64 || draw < 58) {
        send_new(self, c);
    } else if (draw < 95) {
        uint64_t name = take_live(self, c);
        put_command(c, &(struct msg){.kind = MSG_order_cancel,
                                     .order_cancel = {.cl_ord_id = ++c->cl_ord_id,
                                                      .orig_cl_ord_id = name}});
    } else {
        uint64_t name = take_live(self, c);
        int64_t distance = (int64_t)random_below(&self->random, 2 * SPREAD) - SPREAD;
        put_command(c, &(struct msg){.kind = MSG_order_replace,
                                     .order_replace = {.cl_ord_id = ++c->cl_ord_id,
                                                       .orig_cl_ord_id = name,
                                                       .price = CENTRE + distance,
                                                       .quantity = 50}});
    }
    self->sent++;
}

/* Fills the window, whole frames at a time, one connection after the other. */
static void fill(struct bench_load *self, uint64_t commands, uint32_t window,
                 uint32_t batch)
{
    while (self->sent < commands && self->sent - self->done + batch <= window) {
        struct connection *c = &self->connections[self->next];
        self->next = (self->next + 1) % (window == 1 ? 1 : BENCH_LOAD_ACCOUNTS);
        for (uint32_t i = 0; i < batch && self->sent < commands; i++)
            send_one(self, c);
        flush(c);
    }
}

static bool receive_all(struct bench_load *self)
{
    bool any = false;
    for (uint32_t i = 0; i < BENCH_LOAD_ACCOUNTS; i++)
        any = receive(self, &self->connections[i]) || any;
    return any;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* One command at a time, each timed from its frame to its outcome. */
static int run_single(struct bench_load *self, uint64_t commands, uint64_t *samples)
{
    for (uint64_t i = 0; i < commands && !self->failed; i++) {
        uint64_t begin = clock_mono_ns();
        fill(self, i + 1, 1, 1);
        while (self->done < self->sent && clock_mono_ns() - begin < SILENCE_NS)
            if (!receive(self, &self->connections[0]))
                zex_socket_wait(self->connections[0].socket, 100);
        samples[i] = clock_mono_ns() - begin;
        if (self->done < self->sent)
            return args_fail("a command got no outcome in 2 s");
    }
    qsort(samples, commands, sizeof *samples, compare);
    return self->failed ? ARGS_FAILED : ARGS_OK;
}

static int run_window(struct bench_load *self, uint64_t commands, uint32_t window,
                      uint32_t batch)
{
    uint64_t heard_ns = clock_mono_ns();
    while (self->done < commands && !self->failed) {
        fill(self, commands, window, batch);
        if (receive_all(self)) {
            heard_ns = clock_mono_ns();
            continue;
        }
        for (uint32_t i = 0; i < BENCH_LOAD_ACCOUNTS; i++)
            if (self->connections[i].outstanding > 0) {
                zex_socket_wait(self->connections[i].socket, 1);
                break;
            }
        if (clock_mono_ns() - heard_ns > SILENCE_NS)
            return args_fail("%llu commands got no outcome in 2 s",
                             (unsigned long long)(self->sent - self->done));
    }
    return self->failed ? ARGS_FAILED : ARGS_OK;
}

int bench_load_run(struct bench_load *self, uint64_t commands, uint32_t window,
                   uint32_t batch, struct bench_load_result *result)
{
    uint64_t *samples = window == 1 ? calloc(commands, sizeof *samples) : NULL;
    self->sent = self->done = self->trades = self->refused = 0;
    *result = (struct bench_load_result){.commands = commands};
    uint64_t begin = clock_mono_ns();
    int code = samples != NULL ? run_single(self, commands, samples)
                               : run_window(self, commands, window, batch);
    result->elapsed_ns = clock_mono_ns() - begin;
    result->trades = self->trades;
    result->refused = self->refused;
    if (samples != NULL && code == ARGS_OK) {
        result->p50_ns = samples[commands / 2];
        result->p99_ns = samples[commands * 99 / 100];
    }
    free(samples);
    return code;
}
