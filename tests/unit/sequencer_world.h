/* sequencer_world.h - a sequencer, and what gateways and services say to it.
 *
 * Owns:     nothing beyond the desk.
 * Units:    as the messages.
 * Errors:   none; what must not happen fails the test.
 * Threads:  none.
 * Bounds:   those of the desk.
 */
#ifndef SEQUENCER_WORLD_H
#define SEQUENCER_WORLD_H

#include "tests/unit/desk.h"

#include "services/sequencer/sequencer_core.h"

enum { GATEWAY = 7, SERVICE = 9, NEW_LIFE = 12, ACCOUNT = 10, OTHER = 11, WINDOW = 16 };

static const struct msg_genesis world_genesis = {
    .log_id = {1, 2, 3},
    .version = 1,
    .shards = 2,
    .accounts_max = 32,
    .balances_max = 64,
    .sessions_max = 16,
    .orders_max = 64,
    .levels_max = 64,
    .references_max = 16,
    .dedupe_window = WINDOW,
    .digest_ticks = 600,
};

static const struct core_settings world_settings = {
    .window_records = 100,
    .shard_window_records = 50,
};

static inline void check_in(struct desk *d, int64_t source, uint64_t next)
{
    struct msg m = {.kind = MSG_checkin};
    m.checkin.source = source;
    m.checkin.next = next;
    desk_put(d, &m);
    desk_receive(d, BUS_SERVER, SERVICE, NULL);
    desk_turn(d);
}

/* After a start, at a connection of its own. */
static inline void check_in_to_wait(struct desk *d, int64_t source, uint64_t next)
{
    struct msg m = {.kind = MSG_checkin};
    m.checkin = (struct msg_checkin){.source = source, .next = next, .waits_at = next};
    desk_put(d, &m);
    desk_receive(d, BUS_SERVER, NEW_LIFE, NULL);
    desk_turn(d);
}

/* A new log: GENESIS applied, EPOCH and the first TICK appended, intake open. */
static inline struct desk *open_desk(void)
{
    struct desk *d = desk_create(&sequencer_core, &world_genesis, &world_settings);
    struct msg m = {.kind = MSG_genesis};
    m.genesis = world_genesis;
    desk_apply(d, 0, 0, &m);
    desk_turn(d);
    check_in(d, -SERVICE_RISK, 2);
    check_in(d, -SERVICE_SETTLEMENT, 2);
    check_in(d, -SERVICE_PORTFOLIO, 2);
    return d;
}

static inline void put_open(struct desk *d, uint32_t account, uint64_t nonce)
{
    struct msg m = {.kind = MSG_submit_open};
    m.submit_open.account = account;
    m.submit_open.nonce = nonce;
    desk_put(d, &m);
}

static inline void send_frame(struct desk *d)
{
    desk_receive(d, BUS_SERVER, GATEWAY, NULL);
    desk_turn(d);
}

static inline uint64_t open_session(struct desk *d, uint32_t account, uint64_t nonce)
{
    put_open(d, account, nonce);
    send_frame(d);
    return desk_sent(d, BUS_SERVER, GATEWAY, MSG_opened)->opened.session;
}

static inline struct msg order(uint64_t name)
{
    struct msg m = {.kind = MSG_order_new};
    m.order_new.cl_ord_id = name;
    m.order_new.symbol = 1;
    m.order_new.side = SIDE_BUY;
    m.order_new.ord_type = ORD_TYPE_LIMIT;
    m.order_new.tif = TIF_GTC;
    m.order_new.price = 100;
    m.order_new.quantity = 1;
    return m;
}

static inline void put_bytes(struct desk *d, uint64_t session, uint64_t n,
                             uint32_t account, const uint8_t *body, size_t size)
{
    struct msg m = {.kind = MSG_submit_command};
    m.submit_command.session = session;
    m.submit_command.n = n;
    m.submit_command.account = account;
    m.submit_command.body_size = (uint16_t)size;
    if (size > 0)
        memcpy(m.submit_command.body, body, size);
    desk_put(d, &m);
}

static inline void put_command(struct desk *d, uint64_t session, uint64_t n,
                               uint32_t account, const struct msg *body)
{
    uint8_t bytes[BODY_BYTES_MAX];
    size_t size = 0;
    assert_int_equal(codec_encode(bytes, sizeof bytes, body, &size), 0);
    put_bytes(d, session, n, account, bytes, size);
}

/* Sends an order named `n` and returns the gseq it got. */
static inline uint64_t place(struct desk *d, uint64_t session, uint64_t n)
{
    const struct msg m = order(n);
    put_command(d, session, n, ACCOUNT, &m);
    send_frame(d);
    desk_sent_nothing(d);
    assert_int_equal(d->record_count, 1);
    return d->records[0].gseq;
}

static inline const struct msg_refused *refused(struct desk *d, int reason)
{
    const struct msg *m = desk_sent(d, BUS_SERVER, GATEWAY, MSG_refused);
    assert_string_equal(error_name(m->refused.reason), error_name(reason));
    return &m->refused;
}

static inline uint64_t close_session(struct desk *d, uint64_t session, uint64_t n)
{
    const struct msg m = {.kind = MSG_close};
    put_command(d, session, n, ACCOUNT, &m);
    send_frame(d);
    const struct msg *gone = desk_sent(d, BUS_SERVER, GATEWAY, MSG_session_gone);
    assert_int_equal(gone->session_gone.session, session);
    return gone->session_gone.last_n;
}

#endif
