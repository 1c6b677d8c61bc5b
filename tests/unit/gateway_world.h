/* gateway_world.h - a gateway, its log, its clients, and the services it asks.
 *
 * Owns:     nothing beyond the desk.
 * Units:    as the messages.
 * Errors:   none; what must not happen fails the test.
 * Threads:  none.
 * Bounds:   those of the desk.
 */
#ifndef GATEWAY_WORLD_H
#define GATEWAY_WORLD_H

#include "tests/unit/desk.h"

#include "services/gateway/gateway_core.h"

enum {
    ALICE = 10, /* traders */
    BOB = 11,
    AUDITOR = 12,
    A = 0x1001, /* handles: one peer each, and a second one of Alice */
    B = 0x1002,
    ADMIN_PEER = 0x1003,
    AUDITOR_PEER = 0x1004,
    A2 = 0x1005,
    SYMBOL = 3, /* in shard 1 */
};

static const struct msg_genesis world_genesis = {
    .log_id = {1, 2, 3},
    .admin_key = {ACCOUNT_ADMIN},
    .version = 1,
    .shards = 2,
    .accounts_max = 32,
    .balances_max = 64,
    .sessions_max = 16,
    .orders_max = 64,
    .levels_max = 64,
    .references_max = 16,
    .dedupe_window = 16,
    .digest_ticks = 600,
};

static const struct core_settings world_settings = {
    .curve = true,
    .window_records = 1000,
    .shard_window_records = 50,
    .order_rate = 100,
    .order_burst = 10,
    .cancel_rate = 1000,
    .cancel_burst = 20,
    .query_rate = 100,
    .query_burst = 40,
    .in_flight_max = 4,
    .heartbeat_ms = 1000,
    .idle_ms = 30000,
    .query_timeout_ms = 2000,
};

/* A client's key starts with the number of its account. */
static inline uint32_t account_of(uint32_t peer)
{
    return peer == B              ? BOB
           : peer == ADMIN_PEER   ? ACCOUNT_ADMIN
           : peer == AUDITOR_PEER ? AUDITOR
                                  : ALICE;
}

static inline void key_of(uint8_t key[32], uint32_t account)
{
    memset(key, 0, 32);
    key[0] = (uint8_t)account;
}

/* The operator's command and, for readers of the log, its confirmation. */
static inline void confirm(struct desk *d, const struct msg *command)
{
    struct msg m = {.kind = MSG_admin_done};
    size_t size = 0;
    m.admin_done.request = d->gseq;
    m.admin_done.account = ACCOUNT_ADMIN;
    assert_int_equal(
        codec_encode(m.admin_done.body, sizeof m.admin_done.body, command, &size), 0);
    m.admin_done.body_size = (uint16_t)size;
    desk_apply(d, -SERVICE_RISK, 1, &m);
}

static inline void set_account(struct desk *d, uint32_t account, uint8_t role)
{
    struct msg m = {.kind = MSG_account_set};
    m.account_set.account = account;
    m.account_set.role = role;
    memcpy(m.account_set.name, "x", 2);
    confirm(d, &m);
}

static inline void set_key(struct desk *d, uint32_t account, uint8_t enabled)
{
    struct msg m = {.kind = MSG_key_set};
    m.key_set.account = account;
    key_of(m.key_set.key, account);
    m.key_set.enabled = enabled;
    confirm(d, &m);
}

static inline void set_symbol(struct desk *d, uint32_t symbol, uint32_t shard)
{
    struct msg m = {.kind = MSG_symbol_set};
    m.symbol_set.symbol = symbol;
    m.symbol_set.shard = shard;
    memcpy(m.symbol_set.name, "AB", 3);
    m.symbol_set.base = 1;
    m.symbol_set.quote = 2;
    m.symbol_set.multiplier = m.symbol_set.tick = m.symbol_set.lot = 1;
    m.symbol_set.quantity_max = m.symbol_set.notional_max = 1000;
    m.symbol_set.collar_ppm = 1;
    m.symbol_set.stp = STP_NONE;
    m.symbol_set.trading = TRADING_OPEN;
    confirm(d, &m);
}

static inline void say_head(struct desk *d, uint64_t next)
{
    struct msg m = {.kind = MSG_head};
    m.head.next = next;
    m.head.chain[7] = 0x77;
    desk_put(d, &m);
}

/* A venue with two traders, an auditor and one symbol; everybody stands at the head. */
static inline struct desk *open_venue(const struct core_settings *settings)
{
    struct desk *d = desk_create(&gateway_core, &world_genesis, settings);
    struct msg m = {.kind = MSG_genesis};
    m.genesis = world_genesis;
    desk_apply(d, 0, 0, &m);
    set_account(d, ALICE, ROLE_TRADER);
    set_account(d, BOB, ROLE_TRADER);
    set_account(d, AUDITOR, ROLE_AUDITOR);
    set_key(d, ALICE, 1);
    set_key(d, BOB, 1);
    set_key(d, AUDITOR, 1);
    set_symbol(d, SYMBOL, 1);
    say_head(d, d->gseq + 1);
    desk_put_position(d, -SERVICE_RISK, 0, 0, d->gseq + 1);
    desk_receive(d, BUS_STREAM, 0, NULL);
    desk_turn(d);
    return d;
}

/* Sends the frame as a client. */
static inline void from(struct desk *d, uint32_t peer)
{
    uint8_t key[32];
    key_of(key, account_of(peer));
    desk_receive(d, BUS_CLIENTS, peer, d->settings.curve ? key : NULL);
    desk_turn(d);
}

/* Sends the frame as the sequencer. */
static inline void from_sequencer(struct desk *d)
{
    desk_receive(d, BUS_SEQUENCER, 0, NULL);
    desk_turn(d);
}

static inline void put_open(struct desk *d, uint64_t nonce)
{
    struct msg m = {.kind = MSG_client_open};
    m.client_open.nonce = nonce;
    desk_put(d, &m);
}

/* The whole way of an OPEN. Returns the session. */
static inline uint64_t open_session(struct desk *d, uint32_t peer, uint64_t nonce)
{
    put_open(d, nonce);
    from(d, peer);
    const struct msg_submit_open open =
        desk_sent(d, BUS_SEQUENCER, 0, MSG_submit_open)->submit_open;
    assert_int_equal(open.account, account_of(peer));
    assert_int_equal(open.nonce, nonce);
    struct msg m = {.kind = MSG_open};
    m.open.account = open.account;
    m.open.nonce = nonce;
    const uint64_t session = desk_apply(d, 0, 0, &m);
    desk_take(d);
    assert_int_equal(desk_sent(d, BUS_CLIENTS, peer, MSG_opened)->opened.session,
                     session);
    return session;
}

static inline struct msg order(uint64_t name)
{
    struct msg m = {.kind = MSG_order_new};
    m.order_new.cl_ord_id = name;
    m.order_new.symbol = SYMBOL;
    m.order_new.side = SIDE_BUY;
    m.order_new.ord_type = ORD_TYPE_LIMIT;
    m.order_new.tif = TIF_GTC;
    m.order_new.price = 100;
    m.order_new.quantity = 1;
    return m;
}

static inline struct msg cancel(uint64_t name)
{
    struct msg m = {.kind = MSG_order_cancel};
    m.order_cancel.cl_ord_id = name;
    return m;
}

static inline void put_command(struct desk *d, uint64_t session, uint64_t n,
                               const struct msg *body)
{
    struct msg m = {.kind = MSG_command};
    size_t size = 0;
    m.command.session = session;
    m.command.n = n;
    assert_int_equal(codec_encode(m.command.body, sizeof m.command.body, body, &size), 0);
    m.command.body_size = (uint16_t)size;
    desk_put(d, &m);
}

static inline void forwarded(struct desk *d, uint64_t session, uint64_t n)
{
    const struct msg *m = desk_sent(d, BUS_SEQUENCER, 0, MSG_submit_command);
    assert_int_equal(m->submit_command.session, session);
    assert_int_equal(m->submit_command.n, n);
}

static inline struct msg_refused refused(struct desk *d, uint32_t peer, int reason)
{
    const struct msg *m = desk_sent(d, BUS_CLIENTS, peer, MSG_refused);
    assert_string_equal(error_name(m->refused.reason), error_name(reason));
    return m->refused;
}

static inline void cut(struct desk *d, uint32_t peer, int reason)
{
    const struct msg *m = desk_sent(d, BUS_CLIENTS, peer, MSG_goodbye);
    assert_string_equal(error_name(m->goodbye.reason), error_name(reason));
    desk_sent(d, 0, peer, 0);
}

/* A report to this account. */
static inline uint64_t report(struct desk *d, uint32_t account)
{
    struct msg m = {.kind = MSG_order_rejected};
    m.order_rejected.order_id = 1;
    m.order_rejected.account = account;
    m.order_rejected.cl_ord_id = 1;
    m.order_rejected.symbol = SYMBOL;
    m.order_rejected.reason = (uint16_t)error_number(ERR_FUNDS);
    return desk_apply(d, -SERVICE_RISK, 1, &m);
}

static inline const struct msg_report *reported(struct desk *d, uint32_t peer,
                                                uint64_t gseq, uint64_t prev)
{
    const struct msg *m = desk_sent(d, BUS_CLIENTS, peer, MSG_report);
    assert_int_equal(m->report.gseq, gseq);
    assert_int_equal(m->report.prev, prev);
    return &m->report;
}

static inline void put_query(struct desk *d, uint8_t kind, uint32_t account)
{
    struct msg m = {.kind = MSG_query};
    m.query.id = 77;
    m.query.kind = kind;
    m.query.account = account;
    m.query.symbol = SYMBOL;
    m.query.limit = 10;
    desk_put(d, &m);
}

static inline void put_answer(struct desk *d, uint64_t id, int reason, uint64_t cursor,
                              uint32_t count)
{
    struct msg m = {.kind = MSG_answer};
    m.answer.id = id;
    m.answer.reason = (uint16_t)error_number(reason);
    m.answer.gseq = d->gseq;
    m.answer.cursor = cursor;
    m.answer.count = count;
    desk_put(d, &m);
}

/* Hands the frame over as the answer of a service. */
static inline void from_service(struct desk *d, uint32_t service)
{
    desk_receive(d, BUS_SERVICE, service, NULL);
    desk_turn(d);
}

#endif
